"""The fields for a message's variables, and what would be sent, while it is typed."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from playground.message_forms import MessageForm
from playground.views.entering import person_required


@require_POST
@never_cache
@sensitive_post_parameters()
@person_required
def variables(request: HttpRequest) -> HttpResponse:
    """A field for each variable that the message has now; nothing is called wrong before it is sent."""
    form = MessageForm(initial=request.POST.dict())
    return render(request, "playground/_variables.html", {"form": form})
