"""Decisions from a file: sending it in, the report of what each row would do, and carrying it out."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.accounts.roles import REVIEW
from portal.accounts.sessions import current_user
from portal.admissions.bulk import actions as bulk
from portal.admissions.bulk import decision_files, decision_imports
from portal.admissions.models import BulkStatus, DecisionImport
from portal.admissions.reasons import DeclineReason
from portal.common import spreadsheets
from portal.common.refusals import Refusal
from portal.common.requests import client_address
from portal.common.statuses import INVALID
from portal.common.streaming import PiecewiseResponse
from portal.console.gatekeeping import staff_with

PAGE_SIZE = 100
RECENT = 10
HEADINGS = ("line", "reference", "decision", "report", "outcome")


class FileForm(forms.Form):
    """A file of decisions."""

    use_required_attribute = False

    file = forms.FileField(
        label="CSV file",
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        help_text=f"UTF-8, with commas or semicolons, {decision_files.ROWS_MAX:,} rows at most.",
        error_messages={"required": "Choose a file.", "empty": "The file is empty. Choose another one."},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@staff_with(REVIEW)
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """Send a file in; it is read and checked, and nothing is decided."""
    form = FileForm(request.POST, request.FILES) if request.method == "POST" else FileForm()
    if request.method != "POST" or not form.is_valid():
        return _upload(request, form)
    sent = form.cleaned_data["file"]
    try:
        made = decision_imports.read(
            sent.read(decision_files.BYTES_MAX + 1),
            file_name=sent.name,
            by=current_user(request),
            address=client_address(request),
        )
    except Refusal as refusal:
        form.add_error("file", refusal.sentence)
        return _upload(request, form)
    return redirect(made)


@require_safe
@staff_with(REVIEW)
@never_cache
def decision_import(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What each row would do, or what is wrong with it. Two queries and the session's."""
    found = _own(request, pk)
    rows = decision_imports.report(found)
    possible = found.count_possible()
    wrong_only = request.GET.get("show") == "wrong"
    shown = [row for row in rows if not row["is_possible"]] if wrong_only else rows
    context = {
        "import": found,
        "possible": possible,
        "wrong": len(rows) - possible,
        "total": len(rows),
        "wrong_only": wrong_only,
        "is_prepared": found.bulk is not None and found.bulk.status == BulkStatus.PREPARED,
        "page": Paginator(shown, PAGE_SIZE).get_page(request.GET.get("page")),
    }
    return render(request, "console/applications/import.html", context)


@require_POST
@staff_with(REVIEW)
def begin(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Decide on what is possible."""
    found = _own(request, pk)
    if found.bulk is None:
        raise Refusal(
            "nobody_chosen", "No row of this file can be carried out. Correct it and send it again."
        )
    begun = bulk.begin(found.bulk, by=current_user(request), address=client_address(request))
    messages.success(
        request, "Begun. Rows with errors are left out; correct and send them in a file of their own."
    )
    return redirect(begun)


@require_safe
@staff_with(REVIEW)
def report(request: HttpRequest, pk: UUID) -> PiecewiseResponse:
    """The report as a file for a spreadsheet."""
    found = _own(request, pk)
    names = ("line", "reference", "decision", "told", "outcome")
    rows = ([row[name] for name in names] for row in decision_imports.report(found))
    return spreadsheets.answer(f"report-{found.pk}.csv", headings=HEADINGS, rows=rows)


def _own(request: HttpRequest, pk: UUID) -> DecisionImport:
    mine = DecisionImport.objects.visible_to(current_user(request)).select_related("bulk")
    return get_object_or_404(mine, pk=pk)


def _upload(request: HttpRequest, form: FileForm) -> HttpResponse:
    context = {
        "form": form,
        "reasons": DeclineReason.choices,
        "recent": DecisionImport.objects.visible_to(current_user(request)).defer("rows")[:RECENT],
    }
    status = INVALID if request.method == "POST" else 200
    return render(request, "console/applications/import_new.html", context, status=status)
