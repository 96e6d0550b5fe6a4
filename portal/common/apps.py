"""The shared floor's app: registers the system checks."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    """`portal.common`."""

    name = "portal.common"

    def ready(self) -> None:
        """Register the checks."""
        from portal.common import checks  # noqa: F401, PLC0415
