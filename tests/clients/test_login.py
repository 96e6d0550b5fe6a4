"""`hf auth login` against the portal: by device code where the client has it, else with a key."""

import configparser
import re
import time

import pytest
import requests
from django.conf import settings

from portal.keys.models import ApiKey
from tests.clients.conftest import MODEL

pytestmark = [pytest.mark.live, pytest.mark.django_db]
# 0.36 has no login by device code.
by_code = pytest.mark.parametrize("generation", ["1", "2"])
CODE = re.compile(r"\b[A-Z]{4}-[A-Z]{4}\b")
SHOWN_SECONDS = 30


@pytest.fixture
def answer(world):
    """Answers a code as Ada does in her browser."""

    def post(code: str, **fields: object) -> None:
        with requests.Session() as browser:
            # What this machine trusts would count for more.
            browser.trust_env, browser.verify = False, str(world.portal.authority)
            browser.cookies.set(settings.SESSION_COOKIE_NAME, world.session)
            page = f"{world.portal.url}/device/"
            browser.get(page, params={"user_code": code}, timeout=30)
            headers = {"X-CSRFToken": browser.cookies["csrftoken"], "Referer": page}
            told = browser.post(page, {"user_code": code, **fields}, headers=headers, timeout=30)
            assert told.ok, told.text

    return post


def shown_code(folder) -> str:
    """The code that the running `hf auth login` shows."""
    until = time.monotonic() + SHOWN_SECONDS
    while time.monotonic() < until:
        if found := CODE.search((folder / "login.log").read_text()):
            return found[0]
        time.sleep(0.05)
    raise TimeoutError((folder / "login.log").read_text())


@by_code
def test_ada_signs_her_terminal_in_without_pasting_a_key(client, answer):
    login = client.start_hf("auth", "login", who="nobody", log="login.log")
    code = shown_code(client.home)

    answer(code, answer="allow", name="desk")
    status = login.wait(timeout=30)
    me = client.hf("auth", "whoami", who="nobody")
    got = client.hf("download", MODEL, "config.json", who="nobody")

    assert status == 0, (client.home / "login.log").read_text()
    assert "ada" in me.stdout
    assert got.returncode == 0, got.stdout


@by_code
def test_a_key_that_ends_soon_is_renewed_by_the_client_itself(client, answer):
    login = client.start_hf("auth", "login", who="nobody", log="login.log")
    code = shown_code(client.home)
    answer(code, answer="allow", name="desk")
    assert login.wait(timeout=30) == 0
    first = ApiKey.objects.order_by("-pk")[0]
    store = client.home / "hf" / "stored_tokens"
    kept = configparser.ConfigParser(interpolation=None)
    kept.read(store)
    for section in kept.sections():
        kept[section]["expires_at"] = str(int(time.time()) + 3600)
    with store.open("w") as file:
        kept.write(file)

    got = client.hf("download", MODEL, "config.json", who="nobody")

    assert got.returncode == 0, got.stdout
    first.refresh_from_db()
    assert first.replaced_by is not None
    assert first.replaced_by.last_used_at is not None


@by_code
def test_a_login_that_ada_denies_ends_with_that_sentence(client, answer):
    login = client.start_hf("auth", "login", who="nobody", log="login.log")

    answer(shown_code(client.home), answer="deny")

    assert login.wait(timeout=30) != 0
    assert "Authorization was denied" in (client.home / "login.log").read_text()


def test_ada_signs_in_with_a_key(client, world):
    done = client.hf("auth", "login", "--token", world.tokens["ada"], who="nobody")
    me = client.hf("auth", "whoami", who="nobody")

    assert done.returncode == 0, done.stdout
    assert "ada" in me.stdout
