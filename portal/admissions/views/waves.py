"""What a candidate of a wave may download."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.accounts.sessions import current_user
from portal.admissions.models import Application, WaveCandidate
from portal.admissions.waves.proofs import proof_for


@require_safe
@login_required
@never_cache
def proof(request: HttpRequest, slug: str, reference: str, pk: UUID) -> HttpResponse:
    """The proof of the person's own place in one wave, as a JSON file."""
    mine = Application.objects.visible_to(current_user(request)).filter(programme__slug=slug)
    rows = WaveCandidate.objects.select_related("wave__programme")
    found = get_object_or_404(rows, wave=pk, application__in=mine.filter(reference=reference))
    answer = JsonResponse(proof_for(found), json_dumps_params={"ensure_ascii": False})
    answer["Content-Disposition"] = f'attachment; filename="wave-{found.reference}.json"'
    return answer
