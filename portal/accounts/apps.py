"""The app of `portal.accounts`."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """`portal.accounts`."""

    name = "portal.accounts"

    def ready(self) -> None:
        """Connect the ledger to allauth's signals."""
        from portal.accounts import signals  # noqa: F401, PLC0415
