"""Which limits of the API hold for whom, and what the database knows of the use of each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db.models import F, Q, QuerySet, Sum

from portal.access.deciding import releases_allowed
from portal.access.decision import Action
from portal.accounts.models import User
from portal.admissions.models import Application, ApplicationStatus, TeamInvitation, approvals_of
from portal.common.prepared import prepared
from portal.keys.models import ApiKey, DailyUsage, Limit
from portal.releases.models import Release

# Before a scope's name: Valkey's key for what is used under it.
SCOPE = "gateway:limit:"
# Whose use counted on the strength of an approval, once at least.
APPROVED_ONCE = (ApplicationStatus.APPROVED, ApplicationStatus.REVOKED)


@dataclass(frozen=True, slots=True)
class LimitInForce:
    """One limit and whom it counts; None in a field: not limited.

    `name` is the scope under which its use is counted: `key:12`, `user:5`, `programme:3`, or
    `release:7:user:5` for one person's part. `limit_id` is 0 for the settings' own.
    `subject` begins a sentence: "This key", "Everyone together …".
    """

    name: str
    limit_id: int
    subject: str
    requests_per_minute: int | None = None
    concurrent_requests: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_day: int | None = None
    tokens_total: int | None = None

    def numbers(self) -> tuple[int | None, ...]:
        """Requests a minute and at a time, tokens a minute, a day and in total."""
        return (
            self.requests_per_minute,
            self.concurrent_requests,
            self.tokens_per_minute,
            self.tokens_per_day,
            self.tokens_total,
        )

    @property
    def has_budget(self) -> bool:
        """Whether tokens are added up by day or for ever."""
        return self.tokens_per_day is not None or self.tokens_total is not None


@dataclass(frozen=True, slots=True)
class Sums:
    """The tokens that the database knows to be used, on a day (days since 1970, UTC) and in total."""

    day: int
    day_tokens: int
    total_tokens: int


def in_force(*, key_id: int | None, user_id: int, release_id: int | None) -> tuple[LimitInForce, ...]:
    """Every limit that holds for a request with a key; without a release, the key's and its owner's.

    Without a key, as in the playground, those of the person, the programmes and the release.

    One query. The key's own stand first, then the owner's, the programmes' and the release's.
    """
    rows = _limits(key_id=key_id or 0, user_id=user_id, release_id=release_id or 0)
    keys = [] if key_id is None else [key_id]
    return _with_defaults([from_row(row, user_id=user_id) for row in rows], keys, user_id)


@prepared
def _limits(*, key_id: int, user_id: int, release_id: int) -> QuerySet[Limit]:
    """Those of a key, a person and a release; 0 where there is none."""
    approving = approvals_of(user_id).filter(programme__releases=release_id)
    concerned = Q(key=key_id) | Q(user=user_id) | Q(release=release_id)
    concerned |= Q(programme__in=approving.values("programme"))
    return Limit.objects.filter(concerned).select_related("programme", "release").order_by("pk")


def in_force_for(user: User) -> tuple[LimitInForce, ...]:
    """Every limit that holds for some request of `user`, whatever the key and the release. Three queries."""
    keys = list(ApiKey.objects.filter(user=user).live().values_list("pk", flat=True))
    releases = list(releases_allowed(user, Action.INFERENCE).values_list("pk", flat=True))
    approving = approvals_of(user.pk).filter(programme__releases__in=releases)
    concerned = Q(key__in=keys) | Q(user=user) | Q(release__in=releases)
    concerned |= Q(programme__in=approving.values("programme"))
    rows = Limit.objects.filter(concerned).select_related("key", "programme", "release").order_by("pk")
    return _with_defaults([from_row(row, user_id=user.pk) for row in rows], keys, user.pk)


def sums_of(name: str, *, at: datetime | None = None) -> Sums:
    """What the database knows of the use under the scope `name`. One query."""
    return all_sums([name], at=at)[name]


def all_sums(names: Sequence[str], *, at: datetime | None = None) -> dict[str, Sums]:
    """What the database knows of the use under each scope. One query, or none for no names."""
    today = (at or datetime.now(UTC)).date()
    tokens, wanted = F("prompt_tokens_count") + F("completion_tokens_count"), {}
    concerned = Q(pk__in=[])
    for index, name in enumerate(names):
        counted = counted_by(name)
        concerned |= counted
        wanted[f"total_{index}"] = Sum(tokens, filter=counted, default=0)
        wanted[f"day_{index}"] = Sum(tokens, filter=counted & Q(day=today), default=0)
    told = DailyUsage.objects.filter(concerned).aggregate(**wanted) if wanted else {}
    day = (today - datetime(1970, 1, 1, tzinfo=UTC).date()).days
    return {
        name: Sums(day=day, day_tokens=told[f"day_{index}"], total_tokens=told[f"total_{index}"])
        for index, name in enumerate(names)
    }


def counted_by(name: str) -> Q:
    """The daily usage that a scope counts.

    A programme's is that of everyone whom it ever approved and of their teams, with its releases:
    nobody wrote down on the strength of what each request was made, and too much is the safe side.
    """
    kind, _, rest = name.partition(":")
    number, _, person = rest.partition(":user:")
    if kind == "key":
        counted = Q(key=int(number))
    elif kind == "user":
        counted = Q(key__user=int(number))
    elif kind == "release":
        counted = Q(release=int(number))
    else:
        people = Application.objects.filter(programme=int(number), status__in=APPROVED_ONCE)
        members = TeamInvitation.objects.filter(team__application__in=people, accepted_by__isnull=False)
        everybody = people.values("applicant").union(members.order_by().values("accepted_by"))
        releases = Release.objects.filter(programmes=int(number))
        counted = Q(release__in=releases.values("pk"), key__user__in=everybody)
    return counted & Q(key__user=int(person)) if person else counted


def subject_of(limit: Limit) -> str:
    """Whom a limit counts, as the beginning of a sentence."""
    if limit.key_id:
        return "This key"
    if limit.user_id:
        return "Your account"
    of = f"in the programme “{limit.programme}”" if limit.programme else f"of the model “{limit.release}”"
    if limit.programme:
        return f"Each person {of}" if limit.for_each_person else f"All people {of} together"
    return f"Each user {of}" if limit.for_each_person else f"All users {of} together"


def from_row(row: Limit, *, user_id: int = 0) -> LimitInForce:
    """A row as it holds for the person `user_id`."""
    numbers = (("key", row.key_id), ("user", row.user_id), ("programme", row.programme_id))
    kind, number = next(((kind, number) for kind, number in numbers if number), ("release", row.release_id))
    return LimitInForce(
        name=f"{kind}:{number}:user:{user_id}" if row.for_each_person else f"{kind}:{number}",
        limit_id=row.pk,
        subject=subject_of(row),
        requests_per_minute=row.requests_per_minute,
        concurrent_requests=row.concurrent_requests,
        tokens_per_minute=row.tokens_per_minute,
        tokens_per_day=row.tokens_per_day,
        tokens_total=row.tokens_total,
    )


def name_for_key(key_id: int) -> str:
    """The scope under which a key's own use is counted."""
    return f"key:{key_id}"


def default_of_user(user_id: int) -> LimitInForce:
    """What holds for a person without a row; 0 in the settings means no limit."""
    return LimitInForce(
        name=f"user:{user_id}",
        limit_id=0,
        subject="Your account",
        tokens_per_minute=settings.GATEWAY_TOKENS_PER_MINUTE or None,
        tokens_per_day=settings.GATEWAY_TOKENS_PER_DAY or None,
    )


def _with_defaults(
    found: list[LimitInForce], key_ids: Iterable[int], user_id: int
) -> tuple[LimitInForce, ...]:
    """The limits with the settings' own, which hold where there is no row; 0 there means none."""
    names = {limit.name for limit in found}
    defaults = [
        default_of_user(user_id),
        *(
            LimitInForce(
                name=name_for_key(key_id),
                limit_id=0,
                subject="This key",
                requests_per_minute=settings.GATEWAY_REQUESTS_PER_MINUTE or None,
                concurrent_requests=settings.GATEWAY_CONCURRENT_REQUESTS or None,
            )
            for key_id in key_ids
        ),
    ]
    found += [limit for limit in defaults if limit.name not in names]
    order = ("key", "user", "programme", "release")
    return tuple(sorted(found, key=lambda limit: order.index(limit.name.partition(":")[0])))
