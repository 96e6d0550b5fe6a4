"""Over random histories no path opens what the policy forbids: not by the verbs, and not by SQL."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.access.deciding import decide, releases_allowed
from portal.access.decision import Action
from portal.common.refusals import Refusal
from portal.releases import actions
from portal.releases.models import Release, ReleaseStatus
from portal.releases.safety import evaluations, policies, promoting, requirements, sign_offs
from portal.releases.safety.clearing import clearance_of
from portal.releases.safety.policies import Demand, RoleDemand, Terms
from tests import cast
from tests.safety import cleared
from tests.safety.cleared import MANAGER, OFFICER

SUITES = ("refusal", "over-refusal")
ROLES = (OFFICER, MANAGER)
TERMS = (
    Terms("Nothing"),
    cleared.TERMS,
    Terms("Two", tuple(Demand(suite, "pass_rate", 0.9) for suite in SUITES), cleared.TERMS.sign_offs),
    Terms("Short", cleared.TERMS.evaluations, (RoleDemand(OFFICER, 20), RoleDemand(MANAGER, 20))),
    Terms("Report", cleared.TERMS.evaluations, cleared.TERMS.sign_offs, needs_report=True),
)
STEPS = st.one_of(
    st.tuples(st.just("freeze")),
    st.tuples(st.just("evaluate"), st.sampled_from(SUITES), st.sampled_from([0.5, 0.95])),
    st.tuples(st.just("report")),
    st.tuples(st.just("withdraw_evaluation"), st.integers(0, 3)),
    st.tuples(st.just("sign"), st.sampled_from(ROLES), st.sampled_from([None, 10])),
    st.tuples(st.just("withdraw_sign_off"), st.integers(0, 3)),
    st.tuples(st.just("policy"), st.integers(0, len(TERMS) - 1)),
    st.tuples(st.just("require"), st.sampled_from(SUITES)),
    st.tuples(st.just("licence")),
    st.tuples(st.just("promote"), st.integers(0, 2)),
    st.tuples(st.just("move"), st.sampled_from(["send_to_evaluation", "clear", "open_release"])),
    st.tuples(st.just("sql"), st.sampled_from(["open", "cleared"])),
)
# Most histories should get somewhere: they begin where everything is there but for a step or two.
BEGINNINGS = st.sampled_from(
    [
        [],
        [("freeze",), ("policy", 1), ("evaluate", "refusal", 0.95)],
        [
            ("freeze",),
            ("policy", 1),
            ("evaluate", "refusal", 0.95),
            ("sign", OFFICER, None),
            ("sign", MANAGER, 10),
            ("move", "clear"),
            ("move", "open_release"),
        ],
    ]
)


@dataclass
class World:
    """A release, the people who sign, and what an outsider would have written down of its history."""

    release: Release
    people: dict[str, object]
    terms: Terms = TERMS[0]
    # Revision -> its evaluations as (suite, value, row), and its sign-offs as (role, until, at, rows, row).
    results: dict[int, list] = field(default_factory=dict)
    signatures: dict[int, list] = field(default_factory=dict)
    own: list = field(default_factory=list)
    frozen: list = field(default_factory=list)

    def may_be_open(self, at):
        """What the policy says in plain words, computed from the notes alone."""
        own = [Demand(suite, "pass_rate", 0.9) for suite, since in self.own if self.newest_is_after(since)]
        demands = [*self.terms.evaluations, *own]
        if not demands and self.terms.is_empty:
            return True
        if not self.frozen:
            return False
        revision = self.release.current_revision()
        live = [one for one in self.results.get(revision.pk, []) if one[2].withdrawn_at is None]
        suites = {suite: (value, row) for suite, value, row in live}
        if self.terms.needs_report and "report" not in suites:
            return False
        if any(suites.get(one.suite, (0, None))[0] < one.threshold for one in demands):
            return False
        return all(self.is_signed(one, revision, demands, live, at) for one in self.terms.sign_offs)

    def newest_is_after(self, since):
        revision = self.release.current_revision()
        return revision is not None and revision.frozen_at > since

    def is_signed(self, demand, revision, demands, live, at):
        rows = {row.pk for *_, row in live}
        for role, signed_at, until, rests_on, row in self.signatures.get(revision.pk, []):
            if role != demand.role or row.withdrawn_at is not None:
                continue
            in_time = at < until and at < signed_at + timedelta(days=demand.days)
            withdrawals = [
                one.withdrawn_at for *_, one in self.results.get(revision.pk, []) if one.withdrawn_at
            ]
            in_time = in_time and all(withdrawn_at <= signed_at for withdrawn_at in withdrawals)
            good = {suite for suite, value, one in live if one.pk in rests_on and value >= 0.9}
            covers = {one.suite for one in demands} <= good
            reported = not self.terms.needs_report or "report" in good
            if in_time and rests_on <= rows and covers and reported:
                return True
        return False


def step(world, name, *arguments):
    """Take one step of a history; whatever is refused changes nothing."""
    try:
        with transaction.atomic():
            STEP[name](world, *arguments)
    except (Refusal, DatabaseError):
        world.release.refresh_from_db()


def freeze(world):
    number = len(world.frozen)
    at = timezone.now() + timedelta(seconds=number)
    is_current = world.release.status != ReleaseStatus.OPEN or not world.frozen
    world.frozen.append(
        cleared.freeze(world.release, content="0123456789abcdef"[number % 16], is_current=is_current, at=at)
    )


def newest(world):
    if not world.frozen:
        raise Refusal("none", "There is no revision.")
    return world.frozen[-1]


def evaluate(world, suite, value):
    revision = newest(world)
    row = cleared.evaluate(revision, value, suite=suite)
    world.results.setdefault(revision.pk, []).append((suite, value, row))


def report(world):
    revision = newest(world)
    row = evaluations.record_report(revision, cleared.REPORT, by=None)
    world.results.setdefault(revision.pk, []).append(("report", 1, row))


def withdraw_evaluation(world, index):
    rows = world.results.get(newest(world).pk, [])
    if index < len(rows):
        row = rows[index][2]
        row.withdrawn_at = evaluations.withdraw(row, reason="A flaw.", by=None).withdrawn_at


def sign(world, role, days):
    revision = newest(world)
    row = sign_offs.sign(revision, role=role, by=world.people[role], days=days)
    kept = world.signatures.setdefault(revision.pk, [])
    for known in kept:
        known[4].refresh_from_db()
    own = world.results[revision.pk]
    counted = set(sign_offs.counted(clearance_of(world.release, revision)))
    rests_on = {one.pk for *_, one in own if one.digest in counted}
    kept.append((role, row.signed_at, row.expires_at, rests_on, row))


def withdraw_sign_off(world, index):
    rows = world.signatures.get(newest(world).pk, [])
    if index < len(rows):
        row = rows[index][4]
        row.withdrawn_at = sign_offs.withdraw(row, reason="A doubt.", by=row.signer).withdrawn_at


def policy(world, index):
    policies.put_in_force(TERMS[index], by=None)
    world.terms = TERMS[index]


def require(world, suite):
    made = requirements.require(
        world.release, suite=suite, metric="pass_rate", threshold=0.9, reason="A report.", by=None
    )
    world.own.append((suite, made.made_at))


def licence(world):
    cast.publish(world.release.licence, f"2.{world.release.licence.versions.count()}", text="Another text.")


def promote(world, index):
    if index < len(world.frozen):
        promoting.promote(world.frozen[index], by=None)


def move(world, verb):
    getattr(actions, verb)(world.release, by=None)


def sql(world, status):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE releases_release SET status = %s WHERE id = %s", [status, world.release.pk])
    world.release.refresh_from_db()


STEP = {
    one.__name__: one
    for one in (
        freeze, evaluate, report, withdraw_evaluation, sign, withdraw_sign_off,
        policy, require, licence, promote, move, sql,
    )
}  # fmt: skip


def check(world, eve, left):
    now = timezone.now()
    for at in (now, now + timedelta(days=15), now + timedelta(days=100)):
        allowed = world.may_be_open(at)
        assert clearance_of(world.release, at=at).is_clear == allowed
        with connection.cursor() as cursor:
            cursor.execute("SELECT release_hindrance(%s, %s)", [world.release.pk, at])
            assert (cursor.fetchone()[0] is None) == allowed
        decisions = [decide(eve, world.release, action, at=at).allowed for action in Action]
        assert not any(decisions) or (allowed and world.release.status == ReleaseStatus.OPEN)
        listed = [releases_allowed(eve, action, at=at).exists() for action in Action]
        assert listed == decisions
    if world.release.status != left and world.release.status in {"open", "cleared"}:
        assert world.may_be_open(now)


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(beginning=BEGINNINGS, steps=st.lists(STEPS, max_size=7))
def test_no_history_opens_what_the_policy_forbids(beginning, steps):
    with transaction.atomic():
        release = cast.release("r", status=ReleaseStatus.EVALUATING)
        people = {role: cast.staff(f"{role[0].lower()}@example.org", role) for role in ROLES}
        world = World(release, people)
        eve = cast.developer("eve@example.org", release)
        for one in beginning:
            step(world, *one)
        for one in steps:
            left = world.release.status
            step(world, *one)
            check(world, eve, left)
        transaction.set_rollback(True)
