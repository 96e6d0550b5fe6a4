"""The tables of reports: what was reported, what was done about it, and the regression cases that stay."""

from playground.reporting.models.cases import (
    ExpectationType,
    RegressionCase,
    RegressionCaseQuerySet,
    RegressionOutcome,
)
from playground.reporting.models.reports import (
    REPORT_MOVES,
    UNRESOLVED_STATUSES,
    WAITING_STATUSES,
    Category,
    Report,
    ReportNote,
    ReportQuerySet,
    ReportStatus,
    Severity,
)

__all__ = [
    "REPORT_MOVES",
    "UNRESOLVED_STATUSES",
    "WAITING_STATUSES",
    "Category",
    "ExpectationType",
    "RegressionCase",
    "RegressionCaseQuerySet",
    "RegressionOutcome",
    "Report",
    "ReportNote",
    "ReportQuerySet",
    "ReportStatus",
    "Severity",
]
