"""Addresses of the playground."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
