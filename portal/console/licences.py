"""The staff's pages of licences: who accepted which version, drafts, and publishing one."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with
from portal.console.licences_forms import PublishForm
from portal.licensing import actions
from portal.licensing.comparing import comparison, version_before
from portal.licensing.conditions import CONDITION_FIELDS, conditions_of
from portal.licensing.forms import DraftForm, LicenceForm
from portal.licensing.models import Acceptance, Licence, LicenceVersion, Notice
from portal.licensing.spdx import COMMON_IDS
from portal.licensing.standing import asked_by, breakdown

PUBLISH = "licensing.publish_licence"
# Enough to see whom it concerns; the number says how many there are in all.
PEOPLE_SHOWN = 20
PAGE_SIZE = 50


@require_safe
@staff_with(PUBLISH)
def index(request: HttpRequest) -> HttpResponse:
    """Every licence with the version in force. Two queries and the session's."""
    licences = Licence.objects.prefetch_related("versions").order_by("name")
    rows = [{"licence": one, "versions": list(one.versions.all())} for one in licences]
    return render(request, "console/licences/index.html", {"rows": rows})


@require_http_methods(["GET", "POST"])
@staff_with(PUBLISH)
def new(request: HttpRequest) -> HttpResponse:
    """Make a licence; its first version is drafted next."""
    form = LicenceForm(request.POST or None)
    if not form.is_valid():
        status = INVALID if form.is_bound else 200
        return render(request, "console/licences/new.html", {"form": form}, status=status)
    made = actions.create_licence(
        **form.cleaned_data, by=current_user(request), address=client_address(request)
    )
    return redirect("console:draft", made.slug)


@require_safe
@staff_with(PUBLISH)
def licence(request: HttpRequest, slug: str) -> HttpResponse:
    """One licence: its versions, newest first, with how many accepted each, and whom no mail reached."""
    found = get_object_or_404(Licence, slug=slug)
    versions = found.versions.annotate(accepted_count=Count("acceptances")).order_by(
        F("published_at").desc(nulls_first=True), "-pk"
    )
    unreached = Notice.objects.given_up().filter(version__licence=found).order_by("user__email", "pk")
    context = {
        "licence": found,
        "versions": versions,
        "current": found.current_version(),
        "unreached": unreached.select_related("user", "version__licence")[:PEOPLE_SHOWN],
        "unreached_count": (count := unreached.count()),
        "unreached_more": max(0, count - PEOPLE_SHOWN),
    }
    return render(request, "console/licences/licence.html", context)


@require_safe
@staff_with(PUBLISH)
def acceptances(request: HttpRequest, slug: str, number: str) -> HttpResponse:
    """Who accepted a version, the latest first, each with the receipt. Three queries and the session's."""
    announced = LicenceVersion.objects.announced().select_related("licence")
    version = get_object_or_404(announced, licence__slug=slug, number=number)
    found = Acceptance.objects.filter(version=version).select_related("user")
    page = Paginator(found.order_by("-accepted_at", "-pk"), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "console/licences/acceptances.html", {"version": version, "page": page})


@require_http_methods(["GET", "POST"])
@staff_with(PUBLISH)
def draft(request: HttpRequest, slug: str, number: str = "") -> HttpResponse:
    """Write a draft, or go on with one; a new one begins with the text that is in force."""
    found = get_object_or_404(Licence, slug=slug)
    if number:
        version = get_object_or_404(found.versions, number=number, published_at=None)
        form = DraftForm(request.POST or None, instance=version, licence=found)
    else:
        form = DraftForm(request.POST or None, initial=_from(found.current_version()), licence=found)
    if not form.is_valid():
        context = {"form": form, "licence": found, "number": number}
        return render(
            request, "console/licences/draft.html", context, status=INVALID if form.is_bound else 200
        )
    written = actions.draft_version(found, **form.drafted())
    messages.success(request, f"Draft {written.number} is saved. Nobody sees it until you publish it.")
    return redirect("console:publish", found.slug, written.number)


@require_http_methods(["GET", "POST"])
@staff_with(PUBLISH)
def publish(request: HttpRequest, slug: str, number: str) -> HttpResponse:
    """Show a draft as people will see it and who must accept again, ask, and put it into force."""
    version = get_object_or_404(
        LicenceVersion.objects.select_related("licence", "reacceptance_before"),
        licence__slug=slug,
        number=number,
    )
    if request.method != "POST":
        is_draft = version.published_at is None
        return _publish_page(request, version) if is_draft else redirect(version.get_absolute_url())
    form = PublishForm(request.POST, version=version)
    if not form.is_valid():
        return _publish_page(request, version, form=form)
    try:
        _publish(request, version, form)
    except Refusal as refusal:
        if refusal.code != "time_past":
            raise
        form.add_error("at", refusal.sentence)
        return _publish_page(request, version, form=form)
    return redirect("console:licence", slug)


@require_POST
@staff_with(PUBLISH)
def unschedule(request: HttpRequest, slug: str, number: str) -> HttpResponse:
    """Take a version off its day, so that it is a draft again."""
    version = get_object_or_404(
        LicenceVersion.objects.select_related("licence"), licence__slug=slug, number=number
    )
    actions.unschedule_version(version, by=current_user(request), address=client_address(request))
    messages.success(request, f"{version} is a draft again. Who was told of the day is told that it is off.")
    return redirect("console:publish", slug, number)


@require_POST
@staff_with(PUBLISH)
def discard(request: HttpRequest, slug: str, number: str) -> HttpResponse:
    """Throw a draft away."""
    version = get_object_or_404(LicenceVersion, licence__slug=slug, number=number)
    actions.discard_draft(version)
    messages.success(request, f"Draft {number} is gone.")
    return redirect("console:licence", slug)


def _publish(request: HttpRequest, version: LicenceVersion, form: PublishForm) -> None:
    actions.publish_version(
        version,
        by=current_user(request),
        sha256=form.cleaned_data["sha256"],
        terms=form.cleaned_data["terms"],
        at=form.published_at(),
        address=client_address(request),
    )
    told_count = version.notices.filter(published_at=version.in_force_from).count()
    people = f"{told_count} {'person is' if told_count == 1 else 'people are'} told by mail."
    if version.is_scheduled():
        day = f"{version.published_at:%-d %B %Y at %H:%M} UTC"
        messages.success(request, f"{version} comes into force on {day}. {people}")
    else:
        messages.success(request, f"{version} is in force. {people}")


def _publish_page(
    request: HttpRequest, version: LicenceVersion, *, form: PublishForm | None = None
) -> HttpResponse:
    announced = list(version.licence.versions.announced().select_related("licence"))
    against = request.GET.get("against")
    named = (one for one in announced if one.number == against)
    older = next(named, None) or version_before(version, announced)
    asked = asked_by(version)
    context = {
        "version": version,
        "form": form or PublishForm(version=version),
        "conditions": conditions_of(version),
        "current": version.licence.current_version(),
        "versions": announced,
        "comparison": comparison(older, version) if older else None,
        "breakdown": breakdown(version),
        "asked_count": asked.count(),
        "asked": asked.order_by("email")[:PEOPLE_SHOWN],
    }
    status = 200 if form is None else INVALID
    return render(request, "console/licences/publish.html", context, status=status)


def _from(version: LicenceVersion | None) -> dict[str, Any]:
    """What a new draft begins with: the text and conditions that are in force."""
    if version is None:
        return {"number": "1.0"}
    kept = {name: getattr(version, name) for name in ("text", *CONDITION_FIELDS)}
    # An identifier that names a version is not that of the next one.
    return kept | {"spdx": version.spdx if version.spdx in COMMON_IDS else ""}
