"""Damaged files at the door: refused with a reason, and given again once they are whole."""

import pytest

from portal.hub.models import Download
from portal.releases import scrubbing
from portal.releases.models import Blob, stored_at
from tests.hub.conftest import HUB, WEIGHTS, body

FILE = f"{HUB}/model.safetensors"


@pytest.fixture
def blob(revision) -> Blob:
    return Blob.objects.get(pk=revision.files.get(path="model.safetensors").sha256)


@pytest.fixture
def damaged(blob) -> Blob:
    """The weights with one bit flipped, which no size shows, after the night's scrub."""
    stored_at(blob.sha256).chmod(0o644)
    stored_at(blob.sha256).write_bytes(WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1]))
    scrubbing.scrub_tonight()
    return blob


@pytest.mark.parametrize("method", ["get", "head"])
def test_ada_is_refused_a_damaged_file_with_the_reason(client, bearer, damaged, method):
    response = getattr(client, method)(FILE, headers=bearer)

    assert response.status_code == 503
    assert "model.safetensors is out of service" in response["X-Error-Message"]
    assert not Download.objects.exists()


def test_ada_still_gets_the_other_files(client, bearer, damaged):
    assert body(client.get(f"{HUB}/config.json", headers=bearer)) == b'{"model_type": "tiny"}'


def test_ada_gets_the_file_again_once_it_is_whole(client, bearer, damaged):
    stored_at(damaged.sha256).write_bytes(WEIGHTS)
    scrubbing.check(damaged)

    assert body(client.get(FILE, headers=bearer)) == WEIGHTS
