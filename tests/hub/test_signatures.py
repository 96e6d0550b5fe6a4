"""The whole way of a signature: hf downloads from a running portal, model_signing verifies offline."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.local.preflight import free_port
from portal.releases import signing, signing_keys
from tests.gateway import processes
from tests.hub.conftest import bearer_of

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]
COMMANDS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def portal(django_db_setup, shared_store):
    """A web server that has no private key: it publishes what the database holds."""
    port = free_port()
    variables = {
        "WEIGHTS_ROOT": shared_store,
        "PORTAL_URL": f"http://127.0.0.1:{port}",
        "SIGNING_KEY_FILE": shared_store / "none.pem",
    }
    with processes.portal(**variables) as address:
        yield address


@pytest.fixture
def store_root(settings, shared_store) -> Path:
    """The store that the running portal serves from."""
    settings.WEIGHTS_ROOT = shared_store
    return shared_store


@pytest.fixture
def signed(transactional_db, revision, settings, tmp_path):
    settings.SIGNING_KEY_FILE = tmp_path / "signing.pem"
    signing_keys.create_key(settings.SIGNING_KEY_FILE)
    signing.sign(revision)
    return revision


@pytest.fixture
def shell(portal, ada, tmp_path):
    """Runs a line as a person would who has set the two variables and installed the two tools."""
    variables = {
        "HF_ENDPOINT": f"{portal}/hub",
        "HF_TOKEN": bearer_of(ada)["Authorization"].removeprefix("Bearer "),
        "HF_HOME": str(tmp_path / "hf"),
        "PATH": f"{COMMANDS}:{os.environ['PATH']}",
    }

    def run(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            line,
            shell=True,
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    return run


def fetch_signature(portal: str, commit: str) -> str:
    return (
        f"curl -fsS -o model.sig {portal}/releases/tiny/{commit}/model.sig"
        f" && curl -fsS -o portal.pub {portal}/.well-known/model-signing.pem"
    )


VERIFY = "model_signing verify key --signature model.sig --public_key portal.pub"


def test_ada_verifies_what_hf_downloaded_to_a_folder(portal, signed, shell):
    download = shell(f"hf download open-weights/tiny --revision {signed.commit} --local-dir tiny")
    fetched = shell(fetch_signature(portal, signed.commit))
    good = shell(f"{VERIFY} tiny")
    shell("echo >> tiny/config.json")
    bad = shell(f"{VERIFY} tiny")

    assert (download.returncode, fetched.returncode) == (0, 0), download.stderr + fetched.stderr
    assert (good.returncode, good.stdout) == (0, "Verification succeeded\n"), good.stderr
    assert bad.returncode == 1
    # The rest of the line is Python's own notation of a digest, quoted as its bytes require.
    assert "Hash mismatch for" in bad.stderr


def test_ada_verifies_the_shared_cache_which_consists_of_links(portal, signed, shell, tmp_path):
    shell(f"hf download open-weights/tiny --revision {signed.commit}")
    shell(fetch_signature(portal, signed.commit))
    (snapshot,) = (tmp_path / "hf" / "hub").glob("models--*/snapshots/*")

    assert shell(f"{VERIFY} --allow_symlinks {snapshot}").returncode == 0
    assert shell(f"{VERIFY} {snapshot}").returncode == 1
