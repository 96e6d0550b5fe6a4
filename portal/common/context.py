"""What every template may know of the site."""

from django.conf import settings
from django.http import HttpRequest


def site(_: HttpRequest) -> dict[str, object]:
    """The names of the site and its organisation, its address, and whether this is a development server."""
    return {
        "site_name": settings.SITE_NAME,
        "organisation_name": settings.ORGANISATION_NAME,
        "portal_url": settings.PORTAL_URL,
        "debug": settings.DEBUG,
    }
