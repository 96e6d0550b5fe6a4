"""Keys get another name and note, and are rotated with a time in which both work."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.common.refusals import Refusal
from portal.keys import actions
from portal.keys.authentication import find_key
from portal.keys.models import ApiKey, Scope
from portal.keys.refusals import KeyRefusal
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb


def newest_verb():
    return Entry.objects.order_by("-number")[0].verb


def test_ada_renames_a_key_and_writes_a_note(as_ada, laptop):
    page = as_ada.post(f"/keys/{laptop.key.public_id}/change/", {"name": "desk", "note": "In the vault."})

    laptop.key.refresh_from_db()
    assert page.status_code == 302
    assert (laptop.key.name, laptop.key.note) == ("desk", "In the vault.")
    assert newest_verb() == Verb.KEY_CHANGED
    told = as_ada.get("/keys/").content.decode()
    assert "In the vault." in told
    assert "“desk” is saved." in told


def test_a_change_of_nothing_leaves_no_entry(ada, laptop):
    before = Entry.objects.count()

    assert not actions.change(laptop.key, name="laptop", note="", by=ada)
    assert Entry.objects.count() == before


def test_a_key_without_a_name_is_asked_again(as_ada, laptop):
    page = as_ada.post(f"/keys/{laptop.key.public_id}/change/", {"name": "", "note": "Kept."})

    assert page.status_code == 422
    assert "Kept." in page.content.decode()


def test_both_keys_work_until_the_overlap_is_over(ada, laptop):
    ApiKey.objects.filter(pk=laptop.key.pk).update(note="n", networks=["192.0.2.0/24"])

    made = actions.rotate(laptop.key, overlap=timedelta(hours=1), by=ada)

    soon, later = timezone.now() + timedelta(minutes=59), timezone.now() + timedelta(minutes=61)
    assert find_key(laptop.token, scope=Scope.WEIGHTS, address="192.0.2.7", at=soon).replaced_by == made.key
    with pytest.raises(KeyRefusal, match="expired"):
        find_key(laptop.token, scope=Scope.WEIGHTS, address="192.0.2.7", at=later)
    new = find_key(made.token, scope=Scope.WEIGHTS, address="192.0.2.7", at=later)
    assert (new.name, new.scopes, new.note, new.networks) == (
        "laptop",
        laptop.key.scopes,
        "n",
        ["192.0.2.0/24"],
    )
    assert new.expires_at is None
    assert newest_verb() == Verb.KEY_ROTATED


def test_a_rotated_key_works_as_long_as_the_old_one_was_made_for(ada):
    made = actions.create(
        ada, name="k", scopes=[Scope.WEIGHTS], by=ada, expires_at=timezone.now() + timedelta(days=30)
    )
    ApiKey.objects.filter(pk=made.key.pk).update(
        created_at=timezone.now() - timedelta(days=29), expires_at=timezone.now() + timedelta(days=1)
    )

    new = actions.rotate(made.key, overlap=timedelta(days=7), by=ada).key

    old = ApiKey.objects.get(pk=made.key.pk)
    assert timedelta(days=29) < new.expires_at - timezone.now() <= timedelta(days=30)
    # An overlap never lengthens a key's life.
    assert old.expires_at - timezone.now() <= timedelta(days=1)


def test_a_key_is_rotated_once_and_not_when_it_is_over(ada, laptop):
    actions.rotate(laptop.key, overlap=timedelta(hours=1), by=ada)
    with pytest.raises(Refusal, match="rotated before"):
        actions.rotate(laptop.key, overlap=timedelta(hours=1), by=ada)

    other = actions.create(ada, name="other", scopes=[Scope.WEIGHTS], by=ada)
    actions.revoke(other.key, by=ada)
    with pytest.raises(Refusal, match="is over"):
        actions.rotate(other.key, overlap=timedelta(0), by=ada)


def test_the_last_key_that_one_may_have_can_be_rotated(ada, laptop, settings):
    settings.LIVE_KEYS_PER_USER = 1

    assert actions.rotate(laptop.key, overlap=timedelta(days=1), by=ada)


def test_ada_rotates_on_the_page_and_sees_the_new_key_once(as_ada, laptop):
    page = as_ada.post(f"/keys/{laptop.key.public_id}/rotate/", {"overlap_hours": "24"})

    new = ApiKey.objects.exclude(pk=laptop.key.pk).get()
    assert page.status_code == 200
    assert page.context["token"].startswith(f"owk_{new.public_id}_")
    assert "no-store" in page["Cache-Control"]
    assert "Rotated" in as_ada.get("/keys/").content.decode()


def test_nobody_changes_or_rotates_the_key_of_another(client, mallory, laptop):
    client.force_login(mallory, backend="django.contrib.auth.backends.ModelBackend")

    changed = client.post(f"/keys/{laptop.key.public_id}/change/", {"name": "mine"})
    rotated = client.post(f"/keys/{laptop.key.public_id}/rotate/", {"overlap_hours": "0"})

    assert (changed.status_code, rotated.status_code) == (404, 404)
    assert ApiKey.objects.get().name == "laptop"


def test_a_rotation_sent_twice_says_that_the_new_key_is_there(as_ada, laptop):
    path = f"/keys/{laptop.key.public_id}/rotate/"
    first = as_ada.post(path, {"overlap_hours": "1"}).content.decode()

    again = as_ada.post(path, {"overlap_hours": "1"}, follow=True)

    laptop.key.refresh_from_db()
    new = laptop.key.replaced_by
    told = again.content.decode()
    assert ApiKey.objects.count() == 2
    assert f"<code>{laptop.key.prefix}</code>, goes on until" in first
    assert again.redirect_chain == [("/keys/", 302)]
    assert "That key was rotated before" in told
    assert f"<code>{new.prefix}</code> has taken over" in told
    assert f"{laptop.key.expires_at:%-d %b %Y, %H:%M} UTC" in told


def test_a_key_that_is_rotated_without_an_overlap_is_told_to_have_ended(as_ada, laptop):
    page = as_ada.post(f"/keys/{laptop.key.public_id}/rotate/", {"overlap_hours": "0"})

    assert f"<code>{laptop.key.prefix}</code>, has ended" in page.content.decode()
