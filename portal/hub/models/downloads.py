"""The record of every download."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.hub.models.links import DownloadLink
from portal.keys.models import ApiKey
from portal.licensing.models import Acceptance
from portal.releases.models import WeightFile


class Carrier(models.TextChoices):
    """Who moves a download's bytes."""

    PORTAL = "portal", "The portal itself"
    NGINX = "nginx", "nginx"
    BUCKET = "bucket", "Object storage"


class ClientFamily(models.TextChoices):
    """What kind of program downloads, as its User-Agent tells."""

    VLLM = "vllm", "vLLM"
    TRANSFORMERS = "transformers", "Transformers"
    HF = "hf", "hf, huggingface_hub"
    CURL = "curl", "curl"
    ARIA2 = "aria2", "aria2"
    WGET = "wget", "Wget"
    BROWSER = "browser", "Browser"
    OTHER = "other", "Other"


# The first that is found counts: Transformers names the hub's library too, and vLLM names both.
FAMILY_SIGNS = (
    ("vllm", ClientFamily.VLLM),
    ("vLLM", ClientFamily.VLLM),
    ("transformers/", ClientFamily.TRANSFORMERS),
    ("hf_hub/", ClientFamily.HF),
    ("huggingface", ClientFamily.HF),
    ("aria2/", ClientFamily.ARIA2),
    ("curl/", ClientFamily.CURL),
    ("Wget/", ClientFamily.WGET),
    ("Mozilla/", ClientFamily.BROWSER),
)


class DownloadState(models.TextChoices):
    """How a download stands, as its record tells."""

    UNDER_WAY = "under_way", "Under way"
    WHOLE = "done", "All of it left"
    BROKEN_OFF = "broken_off", "Broken off"
    CUT = "cut", "Ended by the portal"


_STATES = {
    DownloadState.UNDER_WAY: models.Q(ended_at=None, cut_reason=""),
    DownloadState.WHOLE: models.Q(
        ended_at__isnull=False, sent_bytes__gte=models.F("asked_bytes"), cut_reason=""
    ),
    DownloadState.BROKEN_OFF: models.Q(
        ended_at__isnull=False, sent_bytes__lt=models.F("asked_bytes"), cut_reason=""
    ),
    DownloadState.CUT: ~models.Q(cut_reason=""),
}


@dataclass(frozen=True, slots=True)
class Sheaf:
    """A place in the list of what one person took of one file on one day; the key of its pages."""

    day: date
    user_id: int
    file_id: int


class DownloadQuerySet(models.QuerySet["Download"]):
    """Questions about many downloads."""

    def visible_to(self, user: object) -> "DownloadQuerySet":
        """The downloads of `user`, the newest first."""
        return self.filter(user=user).order_by("-started_at", "-pk")

    def matching(
        self,
        *,
        files: Collection[int] | None = None,
        people: Collection[int] | None = None,
        family: str = "",
        state: str = "",
        since: date | None = None,
        until: date | None = None,
    ) -> "DownloadQuerySet":
        """Those of these files and people (ids; None for any), and so on; days are UTC, `until` included."""
        found = self.all()
        if files is not None:
            found = found.filter(file__in=files)
        if people is not None:
            found = found.filter(user__in=people)
        if family:
            found = found.filter(family=family)
        if state:
            found = found.filter(_STATES[DownloadState(state)])
        if since is not None:
            found = found.filter(day__gte=since)
        return found if until is None else found.filter(day__lte=until)

    def newest_first(self, *, after: tuple[date, int] | None = None) -> "DownloadQuerySet":
        """From behind `after`, a day and a pk (None: the top); the last page is as quick as the first."""
        found = self.all()
        if after is not None:
            day, pk = after
            # The first of the two conditions is the one that the index can start from.
            earlier = models.Q(day__lt=day) | models.Q(day=day, pk__lt=pk)
            found = found.filter(day__lte=day).filter(earlier)
        return found.order_by("-day", "-pk")

    def in_sheaves(self, *, after: Sheaf | None = None) -> "models.QuerySet[Download, dict[str, Any]]":
        """One row a person, file and day, the newest day first, from behind `after` (None: from the top).

        A client that fetches one file in a hundred ranges leaves a hundred downloads.
        """
        found = self.all()
        if after is not None:
            later = models.Q(user__lt=after.user_id) | models.Q(user=after.user_id, file__lt=after.file_id)
            # The first of the two conditions is the one that the index can start from.
            found = found.filter(day__lte=after.day).filter(
                models.Q(day__lt=after.day) | (models.Q(day=after.day) & later)
            )
        sums = {
            "request_count": models.Count("pk"),
            "sum_bytes": models.Sum("sent_bytes"),
            "first_at": models.Min("started_at"),
            "last_at": models.Max("started_at"),
            "running_count": models.Count("pk", filter=models.Q(ended_at=None)),
            "family_count": models.Count("family", distinct=True),
            "one_family": models.Max("family"),
        }
        grouped: models.QuerySet[Download, dict[str, Any]] = (
            found.order_by().values("day", "user_id", "file_id").annotate(**sums)
        )
        return grouped.order_by("-day", "-user_id", "-file_id")


class Download(models.Model):
    """One answered request for a file's bytes: who, what, under which acceptance, and how much left."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="downloads")
    key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, help_text="None in the browser.")
    link = models.ForeignKey(DownloadLink, null=True, on_delete=models.SET_NULL, related_name="downloads")
    file = models.ForeignKey(WeightFile, on_delete=models.PROTECT, related_name="downloads")
    acceptance = models.ForeignKey(Acceptance, null=True, on_delete=models.PROTECT)
    spans = models.JSONField(help_text="The ranges: first and last byte, both included, as in Content-Range.")
    asked_bytes = models.BigIntegerField()
    sent_bytes = models.BigIntegerField(
        default=0, help_text="What really left; object storage does not tell, and counts as what was asked."
    )
    carrier = models.CharField(max_length=10, choices=Carrier, default=Carrier.PORTAL)
    address = models.GenericIPAddressField(null=True)
    client = models.CharField("user agent", max_length=200, blank=True)
    family = models.GeneratedField(
        expression=models.Case(
            *(
                models.When(client__contains=sign, then=models.Value(family.value))
                for sign, family in FAMILY_SIGNS
            ),
            default=models.Value(ClientFamily.OTHER.value),
        ),
        output_field=models.CharField(max_length=12),
        db_persist=True,
    )
    started_at = models.DateTimeField(default=timezone.now)
    day = models.GeneratedField(
        # TruncDate with a time zone cannot be written into a migration.
        expression=models.Func(
            "started_at",
            template="(%(expressions)s AT TIME ZONE 'UTC')::date",
            output_field=models.DateField(),
        ),
        output_field=models.DateField(),
        db_persist=True,
        help_text="UTC.",
    )
    alive_at = models.DateTimeField(default=timezone.now, help_text="The last sign of life of who moves it.")
    ended_at = models.DateTimeField(null=True)
    connection = models.CharField(
        max_length=110,
        blank=True,
        help_text="With nginx: the client's address and port, and those it reached.",
    )
    cut_reason = models.CharField(max_length=300, blank=True, help_text="Why the portal ended it early.")
    counted_bytes = models.BigIntegerField(
        default=-1,
        editable=False,
        help_text="What holdings and tallies include of it; -1: not even that it was.",
    )
    # A column of its own, because PostgreSQL keeps no statistics of how two columns compare.
    is_counted = models.GeneratedField(
        expression=models.Q(counted_bytes=models.F("sent_bytes")),  # type: ignore[arg-type]
        output_field=models.BooleanField(),
        db_persist=True,
    )

    objects = DownloadQuerySet.as_manager()

    class Meta:
        verbose_name = "download"
        ordering = ["-started_at"]
        indexes = [
            models.Index(fields=["user", "-started_at"], name="downloads_by_person"),
            models.Index(fields=["alive_at"], condition=models.Q(ended_at=None), name="downloads_under_way"),
            models.Index(fields=["-day", "-user", "-file"], name="downloads_by_day"),
            models.Index(fields=["-day", "-id"], name="downloads_newest_first"),
            models.Index(
                fields=["id"],
                condition=models.Q(is_counted=False),
                name="downloads_uncounted",
            ),
            models.Index(fields=["id"], condition=~models.Q(cut_reason=""), name="downloads_cut"),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.file}"

    @property
    def client_name(self) -> str:
        """What kind of program downloaded, in words."""
        return str(ClientFamily(self.family).label)

    @property
    def state(self) -> DownloadState:
        """How it stands; the twin of `DownloadQuerySet.matching(state=…)`."""
        if self.cut_reason:
            return DownloadState.CUT
        if self.ended_at is None:
            return DownloadState.UNDER_WAY
        return DownloadState.WHOLE if self.sent_bytes >= self.asked_bytes else DownloadState.BROKEN_OFF
