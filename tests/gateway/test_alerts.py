"""From a real request to what its owner is told of it."""

import pytest
import redis
from django.conf import settings

from portal.keys import alerts, usage
from portal.keys.models import ApiKey, DailyReleaseUsage, DailyUsage, Limit
from tests.gateway.conftest import eventually, say

pytestmark = pytest.mark.live


@pytest.fixture(autouse=True)
def stream(_on_disk):
    """The usage stream, empty before and after."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(usage.STREAM)
        yield client
        client.delete(usage.STREAM)


def test_a_request_that_uses_up_a_budget_is_told_by_mail(client, key, ada, release, post_office):
    limit = Limit.objects.create(key=key.key, tokens_total=100_000)
    with post_office() as mails:
        used = client.chat.completions.create(
            model="tiny", messages=say("hi"), max_tokens=5
        ).usage.total_tokens
        eventually(lambda: usage.record_new() > 0, within_seconds=5)
        assert alerts.look() == 0
        Limit.objects.filter(pk=limit.pk).update(tokens_total=used * 10 // 9)
        client.models.list()
        eventually(lambda: usage.record_new() > 0, within_seconds=5)
        alerts.look()

    assert [one.to for one in mails if "tokens in total" in one.subject] == [[ada.email]]


def test_asking_for_the_models_is_a_use_of_the_key_and_of_no_model(client, key, release):
    client.models.list()

    eventually(lambda: usage.record_new() > 0, within_seconds=5)
    found = ApiKey.objects.get()
    assert found.last_used_at is not None
    assert found.last_used_client.startswith("OpenAI/Python")
    assert not DailyUsage.objects.exists()
    assert not DailyReleaseUsage.objects.exists()
