"""What the Hub's clients read of a model before they download it."""

import json
from datetime import UTC, datetime

import pytest

from portal.admissions.models import ApplicationStatus
from portal.releases.models import ReleaseStatus, stored_at
from tests import cast
from tests.hub.conftest import bearer_of
from tests.hub.freezing import freeze, git_oid, yank

API = "/hub/api/models"
MODEL = f"{API}/open-weights/tiny"
FROZEN_AT = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
WEIGHTS = cast.safetensors(1000)
CONFIG = json.dumps(
    {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64}
).encode()


@pytest.fixture
def model(release):
    """A revision of two files."""
    files = {"config.json": CONFIG, "model.safetensors": WEIGHTS}
    return freeze(release, files, frozen_at=FROZEN_AT)


def warnings_of(response):
    """Each X-HF-Warning, as a server sends them."""
    return [value for name, value in response.items() if name == "X-HF-Warning"]


def test_a_developer_reads_all_that_there_is_to_say(client, bearer, model, release):
    response = client.get(MODEL, headers=bearer)

    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert warnings_of(response) == []
    said = response.json()
    assert said.pop("createdAt")[-5:-4] == "."
    assert said == {
        "_id": f"{release.pk:024x}",
        "id": "open-weights/tiny",
        "modelId": "open-weights/tiny",
        "author": "open-weights",
        "sha": model.commit,
        "lastModified": "2026-11-20T12:00:00.123Z",
        "private": False,
        "gated": "manual",
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": ["safetensors", "transformers", "text-generation", "license:other"],
        "pipeline_tag": "text-generation",
        "library_name": "transformers",
        "cardData": {
            "license": "other",
            "license_name": "licence-of-tiny",
            "license_link": "https://portal.example.org/licences/licence-of-tiny/",
        },
        "config": {"architectures": ["LlamaForCausalLM"], "model_type": "llama"},
        "safetensors": {"parameters": {"U8": 744}, "total": 744},
        "usedStorage": len(CONFIG) + len(WEIGHTS),
        "siblings": [{"rfilename": "config.json"}, {"rfilename": "model.safetensors"}],
    }


@pytest.mark.parametrize("yes", ["true", "True"])
def test_a_developer_reads_sizes_and_hashes_on_request(client, bearer, model, yes):
    said = client.get(MODEL, {"blobs": yes}, headers=bearer).json()

    file = model.files.get(path="model.safetensors")
    assert said["siblings"] == [
        {"rfilename": "config.json", "size": len(CONFIG), "blobId": git_oid(CONFIG)},
        {
            "rfilename": "model.safetensors",
            "size": 1000,
            "blobId": file.git_oid,
            "lfs": {"sha256": file.sha256, "size": 1000, "pointerSize": 134},
        },
    ]


@pytest.mark.parametrize("name", ["expand", "expand[]"])
def test_only_what_is_asked_for_is_said(client, bearer, model, name):
    said = client.get(MODEL, {name: ["gated", "sha", "trendingScore", "siblings"]}, headers=bearer).json()

    assert said == {
        "id": "open-weights/tiny",
        "gated": "manual",
        "sha": model.commit,
        "siblings": [{"rfilename": "config.json"}, {"rfilename": "model.safetensors"}],
    }


def test_the_security_status_names_the_pickles(client, bearer, release):
    freeze(release, {"a.bin": b"a", "b.txt": b"b"}, pickles=("a.bin",))

    said = client.get(MODEL, {"securityStatus": "True"}, headers=bearer).json()

    assert said["securityRepoStatus"] == {
        "scansDone": False,
        "filesWithIssues": [{"path": "a.bin", "level": "caution"}],
    }


def test_a_revision_is_read_by_its_name_and_by_its_commit(client, bearer, model, release):
    older, newer = model, freeze(release, {"config.json": b"{}"}, name="v2.0")

    by_default = client.get(MODEL, headers=bearer).json()
    by_name = client.get(f"{MODEL}/revision/v2.0", headers=bearer).json()
    by_commit = client.get(f"{MODEL}/revision/{older.commit}", headers=bearer).json()

    assert (by_default["sha"], by_name["sha"], by_commit["sha"]) == (
        older.commit,
        newer.commit,
        older.commit,
    )
    assert by_commit["lastModified"] == "2026-11-20T12:00:00.123Z"


def test_bytes_that_revisions_share_are_counted_once(client, bearer, model, release):
    freeze(release, {"config.json": CONFIG, "other.json": b"{}"}, name="v2")

    said = client.get(MODEL, {"expand": "usedStorage"}, headers=bearer).json()

    assert said["usedStorage"] == len(CONFIG) + len(WEIGHTS) + 2


@pytest.mark.parametrize(
    "config",
    [b"", b"\xff", b"[]", b'{"architectures": "Llama"}', b'{"architectures": []}', b"[" * 100_000,
     b'{"architectures": [1], "model_type": 2}'],
)  # fmt: skip
def test_a_config_that_says_nothing_adds_nothing(client, bearer, release, config):
    freeze(release, {"config.json": config, "model.safetensors": b"not one"})

    said = client.get(MODEL, headers=bearer).json()

    assert said["tags"] == ["safetensors", "license:other"]
    assert {"config", "pipeline_tag", "library_name", "safetensors"}.isdisjoint(said)


def test_files_that_the_store_has_lost_add_nothing(client, bearer, release):
    files = {"config.json": b'{"model_type": "lost"}', "model.safetensors": cast.safetensors(999)}
    revision = freeze(release, files)
    for file in revision.files.all():
        stored_at(file.sha256).unlink()

    said = client.get(MODEL, headers=bearer).json()

    assert said["tags"] == ["safetensors", "license:other"]
    assert {"config", "safetensors"}.isdisjoint(said)


def test_a_withdrawn_model_is_disabled_and_says_so(client, bearer, model, release):
    release.status, release.opened_at = ReleaseStatus.WITHDRAWN, FROZEN_AT
    release.save()

    response = client.get(MODEL, headers=bearer)

    assert response.json()["disabled"] is True
    (told,) = warnings_of(response)
    assert told.startswith("access; Tiny has been withdrawn. Its page says why and what to use instead. ")


def test_an_applicant_reads_what_there_is_and_that_the_files_wait(client, mallory, model, release):
    made = cast.application(mallory, cast.programme(release), ApplicationStatus.SUBMITTED)

    response = client.get(MODEL, headers=bearer_of(mallory))

    assert response.status_code == 200
    assert warnings_of(response) == [
        (
            f"access; Your application {made.reference} is waiting for a reviewer. We will write to you. "
            "https://portal.example.org/apply/early-access/"
        )
    ]


def test_every_warning_has_a_header_of_its_own(client, mallory, release):
    yank(freeze(release, {"a.bin": b"a"}, pickles=("a.bin",)), "Broken", at=FROZEN_AT)

    response = client.get(MODEL, headers=bearer_of(mallory))

    assert [one.partition(";")[0] for one in warnings_of(response)] == ["yanked", "pickle", "access"]


def test_a_release_that_has_no_weights_yet_has_no_such_revision(client, bearer, release):
    response = client.get(MODEL, headers=bearer)

    assert (response.status_code, response["X-Error-Code"]) == (404, "RevisionNotFound")
    assert response.json()["error"] == "Invalid rev id: main"


@pytest.mark.parametrize("status", [one for one in ReleaseStatus if one != ReleaseStatus.OPEN])
def test_a_release_that_was_never_open_is_not_there(client, bearer, model, release, status):
    release.status = status
    release.save()

    response = client.get(MODEL, headers=bearer)

    assert (response.status_code, response["X-Error-Code"]) == (404, "RepoNotFound")


@pytest.mark.parametrize("count", [1, 3])
def test_the_queries_are_as_many_for_every_model(client, bearer, release, count, django_assert_num_queries):
    freeze(release, {f"{number}.safetensors": WEIGHTS for number in range(count)})
    client.get(MODEL, headers=bearer)

    with django_assert_num_queries(16):
        client.get(MODEL, headers=bearer)
