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
from portal.releases.models import ReleaseStatus
from tests import cast

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
        "licence_versions": st.integers(0, 2),
        "accepted": st.sampled_from(["none", "first", "last"]),
        "event": st.sampled_from(EventStatus),
        "registration": st.none() | st.sampled_from(RegistrationStatus),
        "starts_in_minutes": st.sampled_from([-180, -60, 60]),
        "action": st.sampled_from(Action),
    }
)


def build(world):
    licence = cast.Licence.objects.create(slug="l", name="Licence")
    versions = [cast.publish(licence, str(number)) for number in range(world["licence_versions"])]
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
    if versions and world["accepted"] != "none":
        version = versions[0] if world["accepted"] == "first" else versions[-1]
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
        user, release = build(world)
        now = timezone.now()
        listed = list(releases_allowed(user, world["action"], at=now))
        allowed = decide(user, release, world["action"], at=now).allowed
        transaction.set_rollback(True)

    assert listed == ([release] if allowed else [])
