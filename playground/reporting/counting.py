"""How reports stand, and how many answers in a thousand were found to be incidents."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Min, Q, Sum
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from playground.models import GenerationStatus
from playground.reporting.models import Report, ReportStatus, Severity
from portal.keys.models import DailyReleaseUsage
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb
from portal.releases.models import Release

RATES_DAYS = 30


@dataclass(frozen=True)
class Standing:
    """What is still to be done: how many wait for a decision and for a fix, and how bad they are."""

    waiting_count: int
    accepted_count: int
    unread_count: int
    oldest_at: datetime | None
    severities: tuple[tuple[Severity, int], ...]

    @property
    def open_count(self) -> int:
        """All with which something is still to be done."""
        return self.waiting_count + self.accepted_count


@dataclass(frozen=True)
class IncidentRate:
    """Incidents among the answers of a release, or of one of its revisions (`commit`; "": not known)."""

    release: Release
    commit: str
    incident_count: int
    answer_count: int

    @property
    def per_thousand(self) -> float | None:
        """Incidents in a thousand answers; None where no answer was counted."""
        return 1000 * self.incident_count / self.answer_count if self.answer_count else None


def standing() -> Standing:
    """How reports stand now, the worst first. One query."""
    counts = {f"severity_{one.value}": Count("pk", filter=Q(severity=one)) for one in Severity}
    found = Report.objects.unresolved().aggregate(
        accepted=Count("pk", filter=Q(status=ReportStatus.ACCEPTED)),
        total=Count("pk"),
        unread=Count("pk", filter=Q(unread_at__isnull=False)),
        oldest=Min("reported_at"),
        **counts,
    )
    return Standing(
        waiting_count=found["total"] - found["accepted"],
        accepted_count=found["accepted"],
        unread_count=found["unread"],
        oldest_at=found["oldest"],
        severities=tuple(
            (one, found[f"severity_{one.value}"])
            for one in reversed(Severity)
            if found[f"severity_{one.value}"]
        ),
    )


def rates_by_release(*, at: datetime | None = None) -> list[IncidentRate]:
    """Incidents that were reported in RATES_DAYS before `at` (None: now), against all answers of those days.

    Answers are those that the API and the playground gave. Releases without any of both are left out.
    Three queries.
    """
    since = _since(at)
    reported = Report.objects.incidents().filter(reported_at__gte=since).order_by()
    incidents = dict(reported.values_list("release_id").annotate(Count("pk")))
    usage = DailyReleaseUsage.objects.filter(day__gte=since.date()).order_by()
    given = Sum(F("requests_count") - F("failures_count"))
    answers = dict(usage.values_list("release_id").annotate(given=given))
    found = Release.objects.filter(pk__in={*incidents, *answers}).order_by("name")
    return [IncidentRate(one, "", incidents.get(one.pk, 0), answers.get(one.pk, 0)) for one in found]


def rates_by_revision(*, at: datetime | None = None) -> list[IncidentRate]:
    """The same in the playground alone, where the revision is known, against all answers that it gave.

    They are counted in the ledger, where what people and retention delete stays. Three queries, one of which
    reads the ledger's entries of RATES_DAYS about answers.
    """
    since = _since(at)
    reported = Report.objects.incidents().filter(is_of_playground=True, reported_at__gte=since).order_by()
    incidents = {
        (release, commit): count
        for release, commit, count in reported.values_list("release_id", "revision_commit").annotate(
            Count("pk")
        )
    }
    given = _given_by_revision(since)
    named = Q(slug__in={slug for slug, _ in given}) | Q(pk__in={release for release, _ in incidents})
    releases = {one.pk: one for one in Release.objects.filter(named)}
    ids = {one.slug: one.pk for one in releases.values()}
    answers = {(ids[slug], commit): count for (slug, commit), count in given.items() if slug in ids}
    rates = [
        IncidentRate(releases[key[0]], key[1], incidents.get(key, 0), answers.get(key, 0))
        for key in {*incidents, *answers}
    ]
    return sorted(rates, key=lambda one: (one.release.name, one.commit))


def _given_by_revision(since: datetime) -> dict[tuple[str, str], int]:
    """How many answers ended well since then, by the slug of the release and the commit. One query."""
    ended = Entry.objects.filter(
        verb=Verb.GENERATION_ENDED, at__gte=since, data__status=GenerationStatus.DONE
    ).order_by()
    named = ended.annotate(
        release=KeyTextTransform("release", "data"), commit=KeyTextTransform("revision", "data")
    )
    rows = named.values_list("release", "commit").annotate(count=Count("pk"))
    return {(release or "", commit or ""): count for release, commit, count in rows}


def _since(at: datetime | None) -> datetime:
    return (at or timezone.now()) - timedelta(days=RATES_DAYS)
