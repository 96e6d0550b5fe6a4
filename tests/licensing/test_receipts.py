"""Receipts: signed at acceptance, shown to whom they concern, and checked without the portal."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from portal.common import statements
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.licensing import actions, receipts
from portal.licensing.models import Acceptance
from tests import cast
from tests.conftest import signed_in

PAGE = Path(django_settings.BASE_DIR) / "docs" / "licences.md"


@pytest.fixture
def licence(db):
    return cast.licence("mild")


@pytest.fixture
def accepted(licence, mallory):
    sha256 = licence.current_version().sha256
    return actions.accept(licence, by=mallory, sha256=sha256, address="192.0.2.7", client="Mosaic/1.0")


@pytest.fixture
def file(accepted, as_mallory, tmp_path):
    """The receipt as it is downloaded."""
    path = tmp_path / "receipt.json"
    path.write_bytes(as_mallory.get(f"/licences/receipts/{accepted.reference}.json").content)
    return path


def test_what_is_signed_says_who_accepted_which_text_when_and_with_what(accepted, settings):
    facts = json.loads(accepted.statement)

    assert facts == {
        "type": "licence-acceptance/v1",
        "reference": accepted.reference,
        "portal": settings.PORTAL_URL,
        "organisation": settings.ORGANISATION_NAME,
        "person": {"name": "Mallory", "email": "mallory@example.org"},
        "licence": {"slug": "mild", "name": "Open Weights Licence", "version": "1.0"},
        "text_sha256": accepted.version.sha256,
        "accepted_at": f"{accepted.accepted_at:%Y-%m-%dT%H:%M:%SZ}",
        "client": "Mosaic/1.0",
        "signed_at": facts["signed_at"],
    }
    assert receipts.is_genuine(Acceptance.objects.get(pk=accepted.pk))


def test_the_receipt_keeps_the_name_and_address_of_that_day(accepted, mallory, as_mallory):
    mallory.full_name, mallory.email = "Somebody Else", "other@example.org"
    mallory.save()

    page = as_mallory.get(accepted.get_absolute_url()).content.decode()

    assert "Mallory (mallory@example.org) accepted" in page
    assert "192.0.2.7" not in accepted.statement


def test_a_person_finds_reads_and_downloads_a_receipt(accepted, as_mallory):
    listed = as_mallory.get("/licences/receipts/").content.decode()
    page = as_mallory.get(accepted.get_absolute_url()).content.decode()
    download = as_mallory.get(f"/licences/receipts/{accepted.reference}.json")

    assert f'href="{accepted.get_absolute_url()}"' in listed
    assert 'href="/licences/receipts/"' in as_mallory.get("/dashboard/").content.decode()
    assert f'href="{accepted.get_absolute_url()}"' in as_mallory.get("/licences/mild/").content.decode()
    assert accepted.version.sha256 in page
    assert accepted.signature in page
    assert download["Content-Disposition"] == f'attachment; filename="{accepted.reference}.json"'
    assert download.json()["statement"] == accepted.statement


@pytest.mark.parametrize("ending", ["/", ".json"])
def test_somebody_elses_receipt_is_not_there_and_staff_with_the_right_read_it(accepted, client, ending):
    path = f"/licences/receipts/{accepted.reference}{ending}"
    status = {
        role: signed_in(cast.staff(f"{role.split()[0]}@example.org", role)).get(path).status_code
        for role in ("Release managers", "Auditors", "Reviewers")
    }
    other = signed_in(cast.person("other@example.org")).get(path)

    assert status == {"Release managers": 200, "Auditors": 200, "Reviewers": 404}
    assert other.status_code == 404
    assert client.get(path).status_code == 302


def test_staff_who_left_read_nobody_elses_receipt(accepted):
    manager = cast.staff("remy@example.org", "Release managers")
    manager.is_staff = False
    manager.save()

    assert signed_in(manager).get(accepted.get_absolute_url()).status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_the_same_for_one_and_for_three(as_mallory, mallory, count, django_assert_num_queries):
    for number in range(count):
        one = cast.licence(f"l{number}")
        actions.accept(one, by=mallory, sha256=one.current_version().sha256)

    with django_assert_num_queries(4):
        page = as_mallory.get("/licences/receipts/")

    assert len(page.context["page"].object_list) == count


def test_a_receipt_that_could_not_be_signed_is_signed_when_it_is_asked_for(
    licence, mallory, as_mallory, settings, tmp_path
):
    folder, settings.STATEMENT_KEYS = settings.STATEMENT_KEYS, tmp_path / "file"
    settings.STATEMENT_KEYS.write_text("A file where the folder should be.")
    accepted = actions.accept(licence, by=mallory, sha256=licence.current_version().sha256)
    assert accepted.statement == ""
    assert as_mallory.get(accepted.get_absolute_url()).status_code == 503
    settings.STATEMENT_KEYS = folder

    page = as_mallory.get(accepted.get_absolute_url())
    as_mallory.get(accepted.get_absolute_url())

    accepted.refresh_from_db()
    assert page.status_code == 200
    assert receipts.is_genuine(accepted)
    assert Entry.objects.filter(verb=Verb.LICENCE_RECEIPT_SIGNED).count() == 1


def test_an_acceptance_older_than_receipts_is_signed_when_it_is_asked_for(licence, mallory, as_mallory):
    version = licence.current_version()
    old = Acceptance.objects.create(user=mallory, version=version, sha256=version.sha256)

    assert as_mallory.get(old.get_absolute_url()).status_code == 200
    old.refresh_from_db()
    assert json.loads(old.statement)["person"] == {"name": "Mallory", "email": "mallory@example.org"}


@pytest.mark.parametrize(
    "change", [{"statement": "{}"}, {"signature": "x"}, {"person_name": "Eve"}, {"sha256": "0" * 64}]
)
def test_the_database_refuses_to_change_a_signed_acceptance(accepted, change):
    with pytest.raises(DatabaseError, match="cannot change"), transaction.atomic():
        Acceptance.objects.filter(pk=accepted.pk).update(**change)


@pytest.mark.parametrize(
    "change", [{"sha256": "0" * 64}, {"accepted_at": "2020-01-01T00:00Z"}, {"reference": "LIC-X"}]
)
def test_the_database_lets_nothing_but_a_receipt_onto_an_unsigned_acceptance(licence, mallory, change):
    version = licence.current_version()
    old = Acceptance.objects.create(user=mallory, version=version, sha256=version.sha256)

    for more in ({}, {"statement": "{}"}):
        with pytest.raises(DatabaseError, match="cannot change"), transaction.atomic():
            Acceptance.objects.filter(pk=old.pk).update(**change, **more)


def test_the_page_warns_of_a_receipt_whose_key_is_gone(accepted, as_mallory, settings):
    (settings.STATEMENT_KEYS / "public" / f"{accepted.key_id}.pem").unlink()

    assert b"Do not rely on this receipt" in as_mallory.get(accepted.get_absolute_url()).content


def test_a_genuine_file_is_verified_without_the_database(file, accepted, capsys, django_db_blocker):
    with django_db_blocker.block():
        call_command("verify_receipt", str(file))

    assert capsys.readouterr().out.startswith(
        "Genuine: Mallory (mallory@example.org) accepted Open Weights Licence 1.0 on "
    )


def changed(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda shown: {"statement": shown["statement"].replace("1.0", "2.0")}, "one of the two was changed"),
        (lambda shown: {"signature": "AAAA"}, "one of the two was changed"),
        (lambda shown: {"key_id": "0" * 64}, "No key of this portal"),
        (lambda shown: {"key_id": "../private"}, "No key of this portal"),
        (lambda shown: {"signature": None}, "It lacks one of"),
        (lambda shown: vars(statements.sign({"type": "sign-off/v1"})), "It is genuine, but no"),
    ],
)
def test_a_file_that_was_changed_is_refused_with_the_reason(file, change, reason):
    changed(file, **change(json.loads(file.read_text())))

    with pytest.raises(CommandError, match=reason):
        call_command("verify_receipt", str(file))


@pytest.mark.parametrize("content", [b"", b"no JSON", b"[]", b"\xff"])
def test_what_is_no_receipt_is_refused(file, content):
    file.write_bytes(content)

    with pytest.raises(CommandError, match=r"no receipt|cannot be read as text"):
        call_command("verify_receipt", str(file))


def test_a_public_key_from_elsewhere_will_do(file, accepted, tmp_path, settings, capsys):
    pem = tmp_path / "key.pem"
    pem.write_text(statements.public_key(accepted.key_id))
    settings.STATEMENT_KEYS = tmp_path / "nothing"

    call_command("verify_receipt", str(file), key=pem)

    assert "Genuine" in capsys.readouterr().out


@pytest.fixture
def script(tmp_path):
    """The very script of the documentation."""
    (found,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    path = tmp_path / "check_receipt.py"
    path.write_text(found)
    return path


def run(script, file, pem):
    command = [sys.executable, str(script), str(file), str(pem)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=script.parent)


def test_the_documented_script_has_ten_lines_and_checks_a_receipt(script, file, client, tmp_path, settings):
    pem = tmp_path / "key.pem"
    pem.write_bytes(
        client.get(json.loads(file.read_text())["public_key"].removeprefix(settings.PORTAL_URL)).content
    )

    good = run(script, file, pem)
    changed(file, statement=json.loads(file.read_text())["statement"].replace("mallory@", "ada@"))
    bad = run(script, file, pem)

    assert good.returncode == 0, good.stderr
    assert good.stdout.startswith("mallory@example.org accepted the text ")
    assert bad.returncode != 0
    assert bad.stdout == ""
    assert len(script.read_text().strip().splitlines()) == 10
