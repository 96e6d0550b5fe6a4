"""The pages of programmes, reviewers and applicants in a real browser: accessible and fitting."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from playwright.sync_api import Page

from portal.admissions import actions
from portal.admissions.applications import filing
from portal.admissions.models import (
    Application,
    Criterion,
    Programme,
    Question,
    QuestionKind,
    ReplyTemplate,
    SavedView,
)
from portal.admissions.programmes import starter
from portal.admissions.reviewing import claiming, messaging, noting
from portal.admissions.rules import actions as rules
from tests import cast
from tests.admissions.conftest import ANSWERS
from tests.admissions.test_programmes import PDF
from tests.look.test_pages import look_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def programme(db: None) -> Programme:
    """A programme with terms of every kind, a question of every kind, and a rubric."""
    made = starter.early_access(by=None)
    made.releases.add(cast.release())
    now = timezone.now()
    terms = {
        "closes_at": now + timedelta(days=30),
        "capacity": 500,
        "decision_days": 7,
        "countries_refused": ["AQ", "BV"],
        "account_age_days_min": 1,
        "pause_days": 30,
    }
    Programme.objects.filter(pk=made.pk).update(**terms)
    more = [
        ("topics", QuestionKind.CHOICES, "Which topics?", {"choices": ["Speech", "Text", "Vision"]}),
        ("people", QuestionKind.NUMBER, "How many of you are there?", {"is_required": False}),
        ("page", QuestionKind.URL, "Where can we read about you?", {"is_required": False}),
        ("plan", QuestionKind.FILE, "Your plan", {"is_required": False}),
        (
            "language",
            QuestionKind.SHORT_TEXT,
            "In which language?",
            {"shown_if_code": "topics", "shown_if_answer": "Text", "is_required": False},
        ),
    ]
    for position, (code, kind, label, rest) in enumerate(more, start=10):
        Question.objects.create(programme=made, position=position, code=code, kind=kind, label=label, **rest)
    Criterion.objects.create(programme=made, label="Merit", help_text="1 none, 5 outstanding", weight=3)
    return Programme.objects.get(pk=made.pk)


def old_enough(email: str) -> cast.User:
    """A person whose account may apply."""
    made = cast.person(email)
    made.date_joined = timezone.now() - timedelta(days=3)
    made.save()
    return made


def handed_in(programme: Programme, email: str) -> Application:
    """An application with a file."""
    person = old_enough(email)
    draft = actions.start(programme, by=person)
    upload = SimpleUploadedFile("a-plan-with-a-rather-long-name.pdf", PDF)
    filing.keep_files(draft, {"plan": upload}, by=person)
    answers = ANSWERS | {
        "topics": ["Speech", "Text"],
        "people": "12",
        "page": "https://example.org/a/rather/long/address/that/does/not/end",
        "plan": upload.name,
        "language": "Sorbian",
    }
    return actions.submit(draft, answers=answers, by=person)


def test_programme_managers_pages_are_accessible_and_fit(
    page: Page, enter: Any, programme: Programme
) -> None:
    enter(page, cast.staff("paul@example.org", "Programme managers"))
    question = Question.objects.get(code="language")
    criterion = Criterion.objects.get()

    for path in (
        "/console/programmes/",
        "/console/programmes/new/",
        "/console/programmes/early-access/",
        "/console/programmes/early-access/edit/",
        f"/console/programmes/early-access/questions/{question.pk}/",
        "/console/programmes/early-access/questions/new/",
        f"/console/programmes/early-access/criteria/{criterion.pk}/",
        "/console/programmes/early-access/gating/",
    ):
        look_at(page, path)


def test_applicants_pages_are_accessible_and_fit(page: Page, enter: Any, programme: Programme) -> None:
    look_at(page, "/apply/early-access/")
    enter(page, cast.person("young@example.org"))
    look_at(page, "/apply/early-access/")
    enter(page, old_enough("bea@example.org"))
    look_at(page, "/apply/early-access/")
    made = handed_in(programme, "ann@example.org")
    messaging.write_to_applicant(made, by=cast.staff("rosa@example.org", "Reviewers"), message="Welcome.")
    enter(page, made.applicant)

    for tail in ("", "correct/", "delete/"):
        look_at(page, f"{made.get_absolute_url()}{tail}")


def test_reviewers_pages_are_accessible_and_fit(page: Page, enter: Any, programme: Programme) -> None:
    rosa, rolf = (cast.staff(f"{name}@example.org", "Lead reviewers") for name in ("rosa", "rolf"))
    made = handed_in(programme, "an-applicant-with-a-rather-long-address@example.org")
    Application.objects.update(due_at=timezone.now() - timedelta(days=1))
    claiming.claim(made, by=rosa)
    noting.give_scores(made, by=rolf, values={Criterion.objects.get(): 5})
    noting.give_scores(made, by=rosa, values={Criterion.objects.get(): 3})
    noting.add_note(made, by=rolf, text="Is this the lab of 2024, @rosa?")
    messaging.write_to_reviewers(made, by=made.applicant, message="My lab moved.")
    Programme.objects.update(needs_second_reviewer=True)
    actions.decline(made, by=rosa, reason="incomplete")
    reply = ReplyTemplate.objects.create(name="Welcome", text="Dear {name}")
    SavedView.objects.create(by=rolf, name="Germany", query="country=DE", is_shared=True)
    rule_set = rules.create(Programme.objects.get(), name="Researchers", by=rosa)
    enter(page, rosa)

    for path in (
        "/console/",
        "/console/applications/",
        f"/console/applications/{made.reference}/",
        "/console/replies/",
        f"/console/replies/{reply.pk}/",
        "/console/rules/",
        f"/console/rules/{rule_set.pk}/",
        f"/console/rules/{rule_set.pk}/new/",
        "/console/applications/import/",
    ):
        look_at(page, path)


def test_a_blind_application_is_accessible_and_fits(page: Page, enter: Any, programme: Programme) -> None:
    Programme.objects.update(is_blind=True)
    made = handed_in(programme, "ann@example.org")
    rosa = cast.staff("rosa@example.org", "Reviewers")
    noting.declare_conflict(made, by=rosa)
    enter(page, rosa)

    look_at(page, "/console/applications/")
    look_at(page, f"/console/applications/{made.reference}/")
