"""Applications to take out of the portal: who did so is in the ledger."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction

from portal.accounts.models import User
from portal.admissions.models import Application, ApplicationQuerySet, Question
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

CHUNK = 500
FACTS = (
    *("reference", "programme", "status", "submitted_at", "decided_at", "decline_reason", "country"),
    *("name", "email"),
)


@transaction.atomic
def export(
    found: ApplicationQuerySet, *, asked: Mapping[str, str], by: User, address: str | None = None
) -> Iterator[Application]:
    """Write down that `by` takes the applications `found` out, and give them as they are taken.

    `asked` are the filters, for the ledger.
    """
    record(Verb.APPLICATIONS_EXPORTED, subject=by, by=by, data=asked, address=address)
    rows = found.select_related("applicant", "programme").defer("search_words", "words")
    return rows.order_by("submitted_at", "pk").iterator(chunk_size=CHUNK)


def codes_of(found: ApplicationQuerySet) -> list[str]:
    """The codes of all questions of the programmes in `found`, in the order of the forms. One query."""
    questions = Question.objects.filter(programme__in=found.order_by().values("programme"))
    return list(dict.fromkeys(questions.order_by("programme", "position").values_list("code", flat=True)))


def facts_of(application: Application) -> list[Any]:
    """What stands under FACTS."""
    person = application.applicant
    moments = (application.submitted_at, application.decided_at)
    submitted, decided = (at.isoformat() if at else None for at in moments)
    return [
        *(application.reference, application.programme.slug, application.status, submitted, decided),
        *(application.decline_reason, application.country),
        # Who applied to a blind programme is shown to one reviewer after the other, as the ledger tells.
        *(("", "") if application.is_blind else (person.name, person.email)),
    ]


def rows_of(applications: Iterator[Application], codes: Sequence[str]) -> Iterator[list[Any]]:
    """A row for each: FACTS, and what was answered to each of the questions."""
    for application in applications:
        told = {answer.code: answer.text for answer in application.answered()}
        yield [*facts_of(application), *(told.get(code, "") for code in codes)]


def json_lines_of(applications: Iterator[Application]) -> Iterator[str]:
    """A line of JSON for each (https://jsonlines.org): FACTS, and the answers with what was asked."""
    for application in applications:
        facts = dict(zip(FACTS, facts_of(application), strict=True))
        answers = [
            {"code": answer.code, "question": answer.label, "answer": answer.text}
            for answer in application.answered()
        ]
        yield json.dumps({**facts, "answers": answers}, ensure_ascii=False) + "\n"
