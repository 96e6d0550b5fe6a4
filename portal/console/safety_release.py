"""The staff's pages of one release's safety: what is missing, who signs, what was taken back."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.console.gatekeeping import staff_with
from portal.console.safety import LOOK, MANAGE, SIGN
from portal.console.safety_forms import RecommendationFormSet, ReportForm, SignForm, report_in
from portal.releases.models import Release, Revision
from portal.releases.safety import evaluations, promoting, sign_offs
from portal.releases.safety.clearing import clearance_of


@require_safe
@staff_with(*LOOK)
@never_cache
def revision(request: HttpRequest, slug: str, commit: str = "") -> HttpResponse:
    """How a revision stands: one that waits, else the current one, unless one is named. Twelve queries."""
    release = get_object_or_404(Release.objects.select_related("author"), slug=slug)
    return _page(request, release, _revision(release, commit))


@require_POST
@staff_with(SIGN)
def sign(request: HttpRequest, slug: str, commit: str) -> HttpResponse:
    """Sign for a revision."""
    release = get_object_or_404(Release, slug=slug)
    found = get_object_or_404(release.revisions, commit=commit)
    by = current_user(request)
    roles = sign_offs.roles_for(by, release, clearance_of(release, found).terms)
    form = SignForm(request.POST, roles=roles)
    if form.is_valid():
        asked = form.cleaned_data
        try:
            sign_offs.sign(
                found,
                role=asked["role"],
                by=by,
                seen=asked["seen"].split(),
                days=asked["days"],
                address=client_address(request),
            )
        except Refusal as refusal:
            form.add_error(None, refusal.sentence)
        else:
            messages.success(request, f"You signed for {commit[:12]} as {asked['role']}.")
            return redirect("console:revision_safety", slug, commit)
    return _page(request, release, found, form=form, status=INVALID)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(MANAGE, SIGN)
@never_cache
def report(request: HttpRequest, slug: str, commit: str) -> HttpResponse:
    """Record an outsider's report on a revision."""
    release = get_object_or_404(Release, slug=slug)
    found = get_object_or_404(release.revisions.select_related("release"), commit=commit)
    sent = request.POST if request.method == "POST" else None
    form, rows = ReportForm(sent), RecommendationFormSet(sent, prefix="recommendation")
    if sent is not None and form.is_valid() and rows.is_valid():
        by, address = current_user(request), client_address(request)
        evaluations.record_report(found, report_in(form, rows), by=by, address=address)
        messages.success(request, "The report is recorded.")
        return redirect("console:revision_safety", slug, commit)
    context = {"release": release, "revision": found, "form": form, "rows": rows}
    return render(request, "console/safety/report.html", context, status=INVALID if sent else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(MANAGE)
@never_cache
def promote(request: HttpRequest, slug: str, commit: str) -> HttpResponse:
    """Ask whether a revision shall be given out from now on, and do it."""
    release = get_object_or_404(Release, slug=slug)
    found = get_object_or_404(release.revisions.select_related("release"), commit=commit)
    if request.method == "POST":
        promoting.promote(found, by=current_user(request), address=client_address(request))
        messages.success(request, f"{found.name} is {commit[:12]} from now on.")
        return redirect("console:revision_safety", slug, commit)
    current = release.revisions.filter(name=found.name, is_current=True).first()
    clearance = clearance_of(release, found)
    context = {"release": release, "revision": found, "current": current, "clearance": clearance}
    return render(request, "console/safety/promote.html", context)


def _revision(release: Release, commit: str) -> Revision | None:
    if commit:
        return get_object_or_404(release.revisions, commit=commit)
    return next(iter(promoting.waiting(release)), None) or release.current_revision()


def _page(
    request: HttpRequest,
    release: Release,
    found: Revision | None,
    *,
    form: SignForm | None = None,
    status: int = 200,
) -> HttpResponse:
    clearance = clearance_of(release, found)
    context: dict[str, Any] = {
        "release": release,
        "revision": found,
        "clearance": clearance,
        "revisions": release.revisions.order_by("-frozen_at", "-pk"),
        "waiting": promoting.waiting(release),
        "requirements": release.requirements.live(),
    }
    if found is not None:
        roles = sign_offs.roles_for(current_user(request), release, clearance.terms)
        seen = " ".join(sign_offs.counted(clearance))
        context |= {
            "evaluations": found.evaluations.select_related("recorded_by", "withdrawn_by"),
            "sign_offs": found.sign_offs.select_related("signer"),
            "roles": roles,
            "form": form or SignForm(roles=roles, initial={"seen": seen}),
        }
    return render(request, "console/safety/release.html", context, status=status)
