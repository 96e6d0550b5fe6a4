"""The staff's roles: groups with permissions, kept as data in one table."""

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

from portal.accounts.models import User

# What whoever decides on applications holds.
REVIEW = "admissions.review_application"

# What whoever triages reports of misuse and unsafe output holds.
TRIAGE = "playground.triage_report"

# Group name -> permissions as `app_label.codename`.
ROLES: dict[str, tuple[str, ...]] = {
    "Reviewers": (REVIEW,),
    "Programme managers": ("admissions.change_programme", REVIEW),
    # Rules approve people whom nobody has looked at, so switching them on is a role of its own.
    "Lead reviewers": (REVIEW, "admissions.activate_ruleset"),
    "Event organisers": ("events.organise_event",),
    "Release managers": (
        "releases.manage_release",
        "releases.sign_off",
        "licensing.publish_licence",
        "keys.change_limit",
        "keys.view_apikey",
        "keys.delete_apikey",
        TRIAGE,
    ),
    # They judge and sign; what they judge is made by others.
    "Safety officers": ("releases.sign_off", "releases.set_safety_policy", TRIAGE),
    "Auditors": ("ledger.view_entry", "keys.view_apikey"),
}


def ensure_roles() -> None:
    """Create the groups and give them their permissions; permissions added by hand stay. Idempotent."""
    for name, permissions in ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        for permission in permissions:
            app_label, codename = permission.split(".")
            # In the middle of going back some migrations one may not be there.
            granted = Permission.objects.filter(content_type__app_label=app_label, codename=codename)
            group.permissions.add(*granted)


def give_role(user: User, *, role: str) -> None:
    """Make `user` a member of staff with the role named `role` (a key of ROLES)."""
    if not user.is_staff:
        user.is_staff = True
        user.save(update_fields=["is_staff"])
    user.groups.add(Group.objects.get(name=role))


def may_review(user: User) -> bool:
    """Whether `user` may decide on applications at this moment, in their own name."""
    return user.is_active and user.has_perm(REVIEW)


def holders_of(permission: str) -> QuerySet[User]:
    """The active staff with `permission` (`app_label.codename`), by role, by hand or as administrators."""
    app_label, codename = permission.split(".")
    granted = Permission.objects.filter(content_type__app_label=app_label, codename=codename).values("pk")
    by_role, by_hand = Q(groups__permissions__in=granted), Q(user_permissions__in=granted)
    active = User.objects.filter(is_active=True, is_staff=True)
    return active.filter(by_role | by_hand | Q(is_superuser=True)).distinct().order_by("email")
