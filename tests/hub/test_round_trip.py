"""What the Hub's own client keeps of a download can be imported again, and is the same revision."""

import pytest

from portal.releases import actions, importing
from portal.releases.models import ImportStatus
from tests import cast
from tests.gateway import processes
from tests.hub.conftest import bearer_of
from tests.hub.test_live import hf


@pytest.mark.live
@pytest.mark.django_db(transaction=True)
def test_the_cache_of_hf_is_imported_and_gives_the_same_commit(
    transactional_db, revision, ada, tmp_path, settings
):
    token = bearer_of(ada)["Authorization"].removeprefix("Bearer ")
    with processes.portal(WEIGHTS_ROOT=settings.WEIGHTS_ROOT) as address:
        done = hf(address, tmp_path / "home", "download", "open-weights/tiny", token=token)
    assert done.returncode == 0, done.stderr
    [repository] = (tmp_path / "home" / "hub").glob("models--*")
    copy = cast.release("copy")

    work = actions.request_import(copy, source=str(repository), by=None, dispatch=False)
    importing.run(work.pk)

    work.refresh_from_db()
    assert (work.status, work.error, work.kind) == (ImportStatus.DONE, "", "snapshot")
    assert work.revision.commit == revision.commit
    assert work.source.endswith(f"/models--open-weights--tiny/snapshots/{revision.commit}")
