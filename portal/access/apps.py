"""The app of `portal.access`."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """`portal.access`."""

    name = "portal.access"
