"""The headers of a model's safetensors files in one answer."""

import json

import pytest

from portal.releases.models import stored_at
from tests import cast
from tests.hub.conftest import bearer_of
from tests.hub.freezing import freeze

HEADERS = "/hub/api/models/open-weights/tiny/safetensors-metadata"
INDEX = "model.safetensors.index.json"


def indexed(*shards: str, metadata=None, folder=""):
    """The files of a model in shards."""
    weight_map = {f"layers.{number}.weight": shard for number, shard in enumerate(shards)}
    index = {"weight_map": weight_map} | ({"metadata": metadata} if metadata else {})
    files = {
        folder + shard: cast.safetensors(1000 + number, layer=number) for number, shard in enumerate(shards)
    }
    return {folder + INDEX: json.dumps(index).encode(), **files}


@pytest.mark.parametrize("shards", [["a.safetensors"], ["a.safetensors", "b.safetensors", "c.safetensors"]])
def test_the_headers_of_every_shard_are_read_at_once(
    client, bearer, release, shards, django_assert_num_queries
):
    freeze(release, indexed(*shards, metadata={"total_size": 3}))
    client.get(f"{HEADERS}/{INDEX}", headers=bearer)

    with django_assert_num_queries(10):
        said = client.get(f"{HEADERS}/{INDEX}", headers=bearer).json()

    assert said["index"] == {"metadata": {"total_size": 3}}
    assert list(said["headers"]) == shards
    assert said["headers"]["a.safetensors"] == {
        "__metadata__": {"format": "pt"},
        "layers.0.weight": {"dtype": "U8", "shape": [744], "data_offsets": [0, 744]},
    }


def test_mallory_reads_headers_as_she_reads_the_tree(client, mallory, release):
    freeze(release, {"model.safetensors": cast.safetensors(1000)})

    said = client.get(f"{HEADERS}/model.safetensors", headers=bearer_of(mallory)).json()

    assert list(said["headers"]["model.safetensors"]) == ["__metadata__", "layers.0.weight"]


def test_an_index_in_a_folder_names_what_lies_beside_it(client, bearer, release):
    freeze(release, indexed("a.safetensors", folder="text_encoder/"))

    said = client.get(f"{HEADERS}/text_encoder/{INDEX}", headers=bearer).json()

    assert list(said["headers"]) == ["a.safetensors"]


@pytest.mark.parametrize(
    "path", ["config.json", "missing.safetensors", f"missing/{INDEX}", "%00.safetensors"]
)
def test_what_is_not_there_or_not_safetensors_is_no_entry(client, bearer, release, path):
    freeze(release, {"config.json": b"{}"})

    response = client.get(f"{HEADERS}/{path}", headers=bearer)

    assert (response.status_code, response["X-Error-Code"]) == (404, "EntryNotFound")


@pytest.mark.parametrize(
    "index",
    [b"", b"\xff", b"[]", b"{}", b'{"weight_map": []}', b'{"weight_map": {"a": 1}}', b"[" * 100_000,
     b'{"weight_map": {"a": "missing.safetensors"}}', b'{"weight_map": {"a": "config.json"}}',
     b'{"weight_map": {"a": "../../etc/passwd"}}', b'{"weight_map": {"a": "\\u0000"}}',
     b'{"weight_map": {"a": "\\ud800"}}'],
)  # fmt: skip
def test_an_index_that_names_no_safetensors_is_refused(client, bearer, release, index):
    freeze(release, {INDEX: index, "config.json": b"{}"})

    response = client.get(f"{HEADERS}/{INDEX}", headers=bearer)

    assert (response.status_code, response.json()["gate"]) == (422, "unreadable_metadata")


def test_a_file_that_the_store_has_lost_is_refused(client, bearer, release):
    revision = freeze(release, {"model.safetensors": cast.safetensors(1000)})
    stored_at(revision.files.get().sha256).unlink()

    response = client.get(f"{HEADERS}/model.safetensors", headers=bearer)

    assert (response.status_code, response.json()["gate"]) == (422, "unreadable_metadata")
