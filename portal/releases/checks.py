"""System checks of releases: buckets are named rightly, and somebody can sign in production."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's name

from portal.releases.objectstorage import BadPlace, place
from portal.releases.signing_keys import UnusableKey, current_key, is_readable_by_others


@register()
def buckets_are_addresses(**_: Any) -> list[CheckMessage]:
    """Every bucket in the settings is an address, and delivery from a bucket has one."""
    addresses = [("WEIGHTS_IMPORT_BUCKETS", address) for address in settings.WEIGHTS_IMPORT_BUCKETS]
    if settings.WEIGHTS_BUCKET or settings.WEIGHTS_DELIVERY == "bucket":
        addresses.append(("WEIGHTS_BUCKET", settings.WEIGHTS_BUCKET))
    found: list[CheckMessage] = []
    for name, address in addresses:
        try:
            place(address)
        except BadPlace as refusal:
            found.append(Error(f"{name} is “{address}”.", hint=refusal.sentence, id="portal.E006"))
    return found


@register(Tags.security, deploy=True)
def revisions_can_be_signed(**_: Any) -> list[CheckMessage]:
    """There is a key, it is of the right kind, and only its owner can read it."""
    path = Path(settings.SIGNING_KEY_FILE)
    try:
        key = current_key()
    except UnusableKey as refusal:
        return [Error(refusal.sentence, hint="Run manage.py create_signing_key.", id="portal.E004")]
    if key is None:
        hint = "Run manage.py create_signing_key, or set SIGNING_KEY_FILE."
        return [
            Warning(
                f"Nothing signs for revisions: no key can be read from {path}.", hint=hint, id="portal.W002"
            )
        ]
    if is_readable_by_others(path):
        return [Error(f"Others can read {path}.", hint=f"chmod 600 {path}", id="portal.E005")]
    return []
