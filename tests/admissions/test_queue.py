"""The review queue: what waits, the filters, the search and the pages."""

from datetime import timedelta
from importlib import import_module
from urllib.parse import quote

import pytest
from django.apps import apps
from django.utils import timezone

from portal.admissions import actions
from portal.admissions.models import Application, ApplicationStatus
from portal.console import applications
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
        ("status=all&q=france", ["Bea Tester", "Cem Tester", "Dan Tester"]),
        ("status=all&q=dan%20test", ["Dan Tester"]),
        ("status=all&q=institute%20of%20be", ["Bea Tester"]),
        ("q=institute%20of%20da", []),
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
    onward = first.context["page"].after
    second = as_rosa.get(URL, {"status": "waitlisted", "after": onward})
    back = as_rosa.get(URL, {"status": "waitlisted", "before": second.context["page"].before})

    assert (len(shown(first)), len(shown(second))) == (25, 1)
    assert (first.context["page"].before, second.context["page"].after) == ("", "")
    assert not set(first.context["page"]) & set(second.context["page"])
    assert list(back.context["page"]) == list(first.context["page"])
    assert f"?status=waitlisted&amp;after={quote(onward)}" in first.content.decode()


@pytest.mark.parametrize(
    "place", ["nonsense", "~", "2026-01-01~1", "2026-13-01T00:00:00Z~1", "2026-01-01T00:00:00+00:00~x"]
)
def test_a_place_that_is_none_is_the_beginning(as_rosa, several, place):
    assert shown(as_rosa.get(URL, {"after": place, "before": place})) == ["Bea Tester"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("country=FR", ["Bea Tester"]),
        ("country=DE", ["Ann Applicant"]),
        ("country=nowhere", ["Bea Tester", "Ann Applicant"]),
        ("programme=early-access&status=all", ["Bea Tester", "Cem Tester", "Dan Tester", "Ann Applicant"]),
        ("programme=another", ["Bea Tester", "Ann Applicant"]),
        ("age=7", ["Bea Tester"]),
        ("age=7&status=all", ["Bea Tester", "Cem Tester", "Dan Tester"]),
        ("age=30&status=all", []),
        ("q=france&country=FR&age=7", ["Bea Tester"]),
    ],
)
def test_rosa_narrows_the_queue(as_rosa, several, submitted, query, names):
    page = as_rosa.get(f"{URL}?{query}")

    assert shown(page) == names
    assert page.context["found_count"] == len(names)


def test_beyond_a_thousand_the_queue_says_that_there_are_more(as_rosa, several, submitted, monkeypatch):
    monkeypatch.setattr(applications, "COUNTED_MAX", 1)

    page = as_rosa.get(URL)
    narrowed = as_rosa.get(f"{URL}?country=FR&status=all")

    assert ("waiting", "Waiting for you", 2) in page.context["tabs"]
    assert "1+" in page.content.decode()
    assert "Decide on all of these" in page.content.decode()
    assert narrowed.context["found_count"] == 2
    assert {number for _, _, number in narrowed.context["tabs"]} == {None}


def test_what_was_handed_in_before_is_kept_to_be_searched_by_the_migration(several):
    Application.objects.update(country="", search_words="")

    import_module("portal.admissions.migrations.0005_queue_words").keep(apps, None)

    assert set(Application.objects.values_list("country", flat=True)) == {"FR"}
    assert Application.objects.matching("france cem").get() == several[1]
    assert not Application.objects.matching("agreed").exists()


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

    # The session, the person, their two kinds of permissions, what the filters offer (programmes, reviewers,
    # questions), the counts of the states, the rows, and the saved views.
    with django_assert_num_queries(10):
        page = as_rosa.get(f"{URL}{query}")

    assert len(shown(page)) == count
