"""Sessions and people are found by prepared questions, and behave as Django's own."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Q
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.session_store import SessionStore

pytestmark = pytest.mark.django_db


def test_who_is_signed_in_stays_so_until_the_session_ends(as_mallory, mallory):
    assert as_mallory.get("/dashboard/").status_code == 200
    assert as_mallory.get("/dashboard/").context["user"] == mallory

    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert as_mallory.get("/dashboard/").status_code == 302


def test_a_deleted_session_and_a_deleted_person_are_nobody(as_mallory, mallory):
    kept = as_mallory.cookies[settings.SESSION_COOKIE_NAME].value
    assert SessionStore(kept).load()["_auth_user_id"] == str(mallory.pk)
    mallory.delete()
    assert as_mallory.get("/dashboard/").status_code == 302

    Session.objects.all().delete()
    store = SessionStore(kept)
    assert store.load() == {}
    assert store.session_key is None


def test_people_are_found_however_one_asks(mallory):
    assert (
        User.objects.get(pk=mallory.pk)
        == User.objects.get(pk=str(mallory.pk))
        == User.objects.get(id=mallory.pk)
        == mallory
    )
    assert User.objects.get(Q(email=mallory.email), pk=mallory.pk) == mallory
    with pytest.raises(User.DoesNotExist):
        User.objects.get(pk=mallory.pk + 1)
