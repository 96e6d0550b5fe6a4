"""Signed manifests: made from the hashes of the freeze, and proved by model_signing's own command."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.core.management import CommandError, call_command

from portal.celery import app
from portal.common.refusals import Refusal
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.releases import actions, importing, integrity_tasks, signing, signing_keys
from portal.releases.checks import revisions_can_be_signed
from portal.releases.models import Manifest, Release, ReleaseStatus, Revision, stored_at

MODEL_SIGNING = Path(sys.executable).with_name("model_signing")


@pytest.fixture
def key(settings, tmp_path):
    settings.SIGNING_KEY_FILE = tmp_path / "keys" / "signing.pem"
    return signing_keys.create_key(settings.SIGNING_KEY_FILE)


@pytest.fixture
def revision(release, directory) -> Revision:
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)
    return release.current_revision()


@pytest.fixture
def copy(tmp_path, directory) -> Path:
    """What `hf download --local-dir` leaves, the client's own files included."""
    made = tmp_path / "copy"
    shutil.copytree(directory, made)
    (made / ".cache" / "huggingface" / "download").mkdir(parents=True)
    (made / ".cache" / "huggingface" / ".gitignore").write_text("*")
    (made / ".cache" / "huggingface" / "download" / "config.json.metadata").write_text("abc")
    return made


@pytest.fixture
def celery_here():
    """Tasks run where they are sent from."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.fixture
def verify(client, copy, tmp_path) -> Callable[[Revision], subprocess.CompletedProcess[str]]:
    """What a stranger does: fetch the two small files, and run the command without any network."""

    def run(revision: Revision) -> subprocess.CompletedProcess[str]:
        bundle = client.get(f"/releases/tiny/{revision.commit}/model.sig")
        key = client.get("/.well-known/model-signing.pem")
        (tmp_path / "model.sig").write_bytes(bundle.content)
        (tmp_path / "portal.pub").write_bytes(key.content)
        command = [MODEL_SIGNING, "verify", "key", "--signature", tmp_path / "model.sig"]
        command += ["--public_key", tmp_path / "portal.pub", copy]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    return run


def test_stranger_verifies_a_download_and_any_change_of_it_fails(verify, key, revision, copy):
    signing.sign(revision)

    good = verify(revision)
    (copy / "extra.py").write_text("import os")
    extra = verify(revision)
    (copy / "extra.py").unlink()
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    changed = verify(revision)
    (copy / "model.safetensors").unlink()
    missing = verify(revision)

    assert (good.returncode, good.stdout.strip()) == (0, "Verification succeeded")
    assert (extra.returncode, changed.returncode, missing.returncode) == (1, 1, 1)
    assert "Extra files found in model 'copy': extra.py" in extra.stderr
    # The rest of the line is Python's own notation of a digest, quoted as its bytes require.
    assert "Hash mismatch for" in changed.stderr
    assert "Missing files in model 'copy': model.safetensors" in missing.stderr


def test_stranger_with_a_forged_signature_is_told(verify, key, revision):
    manifest = signing.sign(revision)
    bundle = json.loads(manifest.bundle)
    signature = bundle["dsseEnvelope"]["signatures"][0]
    signature["sig"] = ("A" if signature["sig"][20] != "A" else "B").join(
        [signature["sig"][:20], signature["sig"][21:]]
    )
    Manifest.objects.update(bundle=json.dumps(bundle))

    assert verify(revision).returncode == 1


def test_signing_reads_no_weights(key, revision, store_root):
    shutil.rmtree(store_root)

    assert signing.sign(revision).key_id == key.key_id


def test_what_lies_beside_the_weights_does_not_break_the_check(verify, key, revision, copy):
    signing.sign(revision)
    (copy / "model.sig").write_text("the signature itself")
    (copy / ".gitattributes").write_text("*.safetensors filter=lfs")

    assert verify(revision).returncode == 0


def test_a_freeze_has_the_revision_signed_once(
    key, release, directory, celery_here, django_capture_on_commit_callbacks
):
    for _ in range(2):
        work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
        with django_capture_on_commit_callbacks(execute=True):
            importing.run(work.pk)
    revision = release.current_revision()

    for _ in range(3):
        integrity_tasks.sign_revision(revision_id=revision.pk)

    entry = Entry.objects.get(verb=Verb.REVISION_SIGNED)
    assert entry.data == {"commit": revision.commit, "key_id": key.key_id, "files": 3}
    assert Manifest.objects.get().revision == revision


def test_the_sweep_signs_what_was_frozen_before_there_was_a_key(revision, settings, tmp_path, celery_here):
    settings.SIGNING_KEY_FILE = tmp_path / "later.pem"
    integrity_tasks.sign_unsigned()
    integrity_tasks.sign_revision(revision_id=revision.pk)
    assert not Manifest.objects.exists()
    signing_keys.create_key(settings.SIGNING_KEY_FILE)

    integrity_tasks.sign_unsigned()

    assert Manifest.objects.get().revision == revision


def test_operator_rotates_the_key_and_old_signatures_stay_verifiable(client, key, revision, settings, capsys):
    signing.sign(revision)
    settings.SIGNING_KEY_FILE = settings.SIGNING_KEY_FILE.with_name("new.pem")
    new = signing_keys.create_key(settings.SIGNING_KEY_FILE)

    call_command("sign_revisions")
    current = client.get("/.well-known/model-signing.pem").content.decode()
    old = client.get(f"/.well-known/model-signing/{key.key_id}.pem").content.decode()

    assert (current, old) == (new.pem, key.pem)
    assert Manifest.objects.get().key_id == key.key_id
    assert "Signed: 0." in capsys.readouterr().out


def test_operator_replaces_the_signatures_of_a_stolen_key(client, verify, key, revision, settings):
    signing.sign(revision)
    settings.SIGNING_KEY_FILE = settings.SIGNING_KEY_FILE.with_name("new.pem")
    new = signing_keys.create_key(settings.SIGNING_KEY_FILE)

    call_command("sign_revisions", "--again")

    assert verify(revision).returncode == 0
    assert client.get(f"/.well-known/model-signing/{key.key_id}.pem").status_code == 404
    last = Entry.objects.filter(verb=Verb.REVISION_SIGNED).last()
    assert (last.data["key_id"], last.data["replaced_key_id"]) == (new.key_id, key.key_id)


def test_a_web_server_without_the_private_key_publishes_the_newest_one(client, key, revision, settings):
    signing.sign(revision)
    settings.SIGNING_KEY_FILE = settings.SIGNING_KEY_FILE.with_name("elsewhere.pem")

    answer = client.get("/.well-known/model-signing.pem")

    assert (answer["Content-Type"], answer.content.decode()) == ("application/x-pem-file", key.pem)
    assert b"PRIVATE" not in answer.content


@pytest.mark.parametrize("address", ["/.well-known/model-signing.pem", "/.well-known/model-signing/00.pem"])
def test_there_is_no_key_to_publish_before_one_signed(client, db, settings, tmp_path, address):
    settings.SIGNING_KEY_FILE = tmp_path / "none.pem"

    assert client.get(address).status_code == 404


def test_mallory_cannot_fetch_the_signature_of_a_hidden_release(client, as_mallory, key, revision):
    signing.sign(revision)
    Release.objects.update(status=ReleaseStatus.EVALUATING)
    address = f"/releases/tiny/{revision.commit}/model.sig"

    assert client.get(address).status_code == 404
    assert as_mallory.get(address).status_code == 404


def test_signature_of_another_releases_revision_is_not_there(client, key, revision):
    signing.sign(revision)

    assert client.get(f"/releases/other/{revision.commit}/model.sig").status_code == 404
    assert client.get(f"/releases/tiny/{'0' * 40}/model.sig").status_code == 404


def test_the_release_page_says_how_to_verify(client, key, revision):
    unsigned = client.get("/releases/tiny/").content.decode()
    signing.sign(revision)
    signed = client.get("/releases/tiny/").content.decode()

    assert "Not signed yet." in unsigned
    assert f"{key.key_id}</code>" in signed
    assert "model_signing verify key --signature model.sig --public_key portal.pub tiny" in signed


def test_operator_makes_a_key_once_and_nobody_else_can_read_it(settings, tmp_path, capsys):
    settings.SIGNING_KEY_FILE = tmp_path / "keys" / "signing.pem"

    call_command("create_signing_key")
    made = settings.SIGNING_KEY_FILE.read_bytes()
    with pytest.raises(CommandError, match=r"There is a key in .* already"):
        call_command("create_signing_key")

    assert settings.SIGNING_KEY_FILE.stat().st_mode & 0o777 == 0o600
    assert settings.SIGNING_KEY_FILE.read_bytes() == made
    out = capsys.readouterr().out
    assert signing_keys.current_key().pem in out
    assert "PRIVATE" not in out


def test_operator_without_a_key_or_with_a_wrong_one_is_told(settings, tmp_path):
    settings.SIGNING_KEY_FILE = path = tmp_path / "signing.pem"
    assert [message.id for message in revisions_can_be_signed()] == ["portal.W002"]
    for secret in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1()), None):
        path.write_bytes(
            secret.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            if secret
            else b"no key"
        )
        assert [message.id for message in revisions_can_be_signed()] == ["portal.E004"]
    path.unlink()
    signing_keys.create_key(path)
    assert revisions_can_be_signed() == []
    path.chmod(0o640)
    assert [message.id for message in revisions_can_be_signed()] == ["portal.E005"]


def test_operator_without_a_key_is_told_by_sign_revisions(revision, settings, tmp_path):
    settings.SIGNING_KEY_FILE = tmp_path / "none.pem"

    with pytest.raises(CommandError, match="create_signing_key"):
        call_command("sign_revisions")


def test_a_yanked_or_older_revision_keeps_its_signature(client, key, revision, release, directory):
    signing.sign(revision)
    (directory / "config.json").write_text('{"model_type": "newer"}')
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)

    assert client.get(f"/releases/tiny/{revision.commit}/model.sig").status_code == 200
    assert stored_at(revision.files.first().sha256).exists()
    assert not Manifest.objects.exclude(revision=revision).exists()


def test_signing_without_a_key_is_refused_with_the_next_step(revision, settings, tmp_path):
    settings.SIGNING_KEY_FILE = tmp_path / "none.pem"

    with pytest.raises(Refusal, match="create_signing_key"):
        signing.sign(revision)
