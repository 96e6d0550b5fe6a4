"""Results of lm-evaluation-harness: sending the file in, choosing numbers, and recording them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from playground.evaluations import harness
from playground.evaluations.harness import NotResults, Results
from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.evaluations import EVALUATE
from portal.console.evaluations_forms import HarnessChoiceForm, HarnessFileForm, decoded, encoded
from portal.console.gatekeeping import staff_with


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(*EVALUATE)
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """Send the file in; it is read, and nothing is recorded before somebody chose numbers."""
    is_sent = request.method == "POST"
    asked = {"revision": request.GET.get("revision", "")}
    form = HarnessFileForm(request.POST, request.FILES) if is_sent else HarnessFileForm(initial=asked)
    if not form.is_valid():
        status = INVALID if is_sent else 200
        return render(request, "console/evaluations/import.html", {"form": form}, status=status)
    content, results = form.cleaned_data["file"]
    known = {"content": encoded(content), "revision": form.cleaned_data["revision"].pk}
    return _choice_page(request, HarnessChoiceForm(results=results, initial=known), results)


@require_POST
@staff_with(*EVALUATE)
@never_cache
def choose(request: HttpRequest) -> HttpResponse:
    """Record the chosen numbers."""
    try:
        results = harness.read(decoded(request.POST.get("content", "")))
    except NotResults as fault:
        messages.error(request, f"{fault} Send the file again.")
        return redirect("console:harness_import")
    form = HarnessChoiceForm(request.POST, results=results)
    if not form.is_valid():
        return _choice_page(request, form, results, status=INVALID)
    try:
        made = harness.record_results(
            results,
            form.cleaned_data["revision"],
            chosen=form.chosen(),
            by=current_user(request),
            address=client_address(request),
        )
    except Refusal as refusal:
        form.add_error(None, refusal.sentence)
        return _choice_page(request, form, results, status=refusal.status)
    messages.success(request, f"{len(made)} result{'' if len(made) == 1 else 's'} signed and recorded.")
    return redirect("console:evaluations")


def _choice_page(
    request: HttpRequest, form: HarnessChoiceForm, results: Results, *, status: int = 200
) -> HttpResponse:
    context = {"form": form, "results": results}
    return render(request, "console/evaluations/import_choose.html", context, status=status)
