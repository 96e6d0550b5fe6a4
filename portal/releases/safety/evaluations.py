"""Recording what was measured on exactly these bytes, and taking back what should not be relied on."""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.common import statements
from portal.common.refusals import Refusal
from portal.ledger.actions import record as record_entry
from portal.ledger.verbs import Verb
from portal.releases.models import Evaluation, EvaluationKind, Revision
from portal.releases.reasons import required_line
from portal.releases.safety.judging import EVALUATION_TYPE

REPORT_SUITE = "worst-case-fine-tuning"
SUITE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:|,/-]{0,119}")
SHA256 = re.compile(r"[0-9a-f]{64}|")


@dataclass(frozen=True)
class Recommendation:
    """What a report recommends, and what the organisation answers."""

    text: str
    answer: str


@dataclass(frozen=True)
class Report:
    """An outsider's report on the worst that fine-tuning can make of a revision.

    `document_sha256` (hex) is the hash of the report itself, which `url` names.
    """

    title: str
    reviewer: str
    organisation: str
    url: str
    document_sha256: str
    conclusion: str
    recommendations: tuple[Recommendation, ...] = ()


@transaction.atomic
def record(
    revision: Revision,
    *,
    kind: EvaluationKind,
    suite: str,
    suite_sha256: str,
    metrics: Mapping[str, float],
    samples: int,
    facts: Mapping[str, Any],
    by: User | None,
    address: str | None = None,
) -> Evaluation:
    """Record a result, signed and fixed; the newest of its suite is the one that counts from now on.

    `facts` is whatever a reader needs to repeat it: sampling parameters, versions, the run.

    Raises Refusal for a suite, hash or metric that is none.
    """
    if not SUITE.fullmatch(suite) or not SHA256.fullmatch(suite_sha256):
        raise _invalid("Name the suite with letters, digits, dots and dashes, and its SHA-256 in hex.")
    if not all(name and math.isfinite(value) for name, value in metrics.items()):
        raise _invalid("Every metric has a name and a number.")
    signed = statements.sign(
        {
            "type": EVALUATION_TYPE,
            "portal": settings.PORTAL_URL,
            "release": revision.release.hub_id,
            "commit": revision.commit,
            "kind": kind,
            "suite": suite,
            "suite_sha256": suite_sha256,
            "metrics": dict(metrics),
            "samples": samples,
            "facts": dict(facts),
            "recorded_at": (at := timezone.now()),
        }
    )
    evaluation = Evaluation.objects.create(
        revision=revision,
        kind=kind,
        suite=suite,
        suite_sha256=suite_sha256,
        statement=signed.statement,
        digest=statements.digest(signed.statement),
        signature=signed.signature,
        key_id=signed.key_id,
        recorded_by=by,
        recorded_at=at,
    )
    entry = {"commit": revision.commit, "suite": suite, "kind": kind, "digest": evaluation.digest}
    data = entry | {"metrics": dict(metrics)}
    record_entry(Verb.EVALUATION_RECORDED, subject=evaluation, by=by, data=data, address=address)
    return evaluation


def record_report(
    revision: Revision, report: Report, *, by: User | None, address: str | None = None
) -> Evaluation:
    """Record an outsider's report. Raises Refusal when a part of it or an answer to it is missing."""
    parts = (report.title, report.reviewer, report.organisation, report.conclusion)
    if not all(part.strip() for part in parts):
        raise _invalid("Say what the report is called, who wrote it, for whom, and what it concludes.")
    if not report.document_sha256 or not SHA256.fullmatch(report.document_sha256):
        raise _invalid("Give the SHA-256 of the report itself in 64 hexadecimal digits.")
    if not all(one.text.strip() and one.answer.strip() for one in report.recommendations):
        raise _invalid("Answer every recommendation of the report.")
    return record(
        revision,
        kind=EvaluationKind.REPORT,
        suite=REPORT_SUITE,
        suite_sha256="",
        metrics={},
        samples=len(report.recommendations),
        facts=asdict(report),
        by=by,
        address=address,
    )


@transaction.atomic
def withdraw(
    evaluation: Evaluation, *, reason: str, by: User | None, address: str | None = None
) -> Evaluation:
    """Rely on it no more: every sign-off that rests on it falls with it.

    Raises Refusal without a reason, and when it was withdrawn already.
    """
    text = required_line(reason)
    row = Evaluation.objects.select_for_update(of=("self",)).select_related("revision").get(pk=evaluation.pk)
    if row.withdrawn_at is not None:
        raise Refusal("evaluation_withdrawn", "Somebody has withdrawn this evaluation already.")
    row.withdrawn_at, row.withdrawn_by, row.withdrawal_reason = timezone.now(), by, text
    row.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawal_reason"])
    data = {"commit": row.revision.commit, "suite": row.suite, "digest": row.digest, "reason": text}
    record_entry(Verb.EVALUATION_WITHDRAWN, subject=row, by=by, data=data, address=address)
    return row


def _invalid(sentence: str) -> Refusal:
    return Refusal("invalid_evaluation", sentence, status=422)
