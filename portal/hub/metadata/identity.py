"""Who a key belongs to, and what it opens."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from portal.access.deciding import account_refusal, decide
from portal.access.decision import Action
from portal.common.refusals import Refusal
from portal.hub import limits
from portal.hub.callers import hub_name, reference_of
from portal.hub.errors import Denied, hub_door
from portal.hub.metadata.answers import Answer, moment
from portal.hub.metadata.asking import person_of, question_of
from portal.keys.models import ApiKey, Scope


@hub_door
@require_safe
def whoami(request: HttpRequest) -> HttpResponse:
    """`GET /api/whoami-v2`: who a key belongs to, if the account is active. One query and the key's."""
    user, caller = person_of(request, or_scope=Scope.ACCOUNT)
    refusal = account_refusal(user)
    if refusal is not None and refusal.code != "email_verified":
        raise refusal
    return Answer(
        {
            "type": "user",
            "id": f"{user.pk:024x}",
            "name": hub_name(user),
            "fullname": user.name,
            "email": user.email,
            "emailVerified": refusal is None,
            "isPro": False,
            # Accounts belong to persons here, and say of no organisation.
            "orgs": [],
            "auth": _auth(caller.key),
        }
    )


@hub_door
@require_safe
def auth_check(request: HttpRequest, organisation: str, model: str) -> HttpResponse:
    """`GET /api/models/{id}/auth-check`: 200, or why the files would be refused. 11 queries and the key's."""
    _require_files(request, f"{organisation}/{model}")
    return Answer({})


@hub_door
@require_safe
def auth_check_write(request: HttpRequest, organisation: str, model: str) -> HttpResponse:
    """`GET /api/models/{id}/auth-check/write`: the same refusals, and then that nobody writes this way."""
    _require_files(request, f"{organisation}/{model}")
    raise Refusal(
        "read_only", "Nothing is uploaded through this address: weights come in by the console.", status=403
    )


def _require_files(request: HttpRequest, hub_id: str) -> None:
    question = question_of(request, hub_id)
    decision = decide(question.user, question.release, Action.DOWNLOAD)
    if not decision.allowed:
        raise Denied.by(decision)
    taken = limits.spent(question.user.pk)
    refusal = limits.refuse_bytes(taken, reference=reference_of(question.key))
    if refusal is not None:
        raise refusal


def _auth(key: ApiKey | None) -> dict[str, Any]:
    if key is None:
        return {"type": "session"}
    shown = {"displayName": key.name, "role": "read", "createdAt": moment(key.created_at)}
    return {"type": "access_token", "accessToken": shown}
