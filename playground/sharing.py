"""Share links: what one leads to, and who may read it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from playground.models import Audience, Generation, ShareLink, ShareLinkQuerySet
from playground.threads import Exchange, Tree
from portal.access.deciding import decide
from portal.access.decision import Action, Decision
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.releases.models import Release, Revision

Reader = User | AnonymousUser
# How long a link works, by the name that forms give it; None: until it is revoked.
EXPIRIES: dict[str, timedelta | None] = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
    "never": None,
}


@dataclass(frozen=True)
class Reading:
    """What somebody may do with a link: read it or not, and why not where it is their access that lacks."""

    is_allowed: bool
    decision: Decision | None = None


def is_working(link: ShareLink, *, at: datetime | None = None) -> bool:
    """Whether it leads anywhere at `at` (None: now): neither revoked nor over."""
    is_over = link.expires_at is not None and link.expires_at <= (at or timezone.now())
    return link.revoked_at is None and not is_over


def reading_of(link: ShareLink, reader: Reader) -> Reading:
    """Whether `reader` may read a working link. The owner always may."""
    if isinstance(reader, User) and reader.pk == link.user_id:
        return Reading(is_allowed=True)
    if link.audience == Audience.PRIVATE:
        return Reading(is_allowed=False)
    if link.audience == Audience.SHOWCASE and is_public(link.conversation.release):
        return Reading(is_allowed=True)
    decision = decide(reader, link.conversation.release, Action.PLAYGROUND)
    return Reading(decision.allowed, decision)


def is_public(release: Release) -> bool:
    """Whether anybody may know of the release, and so of what it says. One query."""
    return Release.objects.public().filter(pk=release.pk).exists()


def showcase_of(release: Release) -> ShareLinkQuerySet:
    """The working links that everyone may read, the newest first; each with its person and its answer."""
    shown = ShareLink.objects.working().filter(audience=Audience.SHOWCASE, conversation__release=release)
    return shown.select_related("user", "at__turn")


def branch_of(link: ShareLink) -> list[Exchange]:
    """What the link shows: all that led to its answer, and the answer. Two queries."""
    return Tree(link.conversation).branch_to(link.at_id)


def require_shareable(answer: Generation) -> None:
    """Refuse what cannot be shared: an answer that is being written, not kept, or that no model gave here."""
    if answer.is_live:
        raise Refusal("answer_not_ended", "Wait until the answer has ended, then share it.")
    if answer.turn.conversation.is_unkept:
        raise Refusal("conversation_not_kept", "A conversation that is not kept cannot be shared.")
    if answer.is_imported:
        raise Refusal(
            "answer_imported", "This answer came with a file: no model gave it here. Share one that did."
        )


def served_revision(release: Release, params: dict[str, Any]) -> Revision | None:
    """The revision to ask for the same answer again; None where the release's own server has it.

    Two queries at most. Raises Refusal when nobody serves it any more.
    """
    wanted = params.get("revision", "")
    current = release.current_revision()
    if wanted == (current.commit if current else ""):
        return None
    served = Revision.objects.served().filter(release=release, commit=wanted).first()
    if served is None:
        raise Refusal(
            "revision_not_served",
            f"Revision {wanted[:7] or 'unknown'} of {release.name} is not served any more, so that nobody can"
            " ask it for the same answer.",
        )
    return served
