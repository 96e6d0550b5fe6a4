"""The running API held to its own description at /v1/openapi.json, by schemathesis."""

import subprocess
import sys
from pathlib import Path

import httpx2 as httpx
import pytest
from django.conf import settings

from portal.keys import actions
from portal.keys.models import Scope
from tests.batches.stack import jsonl, request
from tests.gateway import processes

pytestmark = pytest.mark.live

HERE = Path(__file__).parent
CASES_AN_OPERATION = 15
# It takes a third of this on two cores that nobody else uses.
SECONDS_MAX = 100
GENEROUS = {
    "GATEWAY_REQUESTS_PER_MINUTE": 10**6,
    "GATEWAY_TOKENS_PER_MINUTE": 10**12,
    "GATEWAY_TOKENS_PER_DAY": 10**14,
}


@pytest.fixture
def generous_portal(release, tmp_path):
    """A running portal whose limits are never reached."""
    with processes.portal(log=tmp_path / "log", BATCH_ROOT=tmp_path / "batches", **GENEROUS) as address:
        yield address


@pytest.fixture
def token(ada):
    return actions.create(ada, name="all", scopes=[Scope.INFERENCE, Scope.ACCOUNT], by=ada).token


@pytest.fixture
def file_id(generous_portal, token):
    answer = httpx.post(
        f"{generous_portal}/v1/files",
        data={"purpose": "batch"},
        files={"file": ("requests.jsonl", jsonl(request("a")))},
        headers={"Authorization": f"Bearer {token}"},
    )
    return answer.json()["id"]


def test_every_answer_is_as_the_description_says(generous_portal, token, file_id, tmp_path):
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("st"), "--config-file", HERE / "schemathesis.toml", "run"),
            *(f"{generous_portal}/v1/openapi.json", "--url", f"{generous_portal}/v1"),
            *("--header", f"Authorization: Bearer {token}", "--request-timeout", "20", "--no-color"),
            *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"),
            *("--max-examples", str(CASES_AN_OPERATION), "--generation-deterministic"),
            "--continue-on-failure",
        ],
        cwd=tmp_path,
        env={
            "SCHEMATHESIS_HOOKS": "tests.gateway.contract_hooks",
            "PYTHONPATH": str(settings.BASE_DIR),
            "CONTRACT_MODEL": "tiny",
            "CONTRACT_FILE": file_id,
        },
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
