"""What the organisation demands of every release: read from the policy in force, or put in force."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.common import statements
from portal.common.refusals import Refusal
from portal.ledger.actions import record
from portal.ledger.verbs import Verb
from portal.releases.models import SafetyPolicy

TYPE = "safety-policy/v1"
# A sign-off that holds for longer than this was forgotten, not renewed.
DAYS_MAX = 730
PEOPLE_MIN = 2


@dataclass(frozen=True)
class Demand:
    """One evaluation: `metric` of `suite` is at least `threshold`, or with `is_at_most` at most so much.

    A `suite_sha256` asks for exactly that version of the suite; "" takes any.
    """

    suite: str
    metric: str
    threshold: float
    is_at_most: bool = False
    suite_sha256: str = ""

    def is_met_by(self, value: float | None) -> bool:
        """Whether a measured value is good enough; a missing one is not."""
        if value is None:
            return False
        return value <= self.threshold if self.is_at_most else value >= self.threshold

    @property
    def words(self) -> str:
        """The demand for a person.

        >>> Demand("refusal", "pass_rate", 0.9).words
        'refusal: pass_rate of at least 0.9'
        """
        return (
            f"{self.suite}: {self.metric} of at {'most' if self.is_at_most else 'least'} {self.threshold:g}"
        )


@dataclass(frozen=True)
class RoleDemand:
    """A sign-off by somebody with the role of that name, which holds for so many days."""

    role: str
    days: int

    @property
    def lasts(self) -> timedelta:
        """How long a sign-off holds at most."""
        return timedelta(days=self.days)


@dataclass(frozen=True)
class Terms:
    """What a policy says, in words that a program reads."""

    title: str
    evaluations: tuple[Demand, ...] = ()
    sign_offs: tuple[RoleDemand, ...] = ()
    needs_report: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is demanded at all."""
        return not (self.evaluations or self.sign_offs or self.needs_report)


def terms_of(policy: SafetyPolicy) -> Terms | None:
    """What `policy` says; None when it is not what this portal signed."""
    facts = policy.facts if policy.is_genuine else {}
    if facts.get("type") != TYPE or facts.get("number") != policy.number:
        return None
    return Terms(
        title=facts["title"],
        evaluations=tuple(Demand(**one) for one in facts["evaluations"]),
        sign_offs=tuple(RoleDemand(**one) for one in facts["sign_offs"]),
        needs_report=facts["needs_report"],
    )


def in_force() -> SafetyPolicy | None:
    """The policy that binds now; None before the first. One query."""
    return SafetyPolicy.objects.in_force().first()


@transaction.atomic
def put_in_force(
    terms: Terms, *, by: User | None, seen_number: int | None = None, address: str | None = None
) -> SafetyPolicy:
    """Bind every release by `terms` from now on; releases that do not meet them are shut at once.

    `seen_number` is the number of the policy that the author set out from (None: whatever it is).

    Raises Refusal for terms that contradict themselves, and when another policy was put in force meanwhile.
    """
    require_sound(terms)
    before = SafetyPolicy.objects.in_force().select_for_update().first()
    number = before.number if before else 0
    if seen_number is not None and seen_number != number:
        raise Refusal(
            "policy_changed", "Somebody put another policy in force since you read it. Read that one first."
        )
    policy = stated(terms, number=number + 1, by=by)
    try:
        with transaction.atomic():
            policy.save(force_insert=True)
    except IntegrityError as error:
        raise Refusal("policy_changed", "Somebody put another policy in force at this moment.") from error
    facts = {"number": policy.number, "digest": policy.digest, **asdict(terms)}
    record(Verb.SAFETY_POLICY_IN_FORCE, subject=policy, by=by, data=facts, address=address)
    return policy


def stated(terms: Terms, *, number: int, by: User | None = None) -> SafetyPolicy:
    """A signed policy of that number, not saved yet."""
    at = timezone.now()
    signed = statements.sign({"type": TYPE, "number": number, "in_force_from": at, **asdict(terms)})
    return SafetyPolicy(
        number=number,
        statement=signed.statement,
        digest=statements.digest(signed.statement),
        signature=signed.signature,
        key_id=signed.key_id,
        put_in_force_by=by,
        put_in_force_at=at,
    )


def require_sound(terms: Terms) -> None:
    """Raise Refusal for terms that nobody could meet or that would mean nothing."""
    if terms.is_empty:
        return
    roles = [one.role for one in terms.sign_offs]
    if len(roles) < PEOPLE_MIN or len(set(roles)) != len(roles):
        raise _unsound("Name at least two different roles: two people sign for every release.")
    if any(not 1 <= one.days <= DAYS_MAX for one in terms.sign_offs):
        raise _unsound(f"A sign-off holds for 1 to {DAYS_MAX} days.")
    asked = [(one.suite, one.metric) for one in terms.evaluations]
    if not all(suite and metric for suite, metric in asked) or _repeats(asked):
        raise _unsound("Name a suite and a metric for every evaluation, and each only once.")


def _repeats(items: Sequence[Any]) -> bool:
    return len(set(items)) != len(items)


def _unsound(sentence: str) -> Refusal:
    return Refusal("unsound_policy", sentence, status=422)
