"""How the portal's pages draw icons, status colours, times and the current place in the navigation."""

import json
from datetime import UTC, datetime
from functools import cache

from django import template
from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

ICONS_FILE = settings.BASE_DIR / "static" / "vendor" / "tabler-icons-3.51.0" / "icons.json"

FILLED = 'fill="currentColor"'
OUTLINED = (
    'fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"'
)

# One tone a word, whichever app the word comes from: a status has the same colour on every page.
TONES = {
    "success": (
        "approved accepted open cleared done registered checked_in active passed published current ready "
        "verified signed_off healthy live succeeded completed released used fixed"
    ),
    "info": (
        "submitted in_review evaluating queued running scheduled pending new upcoming starting validating "
        "in_progress finalizing cancelling planned releasing invited sent triaging medium"
    ),
    "warning": "information_requested waitlisted expiring required warning due full loading hold high",
    "danger": (
        "declined revoked failed rejected error blocked withdrawn_release tampered down removed critical"
    ),
    "neutral": "draft withdrawn cancelled archived expired superseded closed past hidden unknown left",
}
TONE_OF = {word: tone for tone, words in TONES.items() for word in words.split()}

# What the button of a shut gate says; the gate's own sentence has told why.
GATE_CALLS = {
    "signed_in": "Sign in",
    "email_verified": "Verify your address",
    "release_open": "See the release",
    "safety": "See what is missing",
    "approved": "Go to the application",
    "licence_accepted": "Read the licence",
    "licence_current": "Read the new version",
}


class UnknownIcon(template.TemplateSyntaxError):
    """An icon that is not vendored was asked for."""


@cache
def drawings() -> dict[str, str]:
    """Every vendored icon's inner SVG by its name, read from disk once a process."""
    return json.loads(ICONS_FILE.read_text())  # type: ignore[no-any-return]


@register.simple_tag
def icon(name: str, css_class: str = "", *, label: str = "") -> SafeString:
    """Put an icon into the page, hidden from screen readers unless a `label` makes it speak.

    Raises UnknownIcon in development; in production an unknown name draws a plain point,
    since a page must not fall over its ornament.
    """
    if name not in drawings():
        if settings.DEBUG:
            message = (
                f"There is no icon {name!r}. Add it to scripts/icons.txt and run scripts/vendor_static.py."
            )
            raise UnknownIcon(message)
        name = "point"
    paint = FILLED if name.endswith("-filled") else OUTLINED
    return format_html(
        '<svg class="icon {}" width="20" height="20" viewBox="0 0 24 24" {} {} focusable="false">{}</svg>',
        css_class,
        mark_safe(paint),  # noqa: S308 - one of the two constants above
        format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"'),
        mark_safe(drawings()[name]),  # noqa: S308 - vendored drawings
    )


@register.filter
def tone(status: object) -> str:
    """Say which of success, info, warning, danger and neutral a status is shown in.

    >>> tone("approved"), tone("In review"), tone("never heard of")
    ('success', 'info', 'neutral')
    """
    return TONE_OF.get(str(status).lower().replace(" ", "_").replace("-", "_"), "neutral")


@register.simple_tag(takes_context=True)
def here(context: template.Context, path: str, *, exact: bool = False) -> SafeString | str:
    """Mark a navigation link as the current page (`aria-current`) if the request's path lies under `path`."""
    request = context.get("request")
    current = getattr(request, "path", "")
    if current == path:
        return mark_safe('aria-current="page"')
    return mark_safe('aria-current="true"') if not exact and current.startswith(path) else ""


@register.simple_tag(takes_context=True)
def nav_link(
    context: template.Context, name: str, label: str, *, picture: str = "", exact: bool = False
) -> SafeString:
    """Link the page of the URL `name` from a navigation list, marked if the visitor is there."""
    path = reverse(name)
    drawing = icon(picture) if picture else ""
    return format_html('<a href="{}" {}>{}{}</a>', path, here(context, path, exact=exact), drawing, label)


@register.filter
def compact(number: float | None) -> str:
    """Shorten a large count as people say it.

    >>> compact(134515008), compact(7_000_000_000), compact(950), compact(None)
    ('135M', '7B', '950', '')
    """
    if number is None:
        return ""
    for unit, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if number >= unit:
            return f"{number / unit:.3g}{letter}"
    return f"{number:g}"


@register.filter
def utc(moment: datetime | None) -> datetime | None:
    """Express a moment in UTC, for machine-readable attributes and titles."""
    return moment.astimezone(UTC) if moment else None


@register.filter
def percent_of(part: float | None, whole: float | None) -> int:
    """Say how many hundredths of `whole` the `part` is, from 0 to 100.

    >>> percent_of(1, 3), percent_of(5, 0), percent_of(None, 4)
    (33, 0, 0)
    """
    if not part or not whole:
        return 0
    return max(0, min(100, int(100 * part / whole)))


@register.filter
def initials(name: object) -> str:
    """Take one or two letters for an avatar from a name or an e-mail address.

    >>> initials("Ada Lovelace"), initials("ada@example.com")
    ('AL', 'A')
    """
    words = str(name).split("@")[0].split()
    return "".join(word[0] for word in words[:2]).upper()


@register.filter
def gate_call(code: object) -> str:
    """Say what the button of a shut gate does."""
    return GATE_CALLS.get(str(code), "Continue")
