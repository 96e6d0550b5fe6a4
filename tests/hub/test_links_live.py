"""What the release page offers to copy, run as it stands against the portal in a process of its own."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from portal.admissions.models import Application, ApplicationStatus
from portal.hub import links
from portal.hub.models import Download, DownloadLink
from portal.releases import actions, importing
from portal.releases.models import WeightFile
from tests import cast
from tests.conftest import signed_in
from tests.gateway import processes
from tests.hub.conftest import bearer_of

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]
# Above twice 20 MiB, from which on aria2 opens a second connection.
BIG = cast.safetensors(90 * 1024 * 1024)
ODD_NAME = "onnx/it's $(touch hacked) \u00e9t\u00e9 #1.onnx"


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def portal(django_db_setup, shared_store):
    with processes.portal(WEIGHTS_ROOT=shared_store, PORTAL_URL="http://127.0.0.1:{port}") as address:
        yield address


@pytest.fixture
def store_root(settings, shared_store, portal) -> Path:
    """The store that the running portal serves from, and its address."""
    settings.WEIGHTS_ROOT, settings.PORTAL_URL = shared_store, portal
    return shared_store


@pytest.fixture
def directory(directory) -> Path:
    (directory / "model.safetensors").write_bytes(BIG)
    (directory / ODD_NAME).write_bytes(b"odd")
    return directory


@pytest.fixture
def revision(transactional_db, store_root, release, directory):
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)
    return release.current_revision()


@pytest.fixture
def big(revision) -> WeightFile:
    return revision.files.get(path="model.safetensors")


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "got"
    made.mkdir()
    return made


@pytest.fixture
def run(folder, ada):
    """Runs a command in the folder, as Ada would paste it."""
    environment = os.environ | {
        "KEY": bearer_of(ada)["Authorization"].removeprefix("Bearer "),
        "HF_HOME": str(folder.parent / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }

    def run_it(code, *, returns=0):
        program = [sys.executable, "-c"] if code.startswith("import os") else ["bash", "-o", "pipefail", "-c"]
        done = subprocess.run(
            [*program, code],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == returns, done.stdout + done.stderr
        return done.stdout

    return run_it


def commands_on(page):
    return {command.name: command.code for command in page.context["commands"]}


def snapshot(folder):
    return next((folder.parent / "hf").glob("hub/*/snapshots/*"))


def wait_for(is_so):
    deadline = time.monotonic() + 15
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def status_of(url, *arguments):
    done = subprocess.run(
        ["curl", "-sS", "-o", os.devnull, "-w", "%{http_code}", *arguments, url],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    return int(done.stdout)


@pytest.mark.parametrize("tool", ["curl", "aria2", "hf", "python"])
def test_ada_fetches_and_checks_a_revision_with_the_commands_of_its_page(as_ada, revision, folder, run, tool):
    page = as_ada.get("/releases/tiny/")

    run(commands_on(page)[tool])
    where = f"cd {snapshot(folder)}; " if tool in ("hf", "python") else ""
    checked = run(where + page.context["sums"].code)

    assert checked.count(": OK\n") == 5
    assert not (folder / "hacked").exists()


def test_ada_goes_on_after_a_break_with_the_same_curl_command(as_ada, revision, folder, run):
    page = as_ada.get("/releases/tiny/")
    command = commands_on(page)["curl"]
    run(command)
    os.truncate(folder / "model.safetensors", 50_000_000)

    # 22: what is there already is answered with 416, and left as it is.
    run(command, returns=22)

    assert run(page.context["sums"].code).count(": OK\n") == 5
    assert Download.objects.filter(spans=[[50_000_000, len(BIG) - 1]]).exists()


def test_ada_goes_on_after_a_break_with_the_same_aria2_command(as_ada, revision, folder, run):
    command = commands_on(as_ada.get("/releases/tiny/"))["aria2"]
    run(command)
    (folder / "model.safetensors").unlink()

    run(command)
    run(command)

    assert (folder / "model.safetensors").read_bytes() == BIG


@pytest.mark.parametrize("tool", ["curl", "aria2", "hf", "python"])
def test_ada_fetches_a_file_with_an_odd_name_by_the_commands_of_its_page(as_ada, revision, folder, run, tool):
    odd = revision.files.get(path=ODD_NAME)
    listed = as_ada.get("/releases/tiny/").context["files"]
    page_url = next(row["page_url"] for row in listed if row["file"] == odd)

    run(commands_on(as_ada.get(page_url))[tool])

    got = folder if tool in ("curl", "aria2") else snapshot(folder)
    assert (got / ODD_NAME).read_bytes() == b"odd"
    assert not (folder / "hacked").exists()


@pytest.mark.parametrize("tool", ["link-curl", "link-aria2"])
def test_ada_fetches_a_file_by_a_link_and_it_counts_once(as_ada, big, folder, run, tool):
    page = as_ada.post("/releases/tiny/links/", {"file": big.pk})

    run(commands_on(page)[tool].replace("$KEY", ""))

    assert (folder / "model.safetensors").read_bytes() == BIG
    link = DownloadLink.objects.get()
    wait_for(lambda: not Download.objects.filter(ended_at=None).exists())
    link.refresh_from_db()
    # What was on its way when aria2 split the file between its connections has left, too.
    assert 0 <= 4 * len(BIG) - link.left_bytes < len(BIG) / 4
    assert {(one.user_id, one.key_id, one.link_id) for one in Download.objects.all()} == {
        (link.user_id, None, link.pk)
    }
    if tool == "link-aria2":
        assert Download.objects.count() > 2


def test_a_link_that_is_used_up_says_so_and_a_look_uses_nothing(portal, big, ada):
    made = links.create(big, by=ada, uses=1)

    looks = [status_of(made.url, "-I") for _ in range(3)]
    whole = status_of(made.url)
    wait_for(lambda: not Download.objects.filter(ended_at=None).exists())

    assert (looks, whole) == ([200] * 3, 200)
    assert status_of(made.url) == 403


def test_what_broke_off_is_given_back(portal, big, ada):
    made = links.create(big, by=ada, uses=1)

    subprocess.run(
        ["curl", "-sS", "-o", os.devnull, "--limit-rate", "4M", "-m", "1", made.url], timeout=30, check=False
    )
    wait_for(lambda: Download.objects.filter(ended_at__isnull=False).exists())

    made.link.refresh_from_db()
    assert made.link.left_bytes == len(BIG) - Download.objects.get().sent_bytes > 0


def test_an_altered_a_revoked_and_an_expired_link_open_nothing(portal, big, ada):
    good, revoked, expired = (links.create(big, by=ada) for _ in range(3))
    links.revoke(revoked.link, by=ada)
    DownloadLink.objects.filter(pk=expired.link.pk).update(expires_at=expired.link.created_at)
    head, _, name = good.url.rpartition("/")
    altered = f"{head[:-1]}{'a' if head[-1] != 'a' else 'b'}/{name}"

    answers = [status_of(url, "-I") for url in (good.url, altered, f"{head}/other", revoked.url, expired.url)]

    assert answers == [200, 404, 404, 403, 403]


def test_mallory_cannot_use_adas_link_where_she_is_signed_in(portal, settings, big, ada, mallory):
    made = links.create(big, by=ada)

    def cookie(user):
        name = settings.SESSION_COOKIE_NAME
        return f"Cookie: {name}={signed_in(user).cookies[name].value}"

    assert status_of(made.url, "-I", "-H", cookie(mallory)) == 403
    assert status_of(made.url, "-I", "-H", cookie(ada)) == 200
    assert status_of(made.url, "-I") == 200


def test_an_approval_that_is_revoked_ends_the_link_at_once(portal, big, ada):
    made = links.create(big, by=ada)
    assert status_of(made.url, "-I") == 200

    Application.objects.filter(applicant=ada).update(status=ApplicationStatus.REVOKED)

    assert status_of(made.url, "-I") == 403


def test_a_link_that_is_revoked_ends_a_download_under_way(portal, big, ada):
    made = links.create(big, by=ada)
    running = subprocess.Popen(
        ["curl", "-sS", "-o", os.devnull, "--limit-rate", "2M", made.url], stderr=subprocess.PIPE
    )
    wait_for(Download.objects.exists)

    links.revoke(made.link, by=ada)
    running.wait(timeout=20)

    assert running.returncode in (18, 56)
    wait_for(lambda: Download.objects.get().cut_reason == "The link was revoked.")
    assert Download.objects.get().sent_bytes < len(BIG)
