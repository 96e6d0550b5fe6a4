"""Messages between applicants and reviewers."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.admissions import actions
from portal.admissions.models import Application
from portal.admissions.reviewing import claiming, messaging
from portal.common.refusals import Refusal
from portal.common.transitions import LostRace
from portal.ledger.models import Entry
from tests import cast
from tests.conftest import signed_in


def test_ann_writes_and_the_reviewer_who_has_it_is_told(submitted, ann, rosa, post_office):
    claiming.assign(submitted, to=rosa, by=rosa)

    with post_office() as mails:
        page = signed_in(ann).post(
            f"{submitted.get_absolute_url()}message/", {"message": "My lab moved."}, follow=True
        )

    submitted.refresh_from_db()
    queue = signed_in(rosa).get("/console/applications/?unread=on")
    assert "My lab moved." in page.content.decode()
    assert submitted.unread_at is not None
    assert [row.reference for row in queue.context["page"]] == [submitted.reference]
    assert [(mail.to, "My lab moved." in mail.body) for mail in mails] == [(["rosa@example.org"], False)]
    assert Entry.objects.about(submitted).last().verb == "application.messaged"


def test_rosa_answers_and_ann_gets_it_by_mail_while_nothing_moves(submitted, ann, rosa, post_office):
    messaging.write_to_reviewers(submitted, by=ann, message="My lab moved.")

    with post_office() as mails:
        messaging.write_to_applicant(submitted, by=rosa, message="Thank you.")

    submitted.refresh_from_db()
    assert (submitted.status, submitted.unread_at) == ("submitted", None)
    assert mails[0].subject == f"A message about your application {submitted.reference}"
    assert "Thank you." in mails[0].body
    assert "rosa" not in mails[0].body
    assert "Thank you." in signed_in(ann).get(submitted.get_absolute_url()).content.decode()


def test_a_reviewer_who_has_not_seen_the_message_does_not_decide_past_it(submitted, ann, rosa):
    seen = submitted.notes.last().pk
    messaging.write_to_reviewers(submitted, by=ann, message="My lab moved.")

    with pytest.raises(LostRace) as lost:
        actions.approve(submitted, by=rosa, seen=seen)

    assert lost.value.sentence.startswith("The applicant was here first: “Message”")


def test_a_flood_of_messages_is_stopped_for_a_day(submitted, ann, settings):
    settings.APPLICANT_MESSAGES_PER_DAY = 2
    for text in ("One.", "Two."):
        messaging.write_to_reviewers(submitted, by=ann, message=text)

    page = signed_in(ann).post(f"{submitted.get_absolute_url()}message/", {"message": "Three."})
    submitted.notes.filter(verb="application.messaged").update(at=timezone.now() - timedelta(days=1))
    messaging.write_to_reviewers(submitted, by=ann, message="Four.")

    assert page.status_code == 422
    assert "Three." in page.content.decode()
    assert "You wrote 2 messages about this application within a day." in page.content.decode()
    assert submitted.notes.last().message == "Four."


def test_nobody_writes_about_anothers_application(submitted):
    client = signed_in(cast.person("m@example.org"))

    assert client.post(f"{submitted.get_absolute_url()}message/", {"message": "Hi"}).status_code == 404
    with pytest.raises(Refusal):
        messaging.write_to_reviewers(submitted, by=cast.person("n@example.org"), message="Hi")


def test_rosa_marks_a_message_as_read(submitted, ann, as_rosa):
    messaging.write_to_reviewers(submitted, by=ann, message="Thanks!")

    as_rosa.post(f"/console/applications/{submitted.reference}/do/read/")

    assert Application.objects.get().unread_at is None
