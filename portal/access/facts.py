"""What the gates need to know of a person and a release, read from the database in one place."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions.models import Application, ApplicationStatus, Programme
from portal.events.models import Registration
from portal.licensing.models import LicenceVersion
from portal.releases.models import SHOWABLE, Release

Person = User | AbstractBaseUser | AnonymousUser


@dataclass(frozen=True)
class Facts:
    """The facts at one moment; an anonymous person has none of the personal ones.

    `accepted_version` is the text in force if the person accepted that, else the newest
    text of the licence that they did accept, or None.
    """

    is_signed_in: bool
    is_active: bool
    has_verified_email: bool
    application: Application | None
    event_pass: Registration | None
    licence_version: LicenceVersion | None
    accepted_version: LicenceVersion | None
    programme: Programme | None

    @property
    def is_approved(self) -> bool:
        """Whether an approved application opens the release."""
        return self.application is not None and self.application.status == ApplicationStatus.APPROVED

    @property
    def has_accepted(self) -> bool:
        """Whether the person accepted the text in force."""
        return self.accepted_version is not None and self.accepted_version == self.licence_version


def account_facts(user: Person) -> Facts:
    """What concerns the account alone, whatever the release. One query at most."""
    if not isinstance(user, User):
        return Facts(False, False, False, None, None, None, None, None)
    return Facts(True, user.is_active, user.has_verified_email(), None, None, None, None, None)


def facts_of(user: Person, release: Release, *, at: datetime | None = None) -> Facts:
    """Read the facts about `user` and `release` at `at` (None: now). At most six queries."""
    moment = at or timezone.now()
    version = release.licence.current_version(at=moment)
    programme = release.programmes.order_by("-is_open", "pk").first()
    if not isinstance(user, User):
        return Facts(False, False, False, None, None, version, None, programme)
    return Facts(
        is_signed_in=True,
        is_active=user.is_active,
        has_verified_email=user.has_verified_email(),
        application=_application(user, release),
        event_pass=_event_pass(user, release, moment),
        licence_version=version,
        accepted_version=_accepted_version(user, release, moment),
        programme=programme,
    )


def _application(user: User, release: Release) -> Application | None:
    """The application that counts: an approved one before all others, else the newest."""
    mine = Application.objects.filter(applicant=user, programme__releases=release).select_related("programme")
    return min(
        mine.order_by("-created_at"), key=lambda one: one.status != ApplicationStatus.APPROVED, default=None
    )


def _accepted_version(user: User, release: Release, moment: datetime) -> LicenceVersion | None:
    published = LicenceVersion.objects.published(at=moment)
    return published.filter(licence_id=release.licence_id, acceptances__user=user).first()


def _event_pass(user: User, release: Release, moment: datetime) -> Registration | None:
    """The registration that is a pass to `release` at `moment`, if the release's policy allows passes."""
    if not (release.is_event_prototype and release.status in SHOWABLE):
        return None
    passes = Registration.objects.passes(at=moment).filter(user=user, event__prototypes=release)
    return passes.select_related("event").order_by("-event__ends_at").first()
