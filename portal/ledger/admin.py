"""Pages of /admin/ on which something may be changed: each change is in the ledger too."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from portal.common.admin import ReadOnlyAdmin
from portal.common.requests import client_address
from portal.ledger.actions import record
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb


class RecordedAdmin(ModelAdmin):
    """Rows that staff may add and change here, in the transaction of one ledger entry; none is deleted."""

    added: ClassVar[Verb]
    changed: ClassVar[Verb]

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        """Record the addition beside Django's own log."""
        self._record(self.added, request, obj, message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        """Record the change beside Django's own log, unless nothing changed."""
        if message:
            self._record(self.changed, request, obj, message)
        return super().log_change(request, obj, message)

    def has_delete_permission(self, *_: Any) -> bool:
        """Nobody deletes one here: history refers to it."""
        return False

    def _record(self, verb: Verb, request: HttpRequest, obj: models.Model, message: Any) -> None:
        # Django's message names the fields, never their values.
        by, address = request.user, client_address(request)
        record(verb, subject=obj, by=by, data={"changes": message}, address=address)  # type: ignore[arg-type]


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    """The ledger itself."""

    list_display = ("number", "at", "verb", "actor_label", "subject_label")
    search_fields = ("actor_label", "subject_label")
