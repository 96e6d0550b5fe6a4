"""The review queue: what waits, the filters, the search and the pages."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.admissions import actions
from portal.admissions.models import Application, ApplicationStatus
from tests import cast
from tests.admissions.conftest import ANSWERS
from tests.conftest import signed_in

URL = "/console/applications/"


@pytest.fixture
def several(programme, rosa):
    """Three people's applications, the oldest first: one waits, one is asked, one is approved."""
    made = []
    for number, name in enumerate(("bea", "cem", "dan")):
        person = cast.person(f"{name}@example.org", name=f"{name.title()} Tester")
        answers = ANSWERS | {"organisation": f"Institute of {name.title()}", "country": "FR"}
        one = actions.submit(actions.start(programme, by=person), answers=answers, by=person)
        moment = timezone.now() - timedelta(days=9 - number)
        Application.objects.filter(pk=one.pk).update(submitted_at=moment)
        made.append(one)
    actions.request_information(made[1], by=rosa, message="Which?")
    actions.approve(made[2], by=rosa)
    return made


def shown(page):
    return [application.applicant.name for application in page.context["page"]]


def test_rosa_sees_what_waits_the_oldest_first(as_rosa, several, submitted):
    page = as_rosa.get(URL)

    assert shown(page) == ["Bea Tester", "Ann Applicant"]
    assert page.context["tabs"] == [
        ("waiting", "Waiting for you", 2),
        ("submitted", "Submitted", 2),
        ("information_requested", "Information requested", 1),
        ("approved", "Approved", 1),
        ("all", "All", 4),
    ]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("status=all", ["Bea Tester", "Cem Tester", "Dan Tester"]),
        ("status=approved", ["Dan Tester"]),
        ("status=declined", []),
        ("status=nonsense", ["Bea Tester"]),
        ("status=all&q=CEM%40example", ["Cem Tester"]),
        ("status=all&q=dan%20test", ["Dan Tester"]),
        ("status=all&q=institute%20of%20b", ["Bea Tester"]),
        ("q=institute%20of%20d", []),
        ("status=all&q=organisation", []),
        ("status=all&q=%25", []),
        ("status=all&q=%00", ["Bea Tester", "Cem Tester", "Dan Tester"]),
    ],
)
def test_rosa_filters_and_searches(as_rosa, several, query, names):
    assert shown(as_rosa.get(f"{URL}?{query}")) == names


def test_rosa_finds_an_application_by_its_reference(as_rosa, several):
    assert shown(as_rosa.get(f"{URL}?status=all&q={several[2].reference.lower()}")) == ["Dan Tester"]


def test_drafts_are_nobodys_business_yet(as_rosa, draft, ann):
    actions.save_draft(draft, answers={"use_case": "private thoughts"}, by=ann)
    actions.withdraw(draft, by=ann)

    pages = [as_rosa.get(f"{URL}?status=all&q=private"), as_rosa.get(f"{URL}?status=draft")]

    assert [shown(page) for page in pages] == [[], []]
    assert as_rosa.get(f"{URL}{draft.reference}/").status_code == 404


def test_the_queue_has_pages_that_keep_the_filter(as_rosa, programme):
    for number in range(26):
        cast.application(
            cast.User.objects.create(email=f"p{number}@example.org"), programme, ApplicationStatus.WAITLISTED
        )

    first = as_rosa.get(f"{URL}?status=waitlisted")
    second = as_rosa.get(f"{URL}?status=waitlisted&page=2")

    assert (len(shown(first)), len(shown(second))) == (25, 1)
    assert "?status=waitlisted&amp;page=2" in first.content.decode()


def test_an_empty_queue_is_good_news(as_rosa):
    assert "Nobody is waiting" in as_rosa.get(URL).content.decode()


def test_a_stranger_signs_in_first(client, db):
    assert client.get(URL)["Location"] == f"/accounts/login/?next={URL}"


def test_staff_with_another_role_stay_outside(db):
    organiser = signed_in(cast.staff("olga@example.org", "Event organisers"))

    assert organiser.get(URL).status_code == 403


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("query", ["", "?status=all&q=research"])
def test_the_queue_costs_the_same_for_one_application_and_three(  # noqa: PLR0917 - fixtures
    as_rosa, programme, count, query, settings, django_assert_num_queries
):
    settings.USERSESSIONS_TRACK_ACTIVITY = False
    for number in range(count):
        cast.application(cast.User.objects.create(email=f"p{number}@example.org"), programme)

    # The session, the person, their two kinds of permissions, the counts of the states, of the pages,
    # and the rows.
    with django_assert_num_queries(7):
        page = as_rosa.get(f"{URL}{query}")

    assert len(shown(page)) == count
