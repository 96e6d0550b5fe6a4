"""Sign-in with GitHub and Google: offered when it is configured, and only then."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest
from django.test import Client

from tests.gateway import processes


@pytest.fixture(scope="module")
def configured(django_db_setup) -> Iterator[str]:
    """The address of a running portal that knows both, since they are looked at when it starts."""
    with processes.portal(
        PORTAL_URL="http://127.0.0.1:{port}",
        **{f"{name}_CLIENT_ID": "the-id" for name in ("GITHUB", "GOOGLE")},
        **{f"{name}_CLIENT_SECRET": "the-secret" for name in ("GITHUB", "GOOGLE")},
    ) as address:
        yield address


@pytest.mark.parametrize("provider", ["github", "google"])
def test_newcomer_is_offered_no_provider_that_is_not_configured(db, provider):
    assert f"/accounts/{provider}/login/" not in Client().get("/accounts/login/").content.decode()
    assert Client().get(f"/accounts/{provider}/login/").status_code == 404


@pytest.mark.live
@pytest.mark.parametrize(
    ("provider", "address"),
    [
        ("github", "https://github.com/login/oauth/authorize"),
        ("google", "https://accounts.google.com/o/oauth2/v2/auth"),
    ],
)
def test_newcomer_is_sent_to_the_configured_provider(transactional_db, configured, provider, address):
    with httpx.Client(base_url=configured) as client:
        page = client.get("/accounts/login/")
        sent = client.post(
            f"/accounts/{provider}/login/",
            headers={"X-CSRFToken": client.cookies["csrftoken"], "Origin": configured},
        )

    asked = parse_qs(urlsplit(sent.headers["location"]).query)
    assert f"/accounts/{provider}/login/" in page.text
    assert f"https://{urlsplit(address).hostname}" in page.headers["content-security-policy"]
    assert sent.headers["location"].partition("?")[0] == address
    assert asked["client_id"] == ["the-id"]
    assert asked["redirect_uri"] == [f"{configured}/accounts/{provider}/login/callback/"]
