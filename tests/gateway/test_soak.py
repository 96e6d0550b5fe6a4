"""A mixed load leaves nothing behind; `python -m tests.gateway.soaking` runs it for as long as one likes."""

import httpx2 as httpx
import pytest
import redis
from django.conf import settings

from portal.keys import actions, reports, usage
from portal.keys.models import DailyUsage, Scope
from tests.gateway import processes
from tests.gateway.conftest import eventually
from tests.gateway.soaking import MIB, UNLIMITED, Load, drained, soak
from tests.gateway.standing import limit_state

pytestmark = [pytest.mark.live, pytest.mark.alone]
SECONDS, CLIENTS = 15, 40


def test_a_mixed_load_leaks_nothing_and_every_token_is_counted(ada, release, key, upstream_url, tmp_path):
    old = actions.create(ada, name="old", scopes=[Scope.INFERENCE], by=ada)
    actions.revoke(old.key, by=ada)
    started = []

    def counters():
        return httpx.get(f"{upstream_url}/counters").json()

    before = counters()
    with processes.portal(started=started, log=tmp_path / "log", **UNLIMITED) as url:
        load = Load(url, [key.token], model=release.slug, revoked=old.token)
        warm, after = soak(load, pid=started[0].pid, counters=counters, clients=CLIENTS, seconds=SECONDS)
        engine = drained(counters)
    eventually(lambda: usage.record_new() == 0, within_seconds=10)
    used = reports.total(line.amount for line in reports.lines(DailyUsage.objects.all(), "release"))
    broken = load.told.hung_up + load.told.statuses["failing 200"] + load.told.statuses["TimeoutError"]

    told = load.told.statuses
    assert {"200", "slow 200", "400", "401", "413", "failing 200", "failing 400", "failing 502"} <= set(told)
    assert not {"500", "slow 500", "failing 500"} & set(told)
    assert used.requests == engine["requests"] - before["requests"]
    # What the model server said to those who had left is known to it alone: a word or two for each.
    unseen = engine["generation_tokens"] - before["generation_tokens"] - used.completion_tokens
    assert 0 <= unseen <= 3 * broken
    assert load.told.completion_tokens <= used.completion_tokens
    assert load.told.prompt_tokens <= used.prompt_tokens <= engine["prompt_tokens"] - before["prompt_tokens"]
    assert after.memory_bytes - warm.memory_bytes < 20 * MIB
    # The pool of the database may still have grown to its most in between.
    assert (
        after.descriptors - warm.descriptors
        < 10 + settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]
    )
    with redis.Redis.from_url(settings.REDIS_URL, decode_responses=True) as valkey:
        held = limit_state(valkey, f"user:{ada.pk}")
    assert (held["reserved"], held.get("running", 0)) == (0, 0)
