"""Who may enter which page of the console."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

View = Callable[..., HttpResponseBase]


def staff_with(*permissions: str) -> Callable[[View], View]:
    """Let in active staff who hold one of `permissions` (none: any staff); others sign in or get a 403."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            user = request.user
            if not user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            may_enter = not permissions or any(user.has_perm(one) for one in permissions)
            if not (user.is_staff and may_enter):
                raise PermissionDenied("This page is for staff with another role than yours.")
            return view(request, *args, **kwargs)

        return guarded

    return decorate
