"""The app of `portal.local`."""

from django.apps import AppConfig


class LocalConfig(AppConfig):
    """`portal.local`."""

    name = "portal.local"
