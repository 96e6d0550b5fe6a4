"""API keys, of which only a keyed hash is stored."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from portal.accounts.models import User
from portal.releases.models import Release


class Scope(models.TextChoices):
    """What a key may be used for."""

    INFERENCE = "inference", "Call models through the API"
    WEIGHTS = "weights", "Download weights"
    ACCOUNT = "account", "Read the account and its usage"
    REVIEW = "review", "Administer access requests"

    @property
    def in_a_sentence(self) -> str:
        """The label as it goes on after “to”; names in it keep their capitals."""
        return self.label[0].lower() + self.label[1:]


# What a developer's key is for unless they choose otherwise.
DEVELOPER_SCOPES = (Scope.INFERENCE, Scope.WEIGHTS)
# What everybody may choose; to review is offered to those who may.
OFFERED_SCOPES = (*DEVELOPER_SCOPES, Scope.ACCOUNT)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Questions about many keys."""

    def visible_to(self, user: User) -> "ApiKeyQuerySet":
        """The keys of `user` and of their service accounts, live ones first, then newest first."""
        is_over = models.Q(revoked_at__isnull=False) | models.Q(expires_at__lte=timezone.now())
        joined = ServiceAccount.objects.filter(members=user)
        return self.filter(models.Q(user=user) | models.Q(service_account__in=joined)).order_by(
            models.Case(models.When(is_over, then=1), default=0), "-created_at"
        )

    def live(self, *, at: datetime | None = None) -> "ApiKeyQuerySet":
        """The keys that work at `at` (None: now)."""
        moment = at or timezone.now()
        return self.filter(revoked_at=None).filter(
            models.Q(expires_at=None) | models.Q(expires_at__gt=moment)
        )

    def over(self, *, at: datetime | None = None) -> "ApiKeyQuerySet":
        """The keys that were revoked or have expired by `at` (None: now)."""
        moment = at or timezone.now()
        return self.filter(models.Q(revoked_at__isnull=False) | models.Q(expires_at__lte=moment))

    def used_before(self, moment: datetime) -> "ApiKeyQuerySet":
        """The keys whose recorded last use lies before `moment`, or that have none."""
        return self.filter(models.Q(last_used_at=None) | models.Q(last_used_at__lt=moment))


_KeyManager = models.Manager.from_queryset(ApiKeyQuerySet)


class ApiKeyManager(_KeyManager["ApiKey"]):
    """The keys that people have; not the rows under which their playground is counted."""

    def get_queryset(self) -> ApiKeyQuerySet:
        """Without the playground's."""
        found: Any = super().get_queryset().filter(is_playground=False)
        return found  # type: ignore[no-any-return]


class ServiceAccountQuerySet(models.QuerySet["ServiceAccount"]):
    """Questions about many service accounts."""

    def visible_to(self, user: User) -> "ServiceAccountQuerySet":
        """The accounts, not closed, that `user` owns or is a member of."""
        joined = ServiceAccount.members.through.objects.filter(user_id=user.pk).values("serviceaccount")
        return self.filter(models.Q(owner=user) | models.Q(pk__in=joined), closed_at=None)

    def with_counts(self) -> "ServiceAccountQuerySet":
        """Each with `live_keys_count` and `people_count`, the owner among them."""
        is_live = models.Q(keys__revoked_at=None) & (
            models.Q(keys__expires_at=None) | models.Q(keys__expires_at__gt=timezone.now())
        )
        return self.annotate(
            live_keys_count=models.Count("keys", filter=is_live, distinct=True),
            people_count=models.Count("members", distinct=True) + 1,
        )


class ServiceAccount(models.Model):
    """A program of a team's that has keys of its own: they stay when a member who made one leaves."""

    name = models.CharField(max_length=80)
    purpose = models.CharField(max_length=300, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="service_accounts"
    )
    # They make, rotate and revoke its keys, as the owner does.
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, editable=False)

    objects = ServiceAccountQuerySet.as_manager()

    class Meta:
        verbose_name = "service account"
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """A key; `public_id` finds it, `digest` (HMAC-SHA256 under the pepper) proves it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    public_id = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope))
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True)
    # Unless it is limited to `releases`, it is for all that are open to the owner, those to come among
    # them. A limit stays one when the last release that it names is deleted.
    is_limited_to_releases = models.BooleanField(default=False)
    releases = models.ManyToManyField(Release, related_name="+", blank=True)
    # In CIDR notation (RFC 4632, RFC 4291); none: from anywhere.
    networks = ArrayField(models.CharField(max_length=43), default=list, blank=True)
    # Whose key it is when it is a team's; `user` then answers for it and is whom gates ask about.
    service_account = models.ForeignKey(
        ServiceAccount, on_delete=models.CASCADE, null=True, blank=True, related_name="keys"
    )
    # The key that took over from this one, which goes on until `expires_at`.
    replaced_by = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, editable=False, related_name="replaces"
    )
    last_used_address = models.GenericIPAddressField(null=True, editable=False)
    last_used_client = models.CharField(max_length=200, blank=True, editable=False)
    # Not a key at all: what a person's playground uses is counted under it. It opens nothing.
    is_playground = models.BooleanField(default=False, editable=False)

    objects = ApiKeyManager()
    every = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(is_playground=True), name="one_playground_a_person"
            ),
            models.CheckConstraint(
                condition=models.Q(is_playground=False) | models.Q(scopes=[], digest=""),
                name="a_playground_opens_nothing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix} ({self.name})"

    @property
    def prefix(self) -> str:
        """What may be shown of the key for ever: enough to recognise it, nothing to use it."""
        return f"owk_{self.public_id}…"

    @property
    def status(self) -> str:
        """`revoked`, `expired` or `live`."""
        if self.revoked_at is not None:
            return "revoked"
        return "live" if self.is_live else "expired"

    @property
    def is_live(self) -> bool:
        """Whether the key works now."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())

    @property
    def is_unused(self) -> bool:
        """Whether the key works though nobody has used it for settings.KEY_UNUSED_DAYS."""
        latest = self.last_used_at or self.created_at
        return self.is_live and latest < timezone.now() - timedelta(days=settings.KEY_UNUSED_DAYS)

    @property
    def scope_labels(self) -> list[str]:
        """The scopes in words."""
        return [str(Scope(scope).label) for scope in self.scopes]


class KeyNetwork(models.Model):
    """A network from which a key was used: an IPv4 /24 or an IPv6 /48, in CIDR notation."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="used_networks")
    network = models.CharField(max_length=43)
    first_used_at = models.DateTimeField()

    class Meta:
        verbose_name = "network of a key"
        verbose_name_plural = "networks of keys"
        constraints = [models.UniqueConstraint(fields=["key", "network"], name="one_row_a_key_and_network")]

    def __str__(self) -> str:
        return f"{self.key.prefix} from {self.network}"
