"""What is sent to the pages of admissions in the console, however wrong, is answered with a sentence."""

import re
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from portal.accounts.roles import give_role
from portal.admissions.bulk import actions as bulk
from portal.admissions.bulk import decision_imports
from portal.admissions.invitations import inviting, referring
from portal.admissions.models import (
    Application,
    Criterion,
    ReplyTemplate,
    Rule,
    RuleRun,
    SavedView,
    TeamInvitation,
)
from portal.admissions.rules import actions as rules
from tests import cast
from tests.admissions.conftest import ANSWERS, ann, draft, of_teams, programme, submitted, team  # noqa: F401 - fixtures
from tests.admissions.waiting import planned

# As browsers send what is left empty: the token alone.
MISSING = {"csrfmiddlewaretoken": "x"}
HOSTILE = ("a\0b", "²", "9" * 5_000, "0001-01-01")
# What goes back to its list with a sentence on it, or takes nothing for an answer.
ANSWERED_ELSEWHERE = {"share-out", "views", "score"}
# What a form says of a field, or the page of what it refused.
SENTENCE = re.compile(r'role="alert"|_error">|notice-')
MONTH = timedelta(days=30)
APPLICATIONS = "/console/applications/"
PROGRAMME = "/console/programmes/early-access/"


@pytest.fixture
def as_all(rosa):
    """A browser of somebody who may do everything of this, and who is shown no exception."""
    for role in ("Programme managers", "Lead reviewers", "Auditors"):
        give_role(rosa, role=role)
    client = Client(raise_request_exception=False)
    client.force_login(rosa, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def things(team, of_teams, rosa, monkeypatch):  # noqa: F811
    """One of everything that has a page; the ids that addresses name."""
    monkeypatch.setattr("portal.admissions.rules.tasks.carry_out_run.delay", lambda **_: None)
    monkeypatch.setattr("portal.admissions.bulk.tasks.decide_in_bulk.delay", lambda **_: None)
    monkeypatch.setattr("portal.admissions.waves.tasks.release_wave.delay", lambda **_: None)
    bob = cast.person("bob@example.org")
    waits = cast.application(bob, of_teams)
    member = TeamInvitation.objects.create(
        team=team, email="bob@example.org", token_hash="a", status="accepted", accepted_by=bob
    )
    at = timezone.now() + MONTH
    code = referring.make_code(of_teams, note="", uses_max=1, is_pre_approving=False, expires_at=at, by=rosa)
    on = rules.create(of_teams, name="Set", by=rosa)
    content = f"reference,decision\n{waits.reference},approve\n".encode()
    return {
        "waits": waits.reference,
        "led": team.application.reference,
        "member": member.pk,
        "code": code.code,
        "invited": inviting.pre_approve(of_teams, email="x@y.org", note="", expires_at=at, by=rosa).pk,
        "set": on.pk,
        "rule": Rule.objects.create(rule_set=on, position=1, name="R", effect="flag", conditions=[]).pk,
        "run": RuleRun.objects.create(rule_set=on, rules_sha256="").pk,
        "bulk": bulk.prepare(Application.objects.all(), verb="decline", reason="no_room", by=rosa).pk,
        "import": decision_imports.read(content, file_name="a.csv", by=rosa).pk,
        "wave": planned(of_teams, rosa).pk,
        "criterion": Criterion.objects.create(programme=of_teams, label="Merit").pk,
        "question": of_teams.questions.first().pk,
        "reply": ReplyTemplate.objects.create(name="R", text="T").pk,
        "view": SavedView.objects.create(by=rosa, name="V", query="").pk,
    }


def routes(of: dict) -> dict[str, tuple[str, ...]]:
    """Every page that takes a POST, and the fields that it reads."""
    one = f"{APPLICATIONS}{of['waits']}/"
    led = f"{APPLICATIONS}{of['led']}/team/"
    on, run = f"/console/rules/{of['set']}/", f"/console/rules/runs/{of['run']}/"
    rule = (
        "name",
        "effect",
        "condition-TOTAL_FORMS",
        "condition-INITIAL_FORMS",
        "condition-0-subject",
        "condition-0-operator",
        "condition-0-value",
    )
    asked = ("label", "code", "kind", "help_text", "choices", "shown_if_code", "shown_if_answer")
    terms = (
        "name",
        "slug",
        "summary",
        "description",
        "use_policy",
        "releases",
        "opens_at",
        "closes_at",
        "capacity",
        "decision_days",
        "pause_days",
        "account_age_days_min",
        "countries_refused",
        "seats_max",
    )
    return {
        f"{APPLICATIONS}export/csv/": (),
        f"{APPLICATIONS}bulk/": ("verb", "reason", "message"),
        f"{APPLICATIONS}bulk/{of['bulk']}/begin/": (),
        f"{APPLICATIONS}bulk/{of['bulk']}/stop/": (),
        f"{APPLICATIONS}share-out/": ("among",),
        f"{APPLICATIONS}views/": ("name", "is_shared"),
        f"{APPLICATIONS}views/{of['view']}/remove/": (),
        f"{APPLICATIONS}import/": ("file",),
        f"{APPLICATIONS}import/{of['import']}/begin/": (),
        f"{one}fill-in/": ("template", "message"),
        f"{one}decide/": ("verb", "message", "reason", "seats", "seen"),
        **{f"{one}do/{name}/": () for name in ("claim", "let-go", "conflict", "reveal", "read")},
        f"{one}do/assign/": ("to",),
        f"{one}do/note/": ("text",),
        f"{one}do/message/": ("message", "seen"),
        f"{one}do/score/": (f"score-{of['criterion']}",),
        "/console/replies/new/": ("name", "text"),
        f"/console/replies/{of['reply']}/": ("name", "text"),
        f"/console/replies/{of['reply']}/remove/": (),
        f"{PROGRAMME}criteria/new/": ("label", "help_text", "weight"),
        f"{PROGRAMME}criteria/{of['criterion']}/": ("label", "help_text", "weight"),
        f"{PROGRAMME}criteria/{of['criterion']}/remove/": (),
        "/console/programmes/new/": terms,
        f"{PROGRAMME}edit/": terms,
        f"{PROGRAMME}open/": (),
        f"{PROGRAMME}close/": (),
        f"{PROGRAMME}questions/new/": asked,
        f"{PROGRAMME}questions/{of['question']}/": asked,
        f"{PROGRAMME}questions/{of['question']}/down/": (),
        f"{PROGRAMME}gating/": ("card", "seen"),
        f"{PROGRAMME}gating/take-over/": ("card", "seen"),
        led: ("name", "seats"),
        f"{led}{of['member']}/": ("message",),
        "/console/invitations/new/": ("programme", "emails", "days", "note"),
        f"/console/invitations/{of['invited']}/revoke/": (),
        "/console/invitations/codes/new/": ("programme", "uses_max", "days", "is_pre_approving", "note"),
        f"/console/invitations/codes/{of['code']}/revoke/": (),
        "/console/waves/new/": ("programme", "name", "size", "order", "country_percent_max", "scheduled_at"),
        f"/console/waves/{of['wave']}/release/": (),
        f"/console/waves/{of['wave']}/cancel/": (),
        "/console/rules/": ("programme", "name"),
        f"{on}new/": rule,
        f"{on}{of['rule']}/": rule,
        f"{on}{of['rule']}/up/": (),
        f"{on}{of['rule']}/remove/": (),
        f"{on}try/": (),
        f"{on}copy/": (),
        f"{on}activate/": (),
        f"{on}retire/": (),
        f"{run}begin/": (),
        f"{run}stop/": (),
    }


def answered(client, address, data) -> tuple[int, str]:
    """The status and the text of the answer; what it changed is undone."""
    before = transaction.savepoint()
    answer = client.post(address, data)
    content = b"" if answer.streaming else answer.content
    transaction.savepoint_rollback(before)
    return answer.status_code, content.decode()


def test_every_page_answers_whatever_is_sent_to_it(as_all, things):
    failed, accepted = [], set()
    for address, fields in routes(things).items():
        for data in (MISSING, *(dict.fromkeys(fields, value) for value in HOSTILE[:3])):
            status, text = answered(as_all, address, data)
            if status >= 500 or (status == 422 and not SENTENCE.search(text)):
                failed.append((address, data, status))
            if data is MISSING and fields and status != 422:
                accepted.add(address.split("/")[-2])

    assert failed == []
    assert accepted == ANSWERED_ELSEWHERE


# What is right elsewhere, so that one wrong field is not hidden behind another.
RIGHT = {
    "verb": "approve",
    "seen": "999999999",
    "seats": "2",
    "message": "Hello.",
    "reason": "no_room",
    "name": "A name",
    "slug": "a-slug",
    "label": "A label",
    "code": "a_code",
    "kind": "choice",
    "choices": "A\nB",
    "weight": "1",
    "text": "Words.",
    "emails": "new@example.org",
    "days": "3",
    "uses_max": "3",
    "size": "3",
    "order": "score",
    "country_percent_max": "10",
    "scheduled_at": "2100-01-01 09:00",
    "effect": "flag",
    "condition-TOTAL_FORMS": "1",
    "condition-INITIAL_FORMS": "0",
    "condition-0-subject": "country",
    "condition-0-operator": "is",
    "condition-0-value": "DE",
    "card": "extra_gated_fields: {A: text}",
}


def test_one_wrong_field_among_right_ones_is_answered(as_all, things, of_teams):  # noqa: F811
    failed = []
    for address, fields in routes(things).items():
        # Rules name their programme by its slug, the other forms by its id.
        to = of_teams.slug if address == "/console/rules/" else of_teams.pk
        right = {name: value for name, value in (RIGHT | {"programme": to}).items() if name in fields}
        for field in fields:
            for value in HOSTILE:
                status, _ = answered(as_all, address, right | {field: value})
                if status >= 500:
                    failed.append((address, field, value[:20], status))

    assert failed == []


@pytest.mark.parametrize(
    "asked",
    [
        "programme=%00",
        "status=%00&q=%00",
        "before=%00",
        "after=9~9",
        "assignee=²",
        "age=²",
        "answer=%00",
        "score=9",
    ],
)
def test_filters_that_are_none_count_as_not_asked_for(as_all, things, asked):
    pages = ("", "bulk/")

    assert [as_all.get(f"{APPLICATIONS}{page}?{asked}").status_code for page in pages] == [200, 200]


def test_references_that_cannot_be_choose_nobody_and_not_everybody(as_all, things):
    page = as_all.get(f"{APPLICATIONS}bulk/?reference=%00")

    assert (page.status_code, page.context["number"]) == (200, 0)


@pytest.mark.parametrize("asked", ["page=²&outcome=%00&rule=²", "page=99999999999999999999&rule=" + "9" * 30])
def test_places_in_a_list_that_are_none_are_the_first_or_the_last(as_all, things, asked):
    pages = [
        f"/console/rules/runs/{things['run']}/",
        f"/console/waves/{things['wave']}/",
        f"{APPLICATIONS}bulk/{things['bulk']}/",
        f"{APPLICATIONS}import/{things['import']}/",
        f"/console/invitations/codes/{things['code']}/",
        "/console/invitations/",
        "/console/waves/",
        "/console/ledger/",
    ]

    assert [as_all.get(f"{page}?{asked}").status_code for page in pages] == [200] * len(pages)
