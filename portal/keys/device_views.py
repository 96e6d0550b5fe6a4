"""The page on which a person allows a program to have a key, by the code that the program shows."""

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.models import User
from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.keys import devices
from portal.keys.models import DeviceLogin, Scope


class CodeForm(forms.Form):
    """The code that a terminal shows."""

    user_code = forms.CharField(
        label="Code",
        max_length=20,
        help_text="Your terminal shows it, such as BCDF-GHJK.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
        error_messages={"required": "Type the code that your terminal shows."},
    )


class AllowForm(forms.Form):
    """What the program's key will be called, and whether it may do more than download weights.

    That it may always: the command line asks who it is as soon as it has the key, and the
    hub answers only keys of that scope.
    """

    name = forms.CharField(
        label="Name of the key",
        max_length=80,
        help_text="You will find the key under this name, and can revoke it there.",
        error_messages={"required": "Give the key a name, so that you will know later what to revoke."},
    )
    may_call_models = forms.BooleanField(
        label="It may also call models through the API",
        required=False,
        help_text="Downloading does not need it.",
    )

    def scopes(self) -> list[Scope]:
        """What the key may be used for."""
        return [Scope.WEIGHTS, *([Scope.INFERENCE] if self.cleaned_data["may_call_models"] else [])]


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def device(request: HttpRequest) -> HttpResponse:
    """Type a code; see who asks; allow or deny. One query and the session's before an answer."""
    user = current_user(request)
    given = request.POST if request.method == "POST" else request.GET
    if "user_code" not in given:
        return render(request, "keys/device.html", {"form": CodeForm()})
    code = CodeForm(given)
    if not code.is_valid():
        return render(request, "keys/device.html", {"form": code}, status=INVALID)
    try:
        login = devices.find(code.cleaned_data["user_code"], by=user)
        if request.method == "POST" and "answer" in request.POST:
            return _answered(request, login, user)
    except Refusal as refusal:
        code.add_error("user_code", refusal.sentence)
        return render(request, "keys/device.html", {"form": code}, status=refusal.status)
    return render(request, "keys/device_allow.html", {"login": login, "form": AllowForm(initial=_named())})


@require_safe
@login_required
def answered(request: HttpRequest, *, is_allowed: bool) -> HttpResponse:
    """What happens now that a sign-in was allowed or denied."""
    return render(request, "keys/device_done.html", {"is_allowed": is_allowed})


def _answered(request: HttpRequest, login: DeviceLogin, user: User) -> HttpResponse:
    address = client_address(request) or None
    if request.POST["answer"] != "allow":
        devices.deny(login, by=user, address=address)
        return redirect("device_denied")
    form = AllowForm(request.POST)
    if not form.is_valid():
        return render(request, "keys/device_allow.html", {"login": login, "form": form}, status=INVALID)
    name = form.cleaned_data["name"]
    devices.approve(login, by=user, key_name=name, scopes=form.scopes(), address=address)
    return redirect("device_allowed")


def _named() -> dict[str, str]:
    return {"name": "hf on my computer"}
