"""Secrets are private and stay; one portal at a time runs on a home."""

import os
import subprocess
import sys

import pytest

from portal.local.home import Home, read_env, write_env
from portal.local.parts import BASE_DIR
from portal.local.trouble import Trouble

HOLD = """
import sys, time
from pathlib import Path
from portal.local.home import Home
home = Home(Path(sys.argv[1])); home.prepare(); home.lock(); print("held", flush=True); time.sleep(60)
"""


def test_owner_alone_can_read_the_secrets(home):
    old_mask = os.umask(0)
    try:
        home.secrets()
    finally:
        os.umask(old_mask)

    assert home.secrets_env.stat().st_mode & 0o777 == 0o600
    assert home.root.stat().st_mode & 0o077 == 0


def test_secrets_stay_from_run_to_run(home):
    first = home.secrets()

    assert Home(home.root).secrets() == first
    assert len(set(first.values())) == 2
    assert min(map(len, first.values())) >= 50


def test_missing_secret_is_added_and_the_others_stay(home):
    write_env(home.secrets_env, {"SECRET_KEY": "kept"})

    assert home.secrets()["SECRET_KEY"] == "kept"
    assert read_env(home.secrets_env).keys() == {"SECRET_KEY", "KEY_PEPPER"}


def test_second_portal_on_a_home_is_told_in_one_sentence(home):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.root)], cwd=BASE_DIR, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    try:
        with pytest.raises(Trouble) as told:
            home.lock()
    finally:
        holder.kill()
        holder.wait()

    assert str(told.value) == (
        f"A portal already runs on {home.root} (process {holder.pid}): stop it with Ctrl-C in its terminal, "
        "or set PORTAL_HOME and PORT to run another."
    )


def test_killed_portal_leaves_no_lock(home):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.root)], cwd=BASE_DIR, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.wait()

    home.lock()

    assert (home.run / "lock").read_text() == f"{os.getpid()}\n"


def test_folder_that_cannot_be_written_is_told_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(Trouble, match=r"cannot write to .*set PORTAL_HOME to another folder"):
        Home(tmp_path / "file" / "home").prepare()


def test_sockets_lie_in_a_short_folder_of_their_owners_however_long_the_home(tmp_path, monkeypatch):
    long_folder = tmp_path / ("x" * 100)
    long_folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long_folder))
    home = Home(long_folder / "home")

    sockets = home.open_sockets()

    assert len(str(sockets)) < 40
    assert sockets.stat().st_mode & 0o777 == 0o700
    home.close()
    assert not sockets.exists()
