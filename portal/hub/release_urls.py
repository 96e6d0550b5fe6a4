"""Addresses of the release pages."""

from django.urls import path

from portal.hub import manifests, pages

app_name = "releases"
urlpatterns = [
    path("", pages.index, name="index"),
    path("<slug:slug>/", pages.release, name="release"),
    path("<slug:slug>/<slug:commit>/model.sig", manifests.bundle, name="bundle"),
]
