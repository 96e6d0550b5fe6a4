"""Who may enter: people signed in; whoever was signed out while typing keeps what was typed."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

View = Callable[..., HttpResponse]


def is_htmx(request: HttpRequest) -> bool:
    """Whether htmx asks, and so wants a fragment."""
    return bool(getattr(request, "htmx", False))


def person_required(view: View) -> View:
    """Let signed-in people in. Readers are sent to sign in; senders get their words back, with 401."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if is_htmx(request):
            return render(request, "playground/signed_out.html#signed-out", status=401)
        if request.method == "POST":
            return render(request, "playground/signed_out.html", {"typed": request.POST}, status=401)
        return redirect_to_login(request.get_full_path())

    return guarded
