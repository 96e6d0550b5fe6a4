"""API keys and what was used in /admin/: to be read, never written, and never with a digest."""

from django.contrib import admin

from portal.common.admin import ReadOnlyAdmin
from portal.keys.models import ApiKey, DailyReleaseUsage, DailyUsage


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Who has which key, and when it was used."""

    fields = (
        "user",
        "name",
        "public_id",
        "scopes",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )
    list_display = ("prefix", "name", "user", "created_at", "last_used_at", "revoked_at")
    list_select_related = ("user",)
    list_filter = ("revoked_at",)
    search_fields = ("public_id", "name", "user__email")


@admin.register(DailyUsage)
class DailyUsageAdmin(ReadOnlyAdmin):
    """What each key did each day."""

    list_display = (
        "day",
        "key",
        "release",
        "requests_count",
        "failures_count",
        "prompt_tokens_count",
        "completion_tokens_count",
    )
    list_select_related = ("key", "release")
    list_filter = ("day", "release")
    search_fields = ("key__public_id", "key__user__email")


@admin.register(DailyReleaseUsage)
class DailyReleaseUsageAdmin(ReadOnlyAdmin):
    """What all keys together did with each release each day."""

    list_display = (
        "day",
        "release",
        "requests_count",
        "failures_count",
        "prompt_tokens_count",
        "completion_tokens_count",
    )
    list_select_related = ("release",)
    list_filter = ("day", "release")
