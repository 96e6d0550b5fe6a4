"""The staff's pages of programmes."""

import pytest

from portal.admissions.models import Programme, Question
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import ann, draft, programme, rolf, submitted  # noqa: F401 - fixtures
from tests.conftest import signed_in

TERMS = {
    "name": "Red team",
    "slug": "red-team",
    "summary": "Break it.",
    "opens_at": "2026-12-01T09:00",
    "closes_at": "2026-12-31T18:00",
    "capacity": "50",
    "decision_days": "7",
    "account_age_days_min": "",
    "countries_refused": ["AQ", "DE"],
    "pause_days": "",
}


@pytest.fixture
def paul(db):
    """A programme manager."""
    return cast.staff("paul@example.org", "Programme managers")


@pytest.fixture
def as_paul(paul):
    return signed_in(paul)


def test_paul_makes_a_programme_that_is_closed_until_he_opens_it(as_paul, release):
    page = as_paul.post("/console/programmes/new/", TERMS | {"releases": [release.pk]}, follow=True)
    made = Programme.objects.get()
    was_open = made.is_open
    opened = as_paul.post("/console/programmes/red-team/open/", follow=True)

    made.refresh_from_db()
    assert page.redirect_chain == [("/console/programmes/red-team/", 302)]
    assert (was_open, made.is_open) == (False, True)
    assert (made.capacity, made.decision_days, made.pause_days, made.account_age_days_min) == (50, 7, 0, 0)
    assert made.countries_refused == ["AQ", "DE"]
    assert list(made.releases.all()) == [release]
    assert "opens on 1 December 2026 at 09:00 UTC" in opened.content.decode()
    assert [entry.verb for entry in Entry.objects.about(made)] == ["programme.created", "programme.opened"]


def test_wrong_terms_are_told_and_what_was_written_stays(as_paul, db):
    page = as_paul.post(
        "/console/programmes/new/", TERMS | {"closes_at": "2026-11-01T00:00", "capacity": "0"}
    )

    assert page.status_code == 422
    assert page.context["form"].errors["capacity"] == [
        "Leave it empty for no limit; to approve nobody, close it."
    ]
    assert 'value="Red team"' in page.content.decode()
    assert not Programme.objects.exists()


def test_the_ledger_names_the_terms_that_changed(as_paul, programme, release):  # noqa: F811
    shown = as_paul.get("/console/programmes/early-access/edit/")
    terms = {name: value for name, value in shown.context["form"].initial.items() if value is not None}
    terms |= {"capacity": "10", "name": "Early birds", "releases": [release.pk], "countries_refused": []}

    as_paul.post("/console/programmes/early-access/edit/", terms)

    entry = Entry.objects.about(programme).last()
    assert (entry.verb, entry.data) == ("programme.changed", {"changes": ["capacity", "name"]})


def test_questions_are_added_changed_moved_and_removed(as_paul, programme):  # noqa: F811
    asked = {
        "label": "How many people?",
        "code": "people",
        "kind": "number",
        "choices": "",
        "is_required": "on",
    }
    as_paul.post("/console/programmes/early-access/questions/new/", asked)
    made = Question.objects.get(code="people")
    as_paul.post(f"/console/programmes/early-access/questions/{made.pk}/up/")
    as_paul.post(
        f"/console/programmes/early-access/questions/{made.pk}/",
        asked | {"label": "How many of you?", "shown_if_code": "intended_use", "shown_if_answer": "Teaching"},
    )
    codes = [question.code for question in programme.questions.all()]
    changed = Question.objects.get(code="people")
    refused = as_paul.post(
        f"/console/programmes/early-access/questions/{Question.objects.get(code='intended_use').pk}/remove/",
        follow=True,
    )
    as_paul.post(f"/console/programmes/early-access/questions/{made.pk}/remove/")

    assert codes == ["use_case", "organisation", "country", "intended_use", "people", "use_policy"]
    assert (changed.label, changed.shown_if_code) == ("How many of you?", "intended_use")
    assert "is asked only after this one" in refused.content.decode()
    assert not Question.objects.filter(code="people").exists()
    assert [
        entry.data["changes"] for entry in Entry.objects.about(programme).filter(verb="programme.changed")
    ] == [
        ["question_added"],
        ["question_moved"],
        ["question_changed"],
        ["question_removed"],
    ]


@pytest.mark.parametrize(
    ("changes", "field", "error"),
    [
        ({"kind": "choice", "choices": "One"}, "choices", "Write at least two choices, one a line."),
        ({"code": "country"}, "code", "Another question of this programme has this code."),
        (
            {"shown_if_code": "country"},
            "shown_if_answer",
            "Write the answer after which this is asked.",
        ),
    ],
)
def test_a_wrong_question_is_told_at_its_field(as_paul, programme, changes, field, error):  # noqa: F811
    asked = {"label": "What?", "code": "what", "kind": "short_text", "choices": ""}

    page = as_paul.post("/console/programmes/early-access/questions/new/", asked | changes)

    assert (page.status_code, page.context["form"].errors) == (422, {field: [error]})


def test_a_question_cannot_move_before_the_one_that_it_depends_on(as_paul, programme):  # noqa: F811
    Question.objects.filter(code="use_policy").update(
        shown_if_code="intended_use", shown_if_answer="Teaching"
    )
    last = Question.objects.get(code="use_policy")

    page = as_paul.post(f"/console/programmes/early-access/questions/{last.pk}/up/", follow=True)

    assert "must be asked before it" in page.content.decode()
    assert programme.questions.last().code == "use_policy"


def test_only_who_may_change_programmes_enters(as_rosa, as_mallory, client, programme):  # noqa: F811
    pages = ["", "new/", "early-access/", "early-access/edit/", "early-access/questions/new/"]
    codes = {
        who: {browser.get(f"/console/programmes/{page}").status_code for page in pages}
        for who, browser in (("rosa", as_rosa), ("mallory", as_mallory), ("nobody", client))
    }
    turned = as_rosa.post("/console/programmes/early-access/close/").status_code

    assert codes == {"rosa": {403}, "mallory": {403}, "nobody": {302}}
    assert turned == 403


@pytest.mark.parametrize("number", [1, 3])
def test_the_list_takes_the_same_queries_however_long(as_paul, django_assert_num_queries, number):
    for index in range(number):
        cast.programme(slug=f"p{index}")
    as_paul.get("/console/programmes/")

    with django_assert_num_queries(5):
        page = as_paul.get("/console/programmes/")

    assert len(page.context["rows"]) == number
