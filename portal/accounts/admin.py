"""Users in /admin/."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from portal.accounts.models import User
from portal.ledger.admin import RecordedAdmin
from portal.ledger.verbs import Verb

admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(RecordedAdmin, DjangoUserAdmin):
    """People and their roles."""

    added, changed = Verb.ACCOUNT_CREATED, Verb.ACCOUNT_CHANGED
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "full_name", "is_active", "is_staff", "date_joined")
    list_filter = ("is_active", "is_staff", "groups")
    search_fields = ("email", "full_name")
    ordering = ("-date_joined",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password", "full_name")}),
        ("Roles", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Times", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("email", "full_name", "password1", "password2")}),
    )


@admin.register(Group)
class GroupAdmin(RecordedAdmin, DjangoGroupAdmin):
    """Roles and what they may do."""

    added, changed = Verb.ROLE_CREATED, Verb.ROLE_CHANGED
