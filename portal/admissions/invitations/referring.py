"""Referral codes: staff makes them, people bring them along, and none is used more often than it may be."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.admissions.models import Application, Programme, Referral, ReferralCode
from portal.admissions.searching import words_in
from portal.common.refusals import Refusal
from portal.common.transitions import IllegalMove
from portal.ledger.actions import record
from portal.ledger.verbs import Verb


@transaction.atomic
def make_code(
    programme: Programme,
    *,
    note: str,
    uses_max: int,
    is_pre_approving: bool,
    expires_at: datetime,
    by: User,
    address: str | None = None,
) -> ReferralCode:
    """Make a code; a pre-approving one approves whoever brings it, in the name of `by`."""
    made = ReferralCode.objects.create(
        programme=programme,
        note=note,
        uses_max=uses_max,
        is_pre_approving=is_pre_approving,
        expires_at=expires_at,
        made_by=by,
    )
    facts = {
        "programme": programme.slug,
        "note": note,
        "uses_max": uses_max,
        "is_pre_approving": is_pre_approving,
        "expires_at": expires_at,
    }
    record(Verb.REFERRAL_CODE_MADE, subject=made, by=by, data=facts, address=address)
    return made


@transaction.atomic
def revoke_code(code: ReferralCode, *, by: User, address: str | None = None) -> ReferralCode:
    """Let nobody use it any more; who has used it stays as they are. Raises IllegalMove the second time."""
    row = (
        ReferralCode.objects.select_for_update(of=("self",), no_key=True)
        .select_related("programme")
        .get(pk=code.pk)
    )
    if row.revoked_at is not None:
        raise IllegalMove("code_revoked", "This code has been revoked before.")
    row.revoked_at = timezone.now()
    row.save(update_fields=["revoked_at"])
    record(
        Verb.REFERRAL_CODE_REVOKED,
        subject=row,
        by=by,
        data={"programme": row.programme.slug, "uses": row.referrals.count()},
        address=address,
    )
    return row


def code_for(programme: Programme, text: str, *, at: datetime | None = None) -> ReferralCode:
    """The code that somebody typed, its row locked, so that uses are counted right. Two queries.

    Call it before the ledger is locked, as `team_conditions.locked` has it. Raises Refusal for one that
    doesn't exist in this programme, is over, or is used up.
    """
    rows = ReferralCode.objects.select_for_update(of=("self",), no_key=True).select_related("made_by")
    found = rows.filter(programme=programme, code=as_written(text)).first()
    if found is None:
        raise Refusal(
            "code_unknown",
            f"“{text}” is no referral code of {programme.name}. Check it, or leave the field empty.",
            status=422,
        )
    if found.revoked_at is not None or found.expires_at <= (at or timezone.now()):
        raise Refusal(
            "code_over",
            f"The referral code {found} is no longer good. Leave the field empty to apply without it.",
            status=422,
        )
    if found.referrals.count() >= found.uses_max:
        raise Refusal(
            "code_used_up",
            f"The referral code {found} has been used as often as it may be. Leave the field empty to apply "
            "without it.",
            status=422,
        )
    return found


@transaction.atomic
def refer(application: Application, code: ReferralCode, *, by: User, address: str | None = None) -> Referral:
    """Note that an application came with a code that `code_for` gave in this transaction."""
    made = Referral.objects.create(code=code, application=application)
    # So that the review queue finds everybody who came with it.
    application.search_words = f"{application.search_words} {words_in([code.code])}"
    application.save(update_fields=["search_words"])
    facts = {"programme": application.programme.slug, "application": application.reference}
    record(Verb.REFERRAL_CODE_USED, subject=code, by=by, data=facts, address=address)
    return made


def as_written(text: str) -> str:
    """A code as it is stored, whatever the case and the gaps in which it was typed.

    >>> as_written(" bcdf-2345 ")
    'BCDF2345'
    """
    return "".join(character for character in text.upper() if character.isalnum())
