"""The tables of licences: versions of their texts, who accepted which, and the mails about them."""

from portal.licensing.models.acceptances import Acceptance, AcceptanceQuerySet, new_reference
from portal.licensing.models.licences import (
    GRACE_DAYS_MAX,
    NUMBER,
    Licence,
    LicenceVersion,
    LicenceVersionQuerySet,
    Permission,
    Reacceptance,
)
from portal.licensing.models.notices import Notice, NoticeKind

__all__ = [
    "GRACE_DAYS_MAX",
    "NUMBER",
    "Acceptance",
    "AcceptanceQuerySet",
    "Licence",
    "LicenceVersion",
    "LicenceVersionQuerySet",
    "Notice",
    "NoticeKind",
    "Permission",
    "Reacceptance",
    "new_reference",
]
