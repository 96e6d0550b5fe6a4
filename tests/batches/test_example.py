"""The example of a batch on the page about the API, run as a reader would run it."""

from pathlib import Path

import pytest

from playground.batches.models import Batch
from playground.reference.examples import Language
from portal.keys.actions import CreatedKey
from tests.batches.stack import BatchStack
from tests.gateway.examples import require, run_example
from tests.playground.stack import wait_for

pytestmark = pytest.mark.live
# The last lines that it prints, when all went well.
SAID = {
    Language.CURL: ('"object": "batch"',),
    Language.PYTHON: ("completed", "sky w0 w1", "grass w0 w1"),
    Language.JAVASCRIPT: ("completed", "sky w0 w1", "grass w0 w1"),
}


@pytest.mark.parametrize("language", Language)
def test_the_example_sends_a_batch_and_shows_what_came_of_it(
    language: Language, stack: BatchStack, key: CreatedKey, tmp_path: Path
) -> None:
    require(language)

    done = run_example(
        language,
        "batch",
        base_url=f"http://127.0.0.1:{stack.web_port}/v1",
        model="tiny",
        key=key.token,
        folder=tmp_path / "example",
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for words in SAID[language]:
        assert words in done.stdout
    wait_for(lambda: Batch.objects.get().status == "completed")
    assert Batch.objects.get().completed_count == 2
