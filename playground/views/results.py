"""Telling the model what the tools returned that it called."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from playground import actions
from playground.forms import ResultsForm
from playground.views.entering import is_htmx, own_answer, person_required
from playground.views.sending import asker, branch
from portal.common.statuses import INVALID


@require_POST
@never_cache
@sensitive_post_parameters()
@person_required
def send(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send what was typed in for each call; the model goes on with it, with the conversation's settings."""
    answer = own_answer(request, pk)
    form = ResultsForm(request.POST, calls=answer.tool_calls)
    if not form.is_valid():
        return render(request, "playground/_errors.html", {"form": form}, status=INVALID)
    talk = answer.turn.conversation
    generation = actions.send(
        form.wish(settings=talk.settings, follows=answer.pk),
        release=talk.release,
        conversation=talk,
        **asker(request),
    )
    return branch(request, generation) if is_htmx(request) else redirect(talk)
