"""Sessions and people are found by prepared questions, and behave as Django's own."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Q
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.session_store import SessionStore
from tests import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client) -> User:
    """Signed in."""
    user = cast.person("ada@example.org")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user


def test_who_is_signed_in_stays_so_until_the_session_ends(client, ada):
    assert client.get("/dashboard/").status_code == 200
    assert client.get("/dashboard/").context["user"] == ada

    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert client.get("/dashboard/").status_code == 302


def test_a_deleted_session_and_a_deleted_person_are_nobody(client, ada):
    kept = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert SessionStore(kept).load()["_auth_user_id"] == str(ada.pk)
    ada.delete()
    assert client.get("/dashboard/").status_code == 302

    Session.objects.all().delete()
    store = SessionStore(kept)
    assert store.load() == {}
    assert store.session_key is None


def test_people_are_found_however_one_asks():
    ada = cast.person("ada@example.org")
    assert (
        User.objects.get(pk=ada.pk) == User.objects.get(pk=str(ada.pk)) == User.objects.get(id=ada.pk) == ada
    )
    assert User.objects.get(Q(email="ada@example.org"), pk=ada.pk) == ada
    with pytest.raises(User.DoesNotExist):
        User.objects.get(pk=ada.pk + 1)
