"""The staff's pages of a release's card: writing it, and the documentation form that goes with it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal
from portal.common.requests import client_address, is_htmx
from portal.common.statuses import INVALID
from portal.console.cards_forms import CardForm, DocumentationForm
from portal.console.gatekeeping import staff_with
from portal.releases.cards import actions, disclosures, documentation, importing, metadata, openness, readme
from portal.releases.cards.facts import Facts, facts_of
from portal.releases.cards.sections import KNOWN
from portal.releases.models import ModelCard, Release

MANAGE = "releases.manage_release"


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(MANAGE)
@never_cache
def card(request: HttpRequest, slug: str) -> HttpResponse:
    """Write a release's card: look at it as often as one likes, then save it."""
    release = _release(slug)
    if request.method != "POST":
        return _begin(request, release)
    form = CardForm(request.POST)
    if not form.is_valid():
        return _page(request, release, form, status=INVALID)
    try:
        if "preview" in request.POST:
            return _page(request, release, form, preview=_checked(form.cleaned_data["readme"]))
        actions.save_card(
            release,
            text=form.cleaned_data["readme"],
            seen=form.cleaned_data["seen"],
            by=current_user(request),
            address=client_address(request),
        )
    except Refusal as refusal:
        form.add_error("readme", refusal.sentence)
        return _page(request, release, form, status=refusal.status)
    messages.success(request, "The card is saved, and shown on the release's page.")
    return redirect("console:card", slug)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(MANAGE)
@never_cache
def form(request: HttpRequest, slug: str) -> HttpResponse:
    """The EU's documentation form: what the portal says in it, and what staff must."""
    release = _release(slug)
    filled = documentation.fill(_facts(release))
    asked = DocumentationForm(request.POST if request.method == "POST" else None, filled=filled)
    if asked.is_bound and asked.is_valid():
        actions.save_documentation(
            release, answers=asked.answers(), by=current_user(request), address=client_address(request)
        )
        messages.success(request, "The answers are saved.")
        return redirect("console:documentation", slug)
    context = {"release": release, "form": asked, "filled": filled, "count": len(filled.filled)}
    status = INVALID if asked.is_bound else 200
    return render(request, "console/cards/documentation.html", context, status=status)


@require_safe
@staff_with(MANAGE)
@never_cache
def export(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """The whole documentation form: for printing, as JSON or as Markdown."""
    release = _release(slug)
    filled = documentation.fill(_facts(release))
    if kind == "print":
        return render(request, "console/cards/printed.html", {"release": release, "filled": filled})
    headers = {"Content-Disposition": f'attachment; filename="{slug}-documentation.{kind}"'}
    if kind == "json":
        return JsonResponse(documentation.as_json(filled), headers=headers)
    written = documentation.as_markdown(filled)
    return HttpResponse(written, content_type="text/markdown; charset=utf-8", headers=headers)


def _begin(request: HttpRequest, release: Release) -> HttpResponse:
    """The card as it is, or the description before there is one.

    With `?from=file` it is the README.md of the current revision instead.
    """
    written = ModelCard.objects.filter(release=release).values_list("readme", flat=True).first()
    text = release.description if written is None else written
    form = CardForm(initial={"readme": text, "seen": actions.seen_of(release)})
    if request.GET.get("from") == "file":
        try:
            form.initial["readme"] = importing.readme_of(release.current_revision())
        except Refusal as refusal:
            messages.warning(request, refusal.sentence)
            return redirect("console:card", release.slug)
    return _page(request, release, form)


def _checked(text: str) -> readme.Readme:
    """The card in its parts. Raises Refusal where it could not be saved."""
    read = readme.parse(text)
    metadata.check(read.metadata)
    return read


def _page(
    request: HttpRequest,
    release: Release,
    form: CardForm,
    *,
    preview: readme.Readme | None = None,
    status: int = 200,
) -> HttpResponse:
    facts = _facts(release)
    shown = facts if preview is None else facts.with_card(preview)
    context: dict[str, Any] = {
        "release": release,
        "form": form,
        "is_preview": preview is not None,
        "facts": shown,
        "checklist": disclosures.check(shown),
        "openness": openness.classify(shown),
        "known": [{"section": one, "is_filled": bool(shown.text_of(one.code))} for one in KNOWN],
        "has_file": importing.has_readme(facts.revision),
    }
    if is_htmx(request) and "preview" in request.POST:
        return render(request, "console/cards/card.html#card-preview", context, status=status)
    return render(request, "console/cards/card.html", context, status=status)


def _release(slug: str) -> Release:
    return get_object_or_404(Release.objects.select_related("licence"), slug=slug)


def _facts(release: Release) -> Facts:
    return facts_of(release, release.current_revision())
