"""Sign-in of a terminal by code, as programs and browsers meet it: the endpoints and the page."""

import pytest
from django.core.cache import cache
from django.utils import timezone

from portal.keys import devices
from portal.keys.models import DeviceLogin
from tests import cast

TOKEN = "/hub/oauth/token"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(autouse=True)
def no_guesses():
    cache.clear()


@pytest.fixture
def started(db):
    return devices.start(client="hf_hub/2.4.0", address="192.0.2.7")


def code_of(refused, *arguments):
    with pytest.raises(devices.OAuthRefusal) as refusal:
        refused(*arguments)
    return refusal.value.code


@pytest.mark.parametrize("prefix", ["/hub", ""])
def test_the_endpoints_speak_oauth(client, ada, as_ada, prefix, settings):
    begun = client.post(f"{prefix}/oauth/device", {"client_id": "any"}, headers={"User-Agent": "hf"})
    told = begun.json()
    ask = {"grant_type": GRANT, "device_code": told["device_code"], "client_id": "any"}

    waiting = client.post(f"{prefix}/oauth/token", ask)
    page = as_ada.get(told["verification_uri_complete"].removeprefix(settings.PORTAL_URL))
    as_ada.post(
        "/device/",
        {"user_code": told["user_code"], "answer": "allow", "name": "laptop"},
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
        ({}, "invalid_request"),
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


def test_the_token_exchange_of_ci_comes_as_json_and_is_not_supported(client, db):
    asked = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": "x"}

    answer = client.post(TOKEN, asked, content_type="application/json")

    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


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
    page = as_ada.post("/device/", {"user_code": started.login.user_code, "answer": "deny"}, follow=True)

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
    page = as_ada.get("/device/", {"user_code": typed})

    assert page.status_code == status
    assert sentence in page.content.decode()
    assert typed.strip("\0") in page.content.decode()


@pytest.mark.parametrize(
    ("ticked", "scopes"), [({}, ["weights"]), ({"may_call_models": "on"}, ["inference", "weights"])]
)
def test_ada_allows_on_the_page_and_the_key_answers_who_it_is(client, as_ada, started, ticked, scopes):
    said = {"user_code": started.login.shown_code, "answer": "allow", "name": "desk"} | ticked
    page = as_ada.post("/device/", said, follow=True)

    made = devices.fetch(started.device_code)
    me = client.get("/hub/api/whoami-v2", headers={"Authorization": f"Bearer {made.access_token}"})

    assert "Go back to your terminal" in page.content.decode()
    assert page.redirect_chain == [("/device/allowed/", 302)]
    assert made.key.scopes == scopes
    assert me.json()["auth"]["accessToken"]["displayName"] == "desk"


def test_an_answer_without_a_name_is_asked_again(as_ada, started):
    page = as_ada.post(
        "/device/",
        {"user_code": started.login.user_code, "answer": "allow", "name": "", "may_call_models": "on"},
    )

    assert page.status_code == 422
    assert "Give the key a name" in page.content.decode()
    assert page.context["form"]["may_call_models"].value()
    assert DeviceLogin.objects.get().status == "pending"


def test_a_code_that_was_answered_and_one_that_expired_are_told_apart(as_ada, started, ada):
    late = devices.start(client="", address=None)
    DeviceLogin.objects.filter(pk=late.login.pk).update(expires_at=timezone.now())
    devices.deny(started.login, by=ada)

    used = as_ada.get("/device/", {"user_code": started.login.user_code})
    expired = as_ada.get("/device/", {"user_code": late.login.user_code})

    assert (used.status_code, expired.status_code) == (409, 409)
    assert "has been answered" in used.content.decode()
    assert "has expired" in expired.content.decode()


def test_the_page_asks_the_database_for_the_session_its_user_and_the_code(
    as_ada, started, django_assert_num_queries
):
    as_ada.get("/device/")  # The first visit writes the session.
    for _ in range(2):
        devices.start(client="", address=None)

    with django_assert_num_queries(3):
        as_ada.get("/device/", {"user_code": started.login.user_code})


def test_who_has_no_key_yet_is_told_how_to_sign_a_terminal_in(as_ada, settings):
    page = as_ada.get("/keys/").content.decode()

    assert f"HF_ENDPOINT={settings.PORTAL_URL}/hub hf auth login" in page


def test_who_may_have_no_key_is_told_on_the_page(client, started, settings):
    settings.LIVE_KEYS_PER_USER = 0
    client.force_login(cast.person("full@example.org"), backend="django.contrib.auth.backends.ModelBackend")

    page = client.post(
        "/device/",
        {"user_code": started.login.user_code, "answer": "allow", "name": "desk"},
    )

    assert "as many as one account may have" in page.content.decode()
