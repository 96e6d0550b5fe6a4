"""Service accounts: a team's keys, which every member administers and which stay when one leaves."""

import re

import pytest

from portal.common.refusals import Refusal
from portal.keys import actions, service_accounts
from portal.keys.models import ApiKey, DailyUsage, Scope, ServiceAccount
from portal.keys.views import OVER_PAGE_SIZE
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from tests import cast
from tests.conftest import signed_in
from tests.keys.test_pages import over_keys

PAGES = ("", "close/")


@pytest.fixture
def grace(release):
    """A colleague of Ada's who is approved as well."""
    return cast.developer("grace@example.org", release)


@pytest.fixture
def bot(ada, grace) -> ServiceAccount:
    """Ada's service account, of which Grace is a member."""
    made = service_accounts.create(ada, name="nightly evaluation", purpose="Scores each checkpoint")
    service_accounts.join(made, user=grace)
    return made


@pytest.fixture
def bots_key(bot, grace):
    """A key that Grace made for it."""
    return actions.create(bot.owner, name="cluster", scopes=[Scope.INFERENCE], by=grace, service_account=bot)


def asked(client, account):
    address = f"/keys/new/?account={account.pk}"
    slip = client.get(address).context["form"].initial["slip"]
    return address, {"name": "cluster", "scopes": ["inference"], "lifetime_days": "", "slip": slip}


def invitation_in(mail):
    return re.search(r"/keys/accounts/join/\S+/", mail.body)[0]


def test_ada_makes_one_and_a_colleague_joins_by_mail(as_ada, grace, post_office):
    as_ada.post("/keys/accounts/new/", {"name": "nightly evaluation", "purpose": ""})
    account = ServiceAccount.objects.get()
    with post_office() as mails:
        as_ada.post(f"/keys/accounts/{account.pk}/invite/", {"email": "Grace@example.org"})
    as_grace = signed_in(grace)
    link = invitation_in(mails[0])

    assert "nightly evaluation" in as_grace.get(link).content.decode()
    as_grace.post(link)

    assert list(account.members.all()) == [grace]
    assert [entry.data for entry in Entry.objects.filter(verb=Verb.SERVICE_ACCOUNT_CHANGED)] == [
        {"joined": "grace@example.org"}
    ]


def test_an_invitation_is_for_its_address_and_for_a_week(as_ada, bot, as_mallory, post_office, monkeypatch):
    with post_office() as mails:
        as_ada.post(f"/keys/accounts/{bot.pk}/invite/", {"email": "somebody@example.org"})
    link = invitation_in(mails[0])

    assert as_mallory.get(link).status_code == 403
    assert as_mallory.post(link).status_code == 403
    assert as_mallory.get(link[:-3] + "x/").status_code == 410
    monkeypatch.setattr(service_accounts, "INVITATION_SECONDS", -1)
    assert as_mallory.get(link).status_code == 410
    assert bot.members.count() == 1


def test_inviting_an_unknown_address_looks_the_same_and_is_bounded(as_ada, bot, monkeypatch):
    monkeypatch.setattr(service_accounts, "INVITED_MAX", 2)
    answers = [
        as_ada.post(f"/keys/accounts/{bot.pk}/invite/", {"email": email}).status_code
        for email in ("grace@example.org", "nobody@example.org", "third@example.org")
    ]

    assert answers == [302, 302, 429]
    assert as_ada.post(f"/keys/accounts/{bot.pk}/invite/", {"email": "x"}).status_code == 422


def test_a_member_makes_sees_changes_rotates_and_revokes_its_keys(ada, bot, grace, post_office):
    as_grace = signed_in(grace)
    address, form = asked(as_grace, bot)
    with post_office() as mails:
        page = as_grace.post(address, form)
    key = ApiKey.objects.get()

    assert key.user == ada
    assert key.service_account == bot
    assert f"owk_{key.public_id}_" in page.content.decode()
    assert mails[0].to == [ada.email]
    assert "grace@example.org" in mails[0].body
    assert Entry.objects.get(verb=Verb.KEY_CREATED).actor_id == grace.pk
    assert "cluster" in as_grace.get("/keys/").content.decode()
    as_grace.post(f"/keys/{key.public_id}/change/", {"name": "cluster 2", "note": "", "networks": ""})
    as_grace.post(f"/keys/{key.public_id}/rotate/", {"overlap_hours": "24"})
    rotated = ApiKey.objects.exclude(pk=key.pk).get()
    assert (rotated.name, rotated.user, rotated.service_account) == ("cluster 2", ada, bot)
    as_grace.post(f"/keys/{rotated.public_id}/revoke/")
    rotated.refresh_from_db()
    assert rotated.status == "revoked"


def test_a_member_sees_its_usage_and_not_the_owners_own(ada, bots_key, grace, release, laptop):
    for key, count in ((bots_key.key, 7), (laptop.key, 11)):
        DailyUsage.objects.create(key=key, release=release, day="2026-01-02", requests_count=count)

    assert [row.requests_count for row in DailyUsage.objects.visible_to(grace)] == [7]
    assert DailyUsage.objects.visible_to(ada).count() == 2
    assert laptop.key.name not in signed_in(grace).get("/keys/").content.decode()


def test_keys_stay_when_the_member_who_made_them_leaves(bot, bots_key, grace):
    as_grace = signed_in(grace)

    as_grace.post(f"/keys/accounts/{bot.pk}/members/{grace.pk}/remove/")

    bots_key.key.refresh_from_db()
    assert bots_key.key.is_live
    assert as_grace.get(f"/keys/accounts/{bot.pk}/").status_code == 404
    assert as_grace.post(f"/keys/{bots_key.key.public_id}/revoke/").status_code == 404


def test_the_owner_sees_which_keys_a_member_made_before_removing_them(ada, bot, bots_key, grace, as_ada):
    adas = actions.create(ada, name="mine", scopes=[Scope.INFERENCE], by=ada, service_account=bot).key
    over = actions.create(ada, name="over", scopes=[Scope.INFERENCE], by=grace, service_account=bot).key
    actions.create(grace, name="her own", scopes=[Scope.INFERENCE], by=grace)
    actions.revoke(over, by=grace)
    page = f"/keys/accounts/{bot.pk}/members/{grace.pk}/remove/"

    told = as_ada.get(page).content.decode()

    assert service_accounts.keys_made_by(bot, grace) == [bots_key.key]
    assert f"/keys/{bots_key.key.public_id}/change/" in told
    assert adas.public_id not in told
    assert list(bot.members.all()) == [grace]
    as_ada.post(page)
    assert not bot.members.exists()


def test_the_owner_hands_over_and_the_keys_gates_ask_about_the_next(ada, bot, bots_key, grace, as_ada):
    page = f"/keys/accounts/{bot.pk}/members/{grace.pk}/owner/"
    assert "Hand it over?" in as_ada.get(page).content.decode()

    as_ada.post(page)

    bot.refresh_from_db()
    bots_key.key.refresh_from_db()
    assert bot.owner == bots_key.key.user == grace
    assert list(bot.members.all()) == [ada]


def test_who_is_made_the_owner_is_told_by_mail(ada, bot, grace, post_office):
    with post_office() as mails:
        service_accounts.hand_over(bot, to=grace, by=ada)

    assert [mail.to for mail in mails] == [[grace.email]]
    assert f"/keys/accounts/{bot.pk}/" in mails[0].body
    assert ada.email in mails[0].body


def test_closing_revokes_its_keys_and_no_others(
    bot, bots_key, laptop, as_ada, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks() as told:
        as_ada.post(f"/keys/accounts/{bot.pk}/close/")

    bots_key.key.refresh_from_db()
    laptop.key.refresh_from_db()
    assert bots_key.key.status == "revoked"
    assert laptop.key.is_live
    assert len(told) == 1
    assert as_ada.get(f"/keys/accounts/{bot.pk}/").status_code == 404
    assert Entry.objects.get(verb=Verb.SERVICE_ACCOUNT_CLOSED).data == {"keys_revoked": 1}


def test_a_member_cannot_do_what_is_the_owners(bot, grace, ada):
    as_grace = signed_in(grace)
    base = f"/keys/accounts/{bot.pk}"

    assert as_grace.post(f"{base}/close/").status_code == 403
    assert as_grace.post(f"{base}/invite/", {"email": "x@example.org"}).status_code == 403
    assert as_grace.post(f"{base}/members/{grace.pk}/owner/").status_code == 403
    bot.refresh_from_db()
    assert bot.closed_at is None
    assert bot.owner == ada


def test_outsiders_find_nothing(bot, bots_key, as_mallory, client):
    base = f"/keys/accounts/{bot.pk}/"
    member = bot.members.get().pk

    assert {as_mallory.get(base + page).status_code for page in PAGES} == {404}
    assert as_mallory.post(f"{base}members/{member}/remove/").status_code == 404
    assert as_mallory.get(f"/keys/new/?account={bot.pk}").status_code == 404
    assert as_mallory.get("/keys/new/?account=x").status_code == 404
    assert as_mallory.get(f"/keys/{bots_key.key.public_id}/change/").status_code == 404
    assert client.get(base).status_code == 302


def test_who_may_have_no_key_may_have_no_service_account(mallory):
    mallory.is_active = False
    mallory.save()
    with pytest.raises(Refusal, match="deactivated account"):
        service_accounts.create(mallory, name="bot")


@pytest.mark.parametrize("count", [1, 30])
def test_a_page_has_its_revoked_keys_in_pages(
    *, as_ada, ada, bot, bots_key, count, django_assert_num_queries
):
    over_keys(ada, count, service_account=bot)
    as_ada.get(f"/keys/accounts/{bot.pk}/")

    with django_assert_num_queries(6):
        answer = as_ada.get(f"/keys/accounts/{bot.pk}/")

    assert [key.pk for key in answer.context["keys"]] == [bots_key.key.pk]
    assert len(answer.context["page"].object_list) == min(count, OVER_PAGE_SIZE)
    assert bool(answer.context["page"].after) == (count > OVER_PAGE_SIZE)


def test_the_list_has_constant_queries(as_ada, ada, django_assert_max_num_queries):
    for number in range(5):
        service_accounts.create(ada, name=f"bot {number}")
    with django_assert_max_num_queries(4):
        page = as_ada.get("/keys/accounts/")
    assert "bot 4" in page.content.decode()
