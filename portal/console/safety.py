"""The staff's pages of the safety gate: how every release stands, and the policy that binds them all."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with
from portal.console.safety_forms import DemandFormSet, PolicyForm, RoleFormSet, initial_of, terms_in
from portal.releases.models import Release, ReleaseStatus, SafetyPolicy
from portal.releases.safety import policies
from portal.releases.safety.clearing import Clearance, clearances
from portal.releases.safety.policies import Terms

MANAGE, SIGN, SET_POLICY = "releases.manage_release", "releases.sign_off", "releases.set_safety_policy"
LOOK = (MANAGE, SIGN, SET_POLICY, "ledger.view_entry")
POLICIES_SHOWN = 50


@dataclass(frozen=True)
class Standing:
    """A release and its clearance."""

    release: Release
    clearance: Clearance


@require_safe
@staff_with(*LOOK)
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """The policy in force, and how every release stands to it. Six queries and the session's."""
    known = list(SafetyPolicy.objects.in_force().select_related("put_in_force_by")[:POLICIES_SHOWN])
    context = {
        "policies": known,
        "terms": policies.terms_of(known[0]) if known else None,
        "standings": _standings(),
        "may_set": request.user.has_perm(SET_POLICY),
    }
    return render(request, "console/safety/index.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(SET_POLICY)
@never_cache
def policy(request: HttpRequest) -> HttpResponse:
    """Write a policy, see what it would shut, and put it in force."""
    known = policies.in_force()
    first, demands, roles = initial_of(policies.terms_of(known) or Terms("")) if known else ({}, [], [])
    first["seen_number"] = known.number if known else 0
    sent = request.POST if request.method == "POST" else None
    forms: dict[str, Any] = {
        "form": PolicyForm(sent, initial=first),
        "demands": DemandFormSet(sent, prefix="demand", initial=demands),
        "roles": RoleFormSet(sent, prefix="role", initial=roles),
    }
    context: dict[str, Any] = {"policy": known, **forms}
    if sent is not None and all(form.is_valid() for form in forms.values()):
        terms = terms_in(**forms)
        try:
            policies.require_sound(terms)
            if "confirm" in sent:
                return _put_in_force(request, terms, seen=forms["form"].cleaned_data["seen_number"])
        except Refusal as refusal:
            forms["form"].add_error(None, refusal.sentence)
        else:
            context |= {"terms": terms, "standings": _standings(terms)}
    status = INVALID if sent is not None and "terms" not in context else 200
    return render(request, "console/safety/policy.html", context, status=status)


def _put_in_force(request: HttpRequest, terms: Terms, *, seen: int | None) -> HttpResponse:
    made = policies.put_in_force(
        terms, by=current_user(request), seen_number=seen, address=client_address(request)
    )
    messages.success(request, f"Safety policy {made.number} is in force.")
    return redirect("console:safety")


def _standings(terms: Terms | None = None) -> list[Standing]:
    releases = Release.objects.exclude(status=ReleaseStatus.WITHDRAWN)
    found = clearances(releases, terms=terms)
    return [Standing(one, found[one.pk]) for one in releases if one.pk in found]
