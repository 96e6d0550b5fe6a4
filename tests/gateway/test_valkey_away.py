"""Valkey stops and comes back: limits are not switched off by it, and nothing has to be restarted."""

import httpx2 as httpx

from portal.keys import actions
from tests.gateway import processes
from tests.gateway.conftest import eventually
from tests.gateway.processes import running


def test_the_gateway_refuses_while_valkey_is_away_and_goes_on_when_it_is_back(key, ada, valkey, settings):
    with processes.portal(REDIS_URL=valkey.url) as portal:
        headers = {"Authorization": f"Bearer {key.token}"}
        with httpx.Client(base_url=portal, headers=headers, timeout=10) as raw:
            before = raw.get("/v1/models")
            with running(valkey):
                eventually(lambda: raw.get("/v1/models").status_code == 200, within_seconds=3)
            away = raw.get("/v1/models")
            with running(valkey):
                eventually(lambda: raw.get("/v1/models").status_code == 200, within_seconds=3)
                settings.REDIS_URL = valkey.url
                actions.revoke(key.key, by=ada)
                eventually(lambda: raw.get("/v1/models").status_code == 401, within_seconds=1)

    for answer in (before, away):
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "limits_unavailable")
        assert answer.headers["retry-after"] == "2"
