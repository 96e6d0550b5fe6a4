"""Addresses of a person's own reports."""

from django.urls import path

from playground.reporting import views

app_name = "reports"
urlpatterns = [
    path("", views.index, name="index"),
    path("new/", views.new, name="new"),
    path("<slug:reference>/", views.report, name="report"),
]
