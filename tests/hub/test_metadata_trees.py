"""The files and folders of a revision, a page at a time, or those that are asked for by name."""

import functools
import json
import operator
from datetime import UTC, datetime

import pytest
from django.test import Client

from portal.hub.metadata import trees
from tests.hub.freezing import freeze, yank

MODEL = "/hub/api/models/open-weights/tiny"
TREE = f"{MODEL}/tree/main"
PATHS = f"{MODEL}/paths-info/main"
FROZEN_AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
FILES = {
    "README.md": b"# Tiny",
    "a_b/weights.bin": b"pickle",
    "axb/other.txt": b"x",
    "onnx/models of \u00e9t\u00e9/deep.onnx": b"onnx",
    "onnx/top.txt": b"y",
}


@pytest.fixture
def model(release):
    """A revision with folders."""
    return freeze(release, FILES, pickles=("a_b/weights.bin",), frozen_at=FROZEN_AT)


def names(response):
    return [(one["type"], one["path"]) for one in response.json()]


def test_one_level_of_the_tree_has_files_and_folders(client, bearer, model):
    assert names(client.get(TREE, headers=bearer)) == [
        ("file", "README.md"),
        ("directory", "a_b"),
        ("directory", "axb"),
        ("directory", "onnx"),
    ]


def test_the_whole_tree_has_every_folder_before_what_lies_in_it(client, bearer, model):
    assert names(client.get(TREE, {"recursive": "True"}, headers=bearer)) == [
        ("file", "README.md"),
        ("directory", "a_b"),
        ("file", "a_b/weights.bin"),
        ("directory", "axb"),
        ("file", "axb/other.txt"),
        ("directory", "onnx"),
        ("directory", "onnx/models of \u00e9t\u00e9"),
        ("file", "onnx/models of \u00e9t\u00e9/deep.onnx"),
        ("file", "onnx/top.txt"),
    ]


def test_a_folder_is_read_by_its_name_as_it_is_written(client, bearer, model):
    assert names(client.get(f"{TREE}/a_b", headers=bearer)) == [("file", "a_b/weights.bin")]
    assert names(client.get(f"{TREE}/onnx", headers=bearer)) == [
        ("directory", "onnx/models of \u00e9t\u00e9"),
        ("file", "onnx/top.txt"),
    ]
    # Clients send the slashes within a path encoded.
    assert names(client.get(f"{TREE}/onnx%2Fmodels%20of%20%C3%A9t%C3%A9", headers=bearer)) == [
        ("file", "onnx/models of \u00e9t\u00e9/deep.onnx")
    ]


def test_a_file_says_its_size_and_both_its_ids(client, bearer, model):
    readme = model.files.get(path="README.md")
    deep = model.files.get(path__endswith=".onnx")

    tree = client.get(TREE, {"recursive": "true"}, headers=bearer).json()

    assert tree[0] == {"type": "file", "path": "README.md", "size": 6, "oid": readme.git_oid}
    assert tree[7] == {
        "type": "file",
        "path": deep.path,
        "size": 4,
        "oid": deep.git_oid,
        "lfs": {"oid": deep.sha256, "size": 4, "pointerSize": 134},
    }
    assert set(tree[1]) == {"type", "path", "size", "oid"}
    assert len(tree[1]["oid"]) == 40


def test_an_expanded_tree_has_the_commit_and_flags_pickles(client, bearer, model):
    tree = client.get(TREE, {"recursive": "true", "expand": "True"}, headers=bearer).json()

    commit = {"id": model.commit, "title": "main", "date": "2026-11-20T12:00:00.000Z"}
    assert all(one["lastCommit"] == commit for one in tree)
    assert [one["path"] for one in tree if "securityFileStatus" in one] == ["a_b/weights.bin"]
    assert tree[2]["securityFileStatus"]["status"] == "caution"


@pytest.mark.parametrize(
    "folder", ["additional_chat_templates", "README.md", "a%25", "A_B", "onnx/..", "%00", "%ED%A0%80"]
)
def test_a_folder_that_is_not_there_is_404_with_the_commit(client, bearer, model, folder):
    response = client.get(f"{TREE}/{folder}", headers=bearer)

    assert (response.status_code, response["X-Error-Code"]) == (404, "EntryNotFound")
    assert response["X-Repo-Commit"] == model.commit
    assert "X-HF-Warning" not in response


def test_a_long_tree_is_paged_by_absolute_links(client, bearer, model, monkeypatch):
    monkeypatch.setattr(trees, "TREE_PAGE_SIZE", 2)
    address, pages = f"{TREE}?recursive=true", []

    while address:
        response = client.get(address.removeprefix("https://portal.example.org"), headers=bearer)
        pages.append([one["path"] for one in response.json()])
        link = response.headers.get("Link", "")
        assert not link or link.startswith("<https://portal.example.org/hub/")
        assert not link or link.endswith('>; rel="next"')
        address = link.partition(">")[0].lstrip("<")

    assert [len(page) for page in pages] == [2, 2, 2, 2, 1]
    assert functools.reduce(operator.iadd, pages, []) == sorted(functools.reduce(operator.iadd, pages, []))


def test_a_link_is_written_as_an_address(client, bearer, release, monkeypatch):
    monkeypatch.setattr(trees, "TREE_PAGE_SIZE", 1)
    freeze(release, {"\u00e9 t/1": b"1", "\u00e9 t/2": b"2"})

    response = client.get(f"{TREE}/%C3%A9%20t", headers=bearer)

    assert response["Link"] == f'<https://portal.example.org{TREE}/%C3%A9%20t?cursor=1>; rel="next"'


@pytest.mark.parametrize("cursor", ["-1", "x", "1.5", "\u0663", "9" * 5000])
def test_a_cursor_that_no_link_had_is_refused(client, bearer, model, cursor):
    response = client.get(TREE, {"cursor": cursor}, headers=bearer)

    assert (response.status_code, response.json()["gate"]) == (400, "bad_request")


def test_a_cursor_beyond_the_end_gives_nothing(client, bearer, model):
    assert client.get(TREE, {"cursor": "999999999"}, headers=bearer).json() == []


def test_a_yanked_revision_is_listed_with_a_warning(client, bearer, model):
    yank(model, "Broken", at=FROZEN_AT)

    response = client.get(TREE, headers=bearer)

    told = [value for name, value in response.items() if name == "X-HF-Warning"]
    assert [one.partition(";")[0] for one in told] == ["yanked", "pickle"]


@pytest.mark.parametrize("count", [1, 3])
def test_the_queries_are_as_many_for_every_tree(client, bearer, release, count, django_assert_num_queries):
    freeze(release, {f"{number}/file": b"" for number in range(count)})
    client.get(TREE, headers=bearer)

    with django_assert_num_queries(9):
        assert len(client.get(TREE, headers=bearer).json()) == count


def test_paths_are_read_from_a_form_in_the_order_in_which_they_were_asked(client, bearer, model):
    form = "paths=onnx%2Ftop.txt&paths=missing&paths=onnx&paths=README.md&paths=README.md&expand=False"

    response = client.post(PATHS, form, content_type="application/x-www-form-urlencoded", headers=bearer)

    assert names(response) == [("file", "onnx/top.txt"), ("directory", "onnx"), ("file", "README.md")]
    assert "lastCommit" not in response.json()[0]


@pytest.mark.parametrize("expand", ["True", "true"])
def test_more_is_said_of_paths_on_request(client, bearer, model, expand):
    form = f"paths=onnx&paths=a_b/weights.bin&expand={expand}"

    folder, file = client.post(
        PATHS, form, content_type="application/x-www-form-urlencoded", headers=bearer
    ).json()

    assert (folder["lastCommit"]["id"], file["lastCommit"]["id"]) == (model.commit, model.commit)
    assert file["securityFileStatus"]["status"] == "caution"


def test_paths_are_read_from_json_too(client, bearer, model):
    asked = {"paths": ["README.md", "/onnx/", "", "\0", "\ud800"], "expand": True}

    response = client.post(PATHS, json.dumps(asked), content_type="application/json", headers=bearer)

    assert names(response) == [("file", "README.md"), ("directory", "onnx")]
    assert response.json()[0]["lastCommit"]["id"] == model.commit


def test_paths_need_no_csrf_token_in_a_session_either(ada, model):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")

    response = browser.post(PATHS, "paths=README.md", content_type="application/x-www-form-urlencoded")

    assert names(response) == [("file", "README.md")]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("", "form"),
        ("expand=true", "form"),
        ("paths=%ff", "form"),
        ("&".join(["paths=a"] * 1001), "form"),
        ("&".join(["x=a"] * 5000), "form"),
        ("", "json"),
        ("[]", "json"),
        ("null", "json"),
        ('{"paths": "README.md"}', "json"),
        ('{"paths": [1]}', "json"),
        ('{"paths": {"README.md": 1}}', "json"),
        (json.dumps({"paths": ["a"] * 1001}), "json"),
        ("[" * 100_000, "json"),
        (b'{"paths": ["\xff"]}', "json"),
    ],
)
def test_paths_that_cannot_be_read_are_refused(client, bearer, model, body, kind):
    content_type = {"form": "application/x-www-form-urlencoded", "json": "application/json"}[kind]

    response = client.post(PATHS, body, content_type=content_type, headers=bearer)

    assert response.status_code == 400
    assert response.json()["error"] == "Give up to 1000 paths, as a form or as JSON."


def test_a_thousand_paths_are_taken(client, bearer, model):
    form = "&".join(["paths=README.md", *(f"paths={number}" for number in range(999)), "expand=false"])

    response = client.post(PATHS, form, content_type="application/x-www-form-urlencoded", headers=bearer)

    assert names(response) == [("file", "README.md")]


def test_more_than_a_server_reads_is_refused(client, bearer, model, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

    response = client.post(
        PATHS, "paths=" + "a" * 100, content_type="application/x-www-form-urlencoded", headers=bearer
    )

    assert (response.status_code, response.json()["gate"]) == (413, "bad_request")


def test_paths_are_asked_for_by_post_only(client, bearer, model):
    response = client.get(PATHS, headers=bearer)

    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert response["Content-Type"] == "application/json"
    assert response.json()["error"] == "This address is for POST."
    assert response["X-Request-Id"]


@pytest.mark.parametrize("count", [1, 3])
def test_the_queries_are_as_many_for_any_number_of_paths(
    client, bearer, model, count, django_assert_num_queries
):
    form = "&".join(f"paths={path}" for path in ("README.md", "onnx", "axb/other.txt")[:count])
    client.get(TREE, headers=bearer)

    with django_assert_num_queries(9):
        response = client.post(PATHS, form, content_type="application/x-www-form-urlencoded", headers=bearer)
    assert len(response.json()) == count
