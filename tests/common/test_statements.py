"""Statements that the portal signs."""

import json
import stat
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from portal.common import statements
from portal.common.statements import UnusableStatementKey

FACTS = {"type": "test/v1", "who": "Ada é", "n": 1}


@pytest.fixture(autouse=True)
def keys(tmp_path, settings):
    settings.STATEMENT_KEYS = tmp_path / "keys"
    return settings.STATEMENT_KEYS


def test_what_is_signed_is_genuine_and_anybody_can_verify_it_with_the_public_key():
    signed = statements.sign(FACTS)

    assert json.loads(signed.statement) == FACTS
    assert statements.is_genuine(signed)
    assert statements.verify(signed.statement, signed.signature, statements.public_key())
    assert statements.public_key(signed.key_id) == statements.public_key()


@pytest.mark.parametrize(
    "change",
    [
        {"statement": '{"n":2,"type":"test/v1","who":"Ada é"}'},
        {"signature": "AAAA"},
        {"signature": "not base64"},
        {"signature": ""},
        {"key_id": "0" * 64},
        {"key_id": "../private"},
        {"key_id": "x"},
    ],
)
def test_what_was_changed_is_not_genuine(change):
    assert not statements.is_genuine(replace(statements.sign(FACTS), **change))


def test_the_private_key_is_its_owners_alone_and_made_once(keys):
    first, second = statements.sign(FACTS), statements.sign(FACTS)

    assert first == second
    assert stat.S_IMODE((keys / "private.pem").stat().st_mode) == 0o600
    assert [path.name for path in sorted(keys.iterdir())] == ["private.pem", "public"]


def test_a_retired_key_counts_until_its_public_half_is_taken_away(keys):
    old = statements.sign(FACTS)
    (keys / "private.pem").unlink()
    new = statements.sign(FACTS)

    assert new.key_id != old.key_id
    assert statements.is_genuine(old)
    assert statements.is_genuine(new)

    (keys / "public" / f"{old.key_id}.pem").unlink()
    assert not statements.is_genuine(old)


def test_a_key_of_another_kind_under_the_name_of_one_of_ours_is_not_taken(keys):
    signed = statements.sign(FACTS)
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = other.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (keys / "public" / f"{signed.key_id}.pem").write_bytes(pem)

    assert not statements.is_genuine(signed)
    assert not statements.verify(signed.statement, signed.signature, pem.decode())


@pytest.mark.parametrize("content", [b"", b"no key"])
def test_a_private_key_of_no_use_is_named(keys, content):
    keys.mkdir()
    (keys / "private.pem").write_bytes(content)

    with pytest.raises(UnusableStatementKey, match="holds no private key"):
        statements.sign(FACTS)


def test_where_no_key_can_be_made_the_sentence_says_so(keys):
    keys.write_text("A file where the folder should be.")

    with pytest.raises(UnusableStatementKey, match="cannot be read or made"):
        statements.sign(FACTS)


def test_anybody_reads_the_public_keys_by_id_and_the_current_one(client, db):
    signed = statements.sign(FACTS)

    by_id = client.get(f"/.well-known/portal-statements/{signed.key_id}.pem")
    current = client.get("/.well-known/portal-statements.pem")

    assert by_id.content == current.content == statements.public_key().encode()
    assert by_id["Content-Type"] == "application/x-pem-file"
    assert client.get(f"/.well-known/portal-statements/{'0' * 64}.pem").status_code == 404
