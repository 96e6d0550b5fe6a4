"""The pages of comparisons: what Ada sees, what a blind one keeps to itself, and that nobody else gets in."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from playground import actions, retention
from playground.actions import Outcome
from playground.comparing import answers_of
from playground.models import Comparison, Generation, PreferenceVote
from portal.releases.models import Revision
from tests import cast
from tests.conftest import signed_in
from tests.playground.test_comparing import compare, end_all, vote

PAGE = "/playground/compare/"
HTMX = {"HX-Request": "true"}


def form(*models, **changes):
    usual = {"token": str(uuid4()), "prompt": "Why?", "columns": str(len(models))}
    for number, model in enumerate(models):
        usual |= {
            f"c{number}-model": model,
            f"c{number}-temperature": f"0.{number + 1}",
            f"c{number}-max_tokens": "100",
        }
    return usual | changes


def test_the_address_names_the_columns(as_ada, release, zephyr):
    page = as_ada.get(f"{PAGE}?column=zephyr&column=tiny&column=nothing").text

    assert page.index('value="zephyr" selected') < page.index('value="tiny" selected')
    assert 'name="columns" value="2"' in page
    assert "Remove column" not in page


def test_mallory_sees_what_is_missing(as_mallory, release):
    answer = as_mallory.get(PAGE)

    assert answer.status_code == 403
    assert 'data-gate="approved"' in answer.text


def test_ada_compares_without_a_script(as_ada, release, zephyr):
    answer = as_ada.post(PAGE, form("tiny", "zephyr"))

    made = Comparison.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"{PAGE}{made.pk}/")
    page = as_ada.get(answer["Location"]).text
    assert page.count("data-stream=") == 2
    assert "Temperature 0.1 · Longest answer 100" in page
    assert [one.params["temperature"] for one in answers_of(made, 0)] == [0.1, 0.2]
    end_all(made)
    again = as_ada.post(f"{PAGE}{made.pk}/send/", {"token": str(uuid4()), "prompt": "And then?"})
    assert (again.status_code, again["Location"]) == (302, made.get_absolute_url())
    assert Generation.objects.count() == 4


def test_a_comparison_that_is_not_kept_says_so_and_its_title_tells_nothing(as_ada, release):
    plain = as_ada.post(PAGE, form("tiny", "tiny"))["Location"]
    unkept = as_ada.post(PAGE, form("tiny", "tiny", is_unkept="on", prompt="A secret"))["Location"]

    assert "Don&#x27;t keep this comparison" in as_ada.get(PAGE).text
    assert "data-unkept" not in as_ada.get(plain).text
    page = as_ada.get(unkept).text
    assert "This comparison is not kept. All of it is deleted" in page
    assert "End and delete now" in page
    assert "<title>Not kept" in page
    end_all(Comparison.objects.get(title="Not kept"))
    assert "these answers with it, until the comparison is deleted." in as_ada.get(unkept).text
    as_ada.post(f"{unkept}delete/")
    assert [one.get_absolute_url() for one in Comparison.objects.all()] == [plain]


def test_columns_are_added_and_removed_without_asking(as_ada, release, zephyr):
    typed = form("tiny", "zephyr", **{"c1-system_prompt": "Be kind.", "prompt": "Half a though"})

    added = as_ada.post(f"{PAGE}?change=add", typed).text
    fragment = as_ada.post(f"{PAGE}?change=add", typed, headers=HTMX).text
    three = form("tiny", "zephyr", "tiny", **{"c1-system_prompt": "Be kind."})
    removed = as_ada.post(f"{PAGE}?change=remove-0", three).text

    assert 'name="columns" value="3"' in added
    assert added.count("Be kind.") == 2
    assert "Half a though" in added
    assert fragment.lstrip().startswith('<div id="columns">')
    assert 'name="columns" value="2"' in removed
    assert removed.index('value="zephyr" selected') < removed.index('value="tiny" selected')
    assert Comparison.objects.count() == 0


def test_what_is_wrong_is_told_and_all_is_kept(as_ada, release):
    typed = form("tiny", "tiny", **{"c1-temperature": "9", "c0-system_prompt": "Be kind.", "prompt": " "})

    answer = as_ada.post(PAGE, typed)

    assert answer.status_code == 422
    assert "Enter a temperature from 0 to 2." in answer.text
    assert "Type a message first." in answer.text
    assert "Be kind." in answer.text
    assert Comparison.objects.count() == 0


@pytest.mark.parametrize("model", ["hidden", "", "tiny@" + "b" * 40])
def test_what_ada_may_not_try_cannot_be_chosen(as_ada, release, model):
    answer = as_ada.post(PAGE, form("tiny", model))

    assert answer.status_code == 422
    assert Comparison.objects.count() == 0


def test_only_served_revisions_can_be_chosen(as_ada, release):
    facts = {"release": release, "total_bytes": 1, "is_current": False}
    served = Revision.objects.create(commit="b" * 40, name="next", backend_url="http://127.0.0.1:9", **facts)
    Revision.objects.create(commit="c" * 40, name="old", **facts)
    Revision.objects.create(
        commit="d" * 40,
        name="bad",
        backend_url="http://127.0.0.1:9",
        yanked_at=timezone.now(),
        yank_reason="Broken.",
        **facts,
    )

    page = as_ada.get(PAGE).text
    asked = as_ada.post(PAGE, form("tiny", f"tiny@{'b' * 40}"))

    assert "Tiny, next bbbbbbb" in page
    assert "ccccccc" not in page
    assert "ddddddd" not in page
    assert asked.status_code == 302
    assert answers_of(Comparison.objects.get(), 0)[1].turn.conversation.revision == served


SECRETS = ("tiny", "zephyr", "0.73", "0.42", "1647471111", "tokens/s", "<dt>queue", "first token", "settings")


def _blind(client):
    sent = form(
        "tiny",
        "zephyr",
        is_blind="on",
        **{"c0-temperature": "0.73", "c1-temperature": "0.42", "c0-seed": "1647471111", "c1-seed": "815"},
        **{"c0-logprobs": "on", "c0-json_schema": '{"type": "object"}'},
    )
    assert client.post(PAGE, sent).status_code == 302
    return Comparison.objects.get()


def _leaks(text: str) -> list[str]:
    lowered = re.sub(r'csrfmiddlewaretoken" value="\w+"', "", text).lower()
    return [secret for secret in SECRETS if secret in lowered]


def test_a_blind_comparison_tells_nothing_anywhere_until_the_vote(as_ada, release, zephyr):
    made = _blind(as_ada)
    answers = answers_of(made, 0)
    addresses = [made.get_absolute_url(), PAGE + f"{made.pk}/delete/"]
    fragments = [f"/playground/generations/{one.pk}/" for one in answers]

    told = [as_ada.get(path).text for path in addresses]
    told += [as_ada.get(path, headers=HTMX).text for path in fragments]
    first, second = (actions.begin(one.pk) for one in answers)
    facts = {"prompt_tokens": 1647471111, "completion_tokens": 815, "first_token_at": timezone.now()}
    actions.finish(first, Outcome(text="One.", finish_reason="stop", logprobs=[["One.", -0.1, []]], **facts))
    actions.fail(
        second,
        Outcome(text="Two.", error_code="context", error_sentence="Tiny and Zephyr hold 1647471111 tokens."),
    )
    told += [as_ada.get(path).text for path in addresses]
    told += [as_ada.get(path, headers=HTMX).text for path in fragments]

    assert [_leaks(text) for text in told] == [[]] * 8
    assert "This answer failed." in told[4]
    vote(made, winner=0)
    page = as_ada.get(made.get_absolute_url()).text
    assert {"tiny", "zephyr", "0.73", "0.42", "1647471111"} <= set(_leaks(page))


def test_the_doors_of_a_hidden_answer_are_shut_until_the_vote(as_ada, release, zephyr):
    made = _blind(as_ada)
    end_all(made)
    answer = answers_of(made, 0)[0]
    talk = f"/playground/{answer.turn.conversation_id}/"
    paths = [talk, f"{talk}conversation.json", f"{talk}conversation.md"]
    paths += [
        f"/playground/generations/{answer.pk}/{door}/" for door in ("code", "tokens", "prompt", "feedback")
    ]

    hidden = [as_ada.get(path).status_code for path in paths]
    posted = [
        as_ada.post(f"/playground/generations/{answer.pk}/{door}/").status_code
        for door in ("regenerate", "continue", "retry", "feedback")
    ]
    vote(made, winner=0)

    assert hidden == [404] * len(paths)
    assert posted == [404] * 4
    assert as_ada.get(talk)["Location"] == made.get_absolute_url()
    assert as_ada.get(f"/playground/generations/{answer.pk}/code/").status_code == 200


def test_like_of_a_hidden_comparison_takes_nothing(as_ada, release, zephyr):
    made = _blind(as_ada)

    hidden = as_ada.get(f"{PAGE}?like={made.pk}").text
    end_all(made)
    vote(made, winner=0)

    assert "0.73" not in hidden
    assert "0.73" in as_ada.get(f"{PAGE}?like={made.pk}").text


def test_ada_votes_and_sees_which_is_which(as_ada, release, zephyr):
    made = _blind(as_ada)
    end_all(made)
    answer = answers_of(made, 0)[1]

    voted = as_ada.post(f"{PAGE}{made.pk}/vote/", {"round": "0", "choice": str(answer.pk)}, headers=HTMX)

    assert voted["HX-Retarget"] == "#board"
    assert "You voted: B is better. You did not know which was which." in voted.text
    assert "Zephyr" in voted.text
    again = as_ada.post(f"{PAGE}{made.pk}/vote/", {"round": "0", "choice": "tie"})
    assert again.status_code == 409
    assert PreferenceVote.objects.get().winner == answer


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"round": "7", "choice": "tie"}, 409),
        ({"round": "0", "choice": "nobody"}, 422),
        ({"round": "x", "choice": "tie"}, 422),
        ({}, 422),
    ],
)
def test_a_vote_on_nothing_is_refused(as_ada, ada, release, sent, status):
    made = compare(ada, release, release)
    end_all(made)

    assert as_ada.post(f"{PAGE}{made.pk}/vote/", sent).status_code == status
    assert PreferenceVote.objects.count() == 0


def test_one_column_is_asked_again(as_ada, ada, release):
    made = compare(ada, release, release)
    first, second = answers_of(made, 0)
    actions.fail(actions.begin(first.pk), Outcome(error_code="model_away", error_sentence="Away."))

    page = as_ada.get(made.get_absolute_url()).text
    retried = as_ada.post(f"{PAGE}{made.pk}/retry/{first.pk}/", headers=HTMX)

    assert page.count("cell-retry") == 1
    assert retried.status_code == 200
    assert answers_of(made, 0)[0] != first
    assert answers_of(made, 0)[1] == second


def test_one_stop_stops_all(as_ada, ada, release):
    made = compare(ada, release, release)

    assert as_ada.post(f"{PAGE}{made.pk}/stop/", headers=HTMX).status_code == 204
    assert Generation.objects.live().count() == 0


def test_ada_renames_and_deletes(as_ada, ada, release):
    made = compare(ada, release, release)

    as_ada.post(f"{PAGE}{made.pk}/rename/", {"title": "Blue sky"})
    listed = as_ada.get(PAGE).text
    asked = as_ada.get(f"{PAGE}{made.pk}/delete/")
    as_ada.post(f"{PAGE}{made.pk}/delete/")

    assert "Blue sky" in listed
    assert asked.status_code == 200
    assert Comparison.objects.count() == 0


def test_a_column_is_neither_asked_nor_deleted_alone(as_ada, ada, release):
    made = compare(ada, release, release)
    end_all(made)
    column = made.columns.first()
    sent = {"token": str(uuid4()), "conversation": str(column.pk), "prompt": "Alone", "max_tokens": "10"}

    assert as_ada.post("/playground/send/", sent | {"temperature": "0"}).status_code == 404
    assert as_ada.post(f"/playground/{column.pk}/delete/").status_code == 404
    assert "Hello" not in as_ada.get("/playground/").text


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("door", ["", "send/", "stop/", "vote/", "rename/", "delete/", "retry/{answer}/"])
def test_mallory_gets_into_nothing_of_adas(as_mallory, ada, release, method, door):
    made = compare(ada, release, release)
    path = f"{PAGE}{made.pk}/{door}".format(answer=answers_of(made, 0)[0].pk)

    answer = getattr(as_mallory, method)(path)

    assert answer.status_code in {404, 405}
    assert (Comparison.objects.count(), Generation.objects.live().count()) == (1, 2)


def test_mallory_does_not_take_adas_columns(as_ada, ada, release, zephyr):
    berta = signed_in(cast.developer("berta@example.org", release))
    made = compare(ada, zephyr, zephyr)

    page = berta.get(f"{PAGE}?like={made.pk}").text

    assert page.count('value="zephyr" selected') == 1


def test_a_comparison_at_rest_for_too_long_goes_whole(ada, release):
    made = compare(ada, release, release)
    end_all(made)
    actions.prefer(ada, retention_days=7)
    for rows in (Comparison.objects.filter(pk=made.pk), made.columns):
        rows.update(updated_at=timezone.now() - timedelta(days=8))

    assert retention.sweep() == 1
    assert (Comparison.objects.count(), Generation.objects.count()) == (0, 0)


@pytest.mark.parametrize("count", [2, 4])
def test_the_page_takes_a_fixed_number_of_queries(as_ada, ada, release, django_assert_num_queries, count):
    made = compare(ada, *[release] * count)
    end_all(made)
    as_ada.get(made.get_absolute_url())

    with django_assert_num_queries(8):
        as_ada.get(made.get_absolute_url())
