"""Who a key belongs to, and what it opens."""

import pytest

from portal.hub.models import Download
from portal.keys.models import ApiKey, Scope
from tests.conftest import signed_in
from tests.hub.conftest import bearer_of
from tests.hub.freezing import freeze

WHOAMI = "/hub/api/whoami-v2"
CHECK = "/hub/api/models/open-weights/tiny/auth-check"


def test_whoami_names_the_person_and_the_key(client, ada, bearer, django_assert_num_queries):
    ApiKey.objects.update(created_at="2026-11-20T12:00:00.123456Z")
    client.get(WHOAMI, headers=bearer)

    with django_assert_num_queries(2):
        said = client.get(WHOAMI, headers=bearer).json()

    assert said == {
        "type": "user",
        "id": f"{ada.pk:024x}",
        "name": "ada",
        "fullname": "Ada",
        "email": "ada@example.org",
        "emailVerified": True,
        "isPro": False,
        "orgs": [],
        "auth": {
            "type": "access_token",
            "accessToken": {
                "displayName": "laptop",
                "role": "read",
                "createdAt": "2026-11-20T12:00:00.123Z",
            },
        },
    }


def test_whoami_knows_a_session_too(as_ada):
    said = as_ada.get(WHOAMI).json()

    assert (said["name"], said["auth"]) == ("ada", {"type": "session"})


def test_whoami_says_that_an_address_is_not_verified(client, mallory):
    bearer = bearer_of(mallory)
    mallory.emailaddress_set.update(verified=False)

    assert client.get(WHOAMI, headers=bearer).json()["emailVerified"] is False


def test_whoami_refuses_a_deactivated_account(client, mallory):
    bearer = bearer_of(mallory)
    mallory.is_active = False
    mallory.save()

    response = client.get(WHOAMI, headers=bearer)

    assert (response.status_code, response.json()["gate"]) == (403, "account_active")


def test_whoami_refuses_a_stranger(client, db):
    response = client.get(WHOAMI)

    assert (response.status_code, response.json()["gate"]) == (401, "missing_key")


def test_whoami_refuses_a_key_of_another_scope(client, mallory):
    response = client.get(WHOAMI, headers=bearer_of(mallory, Scope.INFERENCE))

    assert (response.status_code, response.json()["gate"]) == (403, "wrong_scope")


def test_a_key_beside_a_session_counts(ada, mallory):
    assert signed_in(mallory).get(WHOAMI, headers=bearer_of(ada)).json()["name"] == "ada"


def test_ada_may_have_the_files(client, bearer, release):
    response = client.get(CHECK, headers=bearer)

    assert (response.status_code, response.json()) == (200, {})


def test_nobody_writes_this_way(client, bearer, release):
    response = client.get(f"{CHECK}/write", headers=bearer)

    assert (response.status_code, response["X-Error-Code"]) == (403, "GatedRepo")
    assert response.json()["gate"] == "read_only"


def test_mallory_is_refused_as_for_a_file(client, mallory, release):
    bearer = bearer_of(mallory)

    for address in (CHECK, f"{CHECK}/write"):
        response = client.get(address, headers=bearer)
        assert (response.status_code, response.json()["gate"]) == (403, "approved")


def test_who_took_the_days_bytes_is_refused(client, ada, bearer, release, settings):
    settings.DOWNLOAD_BYTES_PER_DAY = 1000
    file = freeze(release, {"a": b"a"}).files.get()
    Download.objects.create(user=ada, file=file, spans=[[0, 999]], asked_bytes=1000)

    response = client.get(CHECK, headers=bearer)

    assert (response.status_code, response["X-Error-Code"]) == (403, "GatedRepo")
    assert response.json()["gate"] == "bytes_per_day"


@pytest.mark.parametrize("count", [1, 3])
def test_a_check_costs_as_many_queries_for_everybody(client, ada, release, count, django_assert_num_queries):
    file = freeze(release, {"a": b"a"}).files.get()
    for _ in range(count):
        bearer = bearer_of(ada)
        Download.objects.create(user=ada, file=file, spans=[[0, 0]], asked_bytes=1)
    client.get(CHECK, headers=bearer)

    with django_assert_num_queries(10):
        client.get(CHECK, headers=bearer)
