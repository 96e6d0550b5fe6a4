"""Following an application: the status page, answering, withdrawing, applying again, and who may look."""

from datetime import timedelta

import pytest

from portal.admissions import actions
from portal.admissions.models import Application, ApplicationStatus
from portal.admissions.programmes import actions as programme_actions
from portal.admissions.views import following
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import ANSWERS
from tests.conftest import signed_in

URL = "/apply/early-access/"
HTMX = {"HX-Request": "true"}


def test_ann_reads_the_reviewers_message_but_not_their_name(submitted, ann, rosa):
    actions.decline(submitted, by=rosa, message="Tell us <more> about the data.")

    page = signed_in(ann).get(URL).content.decode()

    assert "Tell us &lt;more&gt; about the data." in page
    assert "Declined" in page
    assert "a reviewer" in page
    assert "rosa" not in page.lower()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_ann_answers_a_question_in_place(submitted, ann, rosa, headers):
    actions.request_information(submitted, by=rosa, message="Which minutes?")
    client = signed_in(ann)
    question = client.get(URL).content.decode()

    answer = client.post(
        f"{submitted.get_absolute_url()}answer/",
        {"message": "Those of Berlin."},
        headers=headers,
        follow=True,
    )

    submitted.refresh_from_db()
    assert "Which minutes?" in question
    assert submitted.status == ApplicationStatus.IN_REVIEW
    assert submitted.notes.last().message == "Those of Berlin."
    assert "Those of Berlin." in answer.content.decode()
    assert ("<html" in answer.content.decode()) is not bool(headers)
    assert 'id="application"' in answer.content.decode()


def test_an_empty_answer_is_asked_for_again(submitted, ann, rosa):
    actions.request_information(submitted, by=rosa, message="Which minutes?")

    page = signed_in(ann).post(f"{submitted.get_absolute_url()}answer/", {"message": "  "})

    assert page.status_code == 422
    assert "Write an answer to the reviewer&#x27;s question." in page.content.decode()


def test_an_answer_that_nobody_waits_for_is_refused(submitted, ann):
    page = signed_in(ann).post(f"{submitted.get_absolute_url()}answer/", {"message": "By the way"})

    assert page.status_code == 409
    assert "No question is open" in page.content.decode()


def test_ann_withdraws_after_being_asked(submitted, ann):
    client = signed_in(ann)
    address = f"{submitted.get_absolute_url()}withdraw/"

    question = client.get(address)
    page = client.post(address, follow=True)

    submitted.refresh_from_db()
    assert "Withdraw your application?" in question.content.decode()
    assert submitted.status == ApplicationStatus.WITHDRAWN
    assert "Apply again" in page.content.decode()
    assert Entry.objects.about(submitted).last().verb == "application.withdrawn"


def test_looking_at_the_question_withdraws_nothing(submitted, ann):
    signed_in(ann).get(f"{submitted.get_absolute_url()}withdraw/")

    submitted.refresh_from_db()
    assert submitted.status == ApplicationStatus.SUBMITTED


def test_withdrawing_what_was_approved_is_refused(submitted, ann, rosa):
    actions.approve(submitted, by=rosa)

    page = signed_in(ann).post(f"{submitted.get_absolute_url()}withdraw/")

    assert page.status_code == 409
    assert "is approved and cannot become withdrawn" in page.content.decode()


@pytest.mark.parametrize("end", ["decline", "withdraw", "revoke"])
def test_ann_applies_again_from_her_old_answers_but_consents_anew(submitted, ann, rosa, end):
    if end == "withdraw":
        actions.withdraw(submitted, by=ann)
    elif end == "decline":
        actions.decline(submitted, by=rosa, message="Why?")
    else:
        actions.revoke(actions.approve(submitted, by=rosa), by=rosa, message="Leaked.")
    client = signed_in(ann)

    page = client.post(f"{URL}again/", follow=True)

    draft = Application.objects.exclude(pk=submitted.pk).get()
    assert draft.status == ApplicationStatus.DRAFT
    assert draft.answers == {code: answer for code, answer in ANSWERS.items() if code != "use_policy"}
    assert "Summarising the minutes" in page.content.decode()


def test_applying_again_while_one_is_under_way_starts_nothing(submitted, ann):
    signed_in(ann).post(f"{URL}again/")

    assert Application.objects.get() == submitted
    submitted.refresh_from_db()
    assert submitted.answers == ANSWERS


def test_nobody_applies_again_to_a_closed_programme(submitted, ann, programme):
    actions.withdraw(submitted, by=ann)
    programme_actions.close_programme(programme, by=None)
    client = signed_in(ann)

    page, tried = client.get(URL), client.post(f"{URL}again/")

    assert "Apply again" not in page.content.decode()
    assert tried.status_code == 409


def test_earlier_applications_stay_readable(submitted, ann):
    actions.withdraw(submitted, by=ann)
    second = actions.start(submitted.programme, by=ann)
    second = actions.submit(second, answers=ANSWERS, by=ann)
    client = signed_in(ann)

    now, before = client.get(URL).content.decode(), client.get(submitted.get_absolute_url()).content.decode()

    assert f'href="{submitted.get_absolute_url()}"' in now
    assert second.reference in now
    assert "You withdrew this application" in before
    assert "Apply again" not in before


def test_mallory_finds_nothing_of_anns(submitted, mallory, rosa):
    actions.request_information(submitted, by=rosa, message="Which minutes?")
    client = signed_in(mallory)
    address = submitted.get_absolute_url()

    answers = [
        client.get(address),
        client.post(f"{address}answer/", {"message": "Mine"}),
        client.get(f"{address}withdraw/"),
        client.post(f"{address}withdraw/"),
        client.get(f"/console/applications/{submitted.reference}/"),
        client.post(f"/console/applications/{submitted.reference}/decide/", {"verb": "approve", "seen": 99}),
        client.get("/console/applications/"),
    ]

    submitted.refresh_from_db()
    assert [answer.status_code for answer in answers] == [404, 404, 404, 404, 403, 403, 403]
    assert submitted.status == ApplicationStatus.INFORMATION_REQUESTED
    assert not any("Which minutes" in answer.content.decode() for answer in answers)


@pytest.mark.parametrize("reference", ["REQ-22222222", "1", "..%2f..", "REQ-%00", "' OR 1=1 --"])
def test_a_tampered_reference_is_404(ann, programme, reference):
    assert signed_in(ann).get(f"{URL}{reference}/").status_code == 404


def test_anns_reference_under_another_programme_is_404(submitted, ann):
    cast.programme(slug="other")

    assert signed_in(ann).get(f"/apply/other/{submitted.reference}/").status_code == 404


def test_a_stranger_with_a_link_from_a_mail_is_asked_to_sign_in(client, submitted):
    response = client.get(submitted.get_absolute_url())

    assert response["Location"] == f"/accounts/login/?next={submitted.get_absolute_url()}"


@pytest.mark.parametrize("count", [1, 3])
def test_the_status_page_costs_the_same_for_one_application_and_three(
    ann, programme, count, settings, django_assert_num_queries
):
    settings.USERSESSIONS_TRACK_ACTIVITY = False
    for _ in range(count):
        last = actions.submit(actions.start(programme, by=ann), answers=ANSWERS, by=ann)
        actions.withdraw(last, by=ann)
    client = signed_in(ann)

    # The session, the person, the programme, its questions and releases, the newest application,
    # its timeline, the earlier ones, its waves, and whether one is under way.
    with django_assert_num_queries(10):
        page = client.get(URL)

    assert len(page.context["earlier"]) == count - 1


@pytest.mark.parametrize(
    ("others", "words"),
    [
        (0, "No other application waits before yours."),
        (1, "Between 1 and 10 applications wait before yours."),
        (11, "Between 11 and 50 applications wait before yours."),
    ],
)
def test_ann_is_told_her_place_as_a_range(ann, programme, others, words):
    for number in range(others):
        cast.application(cast.person(f"p{number}@example.org"), programme)
    cast.application(cast.person("decided@example.org"), programme, ApplicationStatus.WAITLISTED)
    actions.submit(actions.start(programme, by=ann), answers=ANSWERS, by=ann)

    assert words in signed_in(ann).get(URL).content.decode()


def test_nobody_is_told_a_place_once_it_is_decided(ann, rosa, submitted, programme):
    actions.waitlist(submitted, by=rosa)

    assert "before yours" not in signed_in(ann).get(URL).content.decode()


def test_beyond_the_last_range_it_is_more(submitted, programme, monkeypatch):
    for number in range(2):
        made = cast.application(cast.person(f"p{number}@example.org"), programme)
        Application.objects.filter(pk=made.pk).update(submitted_at=submitted.submitted_at - timedelta(days=1))
    monkeypatch.setattr(following, "PLACES", (1,))

    assert following.place_in_words(submitted) == "More than 1 applications wait before yours."
