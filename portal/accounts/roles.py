"""The staff's roles: groups with permissions, kept as data in one table."""

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

from portal.accounts.models import User

# Group name -> permissions as `app_label.codename`.
ROLES: dict[str, tuple[str, ...]] = {
    "Reviewers": ("admissions.review_application",),
    "Event organisers": ("events.organise_event",),
    "Release managers": ("releases.manage_release", "licensing.publish_licence", "keys.change_limit"),
    "Auditors": ("ledger.view_entry",),
}


def ensure_roles() -> None:
    """Create the groups and give them their permissions; permissions added by hand stay. Idempotent."""
    for name, permissions in ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        for permission in permissions:
            app_label, codename = permission.split(".")
            group.permissions.add(
                Permission.objects.get(content_type__app_label=app_label, codename=codename)
            )


def give_role(user: User, *, role: str) -> None:
    """Make `user` a member of staff with the role named `role` (a key of ROLES)."""
    if not user.is_staff:
        user.is_staff = True
        user.save(update_fields=["is_staff"])
    user.groups.add(Group.objects.get(name=role))


def holders_of(permission: str) -> QuerySet[User]:
    """The active staff with `permission` (`app_label.codename`), by role, by hand or as administrators."""
    app_label, codename = permission.split(".")
    granted = Permission.objects.filter(content_type__app_label=app_label, codename=codename).values("pk")
    by_role, by_hand = Q(groups__permissions__in=granted), Q(user_permissions__in=granted)
    active = User.objects.filter(is_active=True, is_staff=True)
    return active.filter(by_role | by_hand | Q(is_superuser=True)).distinct().order_by("email")
