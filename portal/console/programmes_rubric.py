"""The rubric of a programme: what its applications are scored by."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts.sessions import current_user
from portal.admissions.models import Criterion, Programme
from portal.admissions.programmes.actions import remove_criterion, save_criterion
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with
from portal.console.programmes import CHANGE
from portal.console.reviewing_forms import CriterionForm


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(CHANGE)
def criterion(request: HttpRequest, slug: str, pk: int | None = None) -> HttpResponse:
    """Write a line of the rubric, or write it anew."""
    programme = get_object_or_404(Programme, slug=slug)
    found = get_object_or_404(programme.criteria, pk=pk) if pk else None
    form = CriterionForm(request.POST or None, instance=found or Criterion(programme=programme))
    if form.is_valid():
        try:
            save_criterion(
                programme,
                get_object_or_404(programme.criteria, pk=pk) if pk else None,
                form.cleaned_data,
                by=current_user(request),
                address=client_address(request),
            )
        except ValidationError as error:
            form.add_error(None, error.messages[0])
        else:
            return redirect("console:programme", slug)
    context = {"form": form, "programme": programme, "line": found, **_words_of(programme, found)}
    return render(request, "console/programmes/line.html", context, status=INVALID if form.is_bound else 200)


@require_POST
@staff_with(CHANGE)
def remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Score it no more."""
    found = get_object_or_404(Criterion.objects.select_related("programme"), programme__slug=slug, pk=pk)
    try:
        remove_criterion(found, by=current_user(request), address=client_address(request))
    except Refusal as refusal:
        messages.error(request, refusal.sentence)
    return redirect("console:programme", slug)


def _words_of(programme: Programme, found: Criterion | None) -> dict[str, str]:
    """What the page of a criterion says."""
    if found is None:
        return {"title": "New criterion", "lede": "Reviewers score it from 1 to 5."}
    return {
        "title": "Change the criterion",
        "lede": "Scores that were given stay.",
        "remove_url": reverse("console:remove_criterion", args=[programme.slug, found.pk]),
        "remove_label": "Score it no more",
    }
