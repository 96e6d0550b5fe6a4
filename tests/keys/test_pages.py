"""The pages of keys: shown once, revoked with and without htmx, and nobody else's business."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.keys import actions, tokens, views
from portal.keys.models import DEVELOPER_SCOPES, ApiKey, Scope
from tests import cast
from tests.conftest import signed_in

HTMX = {"HX-Request": "true"}


def asked(client, **changes):
    slip = client.get("/keys/new/").context["form"].initial["slip"]
    return {"name": "laptop", "scopes": list(DEVELOPER_SCOPES), "lifetime_days": "", "slip": slip} | changes


def token_in(response):
    found = set(re.findall(r"owk_\w{12}_\w{38}", response.content.decode()))
    assert len(found) <= 1
    return found.pop() if found else None


def test_ada_makes_a_key_and_sees_it_once(as_ada, ada):
    response = as_ada.post("/keys/new/", asked(as_ada))

    token = token_in(response)
    assert tokens.proves(token, against=ApiKey.objects.get().digest)
    assert "no-store" in response["Cache-Control"]
    assert token_in(as_ada.get("/keys/")) is None
    assert token not in str(dict(as_ada.session))


def test_the_new_key_comes_with_snippets_for_the_open_release(as_ada, settings):
    settings.PORTAL_URL = "https://portal.example.org"

    page = as_ada.post("/keys/new/", asked(as_ada)).content.decode()

    assert 'base_url="https://portal.example.org/v1"' in page.replace("&quot;", '"')
    assert "HF_ENDPOINT=https://portal.example.org/hub" in page
    assert "hf download open-weights/tiny" in page


def test_a_form_sent_twice_makes_one_key(as_ada):
    form = asked(as_ada)
    as_ada.post("/keys/new/", form)

    again = as_ada.post("/keys/new/", form, follow=True)

    assert ApiKey.objects.count() == 1
    assert token_in(again) is None
    assert "That form was sent before" in again.content.decode()


def test_a_form_of_somebody_else_makes_nothing(as_ada, as_mallory):
    response = as_mallory.post("/keys/new/", asked(as_ada))

    assert response.status_code == 422
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"name": " "},
        {"name": "x" * 81},
        {"scopes": []},
        {"scopes": ["admin"]},
        {"slip": "1:abc"},
        {"lifetime_days": "9999"},
    ],
)
def test_a_bad_form_is_answered_with_the_form(as_ada, changes):
    response = as_ada.post("/keys/new/", asked(as_ada, **changes))

    assert response.status_code == 422
    assert not ApiKey.objects.exists()


def test_a_key_for_thirty_days_ends_after_thirty_days(as_ada):
    as_ada.post("/keys/new/", asked(as_ada, lifetime_days="30"))

    key = ApiKey.objects.get()
    assert (key.expires_at - key.created_at).days in {29, 30}


def test_an_unverified_person_is_told_the_next_step(db):
    client = signed_in(cast.person("eve@example.org", verified=False))

    response = client.post("/keys/new/", asked(client))

    assert response.status_code == 403
    assert "/accounts/email/" in response.content.decode()


def test_mallory_may_have_a_key_that_opens_nothing_yet(as_mallory):
    response = as_mallory.post("/keys/new/", asked(as_mallory))

    assert token_in(response) is not None
    assert "No model is open to you yet" in response.content.decode()


@pytest.mark.parametrize("path", ["/keys/", "/keys/new/", "/usage/"])
def test_a_stranger_is_asked_to_sign_in(client, db, path):
    response = client.get(path)

    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next={path}"


def test_ada_revokes_a_key_without_a_script(as_ada, laptop):
    path = f"/keys/{laptop.key.public_id}/revoke/"

    question = as_ada.get(path)
    answer = as_ada.post(path, follow=True)

    laptop.key.refresh_from_db()
    assert "Revoke this key?" in question.content.decode()
    assert "is revoked" in answer.content.decode()
    assert laptop.key.status == "revoked"


def test_ada_revokes_a_key_with_htmx(as_ada, laptop):
    path, row_id = f"/keys/{laptop.key.public_id}/revoke/", f'id="key-row-{laptop.key.public_id}"'

    question = as_ada.get(path, headers=HTMX).content.decode()
    kept = as_ada.get(f"/keys/{laptop.key.public_id}/", headers=HTMX).content.decode()
    revoked = as_ada.post(path, headers=HTMX).content.decode()

    assert [page.count(row_id) for page in (question, kept, revoked)] == [1, 1, 1]
    assert "<html" not in question + kept + revoked
    assert "Revoked" in revoked


def test_a_visit_alone_revokes_nothing(as_ada, laptop):
    as_ada.get(f"/keys/{laptop.key.public_id}/revoke/")

    laptop.key.refresh_from_db()
    assert laptop.key.status == "live"


def test_mallory_finds_no_key_of_adas(as_mallory, laptop):
    public_id = laptop.key.public_id

    answers = [
        as_mallory.get(f"/keys/{public_id}/"),
        as_mallory.get(f"/keys/{public_id}/revoke/"),
        as_mallory.post(f"/keys/{public_id}/revoke/"),
        as_mallory.post(f"/keys/{public_id}/revoke/", headers=HTMX),
    ]

    laptop.key.refresh_from_db()
    assert [answer.status_code for answer in answers] == [404, 404, 404, 404]
    assert laptop.key.status == "live"
    assert public_id not in as_mallory.get("/keys/").content.decode()


def test_the_list_costs_the_same_for_one_key_and_three(as_ada, ada, django_assert_max_num_queries):
    as_ada.get("/keys/")  # The first visit writes the session.
    costs = []
    for number in range(3):
        actions.create(ada, name=f"key {number}", scopes=DEVELOPER_SCOPES, by=ada)
        with django_assert_max_num_queries(10) as queries:
            page = as_ada.get("/keys/").content.decode()
        costs.append(len(queries))

    assert page.count('id="key-row-') == 3
    assert costs[0] == costs[2]


def over_keys(user, count, **fields) -> None:
    """Keys that were revoked, each made a minute after the one before."""
    now = timezone.now() - timedelta(days=1)
    for number in range(count):
        at = now + timedelta(minutes=number)
        ApiKey.objects.create(
            user=user,
            name=f"old {number}",
            public_id=f"{number:012}",
            digest="x",
            scopes=[],
            created_at=at,
            revoked_at=at,
            **fields,
        )


def test_long_lists_of_revoked_keys_have_pages_the_newest_first(as_ada, ada, laptop, monkeypatch):
    monkeypatch.setattr(views, "OVER_PAGE_SIZE", 3)
    over_keys(ada, 7)
    address, pages = "/keys/", []

    while address:
        answer = as_ada.get(address)
        pages.append([key.name for key in answer.context["page"]])
        assert [key.name for key in answer.context["keys"]] == ["laptop"]
        following = re.search(r'rel="next"\s+href="([^"]+)#over"', answer.content.decode())
        address = f"/keys/{following[1]}".replace("&amp;", "&") if following else ""
    back = as_ada.get("/keys/", {"before": answer.context["page"].before})

    assert pages == [["old 6", "old 5", "old 4"], ["old 3", "old 2", "old 1"], ["old 0"]]
    assert [key.name for key in back.context["page"]] == pages[1]


def test_a_list_of_revoked_keys_alone_says_that_none_works(as_ada, ada):
    over_keys(ada, 1)

    page = as_ada.get("/keys/").content.decode()

    assert "None of your keys works any more." in page
    assert "old 0" in page


def test_the_list_without_keys_invites_to_make_one(as_ada):
    assert "Make your first key" in as_ada.get("/keys/").content.decode()


def test_staff_read_keys_but_never_digests(admin_client, laptop):
    listed = admin_client.get("/admin/keys/apikey/").content.decode()
    shown = admin_client.get(f"/admin/keys/apikey/{laptop.key.pk}/change/").content.decode()

    assert laptop.key.public_id in listed
    assert laptop.key.public_id in shown
    assert laptop.key.digest not in listed + shown
    assert admin_client.get("/admin/keys/apikey/add/").status_code == 403


def test_a_key_for_the_account_alone_comes_with_the_call_that_it_is_for(as_mallory, settings):
    settings.PORTAL_URL = "https://portal.example.org"

    page = as_mallory.post("/keys/new/", asked(as_mallory, scopes=[Scope.ACCOUNT])).content.decode()

    assert "curl https://portal.example.org/v1/account" in page
    assert "/v1/chat/completions" not in page
    assert "No model is open to you yet" not in page


def test_keys_that_work_come_before_those_that_have_expired(ada, laptop):
    expired = actions.create(ada, name="workshop", scopes=DEVELOPER_SCOPES, by=ada).key
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(days=1))

    assert list(ApiKey.objects.visible_to(ada)) == [laptop.key, expired]


def test_a_revoked_key_has_nothing_left_to_change(as_ada, ada, laptop):
    actions.revoke(laptop.key, by=ada)

    page = as_ada.get(f"/keys/{laptop.key.public_id}/change/").content.decode()

    assert "There is nothing left to change" in page
    assert "Save" not in page


def test_the_question_and_what_comes_after_it_take_the_focus_along(as_ada, laptop):
    path = f"/keys/{laptop.key.public_id}/revoke/"

    kept = as_ada.get(f"/keys/{laptop.key.public_id}/", headers=HTMX).content.decode()
    revoked = as_ada.post(path, headers=HTMX).content.decode()

    assert [page.count(" autofocus") for page in (kept, revoked)] == [1, 1]
    assert " autofocus" not in as_ada.get("/keys/").content.decode()
