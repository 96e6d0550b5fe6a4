"""Batches from end to end, with OpenAI's own client against running processes."""

import io
import json
from typing import Any

import pytest
from openai import APIStatusError, OpenAI

from portal.accounts.models import User
from portal.keys import actions
from portal.keys.models import Scope
from portal.ledger.models import Entry
from tests.batches.conftest import ended, sent
from tests.batches.stack import BatchStack, jsonl, request

pytestmark = pytest.mark.live


def lines_of(client: OpenAI, file_id: str | None) -> dict[str, Any]:
    """The lines of a file by their custom ids."""
    assert file_id is not None
    read = [json.loads(line) for line in client.files.content(file_id).text.splitlines()]
    assert len({line["custom_id"] for line in read}) == len(read)
    return {line["custom_id"]: line for line in read}


def test_developer_sends_batch_and_reads_answers_and_errors(client: OpenAI, stack: BatchStack) -> None:
    batch = sent(
        client,
        request("first", "words=3"),
        request("second", "status=400 message=nonsense"),
        request("third", "words=1 ümlaut"),
    )

    done = ended(client, batch)

    assert batch.status == "validating"
    assert (done.status, done.model, done.errors) == ("completed", "tiny", None)
    assert (done.request_counts.total, done.request_counts.completed, done.request_counts.failed) == (3, 2, 1)
    assert (done.usage.input_tokens, done.usage.output_tokens, done.usage.total_tokens) == (14, 4, 18)
    assert done.created_at <= done.in_progress_at <= done.finalizing_at <= done.completed_at
    answered, refused = lines_of(client, done.output_file_id), lines_of(client, done.error_file_id)
    assert list(answered) == ["first", "third"]
    response = answered["first"]["response"]
    assert response["status_code"] == 200
    assert response["request_id"].startswith("req_")
    assert response["body"]["choices"][0]["message"]["content"] == "w0 w1 w2"
    assert answered["first"]["error"] is None
    assert list(refused) == ["second"]
    assert refused["second"]["response"]["status_code"] == 400
    assert refused["second"]["response"]["body"]["error"]["message"].startswith("nonsense See ")


def test_developer_sends_wrong_file_and_is_told_each_line(client: OpenAI) -> None:
    file = client.files.create(
        file=io.BytesIO(jsonl(request("a"), request("a")) + b"nonsense\n"), purpose="batch"
    )
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )

    done = ended(client, batch)

    assert done.status == "failed"
    assert [(error.line, error.code) for error in done.errors.data] == [
        (2, "duplicate_custom_id"),
        (3, "invalid_json_line"),
    ]


def test_developer_cancels_and_keeps_what_was_answered(client: OpenAI, stack: BatchStack) -> None:
    quick, slow = [request(f"q{n}") for n in range(3)], [request(f"s{n}", "first=60") for n in range(6)]
    batch = sent(client, *quick, *slow)
    before = len(stack.asked())
    while client.batches.retrieve(batch.id).request_counts.completed < 3:
        pass

    cancelled = client.batches.cancel(batch.id)
    done = ended(client, batch)

    assert cancelled.status == "cancelling"
    assert done.status == "cancelled"
    assert (done.request_counts.completed, done.request_counts.failed) == (3, 6)
    assert list(lines_of(client, done.output_file_id)) == ["q0", "q1", "q2"]
    told = lines_of(client, done.error_file_id)
    assert {line["error"]["code"] for line in told.values()} == {"batch_cancelled"}
    assert len(stack.asked()) - before < 9
    assert stack.upstream_state()["running"] == 0
    verbs = Entry.objects.filter(subject_id=batch.id).order_by("number").values_list("verb", flat=True)
    assert list(verbs) == ["batch.created", "batch.cancelled", "batch.ended"]


def test_developer_lists_reads_and_deletes_files(client: OpenAI) -> None:
    made = [client.files.create(file=(f"{n}.jsonl", jsonl(request("a"))), purpose="batch") for n in range(3)]

    listed = list(client.files.list(limit=2))
    content = client.files.content(made[0].id).text
    deleted = client.files.delete(made[0].id)

    assert [file.id for file in listed] == [file.id for file in reversed(made)]
    assert client.files.retrieve(made[1].id).filename == "1.jsonl"
    assert content.encode() == jsonl(request("a"))
    assert deleted.deleted
    with pytest.raises(APIStatusError) as refused:
        client.files.content(made[0].id)
    assert (refused.value.status_code, refused.value.body["code"]) == (404, "file_not_found")


def test_developer_sends_too_large_file_and_is_told(client: OpenAI) -> None:
    with pytest.raises(APIStatusError) as refused:
        client.files.create(file=("big.jsonl", b"x" * 2_000_000), purpose="batch")

    assert (refused.value.status_code, refused.value.body["code"]) == (413, "file_too_large")


def test_outsider_sends_file_and_is_refused_before_it_arrives(client: OpenAI, mallory: User) -> None:
    theirs = actions.create(mallory, name="calls", scopes=[Scope.INFERENCE], by=mallory)

    with pytest.raises(APIStatusError) as refused:
        client.with_options(api_key=theirs.token).files.create(file=jsonl(request("a")), purpose="batch")

    assert (refused.value.status_code, refused.value.body["code"]) == (403, "no_model_open")
