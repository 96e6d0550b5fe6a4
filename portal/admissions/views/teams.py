"""The pages on which a lead runs their team."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts.sessions import current_user
from portal.admissions.models import Team, TeamInvitation
from portal.admissions.teams import actions as teams
from portal.admissions.teams.forms import InviteForm
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def team(request: HttpRequest, slug: str, reference: str) -> HttpResponse:
    """The seats, the members and who is invited; invite more. Three queries and the session's."""
    found = _led(request, slug, reference)
    if request.method != "POST":
        return _page(request, found, InviteForm())
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=INVALID)
    emails = form.cleaned_data["emails"]
    try:
        teams.invite_all(found, emails=emails, by=current_user(request), address=client_address(request))
    except Refusal as refusal:
        form.add_error("emails", refusal.sentence)
        return _page(request, found, form, status=refusal.status)
    people = emails[0] if len(emails) == 1 else f"{len(emails)} addresses"
    messages.success(request, f"An invitation is on its way to {people}.")
    return redirect(found)


@require_POST
@login_required
def send_again(request: HttpRequest, slug: str, reference: str, pk: int) -> HttpResponse:
    """Mail an invitation once more."""
    found, invitation = _invitation(request, slug, reference, pk)
    teams.send_again(invitation, by=current_user(request), address=client_address(request))
    messages.success(request, f"A new invitation is on its way to {invitation.email}.")
    return redirect(found)


@require_POST
@login_required
def revoke(request: HttpRequest, slug: str, reference: str, pk: int) -> HttpResponse:
    """Take an invitation back."""
    found, invitation = _invitation(request, slug, reference, pk)
    teams.revoke_invitation(invitation, by=current_user(request), address=client_address(request))
    messages.success(request, f"The invitation of {invitation.email} is revoked, and its seat free.")
    return redirect(found)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def remove(request: HttpRequest, slug: str, reference: str, pk: int) -> HttpResponse:
    """Ask whether a member shall go, and end their access."""
    found, member = _invitation(request, slug, reference, pk)
    if request.method != "POST":
        return render(request, "admissions/team_remove.html", {"team": found, "member": member})
    teams.remove(member, by=current_user(request), address=client_address(request))
    messages.success(request, f"{member.email} is no longer a member, and has been told.")
    return redirect(found)


def _page(request: HttpRequest, found: Team, form: InviteForm, *, status: int = 200) -> HttpResponse:
    rows = list(found.invitations.select_related("accepted_by").order_by("email"))
    now = timezone.now()
    members = [one for one in rows if one.status == "accepted"]
    sent = [one for one in rows if one.status == "invited"]
    used = len(members) + sum(one.expires_at > now for one in sent)
    context = {
        "team": found,
        "programme": found.application.programme,
        "members": members,
        "sent": sent,
        "used": used,
        "free": max(found.seats - used, 0),
        "form": form,
    }
    return render(request, "admissions/team.html", context, status=status)


def _led(request: HttpRequest, slug: str, reference: str) -> Team:
    mine = Team.objects.led_by(current_user(request))
    rows = mine.select_related("application__programme", "application__applicant")
    return get_object_or_404(rows, application__programme__slug=slug, application__reference=reference)


def _invitation(request: HttpRequest, slug: str, reference: str, pk: int) -> tuple[Team, TeamInvitation]:
    found = _led(request, slug, reference)
    return found, get_object_or_404(found.invitations.select_related("accepted_by"), pk=pk)
