"""Addresses of usage."""

from django.urls import path

from portal.keys import usage_views

urlpatterns = [
    path("", usage_views.usage, name="usage"),
    path("usage.csv", usage_views.export, name="usage_export"),
]
