"""What is sent to the pages of applying, however wrong, is answered with a sentence."""

import pytest
from django.db import transaction
from django.test import Client

from portal.accounts import unsubscribing
from portal.admissions.models import AnswerFile, Question
from portal.admissions.views import unsaved
from tests.admissions.conftest import ANSWERS

HOSTILE = {
    "missing": None,
    "nul": "a\0b",
    "no number": "²",
    "huge number": "9" * 40,
    "endless number": "9" * 5_000,
    "long": "x" * 100_000,
}
APPLY = "/apply/early-access/"


def answered(client, address, data) -> int:
    """The status of the answer; what it changed is undone."""
    before = transaction.savepoint()
    answer = client.post(address, data)
    transaction.savepoint_rollback(before)
    return answer.status_code


def browser_of(user) -> Client:
    """A browser in which `user` is signed in, and is shown no exception."""
    client = Client(raise_request_exception=False)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def of_every_kind(of_teams):
    """The programme, which asks a question of every kind."""
    for position, kind in enumerate(("choices", "number", "url", "file", "long_text"), start=10):
        Question.objects.create(
            programme=of_teams,
            position=position,
            code=kind,
            kind=kind,
            label=kind,
            is_required=False,
            choices=["A", "B"] if kind == "choices" else [],
        )
    return of_teams


def failures(client, routes) -> list[tuple[str, str]]:
    return [
        (address, name)
        for address, fields in routes.items()
        for name, value in HOSTILE.items()
        if answered(client, address, fields(value)) >= 500
    ]


def test_a_form_of_every_kind_of_question_is_answered(of_every_kind, ann):
    slip = {"slip": unsaved.slip_for(ann)}
    right = {f"answer-{code}": answer for code, answer in ANSWERS.items()} | slip
    names = [f"answer-{one.code}" for one in of_every_kind.questions.all()]
    names += ["answer-team.name", "answer-team.seats", "answer-referral.code", "slip", "save"]

    def all_of(value):
        return slip if value is None else dict.fromkeys(names, value) | slip

    def each_of(name):
        return lambda value: right if value is None else right | {name: value}

    as_ann = browser_of(ann)
    found = failures(as_ann, {APPLY: all_of, f"{APPLY}draft/": all_of, f"{APPLY}again/": all_of})
    found += [failure for name in names for failure in failures(as_ann, {APPLY: each_of(name)})]
    found += failures(Client(raise_request_exception=False), {APPLY: all_of, f"{APPLY}draft/": all_of})

    assert found == []


def test_every_page_of_an_application_is_answered(of_every_kind, team, ann):
    at = team.application.get_absolute_url()
    names = [f"answer-{one.code}" for one in of_every_kind.questions.all()]
    names += ["message", "emails", "answer", "again", "slip"]

    def all_of(value):
        return {} if value is None else dict.fromkeys(names, value)

    pages = (
        "answer/",
        "appeal/",
        "message/",
        "correct/",
        "delete/",
        "withdraw/",
        "team/",
        "team/9/send/",
        "team/99999999999999999999/revoke/",
        "team/99999999999999999999/remove/",
    )
    others = (
        "/join/none/",
        "/invited/none/",
        "/teams/9/leave/",
        "/teams/99999999999999999999/leave/",
        unsubscribing.path_for(ann),
    )

    routes = {f"{at}{page}": all_of for page in pages} | dict.fromkeys(others, all_of)
    assert failures(browser_of(ann), routes) == []


def test_a_correction_of_whatever_kind_is_answered(of_every_kind, submitted, ann):
    right = {f"answer-{code}": answer for code, answer in ANSWERS.items()}
    names = [f"answer-{one.code}" for one in of_every_kind.questions.all()]

    def each_of(name):
        return lambda value: right if value is None else right | {name: value}

    as_ann = browser_of(ann)
    at = f"{submitted.get_absolute_url()}correct/"
    assert [failure for name in names for failure in failures(as_ann, {at: each_of(name)})] == []
    assert not AnswerFile.objects.exists()


def test_addresses_of_strangers_and_of_nothing_are_not_found(team, mallory, release):
    as_mallory = browser_of(mallory)
    at = team.application.get_absolute_url()
    pages = (
        "",
        "export/",
        "correct/",
        "delete/",
        "withdraw/",
        "team/",
        "files/cv/",
        "team/1/remove/",
        "waves/6f9619ff-8b86-d011-b42d-00c04fc964ff/",
    )

    assert [as_mallory.get(f"{at}{page}").status_code for page in pages] == [404] * len(pages)
    posts = (
        "answer/",
        "appeal/",
        "message/",
        "correct/",
        "delete/",
        "withdraw/",
        "team/",
        "team/1/send/",
        "team/1/revoke/",
        "team/1/remove/",
    )
    assert [as_mallory.post(f"{at}{page}").status_code for page in posts] == [404] * len(posts)
