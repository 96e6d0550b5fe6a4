"""Approved developers with the clients they have: three generations, over https."""

import hashlib
import time
from pathlib import Path

import pytest

from portal.hub.models import Download
from tests.clients.conftest import BIG, BIG_BYTES, FILES, MODEL

pytestmark = [pytest.mark.live, pytest.mark.django_db]
# As long a client tries again before it gives up, with some room.
CLIENTS_WAIT_SECONDS = 5


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file but the client's own notes."""
    found = (path for path in folder.rglob("*") if path.is_file() and ".cache" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_ada_downloads_a_snapshot_byte_for_byte(client):
    done = client.hf("download", MODEL, "--local-dir", "got")

    assert done.returncode == 0, done.stdout
    assert files_below(client.home / "got") == FILES


def test_ada_downloads_by_patterns_and_single_files(client):
    some = client.hf(
        "download", MODEL, "--include", "*.json", "--exclude", "config.json", "--local-dir", "some"
    )
    one = client.hf("download", MODEL, "onnx/models of \u00e9t\u00e9.onnx", "--local-dir", "one")

    assert (some.returncode, one.returncode) == (0, 0), some.stdout + one.stdout
    assert list(files_below(client.home / "some")) == ["model.safetensors.index.json"]
    assert list(files_below(client.home / "one").values()) == [b"onnx"]


def test_a_second_download_asks_for_nothing_again(client):
    assert client.hf("download", MODEL).returncode == 0
    before = Download.objects.count()

    again = client.hf("download", MODEL)

    assert again.returncode == 0
    assert Download.objects.count() == before


def test_the_cache_is_verified(client):
    assert client.hf("download", MODEL).returncode == 0

    done = client.hf("cache", "verify", MODEL)

    if client.generation == "0.36":
        assert done.returncode != 0
        assert "verify" in done.stdout
    else:
        assert done.returncode == 0, done.stdout


def test_a_client_that_was_killed_is_run_again(client, world):
    killed = client.start_hf("download", BIG, "model.safetensors")
    wait_for_part(client)
    killed.kill()
    killed.wait()
    newest = Download.objects.order_by("-pk")[0].pk

    done = client.hf("download", BIG, "model.safetensors")

    assert done.returncode == 0, done.stdout
    resumed = Download.objects.filter(pk__gt=newest).order_by("pk")[0]
    # Since 1.x each process writes to a part of its own name, and only a broken connection is gone on from.
    assert (resumed.spans[0][0] > 0) == (client.generation == "0.36")
    [path] = client.home.rglob("snapshots/*/model.safetensors")
    assert (path.stat().st_size, sha256_of(path)) == (BIG_BYTES, world.big.files.get().sha256)


def test_a_server_that_was_killed_costs_no_more_than_another_try(client, world):
    running = client.start_hf("download", BIG, "model.safetensors")
    wait_for_part(client)
    world.portal.kill()
    killed_at = time.monotonic()
    world.portal.start()
    seconds_away = time.monotonic() - killed_at
    status = running.wait(timeout=90)

    # The older clients give up on a broken connection, and all on a server that starts slowly; the same
    # command goes on.
    done = client.hf("download", BIG, "model.safetensors")

    assert status == 0 or client.generation != "2" or seconds_away > CLIENTS_WAIT_SECONDS
    assert done.returncode == 0, done.stdout
    [path] = client.home.rglob("snapshots/*/model.safetensors")
    assert sha256_of(path) == world.big.files.get().sha256


def wait_for_part(client) -> None:
    """Until a part of the big file is on the client's disk."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        parts = [path.stat().st_size for path in client.home.rglob("*.incomplete")]
        if any(size > 20 * 1024 * 1024 for size in parts):
            return
        time.sleep(0.01)
    raise TimeoutError


def test_the_python_calls_say_what_the_portal_has(client, world):
    commit = world.revision.commit
    said = client.calls(
        ("model_info", [MODEL], {"files_metadata": True}),
        ("list_repo_files", [MODEL]),
        ("list_repo_tree", [MODEL], {"recursive": True}),
        ("get_paths_info", [MODEL, ["config.json", "nothing.txt"]]),
        ("list_repo_refs", [MODEL]),
        ("list_repo_commits", [MODEL]),
        ("repo_exists", [MODEL]),
        ("file_exists", [MODEL, "config.json"]),
        ("file_exists", [MODEL, "nothing.txt"]),
        ("revision_exists", [MODEL, "v9"]),
        ("auth_check", [MODEL]),
        ("whoami", []),
        ("get_safetensors_metadata", [MODEL]),
        ("fs.ls", [MODEL], {"detail": False}),
        ("read", [f"{MODEL}/model-1.safetensors", 1000, 100]),
    )

    assert [one for one in said if "error" in one] == []
    values = [one["value"] for one in said]
    info, files, tree, paths, refs, commits, *exist, _, me, safetensors, listed, piece = values
    assert info["sha"] == commit
    assert {one["rfilename"]: one["size"] for one in info["siblings"]} == {
        p: len(d) for p, d in FILES.items()
    }
    assert sorted(files) == sorted(FILES)
    assert sorted(one["path"] for one in tree) == sorted([*FILES, "onnx"])
    assert [one["path"] for one in paths] == ["config.json"]
    assert [one["target_commit"] for one in refs["branches"]] == [commit]
    assert [one["commit_id"] for one in commits] == [commit]
    assert exist == [True, True, False, False]
    assert me["email"] == "ada@example.org"
    assert set(safetensors["weight_map"]) == {"layers.0.weight", "layers.1.weight"}
    assert f"{MODEL}/config.json" in listed
    assert bytes.fromhex(piece) == FILES["model-1.safetensors"][1000:1100]


def test_the_command_says_who_one_is(client):
    done = client.hf("auth", "whoami")

    assert done.returncode == 0, done.stdout
    assert "ada" in done.stdout


@pytest.mark.parametrize(
    ("who", "model", "sentence"),
    [
        ("ada", "open-weights/yanked", "It answers in rhyme."),
        ("expiring", MODEL, "(laptop) expires on"),
    ],
)
def test_a_warning_reaches_the_terminal_and_stops_nothing(client, who, model, sentence):
    done = client.hf("download", model, "config.json", "--local-dir", "got", who=who)

    assert done.returncode == 0, done.stdout
    # 0.36 knows no warnings.
    assert (sentence in " ".join(done.stdout.split())) == (client.generation != "0.36")
