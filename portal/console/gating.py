"""A programme's questions as the Hub's form: to copy into a model card, and to take over from one."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.sessions import current_user
from portal.admissions.models import Programme
from portal.admissions.programmes import gating as cards
from portal.admissions.programmes import taking_over
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with

CHANGE = "admissions.change_programme"


class CardForm(forms.Form):
    """A model card, or its metadata alone."""

    use_required_attribute = False

    card = forms.CharField(
        label="Model card",
        max_length=cards.CARD_CHARACTERS_MAX,
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false"}),
        help_text="Its metadata is enough: what stands between the two lines of ---.",
        error_messages={"required": "Paste a model card or its metadata."},
    )
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def clean(self) -> None:
        """What nobody sees is told of above what they do."""
        if "seen" in self.errors:
            self.add_error(None, "Look at what would change first, and take that over.")


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(CHANGE)
@never_cache
def gating(request: HttpRequest, slug: str) -> HttpResponse:
    """The programme's form in the Hub's words; a card that is sent in is compared with it. Writes nothing."""
    programme = _programme(slug)
    form = CardForm(request.POST) if request.method == "POST" else CardForm()
    if not form.is_bound or not form.is_valid():
        return _page(request, programme, form, status=INVALID if form.is_bound else 200)
    try:
        plan = taking_over.plan(programme, cards.parse(form.cleaned_data["card"]))
    except Refusal as refusal:
        form.add_error("card", refusal.sentence)
        return _page(request, programme, form, status=refusal.status)
    return _page(request, programme, form, plan=plan)


@require_POST
@staff_with(CHANGE)
def take_over(request: HttpRequest, slug: str) -> HttpResponse:
    """Give the programme the questions of the card that was looked at."""
    programme, form = _programme(slug), CardForm(request.POST)
    if not form.is_valid():
        return _page(request, programme, form, status=INVALID)
    try:
        taking_over.take_over(
            programme,
            cards.parse(form.cleaned_data["card"]),
            seen=form.cleaned_data["seen"],
            by=current_user(request),
            address=client_address(request),
        )
    except Refusal as refusal:
        form.add_error(None, refusal.sentence)
        return _page(request, programme, form, status=refusal.status)
    messages.success(request, "The questions are taken over. Applications keep theirs as they were asked.")
    return redirect("console:gating", programme.slug)


@require_safe
@staff_with(CHANGE)
def card(_request: HttpRequest, slug: str) -> HttpResponse:
    """The metadata as a file."""
    programme = _programme(slug)
    written = cards.dump(taking_over.card_of(programme))
    name = f"{programme.slug}-card.yml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(written, content_type="application/yaml; charset=utf-8", headers=headers)


def _programme(slug: str) -> Programme:
    return get_object_or_404(Programme, slug=slug)


def _page(
    request: HttpRequest,
    programme: Programme,
    form: CardForm,
    *,
    plan: taking_over.Plan | None = None,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "programme": programme,
        "form": form,
        "plan": plan,
        "card": cards.dump(taking_over.card_of(programme)),
    }
    return render(request, "console/programmes/gating.html", context, status=status)
