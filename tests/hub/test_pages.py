"""The release pages: who sees which, and what they show."""

import shlex

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.events.models import Registration, RegistrationStatus
from portal.releases import actions
from portal.releases.models import ReleaseStatus
from tests import cast
from tests.conftest import signed_in


def test_a_stranger_sees_open_releases_and_what_is_to_do(client, revision):
    listed = client.get("/releases/").content.decode()
    page = client.get("/releases/tiny/").content.decode()

    assert 'href="/releases/tiny/"' in listed
    assert "Before you can download" in page
    assert "Sign in, or create an account" in page
    assert "Read the licence" in page
    for file in revision.files.all():
        assert file.sha256 in page
    assert revision.commit in page
    assert f"/resolve/{revision.commit}/config.json" not in page
    assert "curl -L" not in page


def test_ada_gets_links_and_commands(as_ada, revision):
    page = as_ada.get("/releases/tiny/").content.decode()

    assert "The weights are open to you" in page
    assert f'href="/hub/open-weights/tiny/resolve/{revision.commit}/config.json"' in page
    assert "curl -L -H &quot;Authorization: Bearer $KEY&quot;" in page
    assert "https://portal.example.org/hub/open-weights/tiny/resolve/main/model.safetensors" in page
    assert "hf download open-weights/tiny" in page
    assert "4 files, 1.0" in page.replace("\xa0", " ")


def test_a_file_name_cannot_slip_a_command_into_the_shell(as_ada, release, directory, tmp_path):
    (directory / "a$(reboot)'b.safetensors").write_bytes(cast.safetensors(2_000_000))
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    actions.import_weights(import_id=work.pk)

    commands = as_ada.get("/releases/tiny/").context["commands"]

    words = shlex.split(commands["curl"].replace("\\\n", ""))
    assert words[4:] == ["-o", "a$(reboot)'b.safetensors", words[-1]]
    assert words[-1].endswith("/resolve/main/a$(reboot)'b.safetensors")


def test_a_release_without_weights_says_so(client, release):
    assert b"No weights yet" in client.get("/releases/tiny/").content


def test_no_release_at_all_says_so(client, db):
    assert b"No release is open yet" in client.get("/releases/").content


@pytest.mark.parametrize("status", [ReleaseStatus.DRAFT, ReleaseStatus.EVALUATING, ReleaseStatus.CLEARED])
def test_a_release_that_is_not_open_is_not_there_for_outsiders(client, as_mallory, release, status):
    release.status = status
    release.save()

    assert client.get("/releases/tiny/").status_code == 404
    assert as_mallory.get("/releases/tiny/").status_code == 404
    assert b"Tiny" not in as_mallory.get("/releases/").content


def test_those_who_manage_releases_see_a_draft(release):
    release.status = ReleaseStatus.DRAFT
    release.save()
    remy = signed_in(cast.staff("remy@example.org", "Release managers"))

    assert b"Not open yet (draft)" in remy.get("/releases/tiny/").content


def test_a_pass_shows_the_prototype_while_the_event_lasts(as_mallory, mallory, release):
    release.status, release.is_event_prototype = ReleaseStatus.EVALUATING, True
    release.save()
    event = cast.event(starts_in=-cast.timedelta(hours=1))
    event.prototypes.add(release)
    Registration.objects.create(event=event, user=mallory, status=RegistrationStatus.REGISTERED)

    assert b"Tiny" in as_mallory.get("/releases/").content
    assert as_mallory.get("/releases/tiny/").status_code == 200

    cast.accept(mallory, release)
    page = as_mallory.get("/releases/tiny/").content.decode()
    assert "A prototype, shown at an event that you are registered for." in page
    assert "Yours to try while the event lasts" in as_mallory.get("/releases/").content.decode()

    event.ends_at = event.starts_at + cast.timedelta(minutes=30)
    event.save()
    assert as_mallory.get("/releases/tiny/").status_code == 404


def test_a_withdrawn_release_says_why_and_gives_nothing(as_ada, revision):
    actions.withdraw(revision.release, reason="It leaked. Use Tiny 2.", by=None)
    never_opened = as_ada.get("/releases/tiny/")
    revision.release.opened_at = revision.frozen_at
    revision.release.save()

    page = as_ada.get("/releases/tiny/").content.decode()

    assert never_opened.status_code == 404
    assert "It leaked. Use Tiny 2." in page
    assert revision.commit not in page
    assert "Withdrawn" in as_ada.get("/releases/").content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_the_same_with_one_release_and_with_three(as_ada, release, count):
    for number in range(1, count):
        cast.release(f"tiny-{number}", under=release.licence)
    as_ada.get("/releases/")

    with CaptureQueriesContext(connection) as queries:
        as_ada.get("/releases/")

    assert len(queries) <= 9


def test_the_page_keeps_its_promise_of_queries(as_ada, revision):
    as_ada.get("/releases/tiny/")

    with CaptureQueriesContext(connection) as queries:
        as_ada.get("/releases/tiny/")

    assert len(queries) <= 24
