"""Lists of a revision's files, read by the real sha256sum; curl and aria2 read theirs in test_links_live."""

import doctest
import hashlib
import subprocess

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.hub import checksums, estimates
from portal.releases.models import ReleaseStatus, Revision, WeightFile

NAMES = [
    "config.json",
    "onnx/two words.onnx",
    "back\\slash",
    "new\nline",
    "carriage\rreturn",
    "\\leading",
    " space at both ends ",
    "-rf",
    "*starred",
    "a$(reboot)'b\".safetensors",
    "\u00e9t\u00e9.txt",
]


@pytest.fixture
def named(release, tmp_path) -> Revision:
    """A revision whose files have every name there is, and a folder with them."""
    made = Revision.objects.create(release=release, commit="c" * 40, total_bytes=0)
    (tmp_path / "onnx").mkdir()
    for name in NAMES:
        body = name.encode()
        (tmp_path / name).write_bytes(body)
        sha256 = hashlib.sha256(body).hexdigest()
        WeightFile.objects.create(
            revision=made, path=name, size_bytes=len(body), sha256=sha256, git_oid="0" * 40
        )
    return made


def sums_of(client):
    return client.get(f"/releases/tiny/{'c' * 40}/SHA256SUMS")


def check(text: bytes, folder):
    return subprocess.run(
        ["sha256sum", "-c", "--strict", "-"], input=text, cwd=folder, capture_output=True, check=False
    )


def test_sha256sum_checks_files_of_any_name(client, named, tmp_path):
    answer = sums_of(client)

    checked = check(answer.content, tmp_path)

    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert (checked.returncode, checked.stderr) == (0, b"")
    assert checked.stdout.count(b": OK\n") == len(NAMES)


def test_sha256sum_tells_a_changed_file(client, named, tmp_path):
    (tmp_path / "new\nline").write_bytes(b"other")

    checked = check(sums_of(client).content, tmp_path)

    assert checked.returncode == 1
    assert checked.stdout.count(b": OK\n") == len(NAMES) - 1


def test_the_list_is_what_gnu_itself_writes(client, named, tmp_path):
    written = subprocess.run(
        ["sha256sum", "--", *sorted(NAMES)], cwd=tmp_path, capture_output=True, check=True
    ).stdout

    assert sorted(sums_of(client).content.splitlines()) == sorted(written.splitlines())


@pytest.mark.parametrize("name", ["SHA256SUMS", "aria2.txt", "curl.txt"])
def test_the_lists_are_for_those_who_see_the_page(client, as_mallory, release, named, name):
    there = client.get(f"/releases/tiny/{'c' * 40}/{name}")
    missing = client.get(f"/releases/tiny/{'d' * 40}/{name}")
    release.status = ReleaseStatus.DRAFT
    release.save()

    assert (there.status_code, missing.status_code) == (200, 404)
    assert as_mallory.get(f"/releases/tiny/{'c' * 40}/{name}").status_code == 404


@pytest.mark.parametrize("name", ["SHA256SUMS", "aria2.txt", "curl.txt"])
@pytest.mark.parametrize("count", [1, 3, 300])
def test_a_list_costs_three_queries(client, release, name, count):
    made = Revision.objects.create(release=release, commit="c" * 40, total_bytes=0)
    WeightFile.objects.bulk_create(
        WeightFile(revision=made, path=f"{number}.bin", size_bytes=1, sha256="0" * 64, git_oid="0" * 40)
        for number in range(count)
    )

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(f"/releases/tiny/{'c' * 40}/{name}")

    assert answer.content.count(b".bin") >= count
    assert len(queries) == 3


@pytest.mark.parametrize("module", [checksums, estimates])
def test_the_examples_hold(module):
    assert doctest.testmod(module).failed == 0
