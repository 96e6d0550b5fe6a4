"""The app of `portal.console`; it sees to it that the staff's roles exist."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ConsoleConfig(AppConfig):
    """`portal.console`."""

    name = "portal.console"

    def ready(self) -> None:
        """Make the roles after each migrate: this app is the last, so every permission exists by then."""
        post_migrate.connect(_make_roles, sender=self)


def _make_roles(**_: Any) -> None:
    from portal.accounts.roles import ensure_roles  # noqa: PLC0415 - models are not loaded at import

    ensure_roles()
