"""Sign-in with GitHub and Google: offered when it is configured, and only then."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

APP = {"client_id": "the-id", "secret": "the-secret"}


@pytest.fixture
def configured(settings):
    settings.SOCIALACCOUNT_PROVIDERS = {"github": {"APPS": [APP]}, "google": {"APPS": [APP]}}


@pytest.mark.parametrize("provider", ["github", "google"])
def test_newcomer_is_offered_no_provider_that_is_not_configured(db, provider):
    assert f"/accounts/{provider}/login/" not in Client().get("/accounts/login/").content.decode()


@pytest.mark.parametrize(
    ("provider", "address"),
    [
        ("github", "https://github.com/login/oauth/authorize"),
        ("google", "https://accounts.google.com/o/oauth2/v2/auth"),
    ],
)
def test_newcomer_is_sent_to_the_configured_provider(db, configured, provider, address):
    page = Client().get("/accounts/login/").content.decode()
    sent = Client().post(f"/accounts/{provider}/login/")

    asked = parse_qs(urlsplit(sent.url).query)
    assert f"/accounts/{provider}/login/" in page
    assert sent.url.partition("?")[0] == address
    assert asked["client_id"] == ["the-id"]
    assert asked["redirect_uri"] == [f"http://testserver/accounts/{provider}/login/callback/"]
