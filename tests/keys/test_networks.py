"""The first use of a key from a new network is told to its owner, by whichever door it comes."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.keys import actions, networks, usage
from portal.keys.authentication import find_key
from portal.keys.models import ApiKey, KeyNetwork, Scope
from portal.keys.networks import MAILS_A_DAY, Use
from tests.keys.test_usage import meter, stream  # noqa: F401


@pytest.fixture
def key(ada):
    """A key that was made in 203.0.113.0/24."""
    return actions.create(ada, name="ci", scopes=[Scope.WEIGHTS], by=ada, address="203.0.113.5")


def use(key, address, client="hf_hub/2.4.0"):
    return Use(key.pk, timezone.now(), address, client)


def test_the_network_in_which_a_key_was_made_is_no_news(key, post_office):
    with post_office() as mails:
        networks.note([use(key.key, "203.0.113.200"), use(key.key, ""), use(key.key, "nowhere")])

    assert mails == []


def test_a_new_network_is_told_once(key, ada, post_office):
    with post_office() as mails:
        networks.note([use(key.key, "198.51.100.7"), use(key.key, "198.51.100.8")])
        networks.note([use(key.key, "198.51.100.9")])

    assert [mail.to for mail in mails] == [[ada.email]]
    for text in (mails[0].body, mails[0].alternatives[0].content):
        assert "198.51.100.8" in text
        assert "hf_hub/2.4.0" in text
        assert f"/keys/{key.key.public_id}/change/" in text


def test_a_key_that_comes_from_everywhere_writes_few_mails(key, post_office):
    with post_office() as mails:
        networks.note([use(key.key, f"198.51.{number}.1") for number in range(30)])

    assert 0 < len(mails) < MAILS_A_DAY
    assert KeyNetwork.objects.count() == 31


def test_a_rotated_key_knows_the_networks_of_the_old_one(key, ada, post_office):
    new = actions.rotate(key.key, overlap=timedelta(0), by=ada).key

    with post_office() as mails:
        networks.note([use(new, "203.0.113.77")])

    assert mails == []


def test_a_use_at_the_hub_from_elsewhere_is_told_by_a_worker(key, post_office):
    with post_office() as mails:
        for address in ("203.0.113.6", "198.51.100.7", "198.51.100.8"):
            find_key(key.token, scope=Scope.WEIGHTS, address=address, client="curl/8.0")

    assert [mail.subject for mail in mails] == ["Your API key “ci” was used from a new network"]
    found = ApiKey.objects.get()
    assert (found.last_used_address, found.last_used_client) == ("198.51.100.7", "curl/8.0")


def test_a_use_at_the_gateway_from_elsewhere_is_told_when_usage_is_written(
    key,
    stream,  # noqa: F811
    release,
    post_office,
):
    with post_office() as mails:
        for address in ("203.0.113.6", "2001:db8:5::1", "203.0.113.7"):
            meter(stream, key.key, release, address=address, client="OpenAI/Python")
        usage.record_new()

    assert len(mails) == 1
    assert "2001:db8:5::1" in mails[0].body


def test_known_networks_cost_one_query_however_many_keys(key, ada, django_assert_num_queries):
    made = [
        key,
        *(
            actions.create(ada, name="k", scopes=[Scope.WEIGHTS], by=ada, address="203.0.113.5")
            for _ in range(5)
        ),
    ]

    with django_assert_num_queries(1):
        networks.note([use(one.key, "203.0.113.9") for one in made])
    with django_assert_num_queries(0):
        networks.note([])
