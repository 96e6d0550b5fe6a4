"""The model's weights through the door: a real portal, a real worker, and the real client that vLLM has."""

import asyncio
import io
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import connection

from portal.console.demo.seeding import seed
from portal.hub.models import Download
from portal.keys import actions as keys
from portal.keys.models import ApiKey
from portal.licensing import actions as licensing
from portal.local import preflight, processes
from portal.local.home import Home
from portal.local.log import Log
from portal.local.model import KEY, Model
from portal.local.parts import Leash
from portal.local.supervisor import Supervisor
from portal.local.trouble import Trouble
from portal.local.vllm import Vllm
from portal.local.weights import Weights
from portal.releases import actions as releases
from portal.releases.models import Release, Revision
from tests.gateway.processes import portal as running_portal
from tests.services import wait_until

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]
HEADER = b'{"weight":{"dtype":"U8","shape":[1048576],"data_offsets":[0,1048576]}}'
FILES = {
    "config.json": b'{"model_type": "tiny"}',
    "model.safetensors": len(HEADER).to_bytes(8, "little") + HEADER + bytes(range(256)) * 4096,
}
SIZE_BYTES = sum(map(len, FILES.values()))
WITHDRAWN = (
    "The portal refuses the model server its weights: SmolLM2 135M Instruct has been withdrawn. "
    "Its page says why and what to use instead."
)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def env(django_db_setup, store) -> dict[str, str]:
    """The environment of the portal's own commands."""
    url = settings.DATABASE_URL.rpartition("/")[0] + "/" + connection.settings_dict["NAME"]
    return dict(os.environ) | {"DATABASE_URL": url, "DEBUG": "1", "WEIGHTS_ROOT": str(store)}


@pytest.fixture(scope="module")
def address(env) -> Iterator[str]:
    """A running portal with its worker."""
    [part] = (part for part in processes.workers(env) if part.name == "worker")
    worker = Leash(part, output=None)
    with running_portal(WEIGHTS_ROOT=env["WEIGHTS_ROOT"]) as found:
        yield found
    worker.stop()


@pytest.fixture
def release(transactional_db) -> Release:
    """The demonstration's release."""
    seed()
    return Release.objects.get()


@pytest.fixture
def weights(address, release, home: Home, tmp_path) -> Weights:
    """Small weights, and the tests' own client in place of the one in vLLM's environment."""
    vllm = Vllm(tmp_path / "cache", preflight.free_port())
    vllm.python = Path(sys.executable)
    vllm.model.mkdir(parents=True)
    for name, content in FILES.items():
        (vllm.model / name).write_bytes(content)
    return Weights(vllm, Supervisor(Log(terminal=io.StringIO())), home, endpoint=f"{address}/hub")


def fetch(weights, env):
    """Fetch, and the last progress that was told."""
    told = [(0, 0)]

    async def tell(done, total):
        told.append((done, total))

    return asyncio.run(weights.fetch(env, on_progress=tell)), told[-1]


def wait_until_felt():
    """A door may remember its answer for a moment: every revocation is felt within a second."""
    time.sleep(1)


def test_weights_are_registered_and_come_back_through_the_door_once(weights, env, home):
    source, told = fetch(weights, env)

    assert source.commit == Revision.objects.get().commit
    assert {file.name: file.read_bytes() for file in source.snapshot.iterdir()} == FILES
    assert told == (SIZE_BYTES, SIZE_BYTES)
    downloads = list(Download.objects.all())
    assert sorted(download.file.path for download in downloads) == sorted(FILES)
    assert {download.user.email for download in downloads} == {"model-server@example.com"}
    assert {download.key.name for download in downloads} == {"model server"}
    assert [download.client for download in downloads if not download.client.startswith("vllm/")] == []
    assert home.model_token.stat().st_mode & 0o777 == 0o600
    assert source.token not in repr(source)

    again, told = fetch(weights, env)

    assert again == source
    assert told == (0, 0)
    assert Download.objects.count() == len(FILES)


def test_a_withdrawn_release_is_not_served_from_the_cache(weights, env, release):
    fetch(weights, env)
    releases.withdraw(release, by=None, reason="It repeats its training data.")
    wait_until_felt()

    with pytest.raises(Trouble, match=f"^{re.escape(WITHDRAWN)}"):
        fetch(weights, env)


def test_a_licence_that_nobody_accepted_for_it_is_named(weights, env, release):
    fetch(weights, env)
    draft = licensing.draft_version(release.licence, number="2.0", text="# Licence 2.0")
    licensing.publish_version(draft, by=None)
    wait_until_felt()

    with pytest.raises(Trouble, match=r"^The portal refuses .*Read and accept Open Weights Licence 2\.0"):
        fetch(weights, env)

    seed()
    fetch(weights, env)


def test_a_revoked_key_is_made_anew(weights, env):
    before, _ = fetch(weights, env)
    keys.revoke(ApiKey.objects.get(), by=None)

    after, _ = fetch(weights, env)

    assert after.token != before.token
    assert ApiKey.objects.live().count() == 1


def test_a_lost_key_is_made_anew_and_the_lost_one_revoked(weights, env, home):
    before, _ = fetch(weights, env)
    home.model_token.unlink()

    after, _ = fetch(weights, env)

    assert after.token != before.token
    assert [key.status for key in ApiKey.objects.order_by("created_at")] == ["revoked", "live"]


def test_a_revision_that_the_portal_does_not_know_is_registered_again(weights, env):
    source, _ = fetch(weights, env)
    weights.commit_file.write_text("0" * 40 + "\n")

    again, _ = fetch(weights, env)

    assert again == source
    assert weights.commit_file.read_text() == f"{source.commit}\n"


def test_a_portal_that_does_not_answer_is_one_sentence(weights, env):
    fetch(weights, env)
    weights.endpoint = "http://127.0.0.1:9/hub"

    with pytest.raises(Trouble) as trouble:
        fetch(weights, env)

    assert str(trouble.value) == (
        "The model server could not download its weights from the portal: "
        "http://127.0.0.1:9/hub does not answer as it should ([Errno 111] Connection refused)."
    )


def test_the_pages_are_told_why_the_door_is_shut_and_the_road_goes_on_when_it_opens(weights, env, home):
    fetch(weights, env)
    out = io.StringIO()
    supervisor = weights.supervisor = Supervisor(Log(terminal=out))
    model = Model(weights.vllm, supervisor, settings.REDIS_URL, weights=weights, retry_seconds=0.5)
    model.env = env
    valkey = redis.Redis.from_url(settings.REDIS_URL)
    open_at = weights.endpoint
    weights.endpoint = "http://127.0.0.1:9/hub"

    async def go():
        road = asyncio.create_task(model._fetch())
        await asyncio.to_thread(wait_until, lambda: "asked again" in out.getvalue(), "The sentence")
        told = json.loads(valkey.get(KEY))
        await asyncio.sleep(2)
        assert out.getvalue().count("asked again") == 1
        weights.endpoint = open_at
        return told, await road

    told, source = asyncio.run(go())
    valkey.delete(KEY)

    assert told["state"] == "failed"
    assert told["detail"].startswith("The model server could not download its weights from the portal:")
    assert source.snapshot.is_dir()
    assert out.getvalue().endswith("The portal gives the weights.\n")
