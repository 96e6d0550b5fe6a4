"""The page on which one chooses the mails that one may do without."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts import unsubscribing
from portal.accounts.sessions import current_user
from portal.common.requests import client_address


# Mail programs press the button for their users, without a cookie (RFC 8058); the token says who it is.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Show the choice, and take it; looking alone changes nothing, since mail programs look as well."""
    user = unsubscribing.user_of(token)
    if user is None:
        raise Http404
    if request.method == "POST":
        unsubscribing.choose_receipts(user, wanted="again" in request.POST, address=client_address(request))
    context = {"person": user, "is_chosen": request.method == "POST"}
    return render(request, "account/unsubscribe.html", context)


@require_safe
@login_required
def mail(request: HttpRequest) -> HttpResponse:
    """One's own page of the choice."""
    return redirect(unsubscribing.path_for(current_user(request)))
