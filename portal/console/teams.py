"""The seats and the members of a team, beside its lead's application."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from portal.accounts.roles import REVIEW
from portal.accounts.sessions import current_user
from portal.admissions.models import Application, TeamInvitation
from portal.admissions.teams import oversight as team_oversight
from portal.admissions.teams.forms import OneLineField
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with


class SeatsForm(forms.Form):
    """How many seats, and for a team that nobody asked for its organisation."""

    use_required_attribute = False

    name = OneLineField(
        label="Organisation", max_length=120, error_messages={"required": "Name the team's organisation."}
    )
    seats = forms.IntegerField(
        min_value=0,
        error_messages={
            "required": "Say how many seats.",
            "invalid": "Write a whole number.",
            "min_value": "0 at least.",
        },
    )


class ExpelForm(forms.Form):
    """Why a member must go."""

    use_required_attribute = False

    message = forms.CharField(
        label="Message to the member",
        max_length=4_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="They get it by mail.",
        error_messages={"required": "Tell the member why their access ends."},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(REVIEW)
@never_cache
def team(request: HttpRequest, reference: str) -> HttpResponse:
    """Who is in the team, and a form for its seats. Two queries and the session's."""
    found = _received(reference)
    if request.method != "POST":
        return _page(request, found, _form(found))
    form = _form(found, request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=INVALID)
    name = form.cleaned_data.get("name", "")
    by, address = current_user(request), client_address(request)
    try:
        set_now = team_oversight.give_team(
            found, name=name, seats=form.cleaned_data["seats"], by=by, address=address
        )
    except Refusal as refusal:
        form.add_error("seats", refusal.sentence)
        return _page(request, found, form, status=refusal.status)
    said = f"The team has {set_now.seats} seat{'' if set_now.seats == 1 else 's'} now."
    if form.cleaned_data["seats"] > set_now.seats:
        said = f"{said} {form.cleaned_data['seats']} wait for a second reviewer to agree."
    messages.success(request, said)
    return redirect("console:team", found.reference)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(REVIEW)
@never_cache
def member(request: HttpRequest, reference: str, pk: int) -> HttpResponse:
    """Ask for the reason, and end a membership for good."""
    found = _received(reference)
    memberships = TeamInvitation.objects.memberships().select_related("team")
    row = get_object_or_404(memberships, pk=pk, team__application=found)
    form = ExpelForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        context = {"application": found, "member": row, "form": form}
        status = INVALID if request.method == "POST" else 200
        return render(request, "console/applications/team_member.html", context, status=status)
    by, address = current_user(request), client_address(request)
    team_oversight.expel(row, by=by, message=form.cleaned_data["message"], address=address)
    messages.success(request, f"{row.email} is no longer a member, and has been told.")
    return redirect("console:team", found.reference)


def _form(found: Application, data: object = None) -> SeatsForm:
    """With the organisation only where no team has named it."""
    has_team = hasattr(found, "team")
    form = SeatsForm(data, initial={"seats": found.team.seats} if has_team else None)  # type: ignore[arg-type]
    form.fields["seats"].help_text = f"Beside the lead; {found.programme.seats_max} at most."
    if found.programme.needs_second_reviewer:
        form.fields["seats"].help_text += " More than it has need a second reviewer; fewer count at once."
    if has_team:
        del form.fields["name"]
    return form


def _page(request: HttpRequest, found: Application, form: SeatsForm, *, status: int = 200) -> HttpResponse:
    team = getattr(found, "team", None)
    context = {
        "application": found,
        "team": team,
        "proposal": getattr(found, "proposal", None) if found.programme.needs_second_reviewer else None,
        "is_hidden": found.is_hidden_from(current_user(request)),
        "people": team.invitations.order_by("status", "email") if team else (),
        "form": form,
    }
    return render(request, "console/applications/team.html", context, status=status)


def _received(reference: str) -> Application:
    rows = Application.objects.received().select_related("applicant", "programme", "team", "proposal__by")
    return get_object_or_404(rows, reference=reference)
