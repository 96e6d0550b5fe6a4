"""Releases in /admin/: texts may be edited; what was frozen, and every state, is read only."""

from typing import Any

from django.contrib import admin
from django.db import models

from portal.common.admin import ReadOnlyAdmin
from portal.ledger.admin import RecordedAdmin
from portal.ledger.verbs import Verb
from portal.releases.models import (
    Blob,
    Documentation,
    Manifest,
    Measurement,
    ModelCard,
    Release,
    Revision,
    WeightFile,
    WeightImport,
)


@admin.register(Release)
class ReleaseAdmin(RecordedAdmin):
    """The texts and settings of a release; it is made, opened and withdrawn in the console."""

    added, changed = Verb.RELEASE_CREATED, Verb.RELEASE_CHANGED
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    list_display = ("name", "hub_id", "stage", "status", "licence")
    list_filter = ("status", "stage")
    list_select_related = ("licence",)
    search_fields = ("name", "hub_id", "slug")
    readonly_fields = (
        "slug",
        "hub_id",
        "licence",
        "status",
        "created_at",
        "opened_at",
        "withdrawn_at",
        "withdrawal_reason",
    )

    def has_add_permission(self, *_: Any) -> bool:
        """Nobody adds one here: the console's form writes the ledger."""
        return False


@admin.register(Revision)
class RevisionAdmin(ReadOnlyAdmin):
    """Frozen revisions."""

    list_display = ("release", "name", "commit", "total_bytes", "is_current", "frozen_at", "yanked_at")
    list_select_related = ("release",)
    list_filter = ("release", "is_current")
    search_fields = ("commit",)


@admin.register(WeightFile)
class WeightFileAdmin(ReadOnlyAdmin):
    """Files of revisions."""

    list_display = ("path", "revision", "size_bytes", "sha256")
    list_select_related = ("revision__release",)
    search_fields = ("path", "sha256")


@admin.register(Blob)
class BlobAdmin(ReadOnlyAdmin):
    """Stored bytes: when they were last read, and what is out of service."""

    list_display = ("sha256", "size_bytes", "scrubbed_at", "damaged_at", "damage")
    list_filter = (("damaged_at", admin.EmptyFieldListFilter),)
    search_fields = ("sha256",)


@admin.register(Manifest)
class ManifestAdmin(ReadOnlyAdmin):
    """Signatures of revisions."""

    list_display = ("revision", "key_id", "signed_at")
    list_select_related = ("revision__release",)
    list_filter = ("key_id",)


@admin.register(WeightImport)
class WeightImportAdmin(ReadOnlyAdmin):
    """Imports, done and failed."""

    list_display = ("release", "kind", "source", "status", "requested_by", "requested_at", "error")
    list_select_related = ("release", "requested_by")
    list_filter = ("status",)


@admin.register(ModelCard)
class ModelCardAdmin(ReadOnlyAdmin):
    """Model cards, which the console writes."""

    list_display = ("release", "saved_at", "saved_by")
    list_select_related = ("release", "saved_by")


@admin.register(Documentation)
class DocumentationAdmin(ReadOnlyAdmin):
    """Documentation forms, which the console writes."""

    list_display = ("release", "saved_at", "saved_by")
    list_select_related = ("release", "saved_by")


@admin.register(Measurement)
class MeasurementAdmin(ReadOnlyAdmin):
    """What the files of revisions were found to hold."""

    list_display = ("revision", "parameter_counts", "measured_at")
    list_select_related = ("revision__release",)
