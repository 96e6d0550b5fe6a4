"""`decide` for one release, and its twin for lists of releases."""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from portal.access.decision import Action, Decision, Gate
from portal.access.facts import Person, account_facts, facts_of, licence_facts
from portal.access.gates import account_gates, all_gates, licence_current
from portal.accounts.models import User
from portal.admissions.models import approvals_of
from portal.common.refusals import Refusal
from portal.events.models import Registration
from portal.licensing.models import Acceptance
from portal.releases.models import SHOWABLE, Release, ReleaseQuerySet, ReleaseStatus, Revision
from portal.releases.safety.clearing import unclear


def decide(
    user: Person,
    release: Release,
    action: Action,
    *,
    revision: Revision | None = None,
    at: datetime | None = None,
) -> Decision:
    """May `user` do `action` with `release` at `at` (None: now)? At most seven queries.

    With `revision`, with exactly that one of it (None: what it gives out now).
    """
    facts = facts_of(user, release, revision=revision, at=at)
    return Decision(
        release=release,
        action=action,
        gates=all_gates(facts, release=release, action=action),
        reference=facts.application.reference if facts.application else "",
    )


def account_refusal(user: Person) -> Refusal | None:
    """Why the account of `user` opens no door at all, whatever the release; None when it may. One query."""
    shut = (gate for gate in account_gates(account_facts(user)) if not gate.passed)
    return next((gate.refusal() for gate in shut), None)


def closing_gates(user: User, release: Release, *, at: datetime | None = None) -> tuple[Gate, ...]:
    """The gates that `user` has passed and that will shut on a day, unless they do something. One query."""
    gate = licence_current(licence_facts(user, release, at=at), release)
    return (gate,) if gate.passed and gate.shuts_at is not None else ()


def releases_allowed(user: Person, action: Action, *, at: datetime | None = None) -> ReleaseQuerySet:
    """The releases with which `decide` allows `user` to do `action`; three queries at most beforehand."""
    if not isinstance(user, User) or not user.is_active or not user.has_verified_email():
        return Release.objects.none()
    moment = at or timezone.now()
    accepted = Acceptance.objects.counting(at=moment).filter(user=user, version__licence=OuterRef("licence"))
    approved = approvals_of(user.pk).filter(programme__releases=OuterRef("pk"))
    opened = Q(Exists(approved), status=ReleaseStatus.OPEN)
    if action == Action.PLAYGROUND:
        passes = Registration.objects.passes(at=moment).filter(user=user, event__prototypes=OuterRef("pk"))
        opened |= Q(Exists(passes), is_event_prototype=True, status__in=SHOWABLE)
    unpaused = Release.objects.filter(paused_at=None).exclude(pk__in=unclear(at=moment))
    return unpaused.filter(Exists(accepted)).filter(opened)
