"""Where keys that were seen in public are reported, and where anybody checks whether a key is whole."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.keys import github, leaks, tokens
from portal.keys.leak_forms import CheckForm, LeakForm, sightings_in
from portal.keys.leaks import Sighting
from portal.keys.models import LeakOutcome, LeakReport

UNNAMED = "somebody"


# What a report does, it does on the strength of the key in it: no cookie is looked at for JSON.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
def report(request: HttpRequest) -> HttpResponse:
    """Report keys: a form for people, JSON for scanners, GitHub's own among them."""
    if request.content_type == "application/json":
        return _by_scanner(request)
    return _by_person(request)


@csrf_protect
@sensitive_variables()
def _by_person(request: HttpRequest) -> HttpResponse:
    form = LeakForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        sightings, address = form.sightings(), client_address(request)
        try:
            leaks.require_few(len(sightings), address=address)
        except Refusal as refusal:
            form.add_error(None, refusal.sentence)
            return render(
                request, "keys/leaks.html", {"form": form, "command": _command()}, status=refusal.status
            )
        receipts = _reported(sightings, reporter=form.cleaned_data["reporter"] or UNNAMED, address=address)
        return render(request, "keys/leaks_reported.html", {"receipts": receipts})
    return render(
        request,
        "keys/leaks.html",
        {"form": form, "command": _command()},
        status=INVALID if form.is_bound else 200,
    )


@sensitive_variables()
def _by_scanner(request: HttpRequest) -> HttpResponse:
    try:
        body, address = request.body, client_address(request)
        signature = request.headers.get("Github-Public-Key-Signature", "")
        if signature:
            key_id = request.headers.get("Github-Public-Key-Identifier", "")
            github.require_signature(body, key_id=key_id, signature=signature)
        sightings, reporter = sightings_in(body)
        if signature:
            receipts = _reported(sightings, reporter=github.REPORTER, address=address)
            return JsonResponse(_feedback(sightings, receipts), safe=False)
        leaks.require_few(len(sightings), address=address)
        receipts = _reported(sightings, reporter=reporter or UNNAMED, address=address)
    except RequestDataTooBig:
        return _refused(Refusal("too_large", "The report is too large. Send it in parts.", status=413))
    except Refusal as refusal:
        return _refused(refusal)
    told = [{"receipt": one.reference, "received_at": one.received_at} for one in receipts]
    sentence = "Every whole key of this portal among them is revoked, and its owner is told."
    return JsonResponse({"reports": told, "message": sentence})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters()
@sensitive_variables()
def check(request: HttpRequest) -> HttpResponse:
    """Whether a key is whole, by its shape and checksum; no record is looked at."""
    form = CheckForm(request.POST if request.method == "POST" else None)
    context = {
        "form": form,
        "is_checked": form.is_valid(),
        "pattern": tokens.TOKEN.pattern,
        "program": PROGRAM,
    }
    is_wrong = form.is_bound and not form.is_valid()
    return render(request, "keys/check.html", context, status=INVALID if is_wrong else 200)


def _reported(sightings: Sequence[Sighting], *, reporter: str, address: str) -> list[LeakReport]:
    return [leaks.report(sighting, reporter=reporter, address=address or None) for sighting in sightings]


def _command() -> str:
    address = settings.PORTAL_URL + reverse("keys:leaks")
    return f"""curl {address} \\
  -H 'Content-Type: application/json' \\
  -d '{{"token": "owk_…", "url": "https://example.org/where-it-was", "reporter": "who you are"}}'"""


def _feedback(sightings: Sequence[Sighting], receipts: Sequence[LeakReport]) -> list[dict[str, Any]]:
    """Which of GitHub's finds were keys, in the shape in which its partners answer."""
    return [
        {
            "token_raw": sighting.token,
            "token_type": sighting.kind,
            "label": "false_positive" if receipt.outcome == LeakOutcome.UNKNOWN else "true_positive",
        }
        for sighting, receipt in zip(sightings, receipts, strict=True)
    ]


def _refused(refusal: Refusal) -> JsonResponse:
    answer = JsonResponse({"error": refusal.code, "message": refusal.sentence}, status=refusal.status)
    if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
        answer["Retry-After"] = str(leaks.REPORTED_SECONDS)
    elif refusal.status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer["Retry-After"] = str(github.ASKED_EVERY_SECONDS)
    return answer


# What the page shows to those who would check a key without sending it anywhere.
PROGRAM = """import re, sys, zlib

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

def is_whole(key):
    if not re.fullmatch(r"owk_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}", key):
        return False
    number, checksum = zlib.crc32(key[:-6].encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        checksum = ALPHABET[digit] + checksum
    return key[-6:] == checksum

print("whole" if is_whole(sys.stdin.readline().strip()) else "not a whole key")
"""
