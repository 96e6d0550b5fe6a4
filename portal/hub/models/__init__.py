"""The tables of downloads: links to them, their record, what is added up of it, and mails to their owners."""

from portal.hub.models.counts import Holding, LogPlace, Tally
from portal.hub.models.downloads import (
    FAMILY_SIGNS,
    Carrier,
    ClientFamily,
    Download,
    DownloadQuerySet,
    DownloadState,
    Sheaf,
)
from portal.hub.models.links import DownloadLink, DownloadLinkQuerySet
from portal.hub.models.mailings import (
    MAILING_SILENCE,
    HolderMail,
    HolderMailing,
    HolderMailingQuerySet,
    MailStatus,
    Scope,
)

__all__ = [
    "FAMILY_SIGNS",
    "MAILING_SILENCE",
    "Carrier",
    "ClientFamily",
    "Download",
    "DownloadLink",
    "DownloadLinkQuerySet",
    "DownloadQuerySet",
    "DownloadState",
    "HolderMail",
    "HolderMailing",
    "HolderMailingQuerySet",
    "Holding",
    "LogPlace",
    "MailStatus",
    "Scope",
    "Sheaf",
    "Tally",
]
