"""The app of `portal.hub`."""

from django.apps import AppConfig


class HubConfig(AppConfig):
    """`portal.hub`."""

    name = "portal.hub"
