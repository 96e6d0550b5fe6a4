"""Downloads in /admin/: to be read."""

from django.contrib import admin

from portal.common.admin import ReadOnlyAdmin
from portal.hub.models import Download


@admin.register(Download)
class DownloadAdmin(ReadOnlyAdmin):
    """Who downloaded what, when, from where, and how much of it left."""

    list_display = ("started_at", "user", "file", "sent_bytes", "ended_at", "address", "client")
    list_select_related = ("user", "file__revision__release")
    list_filter = ("started_at", "file__revision__release")
    search_fields = ("user__email", "file__path", "file__sha256")
