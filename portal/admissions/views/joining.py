"""The pages of the invited: joining a team, leaving it, and using an invitation of the staff's."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.models import User
from portal.accounts.sessions import current_user
from portal.admissions.invitations import inviting
from portal.admissions.models import PreApproval, Team, TeamInvitation
from portal.admissions.teams import actions as teams
from portal.admissions.teams.conditions import require_address, require_open
from portal.admissions.teams.secret_links import hash_of
from portal.common.refusals import Refusal
from portal.common.requests import client_address

OK, GONE = 200, 410
WITH_TEAM = ("team__application__programme", "team__application__applicant")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def join(request: HttpRequest, token: str) -> HttpResponse:
    """See who invites to what; sign in with the invited address, and join."""
    rows = TeamInvitation.objects.select_related(*WITH_TEAM)
    found = rows.filter(token_hash=hash_of(token)).first()
    if found is None:
        raise Http404("There is no such invitation.")
    user = request.user
    if request.method == "POST":
        if not isinstance(user, User):
            return redirect_to_login(request.path)
        teams.accept(found, by=user, address=client_address(request))
        messages.success(
            request, f"You are a member of the team of {found.team.name}. Your next step is below."
        )
        return redirect("dashboard")
    if isinstance(user, User) and found.status == "accepted" and found.accepted_by_id == user.pk:
        return redirect("admissions:teams")
    refusal = _refusal_to_join(found, user)
    context = {"invitation": found, "team": found.team, "programme": found.team.application.programme}
    status = GONE if refusal and refusal.status == GONE else OK
    return render(request, "admissions/join.html", {**context, "refusal": refusal}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def invited(request: HttpRequest, token: str) -> HttpResponse:
    """See to what staff invites; sign in with the invited address, and be let in."""
    rows = PreApproval.objects.select_related("programme")
    found = rows.filter(token_hash=hash_of(token)).first()
    if found is None:
        raise Http404("There is no such invitation.")
    user = request.user
    if request.method == "POST":
        if not isinstance(user, User):
            return redirect_to_login(request.path)
        inviting.use(found, by=user, address=client_address(request))
        messages.success(request, f"Welcome to {found.programme.name}. Your next step is below.")
        return redirect("dashboard")
    refusal = _refusal_to_use(found, user)
    status = GONE if refusal and refusal.status == GONE else OK
    context = {"invitation": found, "programme": found.programme, "refusal": refusal}
    return render(request, "admissions/invited.html", context, status=status)


@require_safe
@login_required
@never_cache
def my_teams(request: HttpRequest) -> HttpResponse:
    """The teams that one leads or is a member of. Two queries and the session's."""
    user = current_user(request)
    context = {
        "led": Team.objects.led_by(user)
        .select_related("application__programme", "application__applicant")
        .order_by("-pk"),
        "memberships": user.team_memberships.memberships().select_related(*WITH_TEAM).order_by("-pk"),
    }
    return render(request, "admissions/teams.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def leave(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask whether one wants to leave a team, and leave it."""
    user = current_user(request)
    mine = user.team_memberships.memberships().select_related(*WITH_TEAM)
    found = get_object_or_404(mine, pk=pk)
    if request.method != "POST":
        return render(request, "admissions/team_leave.html", {"membership": found, "team": found.team})
    teams.leave(found, by=user, address=client_address(request))
    messages.success(request, f"You have left the team of {found.team.name}.")
    return redirect("admissions:teams")


def _refusal_to_join(found: TeamInvitation, user: object) -> Refusal | None:
    """Why it can't be accepted, to be read before one tries; None when it may go well."""
    try:
        require_open(found, at=timezone.now())
        if isinstance(user, User):
            require_address(found.email, user)
    except Refusal as refusal:
        return refusal
    return None


def _refusal_to_use(found: PreApproval, user: object) -> Refusal | None:
    """Why it can't be used, to be read before one tries; None when it may go well."""
    try:
        inviting.require_open(found, at=timezone.now())
        if isinstance(user, User):
            require_address(found.email, user)
    except Refusal as refusal:
        return refusal
    return None
