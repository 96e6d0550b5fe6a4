"""Of all that vLLM offers, the listed endpoints can be reached through the gateway and nothing else."""

import httpx2 as httpx
import pytest

from playground.gateway.app import DESCRIPTION, FORWARDED, MODELS
from portal.releases.models import Release

pytestmark = [pytest.mark.model, pytest.mark.live]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
# Not in vLLM's own description, and there all the same; its guide to security names them.
UNDESCRIBED = ("/metrics", "/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect", "/v1", "/v1/")
# The portal's own pages and endpoints that have the name of one of vLLM's.
OURS = {"/health", "/", "/metrics"}
# What the portal answers itself under /v1.
ANSWERED_HERE = {path.decode() for path in {*FORWARDED, MODELS, DESCRIPTION}}


@pytest.fixture
def offered(vllm_url: str) -> list[str]:
    """The paths that the running vLLM tells it has."""
    told = httpx.get(f"{vllm_url}/openapi.json", timeout=30).json()
    return [path.replace("{", "").replace("}", "") for path in told["paths"]]


def test_no_other_path_of_vllm_is_reached_by_any_method(raw, release: Release, vllm_url: str, offered):
    release.backend_url, release.served_model_name = vllm_url, "smollm2-135m-instruct"
    release.save()
    closed = sorted({*offered, *UNDESCRIBED} - ANSWERED_HERE - OURS)
    variants = [
        spelt
        for path in closed
        for spelt in (path, f"{path}/", f"/v1{path}", f"/v1/models/%2e%2e{path}", f"/v1/{path}")
        if spelt not in ANSWERED_HERE
    ]

    reached = []
    for path in variants:
        for method in METHODS:
            answer = raw.request(method, path, json={"model": "tiny"})
            assert "vllm:" not in answer.text
            # 405: an address of the portal's own (such as /v1/files), which is not vLLM's.
            if answer.status_code not in (404, 405) and not _is_ours(path, answer):
                reached.append(f"{method} {path}: {answer.status_code}")

    assert len(closed) >= 20
    assert "/v1/load_lora_adapter" not in ANSWERED_HERE
    assert reached == [], "\n".join(reached)


def _is_ours(path: str, answer: httpx.Response) -> bool:
    """Whether Django answered, which nothing of vLLM's passes through: it redirects to add a slash."""
    return answer.status_code in (301, 302) and not path.startswith("/v1/")
