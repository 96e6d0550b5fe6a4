"""OAuth 2.0 for the Hub's command line: `hf auth login` begins and ends here (RFC 8628, RFC 6749)."""

from collections.abc import Callable
from functools import wraps
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from portal.common.refusals import Refusal
from portal.common.requests import client_address, client_name
from portal.common.transitions import IllegalMove, LostRace
from portal.hub.errors import one_line
from portal.keys import devices
from portal.keys.devices import Granted, OAuthRefusal

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
REFRESH_GRANT = "refresh_token"

View = Callable[[HttpRequest], HttpResponse]


def oauth(view: View) -> View:
    """Answer refusals as OAuth's JSON; no cache keeps any answer."""

    @wraps(view)
    def answered(request: HttpRequest) -> HttpResponse:
        try:
            response = view(request)
        except OAuthRefusal as refusal:
            response = _refused(refusal.code, refusal)
        except (LostRace, IllegalMove) as refusal:
            # The same code was fetched by another request a moment ago.
            response = _refused("invalid_grant", refusal)
        response["Cache-Control"] = "no-store"
        return response

    return answered


@csrf_exempt
@require_POST
@oauth
def device(request: HttpRequest) -> HttpResponse:
    """Begin a sign-in (RFC 8628, 3.1). Which client asks changes nothing, so `client_id` is not read."""
    started = devices.start(client=client_name(request), address=client_address(request) or None)
    page = settings.PORTAL_URL + reverse("device")
    return JsonResponse(
        {
            "device_code": started.device_code,
            "user_code": started.login.shown_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={quote(started.login.shown_code)}",
            "expires_in": devices.CODE_SECONDS,
            "interval": started.login.interval_seconds,
        }
    )


@csrf_exempt
@require_POST
@sensitive_post_parameters()
@oauth
def token(request: HttpRequest) -> HttpResponse:
    """Give a key for a device code that was allowed, or for a refresh token."""
    grant_type, address = request.POST.get("grant_type", ""), client_address(request) or None
    if grant_type == DEVICE_GRANT:
        return _granted(devices.fetch(_parameter(request, "device_code"), address=address))
    if grant_type == REFRESH_GRANT:
        return _granted(devices.refresh(_parameter(request, "refresh_token"), address=address))
    if not grant_type and request.content_type != "application/json":
        raise OAuthRefusal("invalid_request", "Send the parameter grant_type.", status=400)
    # As JSON comes the token exchange of CI, which this portal has not.
    raise OAuthRefusal(
        "unsupported_grant_type", "This portal gives keys by device code and refresh token.", status=400
    )


def _parameter(request: HttpRequest, name: str) -> str:
    value = request.POST.get(name, "")
    if not value:
        raise OAuthRefusal("invalid_request", f"Send the parameter {name}.", status=400)
    return value


def _granted(granted: Granted) -> JsonResponse:
    return JsonResponse(
        {
            "access_token": granted.access_token,
            "token_type": "bearer",
            "expires_in": granted.expires_in_seconds,
            "refresh_token": granted.refresh_token,
            "scope": " ".join(granted.key.scopes),
        }
    )


def _refused(code: str, refusal: Refusal) -> JsonResponse:
    status = refusal.status if isinstance(refusal, OAuthRefusal) else 400
    # Where clients look for a sentence beside OAuth's own field.
    headers = {"X-Error-Message": one_line(refusal.sentence)}
    body = {"error": code, "error_description": refusal.sentence}
    return JsonResponse(body, status=status, headers=headers)
