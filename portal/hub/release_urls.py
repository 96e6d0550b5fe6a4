"""Addresses of the release pages."""

from django.urls import path

from portal.hub import pages

app_name = "releases"
urlpatterns = [
    path("", pages.index, name="index"),
    path("<slug:slug>/", pages.release, name="release"),
]
