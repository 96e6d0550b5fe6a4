"""Promoting: the revision that an open release gives out under a name changes only to one that is clear."""

from django.db import transaction

from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import Release, ReleaseStatus, Revision
from portal.releases.safety.clearing import Clearance, clearance_of


class NotClear(Refusal):
    """The safety policy is not met; the sentence names the first thing that is missing."""


def require_clear(clearance: Clearance, *, noun: str) -> None:
    """Raise NotClear unless the clearance is; `noun` says of what."""
    if not clearance.is_clear:
        more = len(clearance.hindrances) - 1
        rest = f" And {more} more." if more else ""
        raise NotClear("not_clear", f"{noun} is not cleared. {clearance.hindrances[0].sentence}{rest}")


def may_become_current(release: Release, revision: Revision) -> bool:
    """Whether a revision may be given out at once: not by an open release before it is clear."""
    return release.status != ReleaseStatus.OPEN or clearance_of(release, revision).is_clear


def waiting(release: Release) -> list[Revision]:
    """The revisions frozen after the current one of their name, which are not given out yet. One query."""
    rows = list(release.revisions.filter(yanked_at=None).order_by("-frozen_at", "-pk"))
    current = {row.name: row for row in rows if row.is_current}
    return [row for row in rows if row.name in current and row.frozen_at > current[row.name].frozen_at]


@transaction.atomic
def promote(revision: Revision, *, by: User | None, address: str | None = None) -> None:
    """Give `revision` out under its name from now on.

    Raises NotClear while the policy is not met, and Refusal when it is current or yanked.
    """
    release = Release.objects.select_for_update(no_key=True).get(pk=revision.release_id)
    row = release.revisions.get(pk=revision.pk)
    if row.is_current:
        raise Refusal("revision_current", f"{row.commit[:12]} is what {row.name} is already.")
    if row.yanked_at is not None:
        raise Refusal("revision_yanked", f"{row.commit[:12]} was yanked: {row.yank_reason}")
    require_clear(clearance_of(release, row), noun=f"The revision {row.commit[:12]}")
    before = release.revisions.filter(name=row.name, is_current=True)
    data = {
        "commit": row.commit,
        "revision": row.name,
        "before": list(before.values_list("commit", flat=True)),
    }
    before.update(is_current=False)
    release.revisions.filter(pk=row.pk).update(is_current=True)
    revision.is_current = True
    record(Verb.REVISION_PROMOTED, subject=row, by=by, data=data, address=address)
