"""A person's receipts: the list, one to read and print, and one to keep and check."""

import json

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.accounts.sessions import current_user
from portal.common import statements
from portal.licensing import receipts
from portal.licensing.models import Acceptance

PAGE_SIZE = 50


@require_safe
@login_required
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """What the person accepted, the latest first. Two queries and the session's."""
    mine = Acceptance.objects.filter(user=current_user(request)).select_related("version__licence")
    page = Paginator(mine.order_by("-accepted_at", "-pk"), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "licensing/receipts.html", {"page": page})


@require_safe
@login_required
@never_cache
def receipt(request: HttpRequest, reference: str) -> HttpResponse:
    """One receipt, to read and to print. Two queries at most once it is signed, and the session's."""
    found = _found(request, reference)
    context = {
        "acceptance": found,
        "facts": json.loads(found.statement),
        "statement_sha256": statements.digest(found.statement),
        "is_genuine": receipts.is_genuine(found),
        "is_own": found.user_id == current_user(request).pk,
    }
    return render(request, "licensing/receipt.html", context)


@require_safe
@login_required
@never_cache
def document(request: HttpRequest, reference: str) -> HttpResponse:
    """The receipt as JSON, a file to keep; `manage.py verify_receipt` and docs/licences.md check it."""
    found = _found(request, reference)
    text = json.dumps(receipts.document(found), ensure_ascii=False, indent=2) + "\n"
    attachment = f'attachment; filename="{found.reference}.json"'
    return HttpResponse(text, content_type="application/json", headers={"Content-Disposition": attachment})


def _found(request: HttpRequest, reference: str) -> Acceptance:
    visible = Acceptance.objects.visible_to(current_user(request))
    found = get_object_or_404(visible.select_related("user", "version__licence"), reference=reference)
    return receipts.ensure_signed(found)
