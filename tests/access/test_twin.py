"""The QuerySet twin agrees with `decide` in every world that Hypothesis can think of."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.access.deciding import decide, releases_allowed
from portal.access.decision import Action
from portal.admissions.models import ApplicationStatus, InvitationStatus
from portal.events.models import EventStatus, Registration, RegistrationStatus
from portal.licensing.models import LicenceVersion, Reacceptance
from portal.releases.models import ReleaseStatus
from tests import cast

# Days from now on which a version comes into force (published at the same moment, too), whom it asks again,
# and how many days of grace it gives; the version that it names is one before it, if it names any.
VERSIONS = st.tuples(
    st.sampled_from([-20, -10, -10, -1, 1]),
    st.sampled_from(Reacceptance),
    st.sampled_from([0, 1, 9, 10, 19, 20, 40]),
    st.integers(0, 3),
)
WORLDS = st.fixed_dictionaries(
    {
        "is_active": st.booleans(),
        "is_verified": st.booleans(),
        "release": st.sampled_from(ReleaseStatus),
        "is_event_prototype": st.booleans(),
        "applications": st.lists(st.sampled_from(ApplicationStatus), max_size=2),
        "teams": st.lists(
            st.tuples(st.sampled_from(ApplicationStatus), st.sampled_from(InvitationStatus)), max_size=2
        ),
        "licence_versions": st.lists(VERSIONS, max_size=4),
        "accepted": st.sets(st.integers(0, 3), max_size=2),
        "event": st.sampled_from(EventStatus),
        "registration": st.none() | st.sampled_from(RegistrationStatus),
        "starts_in_minutes": st.sampled_from([-180, -60, 60]),
        "action": st.sampled_from(Action),
    }
)


def publish_all(licence, wanted, *, now):
    """The versions that a world wants, in the order of their days."""
    made = []
    for number, (day, wish, grace_days, named) in enumerate(sorted(wanted, key=lambda one: one[0])):
        is_first = wish == Reacceptance.BEFORE and not made
        rule = Reacceptance.EVERYBODY if is_first else wish
        version = LicenceVersion(licence=licence, number=str(number), text=str(number), reacceptance=rule)
        version.sha256 = version.text_sha256()
        version.published_at = now + timedelta(days=day)
        version.grace_ends_at = version.published_at + timedelta(days=grace_days) if grace_days else None
        if rule == Reacceptance.BEFORE:
            version.reacceptance_before = made[named % len(made)]
        version.save()
        made.append(version)
    return made


def build(world, *, now):
    licence = cast.Licence.objects.create(slug="l", name="Licence")
    versions = publish_all(licence, world["licence_versions"], now=now)
    release = cast.release("r", status=world["release"], under=licence)
    release.is_event_prototype = world["is_event_prototype"]
    release.save()
    user = cast.person("p@example.org", verified=world["is_verified"])
    user.is_active = world["is_active"]
    user.save()
    for number, status in enumerate(world["applications"]):
        cast.application(user, cast.programme(release, slug=f"p{number}"), status)
    for number, (status, membership) in enumerate(world["teams"]):
        lead = cast.person(f"lead{number}@example.org")
        led = cast.application(lead, cast.programme(release, slug=f"t{number}"), status)
        cast.member(cast.team(led), user, membership)
    for number in world["accepted"]:
        if number < len(versions):
            version = versions[number]
            cast.Acceptance.objects.create(user=user, version=version, sha256=version.sha256)
    event = cast.event(starts_in=timedelta(minutes=world["starts_in_minutes"]))
    event.status = world["event"]
    event.save()
    event.prototypes.add(release)
    if world["registration"]:
        Registration.objects.create(event=event, user=user, status=world["registration"])
    return user, release


@pytest.mark.django_db
@settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=WORLDS)
def test_list_agrees_with_decide(world):
    with transaction.atomic():
        now = timezone.now()
        user, release = build(world, now=now)
        listed = list(releases_allowed(user, world["action"], at=now))
        allowed = decide(user, release, world["action"], at=now).allowed
        transaction.set_rollback(True)

    assert listed == ([release] if allowed else [])


@pytest.mark.django_db
@settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(versions=st.lists(VERSIONS, min_size=1, max_size=4), accepted=st.sets(st.integers(0, 3), min_size=1))
def test_list_agrees_with_decide_on_who_is_let_in_but_for_the_licence(versions, accepted):
    with transaction.atomic():
        now = timezone.now()
        licence = cast.Licence.objects.create(slug="l", name="Licence")
        made = publish_all(licence, versions, now=now)
        release = cast.release("r", under=licence)
        user = cast.person("p@example.org")
        cast.application(user, cast.programme(release), ApplicationStatus.APPROVED)
        for version in (made[number] for number in accepted if number < len(made)):
            cast.Acceptance.objects.create(user=user, version=version, sha256=version.sha256)
        moments = [now + timedelta(days=days) for days in (-20, -10, -1, 0, 1, 9, 30)]
        listed = [releases_allowed(user, Action.DOWNLOAD, at=moment).exists() for moment in moments]
        allowed = [decide(user, release, Action.DOWNLOAD, at=moment).allowed for moment in moments]
        transaction.set_rollback(True)

    assert listed == allowed
