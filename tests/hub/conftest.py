"""A release with weights in a store of its own, and keys to it."""

from pathlib import Path

import pytest

from portal.accounts.models import User
from portal.keys import actions as keys
from portal.keys.models import Scope
from portal.releases import actions, importing
from portal.releases.models import Release, Revision
from tests import cast

WEIGHTS = cast.safetensors(1024 * 1024)
HUB = "/hub/open-weights/tiny/resolve/main"


@pytest.fixture(autouse=True)
def store_root(settings, tmp_path) -> Path:
    """An empty store."""
    settings.WEIGHTS_ROOT = tmp_path / "store"
    settings.PORTAL_URL = "https://portal.example.org"
    return settings.WEIGHTS_ROOT


@pytest.fixture
def directory(tmp_path) -> Path:
    """A small model."""
    root = tmp_path / "model"
    (root / "onnx").mkdir(parents=True)
    (root / "config.json").write_bytes(b'{"model_type": "tiny"}')
    (root / "model.safetensors").write_bytes(WEIGHTS)
    (root / "empty.txt").write_bytes(b"")
    (root / "onnx" / "models of \u00e9t\u00e9.onnx").write_bytes(b"onnx")
    return root


@pytest.fixture
def revision(release: Release, directory: Path) -> Revision:
    """The weights of `release`."""
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)
    found = release.current_revision()
    assert found is not None
    return found


@pytest.fixture
def bearer(ada: User) -> dict[str, str]:
    """The header that carries Ada's key."""
    return bearer_of(ada)


def bearer_of(user: User, *scopes: str) -> dict[str, str]:
    """The header that carries a new key of `user`."""
    made = keys.create(user, name="laptop", scopes=list(scopes or [Scope.WEIGHTS]), by=user)
    return {"Authorization": f"Bearer {made.token}"}


def body(response) -> bytes:
    """Every byte of a streamed answer."""
    return b"".join(response)
