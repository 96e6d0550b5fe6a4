"""Where a request comes from, and who asks in the page's stead."""

from django.conf import settings
from django.http import HttpRequest

CLIENT_CHARACTERS_MAX = 200


def client_address(request: HttpRequest) -> str:
    """The client's IP address, as `believed_address` finds it."""
    peer = str(request.META.get("REMOTE_ADDR", ""))
    return believed_address(peer, forwarded_for=request.headers.get("X-Forwarded-For", ""))


def believed_address(peer: str, *, forwarded_for: str) -> str:
    """The address behind `peer`; what X-Forwarded-For says counts only when the peer is a trusted proxy.

    The last address that is not itself a trusted proxy is taken, since all before it
    can be written by the client (RFC 7239, section 8.1).
    """
    if peer not in settings.TRUSTED_PROXIES:
        return peer
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    for hop in reversed(hops):
        if hop not in settings.TRUSTED_PROXIES:
            return hop
    return peer


def client_name(request: HttpRequest) -> str:
    """The client's User-Agent, cut to 200 characters."""
    return request.headers.get("User-Agent", "")[:CLIENT_CHARACTERS_MAX]


def is_htmx(request: HttpRequest) -> bool:
    """Whether htmx asks, and so wants a fragment rather than a page (django-htmx sets the attribute)."""
    return bool(getattr(request, "htmx", False))
