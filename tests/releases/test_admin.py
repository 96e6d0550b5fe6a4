"""What /admin/ lets an administrator do to releases, licences and downloads: read, and edit texts."""

import pytest

from portal.accounts.models import User
from portal.releases import actions, importing
from portal.releases.models import Release, ReleaseStatus
from tests.conftest import signed_in


@pytest.fixture
def administrator(db):
    return signed_in(User.objects.create_superuser("root@example.org", "correct-horse-battery"))


@pytest.fixture
def revision(release, directory):
    work = actions.request_import(release, source=str(directory), by=None, dispatch=False)
    importing.run(work.pk)
    return release.current_revision()


def test_an_administrator_reads_every_list(administrator, ada, revision):
    for table in (
        "releases/release", "releases/revision", "releases/weightfile", "releases/weightimport",
        "releases/modelcard", "releases/documentation", "releases/measurement",
        "licensing/licence", "licensing/licenceversion", "licensing/acceptance", "hub/download",
    ):  # fmt: skip
        assert administrator.get(f"/admin/{table}/").status_code == 200, table


def test_an_administrator_can_add_and_delete_nothing_that_is_kept_for_good(administrator, ada, revision):
    file, version = revision.files.first(), revision.release.licence.current_version()
    for address in (
        "releases/release/add", "releases/revision/add", "hub/download/add", "licensing/licenceversion/add",
        f"releases/release/{revision.release_id}/delete", f"releases/weightfile/{file.pk}/delete",
        f"licensing/licenceversion/{version.pk}/delete", "licensing/acceptance/add",
    ):  # fmt: skip
        assert administrator.get(f"/admin/{address}/").status_code == 403, address


def test_an_administrator_edits_a_text_but_never_a_state(administrator, release):
    form = {
        "name": "Tiny", "summary": "Smaller.", "description": "", "stage": "general",
        "context_length": "4096", "status": "draft", "hub_id": "evil/tiny",
    }  # fmt: skip

    response = administrator.post(f"/admin/releases/release/{release.pk}/change/", form)

    changed = Release.objects.get()
    assert response.status_code == 302
    assert (changed.summary, changed.context_length) == ("Smaller.", 4096)
    assert (changed.status, changed.hub_id) == (ReleaseStatus.OPEN, "open-weights/tiny")
