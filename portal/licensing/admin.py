"""Licences in /admin/: what is published, and who accepted it, can be read and not changed."""

from django.contrib import admin
from django.http import HttpRequest

from portal.common.admin import ReadOnlyAdmin
from portal.ledger.admin import RecordedAdmin
from portal.ledger.verbs import Verb
from portal.licensing.models import Acceptance, Licence, LicenceVersion, Notice


@admin.register(Licence)
class LicenceAdmin(RecordedAdmin):
    """Licences and their names."""

    added, changed = Verb.LICENCE_CREATED, Verb.LICENCE_CHANGED
    list_display = ("name", "slug")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}

    def get_readonly_fields(self, request: HttpRequest, obj: Licence | None = None) -> tuple[str, ...]:
        """Fix the address once it is given out."""
        del request
        return ("slug",) if obj else ()

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Licence | None = None
    ) -> dict[str, tuple[str, ...]]:
        """Suggest an address for a new licence only."""
        del request
        return {} if obj else {"slug": ("name",)}


@admin.register(LicenceVersion)
class LicenceVersionAdmin(ReadOnlyAdmin):
    """Versions; they are drafted and published in the console."""

    list_display = ("licence", "number", "published_at", "sha256")
    list_select_related = ("licence",)
    list_filter = ("licence", "published_at")


@admin.register(Acceptance)
class AcceptanceAdmin(ReadOnlyAdmin):
    """Who accepted which text, when and from where."""

    list_display = ("reference", "user", "version", "accepted_at", "address")
    list_select_related = ("user", "version__licence")
    list_filter = ("version__licence", "accepted_at")
    search_fields = ("reference", "user__email", "sha256")


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    """Mails about versions: to whom, about which, and whether they were sent."""

    list_display = ("user", "version", "kind", "created_at", "sent_at")
    list_select_related = ("user", "version__licence")
    list_filter = ("kind", "version__licence", "created_at")
    search_fields = ("user__email",)
