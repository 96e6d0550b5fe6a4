"""Decisions from a file: a report for every row, nothing before it is confirmed, each decided once."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from portal.admissions import actions
from portal.admissions.bulk import actions as bulk
from portal.admissions.bulk import decision_imports, tasks
from portal.admissions.models import Application, BulkDecision, DecisionImport
from portal.admissions.models import ApplicationStatus as Status
from portal.common.transitions import IllegalMove
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import ANSWERS
from tests.conftest import signed_in

URL = "/console/applications/import/"


@pytest.fixture(autouse=True)
def sent(monkeypatch) -> list[str]:
    """The tasks that were sent, instead of a broker."""
    sent: list[str] = []
    monkeypatch.setattr(tasks.decide_in_bulk, "delay", lambda *, bulk_id: sent.append(bulk_id))
    return sent


@pytest.fixture
def crowd(programme) -> list[Application]:
    """Five applications, handed in."""
    people = [cast.person(f"p{number}@example.org") for number in range(5)]
    return [actions.submit(actions.start(programme, by=one), answers=ANSWERS, by=one) for one in people]


def written(*rows) -> bytes:
    lines = ["reference,decision,reason,message", *(",".join(row) for row in rows)]
    return "\n".join(lines).encode()


def imported(rosa, *rows) -> DecisionImport:
    return decision_imports.read(written(*rows), file_name="wave.csv", by=rosa)


def told(made) -> list[str]:
    return [row["told"] for row in made.rows]


def test_each_row_is_decided_as_it_says(crowd, rosa):
    one, two, three = (made.reference for made in crowd[:3])
    made = imported(
        rosa,
        (one, "approve", "", "Welcome"),
        (two.lower(), "Waitlisted", "", ""),
        (three, "decline", "no_room", "Sorry"),
    )
    assert told(made) == ["Would be approved.", "Would be put on the waiting list.", "Would be declined."]
    assert set(Application.objects.values_list("status", flat=True)) == {Status.SUBMITTED}
    bulk.begin(made.bulk, by=rosa)

    tasks.decide_in_bulk(bulk_id=str(made.bulk.pk))
    tasks.decide_in_bulk(bulk_id=str(made.bulk.pk))

    rows = [Application.objects.get(pk=one.pk) for one in crowd[:3]]
    assert [(row.status, row.decline_reason, row.notes.last().message) for row in rows] == [
        (Status.APPROVED, "", "Welcome"),
        (Status.WAITLISTED, "", ""),
        (Status.DECLINED, "no_room", "Sorry"),
    ]
    assert Entry.objects.filter(verb="application.approved").count() == 1
    assert [row["outcome"] for row in decision_imports.report(made)] == ["Decided."] * 3


def test_the_ledger_says_which_file_was_read(crowd, rosa):
    made = imported(rosa, (crowd[0].reference, "approve"), ("REQ-NOBODY", "approve"))

    entry = Entry.objects.about(made).get()
    assert (entry.verb, entry.data) == (
        "decisions.imported",
        {"file": "wave.csv", "sha256": made.sha256, "possible": {"approve": 1}, "refused": 1},
    )


def test_a_wrong_row_is_told_what_to_do_and_loses_no_other(crowd, programme, rosa):
    one, two, approved, declined, appealed = crowd
    actions.approve(approved, by=rosa)
    actions.decline(declined, by=rosa, reason="incomplete")
    actions.appeal(
        actions.decline(appealed, by=rosa, reason="incomplete"), by=appealed.applicant, message="No."
    )
    own = actions.submit(actions.start(programme, by=rosa), answers=ANSWERS, by=rosa)
    draft = actions.start(programme, by=cast.person("draft@example.org"))
    made = imported(
        rosa,
        (one.reference, "approve"),
        ("REQ-NOBODY", "approve"),
        ("", "approve"),
        (two.reference, "maybe"),
        (two.reference, "decline", "", ""),
        (approved.reference, "approve"),
        (approved.reference, "waitlist"),
        (declined.reference, "approve"),
        (appealed.reference, "approve"),
        (own.reference, "approve"),
        (draft.reference, "approve"),
        (one.reference, "approve", "", "a", "b"),
    )

    assert [row["line"] for row in made.rows] == list(range(2, 14))
    assert told(made) == [
        "The reference stands on the lines 2, 13. Keep one of them.",
        "No application has this reference. Check how it is written.",
        "The reference is missing. Write the one that the queue shows, such as REQ-7KQ2MX9D.",
        "“maybe” is no decision. Write approve, waitlist or decline.",
        "The reference stands on the lines 5, 6. Keep one of them.",
        "The reference stands on the lines 7, 8. Keep one of them.",
        "The reference stands on the lines 7, 8. Keep one of them.",
        "It is declined, and only its applicant can appeal. Remove the row.",
        "It is an appeal against your own decision. Ask another reviewer.",
        "It is your own application. Ask another reviewer.",
        "No application has this reference. Check how it is written.",
        "The row has more cells than there are headings. Put a text with commas into quotation marks.",
    ]
    assert (made.bulk, BulkDecision.objects.count()) == (None, 0)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (("decline", "", ""), "A decline is owed a reason. Write one of: incomplete,"),
        (("decline", "because", ""), "“because” is no reason that is known."),
        (("decline", "other", ""), "This reason says nothing by itself."),
        (("approve", "no_room", ""), "Only a decline has a reason."),
        (("approve", "", "x" * 4_001), "The message has more than 4,000 characters."),
    ],
)
def test_a_decision_lacks_what_it_is_owed(crowd, rosa, row, problem):
    made = imported(rosa, (crowd[0].reference, *row), (crowd[1].reference, "approve"))

    assert told(made)[0].startswith(problem)
    assert [item.application for item in made.bulk.items.all()] == [crowd[1]]


def test_what_has_ended_is_told_by_its_state(crowd, rosa):
    actions.approve(crowd[0], by=rosa)
    actions.withdraw(crowd[1], by=crowd[1].applicant)

    made = imported(
        rosa,
        (crowd[0].reference, "approve"),
        (crowd[1].reference, "approve"),
        (crowd[2].reference, "approve"),
    )

    assert told(made) == [
        "It is approved already. Remove the row.",
        "It is withdrawn and cannot be approved any more. Remove the row.",
        "Would be approved.",
    ]


def test_what_somebody_did_after_the_report_stays(crowd, rosa, rolf):
    made = imported(rosa, (crowd[0].reference, "approve"), (crowd[1].reference, "approve"))
    actions.request_information(crowd[0], by=rolf, message="Which?")
    bulk.begin(made.bulk, by=rosa)

    tasks.decide_in_bulk(bulk_id=str(made.bulk.pk))

    outcomes = [row["outcome"] for row in decision_imports.report(made)]
    assert outcomes[0].startswith("Left as it was. rolf@example.org was here first")
    assert outcomes[1] == "Decided."


def sent_file(content: bytes):
    return {"file": SimpleUploadedFile("wave.csv", content, content_type="text/csv")}


def test_rosa_sees_the_report_before_she_confirms(as_rosa, crowd, sent, django_capture_on_commit_callbacks):
    answer = as_rosa.post(URL, sent_file(written((crowd[0].reference, "approve"), ("REQ-NOBODY", "approve"))))
    made = DecisionImport.objects.get()
    assert answer["Location"] == made.get_absolute_url()
    page = as_rosa.get(answer["Location"]).content.decode()
    assert "1 application</strong> would be decided on." in page
    assert "1 row has an error and would be left out." in page
    assert "Nothing has happened yet." in page

    with django_capture_on_commit_callbacks(execute=True):
        begun = as_rosa.post(f"{answer['Location']}begin/")

    assert begun["Location"] == made.bulk.get_absolute_url()
    assert sent == [str(made.bulk.pk)]
    assert "These decisions are running." in as_rosa.get(answer["Location"]).content.decode()
    assert "As the file says" in as_rosa.get(begun["Location"]).content.decode()
    assert as_rosa.post(f"{answer['Location']}begin/").status_code == 409


def test_only_the_wrong_rows_are_shown_when_asked_for(as_rosa, crowd, rosa):
    made = imported(rosa, (crowd[0].reference, "approve"), ("REQ-NOBODY", "approve"))

    page = as_rosa.get(f"{made.get_absolute_url()}?show=wrong")

    assert [row["reference"] for row in page.context["page"]] == ["REQ-NOBODY"]


def test_a_file_of_which_nothing_is_possible_says_so(as_rosa, rosa):
    made = imported(rosa, ("REQ-NOBODY", "approve"))

    assert "No row can be carried out." in as_rosa.get(made.get_absolute_url()).content.decode()
    assert as_rosa.post(f"{made.get_absolute_url()}begin/").status_code == 409


def test_the_report_is_a_file_that_no_spreadsheet_takes_for_formulas(as_rosa, crowd, rosa):
    made = imported(rosa, (crowd[0].reference, "approve"), ("=1+1", "approve"))

    answer = as_rosa.get(f"{made.get_absolute_url()}report.csv")

    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines == [
        "line,reference,decision,report,outcome",
        f"2,{crowd[0].reference},approve,Would be approved.,",
        "3,'=1+1,approve,No application has this reference. Check how it is written.,",
    ]


def test_a_file_that_is_none_is_refused_on_its_form(as_rosa):
    for data, sentence in (
        (sent_file(b"reference\nREQ-A\n"), "lacks the heading"),
        (sent_file(b""), "The file is empty."),
        ({}, "Choose a file."),
    ):
        answer = as_rosa.post(URL, data)
        assert answer.status_code == 422
        assert sentence in answer.content.decode()


def test_nobody_sees_another_reviewers_file(crowd, rosa, rolf, as_mallory, client):
    made = imported(rosa, (crowd[0].reference, "approve"))
    at = made.get_absolute_url()

    for path in (at, f"{at}report.csv"):
        assert signed_in(rolf).get(path).status_code == 404
        assert as_mallory.get(path).status_code == 403
        assert client.get(path)["Location"].startswith("/accounts/login/")


def test_a_file_is_carried_out_once(crowd, rosa):
    made = imported(rosa, (crowd[0].reference, "approve"))
    bulk.begin(made.bulk, by=rosa)

    with pytest.raises(IllegalMove):
        bulk.begin(made.bulk, by=rosa)


@pytest.mark.parametrize("count", [1, 3])
def test_the_report_costs_the_same_for_one_and_three(  # noqa: PLR0917 - fixtures
    as_rosa, crowd, rosa, count, settings, django_assert_num_queries
):
    settings.USERSESSIONS_TRACK_ACTIVITY = False
    made = imported(rosa, *((one.reference, "approve") for one in crowd[:count]))

    # The session, the person, their two kinds of permissions, the file with its decision, and its items.
    with django_assert_num_queries(6):
        as_rosa.get(made.get_absolute_url())


@pytest.mark.parametrize("count", [1, 3])
def test_a_file_is_read_in_as_many_queries_for_one_and_three(crowd, rosa, count, django_assert_num_queries):
    with django_assert_num_queries(10):
        imported(rosa, *((one.reference, "approve") for one in crowd[:count]))
