"""The app of `portal.licensing`."""

from django.apps import AppConfig


class LicensingConfig(AppConfig):
    """`portal.licensing`."""

    name = "portal.licensing"
