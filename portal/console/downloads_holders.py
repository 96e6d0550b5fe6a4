"""The staff's pages of who holds a revision, and of mailing them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.models import User
from portal.accounts.sessions import current_user
from portal.common import spreadsheets
from portal.common.refusals import Refusal
from portal.common.requests import client_address, is_htmx
from portal.common.statuses import INVALID
from portal.common.streaming import PiecewiseResponse
from portal.console.downloads import MANAGE
from portal.console.downloads_forms import MailForm
from portal.console.gatekeeping import staff_with
from portal.hub import holders, letters, mailing
from portal.hub.holders import Holder, Kept, Place
from portal.hub.models import HolderMailing, MailStatus, Scope
from portal.releases.models import Revision

PAGE_SIZE = 50
MAILINGS_SHOWN = 10
FAILURES_SHOWN = 200
UNDECIDED = (MailStatus.WAITING, MailStatus.SENDING)
HEADINGS = (
    "Name", "E-mail", "Account", "Holds", "Files complete", "Files begun", "Files", "Bytes held", "Bytes",
    "Requests", "Bytes sent", "First download", "Last download", "Licence accepted", "Last client",
    "Last address",
)  # fmt: skip


@require_safe
@staff_with(MANAGE)
@never_cache
def index(request: HttpRequest, slug: str, commit: str) -> HttpResponse:
    """Who holds a revision. Seven queries at most."""
    revision = _revision(slug, commit)
    scope, kept = _scope(request), _kept(request)
    sought = request.GET.get("q", "").strip().replace("\x00", "")
    found = holders.page_of(
        revision,
        scope=scope,
        kept=kept,
        people=_people(sought),
        after=_place(request.GET.get("after", "")),
        limit=PAGE_SIZE + 1,
    )
    shown = found[:PAGE_SIZE]
    context = {
        "revision": revision,
        "release": revision.release,
        "headcount": holders.headcount(revision, scope=scope),
        "holders": shown,
        "following": _key(shown[-1]) if len(found) > PAGE_SIZE else "",
        "is_later_page": "after" in request.GET,
        "scopes": Scope.choices,
        "scope": scope,
        "kinds": Kept.choices,
        "kept": kept,
        "sought": sought,
        "mailings": [(_headline(one), one) for one in _mailings(revision)],
    }
    return render(request, "console/downloads/holders.html", context)


@require_safe
@staff_with(MANAGE)
def export(request: HttpRequest, slug: str, commit: str) -> PiecewiseResponse:
    """Who holds a revision as CSV, safe to open in a spreadsheet."""
    revision = _revision(slug, commit)
    found = holders.every(revision, scope=_scope(request), kept=_kept(request))
    name = f"{revision.release.slug}-{revision.commit[:12]}-holders.csv"
    return spreadsheets.answer(name, headings=HEADINGS, rows=_rows(found))


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(MANAGE)
@never_cache
def mail(request: HttpRequest, slug: str, commit: str) -> HttpResponse:
    """Write to the holders of a revision: the form, then how one of them will read it, then the click."""
    revision = _revision(slug, commit)
    if request.method != "POST":
        facts = letters.draft(revision) | {"scope": _scope(request), "token": uuid4()}
        return _form_page(request, revision, MailForm(initial=facts))
    form = MailForm(request.POST)
    if not form.is_valid():
        return _form_page(request, revision, form, status=INVALID)
    step = request.POST.get("step")
    if step == "edit":
        return _form_page(request, revision, form)
    if step != "send":
        return _preview_page(request, revision, form)
    try:
        made = mailing.mail_holders(
            revision, by=current_user(request), address=client_address(request), **form.cleaned_data
        )
    except Refusal as refusal:
        form.add_error(None, refusal.sentence)
        return _form_page(request, revision, form, status=INVALID)
    return redirect("console:mailing", made.pk)


@require_safe
@staff_with(MANAGE)
@never_cache
def sent(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a mailing is. Four queries."""
    return render(request, "console/downloads/mailing.html", _progress(_mailing(pk)))


@require_safe
@staff_with(MANAGE)
@never_cache
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a mailing is, which the page asks once a second; its end brings the whole page anew."""
    if not is_htmx(request):
        return redirect("console:mailing", pk)
    context = _progress(_mailing(pk))
    if not context["open_count"]:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "console/downloads/mailing.html#mailing-progress", context)


@require_POST
@staff_with(MANAGE)
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Send once more what was refused or may not have arrived."""
    found = _mailing(pk)
    count = mailing.mail_again(found, by=current_user(request), address=client_address(request))
    messages.success(request, f"{count} mail{'' if count == 1 else 's'} will be sent once more.")
    return redirect("console:mailing", pk)


def _revision(slug: str, commit: str) -> Revision:
    everything = Revision.objects.select_related("release")
    return get_object_or_404(everything, release__slug=slug, commit=commit)


def _mailing(pk: int) -> HolderMailing:
    everything = HolderMailing.objects.select_related("revision__release", "sent_by")
    return get_object_or_404(everything, pk=pk)


def _mailings(revision: Revision) -> QuerySet[HolderMailing]:
    found = revision.mailings.select_related("revision__release", "sent_by")
    return found.annotate(mail_count=Count("mails"))[:MAILINGS_SHOWN]


def _headline(found: HolderMailing) -> str:
    return letters.headline(found.revision, subject=found.subject, reason=found.reason)


def _scope(request: HttpRequest) -> str:
    scope = request.GET.get("scope", Scope.ASKED)
    return scope if scope in Scope.values else Scope.ASKED


def _kept(request: HttpRequest) -> str:
    kept = request.GET.get("kept", "")
    return kept if kept in Kept.values else ""


def _people(sought: str) -> list[int] | None:
    """The ids of those whose name or address holds the words; None for everybody. One query at most."""
    if not sought:
        return None
    named = User.objects.filter(Q(email__icontains=sought) | Q(full_name__icontains=sought))
    return list(named.values_list("pk", flat=True))


def _key(holder: Holder) -> str:
    return f"{holder.last_at.isoformat()}~{holder.user.pk}"


def _place(after: str) -> Place | None:
    if not after:
        return None
    try:
        moment, user_id = after.split("~")
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None:
            raise BadRequest("There is no such page.")
        return Place(at, int(user_id))
    except ValueError as error:
        raise BadRequest("There is no such page.") from error


def _form_page(
    request: HttpRequest, revision: Revision, form: MailForm, *, status: int = 200
) -> HttpResponse:
    context = {
        "revision": revision,
        "release": revision.release,
        "form": form,
        "headcount": holders.headcount(revision),
        "headcount_bytes": holders.headcount(revision, scope=Scope.BYTES),
    }
    return render(request, "console/downloads/mail.html", context, status=status)


def _preview_page(request: HttpRequest, revision: Revision, form: MailForm) -> HttpResponse:
    facts = {name: form.cleaned_data[name] for name in ("subject", "body", "reason")}
    everybody = list(holders.every(revision, scope=form.cleaned_data["scope"]))
    recipients = [holder.user for holder in everybody if holder.user.is_active]
    if not recipients:
        form.add_error("scope", "Nobody of these can be mailed.")
        return _form_page(request, revision, form, status=INVALID)
    person = recipients[0]
    context = {
        "revision": revision,
        "release": revision.release,
        "form": form,
        "person": person,
        "letter": letters.compose(revision, person=person, to=person.email, **facts),
        "body": letters.shown(revision, person=person, body=facts["body"], reason=facts["reason"]),
        "recipient_count": len(recipients),
        "skipped_count": len(everybody) - len(recipients),
    }
    return render(request, "console/downloads/preview.html", context)


def _progress(found: HolderMailing) -> dict[str, Any]:
    counts = dict(found.mails.values_list("status").annotate(Count("pk")).order_by())
    failed = found.mails.filter(status__in=[*mailing.FAILED, MailStatus.SKIPPED])
    open_count = sum(counts.get(status, 0) for status in UNDECIDED)
    total = sum(counts.values()) - counts.get(MailStatus.SKIPPED, 0)
    return {
        "mailing": found,
        "headline": _headline(found),
        "release": found.revision.release,
        "counts": [(status.label, counts.get(status, 0)) for status in MailStatus if counts.get(status)],
        "total_count": total,
        "done_count": total - open_count,
        "open_count": open_count,
        "again_count": sum(counts.get(status, 0) for status in mailing.FAILED),
        "failures": failed.select_related("user").order_by("status", "email")[:FAILURES_SHOWN],
    }


def _rows(found: Iterator[Holder]) -> Iterator[tuple[object, ...]]:
    for one in found:
        acceptance = one.last.acceptance
        yield (
            *(one.user.name, one.user.email, "active" if one.user.is_active else "deactivated"),
            *(one.kept.label, one.held_files, one.begun_files, one.total_files),
            *(one.held_bytes, one.total_bytes, one.request_count, one.sent_bytes),
            *(one.first_at.isoformat(), one.last_at.isoformat()),
            acceptance.version.number if acceptance else "",
            *(one.last.client, one.last.address or ""),
        )
