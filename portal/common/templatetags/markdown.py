"""The `markdown` filter."""

from django import template
from django.utils.safestring import SafeString

from portal.common import markdown as renderer

register = template.Library()


@register.filter
def markdown(text: str) -> SafeString:
    """Markdown as sanitised HTML."""
    return renderer.render(text or "")
