"""The model's road to the playground: its states, what stops it, and the real one at its end."""

import asyncio
import io
import json
import os
import subprocess
import sys
import urllib.request

import pytest
import redis
from django.conf import settings

from portal.local import preflight
from portal.local.log import Log
from portal.local.model import KEY, Model
from portal.local.parts import STANDALONE
from portal.local.supervisor import Supervisor
from portal.local.vllm import REQUIREMENTS, SERVED_NAME, Vllm
from portal.local.weights import Weights


@pytest.fixture
def valkey():
    client = redis.Redis.from_url(settings.REDIS_URL)
    yield client
    client.delete(KEY)


@pytest.fixture
def out():
    return io.StringIO()


@pytest.fixture
def model(home, out, tmp_path, valkey):
    """The road of a model of which nothing is installed yet."""
    vllm = Vllm(tmp_path / "cache", preflight.free_port())
    supervisor = Supervisor(Log(terminal=out))
    weights = Weights(vllm, supervisor, home, endpoint="http://127.0.0.1:9/hub")
    return Model(vllm, supervisor, settings.REDIS_URL, weights=weights)


def test_first_step_replaces_what_an_earlier_run_wrote(model, valkey):
    valkey.set(KEY, json.dumps({"state": "ready", "since": 1.0, "detail": ""}))

    model.tell_first_step()
    assert json.loads(valkey.get(KEY))["state"] == "installing"

    model.vllm.folder.mkdir(parents=True)
    (model.vllm.folder / "complete").touch()
    model.tell_first_step()
    assert json.loads(valkey.get(KEY))["state"] == "converting"

    model.vllm.model.mkdir(parents=True)
    (model.vllm.model / "config.json").write_text("{}")
    model.tell_first_step()
    assert json.loads(valkey.get(KEY))["state"] == "registering"

    model.weights.commit_file.write_text("c0ffee\n")
    model.tell_first_step()
    assert json.loads(valkey.get(KEY))["state"] == "downloading"

    model.weights.source("c0ffee", "").snapshot.mkdir(parents=True)
    model.tell_first_step()
    assert json.loads(valkey.get(KEY))["state"] == "starting"


def test_processor_that_cannot_run_it_is_told_to_the_pages_and_stops_nothing(model, valkey, out, monkeypatch):
    monkeypatch.setattr(preflight, "cpu_features", lambda: frozenset({"sse2"}))
    monkeypatch.setattr(preflight.platform, "machine", lambda: "x86_64")

    asyncio.run(model.bring_up({}))

    told = json.loads(valkey.get(KEY))
    assert told["state"] == "failed"
    assert told["detail"].startswith("This processor lacks AVX2, which vLLM's CPU build needs:")
    assert out.getvalue() == f"model    | The portal runs without its model. {told['detail']}\n"


def test_download_that_fails_is_one_sentence(tmp_path):
    env = os.environ | {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
    }
    command = [sys.executable, STANDALONE / "install_vllm.py", tmp_path / "vllm", REQUIREMENTS]

    tried = subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    assert tried.returncode == 3
    assert tried.stdout.splitlines()[-1] == (
        "vLLM could not be downloaded: check the network and start again; it goes on where it stopped."
    )
    assert tried.stderr == ""
    assert not (tmp_path / "vllm" / "complete").exists()


def test_locks_hold_hashes_and_no_addresses():
    for listed in REQUIREMENTS.glob("*.txt"):
        text = listed.read_text()
        assert "://" not in text, listed
        pinned = [line for line in text.splitlines() if "==" in line]
        assert pinned, listed
        assert [line for line in pinned if not line.endswith("\\")] == [], listed


@pytest.mark.model
@pytest.mark.timeout(0)
def test_model_answers_in_more_than_one_piece(vllm_url):
    body = {
        "model": SERVED_NAME,
        "messages": [{"role": "user", "content": "Say hello."}],
        "max_tokens": 16,
        "stream": True,
    }
    request = urllib.request.Request(
        f"{vllm_url}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )

    with urllib.request.urlopen(request, timeout=120) as answer:
        pieces = [json.loads(line[6:]) for line in answer if line.startswith(b"data: {")]

    texts = [piece["choices"][0]["delta"].get("content") for piece in pieces if piece["choices"]]
    assert len([text for text in texts if text]) > 2
