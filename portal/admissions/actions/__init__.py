"""Everything that changes an application's state: one verb, one transaction, one ledger entry."""

from portal.admissions.actions.applicant import appeal, give_information, save_draft, start, submit, withdraw
from portal.admissions.actions.reviewer import (
    approve,
    begin_review,
    decline,
    grant,
    request_information,
    revoke,
    waitlist,
)
from portal.admissions.actions.rule import decide_by_rule

__all__ = [
    "appeal",
    "approve",
    "begin_review",
    "decide_by_rule",
    "decline",
    "give_information",
    "grant",
    "request_information",
    "revoke",
    "save_draft",
    "start",
    "submit",
    "waitlist",
    "withdraw",
]
