"""The app of `portal.keys`."""

from django.apps import AppConfig


class KeysConfig(AppConfig):
    """`portal.keys`."""

    name = "portal.keys"
