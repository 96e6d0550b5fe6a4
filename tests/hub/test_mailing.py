"""Mailing the holders of a revision: fixed at the click, sent once each, gone on with after a kill."""

import os
import signal
import smtplib
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from email import message_from_bytes, policy
from uuid import uuid4

import pytest
from django.core import mail as outbox
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.utils import timezone

from portal.common.refusals import Refusal
from portal.hub import letters, mailing, posting
from portal.hub.models import HolderMail, HolderMailing, MailStatus, Scope
from portal.hub.tasks import resume_mailings, send_mailing
from portal.ledger.models import Entry
from portal.releases.models import ReleaseStatus
from tests import cast
from tests.hub.taking import revision, take

BODY = "Hello {{name}},\n\n**{{release}}** {{revision}} is `{{commit}}`. {{reason}}"


@pytest.fixture
def weights(release):
    return revision(release, model=1000)


@pytest.fixture
def people(weights):
    """Three who hold it, one of them deactivated."""
    found = [cast.person(f"p{number}@example.org") for number in range(3)]
    for person in found:
        take(person, weights, "model")
    found[2].is_active = False
    found[2].save()
    return found


@pytest.fixture
def remy(db):
    return cast.staff("remy@example.org", "Release managers")


@pytest.fixture
def click(weights, remy):
    """Remy's click."""
    token = uuid4()
    words = {"token": token, "subject": "About {{release}}", "body": BODY, "reason": "It was *wrong*."}
    return lambda **facts: mailing.mail_holders(weights, by=remy, **(words | facts))


class Moody(EmailBackend):
    """A mail server that answers as the test says, by address."""

    answers: dict = {}
    is_away = False

    def open(self):
        if self.is_away:
            raise ConnectionRefusedError("Connection refused")

    def send_messages(self, messages):
        (message,) = messages
        if error := self.answers.get(message.to[0]):
            raise error
        return super().send_messages(messages)


@pytest.fixture
def moody(settings, monkeypatch):
    settings.EMAIL_BACKEND = f"{__name__}.Moody"
    monkeypatch.setattr(Moody, "answers", {})
    return Moody


def statuses(made):
    return dict(made.mails.order_by("email").values_list("email", "status"))


def test_click_mails_every_holder_once_in_text_and_html(click, people, weights):
    made = click()
    posting.send_batch(made.pk)
    posting.send_batch(made.pk)

    first, _ = sorted(outbox.outbox, key=lambda message: message.to)
    assert sorted(message.to for message in outbox.outbox) == [["p0@example.org"], ["p1@example.org"]]
    assert first.subject == "About Tiny"
    assert f"Hello P0,\n\n**Tiny** main is `{weights.commit[:12]}`. It was *wrong*." in first.body
    html = first.alternatives[0][0]
    assert f"<strong>Tiny</strong> main is <code>{weights.commit[:12]}</code>. It was <em>wrong</em>." in html
    assert "because you downloaded files of Tiny." in html
    assert statuses(made) == {
        "p0@example.org": "done", "p1@example.org": "done", "p2@example.org": "skipped",
    }  # fmt: skip


def test_click_is_in_the_ledger_once_however_often_it_is_made(click, people, weights, remy):
    assert click() == click()

    entry = Entry.objects.get(verb="weights.holders_mailed")
    assert (entry.actor_label, entry.subject_id) == (str(remy), str(weights.pk))
    assert (entry.data["recipients"], entry.data["skipped"]) == (2, 1)
    assert entry.data["commit"] == weights.commit
    assert HolderMail.objects.count() == 3


def test_recipients_are_fixed_at_the_click(click, people, weights):
    made = click()
    take(cast.person("late@example.org"), weights, "model")
    people[0].email = "new@example.org"
    people[0].save()

    posting.send_batch(made.pk)

    assert sorted(message.to[0] for message in outbox.outbox) == ["p0@example.org", "p1@example.org"]


def test_scope_reaches_those_who_hold_the_bytes_through_another_revision(release, remy, click):
    older, newer = (revision(release, name, model=("same", 10)) for name in ("v1", "v2"))
    take(cast.person("old@example.org"), older, "model")
    words = {"by": remy, "subject": "x", "body": "y"}

    with pytest.raises(Refusal, match="can be mailed"):
        mailing.mail_holders(newer, token=uuid4(), **words)
    made = mailing.mail_holders(newer, token=uuid4(), scope=Scope.BYTES, **words)

    assert statuses(made) == {"old@example.org": "queued"}


def test_mailing_without_recipients_leaves_nothing_behind(click):
    with pytest.raises(Refusal):
        click()

    assert not HolderMailing.objects.exists()
    assert not Entry.objects.filter(verb="weights.holders_mailed").exists()


def test_names_are_text_whatever_is_in_them(weights, mallory):
    mallory.full_name = "[win](https://evil.example) <b>x</b> {{reason}} ![i](x)\r\nBcc: a@example.org"

    letter = letters.compose(
        weights, person=mallory, to=mallory.email, subject="Dear {{name}}", body="Dear {{ name }}", reason="r"
    )

    assert '<a href="https://evil' not in letter.html
    assert "<b>" not in letter.html
    assert "[win](https://evil.example) &lt;b&gt;x&lt;/b&gt; {{reason}} ![i](x) Bcc:" in letter.html
    assert "\n" not in letter.subject
    assert letter.message().message()["Bcc"] is None


@pytest.mark.parametrize(
    ("status", "yanked", "subject"),
    [
        (ReleaseStatus.OPEN, False, "About {{release}}, revision {{revision}}"),
        (ReleaseStatus.OPEN, True, "{{release}}: revision {{revision}} is taken back"),
        (ReleaseStatus.WITHDRAWN, True, "{{release}} is withdrawn"),
    ],
)
def test_draft_says_what_happened(weights, status, yanked, subject):
    weights.release.status = status
    weights.release.withdrawal_reason = "It is unsafe."
    if yanked:
        weights.yanked_at, weights.yank_reason = timezone.now(), "A shard was wrong."

    made = letters.draft(weights)

    assert made["subject"] == subject
    assert made["reason"] == {
        "A": "", "{": "A shard was wrong." if status == ReleaseStatus.OPEN else "It is unsafe.",
    }[subject[0]]  # fmt: skip
    assert letters.unknown_placeholders(made["subject"] + made["body"]) == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (smtplib.SMTPRecipientsRefused({"p0@example.org": (550, b"No such user")}), "rejected"),
        (smtplib.SMTPRecipientsRefused({"p0@example.org": (450, b"Greylisted")}), "queued"),
        (smtplib.SMTPDataError(554, b"Spam"), "rejected"),
        (smtplib.SMTPDataError(451, b"Later"), "queued"),
        (ValueError("no such domain"), "rejected"),
    ],
)
def test_address_that_is_refused_does_not_hold_up_the_others(click, people, moody, error, status):
    moody.answers["p0@example.org"] = error
    made = click()

    assert posting.send_batch(made.pk) is False

    assert statuses(made) == {"p0@example.org": status, "p1@example.org": "done", "p2@example.org": "skipped"}
    assert made.mails.get(email="p0@example.org").error


def test_address_that_was_put_off_is_tried_again_later_and_not_for_ever(click, people, moody):
    moody.answers["p0@example.org"] = smtplib.SMTPDataError(451, b"Later")
    made = click()
    posting.send_batch(made.pk)
    mail = made.mails.filter(email="p0@example.org")

    mail.update(tried_at=timezone.now() - timedelta(minutes=2), attempts=posting.ATTEMPTS_MAX - 1)
    posting.send_batch(made.pk)
    refused = mail.get().status
    moody.answers.clear()
    assert mailing.mail_again(made, by=people[1]) == 1
    posting.send_batch(made.pk)

    assert (refused, mail.get().status) == ("rejected", "done")
    assert Counter(message.to[0] for message in outbox.outbox) == {"p0@example.org": 1, "p1@example.org": 1}


def test_connection_that_breaks_leaves_one_unsure_and_the_rest_waiting(click, people, moody):
    moody.answers["p1@example.org"] = smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
    made = click()

    assert posting.send_batch(made.pk) is False

    made.refresh_from_db()
    assert statuses(made)["p1@example.org"] == "unsure"
    assert statuses(made)["p0@example.org"] == "queued"
    assert "broke" in made.trouble
    posting.send_batch(made.pk)
    made.refresh_from_db()
    assert (statuses(made)["p0@example.org"], made.trouble) == ("done", "")


def test_mail_server_that_is_away_costs_nobody_a_mail(click, people, moody, monkeypatch):
    monkeypatch.setattr(moody, "is_away", True)
    made = click()

    assert posting.send_batch(made.pk) is False

    made.refresh_from_db()
    assert "Connection refused" in made.trouble
    assert set(made.mails.values_list("status", "attempts")) == {("queued", 0), ("skipped", 0)}


def test_two_workers_share_a_mailing_and_mail_nobody_twice(click, people):
    made = click()
    taken = made.mails.get(email="p0@example.org")
    assert posting._claim(taken)
    assert not posting._claim(taken)

    posting.send_batch(made.pk)

    assert [message.to for message in outbox.outbox] == [["p1@example.org"]]


def test_batches_are_handed_on_until_all_is_sent(
    click, people, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(send_mailing, "delay", send_mailing)
    original = posting.send_batch
    monkeypatch.setattr(posting, "send_batch", lambda pk: original(pk, size=1))

    with django_capture_on_commit_callbacks(execute=True):
        click()

    assert len(outbox.outbox) == 2


def test_forgotten_mailing_is_taken_up_again(click, people, monkeypatch):
    made = click()
    asked = []
    monkeypatch.setattr(send_mailing, "delay", lambda **facts: asked.append(facts["mailing_id"]))
    resume_mailings()
    assert asked == []

    HolderMailing.objects.update(alive_at=timezone.now() - timedelta(minutes=2))
    resume_mailings()
    posting.send_batch(made.pk)
    HolderMailing.objects.update(alive_at=timezone.now() - timedelta(minutes=2))
    resume_mailings()

    assert asked == [made.pk]


WORKER = """
import sys, time
from django.conf import settings
settings.EMAIL_FILE_PATH = sys.argv[1]
from portal.common.devmail import FileBackend
original = FileBackend.send_messages
def slow(self, messages):
    done = original(self, messages)
    time.sleep(0.2)  # The message has left, and is not marked yet.
    return done
FileBackend.send_messages = slow
from portal.hub.tasks import send_mailing
send_mailing(mailing_id=int(sys.argv[2]))
"""


@pytest.mark.django_db(transaction=True)
def test_mailing_whose_worker_is_killed_is_finished_by_another_and_nobody_is_mailed_twice(
    release, tmp_path, settings, monkeypatch
):
    weights = revision(release, model=1000)
    people = [cast.person(f"p{number:02}@example.org") for number in range(12)]
    for person in people:
        take(person, weights, "model")
    remy = cast.staff("remy@example.org", "Release managers")
    settings.EMAIL_BACKEND = "portal.common.devmail.FileBackend"
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    # The worker below is the first one.
    monkeypatch.setattr(send_mailing, "delay", lambda mailing_id: None)
    made = mailing.mail_holders(weights, by=remy, token=uuid4(), subject="x", body="Hello {{name}}")
    worker = start_worker(made, tmp_path)
    wait_for(lambda: len(list((tmp_path / "mail").glob("*.eml"))) >= 3, worker)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    left = received(tmp_path)

    HolderMail.objects.filter(status=MailStatus.SENDING).update(tried_at=timezone.now() - timedelta(hours=1))
    while posting.send_batch(made.pk):
        pass

    counted = Counter(statuses(made).values())
    assert 3 <= sum(left.values()) < len(people)
    assert counted["unsure"] <= 1
    assert counted["done"] == len(people) - counted["unsure"]
    assert set(received(tmp_path).values()) == {1}
    assert len(received(tmp_path)) == len(people)


def start_worker(made, tmp_path):
    """A process of its own on the test's database."""
    facts = connection.settings_dict
    url = f"postgres://{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}/{facts['NAME']}"
    script = f"import django; django.setup()\n{WORKER}"
    environment = os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "EMAIL_BACKEND": "portal.common.devmail.FileBackend",
    }
    command = [sys.executable, "-c", script, str(tmp_path / "mail"), str(made.pk)]
    return subprocess.Popen(command, env=environment)


def wait_for(is_so, worker):
    deadline = time.monotonic() + 30
    while not is_so():
        assert worker.poll() is None, "The worker ended before it could be killed."
        assert time.monotonic() < deadline
        time.sleep(0.02)


def received(tmp_path):
    """How many messages each address got."""
    found = (tmp_path / "mail").glob("*.eml")
    return Counter(message_from_bytes(one.read_bytes(), policy=policy.default)["To"] for one in found)
