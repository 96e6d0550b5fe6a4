"""Events and registrations in /admin/, to be read; the console changes them."""

from django.contrib import admin

from portal.common.admin import ReadOnlyAdmin
from portal.events.models import Event, Registration


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """Events."""

    list_display = ("title", "starts_at", "place", "capacity", "status")
    list_filter = ("status",)
    search_fields = ("title", "slug", "place")


@admin.register(Registration)
class RegistrationAdmin(ReadOnlyAdmin):
    """Who is registered where."""

    list_display = ("user", "event", "status", "registered_at", "checked_in_at")
    list_select_related = ("user", "event")
    list_filter = ("status", "event")
    search_fields = ("user__email", "user__full_name")
