"""The pages of batches in a real browser: accessible, fitting, and following a batch to its end."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from playground.batches import actions as batch_actions
from playground.batches import storage
from playground.batches.models import ApiFile, Batch, BatchStatus, Purpose, new_file_id
from portal.accounts.models import User
from portal.keys import actions
from portal.keys.models import ApiKey, Scope
from portal.releases.models import Release
from tests import cast
from tests.batches.stack import jsonl, request
from tests.look.test_pages import look_at

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG_NAME = "a-rather-long-name-of-a-key-for-the-nightly-evaluation-of-every-checkpoint"
FAULTS = [
    {
        "code": "invalid_json_line",
        "line": 2,
        "message": "This line is not parseable as valid JSON.",
        "param": None,
    },
    {
        "code": "mismatched_url",
        "line": 31_415,
        "message": "“url” must be the batch's endpoint, /v1/chat/completions.",
        "param": "url",
    },
]


@pytest.fixture
def release(settings: Any, tmp_path: Path, transactional_db: None) -> Release:
    """An open release, and a folder of the test's own for files."""
    settings.BATCH_ROOT = tmp_path / "batches"
    return cast.release()


@pytest.fixture
def ada(release: Release) -> User:
    """Ada, who is let in."""
    return cast.developer("ada@example.org", release)


@pytest.fixture
def key(ada: User) -> ApiKey:
    """Her key for calls."""
    return actions.create(ada, name=LONG_NAME, scopes=[Scope.INFERENCE], by=ada).key


@pytest.fixture
def made(key: ApiKey) -> Callable[..., Batch]:
    """Make a batch as it stands in some state."""

    def make(status: str = BatchStatus.VALIDATING, **changes: Any) -> Batch:
        content = jsonl(request("a"))
        batch = batch_actions.start(
            key,
            filename="questions-about-the-history-of-computing.jsonl",
            pieces=[content],
            size_bytes=len(content),
            endpoint="/v1/chat/completions",
            by=key.user,
            address="192.0.2.1",
        )
        Batch.objects.filter(pk=batch.pk).update(status=status, **changes)
        batch.refresh_from_db()
        return batch

    return make


def output_of(user: User) -> ApiFile:
    """A file that a worker wrote."""
    file_id = new_file_id()
    size = storage.write(file_id, [b'{"custom_id":"a"}\n' * 90_000])
    return ApiFile.objects.create(
        pk=file_id,
        user=user,
        purpose=Purpose.BATCH_OUTPUT,
        filename="out.jsonl",
        size_bytes=size,
        expires_at=timezone.now() + timedelta(days=30),
    )


def test_ada_looks_at_batches_in_every_state(
    page: Page, enter: Any, ada: User, release: Release, made: Callable[..., Batch]
) -> None:
    now = timezone.now()
    begun = {"release": release, "in_progress_at": now, "total_count": 12_000}
    wrong = made(BatchStatus.FAILED, ended_at=now, errors=FAULTS)
    done = made(
        BatchStatus.COMPLETED, ended_at=now, completed_count=11_958, failed_count=42, prompt_tokens=1_234_567,
        completion_tokens=7_654_321, output_file=output_of(ada), error_file=output_of(ada), **begun,
    )  # fmt: skip
    running = made(BatchStatus.IN_PROGRESS, completed_count=4_321, failed_count=7, **begun)
    made()
    enter(page, ada)

    paths = [one.get_absolute_url() for one in (wrong, done, running)]
    for path in ("/batches/", *paths, f"{paths[-1]}cancel/", f"{paths[0]}cancel/", "/batches/new/"):
        look_at(page, path)


def test_ada_starts_a_batch_follows_it_to_its_end_and_is_offered_its_answers(
    page: Page, enter: Any, ada: User, release: Release, key: ApiKey
) -> None:
    enter(page, ada)
    page.goto("/batches/")
    page.get_by_role("link", name="Start your first batch").click()
    upload = {"name": "mine.jsonl", "mimeType": "application/jsonl", "buffer": jsonl(request("a"))}
    page.get_by_label("File of requests").set_input_files(files=[upload])

    page.get_by_role("button", name="Start the batch").click()

    expect(page.get_by_role("heading", name="mine.jsonl")).to_be_visible()
    expect(page.get_by_text("reading the file")).to_be_visible()
    running = {"status": BatchStatus.IN_PROGRESS, "in_progress_at": timezone.now(), "release": release}
    Batch.objects.update(total_count=8, completed_count=2, **running)
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "25", timeout=15_000)
    expect(page.get_by_text("2 of 8")).to_be_visible()
    ended = {"status": BatchStatus.COMPLETED, "ended_at": timezone.now(), "output_file": output_of(ada)}
    Batch.objects.update(completed_count=8, **ended)
    expect(page.get_by_role("link", name="Answers, 1.5")).to_be_visible(timeout=15_000)
    expect(page.locator("[hx-trigger]")).to_have_count(0)


def test_the_list_follows_a_batch_and_stops_at_its_end(
    page: Page, enter: Any, ada: User, release: Release, made: Callable[..., Batch]
) -> None:
    now = timezone.now()
    made(BatchStatus.IN_PROGRESS, release=release, in_progress_at=now, total_count=4, completed_count=1)
    enter(page, ada)
    page.goto("/batches/")
    expect(page.get_by_text("1 of 4")).to_be_visible()

    Batch.objects.update(status=BatchStatus.COMPLETED, completed_count=4, ended_at=now)

    expect(page.get_by_text("4 of 4")).to_be_visible(timeout=15_000)
    expect(page.get_by_text("Completed")).to_be_visible()
    expect(page.locator("[hx-trigger]")).to_have_count(0)


def test_ada_cancels_a_batch(page: Page, enter: Any, ada: User, made: Callable[..., Batch]) -> None:
    batch = made()
    enter(page, ada)
    page.goto(batch.get_absolute_url())
    page.get_by_role("link", name="Cancel the batch").click()

    page.get_by_role("button", name="Cancel the batch").click()

    expect(page.get_by_text("Cancelling")).to_be_visible()
    expect(page.get_by_role("link", name="Cancel the batch")).to_have_count(0)


def test_pages_without_batches_keys_or_access_are_accessible_and_fit(
    page: Page, enter: Any, ada: User, release: Release
) -> None:
    enter(page, ada)
    look_at(page, "/batches/")
    look_at(page, "/batches/new/")

    enter(page, cast.person("grace@example.org"))
    look_at(page, "/batches/")
