"""Everything that changes a report or a regression case: one verb, one transaction, one ledger entry."""

from playground.reporting.actions.cases import make_case, retire_case
from playground.reporting.actions.filing import Told, report_answer, report_release
from playground.reporting.actions.holding import cases_holding
from playground.reporting.actions.outcomes import take_outcomes
from playground.reporting.actions.pausing import pause_release, resume_release
from playground.reporting.actions.triaging import (
    accept,
    assign,
    begin_triage,
    dismiss,
    let_go,
    mark_fixed,
    rate,
)
from playground.reporting.actions.writing import add_note, write_to_reporter, write_to_staff

__all__ = [
    "Told",
    "accept",
    "add_note",
    "assign",
    "begin_triage",
    "cases_holding",
    "dismiss",
    "let_go",
    "make_case",
    "mark_fixed",
    "pause_release",
    "rate",
    "report_answer",
    "report_release",
    "resume_release",
    "retire_case",
    "take_outcomes",
    "write_to_reporter",
    "write_to_staff",
]
