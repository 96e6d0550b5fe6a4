"""The blind grading page: one answer at a time, without the run or revision it is from."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from playground.evaluations import grading
from playground.evaluations.models import EvaluationItem, Verdict
from portal.accounts.sessions import current_user
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.common.transitions import LostRace
from portal.console.evaluations import EVALUATE
from portal.console.evaluations_forms import GradeForm
from portal.console.gatekeeping import staff_with


@require_safe
@staff_with(*EVALUATE)
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """The next answer that waits for a grade, or `?again=` the one whose verdict was just taken back.

    Five queries at most and the session's.
    """
    again = grading.waiting_answer(request.GET.get("again", ""))
    return _page(request, again or grading.next_answer(), GradeForm())


@require_POST
@staff_with(*EVALUATE)
def grade(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Grade one answer, and go on to the next."""
    item = get_object_or_404(EvaluationItem.objects.select_related("case"), pk=pk)
    form = GradeForm(request.POST)
    if not form.is_valid():
        return _page(request, item, form, status=INVALID)
    try:
        grading.grade(
            item,
            verdict=Verdict(form.cleaned_data["verdict"]),
            note=form.cleaned_data["note"],
            by=current_user(request),
            address=client_address(request),
        )
    except LostRace as lost:
        messages.warning(request, lost.sentence)
    return redirect("console:grading")


@require_POST
@staff_with(*EVALUATE)
def undo(request: HttpRequest) -> HttpResponse:
    """Take one's own last verdict back and show that answer again."""
    item = grading.undo(by=current_user(request), address=client_address(request))
    messages.success(request, "Your last verdict is taken back. Here is the answer again.")
    return redirect(f"{reverse('console:grading')}?again={item.pk}")


def _page(
    request: HttpRequest, item: EvaluationItem | None, form: GradeForm, *, status: int = 200
) -> HttpResponse:
    context = {
        "item": item,
        "form": form,
        "pile": grading.pile(),
        "can_undo": grading.last_of(current_user(request)) is not None,
    }
    return render(request, "console/evaluations/grading.html", context, status=status)
