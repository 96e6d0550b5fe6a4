"""A directory of weights and a store of their own for every test."""

from pathlib import Path

import pytest

from portal.accounts.models import User
from tests import cast


@pytest.fixture(autouse=True)
def store_root(settings, tmp_path) -> Path:
    """An empty store, and a root for the console's imports."""
    settings.WEIGHTS_ROOT = tmp_path / "store"
    settings.WEIGHTS_IMPORT_ROOTS = [tmp_path]
    return settings.WEIGHTS_ROOT


@pytest.fixture
def directory(tmp_path) -> Path:
    """A small model."""
    root = tmp_path / "model"
    (root / "onnx").mkdir(parents=True)
    (root / "config.json").write_bytes(b'{"model_type": "tiny"}')
    (root / "model.safetensors").write_bytes(cast.safetensors(1024 * 1024))
    (root / "onnx" / "model.onnx").write_bytes(b"onnx")
    return root


@pytest.fixture
def remy(db) -> User:
    """A release manager."""
    return cast.staff("remy@example.org", "Release managers")
