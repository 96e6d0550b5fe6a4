"""The app of `portal.releases`: registers its system checks."""

from django.apps import AppConfig


class ReleasesConfig(AppConfig):
    """`portal.releases`."""

    name = "portal.releases"

    def ready(self) -> None:
        """Register the checks."""
        from portal.releases import checks  # noqa: F401, PLC0415
