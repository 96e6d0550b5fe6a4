"""Yanking: a revision that nobody should start with any more, though who has it may fetch it again."""

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import Release, Revision
from portal.releases.reasons import REASON_CHARACTERS_MAX, WHY_AND_WHAT_INSTEAD, required_line
from portal.releases.safety.promoting import may_become_current

SHORTER_FOR_TERMINALS = f"Say it in {REASON_CHARACTERS_MAX} characters: terminals show it."


@transaction.atomic
def yank(revision: Revision, *, reason: str, by: User | None, address: str | None = None) -> Revision | None:
    """Yank `revision`, for good: it is served by its commit id with `reason` as a warning to people.

    Where it was current under its name, the newest revision of that name that may be given out
    becomes current again and is returned. If there is none it stays current, and is None returned.

    Raises Refusal without a reason, with one too long, and for a revision that is yanked already.
    """
    text = required_line(reason, asked=WHY_AND_WHAT_INSTEAD, shorter=SHORTER_FOR_TERMINALS)
    # A freeze locks the same row before it changes what is current.
    release = Release.objects.select_for_update(no_key=True).get(pk=revision.release_id)
    fresh = release.revisions.get(pk=revision.pk)
    if fresh.yanked_at is not None:
        raise Refusal("revision_yanked", f"The revision {fresh.commit[:12]} has been yanked already.")
    rows = release.revisions.filter(pk=fresh.pk)
    rows.update(yanked_at=timezone.now(), yank_reason=text)
    instead = successor(fresh)
    if instead is not None:
        rows.update(is_current=False)
        release.revisions.filter(pk=instead.pk).update(is_current=True)
    revision.refresh_from_db()
    facts = {
        "commit": fresh.commit,
        "revision": fresh.name,
        "reason": text,
        "was_current": fresh.is_current,
        "current_instead": instead.commit if instead else None,
    }
    record(Verb.REVISION_YANKED, subject=fresh, by=by, data=facts, address=address)
    return instead


def successor(revision: Revision) -> Revision | None:
    """The revision that a yank of this one makes current under its name; None if it makes none.

    One query, and two for each candidate of an open release.
    """
    if not revision.is_current:
        return None
    others = Revision.objects.filter(release_id=revision.release_id, name=revision.name, yanked_at=None)
    older = others.exclude(pk=revision.pk).select_related("release").order_by("-frozen_at", "-pk")
    return next((one for one in older if may_become_current(one.release, one)), None)
