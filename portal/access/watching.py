"""Noticing within a moment that somebody's access may have changed: every such change is in the ledger."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

import structlog
from django.db import DatabaseError
from django.db.models import Max

from portal.common.threads import let_go_after
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb

# With the work that follows, a revocation is felt well within a second.
LOOK_EVERY_SECONDS = 0.25
# What never shuts a gate for anybody. A verb that is new counts as a change until it stands here.
HARMLESS = frozenset(
    {
        Verb.WEIGHTS_DOWNLOADED,
        Verb.DOWNLOAD_CUT,
        Verb.LINK_CREATED,
        Verb.WEIGHTS_IMPORT_REQUESTED,
        Verb.WEIGHTS_IMPORT_FAILED,
        Verb.REVISION_SIGNED,
        Verb.HOLDERS_MAILED,
        Verb.APPLICATION_STARTED,
        Verb.GENERATION_REQUESTED,
        Verb.GENERATION_ENDED,
    }
)

log = structlog.get_logger(__name__)


class Watch:
    """Remembers up to which entry the ledger was read. One query a look."""

    def __init__(self) -> None:
        self._last: int | None = None

    def has_changed(self) -> bool:
        """Whether anything that may shut a gate was recorded since the last look; the first look says no.

        Raises DatabaseError.
        """
        if self._last is None:
            self._last = Entry.objects.aggregate(last=Max("number"))["last"] or 0
            return False
        found = dict(Entry.objects.filter(number__gte=self._last).values_list("number", "verb"))
        if self._last and found.pop(self._last, None) is None:
            # Another ledger: the database was restored from a copy.
            self._last = None
            return True
        self._last = max(found, default=self._last)
        return any(verb not in HARMLESS for verb in found.values())

    async def keep_looking(self, on_change: Callable[[], None], *, threads: Executor) -> None:
        """Look every LOOK_EVERY_SECONDS, for ever; a database that is away counts as a change."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            try:
                if await loop.run_in_executor(threads, let_go_after, self.has_changed):
                    on_change()
            except DatabaseError as error:
                log.warning("access_not_watched", error=type(error).__name__)
                on_change()
