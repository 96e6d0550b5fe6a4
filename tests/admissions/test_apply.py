"""Applying: the programme's page, the form, and handing it in."""

import pytest

from portal.admissions import actions
from portal.admissions.models import Application, ApplicationStatus, Question, QuestionKind
from portal.admissions.programmes import actions as programme_actions
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import ANSWERS, form
from tests.conftest import signed_in

URL = "/apply/early-access/"


def test_a_stranger_reads_what_the_programme_is_and_is_asked_to_sign_up(client, programme):
    page = client.get(URL).content.decode()

    assert "Tiny" in page
    assert "What do you want to do with the models?" in page
    assert "deceive people about whether they are talking to a machine" in page
    assert f'href="/accounts/signup/?next={URL}"' in page
    assert "<textarea" not in page


def test_an_unverified_person_is_told_to_verify_and_given_the_link(programme):
    client = signed_in(cast.person("eve@example.org", verified=False))

    page = client.get(URL).content.decode()

    assert "Verify your e-mail address to apply." in page
    assert 'href="/accounts/email/"' in page
    assert "<textarea" not in page


def test_ann_sees_a_field_for_every_question_in_its_order(ann, programme):
    page = signed_in(ann).get(URL)

    assert list(page.context["form"].fields) == list(ANSWERS)
    assert '<option value="AX">Åland Islands</option>' in page.content.decode()
    assert not Application.objects.exists()


def test_ann_applies_and_sees_where_she_stands(ann, programme):
    client = signed_in(ann)

    page = client.post(URL, form(client, programme), follow=True)

    application = Application.objects.get()
    assert page.redirect_chain == [(URL, 302)]
    assert application.status == ApplicationStatus.SUBMITTED
    assert application.answers == ANSWERS
    text = page.content.decode()
    assert application.reference in text
    assert "Application submitted" in text
    assert "Germany" in text


def test_every_step_of_applying_is_in_the_ledger(submitted):
    assert [entry.verb for entry in Entry.objects.about(submitted)] == [
        "application.started",
        "application.submitted",
    ]


def test_what_was_asked_outlives_a_change_of_the_question(submitted, programme):
    programme.questions.filter(code="use_case").update(label="Why?")
    type(programme).objects.update(use_policy="Do what you like.")

    submitted.refresh_from_db()

    assert submitted.answered()[0].label == "What do you want to do with the models?"
    assert "harm people" in submitted.asked[-1]["agreed_to"]


@pytest.mark.parametrize(
    ("changes", "code", "error"),
    [
        ({"use_case": "  "}, "use_case", "Write a few sentences."),
        (
            {"use_case": "x" * 5001},
            "use_case",
            "Ensure this value has at most 5000 characters (it has 5001).",
        ),
        ({"organisation": ""}, "organisation", "Write a short answer."),
        ({"country": ""}, "country", "Choose a country."),
        ({"intended_use": ""}, "intended_use", "Choose one of these."),
        ({"use_policy": False}, "use_policy", "You can apply only if you agree to this."),
    ],
)
def test_a_missing_answer_is_named_at_its_field_and_the_rest_is_kept(ann, programme, changes, code, error):
    client = signed_in(ann)

    page = client.post(URL, form(client, programme, **changes))

    assert page.status_code == 422
    assert page.context["form"].errors == {code: [error]}
    if code != "organisation":
        assert "Example Institute" in page.content.decode()
    kept = Application.objects.get()
    assert kept.status == ApplicationStatus.DRAFT
    assert kept.answers == ANSWERS | changes


@pytest.mark.parametrize("changes", [{"country": "XX"}, {"intended_use": "World domination"}])
def test_an_answer_that_was_not_offered_is_refused(ann, programme, changes):
    client = signed_in(ann)

    page = client.post(URL, form(client, programme, **changes))

    assert page.status_code == 422
    assert list(page.context["form"].errors) == list(changes)


def test_a_nul_in_an_answer_is_refused_without_harm(ann, programme):
    client = signed_in(ann)

    page = client.post(URL, form(client, programme, organisation="Ex\x00ample"))

    assert page.status_code == 422
    assert Application.objects.get().answers["organisation"] == "Example"


def test_markup_in_an_answer_or_a_question_stays_text(ann, programme):
    Question.objects.filter(code="organisation").update(help_text="<i>any</i>", label="<b>Who?</b>")
    client = signed_in(ann)

    page = client.post(URL, form(client, programme, organisation="<script>alert(1)</script>"), follow=True)

    text = page.content.decode() + signed_in(cast.person("b@example.org")).get(URL).content.decode()
    assert "<script>alert" not in text
    assert "<i>any" not in text
    assert "<b>Who" not in text


def test_a_form_sent_twice_makes_one_application_and_shows_it(ann, programme):
    client = signed_in(ann)
    sent = form(client, programme)
    client.post(URL, sent)

    again = client.post(URL, sent, follow=True)

    assert Application.objects.count() == 1
    assert Entry.objects.filter(verb="application.submitted").count() == 1
    assert "has been submitted before" in again.content.decode()
    assert Application.objects.get().reference in again.content.decode()


def test_a_stale_form_sent_after_a_decline_starts_nothing(ann, rosa, programme):
    client = signed_in(ann)
    sent = form(client, programme)
    client.post(URL, sent)
    actions.decline(Application.objects.get(), by=rosa, message="Tell us more.")

    client.post(URL, sent)

    assert Application.objects.get().status == ApplicationStatus.DECLINED


def test_a_closed_programme_says_so_before_the_form(ann, programme, client):
    programme_actions.close_programme(programme, by=None)

    pages = [one.get(URL).content.decode() for one in (signed_in(ann), client)]

    for page in pages:
        assert "takes no applications at present" in page
        assert "<textarea" not in page
        assert "Create an account to apply" not in page


def test_a_programme_that_closes_in_the_meantime_keeps_what_was_typed(ann, programme):
    client = signed_in(ann)
    sent = form(client, programme)
    client.post(URL, sent | {"save": "1"})
    programme_actions.close_programme(programme, by=None)

    page = client.post(URL, sent)

    assert page.status_code == 409
    assert "takes no applications at present" in page.content.decode()
    assert "Summarising the minutes" in page.content.decode()
    assert Application.objects.get().status == ApplicationStatus.DRAFT


def test_an_unverified_person_cannot_submit_past_the_page(programme):
    eve = cast.person("eve@example.org", verified=False)
    client = signed_in(eve)
    sent = form(signed_in(cast.person("f@example.org")), programme)

    page = client.post(URL, sent)

    assert page.status_code in {403, 409}
    assert not Application.objects.exists()


def test_a_programme_that_does_not_exist_is_404(client, db):
    assert client.get("/apply/nowhere/").status_code == 404


def test_an_optional_question_may_stay_open(ann, programme):
    programme.questions.create(
        position=9, code="url", kind=QuestionKind.SHORT_TEXT, label="Site", is_required=False
    )
    client = signed_in(ann)

    client.post(URL, form(client, programme))

    application = Application.objects.get()
    assert application.status == ApplicationStatus.SUBMITTED
    assert application.answered()[-1].text == ""


@pytest.mark.parametrize("count", [1, 3])
def test_the_form_costs_the_same_for_one_question_and_three(
    ann, programme, count, settings, django_assert_num_queries
):
    settings.USERSESSIONS_TRACK_ACTIVITY = False
    programme.questions.filter(position__gt=count).delete()
    client = signed_in(ann)

    # The session, the person, the programme, its questions, its releases, the newest application,
    # whether the address is verified, the programme's pace, and whether there are referral codes.
    with django_assert_num_queries(9):
        page = client.get(URL)

    assert len(page.context["form"].fields) == count
