"""Triage: who may, the states walked, what the reporter is told, and what staff see."""

import pytest
from django.db import IntegrityError

from playground import actions as playground
from playground.reporting import actions
from playground.reporting.models import Report, ReportNote, ReportStatus
from portal.accounts.unsubscribing import choose_receipts
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from tests import cast
from tests.conftest import signed_in
from tests.reports.conftest import SECRET, revision, told

QUEUE = "/console/reports/"
S = ReportStatus


def page_of(report):
    return f"{QUEUE}{report.reference}/"


def do(browser, report, step, **sent):
    return browser.post(f"{page_of(report)}do/{step}/", sent)


def state_of(report):
    return Report.objects.get(pk=report.pk).status


@pytest.mark.parametrize("role", ["Safety officers", "Release managers"])
def test_these_roles_triage(role, report):
    browser = signed_in(cast.staff("tom@example.org", role))

    assert browser.get(QUEUE).status_code == 200
    assert browser.get(page_of(report)).status_code == 200
    assert f'href="{QUEUE}"' in browser.get("/console/").text


def test_nobody_else_comes_in(client, as_ada, as_mallory, as_rosa, report):
    reads = [QUEUE, page_of(report), f"{QUEUE}rates/", f"{QUEUE}cases/", f"{QUEUE}cases/tiny.jsonl"]
    writes = [
        *(f"{page_of(report)}{more}" for more in ("do/accept/", "fix/", "pause/", "resume/", "case/")),
        f"{QUEUE}cases/1/retire/",
    ]

    for path in reads:
        assert client.get(path)["Location"].startswith("/accounts/login/")
        assert [one.get(path).status_code for one in (as_ada, as_mallory, as_rosa)] == [403] * 3
    for path in writes:
        assert client.post(path)["Location"].startswith("/accounts/login/")
        assert [one.post(path).status_code for one in (as_ada, as_mallory, as_rosa)] == [403] * 3
    assert state_of(report) == S.NEW
    assert f'href="{QUEUE}"' not in as_rosa.get("/console/").text


def test_tess_walks_a_report_to_its_fix_and_ada_is_told_at_each_step(
    *, as_tess, as_ada, tess, report, release, post_office
):
    mended = revision(release, "b" * 40)
    with post_office() as mails:
        do(as_tess, report, "begin")
        do(as_tess, report, "accept", message="Indeed.")
        answer = as_tess.post(f"{page_of(report)}fix/", {"revision": mended.commit})

    assert answer["Location"] == page_of(report)
    assert [letter.to for letter in mails] == [["ada@example.org"]] * 3
    assert [letter.subject for letter in mails] == [
        f"Staff look into {report.reference}",
        f"Your report {report.reference} is accepted",
        f"What you reported in {report.reference} is fixed",
    ]
    assert "Indeed." in mails[1].body
    assert "b" * 12 in mails[2].body
    kept = Report.objects.get()
    assert (kept.status, kept.fixed_commit, kept.assignee) == (S.FIXED, "b" * 40, tess)
    shown = as_ada.get(report.get_absolute_url()).text
    assert f"fixed in revision <code>{'b' * 12}</code>" in shown
    assert "tess@example.org" not in shown
    assert [entry.verb for entry in Entry.objects.filter(verb__startswith="report.").order_by("number")] == [
        Verb.REPORT_FILED,
        Verb.REPORT_TRIAGE_STARTED,
        Verb.REPORT_ACCEPTED,
        Verb.REPORT_FIXED,
    ]


def test_a_dismissal_tells_why_and_the_next_step(as_tess, as_ada, report, post_office):
    with post_office() as mails:
        do(as_tess, report, "dismiss", reason="duplicate", message="As REP-2.")

    (letter,) = mails
    assert "Somebody reported the same before you" in " ".join(letter.body.split())
    assert "As REP-2." in letter.body
    assert state_of(report) == S.DISMISSED
    assert "Somebody reported the same before you" in as_ada.get(report.get_absolute_url()).text
    entry = Entry.objects.get(verb=Verb.REPORT_DISMISSED)
    assert entry.data == {"release": "tiny", "reason": "duplicate"}


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "Choose why it is dismissed"),
        ({"reason": "because"}, "Choose why it is dismissed"),
        ({"reason": "other"}, "Write the reason in the message"),
        ({"reason": "duplicate", "message": "x" * 4_001}, "4,000 is the most"),
    ],
)
def test_a_dismissal_without_a_reason_is_refused_and_keeps_the_words(as_tess, report, sent, said):
    answer = do(as_tess, report, "dismiss", **sent)

    assert answer.status_code == 422
    assert said in answer.text
    assert sent.get("message", "") in answer.text
    assert state_of(report) == S.NEW


def test_what_is_decided_is_not_decided_again(tess, report, as_tess):
    actions.dismiss(report, by=tess, reason="not_ours")

    for verb in (actions.accept, actions.begin_triage):
        with pytest.raises(IllegalMove):
            verb(report, by=tess)
    answer = do(as_tess, report, "accept")
    assert answer.status_code == 409
    assert "This report is dismissed and cannot become accepted." in answer.text
    assert ReportNote.objects.filter(verb=Verb.REPORT_ACCEPTED).count() == 0


def test_the_database_knows_no_dismissal_without_a_reason_and_no_fix_without_a_revision(report):
    with pytest.raises(IntegrityError, match="a_reason_for_every_dismissal"):
        Report.objects.filter(pk=report.pk).update(status=S.DISMISSED)


def test_a_fix_is_told_once_and_names_a_later_revision(*, tess, accepted, release, seen, zephyr, post_office):
    mended = revision(release, "b" * 40)
    for wrong, code in ((seen, "fixed_where_seen"), (revision(zephyr, "c" * 40), "other_release")):
        with pytest.raises(Refusal) as refused:
            actions.mark_fixed(accepted, revision=wrong, by=tess)
        assert refused.value.code == code

    with post_office() as mails:
        for _ in range(2):
            actions.mark_fixed(accepted, revision=mended, by=None)

    assert len(mails) == 1
    assert Entry.objects.get(verb=Verb.REPORT_FIXED).actor_label == "the portal"


def test_a_fix_needs_a_revision_of_the_list(as_tess, accepted):
    answer = as_tess.post(f"{page_of(accepted)}fix/", {"revision": "nothing"})

    assert answer.status_code == 422
    assert "There is no such revision." in answer.text
    assert state_of(accepted) == S.ACCEPTED


def test_who_has_it_how_bad_it_is_and_notes_stay_among_staff(as_tess, as_ada, tess, report, post_office):
    rob = cast.staff("rob@example.org", "Release managers")
    with post_office() as mails:
        do(as_tess, report, "assign", to=rob.pk)
        do(as_tess, report, "assign", me="1")
        do(as_tess, report, "rate", severity="4")
        do(as_tess, report, "note", text="Looks real.")
        do(as_tess, report, "let-go")

    assert [letter.to for letter in mails] == [["rob@example.org"]]
    kept = Report.objects.get()
    assert (kept.assignee, kept.severity, kept.severity_felt) == (None, 4, 3)
    page = as_tess.get(page_of(report)).text
    assert "Looks real." in page
    assert "From high to critical." in page
    shown = as_ada.get(report.get_absolute_url()).text
    assert "Looks real." not in shown
    assert "critical" not in shown
    assert "rob@example.org" not in shown


@pytest.mark.parametrize(
    ("step", "sent", "said"),
    [
        ("assign", {"to": ""}, "Choose who gets it."),
        ("assign", {"to": "999999"}, "Choose who gets it."),
        ("rate", {"severity": "9"}, "Choose how bad it is"),
        ("note", {"text": " "}, "Write the note first."),
        ("message", {"message": ""}, "Write the message first."),
        ("note", {"text": "y" * 4_001}, "4,000 is the most"),
    ],
)
def test_what_is_wrong_is_told(as_tess, report, step, sent, said):
    answer = do(as_tess, report, step, **sent)

    assert answer.status_code == 422
    assert said in answer.text


def test_there_is_no_other_step(as_tess, report):
    assert do(as_tess, report, "delete").status_code == 404
    assert as_tess.get(f"{QUEUE}REP-22222222/").status_code == 404


def test_a_message_goes_both_ways(*, as_tess, as_ada, ada, tess, report, post_office):
    actions.write_to_staff(report, by=ada, message="It did it again.")
    assert "wrote a message" in as_tess.get(page_of(report)).text
    assert report.reference in as_tess.get(f"{QUEUE}?unread=on").text

    with post_office() as mails:
        do(as_tess, report, "message", message="With which settings?")

    assert "With which settings?" in mails[0].body
    assert "With which settings?" in as_ada.get(report.get_absolute_url()).text
    assert Report.objects.get().unread_at is None


def test_a_person_without_receipts_still_hears_decisions(ada, tess, report, post_office):
    choose_receipts(ada, wanted=False)

    with post_office() as mails:
        actions.begin_triage(report, by=tess)
        actions.accept(report, by=tess)

    assert [letter.subject for letter in mails] == [f"Your report {report.reference} is accepted"]
    assert "List-Unsubscribe" not in mails[0].extra_headers


def test_tess_reads_the_copy_also_when_the_conversation_is_gone(as_tess, ada, answer, report):
    assert SECRET in as_tess.get(page_of(report)).text

    playground.delete(answer.turn.conversation, by=ada)

    page = as_tess.get(page_of(report)).text
    assert SECRET in page
    assert "deleted by its owner" in page


def test_without_consent_tess_reads_no_word(as_tess, ada, answer):
    report = actions.report_answer(answer, told(), may_read=False, by=ada)

    page = as_tess.get(page_of(report)).text

    assert SECRET not in page
    assert "First, " not in page
    assert "did not let staff read the conversation" in page
    assert "<code>seed</code>" in page


def test_words_of_models_and_people_stay_words(as_tess, as_ada, ada, release):
    hostile = "<script>alert(1)</script>"
    report = actions.report_release(
        release, told(description=hostile), by=ada, prompt=hostile, answer=hostile
    )

    for page in (
        as_tess.get(page_of(report)),
        as_tess.get(QUEUE),
        as_ada.get(report.get_absolute_url()),
        as_tess.get(f"{QUEUE}?q=%3Cscript%3E"),
    ):
        assert hostile not in page.text
