"""A conversation that goes on in another tab: a page that shows less of it is told, and sends a branch."""

import re
from uuid import uuid4

import pytest

from playground import actions
from playground.models import Conversation, Generation
from playground.threads import exchanges
from tests.playground.conftest import wish
from tests.playground.test_branches import answered
from tests.playground.test_comparing import compare

HTMX = {"HX-Request": "true"}


@pytest.fixture
def talk(ada, release) -> Conversation:
    """One exchange of Ada's."""
    return answered(actions.send(wish("One"), by=ada, release=release), "1").turn.conversation


def said(ada, talk: Conversation, prompt: str) -> Generation:
    """One exchange more, from another tab."""
    return answered(actions.send(wish(prompt), by=ada, release=talk.release, conversation=talk), "x")


def hidden_in(page: str) -> dict[str, str]:
    """What the page sends unseen."""
    names = "token|follows|seen_at|conversation|release"
    found = re.findall(rf'name="({names})"\s+value="([^"]*)"', page[page.index('id="composer-hidden"') :])
    return dict(found[:5])


def asked(client, page: dict[str, str]):
    """Whether the conversation of the page went on."""
    about = {name: page[name] for name in ("conversation", "seen_at")}
    return client.get("/playground/elsewhere/", about, headers=HTMX)


def sent(client, page: dict[str, str], prompt: str, **options):
    """A message from the page, which may not show all."""
    form = {**page, "prompt": prompt, "temperature": "0.7", "max_tokens": "100"}
    return client.post("/playground/send/", form, **options)


def test_a_page_that_shows_less_is_told_with_a_link_to_the_newest(ada, as_ada, talk):
    page = hidden_in(as_ada.get(talk.get_absolute_url()).text)
    assert asked(as_ada, page).status_code == 204

    newest = said(ada, talk, "Two")

    told = asked(as_ada, page)
    assert told.status_code == 200
    assert "This conversation went on elsewhere, perhaps in another tab." in told.text
    assert f'hx-get="{talk.get_absolute_url()}?at={newest.pk}"' in told.text
    walked = as_ada.get(f"{talk.get_absolute_url()}?at={newest.pk}", headers=HTMX).text
    assert "went on elsewhere" not in walked
    assert asked(as_ada, hidden_in(walked)).status_code == 204


def test_asking_takes_one_query(ada, as_ada, talk, django_assert_num_queries):
    page = hidden_in(as_ada.get(talk.get_absolute_url()).text)
    as_ada.get("/playground/elsewhere/")

    # Beside those for the session and the person.
    with django_assert_num_queries(3):
        assert asked(as_ada, page).status_code == 204
    said(ada, talk, "Two")
    with django_assert_num_queries(3):
        assert asked(as_ada, page).status_code == 200


@pytest.mark.parametrize("verb", ["regenerate", "continue"])
def test_what_a_page_asks_itself_is_nothing_from_elsewhere(as_ada, talk, verb):
    newest = Generation.objects.get()

    answer = as_ada.post(f"/playground/generations/{newest.pk}/{verb}/", headers=HTMX)

    assert "elsewhere, perhaps" not in answer.text
    assert asked(as_ada, hidden_in(answer.text)).status_code == 204


def test_a_retry_is_nothing_from_elsewhere(ada, as_ada, talk):
    failed = actions.send(wish("Two"), by=ada, release=talk.release, conversation=talk)
    actions.cancel(failed, by=ada)

    answer = as_ada.post(f"/playground/generations/{failed.pk}/retry/", headers=HTMX)

    assert asked(as_ada, hidden_in(answer.text)).status_code == 204


def test_a_message_from_a_page_that_shows_less_is_a_branch_and_says_so(ada, as_ada, talk):
    page = hidden_in(as_ada.get(talk.get_absolute_url()).text)
    newest = said(ada, talk, "Two")

    answer = sent(as_ada, page, "Two, otherwise", headers=HTMX)

    assert [one.turn.prompt for one in exchanges(talk)] == ["One", "Two, otherwise"]
    assert "This conversation had gone on elsewhere" in answer.text
    assert f'hx-get="{talk.get_absolute_url()}?at={newest.pk}"' in answer.text
    # The whole thread came, with the way to the other branch beside the message.
    assert 'aria-label="Versions of this message"' in answer.text
    assert asked(as_ada, hidden_in(answer.text)).status_code == 204


def test_a_message_from_a_page_that_shows_all_says_nothing(as_ada, talk):
    page = hidden_in(as_ada.get(talk.get_absolute_url()).text)

    answer = sent(as_ada, page, "Two", headers=HTMX)

    assert answer.headers["HX-Reswap"] == "beforeend"
    assert "elsewhere, perhaps" not in answer.text
    assert asked(as_ada, hidden_in(answer.text)).status_code == 204


def test_a_form_sent_twice_is_nothing_from_elsewhere(as_ada, talk):
    page = hidden_in(as_ada.get(talk.get_absolute_url()).text)

    answers = [sent(as_ada, page, "Two", headers=HTMX) for _ in range(2)]

    assert [answer.headers["HX-Reswap"] for answer in answers] == ["beforeend", "beforeend"]
    assert Generation.objects.count() == 2


def test_a_message_that_is_refused_knows_no_more_than_before(ada, as_ada, talk):
    page = hidden_in(as_ada.get(talk.get_absolute_url()).text)
    said(ada, talk, "Two")

    refused = sent(as_ada, page, " ", headers=HTMX)

    assert refused.status_code == 422
    assert asked(as_ada, hidden_in(refused.text)).status_code == 200


def test_a_message_is_a_branch_without_scripts_too(ada, as_ada, talk):
    page = hidden_in(as_ada.get(talk.get_absolute_url()).text)
    said(ada, talk, "Two")

    answer = sent(as_ada, page, "Two, otherwise", follow=True)

    assert "Two, otherwise" in answer.text
    assert 'aria-label="Versions of this message"' in answer.text


def test_nobody_is_told_of_what_is_not_theirs(ada, as_ada, as_mallory, talk):
    page = hidden_in(as_ada.get(talk.get_absolute_url()).text)
    said(ada, talk, "Two")

    assert asked(as_mallory, page).status_code == 204


def test_nothing_is_told_of_a_column_of_a_blind_comparison(ada, as_ada, release, zephyr):
    hidden = compare(ada, release, zephyr, is_blind=True).columns.first()

    page = {"conversation": str(hidden.pk), "seen_at": "2020-01-01T00:00:00Z"}

    assert asked(as_ada, page).status_code == 204


@pytest.mark.parametrize(
    "changed",
    [{"conversation": ""}, {"conversation": "x"}, {"conversation": str(uuid4())}]
    + [{"seen_at": at} for at in ("", "x", "2026-13-41T00:00:00Z", "2020-01-01T00:00:00", "\0")],
)
def test_nonsense_is_answered_with_nothing(as_ada, talk, changed):
    page = {"conversation": str(talk.pk), "seen_at": "2020-01-01T00:00:00Z"}
    assert asked(as_ada, page).status_code == 200

    assert asked(as_ada, page | changed).status_code == 204
    assert sent(as_ada, {"token": str(uuid4()), **page, "seen_at": "x"}, "Two").status_code == 302
