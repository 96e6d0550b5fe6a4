"""What the Hub's clients ask before they download."""

import pytest

from portal.hub import metadata
from portal.keys.models import ApiKey
from tests.hub.conftest import bearer_of

MODEL = "/hub/api/models/open-weights/tiny"


def test_a_developer_reads_the_commit_and_the_files(client, bearer, revision):
    said = client.get(f"{MODEL}/revision/main", headers=bearer).json()

    assert (said["id"], said["sha"], said["gated"]) == ("open-weights/tiny", revision.commit, "manual")
    assert [sibling["rfilename"] for sibling in said["siblings"]] == [
        "config.json", "empty.txt", "model.safetensors", "onnx/models of \u00e9t\u00e9.onnx",
    ]  # fmt: skip


def test_a_developer_reads_sizes_and_hashes_on_request(client, bearer, revision):
    said = client.get(MODEL, {"blobs": "true"}, headers=bearer).json()

    file = revision.files.get(path="model.safetensors")
    assert said["siblings"][2] == {
        "rfilename": "model.safetensors",
        "size": 1048576,
        "blobId": file.git_oid,
        "lfs": {"sha256": file.sha256, "size": 1048576, "pointerSize": 134},
    }


def test_mallory_may_read_what_there_is_and_not_have_it(client, mallory, revision):
    bearer = bearer_of(mallory)

    assert client.get(MODEL, headers=bearer).status_code == 200
    assert client.get(f"{MODEL}/tree/main", headers=bearer).status_code == 200


@pytest.mark.parametrize("address", [MODEL, f"{MODEL}/revision/main", f"{MODEL}/tree/main"])
def test_a_stranger_is_told_to_log_in(client, revision, address):
    response = client.get(address)

    assert (response.status_code, response["X-Error-Code"]) == (401, "GatedRepo")


def test_the_tree_shows_one_level_or_all(client, bearer, revision):
    level = client.get(f"{MODEL}/tree/main", headers=bearer).json()
    every = client.get(f"{MODEL}/tree/main", {"recursive": "true"}, headers=bearer).json()
    folder = client.get(f"{MODEL}/tree/main/onnx", headers=bearer).json()

    assert [(one["type"], one["path"]) for one in level] == [
        ("file", "config.json"), ("file", "empty.txt"), ("file", "model.safetensors"), ("directory", "onnx"),
    ]  # fmt: skip
    assert [one["path"] for one in every][-2:] == ["onnx", "onnx/models of \u00e9t\u00e9.onnx"]
    assert [one["path"] for one in folder] == ["onnx/models of \u00e9t\u00e9.onnx"]


def test_a_folder_that_is_not_there_is_404_with_the_commit(client, bearer, revision):
    response = client.get(f"{MODEL}/tree/main/additional_chat_templates", headers=bearer)

    assert (response.status_code, response["X-Error-Code"]) == (404, "EntryNotFound")
    assert response["X-Repo-Commit"] == revision.commit


def test_a_long_tree_is_paged(client, bearer, revision, monkeypatch):
    monkeypatch.setattr(metadata, "TREE_PAGE_SIZE", 3)
    address, paths = f"{MODEL}/tree/main?recursive=true", []

    while address:
        response = client.get(address.removeprefix("https://portal.example.org"), headers=bearer)
        paths += [one["path"] for one in response.json()]
        address = response.headers.get("Link", "").partition(">")[0].lstrip("<")

    assert paths == sorted(paths)
    assert len(paths) == 5


def test_whoami_names_the_person_and_the_key(client, bearer, revision):
    said = client.get("/hub/api/whoami-v2", headers=bearer).json()

    assert (said["name"], said["email"]) == ("ada", "ada@example.org")
    assert said["auth"]["accessToken"]["displayName"] == ApiKey.objects.get().name


def test_whoami_refuses_a_stranger(client, db):
    assert client.get("/hub/api/whoami-v2").status_code == 401
