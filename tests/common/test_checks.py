"""Production settings: clean when they are right, refused by name when they are not."""

import os
import subprocess
import sys

import pytest

from portal.releases.signing_keys import create_key

RIGHT = {
    "DEBUG": "false",
    "SECRET_KEY": "4fQzr8bJ0cM1xT7wLk2NvY6sHd9GpRa3ZeUiOyWtBqXmCnVjKl5E",
    "KEY_PEPPER": "9WcX2vBn5mQaZs7eDr4fTg6yHu8iJk0oLpMxNbVcCzAqSwEdRfT1",
    "PORTAL_URL": "https://portal.example.org",
    "ALLOWED_HOSTS": "portal.example.org",
}


@pytest.fixture(autouse=True)
def _a_signing_key(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGNING_KEY_FILE", str(tmp_path / "signing.pem"))
    create_key(tmp_path / "signing.pem")


def check(**changes):
    # The settings of the test run come from the environment, so these need a process of their own.
    env = {name: value for name, value in (os.environ | RIGHT | changes).items() if value}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_operator_with_right_settings_finds_no_complaint():
    done = check()

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY has its development value."),
        ({"KEY_PEPPER": ""}, "KEY_PEPPER has its development value."),
        ({"PORTAL_URL": "http://portal.example.org"}, "PORTAL_URL is not an https:// address."),
        ({"DATABASE_URL": ""}, "No database is configured."),
        ({"SIGNING_KEY_FILE": "/nowhere/signing.pem"}, "Nothing signs for revisions"),
        ({"WEIGHTS_DELIVERY": "bucket"}, "WEIGHTS_BUCKET is “”."),
        ({"WEIGHTS_IMPORT_BUCKETS": "s3://models/b,weights"}, "WEIGHTS_IMPORT_BUCKETS is “weights”."),
    ],
)
def test_operator_with_a_wrong_setting_is_told_which(changes, complaint):
    done = check(**changes)

    assert done.returncode == 1
    assert complaint in done.stderr


@pytest.mark.parametrize(
    ("content", "mode", "complaint"),
    [(b"no key", 0o600, "holds no private key in PEM"), (b"", 0o644, "Others can read")],
)
def test_operator_is_told_of_a_key_for_statements_that_is_of_no_use(tmp_path, content, mode, complaint):
    (tmp_path / "statements").mkdir()
    key = tmp_path / "statements" / "private.pem"
    key.write_bytes(content)
    key.chmod(mode)

    done = check(STATEMENT_KEYS=str(tmp_path / "statements"))

    assert done.returncode == 1
    assert complaint in done.stderr
