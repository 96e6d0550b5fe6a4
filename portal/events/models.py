"""Events, who is registered, and the pass that a registration is while its event lasts."""

from datetime import datetime

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
