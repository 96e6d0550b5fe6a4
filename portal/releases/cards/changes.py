"""What changed between a revision and the one before it under its name: by the files, not by what is said."""

from collections.abc import Iterable
from dataclasses import dataclass

from portal.releases.models import Revision

NAMES_SHOWN = 10


@dataclass(frozen=True)
class Group:
    """Files to which the same happened: how many, and the first of their paths."""

    label: str
    count: int
    paths: tuple[str, ...]

    @property
    def more_count(self) -> int:
        """How many are not named."""
        return self.count - len(self.paths)


@dataclass(frozen=True)
class Changes:
    """The files that differ from those of `former`; no group where there are none of its kind."""

    former: Revision
    groups: tuple[Group, ...]


def changes_of(revision: Revision) -> Changes | None:
    """What changed since the newest revision of the same name before this one; None where it is the first.

    Up to three queries.
    """
    before = Revision.objects.filter(
        release_id=revision.release_id, name=revision.name, frozen_at__lt=revision.frozen_at
    )
    former = before.order_by("-frozen_at", "-pk").first()
    if former is None:
        return None
    old = dict(former.files.values_list("path", "sha256"))
    new = dict(revision.files.values_list("path", "sha256"))
    groups = (
        _group("Changed", (path for path in new if path in old and new[path] != old[path])),
        _group("Added", new.keys() - old.keys()),
        _group("Removed", old.keys() - new.keys()),
    )
    return Changes(former, tuple(group for group in groups if group.count))


def _group(label: str, paths: Iterable[str]) -> Group:
    found = sorted(paths)
    return Group(label, len(found), tuple(found[:NAMES_SHOWN]))
