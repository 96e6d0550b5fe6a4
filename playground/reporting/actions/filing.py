"""Filing a report: of an answer in the playground, or of anything that a release did."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from playground.models import Generation
from playground.reporting import letters
from playground.reporting.actions.steps import note, require_text
from playground.reporting.copying import copy_of
from playground.reporting.models import Report, Severity
from playground.reporting.models.reports import DESCRIPTION_MAX_CHARACTERS
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.ledger.verbs import Verb
from portal.releases.models import Release


@dataclass(frozen=True)
class Told:
    """What a person tells in either form; `token` is the form's own, one for each time it is shown."""

    category: str
    severity: int
    description: str
    token: uuid.UUID


def report_answer(
    answer: Generation, told: Told, *, may_read: bool, by: User, address: str | None = None
) -> Report:
    """File a report of one's own ended answer; staff get its words only with `may_read`.

    A form sent twice files once. Raises Refusal while it is being written, for one that came with a
    file, and after REPORTS_PER_DAY.
    """
    if answer.is_live:
        raise Refusal("answer_not_ended", "The answer is still being written. Report it at its end.")
    if answer.is_imported:
        raise Refusal(
            "answer_imported", "This answer came with a file: no model of this portal gave it here."
        )
    return _file(told, by=by, address=address, facts=copy_of(answer, may_read=may_read))


def report_release(
    release: Release,
    told: Told,
    *,
    by: User,
    revision_commit: str = "",
    request_id: str = "",
    prompt: str = "",
    answer: str = "",
    address: str | None = None,
) -> Report:
    """File a report of what a release did anywhere; `prompt` and `answer` are what the person pastes.

    A form sent twice files once. Raises Refusal after REPORTS_PER_DAY.
    """
    facts = {
        "release": release,
        "revision_commit": revision_commit,
        "request_id": request_id,
        "may_read": bool(prompt or answer),
        "messages": [{"role": "user", "content": prompt}] if prompt else [],
        "answer": answer,
    }
    return _file(told, by=by, address=address, facts=facts)


@transaction.atomic
def _file(told: Told, *, by: User, address: str | None, facts: dict[str, Any]) -> Report:
    description = require_text(
        told.description, "Say what happened, in a sentence or two.", most=DESCRIPTION_MAX_CHARACTERS
    )
    # One after the other of each person, so that a form sent twice finds the first one.
    User.objects.select_for_update(no_key=True).get(pk=by.pk)
    send_key = uuid.uuid5(told.token, f"report by {by.pk}")
    if filed := Report.objects.filter(send_key=send_key).first():
        return filed
    _require_few(by)
    report = Report.objects.create(
        reporter=by,
        category=told.category,
        severity=told.severity,
        severity_felt=told.severity,
        description=description,
        send_key=send_key,
        **facts,
    )
    seen = {
        "category": report.category,
        "severity": report.severity,
        "commit": report.revision_commit,
        "may_read": report.may_read,
    }
    note(report, Verb.REPORT_FILED, by=by, address=address, facts=seen)
    letters.tell(report, verb=Verb.REPORT_FILED)
    if report.severity == Severity.CRITICAL:
        letters.tell_triagers(report)
    return report


def _require_few(by: User) -> None:
    since = timezone.now() - timedelta(days=1)
    filed = Report.objects.filter(reporter=by, reported_at__gt=since).count()
    if filed >= settings.REPORTS_PER_DAY:
        raise Refusal(
            "reports_spent",
            f"You filed {filed} reports within a day, and staff read every one. Copy what you wrote and "
            "file it tomorrow, or add it as a message to a report that says the same.",
            status=429,
            remedy="/reports/",
        )
