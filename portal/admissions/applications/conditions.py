"""What must hold before a verb may act on an application; each rule refuses with its next step."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils import timezone

from portal.accounts.models import User
from portal.admissions.applications.entering import country_refusal, require_entry
from portal.admissions.models import (
    WAITING_STATUSES,
    Application,
    ApplicationStatus,
    Note,
    Programme,
    Question,
    Rule,
    RuleEffect,
    RuleSet,
    RuleSetStatus,
)
from portal.admissions.reasons import DeclineReason, sentence
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove, LostRace
from portal.ledger.verbs import Verb


def locked(application: Application) -> Application:
    """The application as it stands now, its row locked until the transaction ends. One query.

    As everywhere here its key is not: foreign keys are checked at the commit, while the ledger is locked, and
    whoever had the key would wait for the ledger.
    """
    rows = Application.objects.select_for_update(of=("self",), no_key=True).select_related(
        "programme", "applicant", "assignee", "team"
    )
    return rows.get(pk=application.pk)


def locked_for_review(application: Application, *, by: User, seen: int | None) -> Application:
    """The locked application, if `by` may decide on it and nothing happened since they last looked.

    `seen` is the id of the newest timeline entry that the reviewer was shown; None for one
    who decides unseen, as a command does. Raises LostRace with what happened since.
    """
    row = locked(application)
    require_impartial(row, by)
    require_not_taken(row, by)
    _require_nothing_since(row, seen)
    return row


def locked_for_rule(application: Application, *, rule: Rule, seen: int | None) -> Application:
    """The locked application, if the portal may decide on it by `rule`, whose set is locked before it.

    Raises Refusal for what is left to people, LostRace for what happened since `seen`.
    """
    # First the set, always: whoever retires it waits, and whoever comes then is refused.
    rule_set = RuleSet.objects.select_for_update(no_key=True).get(pk=rule.rule_set_id)
    if rule_set.status != RuleSetStatus.ACTIVE:
        raise Refusal("rules_not_active", "These rules are not switched on.")
    row = locked(application)
    if row.programme_id != rule_set.programme_id:
        raise Refusal("rules_of_another_programme", "These rules are another programme's.")
    _require_nothing_since(row, seen)
    if why := left_to_people(row, effect=rule.effect):
        raise Refusal("left_to_people", why)
    return row


def left_to_people(application: Application, *, effect: str) -> str:
    """Why no rule of `effect` may touch it, in a sentence; "" where one may.

    No query when its programme, its applicant and its team are read.
    """
    person = application.applicant
    reasons = {
        "A reviewer has taken it up, so a reviewer decides.": application.status
        != ApplicationStatus.SUBMITTED
        or application.is_taken,
        "It is an appeal, and a person decides on those.": application.appealed_at is not None,
        "It asks for a team, and a reviewer grants its seats.": hasattr(application, "team"),
        "It is a colleague's, so another person decides.": person.is_staff,
        "The account is deactivated, so a person looks at it.": not person.is_active,
        "The programme wants two reviewers to agree, and a rule is none.": effect != RuleEffect.FLAG
        and application.programme.needs_second_reviewer,
    }
    return next((sentence for sentence, holds in reasons.items() if holds), "")


def _require_nothing_since(row: Application, seen: int | None) -> None:
    if seen is None:
        return
    since = row.notes.filter(pk__gt=seen).select_related("by", "application").order_by("pk").last()
    if since is not None:
        raise LostRace("application_changed", sentence_about(since))


def require_impartial(application: Application, by: User) -> None:
    """Nobody decides on their own application, on an appeal against themselves, or despite a conflict."""
    if application.applicant_id == by.pk:
        raise Refusal(
            "own_application", "You cannot decide on your own application. Ask another reviewer.", status=403
        )
    if application.is_appeal and has_declined(application, by):
        raise Refusal(
            "own_decision", "You declined this application, so another reviewer takes the appeal.", status=403
        )
    if application.conflicts.filter(by=by).exists():
        raise Refusal(
            "conflict_declared",
            f"A conflict of interest was declared for {by}, so another reviewer takes this application.",
            status=403,
        )


def has_declined(application: Application, by: User) -> bool:
    """Whether `by` took the decline against which it appeals, or proposed it. One query at most."""
    if application.appealed_from_id == by.pk:
        return True
    proposed = application.staff_notes.filter(
        by=by, verb=Verb.APPLICATION_DECISION_PROPOSED, at__lt=application.appealed_at
    )
    # As `proposals.agree_or_propose` writes them.
    return proposed.filter(message__startswith=ApplicationStatus.DECLINED.label).exists()


def require_not_taken(application: Application, by: User) -> None:
    """What waits and another reviewer has is theirs until they decide, give it back, or their claim ends."""
    waits = application.status in WAITING_STATUSES | {ApplicationStatus.INFORMATION_REQUESTED}
    if not waits or not application.is_taken or application.assignee_id == by.pk:
        return
    until = application.claimed_until
    for_how_long = f" until {timezone.localtime(until):%H:%M %Z}" if until else ""
    raise Refusal(
        "taken_by_another",
        f"{application.assignee} has this application{for_how_long}. Nothing of yours was written. "
        "Ask them, or take it over first: assign it to yourself.",
    )


def sentence_about(note: Note) -> str:
    """Say who did what, and when, to a reviewer who was about to do something else."""
    who = str(note.by) if note.by else "The portal"
    if note.by_id == note.application.applicant_id:
        who = "The applicant"
    at = timezone.localtime(note.at)
    return (
        f"{who} was here first: “{note.title}” at {at:%H:%M} {at.tzname()} on {at:%-d %B}. Nothing of "
        "yours was written. Read what happened, then decide again if you still want to."
    )


def require_own(application: Application, by: User) -> None:
    """Only the applicant writes, submits and withdraws."""
    if application.applicant_id != by.pk:
        raise Refusal("not_yours", "This application belongs to somebody else.", status=404)


def require_able_to_apply(programme: Programme, by: User) -> None:
    """Applying takes an active account, a verified address and an open programme."""
    if not by.is_active:
        raise Refusal("account_inactive", "A deactivated account cannot apply.", status=403)
    if not by.has_verified_email():
        raise Refusal(
            "email_verified",
            "Verify your e-mail address first: follow the link that we sent you, or ask for a new one.",
            status=403,
            remedy="/accounts/email/",
        )
    # As it stands now, not as it was read.
    if closed := Programme.objects.get(pk=programme.pk).closed_sentence():
        raise Refusal(
            "programme_closed", f"{closed} What you have typed is kept as a draft.", remedy="/dashboard/"
        )
    require_entry(programme, by)


def require_pause_over(programme: Programme, by: User) -> None:
    """Whoever was declined waits as long as the programme declares before they apply again. One query."""
    declined = Application.objects.filter(
        programme=programme, applicant=by, status=ApplicationStatus.DECLINED
    )
    last = declined.select_related("programme").order_by("-decided_at").first()
    since = last.may_apply_again_from if last else None
    if last and since and since > timezone.now():
        raise Refusal(
            "pause_not_over",
            f"You can apply to {programme.name} again from {timezone.localtime(since):%-d %B %Y} on.",
            remedy=last.get_absolute_url(),
        )


def require_appealable(application: Application) -> None:
    """A decline is appealed once, and while nothing has taken the application's place."""
    if application.status != ApplicationStatus.DECLINED:
        raise IllegalMove("not_declined", "This application is not declined, so there is nothing to appeal.")
    if application.erased_at is not None:
        raise Refusal(
            "application_erased",
            "You deleted what you wrote, so nobody can look at it again. Apply anew.",
            remedy=application.programme.get_absolute_url(),
        )
    if application.appealed_at is not None:
        raise Refusal("appealed_before", "You appealed once. The decision on an appeal is final.")
    others = Application.objects.live().filter(
        programme=application.programme_id, applicant=application.applicant_id
    )
    if newer := others.first():
        raise Refusal(
            "applied_again",
            "You have applied again, and that application counts now.",
            remedy=newer.get_absolute_url(),
        )


def require_answers(programme: Programme, questions: Iterable[Question], answers: Mapping[str, Any]) -> None:
    """Every required question has an answer, and none names a country that cannot apply.

    Forms say so field by field before it comes to this.
    """
    asked = list(questions)
    missing = [one.label for one in asked if one.is_required and not answers.get(one.code)]
    if missing:
        raise Refusal("answers_missing", f"Some answers are missing: {'; '.join(missing)}", status=422)
    if refused := country_refusal(programme, asked, answers):
        raise refused[1]


def hold_room(programme: Programme) -> Programme | None:
    """Lock the places of a programme that has only so many; None for one without a limit. One query.

    Whoever changes a programme or draws a wave locks it before the ledger, and so does every approval: else
    two of them could wait for each other.
    """
    if programme.capacity is None:
        return None
    return Programme.objects.select_for_update(no_key=True).get(pk=programme.pk)


def require_room(programme: Programme) -> None:
    """One more approval fits; the programme's row stays locked until the transaction ends. Two queries.

    Call it before the first ledger entry of the transaction, as `hold_room` has it.
    """
    row = hold_room(programme)
    if row is None:
        return
    approved = Application.objects.filter(programme=row, status=ApplicationStatus.APPROVED).count()
    if row.capacity is not None and approved >= row.capacity:
        raise Refusal(
            "programme_full",
            f"All {row.capacity:,} places of {row.name} are taken. Put the application on the waiting list, "
            "or give the programme more places first.",
        )


def require_reason(reason: str, message: str) -> None:
    """A decline has a `DeclineReason`, and a message where that says nothing by itself."""
    if not sentence(DeclineReason(reason)):
        require_message(message, "Tell the applicant why, and what they can do next.")


def require_message(message: str, sentence: str) -> None:
    """Some steps are owed an explanation; `sentence` asks for it."""
    if not message.strip():
        raise Refusal("message_required", sentence, status=422)
