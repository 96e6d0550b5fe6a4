"""Filters of the review queue that a reviewer keeps under a name."""

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from portal.accounts.models import User
from portal.accounts.roles import REVIEW
from portal.accounts.sessions import current_user
from portal.admissions.models import SavedView
from portal.console.applications_filters import filters_of
from portal.console.gatekeeping import staff_with
from portal.console.reviewing_forms import ViewForm

VIEWS_MAX = 30
QUERY_CHARACTERS = 500


def views_of(user: User) -> list[SavedView]:
    """One's own views, and those that colleagues share. One query."""
    return list(
        SavedView.objects.filter(Q(by=user) | Q(is_shared=True)).select_related("by")[: 2 * VIEWS_MAX]
    )


@require_POST
@staff_with(REVIEW)
def save(request: HttpRequest) -> HttpResponse:
    """Keep the filters of the page from which the name was sent; a name that is taken gets them anew."""
    user, query = current_user(request), filters_of(request.GET).urlencode()
    back = f"{reverse('console:applications')}?{query}"
    form = ViewForm(request.POST)
    if not form.is_valid() or len(query) > QUERY_CHARACTERS:
        messages.error(request, "Give the view a name of at most 60 characters, and choose fewer filters.")
        return redirect(back)
    name = form.cleaned_data["name"]
    others = SavedView.objects.filter(by=user).exclude(name=name)
    if others.count() >= VIEWS_MAX:
        messages.error(request, f"You have {VIEWS_MAX} views. Remove one first.")
        return redirect(back)
    SavedView.objects.update_or_create(
        by=user, name=name, defaults={"query": query, "is_shared": form.cleaned_data["is_shared"]}
    )
    messages.success(request, f"“{name}” is saved.")
    return redirect(back)


@require_POST
@staff_with(REVIEW)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget one's own view."""
    found = get_object_or_404(SavedView, by=current_user(request), pk=pk)
    found.delete()
    messages.success(request, f"“{found.name}” is removed.")
    return redirect(f"{reverse('console:applications')}?{QueryDict(found.query).urlencode()}")
