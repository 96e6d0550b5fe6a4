"""The people and things that the tests are about: a cast with roles, and an outsider tried at every door."""

import json
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.roles import ensure_roles, give_role
from portal.admissions.models import (
    Application,
    ApplicationStatus,
    InvitationStatus,
    Programme,
    Team,
    TeamInvitation,
)
from portal.events.models import Event, EventStatus
from portal.licensing.models import Acceptance, Licence, LicenceVersion
from portal.releases.models import Release, ReleaseStatus, SafetyPolicy, Stage
from portal.releases.safety import policies
from portal.releases.safety.policies import Terms

PASSWORD = "correct-horse-battery"
SAFETENSORS_HEAD_BYTES = 256


def person(email: str, *, verified: bool = True, name: str = "") -> User:
    """A person with an account."""
    user = User.objects.create_user(email, PASSWORD, full_name=name or email.partition("@")[0].title())
    EmailAddress.objects.create(user=user, email=email, verified=verified, primary=True)
    return user


def staff(email: str, role: str) -> User:
    """A member of staff with one of `portal.accounts.roles.ROLES`."""
    ensure_roles()
    user = person(email)
    give_role(user, role=role)
    return user


def licence(slug: str = "open-weights-licence") -> Licence:
    """A licence whose version 1.0 is in force."""
    made = Licence.objects.create(slug=slug, name="Open Weights Licence")
    publish(made, "1.0")
    return made


def publish(made: Licence, number: str, text: str = "") -> LicenceVersion:
    """One more version in force."""
    version = LicenceVersion(
        licence=made, number=number, text=text or f"# Licence {number}\n\nYou may use it."
    )
    version.sha256 = version.text_sha256()
    # In force since long enough for events that began before the test did.
    version.published_at = timezone.now() - timedelta(days=30)
    version.save()
    return version


def policy(terms: Terms | None = None) -> SafetyPolicy:
    """A safety policy in force, unless one is and none is given; the usual one demands nothing."""
    if terms is not None:
        return policies.put_in_force(terms, by=None)
    if known := policies.in_force():
        return known
    made = policies.stated(Terms("Nothing is demanded"), number=1)
    made.save()
    return made


def release(slug: str = "tiny", *, status: str = ReleaseStatus.OPEN, under: Licence | None = None) -> Release:
    """A release under a licence in force."""
    policy()
    return Release.objects.create(
        slug=slug,
        name=slug.title(),
        hub_id=f"open-weights/{slug}",
        summary="A small model.",
        stage=Stage.EARLY_ACCESS,
        status=status,
        licence=under or licence(f"licence-of-{slug}"),
        served_model_name=slug,
    )


def programme(*releases: Release, slug: str = "early-access") -> Programme:
    """An open programme that opens `releases`."""
    made = Programme.objects.create(slug=slug, name="Early access", is_open=True)
    made.releases.set(releases)
    return made


def application(user: User, to: Programme, status: str = ApplicationStatus.SUBMITTED) -> Application:
    """An application as it stands in `status`."""
    return Application.objects.create(
        programme=to,
        applicant=user,
        status=status,
        submitted_at=timezone.now(),
        answers={"use_case": "Research"},
        search_words="research",
    )


def accept(user: User, made: Release) -> Acceptance:
    """`user` accepts the licence in force of `made`."""
    version = made.licence.current_version()
    assert version is not None
    return Acceptance.objects.create(user=user, version=version, sha256=version.sha256)


def developer(email: str, made: Release) -> User:
    """A person to whom every gate of `made` is open."""
    user = person(email)
    to = made.programmes.first() or programme(made, slug=f"programme-of-{made.slug}")
    application(user, to, ApplicationStatus.APPROVED)
    accept(user, made)
    return user


def event(slug: str = "demo-day", *, starts_in: timedelta = timedelta(days=7), capacity: int = 10) -> Event:
    """A published event of two hours."""
    starts_at = timezone.now() + starts_in
    return Event.objects.create(
        slug=slug,
        title="Demo day",
        summary="Prototypes on show.",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=2),
        place="Berlin",
        capacity=capacity,
        status=EventStatus.PUBLISHED,
    )


def safetensors_head(size_bytes: int, *, layer: int = 0) -> bytes:
    """The first 256 bytes of a valid safetensors file of `size_bytes`; any bytes may follow.

    Write it and truncate the file for a large one that takes no room on disk; another
    `layer` makes another file.
    """
    count = size_bytes - SAFETENSORS_HEAD_BYTES
    tensor = {"dtype": "U8", "shape": [count], "data_offsets": [0, count]}
    header = json.dumps({"__metadata__": {"format": "pt"}, f"layers.{layer}.weight": tensor}).encode()
    length = SAFETENSORS_HEAD_BYTES - 8
    return length.to_bytes(8, "little") + header.ljust(length)


def safetensors(size_bytes: int, *, layer: int = 0) -> bytes:
    """A valid safetensors file of exactly `size_bytes` (257 or more), with one tensor."""
    data = bytes(range(256)) * (size_bytes // 256 + 1)
    return safetensors_head(size_bytes, layer=layer) + data[: size_bytes - SAFETENSORS_HEAD_BYTES]


def team(of: Application, *, seats: int = 5, name: str = "Example Institute") -> Team:
    """The team of an application, with so many seats granted."""
    return Team.objects.create(application=of, name=name, seats_wanted=seats, seats=seats)


def member(of: Team, user: User, status: str = InvitationStatus.ACCEPTED) -> TeamInvitation:
    """An invitation of `user` to a team as it stands in `status`."""
    accepted = (
        {} if status in {"invited", "revoked"} else {"accepted_by": user, "accepted_at": timezone.now()}
    )
    return TeamInvitation.objects.create(
        team=of, email=user.email, token_hash=f"{of.pk}-{user.pk}-{status}", status=status, **accepted
    )
