"""The app of `playground`."""

from django.apps import AppConfig


class PlaygroundConfig(AppConfig):
    """`playground`."""

    name = "playground"
