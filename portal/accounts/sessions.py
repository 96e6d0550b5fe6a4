"""Who is signed in."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from portal.accounts.models import User


def current_user(request: HttpRequest) -> User:
    """The person signed in; for views behind `login_required`.

    Raises PermissionDenied when nobody is.
    """
    if not isinstance(request.user, User):
        raise PermissionDenied("Sign in first.")
    return request.user
