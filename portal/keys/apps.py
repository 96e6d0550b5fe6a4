"""The app of `portal.keys`: registers its system checks."""

from django.apps import AppConfig


class KeysConfig(AppConfig):
    """`portal.keys`."""

    name = "portal.keys"

    def ready(self) -> None:
        """Register the checks."""
        from portal.keys import checks  # noqa: F401, PLC0415
