"""Publishing on a day: fixed from then on, in force from its time, and taken off it until then."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from portal.common.refusals import Refusal
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.licensing import actions
from portal.licensing.models import LicenceVersion
from tests import cast


@pytest.fixture
def licence(db):
    return cast.licence("mild")


@pytest.fixture
def day():
    return timezone.now() + timedelta(days=10)


@pytest.fixture
def scheduled(licence, publish, day):
    return publish(licence, "2.0", at=day, grace_days=7)


def test_it_is_in_force_from_its_time_and_not_before(licence, scheduled, day):
    assert licence.current_version().number == "1.0"
    assert licence.current_version(at=day - timedelta(seconds=1)).number == "1.0"
    assert licence.current_version(at=day) == scheduled
    assert list(licence.versions.scheduled()) == [scheduled]


def test_the_ledger_has_the_day(licence, scheduled, day):
    entry = Entry.objects.get(verb=Verb.LICENCE_VERSION_SCHEDULED)

    assert entry.data["number"] == "2.0"
    assert entry.data["published_at"].startswith(day.strftime("%Y-%m-%dT%H:%M"))
    assert not Entry.objects.filter(verb=Verb.LICENCE_VERSION_PUBLISHED, subject_id=scheduled.pk).exists()


def test_nothing_of_it_changes_once_its_day_is_set(licence, scheduled):
    for attempt in (
        lambda: actions.draft_version(licence, number="2.0", text="Be evil."),
        lambda: actions.publish_version(scheduled, by=None),
        lambda: actions.discard_draft(scheduled),
    ):
        with pytest.raises(actions.NotADraft, match="Take it off its day first"):
            attempt()


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Be evil."},
        {"use_limits": ["Everything."]},
        {"published_at": None, "scheduled_at": None, "grace_ends_at": None, "text": "Be evil."},
        {"published_at": None, "scheduled_at": None, "grace_ends_at": None, "grace_days": 0},
        {"published_at": None, "grace_ends_at": None},
        {"published_at": "2020-01-01T00:00Z"},
    ],
)
def test_the_database_refuses_to_change_a_scheduled_version(scheduled, change):
    with pytest.raises(DatabaseError, match="cannot change"), transaction.atomic():
        LicenceVersion.objects.filter(pk=scheduled.pk).update(**change)


def test_the_database_refuses_to_delete_a_scheduled_version(scheduled):
    with pytest.raises(DatabaseError, match="cannot change"), transaction.atomic():
        scheduled.delete()


def test_it_is_taken_off_its_day_and_is_a_draft_again(licence, scheduled, rosa):
    actions.unschedule_version(scheduled, by=rosa)

    again = actions.draft_version(licence, number="2.0", text="Better.")
    assert (again.pk, again.published_at, again.grace_ends_at) == (scheduled.pk, None, None)
    entry = Entry.objects.get(verb=Verb.LICENCE_VERSION_UNSCHEDULED)
    assert (entry.actor_label, entry.data["number"]) == ("rosa@example.org", "2.0")


def test_what_is_in_force_or_a_draft_cannot_be_taken_off_a_day(licence):
    with pytest.raises(actions.NotADraft, match="is in force"):
        actions.unschedule_version(licence.current_version(), by=None)
    with pytest.raises(Refusal, match="no day"):
        actions.unschedule_version(actions.draft_version(licence, number="3.0", text="New."), by=None)


@pytest.mark.parametrize("away", [timedelta(0), timedelta(days=-1), timedelta(days=367)])
def test_a_day_that_has_passed_or_is_far_off_is_refused(licence, publish, away):
    with pytest.raises(Refusal, match="within a year"):
        publish(licence, "2.0", at=timezone.now() + away)


def test_the_same_licence_as_will_be_in_force_then_is_refused(licence, scheduled, publish, day):
    with pytest.raises(Refusal, match="which will be in force"):
        publish(licence, "2.1", text=scheduled.text, at=day + timedelta(days=1))


def test_grace_ends_at_the_midnight_after_its_last_day(scheduled, day):
    midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)

    assert scheduled.grace_ends_at == midnight + timedelta(days=8)


def test_an_editorial_change_has_no_grace(licence, publish):
    assert publish(licence, "2.0", reacceptance="nobody", grace_days=7).grace_ends_at is None


def test_it_cannot_be_accepted_before_its_time(licence, scheduled, mallory):
    with pytest.raises(actions.NewerVersion):
        actions.accept(licence, by=mallory, sha256=scheduled.sha256)


def test_everybody_reads_it_before_its_time_and_when_it_comes(client, licence, scheduled):
    page = client.get("/licences/mild/2.0/").content.decode()
    licence_page = client.get("/licences/mild/").content.decode()

    assert "This version comes into force on" in page
    assert '<a href="/licences/mild/2.0/">Version 2.0</a> comes into force on' in licence_page
    assert "Licence 1.0" in licence_page
    assert client.get("/licences/mild/2.0.json").json()["is_published"] is False


def test_a_version_named_for_acceptances_must_have_been_in_force(licence, scheduled, publish):
    other = cast.licence("other").current_version()
    for named in (None, scheduled, other):
        with pytest.raises(Refusal, match="Choose the published version"):
            publish(licence, "3.0", reacceptance="before", reacceptance_before=named)
