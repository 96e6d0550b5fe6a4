"""What lies behind an answer: its tokens with their probabilities, and the prompt as the model read it."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from playground import probabilities, templating
from playground.parameters import RAW
from playground.views.entering import is_htmx, own_answer, person_required


@require_safe
@never_cache
@person_required
def tokens(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The tokens of an answer, coloured by how likely each was."""
    answer = own_answer(request, pk)
    context = {
        "answer": answer,
        "talk": answer.turn.conversation,
        "tokens": probabilities.tokens_of(answer),
        "is_cut": len(answer.logprobs) > probabilities.TOKENS_SHOWN,
    }
    page = "playground/tokens.html#tokens" if is_htmx(request) else "playground/tokens.html"
    return render(request, page, context)


@require_safe
@never_cache
@person_required
def template(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The prompt of an answer as the model read it, to be taken into the raw mode."""
    answer = own_answer(request, pk)
    context = {
        "answer": answer,
        "talk": answer.turn.conversation,
        "rendered": templating.rendered(answer),
        "is_raw": answer.params.get("mode") == RAW,
    }
    return render(request, "playground/template.html", context)
