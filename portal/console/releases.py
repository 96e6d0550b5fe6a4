"""The staff's pages of releases: their state, their weights, and the imports that bring them."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.sessions import current_user
from portal.common.requests import client_address, is_htmx
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with
from portal.console.integrity import damages_of
from portal.console.releases_forms import ImportForm, ReleaseForm, WithdrawForm
from portal.ledger.models import Entry
from portal.releases import actions, sources
from portal.releases.imports import known_bytes
from portal.releases.models import RELEASE_MOVES, Release, ReleaseStatus, WeightImport
from portal.releases.safety.clearing import clearance_of

IMPORTS_SHOWN = 20
ENTRIES_SHOWN = 12
MANAGE = "releases.manage_release"


@dataclass(frozen=True)
class Step:
    """One move of a release as a button: the verb behind it, and what it means for people."""

    code: str
    label: str
    to: str
    consequence: str
    act: Callable[..., None]
    is_final: bool = False
    needs_clearance: bool = False


@dataclass(frozen=True)
class ImportShown:
    """An import, what its source is beyond the address, and how many of its bytes were there before."""

    work: WeightImport
    what: str
    known_bytes: int


STEPS = (
    Step(
        "evaluate",
        "Send to evaluation",
        ReleaseStatus.EVALUATING,
        "Nobody outside can use it yet. An event may show it, if it may be shown at events.",
        actions.send_to_evaluation,
    ),
    Step(
        "clear",
        "Clear it",
        ReleaseStatus.CLEARED,
        "Its evaluations are done and signed off. It stays closed until it is opened.",
        actions.clear,
        needs_clearance=True,
    ),
    Step(
        "open",
        "Open it",
        ReleaseStatus.OPEN,
        "Its page becomes public, and everybody who is approved and accepted the licence can prompt it, "
        "call it and download its weights. Weights that are out cannot be called back.",
        actions.open_release,
        is_final=True,
        needs_clearance=True,
    ),
    Step(
        "withdraw",
        "Withdraw it",
        ReleaseStatus.WITHDRAWN,
        "Every door shuts at once, for good. Copies that people have downloaded stay with them.",
        actions.withdraw,
        is_final=True,
    ),
)


@require_safe
@staff_with(MANAGE)
def index(request: HttpRequest) -> HttpResponse:
    """Every release with its state. Two queries and the session's."""
    releases = Release.objects.select_related("licence").annotate(
        revision_count=Count("revisions", distinct=True)
    )
    return render(request, "console/releases/index.html", {"releases": releases})


@require_http_methods(["GET", "POST"])
@staff_with(MANAGE)
def new(request: HttpRequest) -> HttpResponse:
    """Make a release, as a draft."""
    form = ReleaseForm(request.POST or None)
    if not form.is_valid():
        status = INVALID if form.is_bound else 200
        return render(request, "console/releases/new.html", {"form": form}, status=status)
    made = actions.create_release(
        **form.cleaned_data, by=current_user(request), address=client_address(request)
    )
    messages.success(request, f"{made} is a draft. Import its weights next.")
    return redirect("console:release", made.slug)


@require_safe
@staff_with(MANAGE)
def release(request: HttpRequest, slug: str) -> HttpResponse:
    """One release: its state, its revisions, its imports and its history."""
    return _page(request, get_object_or_404(Release, slug=slug), ImportForm())


@require_http_methods(["GET", "POST"])
@staff_with(MANAGE)
def step(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    """Ask whether a release shall move on, and move it."""
    found = get_object_or_404(Release, slug=slug)
    chosen = next((one for one in _open_steps(found) if one.code == code), None)
    if chosen is None:
        # Somebody was quicker, or the address was typed: the page says where the release stands.
        messages.warning(request, f"{found} is {found.get_status_display().lower()} by now.")
        return redirect("console:release", slug)
    form = WithdrawForm(request.POST or None) if code == "withdraw" else None
    if request.method == "POST" and (form is None or form.is_valid()):
        words = form.cleaned_data if form else {}
        chosen.act(found, by=current_user(request), address=client_address(request), **words)
        messages.success(request, f"{found} is {found.get_status_display().lower()} now.")
        return redirect("console:release", slug)
    context = {
        "release": found,
        "step": chosen,
        "form": form,
        "revision": found.current_revision(),
        "hindrances": clearance_of(found).hindrances if chosen.needs_clearance else (),
    }
    status = INVALID if request.method == "POST" else 200
    return render(request, "console/releases/step.html", context, status=status)


@require_POST
@staff_with(MANAGE)
def start_import(request: HttpRequest, slug: str) -> HttpResponse:
    """Queue the import of a source."""
    found = get_object_or_404(Release, slug=slug)
    form = ImportForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=INVALID)
    actions.request_import(
        found,
        source=form.cleaned_data["source"],
        revision_name=form.cleaned_data["revision_name"],
        by=current_user(request),
        address=client_address(request),
    )
    return redirect("console:release", slug)


@require_safe
@staff_with(MANAGE)
def progress(request: HttpRequest, slug: str) -> HttpResponse:
    """How far the newest import is, which the page asks once a second; its end brings the whole page anew."""
    found = get_object_or_404(Release, slug=slug)
    work = found.imports.first()
    if not is_htmx(request):
        return redirect("console:release", slug)
    if work is None or not work.is_live:
        return HttpResponse(headers={"HX-Refresh": "true"})
    context = {"release": found, "work": work, "what": sources.described(work.source)}
    return render(request, "console/releases/release.html#import-progress", context)


def _page(request: HttpRequest, found: Release, form: ImportForm, *, status: int = 200) -> HttpResponse:
    works = list(found.imports.select_related("requested_by", "revision")[:IMPORTS_SHOWN])
    live = works[0] if works and works[0].is_live else None
    pickles = Count("files", filter=Q(files__is_pickle=True))
    revisions = found.revisions.with_health().annotate(pickle_count=pickles).order_by("-frozen_at")
    entries = Entry.objects.about(found).order_by("-number")[:ENTRIES_SHOWN]
    context = {
        "release": found,
        "statuses": ReleaseStatus.choices,
        "steps": _open_steps(found),
        "work": live,
        "what": sources.described(live.source) if live else "",
        "imports": _shown(works),
        "may_start_again": not live and found.status != ReleaseStatus.WITHDRAWN,
        "revisions": revisions,
        "damages": damages_of(found),
        "entries": [
            {"at": entry.at, "title": entry.get_verb_display(), "actor": entry.actor_label}
            for entry in entries
        ],
        "form": form,
    }
    return render(request, "console/releases/release.html", context, status=status)


def _shown(works: list[WeightImport]) -> list[ImportShown]:
    known = known_bytes(works)
    return [ImportShown(work, sources.described(work.source), known.get(work.pk, 0)) for work in works]


def _open_steps(found: Release) -> list[Step]:
    allowed = RELEASE_MOVES.get(found.status, frozenset())
    return [one for one in STEPS if one.to in allowed]
