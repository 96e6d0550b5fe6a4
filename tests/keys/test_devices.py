"""Sign-in of a terminal by code: its states, its races, its tokens, and the page."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove, LostRace
from portal.keys import actions, devices
from portal.keys.authentication import find_key
from portal.keys.devices import OAuthRefusal
from portal.keys.models import ApiKey, DeviceLogin, RefreshToken, Scope
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from tests import cast

DEVICE = "/hub/oauth/device"
TOKEN = "/hub/oauth/token"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(autouse=True)
def no_guesses():
    cache.clear()


@pytest.fixture
def started(db):
    return devices.start(client="hf_hub/2.4.0", address="192.0.2.7")


def allow(started, ada, scopes=(Scope.WEIGHTS,)):
    devices.approve(started.login, by=ada, key_name="laptop", scopes=scopes)


def granted(started, ada):
    allow(started, ada)
    return devices.fetch(started.device_code)


def code_of(refused, *arguments):
    with pytest.raises(OAuthRefusal) as refusal:
        refused(*arguments)
    return refusal.value.code


def test_a_terminal_waits_and_then_has_a_key_of_who_allowed_it(started, ada):
    assert code_of(devices.fetch, started.device_code) == "authorization_pending"
    allow(started, ada, scopes=[Scope.INFERENCE, Scope.WEIGHTS])

    made = devices.fetch(started.device_code, address="192.0.2.7")

    key = find_key(made.access_token, scope=Scope.WEIGHTS)
    assert (key.user, key.name, key.scopes) == (ada, "laptop", ["inference", "weights"])
    assert timedelta(days=29) < key.expires_at - timezone.now() < timedelta(days=30)
    verbs = list(Entry.objects.order_by("number").values_list("verb", flat=True))
    assert verbs[-2:] == [Verb.DEVICE_LOGIN_APPROVED, Verb.KEY_CREATED]
    assert made.access_token not in repr(made) + str(DeviceLogin.objects.values())


def test_a_terminal_that_asks_too_often_is_slowed_down(started):
    assert code_of(devices.fetch, started.device_code) == "authorization_pending"
    assert code_of(devices.fetch, started.device_code) == "slow_down"
    assert DeviceLogin.objects.get().interval_seconds == devices.POLL_SECONDS + devices.SLOWER_SECONDS


def test_a_denied_an_expired_and_an_unknown_code_give_nothing(started, ada):
    other = devices.start(client="", address=None)
    devices.deny(started.login, by=ada)
    DeviceLogin.objects.filter(pk=other.login.pk).update(expires_at=timezone.now())

    assert code_of(devices.fetch, started.device_code) == "access_denied"
    assert code_of(devices.fetch, other.device_code) == "expired_token"
    assert code_of(devices.fetch, "x" * 43) == "invalid_grant"
    assert Entry.objects.order_by("-number")[0].verb == Verb.DEVICE_LOGIN_DENIED
    assert not ApiKey.objects.exists()


def test_a_code_is_answered_once(started, ada, mallory):
    again = DeviceLogin.objects.get()
    allow(started, ada)

    with pytest.raises(LostRace):
        devices.approve(again, by=mallory, key_name="mine", scopes=[Scope.WEIGHTS])
    with pytest.raises(IllegalMove):
        devices.deny(started.login, by=ada)
    assert DeviceLogin.objects.get().user == ada


@pytest.mark.django_db(transaction=True)
def test_a_key_is_fetched_once_however_many_ask_at_the_same_time(started, ada):
    allow(started, ada)

    def fetch(_):
        try:
            return devices.fetch(started.device_code)
        except Refusal:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        made = [one for one in pool.map(fetch, range(4)) if one]

    assert len(made) == ApiKey.objects.count() == 1


def test_who_was_deactivated_in_between_gets_no_key(started, ada):
    allow(started, ada)
    type(ada).objects.filter(pk=ada.pk).update(is_active=False)

    assert code_of(devices.fetch, started.device_code) == "access_denied"
    assert not ApiKey.objects.exists()


def test_a_key_is_renewed_and_the_old_one_ends_soon(started, ada):
    first = granted(started, ada)

    second = devices.refresh(first.refresh_token)

    old = ApiKey.objects.get(pk=first.key.pk)
    assert old.replaced_by == second.key
    assert old.expires_at - timezone.now() < timedelta(hours=1)
    assert find_key(second.access_token, scope=Scope.WEIGHTS).name == "laptop"
    assert Entry.objects.order_by("-number")[0].verb == Verb.KEY_ROTATED


def test_a_refresh_token_that_comes_again_ends_what_came_of_it(started, ada):
    first = granted(started, ada)
    second = devices.refresh(first.refresh_token)
    third = devices.refresh(second.refresh_token)

    assert code_of(devices.refresh, first.refresh_token) == "invalid_grant"
    assert ApiKey.objects.get(pk=third.key.pk).revoked_at is not None
    assert code_of(devices.refresh, third.refresh_token) == "invalid_grant"


def test_a_revoked_key_is_not_renewed(started, ada):
    made = granted(started, ada)
    actions.revoke(made.key, by=ada)

    assert code_of(devices.refresh, made.refresh_token) == "invalid_grant"
    assert ApiKey.objects.count() == RefreshToken.objects.count() == 1


def test_one_address_begins_only_so_many(db):
    for _ in range(devices.STARTS_MAX):
        devices.start(client="", address="192.0.2.7")

    with pytest.raises(OAuthRefusal) as refusal:
        devices.start(client="", address="192.0.2.7")
    assert refusal.value.status == 429
    assert devices.start(client="", address="192.0.2.8")


def test_ten_wrong_codes_make_one_person_wait(started, ada, mallory):
    for _ in range(devices.GUESSES_MAX):
        with pytest.raises(Refusal, match="no such code"):
            devices.find("BBBB-BBBB", by=mallory)

    with pytest.raises(Refusal, match="Too many wrong codes"):
        devices.find(started.login.user_code, by=mallory)
    assert devices.find(f" {started.login.shown_code.lower()} ", by=ada) == started.login


def test_what_is_long_over_is_swept(started):
    DeviceLogin.objects.update(expires_at=timezone.now() - timedelta(days=8))
    fresh = devices.start(client="", address=None)

    assert devices.sweep() == 1
    assert DeviceLogin.objects.get() == fresh.login


@pytest.mark.parametrize("prefix", ["/hub", ""])
def test_the_endpoints_speak_oauth(client, ada, as_ada, prefix, settings):
    begun = client.post(f"{prefix}/oauth/device", {"client_id": "any"}, headers={"User-Agent": "hf"})
    told = begun.json()
    ask = {"grant_type": GRANT, "device_code": told["device_code"], "client_id": "any"}

    waiting = client.post(f"{prefix}/oauth/token", ask)
    page = as_ada.get(told["verification_uri_complete"].removeprefix(settings.PORTAL_URL))
    as_ada.post(
        "/device/",
        {"user_code": told["user_code"], "answer": "allow", "name": "laptop", "scopes": ["weights"]},
    )
    given = client.post(f"{prefix}/oauth/token", ask)
    again = client.post(f"{prefix}/oauth/token", ask)
    renewed = client.post(
        f"{prefix}/oauth/token",
        {"grant_type": "refresh_token", "refresh_token": given.json()["refresh_token"]},
    )

    assert (told["expires_in"], told["interval"]) == (900, 5)
    assert told["user_code"] in page.content.decode()
    assert (waiting.status_code, waiting.json()["error"]) == (400, "authorization_pending")
    assert given.json()["token_type"] == "bearer"
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert renewed.json()["access_token"] != given.json()["access_token"]
    assert {answer["Cache-Control"] for answer in (begun, waiting, given, again, renewed)} == {"no-store"}


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"}, "unsupported_grant_type"),
        ({"grant_type": GRANT}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x\0"}, "invalid_grant"),
    ],
)
def test_what_is_wrong_is_said_as_oauth_says_it(client, db, asked, error):
    answer = client.post(TOKEN, asked)

    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert client.get(TOKEN).status_code == 405


def test_the_page_warns_and_says_who_asks(as_ada, started):
    page = as_ada.get("/device/", {"user_code": started.login.shown_code}).content.decode()

    assert "Go on only if you have just started this yourself" in page
    assert "hf_hub/2.4.0" in page
    assert "192.0.2.7" in page


def test_a_stranger_signs_in_first_and_keeps_the_code(client, started):
    answer = client.get("/device/", {"user_code": started.login.shown_code})

    assert answer.status_code == 302
    assert "user_code" in answer["Location"]


def test_ada_denies_on_the_page(as_ada, started):
    page = as_ada.post("/device/", {"user_code": started.login.user_code, "answer": "deny"})

    assert "The program gets no key" in page.content.decode()
    assert code_of(devices.fetch, started.device_code) == "access_denied"


@pytest.mark.parametrize(
    ("typed", "status", "sentence"),
    [
        ("", 422, "Type the code"),
        ("BBBB-BBBB", 404, "There is no such code"),
        ("\0", 422, "Null characters are not allowed"),
    ],
)
def test_a_wrong_code_keeps_what_was_typed(as_ada, started, typed, status, sentence):
    page = as_ada.post("/device/", {"user_code": typed})

    assert page.status_code == status
    assert sentence in page.content.decode()
    assert typed.strip("\0") in page.content.decode()


def test_an_answer_without_a_scope_is_asked_again(as_ada, started):
    page = as_ada.post(
        "/device/", {"user_code": started.login.user_code, "answer": "allow", "name": "desk", "scopes": []}
    )

    assert page.status_code == 422
    assert "Choose at least one thing" in page.content.decode()
    assert 'value="desk"' in page.content.decode()
    assert DeviceLogin.objects.get().status == "pending"


def test_who_may_have_no_key_is_told_on_the_page(client, started, settings):
    settings.LIVE_KEYS_PER_USER = 0
    client.force_login(cast.person("full@example.org"), backend="django.contrib.auth.backends.ModelBackend")

    page = client.post(
        "/device/",
        {"user_code": started.login.user_code, "answer": "allow", "name": "desk", "scopes": ["weights"]},
    )

    assert "as many as one account may have" in page.content.decode()
