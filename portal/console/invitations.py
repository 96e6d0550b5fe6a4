"""Letting known people in: invitations that approve an address beforehand, and referral codes."""

from datetime import timedelta

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.roles import REVIEW
from portal.accounts.sessions import current_user
from portal.admissions.invitations import inviting, referring
from portal.admissions.models import PreApproval, ReferralCode
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with
from portal.console.invitations_forms import CodeForm, PreApprovalForm

PAGE_SIZE = 50
CODES_SHOWN = 100


@require_safe
@staff_with(REVIEW)
def index(request: HttpRequest) -> HttpResponse:
    """The invitations and the codes, newest first. Three queries and the session's."""
    rows = PreApproval.objects.newest_first().select_related("programme", "made_by", "application")
    codes = ReferralCode.objects.select_related("programme").annotate(uses=Count("referrals"))
    context = {
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
        "codes": codes.order_by("-pk")[:CODES_SHOWN],
    }
    return render(request, "console/invitations/index.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(REVIEW)
def new(request: HttpRequest) -> HttpResponse:
    """Approve addresses beforehand."""
    form = PreApprovalForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _invitation_page(request, form, status=INVALID if request.method == "POST" else 200)
    given, by = form.cleaned_data, current_user(request)
    try:
        made = inviting.pre_approve_all(
            given["programme"],
            emails=given["emails"],
            note=given["note"],
            expires_at=timezone.now() + timedelta(days=given["days"]),
            by=by,
            address=client_address(request),
        )
    except Refusal as refusal:
        form.add_error("emails", refusal.sentence)
        return _invitation_page(request, form, status=refusal.status)
    people = made[0].email if len(made) == 1 else f"{len(made)} addresses"
    messages.success(request, f"An invitation is on its way to {people}.")
    return redirect("console:invitations")


@require_POST
@staff_with(REVIEW)
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an invitation back."""
    found = get_object_or_404(PreApproval, pk=pk)
    inviting.revoke_pre_approval(found, by=current_user(request), address=client_address(request))
    messages.success(request, f"The invitation of {found.email} is revoked.")
    return redirect("console:invitations")


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(REVIEW)
def new_code(request: HttpRequest) -> HttpResponse:
    """Make a referral code."""
    form = CodeForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _code_page(request, form, status=INVALID if request.method == "POST" else 200)
    given = form.cleaned_data
    made = referring.make_code(
        given["programme"],
        note=given["note"],
        uses_max=given["uses_max"],
        is_pre_approving=given["is_pre_approving"],
        expires_at=timezone.now() + timedelta(days=given["days"]),
        by=current_user(request),
        address=client_address(request),
    )
    messages.success(request, f"The code is {made}. Hand it out, or the link on this page.")
    return redirect("console:referral_code", made.code)


@require_safe
@staff_with(REVIEW)
def code(request: HttpRequest, code: str) -> HttpResponse:
    """One code and the applications that came with it. Three queries and the session's."""
    found = get_object_or_404(ReferralCode.objects.select_related("programme", "made_by"), code=code)
    rows = found.referrals.select_related("application__applicant", "application__programme").order_by("-pk")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"code": found, "page": page, "uses": page.paginator.count}
    return render(request, "console/invitations/code.html", context)


@require_POST
@staff_with(REVIEW)
def revoke_code(request: HttpRequest, code: str) -> HttpResponse:
    """Let nobody use a code any more."""
    found = get_object_or_404(ReferralCode, code=code)
    referring.revoke_code(found, by=current_user(request), address=client_address(request))
    messages.success(request, f"The code {found} is revoked. Who has used it stays as they are.")
    return redirect("console:referral_code", found.code)


def _invitation_page(request: HttpRequest, form: forms.Form, *, status: int) -> HttpResponse:
    context = {
        "form": form,
        "title": "Invite somebody",
        "lede": "They are approved, in your name, as soon as they prove that the address is theirs.",
        "verb": "Send the invitations",
    }
    return render(request, "console/invitations/new.html", context, status=status)


def _code_page(request: HttpRequest, form: forms.Form, *, status: int) -> HttpResponse:
    context = {
        "form": form,
        "title": "Make a referral code",
        "lede": "People write it into their application, or follow a link that holds it.",
        "verb": "Make the code",
    }
    return render(request, "console/invitations/new.html", context, status=status)
