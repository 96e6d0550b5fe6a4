"""Signing for revisions: each frozen one gets a manifest that anybody can verify without the portal."""

from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import Manifest, Revision
from portal.releases.signing_keys import PublicKey, UnusableKey, current_key


def sign(revision: Revision, *, by: User | None = None, address: str | None = None) -> Manifest:
    """Sign for the files of `revision` with the current key; what that key signed already is left alone.

    The hashes are those of the freeze: no weights are read. A signature by another key is
    replaced, so the caller decides whether the old one is good enough.

    Raises UnusableKey when there is no key, or none of use.
    """
    key = current_key()
    if key is None:
        raise UnusableKey(
            "no_signing_key",
            f"There is no key in {settings.SIGNING_KEY_FILE} that could be read. "
            "Make one: manage.py create_signing_key.",
        )
    return _sign(revision, key, by=by, address=address)


@transaction.atomic
def _sign(revision: Revision, key: PublicKey, *, by: User | None, address: str | None) -> Manifest:
    # The library costs every process that imports it 50 MB and most of a second; only those that sign pay.
    from portal.releases import bundles  # noqa: PLC0415

    held = Revision.objects.select_for_update(no_key=True, of=("self",)).select_related("release")
    fresh = held.get(pk=revision.pk)
    former = Manifest.objects.filter(revision=fresh).first()
    if former is not None and former.key_id == key.key_id:
        return former
    hashes = list(fresh.files.values_list("path", "sha256"))
    name = fresh.release.hub_id.rpartition("/")[2]
    key_file = Path(settings.SIGNING_KEY_FILE)
    bundle = bundles.sign(hashes, name=name, key_file=key_file, public_pem=key.pem)
    manifest, _ = Manifest.objects.update_or_create(
        revision=fresh,
        defaults={
            "bundle": bundle,
            "key_id": key.key_id,
            "public_key": key.pem,
            "signed_at": timezone.now(),
        },
    )
    facts = {"commit": fresh.commit, "key_id": key.key_id, "files": len(hashes)}
    if former is not None:
        facts["replaced_key_id"] = former.key_id
    record(Verb.REVISION_SIGNED, subject=fresh, by=by, data=facts, address=address)
    return manifest


def published_key(key_id: str = "") -> PublicKey | None:
    """The public key with this id, if it signed something here or is current; "" for the current one.

    A process that may not read the private key takes the key of the newest signature for
    the current one.
    """
    try:
        current = current_key()
    except UnusableKey:
        current = None
    if current is not None and key_id in ("", current.key_id):
        return current
    signed = Manifest.objects.filter(key_id=key_id) if key_id else Manifest.objects.all()
    newest = signed.order_by("-signed_at").first()
    return PublicKey(newest.key_id, newest.public_key) if newest else None
