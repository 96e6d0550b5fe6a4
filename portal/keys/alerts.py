"""Which budgets of tokens are nearly or wholly used up, and who is told: once a limit, day and share."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import redis
import structlog
from django.conf import settings
from django.db import connection, transaction

from portal.accounts.models import User
from portal.accounts.roles import holders_of
from portal.keys import letters, usage
from portal.keys.applying import SCOPE
from portal.keys.limiting import EPOCH
from portal.keys.models import UsageCursor
from portal.keys.watching import Watched, budgets_used

NEAR_PERCENT, END_PERCENT = 80, 100
# A request holds the worst to which it may come, so hardly a budget is used to its last token. Where less
# than this is left, it is as good as used up.
REST_PERCENT = 1
# Who may change a shared limit is told that it runs out.
STAFF = "keys.change_limit"
# How far the usage had been written when limits were last looked at; a row beside the stream's own.
LOOKED = f"{usage.STREAM}:alerts"
PIPELINE_MAX = 1000
MAILS_A_TRANSACTION = 100
TIMEOUT_SECONDS = 5
FIELDS = ("day", "day_used", "total_used")

log = structlog.get_logger(__name__)

# Who inserts the row writes the mail: of two that try at once the second waits, and gets none back.
_CLAIM = """
INSERT INTO keys_usagealert (limit_name, day, percent, user_id, told_at)
SELECT given.* FROM json_to_recordset(%s)
    AS given(limit_name varchar, day date, percent smallint, user_id bigint, told_at timestamptz)
WHERE EXISTS (SELECT FROM accounts_user WHERE id = given.user_id)
ORDER BY 1, 2, 3, 4
ON CONFLICT DO NOTHING
RETURNING limit_name, day, percent, user_id
"""


@dataclass(frozen=True, slots=True)
class Alert:
    """A budget of which 80 or 100 % are used. `day` is the one that is meant, None for tokens in total."""

    watched: Watched
    percent: int
    number: int
    used: int
    day: date | None

    @property
    def name(self) -> str:
        """What is told once; another number under the same limit is news again."""
        return f"{self.watched.limit.name}={self.number}"

    @property
    def left(self) -> int:
        """The tokens that are not used."""
        return max(0, self.number - self.used)

    @property
    def used_percent(self) -> int:
        """The share that is used, rounded down."""
        return min(100, self.used * 100 // self.number)

    @property
    def is_end(self) -> bool:
        """Whether nothing worth mentioning is left."""
        return self.percent == END_PERCENT


def look(*, at: datetime | None = None) -> int:
    """Mail whom it concerns that a budget is used to 80 or 100 %; return how many mails that are.

    Only what was used since the last look is looked at, in about ten queries and a round trip
    to Valkey for each thousand budgets. While Valkey is away nothing is looked at, and nothing missed.
    """
    moment = at or datetime.now(UTC)
    written = UsageCursor.objects.filter(stream=usage.STREAM).values_list("last_id", flat=True).first()
    looked, _ = UsageCursor.objects.get_or_create(stream=LOOKED)
    if written is None or written == looked.last_id:
        return 0
    since = datetime.fromtimestamp(int(looked.last_id.partition("-")[0]) / 1000, tz=UTC)
    try:
        found = list(_found(budgets_used(since), moment))
    except redis.RedisError as error:
        log.warning("usage_alerts_wait", error=type(error).__name__)
        return 0
    told = _tell(found, moment)
    # Only now, so that who dies on the way is followed by one who looks at the same again.
    UsageCursor.objects.filter(stream=LOOKED, last_id=looked.last_id).update(last_id=written)
    return told


def _found(budgets: Sequence[Watched], moment: datetime) -> Iterator[Alert]:
    """What is used to 80 % or more. Raises redis.RedisError."""
    today = moment.date()
    with redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
    ) as client:
        for start in range(0, len(budgets), PIPELINE_MAX):
            part = budgets[start : start + PIPELINE_MAX]
            with client.pipeline(transaction=False) as pipeline:
                for one in part:
                    pipeline.hmget(f"{SCOPE}{one.limit.name}", FIELDS)
                rows: list[Any] = pipeline.execute()
            for one, row in zip(part, rows, strict=True):
                day, day_used, total_used = (int(float(value or 0)) for value in row)
                is_today = day == (today - EPOCH).days
                yield from _alert(one, one.limit.tokens_per_day, day_used if is_today else 0, today)
                yield from _alert(one, one.limit.tokens_total, total_used, None)


def _alert(watched: Watched, number: int | None, used: int, day: date | None) -> Iterator[Alert]:
    # A limit of nothing was set so that nothing is used; that is no news.
    if number and used * 100 >= number * NEAR_PERCENT:
        is_end = used * 100 > number * (100 - REST_PERCENT)
        yield Alert(watched, END_PERCENT if is_end else NEAR_PERCENT, number, used, day)


def _tell(alerts: Sequence[Alert], moment: datetime) -> int:
    """Write the mails that were not written yet, some in each transaction."""
    staff: list[int] = []
    if any(alert.watched.user_id is None for alert in alerts):
        staff = [person.pk for person in holders_of(STAFF)]
    to_tell = [
        (alert, user_id)
        for alert in alerts
        for user_id in ([alert.watched.user_id] if alert.watched.user_id is not None else staff)
    ]
    told = 0
    for start in range(0, len(to_tell), MAILS_A_TRANSACTION):
        told += _tell_some(to_tell[start : start + MAILS_A_TRANSACTION], moment)
    return told


@transaction.atomic
def _tell_some(to_tell: Sequence[tuple[Alert, int]], moment: datetime) -> int:
    claimed = _claim(to_tell, moment)
    new = [
        (alert, user_id)
        for alert, user_id in to_tell
        if (alert.name, alert.day, alert.percent, user_id) in claimed
    ]
    people = User.objects.filter(is_active=True).in_bulk([user_id for _, user_id in new])
    mails = [(alert, people[user_id]) for alert, user_id in new if user_id in people]
    for alert, person in mails:
        letters.budget_used(alert, person)
    return len(mails)


def _claim(to_tell: Sequence[tuple[Alert, int]], moment: datetime) -> set[tuple[Any, ...]]:
    """Insert the rows of what is told; return those that were not there.

    Who is told of the end is not told of 80 % afterwards.
    """
    given = [
        {
            "limit_name": alert.name,
            "day": alert.day and alert.day.isoformat(),
            "percent": percent,
            "user_id": user_id,
            "told_at": moment.isoformat(),
        }
        for alert, user_id in to_tell
        for percent in ((NEAR_PERCENT, END_PERCENT) if alert.is_end else (NEAR_PERCENT,))
    ]
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [json.dumps(given)])
        return set(cursor.fetchall())
