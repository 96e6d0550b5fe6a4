"""Programmes and their questions in /admin/; applications there are read, and decided in the console."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from portal.accounts.sessions import current_user
from portal.admissions.models import (
    Application,
    Note,
    PreApproval,
    Programme,
    Question,
    ReferralCode,
    Team,
    TeamInvitation,
)
from portal.admissions.programmes import actions as programme_actions
from portal.common.admin import ReadOnlyAdmin
from portal.common.requests import client_address
from portal.ledger.admin import RecordedAdmin
from portal.ledger.verbs import Verb


class QuestionInline(TabularInline):
    """The questions of a programme; changing one leaves submitted applications as they were asked."""

    model = Question
    extra = 0
    fields = ("position", "code", "kind", "label", "help_text", "is_required", "choices")


@admin.register(Programme)
class ProgrammeAdmin(RecordedAdmin):
    """Programmes; opening and closing one is an action, so that the ledger has it."""

    added, changed = Verb.PROGRAMME_CREATED, Verb.PROGRAMME_CHANGED
    list_display = ("name", "slug", "is_open")
    prepopulated_fields = {"slug": ("name",)}
    filter_horizontal = ("releases",)
    # Both take along more than their own row, so the console changes them.
    readonly_fields = ("is_open", "is_blind", "needs_second_reviewer")
    inlines = (QuestionInline,)
    actions = ("open_programmes", "close_programmes")

    @admin.action(description="Open to applications", permissions=["change"])
    def open_programmes(self, request: HttpRequest, queryset: QuerySet[Programme]) -> None:
        """Open the chosen programmes."""
        by, address = current_user(request), client_address(request)
        opened = sum(programme_actions.open_programme(one, by=by, address=address) for one in queryset)
        messages.success(request, f"Opened: {opened}.")

    @admin.action(description="Close to applications", permissions=["change"])
    def close_programmes(self, request: HttpRequest, queryset: QuerySet[Programme]) -> None:
        """Close the chosen programmes."""
        by, address = current_user(request), client_address(request)
        closed = sum(programme_actions.close_programme(one, by=by, address=address) for one in queryset)
        messages.success(request, f"Closed: {closed}.")


class NoteInline(TabularInline):
    """The timeline of an application."""

    model = Note
    extra = 0
    fields = readonly_fields = ("at", "verb", "by", "message")
    can_delete = False

    def has_add_permission(self, *_: Any) -> bool:
        """Nobody adds one here."""
        return False


@admin.register(Application)
class ApplicationAdmin(ReadOnlyAdmin):
    """Applications, as they are."""

    list_display = ("reference", "programme", "applicant", "status", "submitted_at", "decided_by")
    list_filter = ("status", "programme")
    list_select_related = ("programme", "applicant", "decided_by")
    search_fields = ("reference", "applicant__email")
    inlines = (NoteInline,)


class TeamInvitationInline(TabularInline):
    """The members of a team, and who is invited."""

    model = TeamInvitation
    extra = 0
    fields = readonly_fields = ("email", "status", "sent_at", "expires_at", "accepted_by", "ended_at")
    can_delete = False

    def has_add_permission(self, *_: Any) -> bool:
        """Nobody adds one here."""
        return False


@admin.register(Team)
class TeamAdmin(ReadOnlyAdmin):
    """Teams, as they are."""

    list_display = ("name", "application", "seats_wanted", "seats")
    list_select_related = ("application",)
    search_fields = ("name", "application__reference")
    inlines = (TeamInvitationInline,)


@admin.register(PreApproval)
class PreApprovalAdmin(ReadOnlyAdmin):
    """Addresses that were approved beforehand."""

    list_display = ("email", "programme", "status", "made_by", "expires_at", "application")
    list_filter = ("status", "programme")
    list_select_related = ("programme", "made_by", "application")
    search_fields = ("email", "note")
    exclude = ("token_hash",)


@admin.register(ReferralCode)
class ReferralCodeAdmin(ReadOnlyAdmin):
    """Referral codes."""

    list_display = ("code", "programme", "is_pre_approving", "uses_max", "expires_at", "revoked_at")
    list_filter = ("programme",)
    list_select_related = ("programme",)
    search_fields = ("code", "note")
