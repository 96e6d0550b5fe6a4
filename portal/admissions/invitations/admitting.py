"""Handing an application in with what came along: a team, a referral code, an invitation of the staff's."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from portal.accounts.models import User
from portal.admissions import actions
from portal.admissions.applications.conditions import hold_room, locked
from portal.admissions.invitations import inviting, referring
from portal.admissions.models import Application, ReferralCode
from portal.admissions.teams import actions as teams
from portal.admissions.teams.forms import CODE, TEAM_NAME, TEAM_SEATS
from portal.common.refusals import Refusal

WORDS = "The referral code {} approves beforehand, so that your application needed no review."


@transaction.atomic
def hand_in(
    application: Application, *, answers: Mapping[str, Any], by: User, address: str | None = None
) -> Application:
    """Submit it; approved at once if a member of staff has approved the address or the code beforehand.

    Raises Refusal as `actions.submit` does, and for a code that is not good.
    """
    programme = application.programme
    own = {code: answer for code, answer in answers.items() if code not in {CODE, TEAM_NAME, TEAM_SEATS}}
    # Rows are locked first, and the ledger last.
    typed = str(answers.get(CODE) or "")
    code = referring.code_for(programme, typed) if typed else None
    invitation = inviting.usable_by(programme, by)
    if invitation is not None or (code is not None and code.is_pre_approving):
        hold_room(locked(application).programme)
    submitted = actions.submit(application, answers=own, by=by, address=address)
    if answers.get(TEAM_NAME) and answers.get(TEAM_SEATS):
        name, wanted = str(answers[TEAM_NAME]), int(answers[TEAM_SEATS])
        teams.ask_for(submitted, name=name, seats_wanted=wanted, by=by, address=address)
    if code is not None:
        referring.refer(submitted, code, by=by, address=address)
    try:
        with transaction.atomic():
            if invitation is not None:
                return inviting.use(invitation, by=by, address=address)
            if code is not None and code.is_pre_approving:
                return _approve(submitted, code, by=by)
    except Refusal:
        # What was approved beforehand is so no longer: a reviewer decides, as on every other application.
        return submitted
    return submitted


def _approve(submitted: Application, code: ReferralCode, *, by: User) -> Application:
    inviting.require_maker(code.made_by)
    if inviting.shut_out_at(submitted.programme, by) is not None:
        raise Refusal("decided_before", "A reviewer has decided against this person before.")
    return actions.grant(submitted.programme, by, by=code.made_by, message=WORDS.format(code))
