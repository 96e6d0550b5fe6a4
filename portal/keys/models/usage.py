"""What was used with each key, added up by day and release."""

from datetime import date
from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models

from portal.accounts.models import User
from portal.keys.models.keys import ApiKey, ServiceAccount
from portal.keys.percentiles import BUCKET_COUNT
from portal.releases.models import Release

# Rows of `values()`: names to numbers.
Sums = models.QuerySet[Any, dict[str, Any]]


class HistogramSum(models.Aggregate):
    """Adds histograms up, bucket by bucket, to one of full length."""

    name = "HistogramSum"
    output_field = ArrayField(models.BigIntegerField())

    def as_sql(self, compiler: Any, *_: Any, **__: Any) -> tuple[str, tuple[Any, ...]]:
        """One sum a bucket; beyond a histogram's end there is NULL, which sums pass over."""
        column, params = compiler.compile(self.get_source_expressions()[0])
        sums = ", ".join(f"coalesce(sum({column}[{number}]), 0)" for number in range(1, BUCKET_COUNT + 1))
        return f"ARRAY[{sums}]::bigint[]", tuple(params) * BUCKET_COUNT


class DailyUsageQuerySet(models.QuerySet[Any]):
    """Questions about many days."""

    def visible_to(self, user: User) -> Self:
        """The usage of the keys of `user` and of their service accounts."""
        joined = ServiceAccount.objects.filter(members=user)
        return self.filter(models.Q(key__user=user) | models.Q(key__service_account__in=joined))

    def between(self, since: date, until: date) -> Self:
        """The usage from one day to another, both among it."""
        return self.filter(day__range=(since, until))

    def by(self, *names: str) -> Sums:
        """Requests, failures, tokens and `first_tokens` (a histogram) for each value of the fields."""
        rows: Sums = self.values(*names).annotate(**_SUMS).order_by()
        return rows


_SUMS: dict[str, models.Aggregate | models.functions.Coalesce] = {
    name: models.functions.Coalesce(models.Sum(f"{name}_count"), 0)
    for name in ("requests", "failures", "prompt_tokens", "completion_tokens")
} | {"first_tokens": HistogramSum("first_token_counts")}


class DailyUsage(models.Model):
    """What one key did with one release on one day (UTC)."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="daily_usage")
    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    requests_count = models.PositiveBigIntegerField("requests", default=0)
    failures_count = models.PositiveBigIntegerField("failed requests", default=0)
    prompt_tokens_count = models.PositiveBigIntegerField("prompt tokens", default=0)
    completion_tokens_count = models.PositiveBigIntegerField("completion tokens", default=0)
    # How many requests took how long to their first token; `portal.keys.percentiles` has the bounds.
    first_token_counts = ArrayField(models.PositiveBigIntegerField(), default=list, blank=True)

    objects = DailyUsageQuerySet.as_manager()

    class Meta:
        verbose_name = "daily usage"
        verbose_name_plural = "daily usage"
        constraints = [
            models.UniqueConstraint(fields=["key", "release", "day"], name="one_usage_row_a_key_release_day"),
        ]

    def __str__(self) -> str:
        return f"{self.key.prefix} {self.day}"


class DailyReleaseUsage(models.Model):
    """What all keys together did with one release on one day (UTC), so that reports need not add them up.

    It stays when a key goes, as what was served was served.
    """

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    requests_count = models.PositiveBigIntegerField("requests", default=0)
    failures_count = models.PositiveBigIntegerField("failed requests", default=0)
    prompt_tokens_count = models.PositiveBigIntegerField("prompt tokens", default=0)
    completion_tokens_count = models.PositiveBigIntegerField("completion tokens", default=0)
    first_token_counts = ArrayField(models.PositiveBigIntegerField(), default=list, blank=True)

    objects = DailyUsageQuerySet.as_manager()

    class Meta:
        verbose_name = "daily usage of a release"
        verbose_name_plural = "daily usage of releases"
        constraints = [
            models.UniqueConstraint(fields=["day", "release"], name="one_usage_row_a_release_and_day"),
        ]

    def __str__(self) -> str:
        return f"{self.release} {self.day}"


class UsageCursor(models.Model):
    """How far the usage stream has been written to the database; moved in the transaction of the write."""

    stream = models.CharField(max_length=60, primary_key=True)
    last_id = models.CharField(max_length=40, default="0-0")

    class Meta:
        verbose_name = "usage cursor"

    def __str__(self) -> str:
        return f"{self.stream} up to {self.last_id}"
