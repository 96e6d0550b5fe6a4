"""What templates ask about an answer."""

import json
import uuid
from typing import TYPE_CHECKING

from django import template
from django.template import Context

from playground import ticketing
from playground.forms import ResultsForm
from playground.models import Generation

if TYPE_CHECKING:
    from playground.schemas import Fault

register = template.Library()


@register.filter
def pretty_json(text: str) -> str:
    """JSON over several lines; what is no JSON as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


@register.simple_tag(takes_context=True)
def stream_ticket(context: Context, answer: Generation) -> str:
    """What lets this page follow an answer at once; "" where no session asks."""
    request = context.get("request")
    session_key = request.session.session_key if request else None
    return ticketing.issue(answer.pk, session_key=session_key) if session_key else ""


@register.simple_tag
def results_form(answer: Generation) -> ResultsForm:
    """An empty form for what the calls of an answer return."""
    return ResultsForm(
        initial={"token": uuid.uuid4()}, calls=answer.tool_calls, auto_id=f"call-{answer.pk}-%s"
    )


@register.simple_tag
def schema_faults(answer: Generation) -> "list[Fault]":
    """Where an answer is not of the shape of its schema."""
    from playground import schemas  # noqa: PLC0415 - loads jsonschema

    return schemas.faults(answer.text, answer.params["json_schema"])
