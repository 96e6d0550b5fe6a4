"""Who may enter: people signed in; whoever was signed out while typing keeps what was typed."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render

from playground.models import Generation
from portal.accounts.sessions import current_user
from portal.common.requests import is_htmx

__all__ = ["is_htmx", "own_answer", "person_required"]

View = Callable[..., HttpResponseBase]


def person_required(view: View) -> View:
    """Let signed-in people in. Readers are sent to sign in; senders get their words back, with 401."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if is_htmx(request):
            return render(request, "playground/signed_out.html#signed-out", status=401)
        if request.method == "POST":
            return render(request, "playground/signed_out.html", {"typed": request.POST}, status=401)
        return redirect_to_login(request.get_full_path())

    return guarded


def own_answer(request: HttpRequest, pk: UUID) -> Generation:
    """The person's own answer with its story; 404 for anybody else's. One query."""
    return get_object_or_404(Generation.objects.visible_to(current_user(request)).with_story(), pk=pk)
