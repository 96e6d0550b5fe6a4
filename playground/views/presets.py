"""Presets: the list, one with its versions and what changed between them, and saving from the composer."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from playground import actions
from playground.differences import change_between, settings_in_words
from playground.filling import variables_of
from playground.models import Preset, PresetVersion
from playground.preset_forms import ContentForm, NameForm, SaveForm
from playground.views.entering import is_htmx, person_required
from playground.views.pages import PRESETS_SHOWN, uuid_or_none
from portal.access.deciding import decide
from portal.access.decision import Action
from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal
from portal.common.statuses import INVALID
from portal.releases.models import Release

PRESETS_A_PAGE = 30


@require_safe
@never_cache
@person_required
def index(request: HttpRequest) -> HttpResponse:
    """One's presets; `?archived=1`: those that were put away."""
    is_archive = "archived" in request.GET
    mine = Preset.objects.visible_to(current_user(request)).annotate(newest=Max("versions__number"))
    shown = mine.exclude(archived_at=None) if is_archive else mine.in_use()
    context = {
        "page": Paginator(shown.order_by("name", "pk"), PRESETS_A_PAGE).get_page(request.GET.get("page")),
        "is_archive": is_archive,
    }
    return render(request, "playground/presets/list.html", context)


@require_safe
@never_cache
@person_required
def preset(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A preset; `?from=` and `?to=` are the numbers of two versions that are compared."""
    found = _own(request, pk)
    versions = list(found.versions.select_related("release"))
    by_number = {str(version.number): version for version in versions}
    newest = versions[0]
    newer = by_number.get(request.GET.get("to", ""), newest)
    before = versions[1] if len(versions) > 1 else newest
    older = by_number.get(request.GET.get("from", ""), before)
    context = {
        "preset": found,
        "newest": newest,
        "versions": versions,
        "settings": settings_in_words(newest.settings),
        "variables": variables_of(newest.prompt),
        "change": change_between(older, newer) if len(versions) > 1 else None,
        "runs": found.user.prompt_runs.filter(preset_version__preset=found)[:10],
    }
    return render(request, "playground/presets/page.html", context)


@require_POST
@never_cache
@sensitive_post_parameters()
@person_required
def save(request: HttpRequest) -> HttpResponse:
    """Save what stands in the composer: asks for a name first, where none was sent."""
    user = current_user(request)
    release = get_object_or_404(Release, slug=request.POST.get("release", ""))
    decide(user, release, Action.PLAYGROUND).require()
    presets = Preset.objects.visible_to(user).in_use()
    content = ContentForm(request.POST, release=release)
    if not content.is_valid():
        return render(request, "playground/presets/invalid.html", {"form": content}, status=INVALID)
    if "note" not in request.POST:
        initial = {name: content.data.get(name) for name in content.fields}
        initial |= {"preset": uuid_or_none(request.POST.get("from_preset"))}
        return _ask(request, SaveForm(initial=initial, release=release, presets=presets), release)
    form = SaveForm(request.POST, release=release, presets=presets)
    if not form.is_valid():
        return _ask(request, form, release, status=INVALID)
    try:
        version = _save(form, release, request)
    except Refusal as refusal:
        form.add_error("name", refusal.sentence)
        return _ask(request, form, release, status=INVALID)
    if is_htmx(request):
        context = {"version": version, "preset": version.preset, "presets": presets[:PRESETS_SHOWN]}
        return render(request, "playground/presets/save.html#saved", context)
    return redirect(version.preset)


@require_POST
@person_required
def rename(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give a preset another name."""
    found, form = _own(request, pk), NameForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Enter a name of 1 to 80 characters.")
        return redirect(found)
    try:
        actions.rename_preset(found, name=form.cleaned_data["name"])
    except Refusal as refusal:
        messages.error(request, refusal.sentence)
    return redirect(found)


@require_POST
@person_required
def archive(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Put a preset away, or take it out again."""
    found = _own(request, pk)
    is_archived = found.archived_at is None
    try:
        actions.archive_preset(found, is_archived=is_archived)
    except Refusal as refusal:
        messages.error(request, refusal.sentence)
        return redirect(found)
    words = "put away. The API does not know it any more" if is_archived else "in use again"
    messages.success(request, f"The preset is {words}.")
    return redirect(found)


@require_POST
@person_required
def restore(request: HttpRequest, pk: UUID, number: int) -> HttpResponse:
    """Make an older version the newest."""
    version = get_object_or_404(PresetVersion, preset=_own(request, pk), number=number)
    made = actions.restore_version(version)
    messages.success(request, f"Version {number} is restored as version {made.number}.")
    return redirect(version.preset)


def _save(form: SaveForm, release: Release, request: HttpRequest) -> PresetVersion:
    facts = {
        "settings": form.settings(),
        "prompt": form.cleaned_data["prompt"],
        "release": release,
        "note": form.cleaned_data["note"],
    }
    if chosen := form.cleaned_data["preset"]:
        return actions.save_version(chosen, **facts)
    return actions.save_preset(form.cleaned_data["name"], by=current_user(request), **facts)


def _ask(request: HttpRequest, form: SaveForm, release: Release, *, status: int = 200) -> HttpResponse:
    fragment = "#save-form" if is_htmx(request) else ""
    context = {"form": form, "release": release}
    return render(request, f"playground/presets/save.html{fragment}", context, status=status)


def _own(request: HttpRequest, pk: UUID) -> Preset:
    return get_object_or_404(Preset.objects.visible_to(current_user(request)).select_related("user"), pk=pk)
