"""How much may be asked through the API, by whom and of what; and who was told that it runs out."""

from functools import reduce
from operator import or_

from django.conf import settings
from django.db import models

from portal.admissions.models import Programme
from portal.keys.models.keys import ApiKey
from portal.releases.models import Release

_SUBJECTS = ("key", "user", "programme", "release")
_OF_ONE_THING = reduce(
    or_,
    (models.Q(**{f"{subject}__isnull": subject != chosen for subject in _SUBJECTS}) for chosen in _SUBJECTS),
)


class Limit(models.Model):
    """What one key, one person, one programme or one release may use; None: no such limit.

    A programme's counts what is used on the strength of its approvals, a release's what is
    asked of its model. Either counts all people together, or each person alone. Where
    several apply, each of them holds. Without a row of its own a key has the settings'.
    """

    key = models.OneToOneField(ApiKey, on_delete=models.CASCADE, null=True, blank=True, related_name="limit")
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="limit"
    )
    programme = models.ForeignKey(
        Programme, on_delete=models.CASCADE, null=True, blank=True, related_name="limits"
    )
    release = models.ForeignKey(
        Release, on_delete=models.CASCADE, null=True, blank=True, related_name="limits"
    )
    for_each_person = models.BooleanField(default=False)
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    concurrent_requests = models.PositiveIntegerField(null=True, blank=True)
    # Prompt and completion together.
    tokens_per_minute = models.PositiveBigIntegerField(null=True, blank=True)
    tokens_per_day = models.PositiveBigIntegerField(null=True, blank=True, help_text="From 00:00 UTC.")
    tokens_total = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = "limit"
        constraints = [
            models.CheckConstraint(name="a_limit_is_of_one_thing", condition=_OF_ONE_THING),
            models.CheckConstraint(
                name="only_shared_limits_are_for_each_person",
                condition=models.Q(for_each_person=False)
                | models.Q(programme__isnull=False)
                | models.Q(release__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["programme", "release", "for_each_person"],
                condition=models.Q(key=None, user=None),
                name="one_limit_of_each_kind",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"limit of {self.key or self.user or self.programme or self.release}"


class UsageAlert(models.Model):
    """A mail that told somebody that a limit is near its end, or at it: one a limit, day and share."""

    limit_name = models.CharField(max_length=80)
    # The day (UTC) that was meant; None for a limit in total.
    day = models.DateField(null=True)
    percent = models.PositiveSmallIntegerField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    told_at = models.DateTimeField()

    class Meta:
        verbose_name = "usage alert"
        constraints = [
            models.UniqueConstraint(
                fields=["limit_name", "day", "percent", "user"],
                name="one_alert_a_limit_day_and_share",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.percent} % of {self.limit_name}"
