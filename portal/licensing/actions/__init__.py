"""What is done to licences: they are drafted, published for good or for a day, and accepted."""

from portal.licensing.actions.accepting import NewerVersion, accept
from portal.licensing.actions.drafting import NotADraft, create_licence, discard_draft, draft_version
from portal.licensing.actions.publishing import publish_version, unschedule_version
from portal.licensing.conditions import SUMMARY_FIELDS

__all__ = [
    "SUMMARY_FIELDS",
    "NewerVersion",
    "NotADraft",
    "accept",
    "create_licence",
    "discard_draft",
    "draft_version",
    "publish_version",
    "unschedule_version",
]
