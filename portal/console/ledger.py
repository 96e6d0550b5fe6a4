"""The ledger as auditors read it."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.console.gatekeeping import staff_with
from portal.ledger.models import Entry
from portal.ledger.verbs import Verb

PAGE_SIZE = 50


@require_safe
@staff_with("ledger.view_entry")
def entries(request: HttpRequest) -> HttpResponse:
    """Entries, newest first, filtered by verb, person or subject. Three queries."""
    chosen_verb = request.GET.get("verb", "").replace("\x00", "")
    sought = request.GET.get("q", "").replace("\x00", "").strip()
    found = Entry.objects.matching(verb=chosen_verb, text=sought).order_by("-number")
    context = {
        "page": Paginator(found, PAGE_SIZE).get_page(request.GET.get("page")),
        "verbs": Verb.choices,
        "chosen_verb": chosen_verb,
        "sought": sought,
    }
    return render(request, "console/ledger.html", context)
