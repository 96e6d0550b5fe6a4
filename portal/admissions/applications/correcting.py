"""What applicants do with their words after submission: correct them, take them along, delete them."""

from collections.abc import Mapping
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions import searching
from portal.admissions.applications import letters, signals
from portal.admissions.applications.conditions import locked, require_answers, require_own
from portal.admissions.applications.filing import put_files
from portal.admissions.applications.timelines import for_applicant
from portal.admissions.models import (
    Application,
    ApplicationQuerySet,
    ApplicationStatus,
    Programme,
    Proposal,
    Team,
    asked_of,
    facts_kept,
)
from portal.common.transitions import IllegalMove
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

WRITTEN_AT_ONCE = 500


@transaction.atomic
def correct(
    application: Application,
    *,
    answers: Mapping[str, Any],
    uploads: Mapping[str, UploadedFile | None],
    by: User,
    address: str | None = None,
) -> Application:
    """Give other answers while nothing is decided; the place stays, and reviewers see the old ones.

    What a first of two reviewers proposed falls. Raises IllegalMove when it is a draft or decided, Refusal
    for a missing answer.
    """
    row = locked(application)
    require_own(row, by)
    if not row.is_correctable:
        raise IllegalMove(
            "not_correctable", "This application cannot be corrected: it is a draft, or it is decided."
        )
    questions = asked_of(row.programme.questions.all(), answers)
    require_answers(row.programme, questions, answers)
    before = {answer.code: answer for answer in row.answered()}
    put_files(row, uploads)
    row.answers = {question.code: answers.get(question.code) for question in questions}
    row.asked = [question.wording() for question in questions]
    after = {answer.code: answer.text for answer in row.answered()}
    changed = [code for code in before | after if after.get(code) != getattr(before.get(code), "text", None)]
    changed = list(dict.fromkeys([*changed, *uploads]))
    if not changed:
        return row
    facts = _facts_of(row)
    for name, value in facts.items():
        setattr(row, name, value)
    row.saved_at = timezone.now()
    row.save(update_fields=["answers", "asked", "saved_at", *facts])
    signals.refresh([row])
    # Whoever agrees must have the same answers before them as whoever proposed.
    Proposal.objects.filter(application=row).delete()
    row.notes.create(by=by, status=row.status, verb=Verb.APPLICATION_CORRECTED)
    told = [
        f"“{before[code].label}” was: {before[code].text or 'not answered'}"
        for code in changed
        if code in before
    ]
    row.staff_notes.create(by=by, verb=Verb.APPLICATION_CORRECTED, message="\n".join(told))
    record(Verb.APPLICATION_CORRECTED, subject=row, by=by, data={"questions": changed}, address=address)
    letters.tell(row, verb=Verb.APPLICATION_CORRECTED)
    return row


@transaction.atomic
def erase(application: Application, *, by: User, address: str | None = None) -> Application:
    """Delete the words of one's application that is not open any more: answers, files and messages.

    What accounts for access stays: that there was an application, its steps, who decided, and what a wave was
    drawn from. Access that rests on it stays too, and so does the name of a team that has some. Raises
    IllegalMove while it is open: it is withdrawn first. Once more it deletes what was written since.
    """
    row = locked(application)
    require_own(row, by)
    if row.is_open:
        raise IllegalMove("still_open", "Withdraw the application first; then what you wrote can be deleted.")
    if is_erased(row):
        return row
    row.files.all().delete()
    row.notes.update(message="")
    row.staff_notes.update(message="")
    row.bulk_items.update(message="")
    Proposal.objects.filter(application=row).delete()
    Team.objects.filter(application=row).exclude(application__status=ApplicationStatus.APPROVED).update(
        name=row.reference
    )
    row.answers, row.asked, row.country, row.flag = {}, [], "", ""
    row.search_words = searching.words_in([row.reference])
    row.unread_at, row.erased_at = None, timezone.now()
    row.save(
        update_fields=["answers", "asked", "search_words", "country", "flag", "unread_at", "erased_at"],
    )
    row.notes.create(by=by, status=row.status, verb=Verb.APPLICATION_ERASED)
    record(Verb.APPLICATION_ERASED, subject=row, by=by, address=address)
    letters.tell(row, verb=Verb.APPLICATION_ERASED)
    return row


def is_erased(application: Application) -> bool:
    """Whether nothing is left to be deleted of what was written. Three queries at most."""
    if application.erased_at is None:
        return False
    named = Team.objects.filter(application=application).exclude(name=application.reference)
    lines = (application.notes, application.staff_notes)
    return not (
        any(one.exclude(message="").exists() for one in lines)
        or (application.status != ApplicationStatus.APPROVED and named.exists())
    )


def search_anew(programme: Programme) -> None:
    """Keep what is searched of those without a decision as the programme, blind or not, wants it."""
    rows = _undecided(programme).select_related("applicant", "referral__code").defer("words").order_by("pk")
    batch: list[Application] = []
    for row in rows.iterator(chunk_size=WRITTEN_AT_ONCE):
        row.programme = programme
        row.search_words = _facts_of(row)["search_words"]
        batch.append(row)
        if len(batch) == WRITTEN_AT_ONCE:
            Application.objects.bulk_update(batch, ["search_words"])
            batch = []
    Application.objects.bulk_update(batch, ["search_words"])


def hold_waiting(programme: Programme) -> None:
    """Lock those that `search_anew` will write to, until the transaction ends. One query."""
    list(_undecided(programme).select_for_update(no_key=True).order_by("pk").values_list("pk"))


def _undecided(programme: Programme) -> ApplicationQuerySet:
    return Application.objects.received().filter(programme=programme, first_decided_at=None, erased_at=None)


def _facts_of(row: Application) -> dict[str, Any]:
    """`facts_kept` of what was handed in, with the referral code that came along."""
    facts = facts_kept(row, answers=row.answers, asked=row.asked)
    if hasattr(row, "referral"):
        facts["search_words"] += f" {searching.words_in([row.referral.code.code])}"
    return facts


def as_json(application: Application) -> dict[str, Any]:
    """All that an applicant may take along, in plain JSON: facts, answers as asked, files, the history."""
    moments = {
        name: getattr(application, name).isoformat() if getattr(application, name) else None
        for name in ("created_at", "submitted_at", "due_at", "decided_at")
    }
    return {
        "reference": application.reference,
        "programme": application.programme.slug,
        "status": application.status,
        **moments,
        "answers": [
            {"code": answer.code, "question": answer.label, "answer": application.answers.get(answer.code)}
            for answer in application.answered()
        ],
        "files": [
            {"question": one.code, "name": one.name, "size_bytes": one.size_bytes, "sha256": one.sha256}
            for one in application.files.without_content()
        ],
        "history": [
            {
                "at": entry["at"].isoformat(),
                "step": entry["title"],
                "by": entry["actor"],
                "message": entry["body"],
            }
            for entry in for_applicant(application)
        ],
    }
