"""The app of `portal.events`."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """`portal.events`."""

    name = "portal.events"
