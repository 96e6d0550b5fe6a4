"""The app of `portal.ledger`."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """`portal.ledger`."""

    name = "portal.ledger"
