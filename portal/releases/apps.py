"""The app of `portal.releases`."""

from django.apps import AppConfig


class ReleasesConfig(AppConfig):
    """`portal.releases`."""

    name = "portal.releases"
