"""Pausing a release: every door shuts at once, and opens again where it stood."""

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import Release, ReleaseStatus
from portal.releases.reasons import required_line


@transaction.atomic
def pause(release: Release, *, reason: str, by: User | None, address: str | None = None) -> None:
    """Shut every door of `release` until it is resumed; `reason` is shown to whom it shuts out.

    Raises Refusal without a reason, and for a release that is paused or withdrawn already.
    """
    text = required_line(reason)
    row = Release.objects.select_for_update(no_key=True).get(pk=release.pk)
    if row.status == ReleaseStatus.WITHDRAWN:
        raise Refusal("release_withdrawn", f"{row} has been withdrawn: its doors are shut for good.")
    if row.paused_at is not None:
        raise Refusal("release_paused", f"{row} is paused already: {row.pause_reason}")
    _write(release, row, paused_at=timezone.now(), pause_reason=text)
    record(Verb.RELEASE_PAUSED, subject=row, by=by, data={"reason": text}, address=address)


@transaction.atomic
def resume(release: Release, *, by: User | None, address: str | None = None) -> None:
    """End the pause; the other gates stand as they did. Raises Refusal for a release that is not paused."""
    row = Release.objects.select_for_update(no_key=True).get(pk=release.pk)
    if row.paused_at is None:
        raise Refusal("release_not_paused", f"{row} is not paused.")
    data = {"paused_at": row.paused_at, "reason": row.pause_reason}
    _write(release, row, paused_at=None, pause_reason="")
    record(Verb.RELEASE_RESUMED, subject=row, by=by, data=data, address=address)


def _write(release: Release, row: Release, **changes: object) -> None:
    for one in (row, release):
        for name, value in changes.items():
            setattr(one, name, value)
    row.save(update_fields=list(changes))
