"""What clients ask of the Hub in passing, and every address that is none."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from portal.hub.errors import hub_door
from portal.hub.metadata.answers import Answer
from portal.hub.shelf import NotThere


@hub_door
@require_safe
def agent_harnesses(request: HttpRequest) -> HttpResponse:
    """`GET /api/agent-harnesses`: none are known here; without an answer every process asks anew."""
    del request
    return Answer({"standardEnvVars": [], "harnesses": {}})


@hub_door
@require_safe
def telemetry(request: HttpRequest, topic: str) -> HttpResponse:
    """`HEAD /api/telemetry/{topic}`: taken, and forgotten."""
    del request, topic
    return HttpResponse(content_type="application/json")


@csrf_exempt
@hub_door
def nothing_here(request: HttpRequest) -> HttpResponse:
    """Any other address under /hub/: no redirect to one with a slash, no page, but the Hub's 404."""
    del request
    raise NotThere("RepoNotFound", "Repository not found", status=404)
