"""Drafts: saved as one types and by a plain button, through the end of a session, for their owner alone."""

import pytest
from django.test import Client

from portal.admissions import actions
from portal.admissions.models import Application, ApplicationStatus
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove
from portal.ledger.models import Entry
from tests import cast
from tests.admissions.conftest import ANSWERS, form
from tests.conftest import signed_in

URL = "/apply/early-access/"
HTMX = {"HX-Request": "true"}


def test_typing_saves_a_draft_and_says_when(ann, programme):
    client = signed_in(ann)

    line = client.post(f"{URL}draft/", form(client, programme, country=""), headers=HTMX)

    saved = Application.objects.get()
    assert saved.status == ApplicationStatus.DRAFT
    assert saved.answers == ANSWERS | {"country": ""}
    assert line.status_code == 200
    assert 'role="status"' in line.content.decode()
    assert f"{saved.saved_at:%H:%M} UTC" in line.content.decode()
    assert "<html" not in line.content.decode()


def test_typing_on_changes_the_same_draft_and_writes_no_more_entries(ann, programme):
    client = signed_in(ann)
    for use_case in ("S", "Su", "Sum"):
        client.post(f"{URL}draft/", form(client, programme, use_case=use_case), headers=HTMX)

    assert Application.objects.get().answers["use_case"] == "Sum"
    assert [entry.verb for entry in Entry.objects.all()] == ["programme.opened", "application.started"]


def test_a_draft_survives_signing_out(ann, programme):
    client = signed_in(ann)
    client.post(f"{URL}draft/", form(client, programme, use_case="Half a thou"), headers=HTMX)
    client.logout()

    page = signed_in(ann).get(URL).content.decode()

    assert "Half a thou" in page
    assert '<option value="DE" selected>' in page


def test_a_draft_is_saved_without_a_script(ann, programme):
    client = signed_in(ann)

    page = client.post(URL, form(client, programme, organisation="") | {"save": "1"}, follow=True)

    assert Application.objects.get().status == ApplicationStatus.DRAFT
    assert "Your draft is saved" in page.content.decode()
    assert "Summarising" in page.content.decode()


def test_a_plain_post_to_the_draft_saves_and_goes_back(ann, programme):
    client = signed_in(ann)

    response = client.post(f"{URL}draft/", form(client, programme))

    assert (response.status_code, response["Location"]) == (302, URL)
    assert Application.objects.get().answers == ANSWERS


def test_saving_late_never_changes_what_was_submitted(ann, programme):
    client = signed_in(ann)
    sent = form(client, programme)
    client.post(URL, sent)

    late = client.post(f"{URL}draft/", sent | {"answer-use_case": "Something else"}, headers=HTMX)

    assert late.status_code == 409
    assert "has been submitted" in late.content.decode()
    assert Application.objects.get().answers == ANSWERS


def test_typing_after_the_session_ended_says_how_to_go_on(ann, programme):
    client = signed_in(ann)
    sent = form(client, programme)
    client.logout()

    line = client.post(f"{URL}draft/", sent, headers=HTMX)

    assert line.status_code == 401
    assert "Not saved: your session ended." in line.content.decode()
    assert f'href="/accounts/login/?next={URL}" target="_blank"' in " ".join(line.content.decode().split())
    assert not Application.objects.exists()


def test_a_form_sent_after_the_session_ended_is_there_after_signing_in(ann, programme):
    client = signed_in(ann)
    sent = form(client, programme)
    client.logout()

    asked = client.post(URL, sent)
    page = client.post(asked["Location"], {"login": ann.email, "password": cast.PASSWORD}, follow=True)

    assert asked["Location"] == f"/accounts/login/?next={URL}"
    assert "What you had typed is here again" in page.content.decode()
    assert "Summarising the minutes" in page.content.decode()
    assert Application.objects.get().answers == ANSWERS
    assert Application.objects.get().applicant == ann


def test_what_ann_typed_is_not_shown_to_who_signs_in_after_her(ann, mallory, programme):
    client = signed_in(ann)
    sent = form(client, programme)
    client.logout()
    client.post(URL, sent)

    page = client.post(
        f"/accounts/login/?next={URL}", {"login": mallory.email, "password": cast.PASSWORD}, follow=True
    )

    assert "Summarising the minutes" not in page.content.decode()
    assert not Application.objects.exists()


@pytest.mark.parametrize("slip", ["", "1", "1:forged"])
def test_a_stranger_cannot_fill_sessions(client, programme, slip):
    response = client.post(URL, {"answer-use_case": "x" * 1000, "slip": slip})

    assert response.status_code == 302
    assert "portal_session" not in response.cookies


def test_a_form_of_ann_is_not_saved_as_mallorys(ann, mallory, programme):
    sent = form(signed_in(ann), programme)
    client = signed_in(mallory)

    line = client.post(f"{URL}draft/", sent, headers=HTMX)
    page = client.post(URL, sent)

    assert (line.status_code, page.status_code) == (409, 409)
    assert "somebody else is signed in" in line.content.decode()
    assert "opened by another account" in page.content.decode()
    assert not Application.objects.exists()


def test_saving_needs_the_sites_own_token(ann, programme):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann, backend="django.contrib.auth.backends.ModelBackend")

    response = client.post(f"{URL}draft/", form(client, programme), headers=HTMX)

    assert response.status_code == 403
    assert not Application.objects.exists()


def test_the_token_in_the_cookie_does_for_the_one_in_the_page(ann, programme):
    """What static/portal/admissions.js does after a new sign-in in another tab."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann, backend="django.contrib.auth.backends.ModelBackend")
    sent = form(client, programme)
    token = client.cookies["csrftoken"].value

    response = client.post(f"{URL}draft/", sent, headers=HTMX | {"X-CSRFToken": token})

    assert response.status_code == 200


def test_starting_twice_gives_the_same_draft(ann, programme):
    assert actions.start(programme, by=ann) == actions.start(programme, by=ann)
    assert Application.objects.count() == 1


def test_mallory_cannot_write_or_submit_anns_draft(draft, mallory):
    for verb in (actions.save_draft, actions.submit):
        with pytest.raises(Refusal) as refused:
            verb(draft, answers=ANSWERS, by=mallory)
        assert (refused.value.code, refused.value.status) == ("not_yours", 404)


def test_submitting_checks_required_answers_whatever_the_form_let_through(draft, ann):
    with pytest.raises(Refusal) as refused:
        actions.submit(draft, answers=ANSWERS | {"use_policy": False}, by=ann)

    assert refused.value.code == "answers_missing"
    assert (
        refused.value.sentence == "Some answers are missing: I have read the use policy and will keep to it."
    )


def test_submitting_twice_is_an_illegal_move(submitted, ann):
    with pytest.raises(IllegalMove):
        actions.submit(submitted, answers=ANSWERS, by=ann)


def test_a_deactivated_account_cannot_start(ann, programme):
    ann.is_active = False
    ann.save()

    with pytest.raises(Refusal) as refused:
        actions.start(programme, by=ann)

    assert refused.value.code == "account_inactive"
