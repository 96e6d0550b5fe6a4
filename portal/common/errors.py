"""How the browser's door says no: a `Refusal` becomes a page, or a fragment for htmx, with its next step."""

from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin

from portal.common.refusals import Refusal
from portal.common.requests import is_htmx

NULL_CHARACTER = Refusal(
    "null_character", "What was sent holds a null character. Take it out, and send it again.", status=400
)


def refusal_page(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The page (a fragment for htmx) that tells why `refusal` was given and links its remedy."""
    template = "refusal.html#refusal" if is_htmx(request) else "refusal.html"
    return render(request, template, {"refusal": refusal}, status=refusal.status)


class RefusalMiddleware(MiddlewareMixin):
    """Answer a Refusal that a view let through, so that no view needs its own try block."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Turn a Refusal into its page; leave every other exception alone.

        What a form does not check, as words in an address, may hold what PostgreSQL has no text for.
        """
        if isinstance(exception, DataError) and "NUL (0x00)" in str(exception):
            exception = NULL_CHARACTER
        return refusal_page(request, exception) if isinstance(exception, Refusal) else None


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose token does not match: mostly a session that ended while somebody typed."""
    return render(request, "403_csrf.html", {"reason": reason}, status=403)
