"""Addresses of the pages about the API."""

from django.urls import path

from playground.reference import views

app_name = "reference"
urlpatterns = [
    path("", views.index, name="index"),
    path("errors/", views.errors, name="errors"),
]
