"""System checks that refuse to run on unsafe or missing settings."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from portal.common import statements


@register(Tags.security, deploy=True)
def secrets_are_set(**_: Any) -> list[CheckMessage]:
    """In production every secret comes from the environment."""
    return [
        Error(
            f"{name} has its development value.",
            hint=f"Set {name} to 50 random characters.",
            id=f"portal.E00{index}",
        )
        for index, name in enumerate(("SECRET_KEY", "KEY_PEPPER"), start=1)
        if getattr(settings, name).startswith("insecure-")
    ]


@register(Tags.security, deploy=True)
def the_address_is_https(**_: Any) -> list[CheckMessage]:
    """In production PORTAL_URL is an https address."""
    if settings.IS_HTTPS:
        return []
    return [Error("PORTAL_URL is not an https:// address.", hint="Set PORTAL_URL.", id="portal.E003")]


@register(Tags.security, deploy=True)
def statements_can_be_signed(**_: Any) -> list[CheckMessage]:
    """The key of receipts and sign-offs, once there is one, is of use and its owner's alone."""
    path = Path(settings.STATEMENT_KEYS) / statements.PRIVATE
    if not path.exists():
        return []
    if path.stat().st_mode & 0o077:
        return [Error(f"Others can read {path}.", hint=f"chmod 600 {path}", id="portal.E008")]
    try:
        statements.public_key()
    except statements.UnusableStatementKey as refusal:
        hint = f"Put the key back, or move {path} away: the next signature makes another."
        return [Error(refusal.sentence, hint=hint, id="portal.E009")]
    return []


@register()
def a_database_is_known(**_: Any) -> list[CheckMessage]:
    """Without DATABASE_URL, and with no portal running here, there is no database to talk to."""
    if settings.DATABASE_URL:
        return []
    hint = "Start the portal with `make run` (then use a second terminal), or set DATABASE_URL."
    return [checks.Warning("No database is configured.", hint=hint, id="portal.W001")]
