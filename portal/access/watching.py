"""Noticing within a moment that somebody's access may have changed: every such change is in the ledger."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

import structlog
from django.db import DatabaseError
from django.db.models import QuerySet

from portal.common.prepared import prepared
from portal.common.threads import let_go_after
from portal.ledger.models import Entry, newest
from portal.ledger.verbs import Verb

# With the work that follows, a revocation is felt well within a second.
LOOK_EVERY_SECONDS = 0.25
# What never shuts a gate for anybody. A verb that is new counts as a change until it stands here.
HARMLESS = frozenset(
    {
        Verb.ACCOUNT_MAIL_CHOSEN,
        Verb.LICENCE_VERSION_SCHEDULED,
        Verb.LICENCE_VERSION_UNSCHEDULED,
        Verb.LICENCE_RECEIPT_SIGNED,
        Verb.WEIGHTS_DOWNLOADED,
        Verb.DOWNLOAD_CUT,
        Verb.LINK_CREATED,
        Verb.RELEASE_CARD_SAVED,
        Verb.RELEASE_DOCUMENTATION_SAVED,
        Verb.WEIGHTS_IMPORT_REQUESTED,
        Verb.WEIGHTS_IMPORT_FAILED,
        Verb.REVISION_SIGNED,
        Verb.HOLDERS_MAILED,
        Verb.APPLICATION_STARTED,
        Verb.APPLICATIONS_EXPORTED,
        Verb.APPLICATIONS_SHARED_OUT,
        Verb.APPLICATION_CORRECTED,
        Verb.APPLICATION_ERASED,
        Verb.APPLICATION_MESSAGED,
        Verb.APPLICATION_CLAIMED,
        Verb.APPLICATION_ASSIGNED,
        Verb.APPLICATION_LET_GO,
        Verb.APPLICATION_NOTED,
        Verb.APPLICATION_SCORED,
        Verb.APPLICATION_CONFLICT_DECLARED,
        Verb.APPLICATION_REVEALED,
        Verb.APPLICATION_DECISION_PROPOSED,
        Verb.REPLY_TEMPLATE_SAVED,
        Verb.REPLY_TEMPLATE_REMOVED,
        Verb.BULK_DECISION_BEGUN,
        Verb.BULK_DECISION_STOPPED,
        Verb.BULK_DECISION_DONE,
        Verb.TEAM_ASKED_FOR,
        Verb.TEAM_SEATS_SET,
        Verb.TEAM_MEMBER_INVITED,
        Verb.TEAM_INVITATION_SENT_AGAIN,
        Verb.PRE_APPROVAL_MADE,
        Verb.REFERRAL_CODE_MADE,
        Verb.REFERRAL_CODE_USED,
        Verb.GENERATION_REQUESTED,
        Verb.GENERATION_ENDED,
        Verb.PROMPT_RUN_CANCELLED,
        Verb.CONVERSATION_DELETED,
        Verb.SHARE_LINK_CREATED,
        Verb.SHARE_LINK_REVOKED,
        Verb.PREFERENCE_VOTED,
        Verb.FEEDBACK_GIVEN,
        Verb.FEEDBACK_REMOVED,
        Verb.PREFERENCES_EXPORTED,
        Verb.REPORT_FILED,
        Verb.REPORT_TRIAGE_STARTED,
        Verb.REPORT_ACCEPTED,
        Verb.REPORT_DISMISSED,
        Verb.REPORT_FIXED,
        Verb.REPORT_ASSIGNED,
        Verb.REPORT_RATED,
        Verb.REPORT_NOTED,
        Verb.REPORT_MESSAGED,
        Verb.REGRESSION_CASE_MADE,
        Verb.REGRESSION_CASE_RETIRED,
        Verb.REGRESSION_SUITE_RAN,
        Verb.WAVE_PLANNED,
        Verb.WAVE_BROUGHT_FORWARD,
        Verb.WAVE_CANCELLED,
        Verb.WAVE_DRAWN,
        Verb.WAVE_RELEASED,
        Verb.APPLICATION_FLAGGED,
        Verb.RULE_SET_CREATED,
        Verb.RULE_SET_CHANGED,
        Verb.RULE_SET_TRIED,
        Verb.RULE_SET_ACTIVATED,
        Verb.RULE_SET_RETIRED,
        Verb.RULE_RUN_BEGUN,
        Verb.RULE_RUN_STOPPED,
        Verb.RULE_RUN_DONE,
        Verb.DECISIONS_IMPORTED,
        Verb.QUESTIONS_IMPORTED,
        Verb.SUITE_VERSION_ADDED,
        Verb.EVALUATION_RUN_STARTED,
        Verb.EVALUATION_RUN_CANCELLED,
        Verb.EVALUATION_RUN_RETRIED,
        Verb.EVALUATION_RUN_ENDED,
        Verb.EVALUATION_ANSWER_GRADED,
        Verb.EVALUATION_GRADE_UNDONE,
    }
)

log = structlog.get_logger(__name__)


class Watch:
    """Remembers up to which entry the ledger was read. One query a look."""

    def __init__(self) -> None:
        # The number and the hash of the last entry that was read; None before the first look.
        self._last: tuple[int, str] | None = None

    def has_changed(self) -> bool:
        """Whether anything that may shut a gate was recorded since the last look; the first look says no.

        Raises DatabaseError.
        """
        if self._last is None:
            self._last = newest()
            return False
        number, known_hash = self._last
        found = _entries_since(number=number)
        if number and (not found or found[0][:2] != (number, known_hash)):
            # Another ledger: the database was restored from a copy.
            self._last = newest()
            return True
        new = found[1:] if number else found
        if new:
            self._last = new[-1][:2]
        return any(verb not in HARMLESS for *_, verb in new)

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


@prepared
def _entries_since(*, number: int) -> QuerySet[Entry, tuple[int, str, str]]:
    found = Entry.objects.filter(number__gte=number).order_by("number")
    return found.values_list("number", "hash", "verb")
