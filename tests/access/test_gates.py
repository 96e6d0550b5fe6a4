"""Each gate, shut and open: its code, its sentence and its link."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from portal.access.deciding import account_refusal, closing_gates, decide, releases_allowed
from portal.access.decision import Action
from portal.admissions.models import Application, ApplicationStatus, InvitationStatus
from portal.events.models import EventStatus, Registration, RegistrationStatus
from portal.licensing.models import LicenceVersion, Reacceptance
from portal.releases.models import ReleaseStatus
from tests import cast

CODES = [
    "signed_in",
    "account_active",
    "email_verified",
    "release_open",
    "approved",
    "licence_accepted",
    "licence_current",
]


def gate(decision, code):
    return next(one for one in decision.gates if one.code == code)


@pytest.mark.parametrize("action", Action)
def test_ada_passes_every_gate(ada, release, action):
    decision = decide(ada, release, action)

    assert [one.code for one in decision.gates] == CODES
    assert decision.allowed
    assert decision.next_gate is None
    decision.require()


@pytest.mark.parametrize("action", Action)
def test_stranger_is_asked_to_sign_in_first(release, action):
    decision = decide(AnonymousUser(), release, action)

    assert not decision.allowed
    assert decision.next_gate is not None
    assert (decision.next_gate.code, decision.next_gate.url) == ("signed_in", "/accounts/login/")
    assert [one.passed for one in decision.gates] == [False, False, False, True, False, False, False]


def test_mallory_is_asked_to_apply(mallory, release):
    cast.programme(release)

    refusal = decide(mallory, release, Action.DOWNLOAD).refusal()

    assert (refusal.code, refusal.status, refusal.remedy) == ("approved", 403, "/apply/early-access/")
    assert refusal.sentence == "Apply to Early access: it takes a few minutes."


def test_deactivated_account_is_stopped(ada, release):
    ada.is_active = False
    ada.save()

    shut = decide(ada, release, Action.INFERENCE).next_gate

    assert shut is not None
    assert shut.code == "account_active"


def test_unverified_address_is_stopped(release):
    user = cast.person("new@example.org", verified=False)

    shut = decide(user, release, Action.PLAYGROUND).next_gate

    assert shut is not None
    assert (shut.code, shut.url) == ("email_verified", "/accounts/email/")


@pytest.mark.parametrize("status", [one for one in ReleaseStatus if one != ReleaseStatus.OPEN])
@pytest.mark.parametrize("action", Action)
def test_ada_is_stopped_by_a_release_that_is_not_open(ada, release, status, action):
    release.status = status
    release.save()

    shut = decide(ada, release, action).next_gate

    assert shut is not None
    assert (shut.code, shut.url) == ("release_open", "/releases/tiny/")


@pytest.mark.parametrize("status", [one for one in ApplicationStatus if one != ApplicationStatus.APPROVED])
def test_applicant_is_told_where_the_application_stands(mallory, release, status):
    application = cast.application(mallory, cast.programme(release), status)

    decision = decide(mallory, release, Action.DOWNLOAD)

    assert not gate(decision, "approved").passed
    assert application.reference in gate(decision, "approved").sentence
    assert gate(decision, "approved").url == "/apply/early-access/"


def test_ada_is_asked_again_when_a_new_licence_version_is_published(ada, release):
    cast.publish(release.licence, "2.0")

    shut = decide(ada, release, Action.DOWNLOAD).next_gate

    assert shut is not None
    assert (shut.code, shut.url) == ("licence_current", "/licences/licence-of-tiny/")
    assert shut.sentence == (
        "You accepted version 1.0, which is no longer in force. Read and accept Open Weights Licence 2.0."
    )


def test_a_new_version_names_the_last_one_that_was_accepted(ada, release):
    cast.publish(release.licence, "2.0")
    cast.accept(ada, release)
    cast.publish(release.licence, "3.0")
    cast.publish(release.licence, "4.0")

    assert gate(decide(ada, release, Action.DOWNLOAD), "licence_current").sentence == (
        "You accepted version 2.0, which is no longer in force. Read and accept Open Weights Licence 4.0."
    )


def test_who_never_accepted_is_told_only_what_to_accept(mallory, release):
    cast.accept(cast.person("other@example.org"), release)
    cast.publish(release.licence, "2.0")

    assert gate(decide(mallory, release, Action.DOWNLOAD), "licence_accepted").sentence == (
        "Read and accept Open Weights Licence 2.0."
    )


def test_acceptance_of_another_licence_counts_for_nothing(mallory, release):
    cast.accept(mallory, cast.release("other"))

    assert gate(decide(mallory, release, Action.DOWNLOAD), "licence_accepted").sentence == (
        "Read and accept Open Weights Licence 1.0."
    )


def test_a_refusal_has_the_reference_of_the_application(ada, mallory, release):
    cast.publish(release.licence, "2.0")

    assert decide(ada, release, Action.DOWNLOAD).refusal().reference == ada.applications.get().reference
    assert decide(mallory, release, Action.DOWNLOAD).refusal().reference == ""


def test_ada_approved_once_stays_approved_after_a_withdrawn_second_application(ada, release):
    other = cast.programme(release, slug="second")
    cast.application(ada, other, ApplicationStatus.WITHDRAWN)

    assert decide(ada, release, Action.PLAYGROUND).allowed


def guest_with_pass(release, *, starts_in, status=RegistrationStatus.REGISTERED, accepts=True):
    guest = cast.person("guest@example.org")
    if accepts:
        cast.accept(guest, release)
    event = cast.event(starts_in=starts_in)
    event.prototypes.add(release)
    Registration.objects.create(event=event, user=guest, status=status)
    return guest, event


@pytest.fixture
def prototype(db):
    made = cast.release("prototype", status=ReleaseStatus.EVALUATING)
    made.is_event_prototype = True
    made.save()
    return made


def test_guest_may_use_the_prototype_in_the_playground_only_while_the_event_lasts(prototype):
    guest, event = guest_with_pass(prototype, starts_in=timedelta(minutes=-5))

    assert decide(guest, prototype, Action.PLAYGROUND).allowed
    assert not decide(guest, prototype, Action.INFERENCE).allowed
    assert not decide(guest, prototype, Action.DOWNLOAD).allowed
    assert not decide(guest, prototype, Action.PLAYGROUND, at=event.starts_at - timedelta(seconds=1)).allowed
    assert decide(guest, prototype, Action.PLAYGROUND, at=event.starts_at).allowed
    assert not decide(guest, prototype, Action.PLAYGROUND, at=event.ends_at).allowed


@pytest.mark.parametrize("status", [RegistrationStatus.WAITLISTED, RegistrationStatus.CANCELLED])
def test_guest_without_a_seat_has_no_pass(prototype, status):
    guest, _ = guest_with_pass(prototype, starts_in=timedelta(minutes=-5), status=status)

    assert not decide(guest, prototype, Action.PLAYGROUND).allowed


def test_guest_of_a_cancelled_event_has_no_pass(prototype):
    guest, event = guest_with_pass(prototype, starts_in=timedelta(minutes=-5))
    event.status = EventStatus.CANCELLED
    event.save()

    assert not decide(guest, prototype, Action.PLAYGROUND).allowed


def test_guest_needs_the_releases_own_policy(prototype):
    guest, _ = guest_with_pass(prototype, starts_in=timedelta(minutes=-5))
    prototype.is_event_prototype = False
    prototype.save()

    assert not decide(guest, prototype, Action.PLAYGROUND).allowed


def test_guest_still_accepts_the_licence(prototype):
    guest, _ = guest_with_pass(prototype, starts_in=timedelta(minutes=-5), accepts=False)

    shut = decide(guest, prototype, Action.PLAYGROUND).next_gate

    assert shut is not None
    assert shut.code == "licence_accepted"


def test_deciding_costs_six_queries_at_most(ada, release, django_assert_max_num_queries):
    fresh = type(release).objects.select_related("licence").get(pk=release.pk)

    with django_assert_max_num_queries(6):
        assert decide(ada, fresh, Action.PLAYGROUND, at=timezone.now()).allowed


def test_list_of_releases_is_three_queries_however_long(ada, release, django_assert_num_queries):
    cast.release("other")

    with django_assert_num_queries(3):
        assert list(releases_allowed(ada, Action.PLAYGROUND)) == [release]


def test_approval_of_another_person_opens_nothing(ada, mallory, release):
    cast.accept(mallory, release)

    assert Application.objects.get().applicant == ada
    assert not decide(mallory, release, Action.DOWNLOAD).allowed


@pytest.mark.parametrize("code", CODES[:3])
def test_an_account_is_refused_by_its_own_gates_whatever_the_release(db, code):
    person = cast.person("new@example.org", verified=code != "email_verified")
    person.is_active = code != "account_active"

    refusal = account_refusal(AnonymousUser() if code == "signed_in" else person)

    assert refusal is not None
    assert (refusal.code, refusal.status) == (code, 403)


def test_an_account_in_order_is_not_refused(mallory, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert account_refusal(mallory) is None


def team_of_lead(release, status=ApplicationStatus.APPROVED):
    lead = cast.person("lead@example.org", name="Lena Lead")
    return cast.team(cast.application(lead, cast.programme(release), status))


@pytest.mark.parametrize("action", Action)
def test_member_of_an_approved_team_counts_as_approved(mallory, release, action):
    cast.member(team_of_lead(release), mallory)
    cast.accept(mallory, release)

    decision = decide(mallory, release, action)

    assert decision.allowed
    assert gate(decision, "approved").sentence == "You are a member of the team of Example Institute."
    assert (gate(decision, "approved").url, decision.reference) == ("/teams/", "")
    assert list(releases_allowed(mallory, action)) == [release]


def test_member_still_accepts_the_licence_in_person(mallory, release):
    team = team_of_lead(release)
    cast.member(team, mallory)
    cast.accept(team.lead, release)

    shut = decide(mallory, release, Action.DOWNLOAD).next_gate

    assert shut is not None
    assert shut.code == "licence_accepted"
    assert list(releases_allowed(mallory, Action.DOWNLOAD)) == []


def test_member_is_told_when_the_teams_approval_has_ended(mallory, release):
    cast.member(team_of_lead(release, ApplicationStatus.REVOKED), mallory)
    cast.accept(mallory, release)

    shut = decide(mallory, release, Action.INFERENCE).next_gate

    assert shut is not None
    assert (shut.code, shut.url) == ("approved", "/apply/early-access/")
    assert shut.sentence == "The team of Example Institute has lost its approval. You can apply yourself."


@pytest.mark.parametrize("status", [one for one in InvitationStatus if one != InvitationStatus.ACCEPTED])
def test_who_is_no_member_of_the_team_is_asked_to_apply(mallory, release, status):
    cast.member(team_of_lead(release), mallory, status)
    cast.accept(mallory, release)

    assert gate(decide(mallory, release, Action.DOWNLOAD), "approved").sentence == (
        "Apply to Early access: it takes a few minutes."
    )


def test_a_member_who_applied_in_vain_has_access_by_the_team(mallory, release):
    team = team_of_lead(release)
    cast.application(mallory, team.application.programme, ApplicationStatus.DECLINED)
    cast.member(team, mallory)
    cast.accept(mallory, release)

    assert decide(mallory, release, Action.DOWNLOAD).allowed


def test_a_team_opens_no_other_release(mallory, release):
    cast.member(team_of_lead(release), mallory)
    other = cast.release("other", under=release.licence)
    cast.accept(mallory, release)

    assert not decide(mallory, other, Action.DOWNLOAD).allowed
    assert list(releases_allowed(mallory, Action.DOWNLOAD)) == [release]


def test_deciding_on_a_member_costs_six_queries_at_most(mallory, release, django_assert_max_num_queries):
    cast.member(team_of_lead(release), mallory)
    cast.member(team_of_second_lead(release), mallory)
    cast.accept(mallory, release)
    fresh = type(release).objects.select_related("licence").get(pk=release.pk)

    with django_assert_max_num_queries(6):
        assert decide(mallory, fresh, Action.PLAYGROUND, at=timezone.now()).allowed


def team_of_second_lead(release):
    lead = cast.person("second@example.org")
    to = cast.programme(release, slug="second")
    return cast.team(cast.application(lead, to, ApplicationStatus.REVOKED), name="Second Institute")


def publish_with_grace(release, *, ends_at):
    version = LicenceVersion(licence=release.licence, number="2.0", text="# Licence 2.0")
    version.sha256 = version.text_sha256()
    version.published_at, version.grace_ends_at = timezone.now() - timedelta(days=1), ends_at
    version.save()
    return version


@pytest.mark.parametrize(
    ("before", "left"),
    [
        (timedelta(days=11, hours=3), "11 days left"),
        (timedelta(days=1, hours=3), "1 day left"),
        (timedelta(hours=3), "the last day"),
    ],
)
def test_ada_is_told_how_long_her_acceptance_counts(ada, release, before, left):
    ends_at = datetime(2030, 12, 4, tzinfo=UTC)
    publish_with_grace(release, ends_at=ends_at)

    decision = decide(ada, release, Action.DOWNLOAD, at=ends_at - before)

    assert decision.allowed
    assert [one.code for one in decision.closing_gates] == ["licence_current"]
    assert decision.closing_gates[0].sentence == f"Accept Open Weights Licence 2.0 by 3 December, {left}."
    assert decision.closing_gates[0].shuts_at == ends_at
    assert closing_gates(ada, release, at=ends_at - before) == decision.closing_gates
    assert list(releases_allowed(ada, Action.DOWNLOAD, at=ends_at - before)) == [release]


def test_access_stops_when_grace_ends_and_comes_back_with_the_acceptance(ada, release):
    ends_at = timezone.now() + timedelta(days=3)
    publish_with_grace(release, ends_at=ends_at)

    shut = decide(ada, release, Action.DOWNLOAD, at=ends_at).next_gate

    assert shut is not None
    assert (shut.code, shut.url) == ("licence_current", "/licences/licence-of-tiny/")
    assert closing_gates(ada, release, at=ends_at) == ()
    assert not releases_allowed(ada, Action.DOWNLOAD, at=ends_at).exists()
    cast.accept(ada, release)
    assert decide(ada, release, Action.DOWNLOAD, at=ends_at).allowed


def test_grace_is_for_those_who_accepted_before_and_for_nobody_else(mallory, release):
    publish_with_grace(release, ends_at=timezone.now() + timedelta(days=3))

    assert not gate(decide(mallory, release, Action.DOWNLOAD), "licence_accepted").passed
    assert not gate(decide(mallory, release, Action.DOWNLOAD), "licence_current").passed


def test_an_editorial_change_leaves_ada_alone(ada, release):
    version = LicenceVersion(licence=release.licence, number="1.1", text="# Licence 1.1")
    version.sha256, version.published_at = version.text_sha256(), timezone.now()
    version.reacceptance = Reacceptance.NOBODY
    version.save()

    decision = decide(ada, release, Action.DOWNLOAD)

    assert decision.allowed
    assert decision.closing_gates == ()
    assert gate(decision, "licence_current").sentence == (
        "Version 1.1 is in force, and your acceptance of 1.0 counts."
    )


def test_adas_dashboard_counts_the_days(as_ada, ada, release):
    ends_at = timezone.now() + timedelta(days=3, hours=1)
    publish_with_grace(release, ends_at=ends_at)

    content = as_ada.get("/dashboard/").content.decode()

    assert "3 days left." in content
    assert "After that Tiny is closed to you until you accept it." in content


def test_the_gate_that_will_shut_costs_one_query(ada, release, django_assert_num_queries):
    publish_with_grace(release, ends_at=timezone.now() + timedelta(days=3))
    fresh = type(release).objects.select_related("licence").get(pk=release.pk)

    with django_assert_num_queries(1):
        assert len(closing_gates(ada, fresh)) == 1
