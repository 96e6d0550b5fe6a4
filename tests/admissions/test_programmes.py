"""A programme's terms: its times, places, rules, promise, and questions of every kind."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.access.deciding import decide
from portal.access.decision import Action
from portal.admissions import actions
from portal.admissions.applications.answering import PDF_BYTES_MAX
from portal.admissions.applications.entering import entry_rules
from portal.admissions.models import (
    AnswerFile,
    Application,
    ApplicationStatus,
    Programme,
    Question,
    QuestionKind,
    asked_of,
)
from portal.admissions.programmes import paces
from portal.common.refusals import Refusal
from tests import cast
from tests.admissions.conftest import ANSWERS, form
from tests.conftest import signed_in

URL = "/apply/early-access/"
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def test_a_programme_takes_applications_within_its_times_and_says_when_it_does_not(programme):
    now = timezone.now()
    programme.opens_at, programme.closes_at = now + timedelta(days=1), now + timedelta(days=3)
    programme.save()

    said = [programme.closed_sentence(at=now + timedelta(days=days)) for days in (0, 2, 4)]
    taking = [
        Programme.objects.taking_applications(at=now + timedelta(days=days)).count() for days in (0, 2, 4)
    ]

    assert [sentence[:30] for sentence in said] == [
        "Early access opens on " + said[0][22:30],
        "",
        said[2][:30],
    ]
    assert said[2].startswith("Early access closed on ")
    assert taking == [0, 1, 0]


def test_a_programme_cannot_close_before_it_opens(programme):
    programme.opens_at = timezone.now()
    programme.closes_at = programme.opens_at - timedelta(hours=1)

    with pytest.raises(IntegrityError), transaction.atomic():
        programme.save()


def test_ann_cannot_apply_after_the_closing_time_and_every_door_says_so(ann, programme, release):
    Programme.objects.update(closes_at=timezone.now() - timedelta(minutes=1))
    programme.refresh_from_db()

    page = signed_in(ann).get(URL).content.decode()
    with pytest.raises(Refusal) as refused:
        actions.start(programme, by=ann)

    gate = next(gate for gate in decide(ann, release, Action.PLAYGROUND).gates if gate.code == "approved")
    assert programme.closed_sentence() in page
    assert "<textarea" not in page
    assert refused.value.code == "programme_closed"
    assert gate.sentence == programme.closed_sentence()


def test_an_application_begun_in_time_cannot_be_submitted_after_the_closing_time(ann, draft, programme):
    Programme.objects.update(closes_at=timezone.now() - timedelta(minutes=1))

    with pytest.raises(Refusal) as refused:
        actions.submit(draft, answers=ANSWERS, by=ann)

    assert refused.value.sentence.endswith("What you have typed is kept as a draft.")


def test_a_young_account_is_told_the_rule_and_its_day_before_the_form(ann, programme):
    Programme.objects.update(account_age_days_min=7)
    from_day = timezone.localtime(ann.date_joined + timedelta(days=7))

    page = signed_in(ann).get(URL).content.decode()
    with pytest.raises(Refusal) as refused:
        actions.start(Programme.objects.get(), by=ann)

    assert "You cannot apply yet." in page
    assert f"Yours can from {from_day:%-d %B %Y} on." in page
    assert "<textarea" not in page
    assert (refused.value.code, refused.value.sentence.split(":")[0]) == (
        "account_too_young",
        "Age of the account",
    )


def test_an_old_enough_account_applies(ann, programme):
    Programme.objects.update(account_age_days_min=7)
    ann.date_joined -= timedelta(days=7)
    ann.save()

    rules = entry_rules(Programme.objects.get(), ann)

    assert [rule.passed for rule in rules] == [True]
    assert signed_in(ann).get(URL).context["form"].fields


def test_a_country_that_cannot_apply_is_told_before_and_named_at_its_question(ann, programme):
    Programme.objects.update(countries_refused=["DE", "AQ"])
    client = signed_in(ann)

    shown = client.get(URL).content.decode()
    page = client.post(URL, form(client, programme))
    with pytest.raises(Refusal) as refused:
        actions.submit(Application.objects.get(), answers=ANSWERS, by=ann)

    sentence = "Country: Early access is not offered in Germany. What you typed is kept as a draft."
    assert "The models are not offered in: Germany, Antarctica." in shown
    assert (page.status_code, page.context["form"].errors) == (422, {"country": [sentence]})
    assert (refused.value.code, refused.value.sentence) == ("country_refused", sentence)
    assert Application.objects.get().answers == ANSWERS


def test_no_more_are_approved_than_there_are_places(submitted, rosa, programme):
    Programme.objects.update(capacity=1)
    other = cast.application(cast.person("bo@example.org"), programme)
    actions.approve(submitted, by=rosa)

    with pytest.raises(Refusal) as refused:
        actions.approve(other, by=rosa)

    other.refresh_from_db()
    page = signed_in(cast.person("cy@example.org")).get(URL).content.decode()
    assert refused.value.code == "programme_full"
    assert other.status == ApplicationStatus.SUBMITTED
    assert "All 1 are taken." in page


def test_the_promise_is_kept_with_the_application_and_shown_when_it_is_about_to_break(ann, rosa, programme):
    Programme.objects.update(decision_days=2)
    handed_in = actions.submit(actions.start(Programme.objects.get(), by=ann), answers=ANSWERS, by=ann)
    late = cast.application(cast.person("bo@example.org"), programme)
    Application.objects.filter(pk=late.pk).update(due_at=timezone.now() - timedelta(hours=1))

    promised = handed_in.due_at - handed_in.submitted_at
    client = signed_in(rosa)
    rows = {
        due: [row.reference for row in client.get(f"/console/applications/?due={due}").context["page"]]
        for due in ("late", "soon", "")
    }

    home = client.get("/console/")
    assert promised == timedelta(days=2)
    assert rows == {
        "late": [late.reference],
        "soon": [late.reference],
        "": [handed_in.reference, late.reference],
    }
    assert (home.context["overdue_count"], home.context["due_soon_count"]) == (1, 0)
    assert "Overdue" in client.get("/console/applications/").content.decode()


def test_the_first_decision_keeps_the_promise_and_a_later_one_changes_nothing(submitted, rosa):
    waiting = actions.waitlist(submitted, by=rosa)
    first = waiting.first_decided_at

    approved = actions.approve(waiting, by=rosa)

    assert first == waiting.decided_at or approved.decided_at > first
    assert approved.first_decided_at == first


def test_the_pace_is_told_once_there_are_ten_decisions(programme):
    now = timezone.now()

    def decided(number, days):
        made = cast.application(cast.person(f"p{number}@example.org"), programme, ApplicationStatus.DECLINED)
        Application.objects.filter(pk=made.pk).update(
            submitted_at=now - timedelta(days=days), first_decided_at=now
        )

    for number in range(9):
        decided(number, number + 1)
    too_few = paces._measured(programme)
    decided(9, 10)

    pace = paces.pace_of(programme)

    assert too_few.number == 9
    assert pace.sentence == ("Of the last 10 decisions half came within 6 days, nine of ten within 10 days.")
    assert pace.sentence in signed_in(cast.person("z@example.org")).get(URL).content.decode()


@pytest.fixture
def every_kind(programme):
    """Questions of the kinds that the usual ones leave out."""
    programme.questions.all().delete()
    rows = [
        ("topics", QuestionKind.CHOICES, {"choices": ["Speech", "Text", "Vision"]}),
        ("people", QuestionKind.NUMBER, {}),
        ("page", QuestionKind.URL, {}),
        ("plan", QuestionKind.FILE, {}),
        ("other", QuestionKind.SHORT_TEXT, {"shown_if_code": "topics", "shown_if_answer": "Text"}),
    ]
    for position, (code, kind, more) in enumerate(rows, start=1):
        Question.objects.create(
            programme=programme, position=position, code=code, kind=kind, label=code.title(), **more
        )
    return programme


def sent(client, **changes):
    """A form with every kind of answer."""
    answers = {
        "topics": ["Speech", "Text"],
        "people": "12",
        "page": "example.org/us",
        "plan": SimpleUploadedFile("plan.pdf", PDF, content_type="application/pdf"),
        "other": "Something",
    } | changes
    slip = client.get(URL).context["slip"]
    return {f"answer-{code}": answer for code, answer in answers.items() if answer is not None} | {
        "slip": slip
    }


def test_every_kind_of_question_is_answered_kept_and_read(ann, rosa, every_kind):
    client = signed_in(ann)

    client.post(URL, sent(client))

    made = Application.objects.get()
    told = {answer.code: answer.text for answer in made.answered()}
    assert made.status == ApplicationStatus.SUBMITTED
    assert made.answers == {
        "topics": ["Speech", "Text"],
        "people": "12",
        "page": "https://example.org/us",
        "plan": "plan.pdf",
        "other": "Something",
    }
    assert told["topics"] == "Speech, Text"
    for page in (client, signed_in(rosa)):
        address = (
            f"/console/applications/{made.reference}/" if page is not client else made.get_absolute_url()
        )
        text = page.get(address).content.decode()
        assert f'href="{address}files/plan/"' in text
        got = page.get(f"{address}files/plan/")
        assert (got.status_code, got.content) == (200, PDF)
        assert got["Content-Disposition"] == 'attachment; filename="plan.pdf"'
    assert (
        signed_in(cast.person("m@example.org")).get(f"{made.get_absolute_url()}files/plan/").status_code
        == 404
    )


@pytest.mark.parametrize(
    ("changes", "code", "error"),
    [
        ({"topics": None}, "topics", "Choose at least one of these."),
        ({"people": "many"}, "people", "Write a number, such as 250 or 2.5."),
        ({"page": "ftp://example.org"}, "page", "Write the address of a page, such as https://example.org."),
        (
            {"page": "javascript:alert(1)"},
            "page",
            "Write the address of a page, such as https://example.org.",
        ),
        ({"plan": None}, "plan", "Choose a PDF."),
        (
            {"plan": SimpleUploadedFile("plan.pdf", b"MZ not a PDF", content_type="application/pdf")},
            "plan",
            "“plan.pdf” is no PDF. Export it as PDF, then choose it again.",
        ),
        (
            {"plan": SimpleUploadedFile("big.pdf", PDF + b" " * PDF_BYTES_MAX + b"%%EOF")},
            "plan",
            "“big.pdf” has 5.0 MB, and 5 MB is the most. Make it smaller, then choose it again.",
        ),
    ],
)
def test_a_wrong_answer_is_named_at_its_field(ann, every_kind, changes, code, error):
    client = signed_in(ann)

    page = client.post(URL, sent(client, **changes))

    assert page.status_code == 422
    assert page.context["form"].errors == {code: [error]}


def test_a_file_stays_with_the_draft_while_other_answers_are_put_right(ann, every_kind):
    client = signed_in(ann)
    wrong = client.post(URL, sent(client, people="many"))
    typed = client.post(f"{URL}draft/", sent(client, plan=None), headers={"HX-Request": "true"})

    page = client.post(URL, sent(client, plan=None), follow=True)

    assert "plan.pdf" in wrong.content.decode()
    assert typed.status_code == 200
    assert page.status_code == 200
    made = Application.objects.get()
    assert (made.status, made.answers["plan"]) == (ApplicationStatus.SUBMITTED, "plan.pdf")


def test_files_come_along_when_one_applies_again(ann, every_kind):
    client = signed_in(ann)
    client.post(URL, sent(client))
    first = Application.objects.get()
    actions.withdraw(first, by=ann)

    client.post(f"{URL}again/")

    second = Application.objects.live().get()
    assert second.answers == first.answers
    assert [bytes(one.content) for one in AnswerFile.objects.order_by("pk")] == [PDF, PDF]


def test_a_question_is_asked_only_after_the_answer_that_it_depends_on(ann, every_kind):
    client = signed_in(ann)

    client.post(URL, sent(client, topics=["Vision"], other="Left over"))

    made = Application.objects.get()
    assert made.status == ApplicationStatus.SUBMITTED
    assert "other" not in made.answers
    assert [one["code"] for one in made.asked] == ["topics", "people", "page", "plan"]


def test_what_depends_on_an_unasked_question_is_not_asked(programme):
    chain = [
        Question(code="a", kind="consent"),
        Question(code="b", kind="choice", shown_if_code="a", shown_if_answer="yes"),
        Question(code="c", kind="short_text", shown_if_code="b", shown_if_answer="x"),
    ]

    asked = [
        [one.code for one in asked_of(chain, answers)]
        for answers in ({"a": True, "b": "x"}, {"a": False, "b": "x"}, {"a": True, "b": "y"})
    ]

    assert asked == [["a", "b", "c"], ["a"], ["a", "b"]]
