"""What the gates need to know of a person and a release, read from the database in one place."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions.models import (
    Application,
    ApplicationStatus,
    Programme,
    Team,
    applications_counting_for,
)
from portal.common.prepared import prepared
from portal.events.models import Registration
from portal.licensing.models import Acceptance, LicenceVersion
from portal.licensing.standing import counts_until
from portal.releases.models import SHOWABLE, Release, ReleaseStatus, Revision
from portal.releases.safety.clearing import Clearance, clearance_of

Person = User | AbstractBaseUser | AnonymousUser

# All that a gate's sentence and link tell, since a decision is asked for with every message.
_TOLD_OF_APPLICATIONS = (
    "reference",
    "status",
    "applicant",
    "programme__slug",
    "team__name",
    "team__application",
)


@dataclass(frozen=True)
class Facts:
    """The facts at one moment; an anonymous person has none of the personal ones.

    `accepted_version` is the text in force if the person accepted that, else the newest
    text of the licence that they did accept, or None; it counts before `accepted_until` (None: for good).
    `clearance` is None for a release that is not open, of which nobody gets anything but by an event pass.
    `application` is the person's own, `team` one of which they are a member: approved before all others,
    else the newest. `programme` is one to apply to, None for those who have.
    """

    is_signed_in: bool
    is_active: bool
    has_verified_email: bool
    application: Application | None
    event_pass: Registration | None
    licence_version: LicenceVersion | None
    accepted_version: LicenceVersion | None
    programme: Programme | None
    team: Team | None = None
    clearance: Clearance | None = None
    accepted_until: datetime | None = None
    at: datetime = field(default_factory=timezone.now)

    @property
    def is_approved(self) -> bool:
        """Whether an approved application of the person's own opens the release."""
        return self.application is not None and self.application.status == ApplicationStatus.APPROVED

    @property
    def is_approved_by_team(self) -> bool:
        """Whether the person is a member of a team whose application opens the release."""
        return self.team is not None and self.team.is_approved

    @property
    def has_accepted(self) -> bool:
        """Whether the person accepted the text in force, or one that was."""
        return self.accepted_version is not None

    @property
    def is_acceptance_current(self) -> bool:
        """Whether what the person accepted still counts."""
        is_over = self.accepted_until is not None and self.accepted_until <= self.at
        return self.accepted_version is not None and not is_over


def account_facts(user: Person) -> Facts:
    """What concerns the account alone, whatever the release. One query at most."""
    if not isinstance(user, User):
        return Facts(False, False, False, None, None, None, None, None)
    return Facts(True, user.is_active, user.has_verified_email(), None, None, None, None, None)


def licence_facts(user: User, release: Release, *, at: datetime | None = None) -> Facts:
    """What concerns the licence alone. One query."""
    moment = at or timezone.now()
    version, accepted, until = _versions(user, release, moment)
    blank = account_facts(AnonymousUser())
    return replace(blank, licence_version=version, accepted_version=accepted, accepted_until=until, at=moment)


def facts_of(
    user: Person, release: Release, *, revision: Revision | None = None, at: datetime | None = None
) -> Facts:
    """Read the facts about `user` and `release` at `at` (None: now). At most seven queries.

    `revision` is the one whose clearance counts (None: the current one).
    """
    moment = at or timezone.now()
    clearance = None
    if release.status == ReleaseStatus.OPEN:
        clearance = clearance_of(release, revision, at=moment)
    version, accepted, accepted_until = _versions(user, release, moment)
    programmes = release.programmes.taking_first(at=moment)
    if not isinstance(user, User):
        return Facts(False, False, False, None, None, version, None, programmes.first(), clearance=clearance)
    application, team = _applications(user, release)
    return Facts(
        is_signed_in=True,
        is_active=user.is_active,
        has_verified_email=user.has_verified_email(),
        application=application,
        event_pass=_event_pass(user, release, moment),
        licence_version=version,
        accepted_version=accepted,
        # Where to apply is news for those alone who have not.
        programme=None if application else programmes.first(),
        team=team,
        clearance=clearance,
        accepted_until=accepted_until,
        at=moment,
    )


def _applications(user: User, release: Release) -> tuple[Application | None, Team | None]:
    """The own application and the team that count: approved ones before all others, else the newest."""
    rows = _counting_applications(user_id=user.pk, release_id=release.pk)
    sorted_rows = sorted(rows, key=lambda one: one.status != ApplicationStatus.APPROVED)
    own = (one for one in sorted_rows if one.applicant_id == user.pk)
    teams = (_team(one) for one in sorted_rows if one.applicant_id != user.pk)
    return next(own, None), next(teams, None)


@prepared
def _counting_applications(*, user_id: int, release_id: int) -> QuerySet[Application]:
    found = applications_counting_for(user_id).filter(programme__releases=release_id)
    return found.select_related("programme", "team").only(*_TOLD_OF_APPLICATIONS).order_by("-created_at")


def _team(application: Application) -> Team:
    team: Team = application.team
    # So that nobody asks the database for what is here.
    team.application = application
    return team


def _versions(
    user: Person, release: Release, moment: datetime
) -> tuple[LicenceVersion | None, LicenceVersion | None, datetime | None]:
    """The licence's text in force, and the newest that the person accepted with the end of its counting.

    Their words are not fetched.
    """
    versions = _published_versions(licence_id=release.licence_id, user_id=user.pk or 0, at=moment)
    accepted = next((one for one in versions if one.is_accepted), None)
    until = counts_until(accepted, versions) if accepted else None
    return next(iter(versions), None), accepted, until


@prepared
def _published_versions(*, licence_id: int, user_id: int, at: datetime) -> QuerySet[Any]:
    published = LicenceVersion.objects.published(at=at).filter(licence_id=licence_id)
    mine = Acceptance.objects.filter(version=OuterRef("pk"), user_id=user_id)
    return published.defer("text").annotate(is_accepted=Exists(mine))


def _event_pass(user: User, release: Release, moment: datetime) -> Registration | None:
    """The registration that is a pass to `release` at `moment`, if the release's policy allows passes."""
    if not (release.is_event_prototype and release.status in SHOWABLE):
        return None
    passes = Registration.objects.passes(at=moment).filter(user=user, event__prototypes=release)
    return passes.select_related("event").order_by("-event__ends_at").first()
