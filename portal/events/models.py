"""Events, who is registered, and the pass that a registration is while its event lasts."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.utils import timezone

from portal.common.transitions import Moves
from portal.releases.models import Release


class EventStatus(models.TextChoices):
    """Where an event stands."""

    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    CANCELLED = "cancelled", "Cancelled"


EVENT_MOVES: Moves = {
    EventStatus.DRAFT: frozenset({EventStatus.PUBLISHED, EventStatus.CANCELLED}),
    EventStatus.PUBLISHED: frozenset({EventStatus.CANCELLED}),
}


class EventQuerySet(models.QuerySet["Event"]):
    """Questions about many events."""

    def published(self) -> "EventQuerySet":
        """Those whose page anybody may read: published and cancelled ones."""
        return self.exclude(status=EventStatus.DRAFT)

    def with_counts(self) -> "EventQuerySet":
        """Each with `seated_count`, `waiting_count` and `arrived_count`, in the same query."""

        def number(*statuses: str) -> models.Count:
            return models.Count("registrations", filter=models.Q(registrations__status__in=statuses))

        return self.annotate(
            seated_count=number(*SEATED),
            waiting_count=number(RegistrationStatus.WAITLISTED),
            arrived_count=number(RegistrationStatus.CHECKED_IN),
        )

    def past(self, *, at: datetime | None = None) -> "EventQuerySet":
        """Published events that have ended by `at` (None: now), the latest first."""
        return self.filter(status=EventStatus.PUBLISHED, ends_at__lte=at or timezone.now()).order_by(
            "-starts_at"
        )

    def upcoming(self, *, at: datetime | None = None) -> "EventQuerySet":
        """Published events that have not ended by `at` (None: now), the next first."""
        return self.filter(status=EventStatus.PUBLISHED, ends_at__gt=at or timezone.now()).order_by(
            "starts_at"
        )


class Event(models.Model):
    """A meeting at which prototypes are shown."""

    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=150)
    summary = models.CharField(max_length=300)
    description = models.TextField(blank=True, help_text="Markdown.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    time_zone = models.CharField(
        max_length=60, default="UTC", help_text="The place's zone, such as Europe/Berlin."
    )
    place = models.CharField(max_length=200, help_text="An address, or “Online”.")
    online_url = models.URLField(blank=True, help_text="Shown to those registered.")
    capacity = models.PositiveIntegerField()
    prototypes = models.ManyToManyField(Release, related_name="events", blank=True)
    status = models.CharField(max_length=20, choices=EventStatus, default=EventStatus.DRAFT, editable=False)
    revision = models.PositiveIntegerField(
        default=0, editable=False, help_text="Counts changes; iCalendar's SEQUENCE."
    )
    updated_at = models.DateTimeField(auto_now=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = "event"
        ordering = ["starts_at"]
        permissions = [("organise_event", "Can create, publish and run events")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")),
                name="event_ends_after_it_starts",
                violation_error_message="The event must end after it starts.",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """The event's page."""
        return f"/events/{self.slug}/"

    @property
    def zone(self) -> ZoneInfo:
        """The place's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def starts_there(self) -> datetime:
        """When it starts on the clocks of the place, naive: templates turn aware times into UTC."""
        return self.starts_at.astimezone(self.zone).replace(tzinfo=None)

    @property
    def ends_there(self) -> datetime:
        """When it ends on the clocks of the place, naive as above."""
        return self.ends_at.astimezone(self.zone).replace(tzinfo=None)

    @property
    def is_cancelled(self) -> bool:
        """Whether it was called off."""
        return self.status == EventStatus.CANCELLED

    @property
    def open_to_passes(self) -> list[Release]:
        """The prototypes whose own policy opens them to those registered. One query, unless prefetched."""
        return [release for release in self.prototypes.all() if release.is_event_prototype]

    def has_ended(self, *, at: datetime | None = None) -> bool:
        """Whether it is over at `at` (None: now)."""
        return self.ends_at <= (at or timezone.now())

    def is_in_progress(self, *, at: datetime | None = None) -> bool:
        """Whether it lasts at `at` (None: now)."""
        return self.starts_at <= (at or timezone.now()) < self.ends_at

    def seats_left(self) -> int:
        """How many seats are free. One query, unless `with_counts` has counted already."""
        seated = getattr(self, "seated_count", None)
        return max(0, self.capacity - (self.registrations.seated().count() if seated is None else seated))


class RegistrationStatus(models.TextChoices):
    """Where a registration stands."""

    REGISTERED = "registered", "Registered"
    WAITLISTED = "waitlisted", "On the waiting list"
    CANCELLED = "cancelled", "Cancelled"
    CHECKED_IN = "checked_in", "Checked in"


_S = RegistrationStatus
REGISTRATION_MOVES: Moves = {
    _S.REGISTERED: frozenset({_S.CANCELLED, _S.CHECKED_IN}),
    _S.WAITLISTED: frozenset({_S.REGISTERED, _S.CANCELLED}),
}
# Those who take up a seat, and whose registration is a pass while the event lasts.
SEATED = frozenset({_S.REGISTERED, _S.CHECKED_IN})


class RegistrationQuerySet(models.QuerySet["Registration"]):
    """Questions about many registrations."""

    def seated(self) -> "RegistrationQuerySet":
        """Those that take up a seat."""
        return self.filter(status__in=SEATED)

    def live(self) -> "RegistrationQuerySet":
        """Those that were not cancelled."""
        return self.exclude(status=_S.CANCELLED)

    def waiting(self) -> "RegistrationQuerySet":
        """Those on the waiting list, the first to be promoted first."""
        return self.filter(status=_S.WAITLISTED).order_by("registered_at", "pk")

    def matching(self, text: str) -> "RegistrationQuerySet":
        """Those whose person's name or address contains `text` ("" for all)."""
        if not text:
            return self.all()
        return self.filter(models.Q(user__full_name__icontains=text) | models.Q(user__email__icontains=text))

    def passes(self, *, at: datetime | None = None) -> "RegistrationQuerySet":
        """The registrations that are passes at `at` (None: now): seated, at a published event in progress."""
        moment = at or timezone.now()
        return self.seated().filter(
            event__status=EventStatus.PUBLISHED, event__starts_at__lte=moment, event__ends_at__gt=moment
        )


class Registration(models.Model):
    """One person's place at one event."""

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="registrations")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="registrations")
    status = models.CharField(max_length=20, choices=RegistrationStatus)
    registered_at = models.DateTimeField(default=timezone.now)
    checked_in_at = models.DateTimeField(null=True)

    objects = RegistrationQuerySet.as_manager()

    class Meta:
        verbose_name = "registration"
        constraints = [
            # A cancelled one stays as history; registering again makes a new row.
            models.UniqueConstraint(
                fields=["event", "user"],
                condition=~models.Q(status="cancelled"),
                name="one_live_registration_an_event",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.event}"

    @property
    def has_seat(self) -> bool:
        """Whether it takes up a seat."""
        return self.status in SEATED

    @property
    def is_waiting(self) -> bool:
        """Whether it is on the waiting list."""
        return self.status == _S.WAITLISTED

    def place_in_line(self) -> int:
        """The place on the waiting list, from 1. One query."""
        earlier = models.Q(registered_at__lt=self.registered_at) | models.Q(
            registered_at=self.registered_at, pk__lt=self.pk
        )
        return self.event.registrations.waiting().filter(earlier).count() + 1
