"""`GET /v1/account`: what a program may read of its own account, by a key of the scope `account`."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from playground.batches.errors import keyed
from playground.gateway import errors
from portal.access.deciding import account_refusal
from portal.accounts.models import User
from portal.keys import applying, limiting, reports
from portal.keys.limiting import Standing
from portal.keys.models import ApiKey, DailyUsage, Scope
from portal.keys.reports import PERIODS

DEFAULT_DAYS = 30


def account(request: HttpRequest, key: ApiKey) -> JsonResponse:
    """The account, the key that asks, what limits leave and what was used. Ten queries and the key's.

    `?days=` is 7, 30 or 90. Raises Refusal for an account that is deactivated, ApiError 400.
    """
    days = _days(request.GET.get("days", str(DEFAULT_DAYS)))
    user = key.user
    refusal = account_refusal(user)
    if refusal is not None and refusal.code != "email_verified":
        raise refusal
    return JsonResponse(
        {
            "object": "account",
            "email": user.email,
            "email_verified": refusal is None,
            "name": user.name,
            "created_at": _seconds(user.date_joined),
            "key": _key(key),
            "limits": _limits(user),
            "usage": _usage(key, days),
        }
    )


def _days(given: str) -> int:
    if given not in map(str, PERIODS):
        told = ", ".join(map(str, PERIODS))
        raise errors.bad_request("invalid_days", f"“days” is one of {told}.", param="days")
    return int(given)


def _key(key: ApiKey) -> dict[str, Any]:
    slugs = sorted(key.releases.values_list("slug", flat=True)) if key.is_limited_to_releases else None
    return {
        "id": f"owk_{key.public_id}",
        "name": key.name,
        "scopes": key.scopes,
        "created_at": _seconds(key.created_at),
        "expires_at": _seconds(key.expires_at),
        "releases": slugs,
        "networks": key.networks or None,
    }


def _limits(user: User) -> list[dict[str, Any]]:
    ids = ApiKey.objects.filter(user=user).live().values_list("pk", "public_id")
    keys = {applying.name_for_key(pk): f"owk_{public_id}" for pk, public_id in ids}
    return [_limit(standing, key=keys.get(standing.limit.name)) for standing in limiting.remaining(user)]


def _limit(standing: Standing, *, key: str | None) -> dict[str, Any]:
    return {
        "of": standing.limit.name.partition(":")[0],
        "whose": f"Your key {key}" if key else standing.limit.subject,
        "key": key,
        "counts": standing.kind,
        "limit": standing.number,
        "used": standing.used,
        "held": standing.held,
        "remaining": standing.left,
        "resets_at": _seconds(standing.resets_at),
    }


def _usage(key: ApiKey, days: int) -> dict[str, Any]:
    until = timezone.now().date()
    since = until - timedelta(days=days - 1)
    mine = DailyUsage.objects.visible_to(key.user).between(since, until)
    rows = mine.by("day", "release__slug").order_by("-day", "release__slug")
    lines = [(row["day"], row["release__slug"], reports.amount_of(row)) for row in rows]
    return {
        "since": since,
        "until": until,
        "data": [
            {
                "day": day,
                "release": slug,
                "requests": amount.requests,
                "failed": amount.failures,
                "prompt_tokens": amount.prompt_tokens,
                "completion_tokens": amount.completion_tokens,
            }
            for day, slug, amount in lines
        ],
    }


def _seconds(moment: datetime | None) -> int | None:
    """As OpenAI tells times: seconds since 1970."""
    return int(moment.timestamp()) if moment is not None else None


door = keyed(scope=Scope.ACCOUNT, get=account)
