"""The applications that the review queue shows, as a file."""

from django.http import Http404, HttpRequest
from django.utils import timezone
from django.views.decorators.http import require_POST

from portal.accounts.roles import REVIEW
from portal.accounts.sessions import current_user
from portal.admissions.applications import exporting
from portal.common import spreadsheets
from portal.common.requests import client_address
from portal.common.streaming import PiecewiseResponse, download
from portal.console.applications_filters import QueueForm
from portal.console.gatekeeping import staff_with


@require_POST
@staff_with(REVIEW)
def export(request: HttpRequest, kind: str) -> PiecewiseResponse:
    """All that fit the filters of the address, as CSV or as JSON Lines."""
    if kind not in {"csv", "jsonl"}:
        raise Http404
    form = QueueForm(request.GET, reviewer=current_user(request))
    found = form.found()
    taken = exporting.export(
        found, asked=form.asked(), by=current_user(request), address=client_address(request)
    )
    name = f"applications-{timezone.now():%Y-%m-%d}.{kind}"
    if kind == "jsonl":
        return download(name, exporting.json_lines_of(taken), content_type="application/jsonl; charset=utf-8")
    codes = exporting.codes_of(found)
    return spreadsheets.answer(
        name,
        headings=[*exporting.FACTS, *(f"answer_{code}" for code in codes)],
        rows=exporting.rows_of(taken, codes),
    )
