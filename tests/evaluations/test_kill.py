"""A run of more than a hundred prompts on the real model, whose worker is killed half way."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from playground.evaluations import actions, shipped, suite_files
from playground.evaluations.models import EvaluationRun, ItemStatus
from portal.releases.models import Release
from tests import cast
from tests.evaluations.conftest import frozen, serve
from tests.playground.stack import Stack, wait_for

pytestmark = [pytest.mark.live, pytest.mark.model]

AT_ONCE = 4
SEND = "from playground.evaluations.dispatching import enqueue; from playground.models import EvaluationRun; "
RESEND = "from playground.evaluations.dispatching import resend_lost; assert resend_lost() == 1"


class Workshop(Stack):
    """A Valkey and a batch worker; the model server is the real one."""

    def start(self) -> None:
        """Start both."""
        self.start_valkey()
        self.start_worker()

    def start_worker(self) -> None:
        """Start a batch worker and wait until it takes tasks."""
        self._start(
            "worker", "celery", "-A", "portal.celery:app", "worker", "--pool", "threads", "-c", "2",
            "-Q", "batch", "-n", f"batch-{uuid4().hex}@test", "--without-mingle", "--without-gossip",
            "-l", "INFO",
        )  # fmt: skip
        log = self.folder / "worker.log"
        wait_for(lambda: b" ready." in log.read_bytes())


@pytest.fixture
def workshop(transactional_db: None, settings: Any) -> Iterator[Workshop]:
    """The live worker over the test's database."""
    stack = Workshop()
    stack.env |= {"STATEMENT_KEYS": str(settings.STATEMENT_KEYS), "EVALUATION_TURN_SECONDS": "300"}
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


def answered(run: EvaluationRun) -> dict[str, tuple[str, int]]:
    """The answers so far: each case's text, and how often it was asked."""
    rows = run.items.filter(status=ItemStatus.SCORED).values_list("case__case_id", "text", "attempts")
    return {name: (text, attempts) for name, text, attempts in rows}


def test_killed_run_is_resumed_and_no_prompt_is_twice_in_the_results(
    workshop: Workshop, release: Release, vllm_url: str
) -> None:
    files = [suite_files.read(path.read_text()) for path in sorted(shipped.FOLDER.glob("*.yaml"))]
    cases = [
        suite_files.Case(f"{file.slug}-{one.case_id}", one.category, one.messages, one.expectation)
        for file in files
        for one in file.cases
    ]
    eva = cast.staff("eva@example.org", "Release managers")
    version, _ = actions.add_suite("both", cases, by=eva)
    served = serve(frozen(release), vllm_url, name="smollm2-135m-instruct")
    params = {"temperature": 0, "max_tokens": 6, "seed": 0}
    run = actions.start_run(served, version, params=params, concurrency=AT_ONCE, by=eva)
    workshop.run(f"{SEND}enqueue(EvaluationRun.objects.get(pk='{run.pk}'))")
    wait_for(lambda: len(answered(run)) >= len(cases) // 2, seconds=60)

    workshop.kill("worker")
    before = answered(run)
    long_ago = timezone.now() - timedelta(minutes=2)
    EvaluationRun.objects.filter(pk=run.pk).update(beat_at=long_ago, sent_at=long_ago)
    workshop.run(RESEND)
    workshop.start_worker()
    wait_for(lambda: EvaluationRun.objects.get(pk=run.pk).status == "done", seconds=60)

    run = EvaluationRun.objects.get(pk=run.pk)
    after = answered(run)
    assert len(cases) >= 100
    assert len(cases) // 2 <= len(before) < len(cases)
    assert sorted(after) == sorted(case.case_id for case in cases)
    assert run.items.count() == len(cases)
    # What was answered is not asked again; what was out at the kill is, once.
    assert {name: after[name] for name in before} == before
    assert {attempts for _, attempts in before.values()} == {1}
    asked_again = sum(attempts - 1 for _, attempts in after.values())
    assert asked_again <= AT_ONCE
    said = json.loads(run.evaluation.statement)
    assert (said["samples"], said["commit"]) == (len(cases), served.commit)
    assert said["facts"]["asked_again"] == asked_again
    assert said["facts"]["vllm_version"]
    assert said["facts"]["server"]["root"].endswith("SmolLM2-135M-Instruct")
