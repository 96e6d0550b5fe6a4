"""Whether a revision meets what is demanded: from rows that were read once to hindrances, without a query."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

from portal.common import statements
from portal.common.statements import Signed
from portal.releases.models import EvaluationKind
from portal.releases.safety.policies import Demand, RoleDemand, Terms

EVALUATION_TYPE = "evaluation/v1"
SIGN_OFF_TYPE = "release-sign-off/v1"


@dataclass(frozen=True)
class Hindrance:
    """One thing for which a revision is not clear: a stable code, and a whole sentence."""

    code: str
    sentence: str


class ReadRevision(Protocol):
    """A revision with what `clearing.with_evidence` reads beside it."""

    commit: str
    release_author_id: int | None
    listed_commit: str
    has_damage: bool
    evaluation_rows: list[dict[str, Any]]
    sign_off_rows: list[dict[str, Any]]
    requirement_rows: list[dict[str, Any]]
    last_withdrawal_at: datetime | None


@dataclass(frozen=True)
class Stated:
    """A live evaluation or sign-off as it was read: its columns, and its statement if that is genuine."""

    row: dict[str, Any]
    type: str

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the statement says; nothing at all where it is not what the portal signed."""
        row = self.row
        signed = Signed(row["statement"], row["signature"], row["key_id"])
        is_whole = row["digest"] == statements.digest(row["statement"]) and statements.is_genuine(signed)
        facts: dict[str, Any] = json.loads(row["statement"]) if is_whole else {}
        return facts if facts.get("type") == self.type else {}

    def says(self, **expected: Any) -> bool:
        """Whether the statement is genuine and says what is expected."""
        return bool(self.facts) and all(self.facts.get(name) == value for name, value in expected.items())


@dataclass(frozen=True)
class Evidence:
    """What there is for one revision: its evaluations, the newest first, and its sign-offs.

    `last_withdrawal_at` is when any evaluation of it was withdrawn last.
    """

    commit: str
    author_id: int | None
    evaluations: tuple[Stated, ...]
    sign_offs: tuple[Stated, ...]
    last_withdrawal_at: datetime | None = None

    def newest(self, demand: Demand) -> Stated | None:
        """The evaluation that counts for `demand`: the newest of that suite, however good one before was."""
        return next((one for one in self.evaluations if _is_of(one, demand)), None)

    def report(self) -> Stated | None:
        """The newest report of an outsider on the worst that fine-tuning can make of it."""
        return next((one for one in self.evaluations if one.row["kind"] == EvaluationKind.REPORT), None)


def evidence_of(revision: ReadRevision) -> Evidence:
    """The evidence that was read of a revision. No query."""
    return Evidence(
        commit=revision.commit,
        author_id=revision.release_author_id,
        evaluations=tuple(Stated(row, EVALUATION_TYPE) for row in revision.evaluation_rows),
        sign_offs=tuple(Stated(row, SIGN_OFF_TYPE) for row in revision.sign_off_rows),
        last_withdrawal_at=revision.last_withdrawal_at,
    )


def value_of(evaluation: Stated | None, metric: str) -> float | None:
    """What an evaluation measured; None where it did not."""
    value = evaluation.facts.get("metrics", {}).get(metric) if evaluation else None
    return float(value) if value is not None else None


def tampering(revision: ReadRevision, evidence: Evidence) -> list[Hindrance]:
    """What of the revision's bytes and evaluations is not what was registered and signed."""
    found = []
    if revision.listed_commit != revision.commit:
        found.append(Hindrance("files_changed", "The list of its files is not what was frozen."))
    if revision.has_damage:
        found.append(Hindrance("files_damaged", "The stored bytes of a file are not those that were frozen."))
    for one in evidence.evaluations:
        names = ("kind", "suite", "suite_sha256")
        if not one.says(commit=evidence.commit, **{name: one.row[name] for name in names}):
            sentence = f"An evaluation of it ({one.row['suite']}) is not what was recorded."
            found.append(Hindrance("evaluation_changed", sentence))
    return found


def unmet(demands: Iterable[Demand], terms: Terms, evidence: Evidence) -> list[Hindrance]:
    """The evaluations that are missing or not good enough."""
    found = []
    for demand in demands:
        newest = evidence.newest(demand)
        value = value_of(newest, demand.metric)
        if newest is None:
            found.append(Hindrance("evaluation_missing", f"It was not evaluated yet on {demand.words}."))
        elif not demand.is_met_by(value):
            shown = "nothing" if value is None else f"{value:.3g}"
            sentence = f"It does not meet {demand.words}; measured was {shown}."
            found.append(Hindrance("evaluation_failed", sentence))
    if terms.needs_report and evidence.report() is None:
        sentence = "Nobody from outside has reported yet on the worst that fine-tuning can make of it."
        found.append(Hindrance("report_missing", sentence))
    return found


def unsigned(terms: Terms, demands: Sequence[Demand], evidence: Evidence, *, at: datetime) -> list[Hindrance]:
    """The roles for which no sign-off holds, each with the reason that is nearest to one that would."""
    return [
        hindrance
        for role in terms.sign_offs
        if (hindrance := _unsigned(role, terms, demands, evidence, at=at)) is not None
    ]


def holds_until(sign_off: Stated, role: RoleDemand) -> datetime:
    """When a genuine sign-off ends: at its own date, or sooner where the policy of today says so."""
    signed_at = datetime.fromisoformat(sign_off.facts["signed_at"])
    return min(datetime.fromisoformat(sign_off.facts["expires_at"]), signed_at + role.lasts)


def _unsigned(
    role: RoleDemand, terms: Terms, demands: Sequence[Demand], evidence: Evidence, *, at: datetime
) -> Hindrance | None:
    own = [one for one in evidence.sign_offs if one.row["role"] == role.role]
    reasons = [_weakness(one, role, terms, demands, evidence, at=at) for one in own]
    if None in reasons:
        return None
    return next(
        (reason for reason in reasons if reason is not None),
        Hindrance("sign_off_missing", f"It is not signed off by {role.role} yet."),
    )


def _weakness(
    one: Stated,
    role: RoleDemand,
    terms: Terms,
    demands: Sequence[Demand],
    evidence: Evidence,
    *,
    at: datetime,
) -> Hindrance | None:
    """Why a sign-off does not count; None when it does."""
    signer_id = one.row["signer_id"]
    if not one.says(role=role.role, commit=evidence.commit) or one.facts["signer"]["id"] != signer_id:
        return Hindrance("sign_off_changed", f"The sign-off by {role.role} is not what was signed.")
    if signer_id == evidence.author_id:
        return Hindrance("sign_off_by_author", f"The sign-off by {role.role} is its author's own.")
    if (until := holds_until(one, role)) <= at:
        return Hindrance("sign_off_expired", f"The sign-off by {role.role} expired on {until:%-d %B %Y}.")
    live = {evaluation.row["digest"]: evaluation for evaluation in evidence.evaluations}
    # Else a failed result could be withdrawn, and those who signed for an older one would not know.
    is_outdated = (
        evidence.last_withdrawal_at is not None
        and datetime.fromisoformat(one.facts["signed_at"]) < evidence.last_withdrawal_at
    )
    if is_outdated or not set(one.facts["evaluations"]) <= live.keys():
        sentence = f"An evaluation was withdrawn since the sign-off by {role.role}."
        return Hindrance("sign_off_fell", sentence)
    read = [live[digest] for digest in one.facts["evaluations"]]
    covers = all(_is_covered(demand, read) for demand in demands)
    has_report = any(evaluation.row["kind"] == EvaluationKind.REPORT for evaluation in read)
    if not covers or (terms.needs_report and not has_report):
        sentence = f"The sign-off by {role.role} does not cover everything that is demanded now."
        return Hindrance("sign_off_incomplete", sentence)
    return None


def _is_of(one: Stated, demand: Demand) -> bool:
    is_right_version = demand.suite_sha256 in ("", one.row["suite_sha256"])
    is_measured = one.row["kind"] != EvaluationKind.REPORT
    return is_measured and one.row["suite"] == demand.suite and is_right_version


def _is_covered(demand: Demand, read: Iterable[Stated]) -> bool:
    return any(_is_of(one, demand) and demand.is_met_by(value_of(one, demand.metric)) for one in read)
