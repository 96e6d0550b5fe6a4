"""The pages of batches against running processes: a file goes in and a file of answers comes out."""

import json
import re

import pytest

from playground.batches.models import Batch, BatchStatus
from portal.accounts.models import User
from portal.keys.actions import CreatedKey
from tests.batches.stack import BatchStack, jsonl, request
from tests.playground.stack import Visitor, wait_for

pytestmark = pytest.mark.live


def test_ada_sends_a_file_by_the_page_and_downloads_answers_and_errors(
    stack: BatchStack, ada: User, key: CreatedKey
) -> None:
    ada_visits = Visitor(stack, ada)
    form = ada_visits.get("/batches/new/").text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
    assert token is not None

    sent = ada_visits.session.post(
        f"{ada_visits.base_url}/batches/new/",
        data={
            "csrfmiddlewaretoken": token[1],
            "endpoint": "/v1/chat/completions",
            "key": key.key.public_id,
        },
        files={"file": ("mine.jsonl", jsonl(request("a", "words=3"), request("b", "status=400 message=no")))},
        timeout=30,
    )
    batch = Batch.objects.get()
    wait_for(lambda: not Batch.objects.live().exists(), seconds=30)
    answers = ada_visits.get(f"/batches/{batch.pk}/answers.jsonl")
    errors = ada_visits.get(f"/batches/{batch.pk}/errors.jsonl")

    batch.refresh_from_db()
    assert sent.url.endswith(f"/batches/{batch.pk}/")
    assert (batch.status, batch.completed_count, batch.failed_count) == (BatchStatus.COMPLETED, 1, 1)
    answer = json.loads(answers.text)
    assert answer["response"]["body"]["choices"][0]["message"]["content"] == "w0 w1 w2"
    assert json.loads(errors.text)["custom_id"] == "b"
    assert answers.headers["Content-Type"] == "application/jsonl"
    assert answers.headers["X-Content-Type-Options"] == "nosniff"
    assert answers.headers["Content-Disposition"] == f'attachment; filename="{batch.pk}-answers.jsonl"'
