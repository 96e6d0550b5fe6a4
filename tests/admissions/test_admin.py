"""Programmes and applications in /admin/, and the programme that a portal starts with."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.admissions import countries
from portal.admissions.forms import ApplicationForm
from portal.admissions.invitations import inviting, referring
from portal.admissions.models import Application, Programme, Question, QuestionKind
from portal.admissions.programmes import starter
from portal.admissions.teams import actions as teams
from portal.ledger.models import Entry
from tests import cast


@pytest.fixture
def as_admin(admin_client):
    return admin_client


def test_staff_read_applications_and_change_none(as_admin, submitted):
    listed = as_admin.get("/admin/admissions/application/")
    shown = as_admin.get(f"/admin/admissions/application/{submitted.pk}/change/")
    posted = as_admin.post(f"/admin/admissions/application/{submitted.pk}/change/", {"status": "approved"})

    assert submitted.reference in listed.content.decode()
    assert submitted.reference in shown.content.decode()
    assert as_admin.get("/admin/admissions/application/add/").status_code == 403
    assert posted.status_code == 403
    assert Application.objects.get().status == "submitted"


def test_a_new_programme_is_closed_until_it_is_opened_by_the_action(as_admin, db):
    questions = {"questions-TOTAL_FORMS": "0", "questions-INITIAL_FORMS": "0"}
    as_admin.post(
        "/admin/admissions/programme/add/",
        {"name": "Red team", "slug": "red-team", "is_open": "on", "pause_days": ""} | questions,
    )
    made = Programme.objects.get()
    was_open = made.is_open

    for action in ("open_programmes", "open_programmes"):
        as_admin.post("/admin/admissions/programme/", {"action": action, "_selected_action": [str(made.pk)]})

    made.refresh_from_db()
    assert (was_open, made.is_open) == (False, True)
    assert [entry.verb for entry in Entry.objects.about(made)] == ["programme.created", "programme.opened"]
    assert as_admin.get(f"/admin/admissions/programme/{made.pk}/change/").status_code == 200


def test_closing_in_the_admin_is_recorded(as_admin, programme):
    as_admin.post(
        "/admin/admissions/programme/",
        {"action": "close_programmes", "_selected_action": [str(programme.pk)]},
    )

    programme.refresh_from_db()
    assert programme.is_open is False
    assert Entry.objects.about(programme).last().verb == "programme.closed"


def test_the_starter_programme_is_made_once_and_left_alone_afterwards(db):
    admin = cast.person("root@example.org")
    first = starter.early_access(by=admin)
    Programme.objects.update(name="Renamed")

    second = starter.early_access(by=admin)

    assert first == second
    assert second.name == "Renamed"
    assert [question.code for question in second.questions.all()] == [
        "use_case",
        "organisation",
        "country",
        "intended_use",
        "use_policy",
    ]
    assert Entry.objects.count() == 1


def test_every_kind_of_question_has_a_field(programme):
    Question.objects.all().delete()
    for number, kind in enumerate(QuestionKind):
        Question.objects.create(
            programme=programme,
            position=number,
            code=f"q{number}",
            kind=kind,
            label="?",
            choices=list("abcdefgh"),
        )

    assert len(ApplicationForm(programme).fields) == len(QuestionKind)


def test_the_countries_are_those_of_iso_3166():
    assert len(countries.NAMES) == 249
    assert all(len(code) == 2 and code.isupper() for code in countries.NAMES)
    assert next(iter(countries.NAMES)) == "AF"
    assert countries.name_of("DE") == "Germany"
    assert countries.name_of("XX") == "XX"


def test_administrators_read_teams_invitations_and_codes_and_no_hash(as_admin, team, rosa):
    expires_at = timezone.now() + timedelta(days=1)
    invitation = teams.invite(team, email="x@example.org", by=team.lead)
    known = inviting.pre_approve(
        team.application.programme, email="k@example.org", note="", expires_at=expires_at, by=rosa
    )
    code = referring.make_code(
        team.application.programme,
        note="",
        uses_max=1,
        is_pre_approving=False,
        expires_at=expires_at,
        by=rosa,
    )

    pages = [
        as_admin.get(f"/admin/admissions/{name}/{path}").content.decode()
        for name, row in (("team", team), ("preapproval", known), ("referralcode", code))
        for path in ("", f"{row.pk}/change/")
    ]

    told = ["Example Institute", "x@example.org", "k@example.org", "k@example.org", code.code, code.code]
    assert [words in page for words, page in zip(told, pages, strict=True)] == [True] * 6
    assert not any(row.token_hash in page for page in pages for row in (invitation, known))
