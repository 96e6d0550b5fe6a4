"""The tables of releases."""

from portal.releases.models.cards import Documentation, Measurement, ModelCard, text_sha256
from portal.releases.models.imports import (
    IMPORT_MOVES,
    IMPORT_SILENCE,
    LIVE_IMPORTS,
    ImportedFile,
    ImportStatus,
    SourceKind,
    WeightImport,
    WeightImportQuerySet,
)
from portal.releases.models.releases import (
    HUB_ID,
    RELEASE_MOVES,
    SHOWABLE,
    Release,
    ReleaseQuerySet,
    ReleaseStatus,
    Stage,
)
from portal.releases.models.revisions import (
    HTTP_URL,
    REVISION_NAME,
    REVISION_NAME_PATTERN,
    Blob,
    BlobQuerySet,
    Manifest,
    Revision,
    WeightFile,
    stored_at,
)

__all__ = [
    "HTTP_URL",
    "HUB_ID",
    "IMPORT_MOVES",
    "IMPORT_SILENCE",
    "LIVE_IMPORTS",
    "RELEASE_MOVES",
    "REVISION_NAME",
    "REVISION_NAME_PATTERN",
    "SHOWABLE",
    "Blob",
    "BlobQuerySet",
    "Documentation",
    "ImportStatus",
    "ImportedFile",
    "Manifest",
    "Measurement",
    "ModelCard",
    "Release",
    "ReleaseQuerySet",
    "ReleaseStatus",
    "Revision",
    "SourceKind",
    "Stage",
    "WeightFile",
    "WeightImport",
    "WeightImportQuerySet",
    "stored_at",
    "text_sha256",
]
