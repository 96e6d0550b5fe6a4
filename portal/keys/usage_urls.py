"""Addresses of usage."""

from django.urls import path

from portal.keys import views

urlpatterns = [path("", views.usage, name="usage")]
