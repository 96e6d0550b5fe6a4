"""The app of `portal.console`."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """`portal.console`."""

    name = "portal.console"
