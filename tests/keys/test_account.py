"""The account as a program reads it: `GET /v1/account` with a key of that scope, and nothing else with it."""

import pytest
from django.utils import timezone

from portal.keys import actions
from portal.keys.models import DailyUsage, Scope
from portal.releases.models import Release


@pytest.fixture
def reader(ada):
    """Ada's key that only reads."""
    return actions.create(ada, name="meter", scopes=[Scope.ACCOUNT], by=ada)


def bearing(created):
    return {"Authorization": f"Bearer {created.token}"}


def test_a_program_reads_account_limits_and_usage(client, ada, reader, laptop, release):
    today = timezone.now().date()
    DailyUsage.objects.create(
        key=laptop.key,
        release=release,
        day=today,
        requests_count=3,
        failures_count=1,
        prompt_tokens_count=10,
        completion_tokens_count=20,
    )

    told = client.get("/v1/account?days=7", headers=bearing(reader)).json()

    assert told["email"] == ada.email
    assert told["key"] == {
        "id": f"owk_{reader.key.public_id}",
        "name": "meter",
        "scopes": ["account"],
        "created_at": int(reader.key.created_at.timestamp()),
        "expires_at": None,
        "releases": None,
        "networks": None,
    }
    assert told["usage"]["data"] == [
        {
            "day": today.isoformat(),
            "release": release.slug,
            "requests": 3,
            "failed": 1,
            "prompt_tokens": 10,
            "completion_tokens": 20,
        }
    ]
    days = [row for row in told["limits"] if row["counts"] == "tokens_per_day"]
    assert days[0]["remaining"] == days[0]["limit"] - 30
    assert (days[0]["whose"], days[0]["key"]) == ("Your account", None)
    minutes = [row for row in told["limits"] if row["counts"] == "requests_per_minute"]
    assert {row["key"] for row in minutes} == {f"owk_{made.key.public_id}" for made in (reader, laptop)}
    assert reader.token not in str(told)


def test_it_opens_nothing_else(client, reader, release: Release):
    hub_id = f"/hub/api/models/{release.hub_id}"
    assert client.get(hub_id, headers=bearing(reader)).status_code == 403
    assert client.get("/v1/files", headers=bearing(reader)).json()["error"]["code"] == "wrong_scope"


def test_whoami_takes_it_too(client, ada, reader):
    assert client.get("/hub/api/whoami-v2", headers=bearing(reader)).json()["email"] == ada.email


def test_other_keys_other_days_and_strangers_get_openai_errors(client, laptop, reader):
    answers = {
        "wrong_scope": client.get("/v1/account", headers=bearing(laptop)),
        "invalid_days": client.get("/v1/account?days=8", headers=bearing(reader)),
        "missing_key": client.get("/v1/account"),
        "method_not_allowed": client.post("/v1/account", headers=bearing(reader)),
    }

    assert {code: answer.json()["error"]["code"] for code, answer in answers.items()} == {
        code: code for code in answers
    }


def test_a_deactivated_account_reads_nothing(client, ada, reader):
    ada.is_active = False
    ada.save()

    assert client.get("/v1/account", headers=bearing(reader)).status_code == 403


def test_the_form_offers_the_scope_unticked(as_ada):
    field = as_ada.get("/keys/new/").context["form"]["scopes"]

    assert "account" in dict(field.field.choices)
    assert "account" not in field.initial


def test_the_queries_are_few(client, reader, django_assert_max_num_queries):
    with django_assert_max_num_queries(13):
        client.get("/v1/account", headers=bearing(reader))
