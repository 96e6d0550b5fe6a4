"""The app of `portal.console`; it sees to it that the staff's roles exist."""

from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ConsoleConfig(AppConfig):
    """`portal.console`."""

    name = "portal.console"

    def ready(self) -> None:
        """Make the roles after each migrate, once every permission is there.

        Django tells only of apps that have models, which this one has not; so the last of those is heard.
        """
        *_, last = (one for one in apps.get_app_configs() if one.models_module is not None)
        post_migrate.connect(_make_roles, sender=last)


def _make_roles(**_: Any) -> None:
    from portal.accounts.roles import ensure_roles  # noqa: PLC0415 - models are not loaded at import

    ensure_roles()
