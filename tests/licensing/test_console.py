"""The staff's pages of licences: drafting, reading over, publishing; and who is kept out."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.licensing import actions
from portal.licensing.conditions import terms_sha256
from portal.licensing.models import Licence, LicenceVersion, Notice, NoticeKind
from portal.licensing.models.notices import ATTEMPTS_MAX, CLAIM_LASTS
from tests import cast
from tests.conftest import signed_in

DRAFT = {
    "number": "1.0",
    "text": "Be kind.",
    "changes": "",
    "commercial_use": "allowed",
    "commercial_use_note": "",
    "redistribution": "conditions",
    "redistribution_note": "",
    "modification": "allowed",
    "modification_note": "",
    "attribution": "required",
    "attribution_note": "",
    "reacceptance": "everybody",
    "grace_days": "0",
}


def read(draft, **changes):
    """What the page of a draft sends back when it is published."""
    return {"sha256": draft.sha256, "terms": terms_sha256(draft), "when": "now"} | changes


@pytest.fixture
def manager(db):
    return signed_in(cast.staff("remy@example.org", "Release managers"))


@pytest.fixture
def licence(db):
    return cast.licence("mild")


def test_a_manager_makes_a_licence_drafts_reads_and_publishes(manager):
    made = manager.post("/console/licences/new/", {"name": "Mild", "slug": "mild"}, follow=True)
    drafted = manager.post("/console/licences/mild/draft/", DRAFT, follow=True)
    draft = LicenceVersion.objects.get()
    published = manager.post("/console/licences/mild/1.0/publish/", read(draft), follow=True)

    assert b"Draft a version" in made.content
    assert b"Once published it cannot change" in drafted.content
    assert b"In force" in published.content
    assert Licence.objects.get().current_version() == draft


def test_a_manager_sees_whom_no_mail_about_a_version_reached(manager, licence):
    long_ago = timezone.now() - CLAIM_LASTS - timedelta(minutes=1)
    version = licence.versions.get()
    for number in range(22):
        Notice.objects.create(
            version=version,
            user=cast.person(f"ada-{number:02}@example.org"),
            kind=NoticeKind.ANNOUNCED,
            published_at=version.published_at,
            claimed_at=long_ago,
            attempts=ATTEMPTS_MAX if number else ATTEMPTS_MAX - 1,
        )

    page = manager.get("/console/licences/mild/").content.decode()

    assert "21 mails about versions could not be sent" in page
    assert "ada-01@example.org: version 1.0, it is in force" in page
    assert ("ada-00@" in page, "and 1 more" in page) == (False, True)


def test_a_manager_sees_how_many_accepted_each_version(manager, licence):
    for name in ("ada", "ben"):
        person = cast.person(f"{name}@example.org")
        actions.accept(licence, by=person, sha256=licence.current_version().sha256)
    cast.publish(licence, "2.0")

    versions = manager.get("/console/licences/mild/").context["versions"]

    assert [(one.number, one.accepted_count) for one in versions] == [("2.0", 0), ("1.0", 2)]


def test_a_manager_publishes_a_draft_that_changed_meanwhile_and_is_stopped(manager, licence):
    draft = actions.draft_version(licence, number="2.0", text="Be kind.")
    actions.draft_version(licence, number="2.0", text="Be evil.")

    response = manager.post("/console/licences/mild/2.0/publish/", read(draft))

    assert response.status_code == 409
    assert licence.current_version().number == "1.0"


def test_a_number_that_is_taken_is_refused_in_the_form(manager, licence):
    response = manager.post("/console/licences/mild/draft/", DRAFT)

    assert response.status_code == 422
    assert b"There is a version 1.0 already" in response.content


def test_a_published_version_has_no_draft_page(manager, licence):
    assert manager.get("/console/licences/mild/1.0/").status_code == 404
    assert manager.post("/console/licences/mild/1.0/discard/").status_code == 409


@pytest.mark.parametrize(
    "address",
    [
        "/console/licences/",
        "/console/licences/new/",
        "/console/licences/mild/",
        "/console/licences/mild/draft/",
        "/console/licences/mild/1.0/publish/",
        "/console/licences/mild/1.0/acceptances/",
    ],
)
def test_mallory_and_a_reviewer_are_kept_out(as_mallory, as_rosa, client, licence, address):
    assert as_mallory.get(address).status_code == 403
    assert as_rosa.get(address).status_code == 403
    assert client.get(address).status_code == 302


def test_a_manager_writes_every_condition_and_they_are_kept(manager, licence):
    form = DRAFT | {
        "number": "1.1",
        "spdx": "LicenseRef-Mild-1.1",
        "monthly_users_max": "700000000",
        "derivative_prefix": "Mild-",
        "derivative_suffix": "-open",
        "use_limits": "No weapons.\r\n\r\n  No spying.  \r\n",
        "reacceptance": "before",
        "reacceptance_before": licence.versions.get().pk,
        "grace_days": "14",
    }

    response = manager.post("/console/licences/mild/draft/", form)

    assert response.status_code == 302
    draft = licence.versions.get(number="1.1")
    assert (draft.spdx, draft.monthly_users_max) == ("LicenseRef-Mild-1.1", 700_000_000)
    assert (draft.derivative_prefix, draft.derivative_suffix) == ("Mild-", "-open")
    assert draft.use_limits == ["No weapons.", "No spying."]
    assert (draft.reacceptance, draft.reacceptance_before.number, draft.grace_days) == ("before", "1.0", 14)
    again = manager.get("/console/licences/mild/1.1/").content.decode()
    assert "No weapons.\nNo spying." in again


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"spdx": "apache-2.0"}, "SPDX writes it Apache-2.0."),
        ({"spdx": "My licence"}, "Write an SPDX identifier"),
        ({"spdx": "LicenseRef-a_b"}, "Write an SPDX identifier"),
        ({"monthly_users_max": "0"}, "greater than or equal to 1"),
        ({"derivative_prefix": "<b>"}, "Write letters, digits"),
        ({"use_limits": "x" * 301}, "Write at most 300 characters a line"),
        ({"reacceptance": "before"}, "Choose the version from which on"),
        ({"grace_days": "366"}, "less than or equal to 365"),
    ],
)
def test_wrong_terms_are_refused_and_what_was_typed_stays(manager, licence, wrong, sentence):
    form = DRAFT | {"number": "1.1", "commercial_use_note": "Ask before you sell."} | wrong

    response = manager.post("/console/licences/mild/draft/", form)

    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert "Ask before you sell." in response.content.decode()
    assert licence.versions.count() == 1


def accepted_by(licence, *names):
    for name in names:
        person = cast.person(f"{name}@example.org", name=name.title())
        actions.accept(licence, by=person, sha256=licence.current_version().sha256)


@pytest.mark.parametrize(
    ("reacceptance", "asked"),
    [("everybody", ["ada", "ben", "cleo"]), ("nobody", []), ("before", ["ada", "ben"])],
)
def test_a_manager_sees_who_must_accept_again_before_publishing(
    manager, licence, publish, reacceptance, asked
):
    accepted_by(licence, "ada", "ben")
    named = publish(licence, "2.0")
    accepted_by(licence, "cleo")
    before = named if reacceptance == "before" else None
    actions.draft_version(
        licence, number="3.0", text="New.", reacceptance=reacceptance, reacceptance_before=before
    )

    context = manager.get("/console/licences/mild/3.0/publish/").context

    assert [person.email.partition("@")[0] for person in context["asked"]] == asked
    assert context["asked_count"] == len(asked)
    assert [(row.version.number, row.people_count, row.is_asked) for row in context["breakdown"]] == [
        ("2.0", 1, reacceptance == "everybody"),
        ("1.0", 2, reacceptance != "nobody"),
    ]


def test_a_manager_compares_a_draft_with_any_version(manager, licence, publish):
    publish(licence, "2.0", text="Be kind to cats.")
    actions.draft_version(licence, number="3.0", text="Be kind to dogs.")
    page = "/console/licences/mild/3.0/publish/"

    assert manager.get(page).context["comparison"].older.number == "2.0"
    assert manager.get(page, {"against": "1.0"}).context["comparison"].older.number == "1.0"


def test_a_manager_sets_a_day_and_takes_the_version_off_it(manager, licence):
    draft = actions.draft_version(licence, number="2.0", text="New.")
    day = (timezone.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")

    set_page = manager.post(
        "/console/licences/mild/2.0/publish/", read(draft, when="day", at=day), follow=True
    )
    draft.refresh_from_db()
    off_page = manager.post("/console/licences/mild/2.0/unschedule/", follow=True)

    assert b"Scheduled" in set_page.content
    assert draft.is_scheduled()
    assert b"is a draft again" in off_page.content
    assert not licence.versions.get(number="2.0").is_scheduled()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"when": "day", "at": "2020-01-01T00:00"}, "Choose a time that is to come"),
        ({"when": "day", "at": ""}, "Choose when it comes into force"),
        ({"when": "day", "at": "soon"}, "Write a date and a time"),
        ({"when": ""}, "Choose whether it comes into force at once"),
    ],
)
def test_a_time_that_cannot_be_is_refused_in_the_form(manager, licence, changes, sentence):
    draft = actions.draft_version(licence, number="2.0", text="New.")

    response = manager.post("/console/licences/mild/2.0/publish/", read(draft, **changes))

    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert licence.current_version().number == "1.0"


@pytest.mark.parametrize("count", [1, 3])
def test_who_accepted_costs_the_same_for_one_and_for_three(
    manager, licence, count, django_assert_num_queries
):
    accepted_by(licence, *["ada", "ben", "cleo"][:count])

    with django_assert_num_queries(7):
        page = manager.get("/console/licences/mild/1.0/acceptances/")

    assert len(page.context["page"].object_list) == count
