"""Reading one application and deciding on it, with htmx and without."""

import pytest

from portal.admissions import actions
from portal.admissions.models import Application, ApplicationStatus
from tests import cast
from tests.admissions.conftest import ANSWERS
from tests.conftest import signed_in

HTMX = {"HX-Request": "true"}


def at(application, tail=""):
    return f"/console/applications/{application.reference}/{tail}"


def decision(client, application, **changes):
    """What the page's form would send."""
    seen = client.get(at(application)).context["seen"]
    return {"verb": "approve", "message": "", "seen": seen} | changes


def test_rosa_reads_everything_that_a_decision_needs(as_rosa, submitted, programme):
    programme.questions.filter(code="country").update(label="Where?")

    page = as_rosa.get(at(submitted)).content.decode()

    for text in (
        "In which country will you use the models?",
        "Germany",
        "Agreed",
        "Ann Applicant",
        "ann@example.org",
    ):
        assert text in page
    assert "Application submitted" in page
    assert "None; this is the first one." in page


def test_rosa_sees_what_the_person_sent_in_before(as_rosa, submitted, ann, rosa):
    actions.decline(submitted, by=rosa, message="Why?")
    second = actions.submit(actions.start(submitted.programme, by=ann), answers=ANSWERS, by=ann)

    page = as_rosa.get(at(second)).content.decode()

    assert f'href="{at(submitted)}"' in page
    assert "Declined" in page


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_rosa_approves_with_and_without_htmx(as_rosa, submitted, headers):
    sent = decision(as_rosa, submitted, message="Welcome!")

    answer = as_rosa.post(at(submitted, "decide/"), sent, headers=headers, follow=True)

    submitted.refresh_from_db()
    text = answer.content.decode()
    assert submitted.status == ApplicationStatus.APPROVED
    assert f"{submitted.reference} is approved." in text
    assert "Welcome!" in text
    assert "Revoke the approval" in text
    assert text.count('id="review"') == 1
    assert ("<html" in text) is not bool(headers)
    assert ('hx-swap-oob="true"' in text) is bool(headers)


@pytest.mark.parametrize(
    ("chosen", "asked"),
    [
        ({"verb": "request_information"}, "needs a message"),
        ({"verb": "decline"}, "Choose a reason first"),
        ({"verb": "decline", "reason": "other"}, "this reason says nothing by itself"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_decision_without_what_it_is_owed_asks_for_it(as_rosa, submitted, chosen, asked, headers):
    sent = decision(as_rosa, submitted, **chosen)

    answer = as_rosa.post(at(submitted, "decide/"), sent, headers=headers)

    submitted.refresh_from_db()
    assert answer.status_code == 422
    assert asked in answer.content.decode()
    assert submitted.status == ApplicationStatus.SUBMITTED


@pytest.mark.parametrize(
    "changes", [{"verb": "explode"}, {"verb": ""}, {"seen": ""}, {"seen": "-1"}, {"seen": "x"}]
)
def test_a_tampered_decision_does_nothing(as_rosa, submitted, changes):
    answer = as_rosa.post(at(submitted, "decide/"), decision(as_rosa, submitted, **changes))

    submitted.refresh_from_db()
    assert answer.status_code == 422
    assert submitted.status == ApplicationStatus.SUBMITTED


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_the_second_reviewer_is_shown_what_the_first_did_and_keeps_what_they_wrote(
    as_rosa, rolf, submitted, headers
):
    as_rolf = signed_in(rolf)
    late = decision(as_rolf, submitted, verb="decline", reason="other", message="Rolf's careful words")
    as_rosa.post(
        at(submitted, "decide/"), decision(as_rosa, submitted, verb="waitlist", message="No room yet.")
    )

    answer = as_rolf.post(at(submitted, "decide/"), late, headers=headers)

    submitted.refresh_from_db()
    text = answer.content.decode()
    assert answer.status_code == 409
    assert submitted.status == ApplicationStatus.WAITLISTED
    assert submitted.decided_by.email == "rosa@example.org"
    assert "rosa@example.org was here first: “Application waitlisted” at" in text
    assert "No room yet." in text
    assert "Rolf&#x27;s careful words" in text


def test_having_read_what_happened_the_second_reviewer_may_decide(as_rosa, rolf, submitted):
    as_rolf = signed_in(rolf)
    late = decision(as_rolf, submitted, verb="decline", reason="other", message="No.")
    as_rosa.post(at(submitted, "decide/"), decision(as_rosa, submitted, verb="waitlist"))
    refused = as_rolf.post(at(submitted, "decide/"), late)

    as_rolf.post(at(submitted, "decide/"), late | {"seen": refused.context["seen"]})

    submitted.refresh_from_db()
    assert submitted.status == ApplicationStatus.DECLINED


def test_a_double_click_decides_once(as_rosa, submitted):
    sent = decision(as_rosa, submitted)
    as_rosa.post(at(submitted, "decide/"), sent)

    again = as_rosa.post(at(submitted, "decide/"), sent)

    assert again.status_code == 409
    assert submitted.notes.filter(verb="application.approved").count() == 1


def test_rosa_cannot_decide_on_her_own(as_rosa, rosa, programme):
    own = actions.submit(actions.start(programme, by=rosa), answers=ANSWERS, by=rosa)

    page = as_rosa.get(at(own)).content.decode()
    answer = as_rosa.post(at(own, "decide/"), {"verb": "approve", "seen": 99_999_999})

    own.refresh_from_db()
    assert "another reviewer decides on it" in page
    assert 'name="verb"' not in page
    assert answer.status_code == 403
    assert "You cannot decide on your own application" in answer.content.decode()
    assert own.status == ApplicationStatus.SUBMITTED


@pytest.mark.parametrize(
    ("status", "verbs"),
    [
        ("submitted", ["approve", "waitlist", "request_information", "decline", "begin_review"]),
        ("in_review", ["approve", "waitlist", "request_information", "decline"]),
        ("information_requested", ["approve", "waitlist", "request_information", "decline", "begin_review"]),
        ("waitlisted", ["approve", "decline"]),
        ("approved", ["revoke"]),
        ("declined", []),
        ("withdrawn", []),
        ("revoked", []),
    ],
)
def test_the_page_offers_what_the_state_allows(as_rosa, programme, ann, status, verbs):
    application = cast.application(ann, programme, status)

    page = as_rosa.get(at(application))

    assert [choice.verb for choice in page.context["choices"]] == verbs
    assert page.content.decode().count('name="verb"') == len(verbs)


def test_a_look_decides_nothing(as_rosa, submitted):
    assert as_rosa.get(at(submitted, "decide/")).status_code == 405


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_costs_the_same_for_one_earlier_application_and_three(  # noqa: PLR0917 - fixtures
    as_rosa, submitted, ann, rosa, programme, count, settings, django_assert_num_queries
):
    settings.USERSESSIONS_TRACK_ACTIVITY = False
    for _ in range(count):
        cast.application(ann, programme, "declined")

    # The session, the person, their two kinds of permissions, the application with its proposal, both halves
    # of its history, the next one and the three choices of its filters, conflicts, reviewers, rubric, reply
    # templates, the person's other ones, the signals (same mailbox, same organisation, what ended badly),
    # and whom the only signal is about.
    with django_assert_num_queries(20):
        page = as_rosa.get(at(submitted))

    assert len(page.context["others"]) == count


def test_the_next_one_is_of_the_list_from_which_the_reviewer_came(as_rosa, submitted, programme):
    others = [cast.application(cast.person(f"p{one}@example.org"), programme) for one in range(3)]
    Application.objects.filter(pk__in=[others[0].pk, others[2].pk]).update(country="FR")

    page = as_rosa.get(f"{at(others[0])}?country=FR")
    decided = as_rosa.post(
        f"{at(others[0], 'decide/')}?country=FR", decision(as_rosa, others[0]), headers=HTMX
    )
    alone = as_rosa.get(f"{at(others[2])}?country=FR")

    for answer in (page, decided):
        assert f'href="{at(others[2])}?country=FR"' in answer.content.decode()
    assert 'href="/console/applications/?country=FR"' in alone.content.decode()
    assert "The last one of this list" in alone.content.decode()
