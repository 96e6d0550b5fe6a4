"""The metadata as the field's own client reads it, from a portal that runs."""

import logging
from datetime import UTC, datetime
from urllib.request import Request, urlopen

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import _http

from portal.admissions.models import ApplicationStatus
from portal.keys.models import ApiKey
from tests import cast
from tests.gateway import processes
from tests.hub.conftest import bearer_of
from tests.hub.freezing import freeze, git_oid, yank

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]
MODEL = "open-weights/tiny"
NOON = datetime(2026, 11, 20, 12, 0, 0, 123000, tzinfo=UTC)
CONFIG = b'{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}'
INDEX = b'{"metadata": {"total_size": 744}, "weight_map": {"layers.0.weight": "model-1.safetensors"}}'


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def portal(django_db_setup, shared_store):
    variables = {"WEIGHTS_ROOT": shared_store, "PORTAL_URL": "http://127.0.0.1:{port}"}
    with processes.portal(**variables) as address:
        yield address


@pytest.fixture
def store_root(settings, shared_store):
    """The store that the running portal serves from."""
    settings.WEIGHTS_ROOT = shared_store
    return shared_store


@pytest.fixture
def model(transactional_db, release, store_root):
    """A revision with folders, shards and a pickle."""
    files = {
        "config.json": CONFIG,
        "model-1.safetensors": cast.safetensors(1000),
        "model.safetensors.index.json": INDEX,
        "old/de ep/\u00e9.bin": b"pickle",
    }
    return freeze(release, files, pickles=("old/de ep/\u00e9.bin",), frozen_at=NOON)


@pytest.fixture
def api(portal, ada):
    return api_of(portal, ada)


def api_of(portal, user) -> HfApi:
    """The client with a new key of `user`."""
    token = bearer_of(user)["Authorization"].removeprefix("Bearer ")
    return HfApi(endpoint=f"{portal}/hub", token=token)


@pytest.fixture
def told(caplog, monkeypatch):
    """What the client prints of the portal's warnings; it prints one a topic and process."""
    monkeypatch.setattr(_http, "_WARNED_TOPICS", set())
    monkeypatch.setattr(_http.logger, "propagate", True)
    caplog.set_level(logging.WARNING)
    return caplog


def test_ada_reads_the_model(api, model):
    info = api.model_info(MODEL, files_metadata=True)

    assert (info.id, info.sha, info.gated, info.pipeline_tag) == (
        MODEL,
        model.commit,
        "manual",
        "text-generation",
    )
    assert info.last_modified == NOON
    assert info.safetensors == {"parameters": {"U8": 744}, "total": 744}
    sizes = {one.rfilename: one.size for one in info.siblings}
    assert sizes["config.json"] == len(CONFIG)
    assert info.siblings[1].lfs.sha256 == model.files.get(path="model-1.safetensors").sha256
    assert vars(api.model_info(MODEL, expand=["gated"]))["sha"] is None
    assert api.model_info(MODEL, securityStatus=True).security_repo_status["scansDone"] is False


def test_ada_reads_the_tree_and_paths(api, model):
    every = list(api.list_repo_tree(MODEL, recursive=True, expand=True))
    below = list(api.list_repo_tree(MODEL, "old/de ep"))
    file, folder = api.get_paths_info(MODEL, ["config.json", "missing", "old"], expand=True)

    assert [one.path for one in every][-3:] == ["old", "old/de ep", "old/de ep/\u00e9.bin"]
    assert every[-1].security.status == "caution"
    assert every[0].last_commit.oid == model.commit
    assert [one.path for one in below] == ["old/de ep/\u00e9.bin"]
    assert (file.path, file.blob_id, folder.path) == ("config.json", git_oid(CONFIG), "old")
    assert api.list_repo_files(MODEL)[0] == "config.json"


def test_ada_reads_names_and_a_history_of_many_pages(api, model, release):
    commits = [freeze(release, {}, is_current=False).commit for _ in range(51)]

    refs = api.list_repo_refs(MODEL, include_pull_requests=True)
    history = api.list_repo_commits(MODEL, formatted=True)

    assert [(one.name, one.target_commit) for one in refs.branches] == [("main", model.commit)]
    assert [one.commit_id for one in history] == [*reversed(commits), model.commit]
    assert (history[0].authors, history[0].formatted_title) == (["open-weights"], "main")


def test_ada_reads_the_headers_of_every_shard(api, model):
    said = api.get_sharded_safetensors_metadata(MODEL)

    assert said.metadata == {"total_size": 744}
    assert said.weight_map == {"layers.0.weight": "model-1.safetensors"}
    assert said.parameter_count == {"U8": 744}


def test_ada_finds_the_model_and_herself(api, model):
    cast.release("other")

    assert [one.id for one in api.list_models(search="tiny")] == [MODEL]
    assert [one.id for one in api.list_models(author="open-weights", limit=1)] == ["open-weights/other"]
    assert [one.sha for one in api.list_models(full=True)] == [None, model.commit]
    assert api.whoami()["name"] == "ada"
    api.auth_check(MODEL)


def test_what_is_not_there_is_what_the_client_calls_it(api, model):
    with pytest.raises(RevisionNotFoundError):
        api.model_info(MODEL, revision="refs/pr/1")
    with pytest.raises(RevisionNotFoundError):
        list(api.list_repo_tree(MODEL, revision="refs/pr/1"))
    with pytest.raises(RevisionNotFoundError):
        api.get_paths_info(MODEL, ["a"], revision="refs/pr/1")
    with pytest.raises(RevisionNotFoundError):
        api.list_repo_commits(MODEL, revision="refs/pr/1")
    with pytest.raises(RemoteEntryNotFoundError):
        list(api.list_repo_tree(MODEL, "additional_chat_templates"))
    for missing in ("open-weights/none", "gpt2"):
        with pytest.raises(RepositoryNotFoundError):
            api.model_info(missing)
    assert not api.revision_exists(MODEL, "refs/pr/1")
    assert api.repo_exists(MODEL)
    assert not api.repo_exists("gpt2")


def test_an_applicant_reads_the_model_and_that_the_files_wait(portal, mallory, model, release, told):
    made = cast.application(mallory, cast.programme(release), ApplicationStatus.SUBMITTED)
    api = api_of(portal, mallory)

    assert api.model_info(MODEL).sha == model.commit
    with pytest.raises(GatedRepoError, match=made.reference):
        api.auth_check(MODEL)

    sentence = (
        f"Your application {made.reference} is waiting for a reviewer. We will write to you. "
        f"{portal}/apply/early-access/"
    )
    assert sentence in [record.getMessage() for record in told.records]


def test_every_warning_reaches_the_terminal(portal, ada, model, told):
    yank(model, "The tokenizer was wrong; it is not any more", at=NOON)
    api = api_of(portal, ada)
    ApiKey.objects.update(expires_at=datetime.now(UTC).replace(hour=23, minute=59))

    api.model_info(MODEL)

    yanked, pickle, key = (record.getMessage() for record in told.records)
    assert yanked == (
        f"Revision {model.commit[:12]} of {MODEL} was yanked on 20 November 2026: "
        "The tokenizer was wrong; it is not any more."
    )
    assert pickle.startswith("Pickle files can run code when they are loaded")
    assert key.startswith(f"Your API key owk_{ApiKey.objects.get().public_id}... (laptop) expires on ")


def test_a_revoked_and_an_unknown_key_are_told_apart(portal, api, model):
    ApiKey.objects.update(revoked_at=NOON)

    with pytest.raises(GatedRepoError, match=r"revoked on 20 November 2026.*reference owk_"):
        api.model_info(MODEL)
    with pytest.raises(HfHubHTTPError, match="Invalid credentials in Authorization header"):
        HfApi(endpoint=f"{portal}/hub", token="owk_nobodys").model_info(MODEL)
    with pytest.raises(GatedRepoError, match="Please log in"):
        HfApi(endpoint=f"{portal}/hub", token=False).model_info(MODEL)


@pytest.mark.parametrize("name", ["refs%2Fpr%2F1", "refs%2fpr%2f1", "%2F", "..%2F..", "%252F"])
@pytest.mark.parametrize("kind", ["revision", "tree", "commits"])
def test_an_encoded_slash_is_no_revision_for_a_server_either(portal, ada, model, kind, name):
    request = Request(f"{portal}/hub/api/models/{MODEL}/{kind}/{name}", headers=bearer_of(ada))

    with pytest.raises(OSError, match="404") as missing:
        urlopen(request, timeout=10)

    assert missing.value.headers["X-Error-Code"] == "RevisionNotFound"
    assert missing.value.headers["Content-Type"] == "application/json"
