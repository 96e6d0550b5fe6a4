"""Applications as files: what they hold, who may take them, and that the ledger hears of it."""

import csv
import json

import pytest

from portal.admissions import actions
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import ANSWERS, programme
from tests.conftest import signed_in

__all__ = ["programme"]
URL = "/console/applications/export/"


@pytest.fixture
def two(programme, rosa):
    """Two applications, one of which would be a formula in a spreadsheet; one more is declined."""
    made = []
    for name, organisation in (("bea", "=HYPERLINK(1)"), ("cem", "Institute"), ("dan", "Institute")):
        person = cast.person(f"{name}@example.org", name=name.title())
        answers = ANSWERS | {"organisation": organisation}
        made.append(actions.submit(actions.start(programme, by=person), answers=answers, by=person))
    actions.decline(made[2], by=rosa, reason="incomplete")
    return made[:2]


def body(answer) -> str:
    return b"".join(answer).decode()


def test_rosa_takes_what_the_queue_shows_as_a_spreadsheet(two, rosa):
    answer = signed_in(rosa).post(f"{URL}csv/?country=DE")

    rows = list(csv.DictReader(body(answer).splitlines()))
    assert [row["reference"] for row in rows] == [one.reference for one in two]
    assert [row["answer_organisation"] for row in rows] == ["'=HYPERLINK(1)", "Institute"]
    assert (rows[0]["name"], rows[0]["country"], rows[0]["status"]) == ("Bea", "DE", "submitted")
    # A question's code may be the name of a fact.
    assert rows[0]["answer_country"] == "Germany"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="applications-')
    told = Entry.objects.get(verb="applications.exported")
    assert (told.actor_id, told.data) == (rosa.pk, {"country": "DE", "status": "waiting"})


def test_json_lines_hold_the_wording_of_the_questions(two, rosa):
    answer = signed_in(rosa).post(f"{URL}jsonl/?status=declined")

    [line] = [json.loads(line) for line in body(answer).splitlines()]
    assert (line["email"], line["decline_reason"]) == ("dan@example.org", "incomplete")
    [country] = [one for one in line["answers"] if one["code"] == "country"]
    assert country["question"].endswith("?")
    assert country["answer"] == "Germany"


def test_nothing_found_is_a_file_with_its_headings(two, rosa):
    assert body(signed_in(rosa).post(f"{URL}csv/?q=nobody")).startswith("reference,programme,status")
    assert body(signed_in(rosa).post(f"{URL}jsonl/?q=nobody")) == ""


def test_only_reviewers_and_only_by_the_button(two, rosa, mallory):
    assert signed_in(mallory).post(f"{URL}csv/").status_code == 403
    assert signed_in(rosa).get(f"{URL}csv/").status_code == 405
    assert signed_in(rosa).post(f"{URL}xlsx/").status_code == 404
    assert not Entry.objects.filter(verb="applications.exported").exists()


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_export_takes_as_many_queries_for_each_number(two, rosa, kind, django_assert_num_queries):
    client = signed_in(rosa)
    client.get("/")

    with django_assert_num_queries(14 if kind == "csv" else 13):
        body(client.post(f"{URL}{kind}/?status=all"))
