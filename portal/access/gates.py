"""The gates themselves: from facts to conditions with a sentence and a link, without a query."""

from datetime import UTC, datetime, timedelta

from django.urls import reverse

from portal.access.decision import Action, Gate
from portal.access.facts import Facts
from portal.admissions.models import ApplicationStatus as Status
from portal.releases.models import Release, ReleaseStatus


def all_gates(facts: Facts, *, release: Release, action: Action) -> tuple[Gate, ...]:
    """Every gate of `action` in the order in which a person meets them."""
    return (
        *account_gates(facts),
        _release_open(facts, release, action),
        *_safety(facts, release),
        _approved(facts, action),
        _licence_accepted(facts, release),
        licence_current(facts, release),
    )


def account_gates(facts: Facts) -> tuple[Gate, ...]:
    """The gates that are the same for every release and action: those of the account."""
    return (_signed_in(facts), _account_active(facts), _email_verified(facts))


def licence_current(facts: Facts, release: Release) -> Gate:
    """Whether what the person accepted still counts; in the days of grace it does, with a countdown."""
    current, accepted, until = facts.licence_version, facts.accepted_version, facts.accepted_until
    shuts_at = None
    if current is None or accepted is None:
        sentence = "Accepting the licence opens this as well."
    elif accepted == current:
        sentence = f"Version {current.number} is the one in force."
    elif until is None:
        sentence = f"Version {current.number} is in force, and your acceptance of {accepted.number} counts."
    elif facts.is_acceptance_current:
        shuts_at = until
        countdown = _countdown(until, facts.at)
        sentence = f"Accept {release.licence.name} {current.number} by {countdown}."
    else:
        sentence = (
            f"You accepted version {accepted.number}, which is no longer in force. "
            f"Read and accept {release.licence.name} {current.number}."
        )
    url = release.licence.get_absolute_url()
    is_current = facts.is_acceptance_current
    return Gate("licence_current", "Current version", is_current, sentence, url, shuts_at)


def _signed_in(facts: Facts) -> Gate:
    sentence = "You are signed in." if facts.is_signed_in else "Sign in, or create an account, to go on."
    return Gate("signed_in", "Sign in", facts.is_signed_in, sentence, reverse("account_login"))


def _account_active(facts: Facts) -> Gate:
    if facts.is_active:
        sentence = "Your account is active."
    elif facts.is_signed_in:
        sentence = (
            "Your account has been deactivated. Write to the organisation if you think this is a mistake."
        )
    else:
        sentence = "Your account must be active."
    return Gate("account_active", "Active account", facts.is_active, sentence)


def _email_verified(facts: Facts) -> Gate:
    passed = facts.has_verified_email
    sentence = (
        "Your e-mail address is verified."
        if passed
        else "Verify your e-mail address: follow the link that we sent you, or ask for a new one."
    )
    return Gate("email_verified", "Verified e-mail", passed, sentence, reverse("account_email"))


def _release_open(facts: Facts, release: Release, action: Action) -> Gate:
    is_open = release.status == ReleaseStatus.OPEN
    is_paused = release.paused_at is not None and release.status != ReleaseStatus.WITHDRAWN
    passed = (is_open or _pass_counts(facts, action)) and not is_paused
    if is_paused:
        sentence = f"{release.name} is paused: {release.pause_reason}"
    elif is_open:
        sentence = f"{release.name} is open."
    elif passed:
        sentence = f"{release.name} is shown at an event that you are registered for."
    elif release.status == ReleaseStatus.WITHDRAWN:
        sentence = f"{release.name} has been withdrawn. Its page says why and what to use instead."
    else:
        sentence = f"{release.name} is not open yet. Its page will say when it is."
    return Gate("release_open", "Open release", passed, sentence, release.get_absolute_url())


def _safety(facts: Facts, release: Release) -> tuple[Gate, ...]:
    """That what an open release gives out was evaluated and signed for; no gate where nothing is demanded."""
    clearance = facts.clearance
    if clearance is None or not clearance.is_demanding:
        return ()
    if clearance.is_clear:
        sentence = f"What {release.name} gives out was evaluated and signed for."
    else:
        sentence = clearance.shut_sentence(release.name)
    url = f"{release.get_absolute_url()}safety/"
    return (Gate("safety", "Safety sign-off", clearance.is_clear, sentence, url),)


def _pass_counts(facts: Facts, action: Action) -> bool:
    """Whether an event pass stands in for an approval: in the playground only."""
    return facts.event_pass is not None and action == Action.PLAYGROUND


_APPLICATION_SENTENCES = {
    Status.DRAFT: "Your application {reference} is a draft. Finish and submit it.",
    Status.SUBMITTED: "Your application {reference} is waiting for a reviewer. We will write to you.",
    Status.IN_REVIEW: "Your application {reference} is being reviewed. We will write to you.",
    Status.INFORMATION_REQUESTED: "A reviewer has a question about your application {reference}. Answer it.",
    Status.WAITLISTED: "Your application {reference} is on the waiting list. We will write to you.",
    Status.DECLINED: "Your application {reference} was declined. Its page has the reviewer's message.",
    Status.WITHDRAWN: "You withdrew your application {reference}. You can apply again.",
    Status.REVOKED: "The approval of your application {reference} was revoked. Its page has the reason.",
}


def _approved(facts: Facts, action: Action) -> Gate:
    application, programme = facts.application, facts.programme
    url = (application.programme if application else programme or _NOWHERE).get_absolute_url()
    if facts.is_approved:
        return Gate("approved", "Approval", True, "Your application is approved.", url)
    if facts.team is not None and facts.is_approved_by_team:
        sentence = f"You are a member of the team of {facts.team.name}."
        return Gate("approved", "Approval", True, sentence, reverse("admissions:teams"))
    if facts.event_pass is not None and _pass_counts(facts, action):
        event = facts.event_pass.event
        sentence = f"Your pass for “{event.title}” counts as an approval until the event ends."
        return Gate("approved", "Approval", True, sentence, event.get_absolute_url())
    if application is not None:
        sentence = _APPLICATION_SENTENCES[Status(application.status)].format(reference=application.reference)
    elif facts.team is not None:
        url = facts.team.application.programme.get_absolute_url()
        sentence = f"The team of {facts.team.name} has lost its approval. You can apply yourself."
    elif programme is None:
        sentence = "No programme opens this release yet."
    else:
        sentence = programme.closed_sentence() or f"Apply to {programme.name}: it takes a few minutes."
    return Gate("approved", "Approval", False, sentence, url)


class _Nowhere:
    def get_absolute_url(self) -> str:
        return ""


_NOWHERE = _Nowhere()


def _licence_accepted(facts: Facts, release: Release) -> Gate:
    version = facts.licence_version
    if version is None:
        sentence = "The licence has not been published yet."
    elif facts.accepted_version is not None:
        sentence = f"You accepted {release.licence.name} {facts.accepted_version.number}."
    else:
        sentence = f"Read and accept {release.licence.name} {version.number}."
    return Gate(
        "licence_accepted", "Licence", facts.has_accepted, sentence, release.licence.get_absolute_url()
    )


def _countdown(ends_at: datetime, at: datetime) -> str:
    """The last day, and how many more there are.

    >>> _countdown(datetime(2026, 12, 4, tzinfo=UTC), datetime(2026, 11, 22, 15, tzinfo=UTC))
    '3 December, 11 days left'
    >>> _countdown(datetime(2026, 12, 4, tzinfo=UTC), datetime(2026, 12, 3, 15, tzinfo=UTC))
    '3 December, the last day'
    """
    days = (ends_at - at).days
    left = f"{days} day{'s' if days > 1 else ''} left" if days else "the last day"
    return f"{ends_at.astimezone(UTC) - timedelta(microseconds=1):%-d %B}, {left}"
