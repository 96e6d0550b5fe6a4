"""A path in a URL is a name to look up: whatever it is, only a registered file is ever read."""

import pytest

from tests.hub.conftest import HUB, body

MODEL = "/hub/open-weights/tiny"
pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")


@pytest.mark.parametrize(
    "path",
    [
        "../config.json", "onnx/../config.json", "..%2fconfig.json", "%2e%2e/%2e%2e/etc/passwd",
        "/etc/passwd", "%2Fetc%2Fpasswd", "config.json%00", "config.json%00.txt", "..%5cconfig.json",
        "onnx\\x", "config.json/", "./config.json", "onnx", "onnx/", "%ff%fe", "CONFIG.JSON", "a" * 3000,
    ],
)  # fmt: skip
def test_a_path_that_is_no_file_is_404_with_the_commit(client, bearer, revision, path):
    response = client.get(f"{HUB}/{path}", headers=bearer)

    assert response.status_code == 404
    assert response["X-Error-Code"] == "EntryNotFound"
    assert response["X-Error-Message"] == "Entry not found"
    assert response["X-Repo-Commit"] == revision.commit


@pytest.mark.parametrize("name", ["v9", "refs%2Fpr%2F1", "0" * 40, "main%00", "%ff"])
def test_a_revision_that_is_not_there_is_404(client, bearer, revision, name):
    response = client.get(f"{MODEL}/resolve/{name}/config.json", headers=bearer)

    assert response.status_code == 404
    assert response["X-Error-Code"] == "RevisionNotFound"
    assert response["X-Error-Message"].startswith("Invalid rev id:")


@pytest.mark.parametrize(
    "address",
    [
        "/hub/open-weights/none/resolve/main/config.json",
        "/hub/open-weights/tiny%00/resolve/main/config.json",
        "/hub/gpt2/resolve/main/config.json",
        "/hub/api/models/open-weights/none",
        "/hub/api/models/gpt2",
        "/hub/anything",
        "/hub/",
    ],
)
def test_a_model_that_is_not_there_is_404_without_a_redirect(client, bearer, revision, address):
    response = client.get(address, headers=bearer)

    assert response.status_code == 404
    assert response["X-Error-Code"] == "RepoNotFound"


def test_a_browser_gets_the_site_s_own_404(as_ada, revision):
    response = as_ada.get(f"{HUB}/none.json", headers={"Accept": "text/html"})

    assert response.status_code == 404
    assert "<!DOCTYPE html>" in response.content.decode()


def test_a_file_with_a_name_in_other_letters_is_found(client, bearer, revision):
    response = client.get(f"{HUB}/onnx/models%20of%20%C3%A9t%C3%A9.onnx", headers=bearer)

    assert body(response) == b"onnx"
    assert response["Content-Disposition"] == (
        "attachment; filename=\"models of ?t?.onnx\"; filename*=UTF-8''models%20of%20%C3%A9t%C3%A9.onnx"
    )


def test_a_file_is_found_by_the_commit_as_well(client, bearer, revision):
    response = client.get(f"{MODEL}/resolve/{revision.commit}/config.json", headers=bearer)

    assert body(response) == b'{"model_type": "tiny"}'


def test_the_headers_are_those_that_the_hub_s_clients_need(client, bearer, revision):
    file = revision.files.get(path="config.json")

    response = client.head(f"{HUB}/config.json", headers=bearer | {"X-Amzn-Trace-Id": "4f1c"})

    wanted = {
        "X-Repo-Commit": revision.commit,
        "ETag": f'"{file.sha256}"',
        "Content-Length": "22",
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": "4f1c",
    }
    assert {name: response[name] for name in wanted} == wanted
    assert "Location" not in response


def test_a_file_that_the_store_has_lost_is_503_and_not_logged(client, bearer, revision):
    revision.files.get(path="config.json").stored_at.unlink()

    response = client.get(f"{HUB}/config.json", headers=bearer)

    assert response.status_code == 503
    assert "out of service" in response.json()["error"]


def test_a_file_that_was_cut_short_in_the_store_is_503(client, bearer, revision):
    path = revision.files.get(path="model.safetensors").stored_at
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.truncate(1000)

    assert client.get(f"{HUB}/model.safetensors", headers=bearer).status_code == 503


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_nothing_can_be_written(client, bearer, revision, method):
    assert getattr(client, method)(f"{HUB}/config.json", headers=bearer).status_code == 405
