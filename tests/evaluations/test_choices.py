"""Multiple choice on the real model: log-probabilities of whole answers, however many tokens they have."""

import pytest

from playground.evaluations import actions
from playground.evaluations.suite_files import Case
from portal.releases.models import Release
from tests import cast
from tests.evaluations.conftest import frozen, serve, suite, work

pytestmark = [pytest.mark.live, pytest.mark.model, pytest.mark.django_db(transaction=True)]

CAPITAL = [{"role": "user", "content": "What is the capital of France? Answer with one word."}]


def choice(name: str, answer: str, *choices: str) -> Case:
    """A case that asks which choice is the likeliest."""
    return Case(name, "facts", CAPITAL, {"type": "choice", "choices": list(choices), "answer": answer})


def test_the_likeliest_choice_is_found_by_its_log_probability(release: Release, vllm_url: str) -> None:
    eva = cast.staff("eva@example.org", "Release managers")
    served = serve(frozen(release), vllm_url, name="smollm2-135m-instruct")
    cases = [
        choice("right", "Paris", "London", "Paris", "Berlin"),
        choice("wrong", "London", "London", "Paris"),
        choice("long", "Paris", "Paris", "The capital of France is Tokyo, as everybody knows"),
    ]
    params = {"temperature": 0, "max_tokens": 1, "seed": 0}

    run = work(actions.start_run(served, suite(*cases), params=params, concurrency=2, by=eva))

    scores = {item.case.case_id: (item.text, item.score) for item in run.items.select_related("case")}
    assert scores == {"right": ("Paris", 1), "wrong": ("Paris", 0), "long": ("Paris", 1)}
    logprobs = run.items.get(case__case_id="right").detail["logprobs"]
    assert logprobs["Paris"] == max(logprobs.values())
    assert all(-60 < value < 0 for value in logprobs.values())
    assert (run.status, run.result["met"]) == ("done", 2)
