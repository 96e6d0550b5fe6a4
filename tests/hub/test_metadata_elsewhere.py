"""What clients ask of the Hub in passing, and every address that is none."""

import pytest
from django.test import Client

from tests.hub.freezing import freeze

MODEL = "/hub/api/models/open-weights/tiny"


@pytest.fixture
def model(release):
    return freeze(release, {"config.json": b"{}"})


def test_there_are_no_agent_harnesses(client, db):
    response = client.get("/hub/api/agent-harnesses")

    assert (response.status_code, response.json()) == (200, {"standardEnvVars": [], "harnesses": {}})


def test_telemetry_is_taken_and_forgotten(client, db):
    response = client.head("/hub/api/telemetry/gradio/launched")

    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("method", ["get", "head", "post", "put", "delete"])
@pytest.mark.parametrize(
    "address",
    ["/hub/", "/hub/api", "/hub/api/models/", "/hub/api/models/gpt2", "/hub/api/models/gpt2/tree/main",
     "/hub/api/models/gpt2/revision/main", f"{MODEL}/", f"{MODEL}/discussions", "/hub/api/datasets/a/b",
     "/hub/api/%0A", "/hub/a/b/raw/main/c", "/hub/api/repos/create"],
)  # fmt: skip
def test_any_other_address_is_the_hubs_404_whatever_the_method(db, method, address):
    client = Client(enforce_csrf_checks=True)

    response = getattr(client, method)(address)

    assert (response.status_code, response["X-Error-Code"]) == (404, "RepoNotFound")
    assert response["Content-Type"] == "application/json"
    assert response["X-Error-Message"] == "Repository not found"
    assert response["X-Request-Id"]


@pytest.mark.parametrize("kind", ["revision", "tree", "paths-info", "commits"])
@pytest.mark.parametrize("name", ["refs%2Fpr%2F1", "refs/pr/1", "%2F", "..%2F..", "%00", "%ED%A0%80", "nope"])
def test_a_revision_with_a_slash_is_one_that_is_not_there(client, bearer, model, kind, name):
    ask = client.post if kind == "paths-info" else client.get

    response = ask(f"{MODEL}/{kind}/{name}", headers=bearer)

    assert (response.status_code, response["X-Error-Code"]) == (404, "RevisionNotFound")
    assert response["X-Error-Message"].startswith("Invalid rev id:")


@pytest.mark.parametrize("address", [MODEL, f"{MODEL}/tree/main", "/hub/api/whoami-v2", "/hub/nothing"])
def test_every_answer_has_the_number_of_its_request(client, bearer, model, address):
    given = "0f8fad5b-d9cb-469f-a165-70867728950e"

    assert client.get(address, headers=bearer | {"X-Amzn-Trace-Id": given})["X-Request-Id"] == given
    assert len(client.get(address, headers=bearer)["X-Request-Id"]) == 32
