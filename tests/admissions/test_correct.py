"""What applicants do with their own words: correct, take along, delete."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.admissions import actions
from portal.admissions.applications import correcting, timelines
from portal.admissions.bulk import actions as bulk
from portal.admissions.bulk import decision_imports
from portal.admissions.bulk import work as bulk_work
from portal.admissions.invitations import referring
from portal.admissions.models import AnswerFile, Application, ApplicationStatus, Question, Team
from portal.admissions.reviewing import messaging, noting
from portal.admissions.searching import answer_token
from portal.admissions.teams import actions as teams
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import ANSWERS
from tests.admissions.test_programmes import PDF
from tests.conftest import signed_in

IN_A_MONTH = timezone.now() + timedelta(days=30)


def corrected(client, application, **changes):
    """Send the form of the corrections."""
    answers = {f"answer-{code}": answer for code, answer in (ANSWERS | changes).items()}
    return client.post(
        f"{application.get_absolute_url()}correct/", answers | {"answer-use_policy": "on"}, follow=True
    )


def test_ann_corrects_an_answer_and_reviewers_see_what_stood_there(submitted, ann, rosa):
    place = submitted.submitted_at

    page = corrected(signed_in(ann), submitted, country="FR")

    submitted.refresh_from_db()
    private = [entry["body"] for entry in timelines.for_staff(submitted) if entry["is_private"]]
    found = signed_in(rosa).get("/console/applications/?q=France").context["page"]
    assert "Your answers are corrected." in page.content.decode()
    assert (submitted.answers["country"], submitted.country, submitted.submitted_at) == ("FR", "FR", place)
    assert private == ["“In which country will you use the models?” was: Germany"]
    assert [row.reference for row in found] == [submitted.reference]
    assert Entry.objects.about(submitted).last().data == {"questions": ["country"]}


def test_saving_without_a_change_leaves_no_trace(submitted, ann):
    corrected(signed_in(ann), submitted)

    assert not Entry.objects.filter(verb="application.corrected").exists()


def test_a_correction_that_leaves_an_answer_out_is_told_and_changes_nothing(submitted, ann):
    page = corrected(signed_in(ann), submitted, organisation="")

    submitted.refresh_from_db()
    assert page.status_code == 422
    assert page.context["form"].errors == {"organisation": ["Write a short answer."]}
    assert submitted.answers == ANSWERS


def test_a_decided_application_is_not_corrected(submitted, ann, rosa):
    actions.approve(submitted, by=rosa)

    page = corrected(signed_in(ann), submitted, country="FR")
    with pytest.raises(IllegalMove):
        correcting.correct(submitted, answers=ANSWERS, uploads={}, by=ann)

    assert page.redirect_chain == [(submitted.get_absolute_url(), 302)]
    assert Application.objects.get().country == "DE"


def test_ann_takes_a_copy_along_without_what_reviewers_wrote(submitted, ann, rosa):
    messaging.write_to_applicant(submitted, by=rosa, message="Welcome.")
    noting.add_note(submitted, by=rosa, text="A secret of reviewers.")

    answer = signed_in(ann).get(f"{submitted.get_absolute_url()}export/")

    taken = json.loads(answer.content)
    assert answer["Content-Disposition"] == f'attachment; filename="{submitted.reference}.json"'
    assert taken["answers"][0] == {
        "code": "use_case",
        "question": "What do you want to do with the models?",
        "answer": ANSWERS["use_case"],
    }
    assert [step["message"] for step in taken["history"]] == ["Welcome.", "", ""]
    assert "secret" not in answer.content.decode()
    assert "rosa" not in answer.content.decode()


def test_ann_deletes_what_she_wrote_and_an_open_application_is_withdrawn_first(submitted, ann, rosa):
    messaging.write_to_reviewers(submitted, by=ann, message="My lab moved.")
    noting.add_note(submitted, by=rosa, text="The lab of Ann.")
    AnswerFile.objects.create(
        application=submitted, code="cv", name="cv.pdf", size_bytes=len(PDF), sha256="0" * 64, content=PDF
    )

    page = signed_in(ann).post(f"{submitted.get_absolute_url()}delete/", follow=True)

    submitted.refresh_from_db()
    assert "What you wrote is deleted." in page.content.decode()
    assert (submitted.status, submitted.answers, submitted.asked) == (ApplicationStatus.WITHDRAWN, {}, [])
    assert (submitted.country, submitted.search_words) == ("", submitted.reference.lower().replace("-", " "))
    assert not submitted.files.exists()
    assert {note.message for note in (*submitted.notes.all(), *submitted.staff_notes.all())} == {""}
    assert [entry.verb for entry in Entry.objects.about(submitted)][-2:] == [
        "application.withdrawn",
        "application.erased",
    ]


def test_deleting_what_an_approval_rests_on_leaves_the_approval(submitted, ann, rosa):
    actions.approve(submitted, by=rosa)

    signed_in(ann).post(f"{submitted.get_absolute_url()}delete/")

    submitted.refresh_from_db()
    assert (submitted.status, submitted.decided_by, submitted.answers) == ("approved", rosa, {})
    assert signed_in(ann).get(submitted.get_absolute_url()).status_code == 200
    assert signed_in(rosa).get(f"/console/applications/{submitted.reference}/").status_code == 200


def test_an_open_application_is_not_erased_without_withdrawing(submitted, ann):
    with pytest.raises(IllegalMove):
        correcting.erase(submitted, by=ann)


@pytest.mark.parametrize("page", ["correct/", "export/", "delete/"])
def test_nobody_reaches_anothers_words(submitted, page):
    client = signed_in(cast.person("m@example.org"))

    assert client.get(submitted.get_absolute_url() + page).status_code == 404


def test_the_form_of_corrections_shows_what_was_answered(submitted, ann):
    Question.objects.filter(code="organisation").update(label="Which lab?")

    page = signed_in(ann).get(f"{submitted.get_absolute_url()}correct/").content.decode()

    assert "Which lab?" in page
    assert "Example Institute" in page


def test_a_correction_brings_signals_and_filters_up_to_date(submitted, ann, rosa, settings):
    settings.EMBARGOED_COUNTRIES = ["KP"]
    as_rosa = signed_in(rosa)
    filters = (
        {"signal": "embargoed_country"},
        {"answer": answer_token("intended_use", "Research")},
        {"answer": answer_token("intended_use", "Evaluation")},
    )

    correcting.correct(
        submitted, answers=ANSWERS | {"country": "KP", "intended_use": "Evaluation"}, uploads={}, by=ann
    )

    found = [as_rosa.get("/console/applications/", asked).context["page"] for asked in filters]
    submitted.refresh_from_db()
    assert submitted.signals == ["embargoed_country"]
    assert [len(list(page)) for page in found] == [1, 0, 1]


def test_a_correction_keeps_the_referral_code_findable(submitted, programme, ann, rosa):
    code = referring.make_code(
        programme, note="", uses_max=1, is_pre_approving=False, expires_at=IN_A_MONTH, by=rosa
    )
    referring.refer(submitted, code, by=ann)

    correcting.correct(submitted, answers=ANSWERS | {"country": "FR"}, uploads={}, by=ann)

    assert [one.pk for one in Application.objects.matching(code.code)] == [submitted.pk]


def test_a_correction_takes_back_what_a_first_reviewer_proposed(submitted, programme, ann, rosa, rolf):
    programme.needs_second_reviewer = True
    programme.save()
    actions.approve(submitted, by=rosa)

    correcting.correct(submitted, answers=ANSWERS | {"use_case": "Something else."}, uploads={}, by=ann)

    assert actions.approve(submitted, by=rolf).status == ApplicationStatus.IN_REVIEW


def test_deleting_leaves_no_words_in_teams_flags_decisions_on_many_or_the_ledger(
    submitted, of_teams, ann, rosa
):
    teams.ask_for(submitted, name="Secret Institute", seats_wanted=2, by=ann)
    content = f"reference,decision,reason,message\n{submitted.reference},decline,other,Dear Ann of Secret\n"
    made = decision_imports.read(content.encode(), file_name="a.csv", by=rosa)
    Application.objects.update(flag="Secret labs")
    bulk.begin(made.bulk, by=rosa)
    bulk_work.carry_out(made.bulk)

    correcting.erase(submitted, by=ann)

    submitted.refresh_from_db()
    told = [str(row) for row in Entry.objects.values_list("subject_label", "data")]
    assert submitted.status == ApplicationStatus.DECLINED
    assert (submitted.flag, Team.objects.get().name) == ("", submitted.reference)
    assert [item.message for item in made.bulk.items.all()] == [""]
    assert [one for one in told if "Secret" in one] == []
    assert (
        "Secret" not in signed_in(rosa).get(f"/console/applications/{submitted.reference}/").content.decode()
    )


def test_a_team_with_access_keeps_its_name_until_the_access_ends(team, ann, rosa):
    correcting.erase(team.application, by=ann)
    kept = Team.objects.get().name
    actions.revoke(team.application, by=rosa, message="Misuse.")
    address = f"{team.application.get_absolute_url()}delete/"

    page = signed_in(ann).get(address).content.decode()
    signed_in(ann).post(address)

    assert (kept, Team.objects.get().name) == ("Example Institute", team.application.reference)
    assert "It is deleted already." not in page
    assert "It is deleted already." in signed_in(ann).get(address).content.decode()


def test_what_is_written_after_the_deletion_is_deleted_as_well(submitted, ann, rosa):
    actions.approve(submitted, by=rosa)
    correcting.erase(submitted, by=ann)
    messaging.write_to_reviewers(submitted, by=ann, message="One more word.")

    correcting.erase(submitted, by=ann)
    correcting.erase(submitted, by=ann)

    assert [note.message for note in submitted.notes.exclude(message="")] == []
    assert Entry.objects.filter(verb="application.erased").count() == 2


def test_a_deleted_application_is_not_appealed(submitted, ann, rosa):
    actions.decline(submitted, by=rosa, reason="incomplete")
    correcting.erase(submitted, by=ann)

    with pytest.raises(Refusal) as refused:
        actions.appeal(submitted, by=ann, message="Look again.")

    assert refused.value.code == "application_erased"
    assert signed_in(ann).get(submitted.get_absolute_url()).context["may_appeal"] is False
