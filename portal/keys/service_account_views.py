"""The pages on which a team keeps its service accounts."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.models import User
from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.keys import service_accounts
from portal.keys.models import ApiKey, ServiceAccount
from portal.keys.service_account_forms import InviteForm, ServiceAccountForm
from portal.keys.views import live_and_over


@require_safe
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """The service accounts that one owns or is a member of. One query and the session's."""
    accounts = ServiceAccount.objects.visible_to(current_user(request)).with_counts().select_related("owner")
    return render(request, "keys/accounts/index.html", {"accounts": accounts})


@require_http_methods(["GET", "POST"])
@login_required
def new(request: HttpRequest) -> HttpResponse:
    """Make one."""
    form = ServiceAccountForm(request.POST or None)
    if form.is_valid():
        facts, address = form.cleaned_data, client_address(request)
        made = service_accounts.create(
            current_user(request), name=facts["name"], purpose=facts["purpose"], address=address
        )
        return redirect("keys:account", made.pk)
    return render(request, "keys/accounts/new.html", {"form": form}, status=INVALID if form.is_bound else 200)


@require_safe
@login_required
def account(request: HttpRequest, pk: int) -> HttpResponse:
    """One account: its keys and its members. Five queries and the session's."""
    user = current_user(request)
    return _page(request, _visible(user, pk), user, InviteForm())


@require_POST
@login_required
def invite(request: HttpRequest, pk: int) -> HttpResponse:
    """Mail an invitation."""
    user = current_user(request)
    found, form = _visible(user, pk), InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, found, user, form, status=INVALID)
    try:
        service_accounts.invite(found, email=form.cleaned_data["email"], by=user)
    except Refusal as refusal:
        form.add_error("email", refusal.sentence)
        return _page(request, found, user, form, status=refusal.status)
    messages.success(request, f"An invitation is on its way to {form.cleaned_data['email']}.")
    return redirect("keys:account", found.pk)


@require_http_methods(["GET", "POST"])
@login_required
def join(request: HttpRequest, token: str) -> HttpResponse:
    """See who invites to what, and join."""
    user = current_user(request)
    found = service_accounts.invitation(token, user=user)
    if request.method == "POST":
        service_accounts.join(found, user=user, address=client_address(request))
        messages.success(request, f"You are a member of “{found.name}”.")
        return redirect("keys:account", found.pk)
    return render(request, "keys/accounts/join.html", {"account": found})


@require_http_methods(["GET", "POST"])
@login_required
def remove(request: HttpRequest, pk: int, member_pk: int) -> HttpResponse:
    """Ask whether a membership shall end, one's own or, as the owner, another's, and end it."""
    user = current_user(request)
    found = _visible(user, pk)
    member = get_object_or_404(found.members, pk=member_pk)
    if request.method != "POST":
        keys = service_accounts.keys_made_by(found, member)
        context = {"account": found, "member": member, "keys": keys, "is_self": member.pk == user.pk}
        return render(request, "keys/accounts/remove.html", context)
    service_accounts.remove(found, member=member, by=user, address=client_address(request))
    if member.pk == user.pk:
        messages.success(request, f"You have left “{found.name}”.")
        return redirect("keys:accounts")
    messages.success(request, f"{member.email} is no longer a member.")
    return redirect("keys:account", found.pk)


@require_http_methods(["GET", "POST"])
@login_required
def hand_over(request: HttpRequest, pk: int, member_pk: int) -> HttpResponse:
    """Ask whether a member shall be the owner, and make them so."""
    user = current_user(request)
    found = _visible(user, pk)
    member = get_object_or_404(found.members, pk=member_pk)
    if request.method == "POST":
        service_accounts.hand_over(found, to=member, by=user, address=client_address(request))
        messages.success(request, f"{member.email} owns “{found.name}” now.")
        return redirect("keys:account", found.pk)
    return render(request, "keys/accounts/hand_over.html", {"account": found, "member": member})


@require_http_methods(["GET", "POST"])
@login_required
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask whether the account shall end with all its keys, and end it."""
    user = current_user(request)
    found = _visible(user, pk)
    if request.method == "POST":
        service_accounts.close(found, by=user, address=client_address(request))
        messages.success(request, f"“{found.name}” is closed, and its keys are revoked.")
        return redirect("keys:accounts")
    keys = ApiKey.objects.filter(service_account=found).live().count()
    return render(request, "keys/accounts/close.html", {"account": found, "keys_count": keys})


def _visible(user: User, pk: int) -> ServiceAccount:
    return get_object_or_404(ServiceAccount.objects.visible_to(user).select_related("owner"), pk=pk)


def _page(
    request: HttpRequest, found: ServiceAccount, user: User, form: InviteForm, *, status: int = 200
) -> HttpResponse:
    keys = ApiKey.objects.visible_to(user).filter(service_account=found)
    context = {
        "account": found,
        "number": str(found.pk),
        "is_owner": found.owner_id == user.pk,
        **live_and_over(request, keys),
        "members": found.members.order_by("email"),
        "form": form,
    }
    return render(request, "keys/accounts/account.html", context, status=status)
