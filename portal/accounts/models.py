"""The user, named by an e-mail address."""

from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from portal.common.prepared import prepared


class UserManager(BaseUserManager["User"]):
    """Makes users."""

    def get(self, *conditions: Any, **values: Any) -> "User":
        """As Django's; by the id alone, as every request of somebody signed in asks, in half the time."""
        if conditions or values.keys() != {"pk"} or type(values["pk"]) is not int:
            return super().get(*conditions, **values)
        user = _by_id.first(pk=values["pk"])
        if user is None:
            raise User.DoesNotExist("User matching query does not exist.")
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user with this e-mail address, whatever its case."""
        return self.get(email__iexact=username)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user; the address is stored in lower case."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=email.lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an administrator whose address counts as verified (`manage.py createsuperuser`)."""
        user = self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person: applicant, developer or staff."""

    email = models.EmailField("e-mail address", unique=True)
    full_name = models.CharField("full name", max_length=150, blank=True)
    is_active = models.BooleanField("active", default=True)
    is_staff = models.BooleanField("staff", default=False, help_text="May enter the console.")
    wants_receipts = models.BooleanField(
        "wants receipts", default=True, help_text="Mails that only confirm what the person did."
    )
    date_joined = models.DateTimeField("joined", default=timezone.now)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        verbose_name = "user"
        # The few among many: lists of reviewers stand on pages that must stay fast.
        indexes = [models.Index(fields=["email"], name="staff", condition=models.Q(is_staff=True))]
        constraints = [
            models.UniqueConstraint(
                Lower("email"), name="one_user_an_address", violation_error_message="Taken."
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def name(self) -> str:
        """The full name, or the part of the address before the @."""
        return self.full_name or self.email.partition("@")[0]

    def get_full_name(self) -> str:
        """What Django and allauth call the name."""
        return self.name

    def has_verified_email(self) -> bool:
        """Whether the person proved that this account's address is theirs. One query."""
        return bool(_verified_addresses(user_id=self.pk, email=self.email))


@prepared
def _by_id(*, pk: int) -> models.QuerySet[User]:
    return User.objects.filter(pk=pk)


@prepared
def _verified_addresses(*, user_id: int, email: str) -> models.QuerySet[EmailAddress]:
    found: models.QuerySet[EmailAddress] = EmailAddress.objects.filter(user=user_id)
    return found.filter(email__iexact=email, verified=True)[:1]
