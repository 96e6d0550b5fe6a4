"""The `rendered` filter."""

from django import template
from django.utils.safestring import SafeString

from playground import rendering
from playground.comparing import HiddenAnswer
from playground.models import Generation

register = template.Library()


@register.filter
def rendered(answer: Generation | HiddenAnswer) -> SafeString:
    """An answer as sanitised HTML: the JSON that a schema asked for as code, all else as Markdown."""
    has_schema = isinstance(answer, Generation) and answer.params.get("json_schema")
    code = rendering.json_block(answer.text) if has_schema else ""
    return rendering.render(code or answer.text)
