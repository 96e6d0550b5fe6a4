"""The pages of batches: one's own alone, followed, read, cancelled and started."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from playground.batches import actions as batch_actions
from playground.batches import storage
from playground.batches.models import ApiFile, Batch, BatchStatus, Purpose, new_file_id
from portal.accounts.models import User
from portal.keys import actions, service_accounts
from portal.keys.actions import CreatedKey
from portal.keys.models import ApiKey, Scope
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.releases.models import Release
from tests import cast
from tests.batches.conftest import wish
from tests.batches.stack import jsonl, request
from tests.conftest import signed_in

HTMX = {"HX-Request": "true"}
EVIL = b'{"custom_id":"=HYPERLINK(1)","error":"<script>alert(1)</script>"}\n'


def written(batch: Batch, content: bytes) -> ApiFile:
    """A file that the worker wrote for `batch`."""
    file_id = new_file_id()
    size = storage.write(file_id, [content])
    return ApiFile.objects.create(
        pk=file_id, user=batch.user, service_account=batch.service_account, purpose=Purpose.BATCH_OUTPUT,
        filename="out.jsonl", size_bytes=size, expires_at=timezone.now() + timedelta(days=30),
    )  # fmt: skip


def become(batch: Batch, status: BatchStatus, **changes: Any) -> Batch:
    """`batch` as the workers leave it."""
    Batch.objects.filter(pk=batch.pk).update(status=status, **changes)
    batch.refresh_from_db()
    return batch


def completed(batch: Batch, release: Release) -> Batch:
    """`batch` answered, with one failure."""
    now = timezone.now()
    return become(
        batch, BatchStatus.COMPLETED, release=release, in_progress_at=now, ended_at=now, total_count=4,
        completed_count=3, failed_count=1, output_file=written(batch, b'{"custom_id":"a"}\n'),
        error_file=written(batch, EVIL),
    )  # fmt: skip


def upload(key: ApiKey, content: bytes = jsonl(request("a")), **changes: Any) -> dict[str, Any]:
    """What the form sends."""
    file = SimpleUploadedFile("mine.jsonl", content)
    return {"file": file, "endpoint": "/v1/chat/completions", "key": key.public_id} | changes


def body_of(response: Any) -> bytes:
    """The bytes of an answer that is streamed."""

    async def read() -> bytes:
        return b"".join([piece async for piece in response.streaming_content])

    return asyncio.run(read())


@pytest.mark.parametrize("count", [1, 3])
def test_ada_lists_her_batches_in_as_many_queries_for_any_number(
    as_ada: Client, keep: Any, key: CreatedKey, count: int, django_assert_num_queries: Any
) -> None:
    made = [batch_actions.create(wish(keep()), key=key.key) for _ in range(count)]

    with django_assert_num_queries(4):
        response = as_ada.get("/batches/")

    assert [batch.pk for batch in response.context["page"]] == [batch.pk for batch in reversed(made)]
    assert response.content.decode().count('hx-trigger="every 3s"') == count
    assert key.token not in response.content.decode()


def test_ada_without_batches_is_told_how_to_start_one(as_ada: Client) -> None:
    response = as_ada.get("/batches/")

    assert response.status_code == 200
    assert 'href="/api/?language=curl#batch"' in response.content.decode()
    assert 'id="batch"' in as_ada.get("/api/?language=curl").content.decode()


def test_a_person_without_access_sees_what_is_left_to_do(as_mallory: Client, release: Release) -> None:
    cast.programme(release, slug="open-to-all")
    for path in ("/batches/", "/batches/new/"):
        response = as_mallory.get(path)

        assert response.status_code == 403
        assert 'data-gate="approved"' in response.content.decode()


@pytest.mark.parametrize("place", ["", "answers.jsonl", "errors.jsonl", "cancel/", "state/", "progress/"])
def test_mallory_cannot_tell_adas_batch_from_none(
    as_mallory: Client, batch: Batch, release: Release, place: str
) -> None:
    completed(batch, release)

    answers = [as_mallory.get(f"/batches/{pk}/{place}", headers=HTMX) for pk in (batch.pk, "batch_none")]

    assert [answer.status_code for answer in answers] == [404, 404]


def test_mallory_cannot_cancel_adas_batch(as_mallory: Client, batch: Batch) -> None:
    response = as_mallory.post(f"/batches/{batch.pk}/cancel/")

    assert response.status_code == 404
    batch.refresh_from_db()
    assert batch.status == BatchStatus.VALIDATING


@pytest.mark.parametrize("place", ["", "answers.jsonl", "cancel/", "new/"])
def test_a_visitor_is_asked_to_sign_in(batch: Batch, place: str) -> None:
    path = f"/batches/{place}" if place == "new/" else f"/batches/{batch.pk}/{place}"

    response = Client().get(path)

    assert response["Location"] == f"/accounts/login/?next={path}"


def test_a_member_sees_the_batch_of_a_service_account_and_others_do_not(ada: User, release: Release) -> None:
    grace, mallory = cast.developer("grace@example.org", release), cast.developer("eve@example.org", release)
    bot = service_accounts.create(ada, name="nightly", purpose="")
    service_accounts.join(bot, user=grace)
    made = actions.create(ada, name="cluster", scopes=[Scope.INFERENCE], by=ada, service_account=bot)

    response = signed_in(grace).post("/batches/new/", upload(made.key))

    batch = Batch.objects.get()
    assert response["Location"] == f"/batches/{batch.pk}/"
    assert (batch.user, batch.service_account, batch.key) == (ada, bot, made.key)
    assert Entry.objects.get(verb=Verb.BATCH_CREATED).actor_id == grace.pk
    assert "of nightly" in signed_in(grace).get("/batches/").content.decode()
    assert signed_in(mallory).get(f"/batches/{batch.pk}/").status_code == 404


def test_ada_reads_both_files_as_attachments_that_no_browser_runs(
    as_ada: Client, batch: Batch, release: Release
) -> None:
    completed(batch, release)

    response = as_ada.get(f"/batches/{batch.pk}/errors.jsonl")

    assert body_of(response) == EVIL
    assert response["Content-Type"] == "application/jsonl"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"] == f'attachment; filename="{batch.pk}-errors.jsonl"'
    assert body_of(as_ada.get(f"/batches/{batch.pk}/answers.jsonl")) == b'{"custom_id":"a"}\n'


def test_a_file_that_is_gone_is_no_longer_offered(as_ada: Client, batch: Batch, release: Release) -> None:
    completed(batch, release)
    batch_actions.delete_file(batch.output_file)

    page = as_ada.get(f"/batches/{batch.pk}/").content.decode()

    assert "Answers: deleted, or no longer kept." in page
    assert as_ada.get(f"/batches/{batch.pk}/answers.jsonl").status_code == 404


def test_ada_reads_what_is_wrong_with_her_file(
    as_ada: Client, batch: Batch, django_assert_num_queries: Any
) -> None:
    fault = {"code": "invalid_url", "line": 7, "message": "“url” must be <right>.", "param": "url"}
    become(batch, BatchStatus.FAILED, ended_at=timezone.now(), errors=[fault])

    with django_assert_num_queries(3):
        page = as_ada.get(f"/batches/{batch.pk}/").content.decode()

    assert "Nothing was asked, and nothing counts." in page
    assert '<td data-label="Line">7</td>' in page
    assert "“url” must be &lt;right&gt;." in page
    assert "hx-trigger" not in page


def test_the_page_asks_again_while_the_batch_lives_and_loads_anew_at_its_end(
    as_ada: Client, batch: Batch, release: Release
) -> None:
    become(batch, BatchStatus.IN_PROGRESS, in_progress_at=timezone.now(), total_count=4, completed_count=1)
    live = as_ada.get(f"/batches/{batch.pk}/progress/", headers=HTMX).content.decode()
    completed(batch, release)

    over = as_ada.get(f"/batches/{batch.pk}/progress/", headers=HTMX)
    row = as_ada.get(f"/batches/{batch.pk}/state/", headers=HTMX).content.decode()

    assert 'hx-trigger="every 2s"' in live
    assert 'value="25" max="100"' in live
    assert over["HX-Refresh"] == "true"
    assert "hx-trigger" not in row
    assert "4 of 4" in row
    assert Client().get(f"/batches/{batch.pk}/state/", headers=HTMX)["HX-Refresh"] == "true"


def test_ada_is_asked_before_her_batch_is_cancelled(as_ada: Client, ada: User, batch: Batch) -> None:
    page = as_ada.get(f"/batches/{batch.pk}/cancel/").content.decode()
    batch.refresh_from_db()
    before = batch.status

    response = as_ada.post(f"/batches/{batch.pk}/cancel/")

    assert "Cancel this batch?" in page
    assert before == BatchStatus.VALIDATING
    assert response["Location"] == f"/batches/{batch.pk}/"
    batch.refresh_from_db()
    assert batch.status == BatchStatus.CANCELLING
    assert Entry.objects.get(verb=Verb.BATCH_CANCELLED).actor_id == ada.pk


def test_a_batch_that_is_over_cannot_be_cancelled(as_ada: Client, batch: Batch, release: Release) -> None:
    completed(batch, release)

    page = as_ada.get(f"/batches/{batch.pk}/cancel/").content.decode()
    response = as_ada.post(f"/batches/{batch.pk}/cancel/")

    assert "It is completed, and cannot be cancelled any more." in page
    assert response.status_code == 409
    assert 'data-refusal="batch_not_cancellable"' in response.content.decode()


def test_ada_turns_the_pages_of_a_long_list(
    as_ada: Client, keep: Any, key: CreatedKey, settings: Any
) -> None:
    settings.BATCHES_LIVE_PER_PERSON = 100
    file = keep()
    made = [batch_actions.create(wish(file), key=key.key) for _ in range(21)]

    second = as_ada.get("/batches/?page=2")

    assert [batch.pk for batch in second.context["page"]] == [made[0].pk]
    assert second.context["page"].paginator.num_pages == 2
    assert 'rel="prev"' in second.content.decode()
