"""A download under way ends within a second of the end of access, and says so."""

import subprocess
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.admissions import actions as admissions
from portal.admissions.models import Application
from portal.hub.models import Download
from portal.keys import actions as keys
from portal.keys.models import ApiKey
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.releases import actions as releases
from tests.hub.conftest import HUB
from tests.hub.test_live import big, portal, shared_store, store_root, token, wait_for  # noqa: F401

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]
# curl(1): a partial file, or a failure in receiving.
BROKEN_OFF = (18, 56)


@contextmanager
def slow_download(portal, token):  # noqa: F811
    """curl, so slow that it will not have ended by itself."""
    command = ["curl", "-sS", "-f", "--limit-rate", "20M", "-o", "/dev/null"]
    key = ["-H", f"Authorization: Bearer {token}"]
    curl = subprocess.Popen([*command, *key, f"{portal}{HUB}/model.safetensors"], stderr=subprocess.DEVNULL)
    try:
        yield curl
    finally:
        curl.kill()
        curl.wait()


def revoke_key(_):
    keys.revoke(ApiKey.objects.get(), by=None)


def limit_to_other_networks(_):
    key = ApiKey.objects.get()
    keys.change(key, name=key.name, note="", networks=["203.0.113.0/24"], by=key.user)


def revoke_approval(rosa):
    admissions.revoke(Application.objects.get(), by=rosa, message="Misuse.")


def withdraw_release(_):
    releases.withdraw(Application.objects.get().programme.releases.get(), reason="Unsafe.", by=None)


@pytest.mark.parametrize(
    ("end_access", "reason"),
    [
        (revoke_key, "This API key was revoked"),
        (limit_to_other_networks, "may not be used from 127.0.0.1"),
        (revoke_approval, "was revoked"),
        (withdraw_release, "has been withdrawn"),
    ],
)
def test_a_running_download_is_ended_within_a_second(portal, big, token, rosa, *, end_access, reason):  # noqa: F811
    with slow_download(portal, token) as curl:
        wait_for(Download.objects.exists)
        time.sleep(0.5)

        end_access(rosa)
        ended_at = timezone.now()
        # It reads what has reached its machine before it sees the end.
        status = curl.wait(timeout=10)

    assert status in BROKEN_OFF
    wait_for(lambda: Download.objects.get().cut_reason)
    download = Download.objects.get()
    assert reason in download.cut_reason
    assert 0 < download.sent_bytes < download.asked_bytes
    assert download.ended_at - ended_at < timedelta(seconds=1)
    assert Entry.objects.get(verb=Verb.DOWNLOAD_CUT).data["reason"] == download.cut_reason


def test_another_persons_revocation_cuts_nothing(portal, big, token, mallory):  # noqa: F811
    made = keys.create(mallory, name="hers", scopes=["weights"], by=mallory)
    with slow_download(portal, token) as curl:
        wait_for(Download.objects.exists)

        keys.revoke(made.key, by=mallory)

        with pytest.raises(subprocess.TimeoutExpired):
            curl.wait(timeout=1.5)
        curl.kill()
    wait_for(lambda: Download.objects.get().ended_at is not None)
    assert Download.objects.get().cut_reason == ""
