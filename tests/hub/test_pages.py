"""The release pages: who sees which, and what they show."""

import shlex
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.events.models import Registration, RegistrationStatus
from portal.hub import links
from portal.releases import actions, importing
from portal.releases.models import Blob, ReleaseStatus, Revision, WeightFile
from tests import cast
from tests.conftest import signed_in

# The session's three are among them.
PAGE_QUERIES = 26
FILE_QUERIES = 11


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
    assert "curl -f" not in page
    assert "Your links" not in page


def test_ada_gets_buttons_and_commands(as_ada, revision):
    page = as_ada.get("/releases/tiny/").content.decode()

    assert "The weights are open to you" in page
    assert f'href="/hub/open-weights/tiny/resolve/{revision.commit}/config.json"' in page
    assert f"https://portal.example.org/releases/tiny/{revision.commit}/curl.txt" in page
    assert "hf download open-weights/tiny" in page
    assert "4 files, 1.0" in page.replace("\xa0", " ")
    assert "SHA256SUMS" in page
    assert "1000 Mbit/s" in page


def test_a_file_has_a_page_with_its_checksum_and_commands(as_ada, client, revision):
    path = f"/releases/tiny/{revision.commit}/files/onnx/models of \u00e9t\u00e9.onnx"

    mine, strange = as_ada.get(path), client.get(path).content.decode()

    sha256 = revision.files.get(path__startswith="onnx/").sha256
    assert [command.name for command in mine.context["commands"]] == ["curl", "aria2", "hf", "python"]
    assert f"<code>{sha256}</code>" in strange
    assert "Before you can download" in strange
    assert "curl -f" not in strange
    assert as_ada.get(f"/releases/tiny/{revision.commit}/files/other").status_code == 404
    assert as_ada.get(f"/releases/tiny/{'0' * 40}/files/config.json").status_code == 404


def test_a_file_name_cannot_slip_a_command_into_the_shell(as_ada, release):
    name = "onnx/a$(reboot)'\"b `x`.safetensors"
    revision = revision_of(release, name)

    commands = commands_of(as_ada, revision, name)

    quoted = "onnx/a%24%28reboot%29%27%22b%20%60x%60.safetensors"
    url = f"https://portal.example.org/hub/open-weights/tiny/resolve/{revision.commit}/{quoted}"
    assert words(commands["curl"])[-4:] == ["Authorization: Bearer $KEY", "-o", name, url]
    assert words(commands["aria2"])[-3:] == ["-o", name, url]
    assert words(commands["hf"])[-4:] == ["hf", "download", "open-weights/tiny", name]
    assert eval(commands["python"].partition('tiny",\n    ')[2].partition(",\n")[0]) == name


def test_a_file_named_like_an_option_is_taken_for_a_file(as_ada, release):
    revision = revision_of(release, "-rf")

    commands = commands_of(as_ada, revision, "-rf")

    assert words(commands["curl"])[-2] == "./-rf"
    assert words(commands["hf"])[-2:] == ["--", "-rf"]


def test_aria2_is_not_given_a_key_that_it_would_send_on_to_a_bucket(settings, as_ada, revision):
    settings.WEIGHTS_DELIVERY = "bucket"

    page = as_ada.get("/releases/tiny/")

    assert [command.name for command in page.context["commands"]] == ["hf", "python", "curl"]
    assert "aria2" not in commands_of(as_ada, revision, "config.json")


def revision_of(release, *paths):
    made = Revision.objects.create(release=release, commit="c" * 40, total_bytes=len(paths))
    WeightFile.objects.bulk_create(
        WeightFile(revision=made, path=path, size_bytes=1, sha256=f"{number:064x}", git_oid="0" * 40)
        for number, path in enumerate(paths)
    )
    return made


def commands_of(client, revision, name):
    page = client.get(f"/releases/tiny/{revision.commit}/files/{quote(name)}")
    return {command.name: command.code for command in page.context["commands"]}


def words(command):
    return shlex.split(command.replace("\\\n", ""))


def test_an_older_revision_has_a_page_of_its_own(as_ada, release, directory, revision):
    (directory / "config.json").write_bytes(b"{}")
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)
    newer = release.current_revision()

    now = as_ada.get("/releases/tiny/").content.decode()
    older = as_ada.get(f"/releases/tiny/{revision.commit}/").content.decode()

    assert f'href="/releases/tiny/{revision.commit}/"' in now
    assert f"/resolve/{newer.commit}/config.json" in now
    assert "An older revision." not in now
    assert "An older revision." in older
    assert f"hf download open-weights/tiny --revision {revision.commit}" in older
    assert f"/resolve/{newer.commit}/" not in older
    assert as_ada.get(f"/releases/tiny/{'0' * 40}/").status_code == 404


def test_a_yanked_revision_says_why(as_ada, revision):
    revision.yanked_at, revision.yank_reason = timezone.now(), "The tokenizer is wrong."
    revision.save(update_fields=["yanked_at", "yank_reason"])

    page = as_ada.get("/releases/tiny/").content.decode()

    assert page.count("The tokenizer is wrong.") == 2
    assert "Do not start with it." in page


def test_a_file_out_of_service_and_a_pickle_are_marked(as_ada, revision):
    file = revision.files.get(path="model.safetensors")
    Blob.objects.update_or_create(
        sha256=file.sha256, defaults={"size_bytes": file.size_bytes, "damaged_at": timezone.now()}
    )
    WeightFile.objects.create(
        revision=revision, path="old.bin", size_bytes=1, sha256="0" * 64, git_oid="0" * 40, is_pickle=True
    )

    page = as_ada.get("/releases/tiny/").content.decode()
    alone = as_ada.get(f"/releases/tiny/{revision.commit}/files/model.safetensors").content.decode()

    assert page.count("Out of service") == 1
    assert page.count("Pickle: loading it can run code") == 1
    assert 'aria-label="Download model.safetensors"' not in page
    assert 'aria-label="Download old.bin"' in page
    assert "Out of service: its stored bytes" in alone
    assert "curl -f" not in alone


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


def queries_of(client, path):
    client.get(path)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


@pytest.mark.parametrize("count", [1, 3, 300])
def test_the_page_costs_the_same_with_one_file_and_with_three_hundred(as_ada, ada, release, count):
    made = revision_of(release, *(f"{number}.txt" for number in range(count)))
    for file in made.files.all()[:3]:
        links.create(file, by=ada)

    assert queries_of(as_ada, "/releases/tiny/") == PAGE_QUERIES
    assert queries_of(as_ada, f"/releases/tiny/{made.commit}/files/0.txt") == FILE_QUERIES


def test_a_revision_of_very_many_files_is_shown_a_page_at_a_time(as_ada, release):
    revision_of(release, *(f"{number:04}" for number in range(501)))

    first = as_ada.get("/releases/tiny/").content.decode()
    second = as_ada.get("/releases/tiny/?page=2").content.decode()

    assert "501 files" in first
    assert (">0499<" in first, ">0500<" in first) == (True, False)
    assert (">0499<" in second, ">0500<" in second) == (False, True)
