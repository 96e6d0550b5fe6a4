"""Reports of leaked keys: by a person, by a scanner's JSON, by GitHub with its signature."""

import base64
import json
import subprocess
import sys
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from django.utils import timezone

from portal.keys import actions, github, leaks, tokens
from portal.keys.leaks import Sighting
from portal.keys.models import ApiKey, LeakOutcome, LeakReport
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb

LEAKS = "/keys/leaks/"
# The example of GitHub's own documentation, which its key signed.
DOCUMENTED_ID = "f9525bf080f75b3506ca1ead061add62b8633a346606dc5fe544e29231c6ee0d"
DOCUMENTED_KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsz9ugWDj5jK5ELBK42ynytbo38gP
HzZFI03Exwz8Lh/tCfL3YxwMdLjB+bMznsanlhK0RwcGP3IDb34kQDIo3Q==
-----END PUBLIC KEY-----
"""
DOCUMENTED_SIGNATURE = (
    "MEUCIQDfLvT8/zM8F1aB3cM0ZwyeWF1m5YR6IhcUIv1OKQYL0wIgBZ5lVXB3gHK+dT8+xt0WgRVLqvsTPFiDO9QP/7eJ4yE="
)
DOCUMENTED_BODY = (
    b'[{"token":"NMIfyYncKcRALEXAMPLE","type":"mycompany_api_token","url":"https://github.com/octocat/'
    b'Hello-World/blob/12345600b9cbe38a219f39a9941c9319b600c002/foo/bar.txt","source":"content"}]'
)


@pytest.fixture
def laptop(laptop, mailoutbox):
    """Ada's key, the mail about which she has read."""
    mailoutbox.clear()
    return laptop


@pytest.fixture
def visitor() -> Client:
    """A browser of somebody without an account, that is refused what a browser refuses."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def secret():
    """A signing key that the small GitHub below publishes."""
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def published(settings, secret):
    """A server that publishes keys as GitHub does; yields the list of what it was asked."""
    pem = secret.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    rows = [("documented", DOCUMENTED_ID, DOCUMENTED_KEY), ("ours", "ours", pem.decode())]
    listed = {
        "public_keys": [{"key_identifier": name, "key": key, "is_current": True} for _, name, key in rows]
    }
    asked = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = json.dumps(listed).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.GITHUB_SCANNING_KEYS_URL = (
        f"http://127.0.0.1:{server.server_port}/meta/public_keys/secret_scanning"
    )
    yield asked
    server.shutdown()
    server.server_close()


def by_github(client, body, *, secret, key_id="ours"):
    signature = base64.b64encode(secret.sign(body, ec.ECDSA(hashes.SHA256()))).decode()
    return signed(client, body, signature, key_id)


def signed(client, body, signature, key_id):
    return client.post(
        LEAKS,
        body,
        content_type="application/json",
        headers={"Github-Public-Key-Identifier": key_id, "Github-Public-Key-Signature": signature},
    )


def told(client, given):
    return client.post(LEAKS, json.dumps(given), content_type="application/json")


def stranger():
    """A whole token that no portal ever made a key of."""
    return tokens.mint().token


# -- What a report does -------------------------------------------------------------------


def test_a_reported_key_is_revoked_its_owner_told_and_the_ledger_knows(laptop, ada, post_office):
    with post_office() as mails:
        receipt = leaks.report(
            Sighting(laptop.token, url="https://paste.example.org/1"),
            reporter="a friend",
            address="192.0.2.1",
        )

    laptop.key.refresh_from_db()
    assert laptop.key.status == "revoked"
    assert receipt.outcome == LeakOutcome.REVOKED
    assert [mail.to for mail in mails] == [[ada.email]]
    assert "https://paste.example.org/1" in mails[0].body
    assert receipt.reference in mails[0].body
    assert laptop.token not in mails[0].body
    entry = Entry.objects.get(verb=Verb.KEY_LEAK_REPORTED)
    assert entry.data["reference"] == receipt.reference
    assert laptop.token not in json.dumps(entry.data)
    assert Entry.objects.filter(verb=Verb.KEY_REVOKED).count() == 1


def test_the_same_report_twice_is_one_with_one_mail(laptop, post_office):
    sighting = Sighting(laptop.token, url="https://paste.example.org/1")
    with post_office() as mails:
        receipts = {leaks.report(sighting, reporter="a friend").pk for _ in range(2)}

    assert len(receipts) == 1
    assert len(mails) == 1
    assert Entry.objects.filter(verb=Verb.KEY_LEAK_REPORTED).count() == 1


def test_a_key_that_was_over_stays_over_and_nobody_is_written_to(laptop, ada, post_office):
    actions.revoke(laptop.key, by=ada)
    revoked_at = laptop.key.revoked_at
    with post_office() as mails:
        receipt = leaks.report(Sighting(laptop.token), reporter="a friend")

    laptop.key.refresh_from_db()
    assert receipt.outcome == LeakOutcome.OVER
    assert laptop.key.revoked_at == revoked_at
    assert not mails


def test_an_expired_key_is_over(laptop):
    ApiKey.objects.filter(pk=laptop.key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    assert leaks.report(Sighting(laptop.token), reporter="").outcome == LeakOutcome.OVER


def test_a_key_of_the_right_id_with_another_secret_is_left_alone(laptop):
    forged = tokens.mint(public_id=laptop.key.public_id).token

    receipt = leaks.report(Sighting(forged), reporter="mallory")

    laptop.key.refresh_from_db()
    assert receipt.outcome == LeakOutcome.UNKNOWN
    assert receipt.key is None
    assert laptop.key.is_live


def test_the_queries_of_a_report(laptop, django_assert_max_num_queries):
    with django_assert_max_num_queries(16):
        leaks.report(Sighting(laptop.token), reporter="a friend")
    with django_assert_max_num_queries(8):
        leaks.report(Sighting(stranger()), reporter="a friend")


# -- A person -----------------------------------------------------------------------------


def test_a_person_pastes_the_text_around_two_keys(laptop, ada, as_mallory):
    second = actions.create(ada, name="second", scopes=["inference"], by=ada)
    text = f"export KEY='{laptop.token}'\nand {second.token}, {laptop.token}"

    page = as_mallory.post(LEAKS, {"text": text}).content.decode()

    assert not ApiKey.objects.live().exists()
    assert all(receipt.reference in page for receipt in LeakReport.objects.all())
    assert LeakReport.objects.count() == 2
    assert laptop.token not in page


def test_the_page_says_the_same_of_a_key_that_there_is_not(client, laptop):
    def page(token):
        answer = client.post(LEAKS, {"text": token, "reporter": "me"})
        reference = LeakReport.objects.latest("pk").reference
        text = answer.content.decode().replace(reference, "")
        changing = ("<time", "UTC", "hx-headers")
        return [line for line in text.splitlines() if not any(word in line for word in changing)]

    assert page(laptop.token) == page(stranger())


@pytest.mark.parametrize("text", ["", "hello", "owk_short", "owk_0123456789ab_" + "x" * 38])
def test_what_is_no_whole_key_is_said_on_the_form(client, db, text):
    answer = client.post(LEAKS, {"text": text, "url": "https://paste.example.org/1"})

    assert answer.status_code == 422
    assert "https://paste.example.org/1" in answer.content.decode()
    assert not LeakReport.objects.exists()


def test_a_form_from_another_site_is_refused(visitor, laptop):
    assert visitor.post(LEAKS, {"text": laptop.token}).status_code == 403
    assert ApiKey.objects.live().exists()


# -- A scanner ----------------------------------------------------------------------------


def test_a_scanner_reports_one_or_many_without_a_cookie(visitor, laptop):
    one = told(visitor, {"token": laptop.token, "url": "https://example.org", "reporter": "scanner 1"}).json()
    many = told(visitor, [{"token": stranger()}, {"token": "not one of ours"}])

    assert one["reports"][0]["receipt"] == LeakReport.objects.get(key=laptop.key).reference
    assert many.status_code == 200
    assert len(many.json()["reports"]) == 2
    assert "no-store" in many["Cache-Control"]


def test_an_answer_does_not_tell_whether_there_is_such_a_key(visitor, laptop):
    known = told(visitor, {"token": laptop.token}).json()
    unknown = told(visitor, {"token": stranger()}).json()

    assert known["message"] == unknown["message"]
    assert set(known["reports"][0]) == set(unknown["reports"][0]) == {"receipt", "received_at"}


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        "{}",
        "3",
        "null",
        "[3]",
        '{"token": 3}',
        '{"token": ""}',
        '{"token": "x", "url": 7}',
        '{"token": "x", "source": "a\\u0000b"}',
        "[" * 100_000,
    ],
)
def test_bad_json_is_refused_as_json(visitor, db, body):
    answer = visitor.post(LEAKS, body, content_type="application/json")

    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "message"}
    assert not LeakReport.objects.exists()


def test_a_token_that_is_any_bytes_is_unknown(visitor, db):
    assert told(visitor, {"token": "a\0b\ud800".encode("utf-8", "replace").decode()}).status_code == 200


@pytest.mark.parametrize(
    ("body", "error"),
    [(b'{"token": "a\\ud800"}', "missing_token"), (b'{"token": "a", "url": "\\ud800"}', "invalid_field")],
)
def test_half_a_character_is_refused_as_json(visitor, db, body, error):
    answer = visitor.post("/keys/leaks/", body, content_type="application/json")

    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_too_many_at_once_or_in_an_hour_are_refused(visitor, db, monkeypatch):
    rows = [{"token": f"x{number}"} for number in range(leaks.KEYS_MAX + 1)]
    assert told(visitor, rows).status_code == 413

    monkeypatch.setattr(leaks, "REPORTED_MAX", 3)
    assert [told(visitor, rows[:2]).status_code for _ in range(2)] == [200, 429]
    answer = told(visitor, rows[:1])
    assert answer["Retry-After"] == "3600"
    page = visitor.get(LEAKS)
    token = page.context["csrf_token"]
    as_form = visitor.post(LEAKS, {"text": stranger(), "csrfmiddlewaretoken": str(token)})
    assert as_form.status_code == 429
    assert "Try again in an hour" in as_form.content.decode()


# -- GitHub -------------------------------------------------------------------------------


def test_the_signed_example_of_githubs_documentation_is_accepted(visitor, db, published):
    answer = signed(visitor, DOCUMENTED_BODY, DOCUMENTED_SIGNATURE, DOCUMENTED_ID)

    assert answer.status_code == 200
    assert answer.json() == [
        {"token_raw": "NMIfyYncKcRALEXAMPLE", "token_type": "mycompany_api_token", "label": "false_positive"}
    ]
    assert LeakReport.objects.get().reporter == github.REPORTER


def test_githubs_find_of_a_key_is_a_true_one(visitor, laptop, published, secret):
    body = json.dumps(
        [{"token": laptop.token, "type": "t", "url": "https://github.com/a/b", "source": "commit"}]
    )

    answer = by_github(visitor, body.encode(), secret=secret)

    assert [row["label"] for row in answer.json()] == ["true_positive"]
    laptop.key.refresh_from_db()
    assert not laptop.key.is_live
    assert published == ["/meta/public_keys/secret_scanning"]


def test_a_changed_body_or_an_unknown_signer_is_refused_and_githubs_keys_are_asked_for_once(
    visitor, laptop, published, secret
):
    body = json.dumps([{"token": laptop.token}]).encode()
    signature = base64.b64encode(secret.sign(body, ec.ECDSA(hashes.SHA256()))).decode()

    answers = [
        signed(visitor, body + b" ", signature, "ours"),
        signed(visitor, body, "no base64!", "ours"),
        signed(visitor, body, signature, DOCUMENTED_ID),
        signed(visitor, body, signature, "made up"),
        signed(visitor, body, signature, "made up again"),
    ]

    assert [answer.status_code for answer in answers] == [401] * 5
    assert {answer.json()["error"] for answer in answers} == {"bad_signature", "unknown_signing_key"}
    assert ApiKey.objects.live().exists()
    assert len(published) == 1


def test_while_githubs_keys_cannot_be_had_it_is_told_to_come_again(visitor, db, settings, secret):
    settings.GITHUB_SCANNING_KEYS_URL = "http://127.0.0.1:9/"

    answer = by_github(visitor, b"[]", secret=secret)

    assert answer.status_code == 503
    assert answer["Retry-After"]


# -- Checking a key -----------------------------------------------------------------------


def test_anyone_checks_a_key_and_no_record_is_looked_at(client, db, django_assert_num_queries):
    token = stranger()
    with django_assert_num_queries(0):
        whole = client.post("/keys/check/", {"token": token})
        cut = client.post("/keys/check/", {"token": token[:-1]})

    assert "It is whole" in whole.content.decode()
    assert "It is no whole key" in cut.content.decode()
    assert client.post("/keys/check/", {"token": ""}).status_code == 422


def test_the_program_on_the_page_agrees_with_the_portal(client, db, tmp_path):
    page = client.get("/keys/check/")
    program = tmp_path / "check.py"
    program.write_text(page.context["program"])

    def says(token):
        return subprocess.run(
            [sys.executable, program], input=token, capture_output=True, text=True, check=True
        ).stdout.strip()

    token = stranger()
    assert says(token) == "whole"
    assert says(token[:-1] + ("0" if token[-1] != "0" else "1")) == "not a whole key"
