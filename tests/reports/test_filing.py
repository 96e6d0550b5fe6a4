"""Filing a report: of an answer and of a release, what it copies, who sees it, and how many one may file."""

import re
from uuid import uuid4

import pytest
from django.db import IntegrityError

from playground import actions as playground
from playground.models import Generation
from playground.reporting import actions
from playground.reporting.models import Report, ReportStatus
from portal.accounts.unsubscribing import choose_receipts
from portal.common.refusals import Refusal
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from tests import cast
from tests.conftest import signed_in
from tests.playground.conftest import wish
from tests.reports.conftest import SECRET, answered, posted, revision, told

NEW = "/reports/new/"


def door(answer):
    return f"/playground/generations/{answer.pk}/report/"


def test_ada_reports_an_answer_and_follows_it(as_ada, answer, release):
    shown = as_ada.get(answer.turn.conversation.get_absolute_url()).text
    page = as_ada.get(door(answer)).text

    sent = as_ada.post(door(answer), posted(may_read="on"))

    report = Report.objects.get()
    assert f'href="{door(answer)}"' in shown
    assert "only when its owner reports it and ticks the box" in page
    assert re.findall(r'name="may_read"[^>]*checked', page) == []
    assert sent["Location"] == f"/reports/{report.reference}/"
    assert re.fullmatch(r"REP-[2-9B-Z]{8}", report.reference)
    followed = as_ada.get(sent["Location"]).text
    assert "It waits for somebody to look into it" in followed
    assert "It told me how." in followed
    assert report.reference in as_ada.get("/reports/").text


def test_with_consent_the_words_are_copied_as_they_stand(report, release):
    assert report.messages == [
        {"role": "system", "content": "Be a locksmith."},
        {"role": "user", "content": SECRET},
    ]
    assert report.answer == "First, "
    assert (report.revision_commit, report.seed) == ("a" * 40, 7)
    assert report.parameters == {
        "model": "tiny",
        "revision": "a" * 40,
        "temperature": 0.7,
        "max_tokens": 100,
        "seed": 7,
    }


def test_without_consent_no_word_is_copied(ada, answer):
    report = actions.report_answer(answer, told(), may_read=False, by=ada)

    assert (report.messages, report.answer, report.tool_calls) == ([], "", [])
    assert report.parameters["seed"] == 7
    kept = str(Report.objects.filter(pk=report.pk).values().get())
    assert SECRET not in kept
    assert "locksmith" not in kept


def test_the_copy_outlives_the_conversation(ada, as_ada, answer, report):
    playground.delete(answer.turn.conversation, by=ada)

    kept = Report.objects.get()

    assert kept.generation is None
    assert kept.messages[-1]["content"] == SECRET
    assert kept.answer == "First, "
    assert "You deleted the conversation" in as_ada.get(kept.get_absolute_url()).text


def test_a_raw_completion_and_a_continued_answer_are_copied_as_the_model_was_asked(ada, release, seen):
    raw = answered(ada, release, prompt="Once upon", mode="raw")
    Generation.objects.filter(pk=raw.pk).update(prefix=" a time")
    continued = answered(ada, release, prompt="Tell")
    Generation.objects.filter(pk=continued.pk).update(prefix="Once")

    def messages_of(answer):
        fresh = Generation.objects.with_story().get(pk=answer.pk)
        return actions.report_answer(fresh, told(), may_read=True, by=ada).messages

    assert messages_of(raw) == [{"role": "user", "content": "Once upon a time"}]
    assert messages_of(continued) == [
        {"role": "user", "content": "Tell"},
        {"role": "assistant", "content": "Once"},
    ]


def test_ada_reports_a_release_by_the_form(as_ada, release, seen):
    sent = as_ada.post(
        NEW, posted(release="tiny", revision="aaaaaa", prompt="Open it", answer="So.", request_id="req_1-x")
    )

    report = Report.objects.get()
    assert sent["Location"] == report.get_absolute_url()
    assert (report.revision_commit, report.request_id, report.is_of_playground) == (
        "a" * 40,
        "req_1-x",
        False,
    )
    assert report.messages == [{"role": "user", "content": "Open it"}]
    assert (report.answer, report.may_read) == ("So.", True)


@pytest.mark.parametrize(("named", "found"), [("main", "b" * 40), ("aaaaaaa", "a" * 40), ("", "")])
def test_a_revision_is_found_by_its_name_and_its_commit(as_ada, release, seen, named, found):
    revision(release, "b" * 40)

    as_ada.post(NEW, posted(release="tiny", revision=named))

    assert Report.objects.get().revision_commit == found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"category": ""}, "Choose what it is about."),
        ({"severity": "9"}, "Select a valid choice"),
        ({"description": " "}, "Say what happened"),
        ({"description": "x" * 10_001}, "at most 10000 characters"),
        ({"release": "nothing"}, "There is no such release."),
        ({"revision": "ccccccc"}, "has no such revision"),
        ({"revision": "a"}, "has no such revision"),
        ({"request_id": "two words"}, "it has no spaces"),
        ({"token": "x"}, "Send the form again."),
    ],
)
def test_what_is_wrong_is_told_and_nothing_typed_is_lost(as_ada, release, seen, changes, said):
    sent = posted(release="tiny", prompt="My words", answer="Its words", request_id="r1") | changes

    answer = as_ada.post(NEW, sent)

    assert answer.status_code == 422
    assert said in answer.text
    assert "My words</textarea>" in answer.text
    assert "Its words</textarea>" in answer.text
    assert Report.objects.count() == 0


def test_a_form_sent_twice_files_once(as_ada, ada, release, answer):
    sent = posted(release="tiny")

    first, second = as_ada.post(NEW, sent), as_ada.post(NEW, sent)

    assert first["Location"] == second["Location"]
    assert Report.objects.count() == 1
    assert Entry.objects.filter(verb=Verb.REPORT_FILED).count() == 1


def test_nobody_files_more_than_staff_can_read(as_ada, ada, mallory, release, settings):
    settings.REPORTS_PER_DAY = 2
    for _ in range(2):
        actions.report_release(release, told(), by=ada)

    answer = as_ada.post(NEW, posted(release="tiny", description="The third"))

    assert answer.status_code == 422
    assert "You filed 2 reports within a day" in answer.text
    assert "The third</textarea>" in answer.text
    actions.report_release(release, told(), by=mallory)
    assert Report.objects.filter(reporter=mallory).count() == 1


def test_mallory_sees_and_reports_nothing_of_adas(as_mallory, answer, report):
    assert as_mallory.get(door(answer)).status_code == 404
    assert as_mallory.post(door(answer), posted()).status_code == 404
    assert as_mallory.get(report.get_absolute_url()).status_code == 404
    assert as_mallory.post(report.get_absolute_url(), {"message": "Hello"}).status_code == 404
    assert report.reference not in as_mallory.get("/reports/").text
    assert Report.objects.count() == 1


def test_strangers_sign_in_first_and_keep_their_words(client, release, answer):
    assert client.get(NEW)["Location"] == f"/accounts/login/?next={NEW}"

    kept = client.post(NEW, posted(description="What I saw", answer="What it said"))

    assert kept.status_code == 401
    assert "What I saw</textarea>" in kept.text
    assert "What it said</textarea>" in kept.text


def test_only_releases_that_one_may_know_of_are_offered(as_ada, as_mallory, ada, release):
    hidden = cast.release("unheard-of", status="evaluating")

    for browser in (as_ada, as_mallory):
        page = browser.get(f"{NEW}?release=tiny").text
        assert re.findall(r'<option value="(\w+)"[^>]*selected', page) == ["tiny"]
        assert hidden.slug not in page
    assert as_ada.post(NEW, posted(release="unheard-of")).status_code == 422


def test_what_is_written_or_was_imported_is_not_reported(ada, as_ada, asked_live, release):
    with pytest.raises(Refusal) as refused:
        actions.report_answer(asked_live, told(), may_read=True, by=ada)
    assert refused.value.code == "answer_not_ended"

    imported = answered(ada, release)
    Generation.objects.filter(pk=imported.pk).update(is_imported=True)
    assert as_ada.post(door(imported), posted()).status_code == 422
    page = as_ada.get(imported.turn.conversation.get_absolute_url()).text
    assert door(imported) not in page
    assert Report.objects.count() == 0


@pytest.fixture
def asked_live(ada, release):
    return playground.send(wish("Still"), by=ada, release=release)


def test_the_receipt_comes_by_mail_and_can_be_done_without(ada, mallory, release, post_office):
    with post_office() as mails:
        report = actions.report_release(release, told(), by=ada)
        choose_receipts(mallory, wanted=False)
        actions.report_release(release, told(), by=mallory)

    (letter,) = mails
    assert letter.to == ["ada@example.org"]
    assert letter.subject == f"We have your report {report.reference}"
    assert report.get_absolute_url() in letter.body
    assert "List-Unsubscribe" in letter.extra_headers


def test_a_critical_report_is_told_to_whoever_triages(ada, tess, release, post_office):
    with post_office() as mails:
        report = actions.report_release(release, told(severity=4, description="Now!"), by=ada)

    letters = {letter.to[0]: letter for letter in mails}
    assert sorted(letters) == ["ada@example.org", "tess@example.org"]
    assert f"/console/reports/{report.reference}/" in letters["tess@example.org"].body
    assert "Now!" not in letters["tess@example.org"].body


def test_the_ledger_hears_no_words(ada, answer):
    actions.report_answer(answer, told(description="Private words"), may_read=True, by=ada)

    entry = Entry.objects.get(verb=Verb.REPORT_FILED)
    assert entry.data == {
        "release": "tiny",
        "category": "weapons",
        "severity": 3,
        "commit": "a" * 40,
        "may_read": True,
    }


def test_ada_writes_to_staff_a_few_times_a_day(as_ada, report, tess, settings, post_office):
    settings.REPORT_MESSAGES_PER_DAY = 1
    actions.assign(report, to=tess, by=tess)
    with post_office() as mails:
        first = as_ada.post(report.get_absolute_url(), {"message": "One more thing"})
    second = as_ada.post(report.get_absolute_url(), {"message": "And another"})

    assert first["Location"] == report.get_absolute_url()
    assert [letter.to for letter in mails] == [["tess@example.org"]]
    assert second.status_code == 422
    assert "And another</textarea>" in second.text
    assert "One more thing" in as_ada.get(report.get_absolute_url()).text
    assert Report.objects.get().unread_at is not None
    assert as_ada.post(report.get_absolute_url(), {"message": ""}).status_code == 422


@pytest.mark.parametrize("count", [1, 3])
def test_ones_own_list_takes_a_fixed_number_of_queries(ada, release, django_assert_num_queries, count):
    for _ in range(count):
        actions.report_release(release, told(), by=ada)
    browser = signed_in(ada)
    browser.get("/reports/")

    with django_assert_num_queries(4):
        browser.get("/reports/")


def test_the_database_keeps_no_words_without_consent(report):
    with pytest.raises(IntegrityError, match="no_words_without_consent"):
        Report.objects.filter(pk=report.pk).update(may_read=False)


def test_tokens_of_others_are_no_matter(ada, mallory, release):
    token = uuid4()

    first = actions.report_release(release, told(token=token), by=ada)
    second = actions.report_release(release, told(token=token), by=mallory)

    assert first.pk != second.pk
    assert {first.status, second.status} == {ReportStatus.NEW}
