"""The list of models: what the caller may see, found and paged."""

import pytest

from portal.releases.models import ReleaseStatus
from tests import cast
from tests.hub.conftest import bearer_of
from tests.hub.freezing import freeze

API = "/hub/api/models"
CONFIG = b'{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}'


@pytest.fixture
def model(release):
    """A revision of two files."""
    return freeze(release, {"config.json": CONFIG, "model.safetensors": cast.safetensors(1000)})


def listed(client, bearer, **query):
    return [one["id"] for one in client.get(API, query, headers=bearer).json()]


def test_a_developer_reads_a_line_of_each_release(client, bearer, model):
    cast.release("bare")

    bare, tiny = client.get(API, headers=bearer).json()

    assert (bare["id"], bare["tags"]) == ("open-weights/bare", ["license:other"])
    assert {"sha", "lastModified", "siblings", "usedStorage"}.isdisjoint(bare)
    assert (tiny["id"], tiny["sha"]) == ("open-weights/tiny", model.commit)
    assert "siblings" not in tiny


def test_the_whole_of_each_is_said_on_request(client, bearer, model):
    (tiny,) = client.get(API, {"full": "true"}, headers=bearer).json()

    assert tiny["siblings"] == [{"rfilename": "config.json"}, {"rfilename": "model.safetensors"}]
    assert tiny["cardData"]["license_name"] == "licence-of-tiny"
    assert tiny["config"]["model_type"] == "llama"


def test_only_what_is_asked_for_is_said(client, bearer, model):
    assert client.get(API, {"expand": ["gated", "cardData"]}, headers=bearer).json() == [
        {
            "id": "open-weights/tiny",
            "gated": "manual",
            "cardData": {
                "license": "other",
                "license_name": "licence-of-tiny",
                "license_link": "https://portal.example.org/licences/licence-of-tiny/",
            },
        }
    ]


def test_releases_are_found_by_name_and_by_author(client, bearer, release):
    cast.release("large")

    assert listed(client, bearer, search="LARG") == ["open-weights/large"]
    assert listed(client, bearer, search="weights/ti") == ["open-weights/tiny"]
    assert listed(client, bearer, author="open-weights") == [
        "open-weights/large",
        "open-weights/tiny",
    ]
    assert listed(client, bearer, author="open") == []
    assert listed(client, bearer, search="\0") == []


def test_mallory_is_not_shown_what_is_not_open(client, mallory, release):
    cast.release("secret", status=ReleaseStatus.CLEARED)

    assert listed(client, bearer_of(mallory)) == ["open-weights/tiny"]


@pytest.mark.parametrize("limit", ["0", "1", "2"])
def test_a_long_list_is_paged(client, bearer, release, limit):
    for slug in ("a", "b", "c", "d"):
        cast.release(slug)
    address, found = f"{API}?limit={limit}&search=open", []

    while address:
        response = client.get(address.removeprefix("https://portal.example.org"), headers=bearer)
        found += [one["id"].partition("/")[2] for one in response.json()]
        address = response.headers.get("Link", "").partition(">")[0].lstrip("<")

    assert found == ["a", "b", "c", "d", "tiny"]


@pytest.mark.parametrize(
    "query", [{"limit": "-1"}, {"limit": "many"}, {"cursor": "1e9"}, {"cursor": "\u0663"}]
)
def test_a_number_that_is_none_is_refused(client, bearer, release, query):
    assert client.get(API, query, headers=bearer).status_code == 400


def test_a_stranger_is_told_to_send_a_key(client, release):
    response = client.get(API)

    assert (response.status_code, response["X-Error-Code"]) == (401, "GatedRepo")
    assert response.json()["gate"] == "missing_key"


@pytest.mark.parametrize("count", [1, 3])
def test_the_queries_are_as_many_for_every_list(client, bearer, model, count, django_assert_num_queries):
    for number in range(count - 1):
        freeze(cast.release(f"more-{number}"), {"config.json": CONFIG})
    client.get(API, {"full": "true"}, headers=bearer)

    with django_assert_num_queries(8):
        assert len(client.get(API, {"full": "true"}, headers=bearer).json()) == count
