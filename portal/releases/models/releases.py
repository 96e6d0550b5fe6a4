"""Releases and their states."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from portal.common.prepared import prepared
from portal.common.transitions import Moves
from portal.licensing.models import Licence, LicenceVersion

if TYPE_CHECKING:
    from portal.releases.models.revisions import Revision

HUB_ID = RegexValidator(
    r"^(?!.*(--|\.\.))[A-Za-z0-9_][\w.-]*/[A-Za-z0-9_][\w.-]{0,94}[A-Za-z0-9_]$",
    "Write it as organisation/model.",
)


class Stage(models.TextChoices):
    """How far a release has come towards everyone."""

    PROTOTYPE = "prototype", "Prototype"
    EARLY_ACCESS = "early_access", "Early access"
    GENERAL = "general", "General"


class ReleaseStatus(models.TextChoices):
    """Where a release stands on its way to being open."""

    DRAFT = "draft", "Draft"
    EVALUATING = "evaluating", "Evaluating"
    CLEARED = "cleared", "Cleared"
    OPEN = "open", "Open"
    WITHDRAWN = "withdrawn", "Withdrawn"


RELEASE_MOVES: Moves = {
    ReleaseStatus.DRAFT: frozenset({ReleaseStatus.EVALUATING}),
    ReleaseStatus.EVALUATING: frozenset({ReleaseStatus.CLEARED, ReleaseStatus.WITHDRAWN}),
    ReleaseStatus.CLEARED: frozenset({ReleaseStatus.OPEN, ReleaseStatus.EVALUATING, ReleaseStatus.WITHDRAWN}),
    ReleaseStatus.OPEN: frozenset({ReleaseStatus.WITHDRAWN}),
}
# The states in which an event may show a prototype, if the release's policy allows it.
SHOWABLE = frozenset({ReleaseStatus.EVALUATING, ReleaseStatus.CLEARED, ReleaseStatus.OPEN})


class ReleaseQuerySet(models.QuerySet["Release"]):
    """Questions about many releases."""

    def announced(self) -> "ReleaseQuerySet":
        """The releases that are open now."""
        return self.filter(status=ReleaseStatus.OPEN)

    def public(self) -> "ReleaseQuerySet":
        """The releases whose page anybody may read: open ones, and withdrawn ones that were open."""
        withdrawn = models.Q(status=ReleaseStatus.WITHDRAWN, opened_at__isnull=False)
        return self.filter(models.Q(status=ReleaseStatus.OPEN) | withdrawn)

    def with_licence_spdx(self, *, at: datetime | None = None) -> "ReleaseQuerySet":
        """Each with `licence_spdx`: what was written with its licence's version in force at `at` (None: now).

        None where no version was published. No query of its own.
        """
        in_force = LicenceVersion.objects.published(at=at).filter(licence=models.OuterRef("licence"))
        return self.annotate(licence_spdx=models.Subquery(in_force.values("spdx")[:1]))


class Release(models.Model):
    """A model that the organisation gives out, through all its revisions."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    hub_id = models.CharField("Hub id", max_length=200, unique=True, validators=[HUB_ID])
    summary = models.CharField(max_length=300)
    description = models.TextField(blank=True, help_text="Markdown.")
    stage = models.CharField(max_length=20, choices=Stage, default=Stage.PROTOTYPE)
    status = models.CharField(
        max_length=20, choices=ReleaseStatus, default=ReleaseStatus.DRAFT, editable=False
    )
    licence = models.ForeignKey(Licence, on_delete=models.PROTECT, related_name="releases")
    parameter_count = models.BigIntegerField(null=True, blank=True)
    context_length = models.PositiveIntegerField(
        default=2048, help_text="Tokens, prompt and answer together."
    )
    served_model_name = models.CharField(
        max_length=120, blank=True, help_text="The model's name at the model server."
    )
    backend_url = models.URLField(blank=True, help_text="The model server, when it is not the portal's own.")
    allows_pickle = models.BooleanField(
        "takes pickle files",
        default=False,
        help_text="Pickles can run code where they are loaded. Those that are imported are flagged.",
    )
    is_event_prototype = models.BooleanField(
        "may be shown at events", default=False, help_text="From evaluation on, to holders of an event pass."
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="releases_made",
        help_text="Who made it; nobody signs for a release of their own.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    opened_at = models.DateTimeField(null=True, editable=False)
    withdrawn_at = models.DateTimeField(null=True, editable=False)
    withdrawal_reason = models.TextField(blank=True, editable=False)
    paused_at = models.DateTimeField(
        null=True, editable=False, help_text="Every door is shut until it is resumed."
    )
    pause_reason = models.CharField(max_length=500, blank=True, editable=False)

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        verbose_name = "release"
        ordering = ["name"]
        permissions = [("manage_release", "Can import weights and move a release")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(paused_at=None, pause_reason="")
                | (models.Q(paused_at__isnull=False) & ~models.Q(pause_reason="")),
                name="a_reason_for_every_pause",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The release's page."""
        return f"/releases/{self.slug}/"

    @property
    def is_public(self) -> bool:
        """Whether anybody may read its page; of many, `ReleaseQuerySet.public`."""
        was_open = self.status == ReleaseStatus.WITHDRAWN and self.opened_at is not None
        return self.status == ReleaseStatus.OPEN or was_open

    def current_revision(self) -> "Revision | None":
        """The newest current revision, `main` before all other names; or None. One query."""
        if found := _current_revisions.first(release_id=self.pk):
            found.release = self
        return found


@prepared
def _current_revisions(*, release_id: int) -> "models.QuerySet[Revision]":
    return Release(pk=release_id).revisions.current()[:1]
