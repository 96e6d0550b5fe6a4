"""Mails about versions: once to each, in batches, and reminders that stop when somebody accepts."""

from datetime import timedelta

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from portal.licensing import actions, telling
from portal.licensing.models import Notice
from portal.licensing.models.notices import ATTEMPTS_MAX, CLAIM_LASTS
from portal.licensing.tasks import remind_of_grace, send_notices
from tests import cast


@pytest.fixture
def licence(db):
    return cast.licence("mild")


@pytest.fixture
def holders(licence):
    """Three people who accepted version 1.0, and one of them whose account is closed."""
    people = [cast.person(f"{name}@example.org", name=name.title()) for name in ("ada", "ben", "gone")]
    for person in people:
        actions.accept(licence, by=person, sha256=licence.current_version().sha256)
    people[2].is_active = False
    people[2].save()
    return people


def told(mails):
    return sorted((one.to[0], one.subject) for one in mails)


def test_holders_are_told_of_a_version_once(licence, holders, publish, post_office, mallory):
    with post_office() as mails:
        publish(licence, "2.0", changes="Two words.", grace_days=7)
    with post_office() as mails:
        send_notices()

    subject = "Open Weights Licence 2.0 is in force"
    assert told(mails) == [("ada@example.org", subject), ("ben@example.org", subject)]
    assert "Two words." in mails[0].body
    assert "Please accept the version in force by" in mails[0].body
    assert "/licences/mild/2.0/changes/" in mails[0].body


def test_the_mail_says_that_the_releases_are_closed(licence, holders, publish, post_office):
    with post_office() as mails:
        publish(licence, "2.0")

    assert ["Your acceptance does not count any more" in one.body for one in mails] == [True, True]


def test_the_mail_about_an_editorial_change_asks_for_nothing(licence, holders, publish, post_office):
    with post_office() as mails:
        publish(licence, "2.0", reacceptance="nobody")

    assert ["You need do nothing" in one.body for one in mails] == [True, True]


def test_holders_are_told_of_a_day_and_that_it_is_off_and_of_another(licence, holders, publish, post_office):
    first_day = timezone.now() + timedelta(days=10)
    with post_office() as mails:
        version = publish(licence, "2.0", at=first_day)
    with post_office() as mails:
        actions.unschedule_version(version, by=None)
    with post_office() as mails:
        actions.publish_version(version, by=None, at=first_day + timedelta(days=5))

    days = [f"{first_day + timedelta(days=more):%-d %B %Y}" for more in (0, 5)]
    assert [one.subject for one in mails if one.to == ["ada@example.org"]] == [
        f"Open Weights Licence 2.0 comes into force on {days[0]}",
        f"Open Weights Licence 2.0 does not come into force on {days[0]}",
        f"Open Weights Licence 2.0 comes into force on {days[1]}",
    ]


def test_who_was_not_told_of_the_day_is_not_told_that_it_is_off(licence, holders, publish, post_office):
    version = publish(licence, "2.0", at=timezone.now() + timedelta(days=10))
    with post_office() as mails:
        actions.unschedule_version(version, by=None)

    assert mails == []
    assert not Notice.objects.exists()


def test_mails_go_out_in_batches_and_none_twice(licence, holders, publish, post_office):
    publish(licence, "2.0")

    batches = [telling.claim_batch(size=1) for _ in range(3)]
    with post_office() as mails:
        for (notice_id,) in [*batches[:2], *batches[:2]]:
            telling.deliver(notice_id)

    assert [len(batch) for batch in batches] == [1, 1, 0]
    assert [one.to[0] for one in mails] == ["ada@example.org", "ben@example.org"]


def test_a_mail_whose_worker_was_killed_before_it_handed_it_over_is_sent_once_later(
    licence, holders, publish, post_office
):
    publish(licence, "2.0")
    telling.claim_batch()

    with post_office() as mails:
        send_notices()
    while_claimed = len(mails)
    Notice.objects.update(claimed_at=timezone.now() - CLAIM_LASTS - timedelta(seconds=1))
    for _ in range(2):
        with post_office() as mails:
            send_notices()

    assert while_claimed == 0
    assert [one.to[0] for one in mails] == ["ada@example.org", "ben@example.org"]


def test_a_mail_that_the_provider_does_not_take_waits_and_is_given_up_in_the_end(
    licence, holders, publish, settings, mailoutbox
):
    publish(licence, "2.0")
    (first, _) = telling.claim_batch()
    settings.EMAIL_BACKEND = "tests.licensing.test_telling.Away"

    with pytest.raises(ConnectionRefusedError):
        telling.deliver(first)

    notice = Notice.objects.get(pk=first)
    assert (notice.sent_at, notice.attempts) == (None, 1)
    later = timezone.now() + CLAIM_LASTS + timedelta(seconds=1)
    assert first in Notice.objects.waiting(at=later).values_list("pk", flat=True)
    Notice.objects.update(attempts=ATTEMPTS_MAX)
    assert not Notice.objects.waiting(at=later).exists()


class Away(BaseEmailBackend):
    """A mail provider that is away."""

    def send_messages(self, email_messages):
        """Refuse the connection."""
        raise ConnectionRefusedError


def test_reminders_come_a_week_and_a_day_before_each_once(licence, holders, publish, post_office):
    version = publish(licence, "2.0", grace_days=20)
    Notice.objects.update(sent_at=timezone.now())
    ends_at = version.grace_ends_at

    sent = []
    for before in (
        timedelta(days=8),
        timedelta(days=7),
        timedelta(days=3),
        timedelta(hours=24),
        timedelta(0),
    ):
        new_count = telling.remind(at=ends_at - before)
        assert telling.remind(at=ends_at - before) == 0
        sent.append(new_count)
    with post_office() as mails:
        send_notices()

    assert sent == [0, 2, 0, 2, 0]
    last_day = f"{ends_at - timedelta(seconds=1):%-d %B %Y}"
    assert {one.subject for one in mails} == {f"Accept Open Weights Licence 2.0 by {last_day}"}
    assert len(mails) == 4


def test_who_has_accepted_is_not_reminded(licence, holders, publish, post_office):
    version = publish(licence, "2.0", grace_days=20)
    Notice.objects.update(sent_at=timezone.now())
    telling.remind(at=version.grace_ends_at - timedelta(days=5))
    actions.accept(licence, by=holders[0], sha256=version.sha256)

    with post_office() as mails:
        send_notices()

    assert [one.to[0] for one in mails if one.subject.startswith("Accept")] == ["ben@example.org"]
    assert telling.remind(at=version.grace_ends_at - timedelta(hours=5)) == 1


def test_the_mail_about_a_day_without_grace_says_when_the_releases_close(
    licence, holders, publish, post_office
):
    day = timezone.now() + timedelta(days=3)

    with post_office() as mails:
        publish(licence, "2.0", at=day)

    sentence = "From then on the releases under this licence are closed to you until you accept this version."
    assert [sentence in one.body for one in mails] == [True, True]


def test_an_older_versions_earlier_day_is_the_one_that_everybody_hears_of(
    licence, holders, publish, post_office
):
    first = publish(licence, "2.0", grace_days=20)
    Notice.objects.update(sent_at=timezone.now())
    with post_office() as mails:
        second = publish(licence, "3.0", grace_days=23)
    announced = [one.body for one in mails]
    telling.remind(at=second.grace_ends_at - timedelta(days=6))
    with post_office() as mails:
        send_notices()

    last_day = f"{first.grace_ends_at - timedelta(seconds=1):%-d %B %Y}"
    assert [f"Please accept the version in force by {last_day}." in one for one in announced] == [True, True]
    assert told(mails[2:]) == [
        (f"{name}@example.org", f"Accept Open Weights Licence 3.0 by {last_day}") for name in ("ada", "ben")
    ]


def test_whose_acceptance_has_ended_is_not_reminded_of_a_later_day(licence, holders, publish):
    publish(licence, "2.0")
    later = publish(licence, "3.0", grace_days=20)

    assert telling.remind(at=later.grace_ends_at - timedelta(days=5)) == 0


def test_a_short_grace_has_no_reminder_of_a_week(licence, holders, publish):
    version = publish(licence, "2.0", grace_days=3)

    assert telling.remind(at=version.published_at + timedelta(hours=1)) == 0
    assert telling.remind(at=version.grace_ends_at - timedelta(hours=5)) == 2


def test_nobody_is_reminded_of_an_editorial_change(licence, holders, publish, post_office):
    publish(licence, "2.0", reacceptance="nobody", grace_days=3)
    Notice.objects.update(sent_at=timezone.now())

    with post_office() as mails:
        remind_of_grace()

    assert mails == []
