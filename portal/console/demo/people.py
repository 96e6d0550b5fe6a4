"""The demonstration's people. Their password is public, so they exist in development only."""

from allauth.account.models import EmailAddress
from django.db import transaction

from portal.accounts.models import User
from portal.accounts.roles import ensure_roles, give_role
from portal.ledger.actions import record
from portal.ledger.verbs import Verb

PASSWORD = "open-weights-demo"  # noqa: S105 - printed in the README; seed_demo refuses without DEBUG


@transaction.atomic
def person(email: str, *, name: str, password: str | None = PASSWORD) -> User:
    """The person with this address, made with a verified address if there is none.

    `password` None: nobody can sign in as them.
    """
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email, password, full_name=name)
        record(Verb.ACCOUNT_CREATED, subject=user, by=None)
    EmailAddress.objects.get_or_create(user=user, email=email, defaults={"verified": True, "primary": True})
    return user


def administrator() -> User:
    """`admin@example.com`, who may do everything."""
    user = person("admin@example.com", name="Alex Administrator")
    if not user.is_superuser:
        user.is_staff = user.is_superuser = True
        user.save(update_fields=["is_staff", "is_superuser"])
    return user


def reviewer() -> User:
    """`reviewer@example.com`, who reviews applications and runs events."""
    ensure_roles()
    user = person("reviewer@example.com", name="Robin Reviewer")
    give_role(user, role="Reviewers")
    give_role(user, role="Event organisers")
    return user
