"""Which budgets of tokens may have moved since a moment, and whom each of them concerns."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from portal.admissions.models import Application, ApplicationStatus, TeamInvitation
from portal.keys.applying import LimitInForce, default_of_user, from_row
from portal.keys.models import ApiKey, DailyUsage, Limit


@dataclass(frozen=True, slots=True)
class Watched:
    """A budget, what it is in words ("Your API key “ci”"), and who is told of it; None: the staff."""

    limit: LimitInForce
    whose: str
    user_id: int | None


def budgets_used(since: datetime) -> list[Watched]:
    """Every budget under which a key may have used something since a moment. At most four queries.

    Rather a few too many: what was not used under a limit is not counted there either.
    """
    keys = ApiKey.objects.filter(last_used_at__gte=since).order_by()
    owners = dict(keys.values_list("pk", "user"))
    if not owners:
        return []
    people = set(owners.values())
    of_each = Q(key__in=keys.values("pk")) | Q(user__in=keys.values("user"))
    shared = Q(programme__isnull=False) | Q(release__isnull=False)
    rows = Limit.objects.filter(of_each | shared).select_related("key", "programme", "release").order_by("pk")
    found: list[Watched] = []
    each_of: dict[str, list[Limit]] = {"programme": [], "release": []}
    have_a_row = set()
    for row in rows:
        if row.user_id is not None:
            have_a_row.add(row.user_id)
            found.append(Watched(from_row(row), "Your account", row.user_id))
        elif row.key is not None:
            found.append(Watched(from_row(row), f"Your API key “{row.key.name}”", row.key.user_id))
        elif row.for_each_person:
            each_of["programme" if row.programme_id else "release"].append(row)
        else:
            found.append(Watched(from_row(row), _shared_words(row), None))
    found += _parts(each_of, people, since)
    found += (
        Watched(default_of_user(user_id), "Your account", user_id) for user_id in sorted(people - have_a_row)
    )
    return [one for one in found if one.limit.has_budget]


def _parts(each_of: dict[str, list[Limit]], people: set[int], since: datetime) -> Iterator[Watched]:
    """Each person's own part of what is limited for each person."""
    programmes = {row.programme_id: row for row in each_of["programme"]}
    if programmes:
        approved = Application.objects.filter(status=ApplicationStatus.APPROVED, programme__in=programmes)
        members = TeamInvitation.objects.memberships().filter(team__application__in=approved).order_by()
        by_team = members.values_list("team__application__programme", "accepted_by")
        for programme_id, user_id in sorted(approved.values_list("programme", "applicant").union(by_team)):
            if user_id in people:
                row = programmes[programme_id]
                yield Watched(
                    from_row(row, user_id=user_id), f"Your part of the programme “{row.programme}”", user_id
                )
    releases = {row.release_id: row for row in each_of["release"]}
    if releases:
        asked = DailyUsage.objects.filter(day__gte=since.date(), release__in=releases)
        for release_id, user_id in asked.values_list("release", "key__user").distinct().order_by():
            row = releases[release_id]
            yield Watched(from_row(row, user_id=user_id), f"Your use of the model “{row.release}”", user_id)


def _shared_words(row: Limit) -> str:
    return f"The programme “{row.programme}”" if row.programme else f"The model “{row.release}”"
