"""Runs: a prompt asked for a table of cases, its progress, and its answers as a file."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from playground import actions
from playground.differences import settings_in_words
from playground.models import PresetVersion, PromptRun
from playground.run_forms import RunForm, blank_run
from playground.tallying import HEADINGS, json_lines_of, rows_of, tally_of
from playground.views import pages
from playground.views.entering import is_htmx, person_required
from playground.views.sending import asker
from portal.access.deciding import releases_allowed
from portal.access.decision import Action
from portal.accounts.sessions import current_user
from portal.common import spreadsheets
from portal.common.statuses import INVALID
from portal.common.streaming import download
from portal.releases.models import Release

RUNS_A_PAGE = 30
RUNS_BESIDE = 50


@require_safe
@never_cache
@person_required
def index(request: HttpRequest) -> HttpResponse:
    """One's runs, the newest first."""
    mine = PromptRun.objects.visible_to(current_user(request)).select_related("release")
    mine = mine.annotate(case_count=Count("cases")).order_by("-created_at")
    page = Paginator(mine, RUNS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "playground/runs/list.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_post_parameters()
@person_required
def new(request: HttpRequest) -> HttpResponse:
    """Write the prompt and the cases, look at the first one filled in (`?preview=1`), and start."""
    releases = list(releases_allowed(current_user(request), Action.PLAYGROUND))
    version = pages.preset_version(request)
    release = _wanted(request, releases, version)
    if release is None:
        return pages.gate(request)
    context: dict[str, Any] = {"release": release, "releases": releases, "version": version}
    if request.method != "POST":
        form = blank_run(release, version)
        return render(request, "playground/runs/new.html", context | {"form": form})
    form = RunForm(request.POST, request.FILES, release=release)
    if not form.is_valid():
        return render(request, "playground/runs/new.html", context | {"form": form}, status=INVALID)
    if "preview" in request.GET:
        # A browser empties the field for the file, so what was in it goes on as text.
        typed = request.POST.copy()
        typed["table"] = form.cleaned_data["file"] or form.cleaned_data["table"]
        shown = RunForm(typed, release=release)
        shown.is_valid()
        context |= {"form": shown, "previewed": True}
        return render(request, "playground/runs/new.html", context)
    run = actions.start_run(
        form.rows,
        prompt=form.cleaned_data["prompt"],
        settings=form.settings(),
        token=form.cleaned_data["token"],
        title=form.cleaned_data["title"],
        release=release,
        preset_version=version,
        **asker(request),
    )
    return redirect(run)


@require_safe
@never_cache
@person_required
def run(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A run as it stands; `?with=` puts another run of the same cases beside it."""
    found = _own(request, pk)
    others = PromptRun.objects.visible_to(current_user(request)).exclude(pk=pk)
    wanted = pages.uuid_or_none(request.GET.get("with"))
    beside = get_object_or_404(others, pk=wanted) if wanted else None
    context: dict[str, Any] = {"run": found, "beside": beside, "tally": tally_of(found, beside=beside)}
    if is_htmx(request):
        return render(request, "playground/runs/page.html#results", context)
    context |= {"others": others[:RUNS_BESIDE], "settings": settings_in_words(found.settings)}
    return render(request, "playground/runs/page.html", context)


@require_POST
@person_required
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop what waits and what is being written."""
    found = _own(request, pk)
    actions.cancel_run(found, by=current_user(request))
    return redirect(found)


@require_POST
@person_required
def retry(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask again for the answers that failed or were stopped."""
    found = _own(request, pk)
    actions.retry_failed(found, **asker(request))
    return redirect(found)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_required
def delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask whether a run may be deleted, and delete it."""
    found = _own(request, pk)
    if request.method != "POST":
        return render(request, "playground/runs/delete.html", {"run": found})
    actions.delete_run(found, by=current_user(request))
    messages.success(request, "The run is deleted, with all its answers.")
    return redirect("playground_runs")


@require_safe
@never_cache
@person_required
def export(request: HttpRequest, pk: UUID, kind: str) -> HttpResponseBase:
    """All cases and answers as CSV, or as JSON Lines."""
    found = _own(request, pk)
    tally = tally_of(found)
    name = f"{slugify(found.title)[:60] or 'run'}.{kind}"
    if kind == "csv":
        return spreadsheets.answer(name, headings=["case", *tally.names, *HEADINGS], rows=rows_of(tally))
    return download(name, json_lines_of(tally), content_type="application/jsonl")


def _wanted(request: HttpRequest, releases: list[Release], version: PresetVersion | None) -> Release | None:
    """The release that was chosen, else the preset's, else the first that the person may try."""
    of_preset = version.release.slug if version and version.release else ""
    slug = request.POST.get("release") or request.GET.get("release") or of_preset
    named = (one for one in releases if one.slug == slug)
    return next(named, releases[0] if releases and not request.POST else None)


def _own(request: HttpRequest, pk: UUID) -> PromptRun:
    mine = PromptRun.objects.visible_to(current_user(request))
    return get_object_or_404(mine.select_related("release", "preset_version__preset"), pk=pk)
