"""What a single release needs beyond the policy: its revisions to come must pass it."""

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import Release, Requirement


@transaction.atomic
def require(
    release: Release,
    *,
    suite: str,
    metric: str,
    threshold: float,
    reason: str,
    by: User | None,
    address: str | None = None,
) -> Requirement:
    """Demand `metric` of `suite` to be at least `threshold` of every revision that is frozen from now on.

    What is open stays open. Asking for the same again changes nothing.
    """
    wanted = {"release": release, "suite": suite, "metric": metric}
    made, is_new = Requirement.objects.live().get_or_create(
        **wanted, defaults={"threshold": threshold, "reason": reason}
    )
    if is_new:
        data = {"suite": suite, "metric": metric, "threshold": threshold, "reason": reason}
        record(Verb.RELEASE_REQUIREMENT_MADE, subject=release, by=by, data=data, address=address)
    return made


@transaction.atomic
def lift(requirement: Requirement, *, reason: str, by: User | None, address: str | None = None) -> None:
    """Demand it no more. Lifting it twice changes nothing."""
    live = Requirement.objects.live().filter(pk=requirement.pk)
    if live.update(lifted_at=timezone.now()):
        data = {"suite": requirement.suite, "metric": requirement.metric, "reason": reason}
        release = requirement.release
        record(Verb.RELEASE_REQUIREMENT_LIFTED, subject=release, by=by, data=data, address=address)
