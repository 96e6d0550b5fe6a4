"""What a stop is acknowledged with, as far as anybody may know it."""

from uuid import uuid4

import pytest
from django.utils import timezone

from playground.comparing import HiddenAnswer
from playground.models import Generation

KEPT = "You stopped this answer. What had come is kept: 5 characters"


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (
            {"completion_tokens": 2, "held_tokens": 1_512, "returned_tokens": 1_400},
            f"{KEPT}, 2 tokens. 1,400 of the 1,512 tokens held for it are given back.",
        ),
        (
            {"held_tokens": 512, "returned_tokens": 0},
            f"{KEPT}. All 512 tokens held for it count: how many the model used of them is not known.",
        ),
        # Ended before it was kept what was given back.
        ({"completion_tokens": 1, "held_tokens": 512}, f"{KEPT}, 1 token."),
    ],
)
def test_a_stop_tells_what_is_kept_and_what_is_given_back(facts, told):
    assert Generation(text="Hello", started_at=timezone.now(), **facts).stop_told == told


def test_a_stop_in_the_queue_had_nothing_held():
    told = Generation(text="").stop_told

    assert told == "You stopped this before the model said anything. No tokens were held for it yet."


def test_a_hidden_answer_tells_no_tokens():
    hidden = HiddenAnswer(pk=uuid4(), status="cancelled", text="Hello", is_live=False, error_sentence="")

    assert hidden.stop_told == f"{KEPT}."
