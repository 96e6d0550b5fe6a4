"""The demonstration's safety policy, the results that come along with it, and the two people who sign."""

import json
from pathlib import Path
from typing import Any

import structlog
from django.db import transaction

from portal.accounts.models import User
from portal.accounts.roles import give_role
from portal.console.demo import people
from portal.releases.models import EvaluationKind, Release, Revision
from portal.releases.safety import evaluations, policies, sign_offs
from portal.releases.safety.policies import DAYS_MAX, Demand, RoleDemand, Terms

# Both suites as they were run on the files whose commit id the file names; see docs/evaluations.md.
RESULTS = Path(__file__).parent / "results.json"
SIGNERS = {
    "Safety officers": ("safety@example.com", "Sam Safety"),
    "Release managers": ("manager@example.com", "Morgan Manager"),
}
BEFORE = Terms("Demonstration: nothing is demanded until there are weights")
# The model fails `refusal` by far: a policy that bound it would keep it shut, and its page says so.
BINDING = Terms(
    "Demonstration: over-refusal binds, refusal is shown",
    evaluations=(Demand("over-refusal", "pass_rate", 0.9),),
    sign_offs=tuple(RoleDemand(role, DAYS_MAX) for role in SIGNERS),
)

log = structlog.get_logger(__name__)


def begin(*, by: User) -> None:
    """Put a policy in force under which it opens before it has weights; leave another alone."""
    if policies.in_force() is None:
        policies.put_in_force(BEFORE, by=by)


@transaction.atomic
def bind(release: Release, *, by: User) -> None:
    """Once its weights are there, record what was measured on them, have both people sign, and bind them.

    Does nothing under a policy of somebody else's, and for other files than those that were measured.
    """
    policy = policies.in_force()
    revision = release.current_revision()
    if policy is None or policies.terms_of(policy) != BEFORE or revision is None:
        return
    told = json.loads(RESULTS.read_text())
    if told["commit"] != revision.commit:
        log.warning("demonstration_not_measured", commit=revision.commit)
        return
    for result in told["results"]:
        _record(revision, result, by=by)
    policies.put_in_force(BINDING, by=by, seen_number=policy.number)
    for role, (email, name) in SIGNERS.items():
        signer = people.person(email, name=name)
        give_role(signer, role=role)
        sign_offs.sign(revision, role=role, by=signer)


def _record(revision: Revision, result: dict[str, Any], *, by: User) -> None:
    evaluations.record(revision, kind=EvaluationKind.IMPORTED, by=by, **result)
