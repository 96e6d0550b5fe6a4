"""A running portal with a batch worker, Ada's key, and a folder of the test's own for files."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openai import OpenAI

from playground.batches import actions as batch_actions
from playground.batches.asking import BatchWish
from playground.batches.models import ApiFile, Batch
from portal.accounts.models import User
from portal.keys import actions
from portal.keys.actions import CreatedKey
from portal.keys.models import Scope
from tests.batches.stack import BatchStack, jsonl, request
from tests.playground.stack import wait_for


@pytest.fixture(autouse=True)
def _a_folder_of_its_own(settings, tmp_path) -> None:
    settings.BATCH_ROOT = tmp_path / "batches"


@pytest.fixture(scope="session")
def running_stack(django_db_setup: None, django_db_blocker: Any) -> Iterator[BatchStack]:
    """Web, batch worker, model server and Valkey, started once."""
    with django_db_blocker.unblock():
        stack = BatchStack()
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@pytest.fixture
def stack(running_stack: BatchStack, transactional_db: None) -> BatchStack:
    """The live processes; what the test writes is committed, so that they see it."""
    running_stack.mend()
    return running_stack


@pytest.fixture
def key(ada: User) -> CreatedKey:
    """Ada's key for calls."""
    return actions.create(ada, name="calls", scopes=[Scope.INFERENCE], by=ada)


@pytest.fixture
def client(stack: BatchStack, key: CreatedKey) -> Iterator[OpenAI]:
    """The real client with Ada's key, that tries nothing twice."""
    base_url = f"http://127.0.0.1:{stack.web_port}/v1"
    with OpenAI(base_url=base_url, api_key=key.token, max_retries=0, timeout=20) as made:
        yield made


@pytest.fixture
def keep(key: CreatedKey) -> Callable[..., ApiFile]:
    """Keep a file of Ada's, without any door."""

    def kept(*lines: dict[str, Any], raw: bytes = b"") -> ApiFile:
        content = raw or jsonl(*(lines or (request("a"),)))
        return batch_actions.keep_file(
            key.key, filename="requests.jsonl", pieces=[content], size_bytes=len(content)
        )

    return kept


@pytest.fixture
def batch(keep: Callable[..., ApiFile], key: CreatedKey) -> Batch:
    """A batch of Ada's that nobody has looked at yet."""
    return batch_actions.create(wish(keep()), key=key.key)


def wish(file: ApiFile, endpoint: str = "/v1/chat/completions") -> BatchWish:
    """A batch of `file`, asked for."""
    return BatchWish(input_file_id=file.pk, endpoint=endpoint, output_seconds=30 * 24 * 3600)


def sent(client: OpenAI, *lines: dict[str, Any]) -> Any:
    """A batch of `lines`, sent by the real client."""
    file = client.files.create(file=("requests.jsonl", jsonl(*lines)), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )


def ended(client: OpenAI, batch: Any, *, seconds: float = 30) -> Any:
    """The batch once it has ended."""
    over = {"completed", "failed", "expired", "cancelled"}
    wait_for(lambda: client.batches.retrieve(batch.id).status in over, seconds=seconds)
    return client.batches.retrieve(batch.id)
