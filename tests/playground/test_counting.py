"""The token counter: what is sent with a message is counted by the model server itself."""

from uuid import uuid4

from playground import counting
from playground.models import Comparison, Generation, GenerationStatus
from tests.playground.stack import ended, wait_for
from tests.playground.test_comparing import compare

NEW = "/playground/compare/count/"


def form(release, prompt: str, **more: str) -> dict[str, str]:
    return {
        "token": str(uuid4()),
        "release": release.slug,
        "prompt": prompt,
        "temperature": "0",
        "max_tokens": "100",
        **more,
    }


def test_ada_reads_how_long_her_message_is(stack, ada_visits, release):
    ada_visits.get("/playground/")
    first = ended(ada_visits.send("words=3 please", release=release))
    wait_for(lambda: first.text == "w0 w1 w2 ")
    typed = form(
        release,
        "one two three",
        conversation=str(first.turn.conversation_id),
        follows=str(first.pk),
        system_prompt="Be kind",
    )

    told = ada_visits.post("/playground/count/", typed)

    # The stack's model server counts words: 2 of the system prompt, 2 + 3 of before, 3 typed.
    assert "10 of 2,048 tokens" in told.text


def test_a_message_that_leaves_too_little_room_says_so(stack, ada_visits, release):
    ada_visits.get("/playground/")

    told = ada_visits.post("/playground/count/", form(release, "prompt=2000 words"))
    too_long = ada_visits.post("/playground/count/", form(release, "prompt=3000 words"))

    assert "is-over" in told.text
    assert "Too long" in too_long.text


def test_nothing_is_told_while_the_server_is_away_or_the_form_is_wrong(as_ada, release, settings):
    settings.VLLM_BASE_URL = "http://127.0.0.1:9"
    asked = counting.question("hello", settings={}, branch=[], release=release)
    assert counting.count(asked) is None

    quiet = as_ada.post("/playground/count/", form(release, "hello"))
    wrong = as_ada.post("/playground/count/", form(release, "hello", max_tokens="x"))

    assert (quiet.status_code, wrong.status_code) == (200, 200)
    assert "tokens</span>" not in quiet.content.decode() + wrong.content.decode()


def test_mallory_counts_nothing(as_mallory, release):
    assert as_mallory.post("/playground/count/", form(release, "x")).status_code == 403


def columns(*models, prompt: str, **more: str) -> dict[str, str]:
    typed = {"token": str(uuid4()), "prompt": prompt, "columns": str(len(models))}
    for number, model in enumerate(models):
        typed |= {f"c{number}-{name}": text for name, text in (("model", model), ("temperature", "0"))}
        typed[f"c{number}-max_tokens"] = "100"
    return typed | more


def test_a_new_comparison_tells_the_column_with_the_least_room(stack, ada_visits, release):
    ada_visits.get("/playground/compare/")
    typed = columns("tiny", "tiny", prompt="one two three", **{"c1-system_prompt": "Be very kind"})

    told = ada_visits.post(NEW, typed)
    too_long = ada_visits.post(NEW, typed | {"prompt": "prompt=3000 words"})

    assert "6 of 2,048 tokens, in the column with the least room" in told.text
    assert "start a new comparison" in too_long.text


def test_a_comparison_counts_what_was_said_in_its_columns_and_names_none(stack, ada_visits, release):
    ada_visits.get("/playground/compare/")
    typed = columns("tiny", "tiny", prompt="words=3 please", is_blind="on")
    ada_visits.post("/playground/compare/", typed | {"c1-system_prompt": "Be very kind"})
    wait_for(lambda: Generation.objects.filter(status=GenerationStatus.DONE).count() == 2)
    path = f"/playground/compare/{Comparison.objects.get().pk}/count/"

    told = ada_visits.post(path, {"token": str(uuid4()), "prompt": "and six"})

    # 3 of the system prompt, 2 and 3 of the round before, 2 typed.
    assert "10 of 2,048 tokens, in the column with the least room" in told.text
    assert "tiny" not in told.text.lower()


def test_a_comparison_counts_nothing_that_ada_may_not_send(as_ada, as_mallory, client, ada, release):
    made = compare(ada, release, release)
    path, typed = f"/playground/compare/{made.pk}/count/", {"token": str(uuid4()), "prompt": "x"}
    new = columns("tiny", "tiny", prompt="x")

    asked = ((path, typed), (NEW, new))
    strangers = [one.post(*what).status_code for what in asked for one in (as_mallory, client)]
    wrong = as_ada.post(NEW, new | {"c1-temperature": "9"})
    release.programmes.clear()
    shut = as_ada.post(path, typed)

    assert strangers == [404, 401, 403, 401]
    assert [answer.status_code for answer in (wrong, shut)] == [200, 200]
    assert "tokens</span>" not in wrong.text + shut.text
