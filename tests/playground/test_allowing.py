"""The limits of the API hold in the playground: held before the model is asked, settled behind it."""

from itertools import islice

import pytest
from django.db import IntegrityError, transaction

from playground.gateway.metering import UNNOTICED_TOKENS
from playground.models import Generation, GenerationStatus
from portal.keys import actions as keys
from portal.keys import applying
from portal.keys.models import ApiKey, DailyUsage, Limit
from tests.playground.stack import ended, wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]


@pytest.fixture
def counted(stack, monkeypatch):
    """Write what the worker has metered; the stack has a Valkey of its own and no beat."""
    return lambda: stack.run("from portal.keys.usage import record_new; record_new()")


def test_an_answer_costs_what_it_used_and_is_counted_for_its_person(stack, ada, ada_visits, release, counted):
    Limit.objects.create(user=ada, tokens_per_day=10_000)

    answer = ended(ada_visits.send("words=40 one two", release=release))

    assert (answer.prompt_tokens, answer.completion_tokens) == (3, 40)
    assert answer.held_tokens > 500
    assert (answer.quota_tokens, answer.quota_left) == (10_000, 10_000 - 43)
    page = ada_visits.get(f"/playground/{answer.turn.conversation_id}/").text
    assert "43 of 10,000 tokens, 9,957 left" in page

    def is_counted() -> bool:
        counted()
        return DailyUsage.objects.filter(key__user=ada).exists()

    wait_for(is_counted)
    row = DailyUsage.objects.get(key__user=ada)
    assert (row.requests_count, row.prompt_tokens_count, row.completion_tokens_count) == (1, 3, 40)
    assert (row.key.name, row.release) == ("Playground", release)
    assert "Playground" in ada_visits.get("/usage/").text


def test_an_answer_beyond_the_budget_is_refused_with_a_sentence_and_the_model_not_asked(
    stack, ada, ada_visits, release
):
    Limit.objects.create(user=ada, tokens_per_day=400)
    asked_before = len(stack.upstream_state()["bodies"])

    failed = ended(ada_visits.send("words=3", release=release))

    assert (failed.status, failed.error_code) == (GenerationStatus.FAILED, "insufficient_quota")
    assert "400" in failed.error_sentence
    assert len(stack.upstream_state()["bodies"]) == asked_before
    assert "Retry" in ada_visits.get(f"/playground/{failed.turn.conversation_id}/").text


def test_a_stopped_answer_gives_back_what_it_did_not_use(stack, ada, ada_visits, release):
    Limit.objects.create(user=ada, tokens_per_day=10_000)
    generation = ada_visits.send("words=400 pause=0.05", release=release)
    list(islice(ada_visits.events(generation), 6))

    ada_visits.post(f"/playground/generations/{generation.pk}/cancel/")

    stopped = ended(generation)
    assert stopped.status == GenerationStatus.CANCELLED
    # What the model may have made before it noticed counts, too.
    counted = stopped.cost_tokens + UNNOTICED_TOKENS
    assert stopped.returned_tokens == stopped.held_tokens - counted > 300
    assert stopped.quota_left == 10_000 - counted
    told = (
        "You stopped this answer. What had come is kept:"
        f" {len(stopped.text)} characters, {stopped.completion_tokens} tokens."
        f" {stopped.returned_tokens:,} of the {stopped.held_tokens:,} tokens held for it are given back."
    )
    assert told in ada_visits.get(f"/playground/{stopped.turn.conversation_id}/").text


def test_an_answer_that_is_stopped_before_it_begins_costs_its_prompt_alone(stack, ada, ada_visits, release):
    Limit.objects.create(user=ada, tokens_per_day=10_000)
    generation = ada_visits.send("words=5 first=30", release=release, max_tokens=1_000)
    wait_for(lambda: Generation.objects.get(pk=generation.pk).status == GenerationStatus.RUNNING)
    wait_for(lambda: stack.upstream_state()["running"] == 1)

    ada_visits.post(f"/playground/generations/{generation.pk}/cancel/")

    stopped = ended(generation)
    assert (stopped.status, stopped.text) == (GenerationStatus.CANCELLED, "")
    # All that was held for the answer itself, but for what the model may have said unheard.
    assert stopped.returned_tokens == 1_000 - UNNOTICED_TOKENS
    assert stopped.quota_left == 10_000 - (stopped.held_tokens - stopped.returned_tokens)
    told = f"{stopped.returned_tokens:,} of the {stopped.held_tokens:,} tokens held for it are given back."
    assert told in ada_visits.get(f"/playground/{stopped.turn.conversation_id}/").text


def test_a_playground_is_no_key(ada):
    keys.playground_key_id(ada)
    row = ApiKey.every.get(user=ada)

    assert keys.playground_key_id(ada) == row.pk
    assert not ApiKey.objects.filter(user=ada).exists()
    assert not ada.api_keys.exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.every.filter(pk=row.pk).update(scopes=["inference"])


def test_without_a_key_the_persons_and_the_releases_limits_hold(ada, release):
    Limit.objects.create(release=release, tokens_per_minute=5)

    names = [limit.name for limit in applying.in_force(key_id=None, user_id=ada.pk, release_id=release.pk)]

    assert names == [f"user:{ada.pk}", f"release:{release.pk}"]
