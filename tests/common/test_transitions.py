"""The guard of every state machine."""

import pytest

from portal.common.transitions import IllegalMove, LostRace, move
from portal.releases.models import RELEASE_MOVES, Release, ReleaseStatus
from tests import cast


def test_move_writes_the_state_and_the_changes(db):
    release = cast.release(status=ReleaseStatus.CLEARED)

    left = move(release, ReleaseStatus.OPEN, moves=RELEASE_MOVES, name="Renamed")

    stored = Release.objects.get()
    assert (left, release.status, stored.status, stored.name) == ("cleared", "open", "open", "Renamed")


def test_move_refuses_what_the_table_has_not(db):
    release = cast.release(status=ReleaseStatus.DRAFT)

    with pytest.raises(IllegalMove) as caught:
        move(release, ReleaseStatus.OPEN, moves=RELEASE_MOVES)

    assert caught.value.sentence == "This release is draft and cannot become open."
    assert Release.objects.get().status == ReleaseStatus.DRAFT


def test_move_by_the_slower_of_two_changes_nothing(db):
    release = cast.release(status=ReleaseStatus.CLEARED)
    slower = Release.objects.get()
    move(release, ReleaseStatus.WITHDRAWN, moves=RELEASE_MOVES)

    with pytest.raises(LostRace) as caught:
        move(slower, ReleaseStatus.OPEN, moves=RELEASE_MOVES)

    assert (caught.value.code, slower.status) == ("release_changed", "cleared")
    assert Release.objects.get().status == ReleaseStatus.WITHDRAWN
