"""What changed between two versions of a licence: its words, and its conditions."""

from dataclasses import dataclass
from functools import lru_cache

from portal.common.differences import SAME, Passage, passages_between
from portal.licensing.conditions import ConditionChange, condition_changes
from portal.licensing.models import LicenceVersion


@dataclass(frozen=True)
class Comparison:
    """All that lies between two versions."""

    older: LicenceVersion
    newer: LicenceVersion
    passages: tuple[Passage, ...]
    conditions: tuple[ConditionChange, ...]

    @property
    def is_same_text(self) -> bool:
        """Whether no word changed."""
        return all(passage.kind == SAME for passage in self.passages)


def comparison(older: LicenceVersion, newer: LicenceVersion) -> Comparison:
    """What changed from `older` to `newer`. No query."""
    passages = _passages(older.text, newer.text)
    return Comparison(older, newer, passages, tuple(condition_changes(older, newer)))


def version_before(version: LicenceVersion, among: list[LicenceVersion]) -> LicenceVersion | None:
    """The version before this one; `among` has the announced ones, newest first.

    Before a draft comes the one in force, or else the first whose day is set.
    """
    if version not in among:
        return next((one for one in among if not one.is_scheduled()), next(iter(among), None))
    return next(iter(among[among.index(version) + 1 :]), None)


@lru_cache(maxsize=32)
def _passages(older: str, newer: str) -> tuple[Passage, ...]:
    """Anybody may ask for it, long texts take a while, and what is published does not change."""
    return tuple(passages_between(older, newer))
