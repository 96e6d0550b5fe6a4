"""What the gateway meters beside tokens: the time to the first token, the client and its address."""

import pytest
from openai import InternalServerError

from tests.gateway.conftest import recorded, say

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("is_stream", [True, False])
def test_answer_is_metered_with_its_first_token_and_its_client(client, key, is_stream):
    answer = client.chat.completions.create(model="tiny", messages=say("hello"), stream=is_stream)
    for _ in answer if is_stream else ():
        pass

    row = recorded(key, requests=1)
    key.key.refresh_from_db()
    assert sum(row.first_token_counts) == 1
    assert key.key.last_used_client.startswith("OpenAI/Python")
    assert key.key.last_used_address == "127.0.0.1"


def test_a_failure_is_metered_without_a_first_token(client, key, release):
    release.backend_url = "http://127.0.0.1:9"
    release.save()

    with pytest.raises(InternalServerError, match="does not answer"):
        client.chat.completions.create(model="tiny", messages=say("hello"))

    row = recorded(key, requests=1)
    assert (row.failures_count, row.first_token_counts) == (1, [])
