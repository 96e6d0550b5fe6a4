"""Accepting a licence: who, which text, when and from where; once; and again after a new version."""

import threading

import pytest
from django.core import mail
from django.db import DatabaseError, connection, transaction

from portal.celery import app
from portal.common.refusals import Refusal
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.licensing import actions
from portal.licensing.models import Acceptance
from tests import cast
from tests.conftest import signed_in


@pytest.fixture
def licence(db):
    return cast.licence()


@pytest.fixture
def page(licence):
    return licence.get_absolute_url()


@pytest.fixture
def mail_at_once():
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def agreed(licence, **changes):
    return {"sha256": licence.current_version().sha256, "agree": "on"} | changes


def entries(verb):
    return list(Entry.objects.filter(verb=verb).values_list("actor_label", "data", "address"))


def test_mallory_accepts_and_it_is_recorded(as_mallory, mallory, licence, page):
    sha256 = licence.current_version().sha256

    response = as_mallory.post(page, agreed(licence), headers={"User-Agent": "Mosaic/1.0"}, follow=True)

    acceptance = Acceptance.objects.get()
    assert (acceptance.user, acceptance.sha256) == (mallory, sha256)
    assert (acceptance.address, acceptance.client) == ("127.0.0.1", "Mosaic/1.0")
    facts = {"licence": licence.slug, "number": "1.0", "sha256": sha256, "receipt": acceptance.reference}
    assert entries(Verb.LICENCE_ACCEPTED) == [("mallory@example.org", facts, "127.0.0.1")]
    assert "You accepted version 1.0 on" in response.content.decode()


def test_mallory_gets_a_receipt_after_the_commit(
    as_mallory, licence, page, mail_at_once, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        as_mallory.post(page, agreed(licence))

    assert [message.to for message in mail.outbox] == [["mallory@example.org"]]
    assert licence.current_version().sha256 in mail.outbox[0].body
    assert "/1.0/" in mail.outbox[0].body
    assert Acceptance.objects.get().get_absolute_url() in mail.outbox[0].body


def test_mallory_submits_twice_and_accepts_once(as_mallory, licence, page):
    form = agreed(licence)
    as_mallory.post(page, form)

    again = as_mallory.post(page, form, follow=True)

    assert again.status_code == 200
    assert Acceptance.objects.count() == 1
    assert len(entries(Verb.LICENCE_ACCEPTED)) == 1


def test_mallory_leaves_the_box_unticked_and_accepts_nothing(as_mallory, licence, page):
    response = as_mallory.post(page, {"sha256": licence.current_version().sha256})

    assert response.status_code == 422
    assert "Tick the box to say that you agree" in response.content.decode()
    assert not Acceptance.objects.exists()


def test_the_box_is_never_ticked_for_anybody(as_mallory, licence, page):
    form = as_mallory.get(page).context["form"]

    assert "checked" not in str(form["agree"])


def test_mallory_reads_the_old_text_and_is_asked_about_the_new_one(as_mallory, licence, page):
    old = agreed(licence)
    cast.publish(licence, "2.0", "# Licence 2.0\n\nYou may use it on Mondays.")

    response = as_mallory.post(page, old)

    content = response.content.decode()
    assert response.status_code == 409
    assert "A newer version was published while you were reading" in content
    assert "on Mondays" in content
    assert response.context["form"].initial["sha256"] == licence.current_version().sha256
    assert not Acceptance.objects.exists()


def test_a_new_version_asks_ada_again(as_ada, release):
    page = release.licence.get_absolute_url()
    assert b"You accepted version 1.0" in as_ada.get(page).content

    cast.publish(release.licence, "2.0", "# Licence 2.0\n\nNew.")
    content = as_ada.get(page).content

    assert b"You accepted version 1.0, which does not count any more." in content
    assert b"Accept version 2.0" in content
    assert b'href="/licences/licence-of-tiny/2.0/changes/?against=1.0"' in content


def test_a_stranger_is_sent_to_sign_in_and_back(client, licence, page):
    response = client.post(page, agreed(licence))

    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next={page}"
    assert not Acceptance.objects.exists()


def test_an_unverified_person_is_told_to_verify(licence, page):
    vera = cast.person("vera@example.org", verified=False)
    browser = signed_in(vera)

    response = browser.post(page, agreed(licence))

    assert b"Verify your e-mail address first" in browser.get(page).content
    assert response.status_code == 403
    assert b"Verify your e-mail address first" in response.content
    assert not Acceptance.objects.exists()


@pytest.mark.parametrize("onward", ["/releases/tiny/", "/playground/?release=tiny"])
def test_mallory_is_led_on_to_where_she_came_from(as_mallory, licence, page, onward):
    response = as_mallory.post(page, agreed(licence, next=onward), follow=True)

    assert f'href="{onward}"' in response.content.decode()


@pytest.mark.parametrize(
    "onward", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_a_link_cannot_lead_mallory_to_another_site(as_mallory, licence, page, onward):
    response = as_mallory.post(page, agreed(licence, next=onward), follow=True)

    assert "evil.example" not in response.content.decode()
    assert "javascript:" not in response.content.decode()


def test_an_inactive_person_cannot_accept(licence):
    ina = cast.person("ina@example.org")
    ina.is_active = False
    ina.save()

    with pytest.raises(Refusal, match="deactivated"):
        actions.accept(licence, by=ina, sha256=licence.current_version().sha256)


@pytest.mark.django_db(transaction=True)
def test_ten_submits_at_once_accept_once():
    licence, mallory = cast.licence(), cast.person("mallory@example.org")
    sha256 = licence.current_version().sha256
    start = threading.Barrier(10)
    failures = []

    def submit():
        start.wait()
        try:
            actions.accept(licence, by=mallory, sha256=sha256)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=submit) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert Acceptance.objects.count() == 1
    assert Entry.objects.filter(verb=Verb.LICENCE_ACCEPTED).count() == 1


def test_an_acceptance_cannot_be_changed_in_the_database(licence, mallory):
    acceptance = actions.accept(licence, by=mallory, sha256=licence.current_version().sha256)

    with pytest.raises(DatabaseError, match="cannot change"), transaction.atomic():
        Acceptance.objects.filter(pk=acceptance.pk).update(sha256="0" * 64)
