"""Keys that work only from some networks, or only for some releases."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.keys import actions
from portal.keys.authentication import find_key
from portal.keys.models import ApiKey, Scope
from portal.keys.refusals import KeyRefusal
from portal.keys.restrictions import network_named, require_network, require_release
from portal.ledger.models import Entry
from tests import cast


def limited_to(networks):
    return ApiKey(public_id="abc", networks=[network_named(network) for network in networks])


@pytest.mark.parametrize(
    ("networks", "address"),
    [
        ([], ""),
        ([], "198.51.100.1"),
        (["203.0.113.0/24"], "203.0.113.255"),
        (["203.0.113.0/24"], "::ffff:203.0.113.9"),
        (["198.51.100.7", "2001:db8::/32"], "2001:db8:1::1"),
        (["0.0.0.0/0"], "8.8.8.8"),
    ],
)
def test_a_key_works_from_its_networks(networks, address):
    require_network(limited_to(networks), address)


@pytest.mark.parametrize(
    ("networks", "address"),
    [
        (["203.0.113.0/24"], "203.0.114.0"),
        (["203.0.113.0/24"], ""),
        (["203.0.113.0/24"], "not an address"),
        (["203.0.113.0/24"], "2001:db8::1"),
        (["0.0.0.0/0"], "2001:db8::1"),
        (["198.51.100.7"], "198.51.100.8"),
    ],
)
def test_a_key_is_refused_from_elsewhere(networks, address):
    with pytest.raises(KeyRefusal) as refused:
        require_network(limited_to(networks), address)

    assert (refused.value.code, refused.value.status) == ("network_not_allowed", 403)
    assert refused.value.remedy == "/keys/abc/change/"


@pytest.mark.parametrize("text", ["", "203.0.113.0/33", "example.org", "203.0.113", "1.2.3.4/24/8", "::/129"])
def test_what_is_no_network_is_told(text):
    with pytest.raises(ValueError, match=r"does not appear|nexpected|not permitted|Only one"):
        network_named(text)


def test_the_lookup_of_a_key_asks_for_the_network(ada):
    made = actions.create(ada, name="ci", scopes=[Scope.WEIGHTS], by=ada, networks=["203.0.113.0/24"])

    assert find_key(made.token, scope=Scope.WEIGHTS, address="203.0.113.5") == made.key
    with pytest.raises(KeyRefusal, match=r"may not be used from 198\.51\.100\.1"):
        find_key(made.token, scope=Scope.WEIGHTS, address="198.51.100.1")
    with pytest.raises(KeyRefusal, match="an unknown address"):
        find_key(made.token, scope=Scope.WEIGHTS)


def test_a_key_for_one_release_is_refused_for_another(ada, release):
    other = cast.release(slug="other")
    made = actions.create(ada, name="ci", scopes=[Scope.WEIGHTS], by=ada, releases=[release])

    require_release(made.key, release)
    with pytest.raises(KeyRefusal, match="was not made for") as refused:
        require_release(made.key, other)

    assert (refused.value.code, refused.value.status) == ("release_not_allowed", 403)


def test_a_limit_outlives_the_last_release_that_it_names(ada, release):
    made = actions.create(ada, name="ci", scopes=[Scope.WEIGHTS], by=ada, releases=[release])

    made.key.releases.clear()

    with pytest.raises(KeyRefusal):
        require_release(ApiKey.objects.get(), release)


def test_a_rotated_key_keeps_its_limits(ada, release):
    limits = {"networks": ["203.0.113.0/24"], "releases": [release], "note": "In the vault."}
    old = actions.create(ada, name="ci", scopes=[Scope.WEIGHTS], by=ada, **limits)

    new = actions.rotate(old.key, overlap=timedelta(0), by=ada).key

    new.refresh_from_db()
    assert (new.networks, new.note) == (["203.0.113.0/24"], "In the vault.")
    assert new.is_limited_to_releases
    assert list(new.releases.all()) == [release]


def test_ada_limits_a_key_in_the_form_and_sees_it_in_the_list(as_ada, ada, release):
    slip = as_ada.get("/keys/new/").context["form"]["slip"].value()
    facts = {
        "name": "ci",
        "scopes": ["inference"],
        "slip": slip,
        "note": "Runner 7",
        "releases": [release.pk],
        "networks": "203.0.113.9/24\n2001:db8::1, 203.0.113.0/24",
    }

    page = as_ada.post("/keys/new/", facts)

    key = ApiKey.objects.get()
    assert page.status_code == 200
    assert key.networks == ["203.0.113.0/24", "2001:db8::1/128"]
    assert list(key.releases.all()) == [release]
    assert key.note == "Runner 7"
    shown = as_ada.get("/keys/").content.decode()
    assert f"Only for {release.name}" in shown
    assert "Only from 203.0.113.0/24, 2001:db8::1/128" in shown
    assert Entry.objects.order_by("-number")[0].data["releases"] == [release.slug]


def test_a_wrong_network_is_told_and_nothing_typed_is_lost(as_ada, laptop):
    address = f"/keys/{laptop.key.public_id}/change/"

    page = as_ada.post(address, {"name": "desk", "note": "", "networks": "10.0.0.0/8\nmy office"})

    shown = page.content.decode()
    assert page.status_code == 422
    assert "“my” is no network" in shown
    assert "10.0.0.0/8\nmy office" in shown
    laptop.key.refresh_from_db()
    assert (laptop.key.name, laptop.key.networks) == ("laptop", [])


def test_a_form_cannot_name_a_release_that_is_not_open(as_ada, laptop, release):
    hidden = cast.release(slug="hidden", status="draft")
    address = f"/keys/{laptop.key.public_id}/change/"

    page = as_ada.post(address, {"name": "laptop", "releases": [hidden.pk]})

    assert page.status_code == 422
    assert hidden.name not in page.content.decode()


def test_a_new_name_opens_nothing_for_a_key_whose_models_are_gone(as_ada, ada, release):
    gone = cast.release(slug="gone")
    made = actions.create(ada, name="ci", scopes=[Scope.INFERENCE], by=ada, releases=[gone])
    gone.delete()
    address = f"/keys/{made.key.public_id}/change/"

    page = as_ada.get(address).content.decode()
    as_ada.post(address, {"name": "nightly", "note": "", "networks": ""})

    key = ApiKey.objects.get()
    assert "are gone, so it opens none" in page
    assert (key.name, key.is_limited_to_releases, key.releases.count()) == ("nightly", True, 0)
    with pytest.raises(KeyRefusal) as refused:
        require_release(key, release)
    assert refused.value.remedy == address

    as_ada.post(address, {"name": "nightly", "note": "", "networks": "", "releases": [release.pk]})

    assert list(ApiKey.objects.get().releases.all()) == [release]


def test_ada_widens_a_key_again(as_ada, ada, release):
    made = actions.create(
        ada, name="ci", scopes=[Scope.WEIGHTS], by=ada, releases=[release], networks=["::/0"]
    )

    as_ada.post(f"/keys/{made.key.public_id}/change/", {"name": "ci", "note": "", "networks": ""})

    key = ApiKey.objects.get()
    assert (key.networks, key.is_limited_to_releases, key.releases.count()) == ([], False, 0)


def test_a_key_that_nobody_uses_is_flagged(as_ada, laptop):
    assert "Unused" not in as_ada.get("/keys/").content.decode()

    ApiKey.objects.update(created_at=timezone.now() - timedelta(days=91))
    assert "Unused: revoke it?" in as_ada.get("/keys/").content.decode()

    ApiKey.objects.update(last_used_at=timezone.now(), last_used_address="203.0.113.5", last_used_client="hf")
    shown = as_ada.get("/keys/").content.decode()
    assert "Unused" not in shown
    assert "from 203.0.113.5" in shown


def test_the_list_asks_as_often_for_many_keys_as_for_one(as_ada, ada, release, django_assert_num_queries):
    def make():
        actions.create(ada, name="k", scopes=[Scope.WEIGHTS], by=ada, releases=[release])

    make()
    as_ada.get("/keys/")
    with django_assert_num_queries(5) as few:
        as_ada.get("/keys/")
    for _ in range(8):
        make()
    with django_assert_num_queries(len(few)):
        as_ada.get("/keys/")


def test_the_owner_is_mailed_of_a_new_key_and_the_key_is_not_in_it(ada, post_office):
    with post_office() as mails:
        made = actions.create(ada, name="ci", scopes=[Scope.WEIGHTS], by=ada, address="203.0.113.5")

    assert [mail.to for mail in mails] == [[ada.email]]
    assert mails[0].subject == "A new API key: ci"
    for text in (mails[0].body, mails[0].alternatives[0].content):
        assert "203.0.113.5" in text
        assert made.key.prefix in text
        assert made.token not in text
