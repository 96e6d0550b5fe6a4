"""The pages on which a person follows their batches, reads their files, cancels and starts one."""

from http import HTTPStatus

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from playground.batches import actions, storage
from playground.batches.advising import advice
from playground.batches.forms import BatchForm, keys_for_batches
from playground.batches.models import Batch
from playground.batches.views import files
from portal.access.deciding import decide, releases_allowed
from portal.access.decision import Action
from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal
from portal.common.requests import client_address, is_htmx
from portal.releases.models import Release

BATCHES_A_PAGE = 20


@require_safe
@never_cache
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """The person's batches and their service accounts', newest first, or the way to have some."""
    user = current_user(request)
    batches = Batch.objects.visible_to(user).select_related("key", "service_account", "release", "input_file")
    page = Paginator(batches, BATCHES_A_PAGE).get_page(request.GET.get("page"))
    if not page.object_list and not _may_start(request):
        return _gate(request)
    return render(request, "batches/index.html", {"page": page})


@require_safe
@never_cache
def state(request: HttpRequest, batch_id: str) -> HttpResponse:
    """How far a batch of the list is, which asks again by itself until it has ended."""
    if not is_htmx(request):
        return redirect("batches:batch", batch_id)
    if not request.user.is_authenticated:
        return _reloaded()
    return render(request, "batches/index.html#batch-state", {"batch": _own(request, batch_id)})


@require_safe
@never_cache
@login_required
def batch(request: HttpRequest, batch_id: str) -> HttpResponse:
    """One batch: how far it is, what is wrong with it, its files, and what to do next."""
    found = _own(request, batch_id)
    return render(request, "batches/batch.html", {"batch": found, "advice": advice(found)})


@require_safe
@never_cache
def progress(request: HttpRequest, batch_id: str) -> HttpResponse:
    """How far the batch of a page is; once it has ended the page is loaded anew, with its files."""
    if not is_htmx(request):
        return redirect("batches:batch", batch_id)
    if not request.user.is_authenticated:
        return _reloaded()
    found = _own(request, batch_id)
    if not found.is_live:
        return _reloaded()
    return render(request, "batches/batch.html#batch-progress", {"batch": found})


@require_safe
@never_cache
@login_required
def download(request: HttpRequest, batch_id: str, kind: str) -> HttpResponseBase:
    """The file of answers or of errors, a piece at a time in memory; 404 when there is none any more."""
    found = _own(request, batch_id)
    file = found.output_file if kind == "answers" else found.error_file
    if file is None or not file.is_kept or not file.path.exists():
        raise Http404
    return files.download(file, filename=f"{found.pk}-{kind}.jsonl")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def cancel(request: HttpRequest, batch_id: str) -> HttpResponse:
    """Ask whether a batch shall stop, and stop it."""
    found = _own(request, batch_id)
    if request.method != "POST":
        return render(request, "batches/cancel.html", {"batch": found})
    actions.cancel(found, by=current_user(request), address=client_address(request))
    return redirect(found)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
@sensitive_post_parameters("file")
def new(request: HttpRequest) -> HttpResponse:
    """Start a batch of a file under one of the person's keys."""
    if not _may_start(request):
        return _gate(request)
    keys = keys_for_batches(current_user(request))
    form = BatchForm(request.POST or None, request.FILES or None, keys=keys, address=client_address(request))
    made = _started(request, form) if form.is_valid() else None
    if made is not None:
        return redirect(made)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
    return render(request, "batches/new.html", {"form": form, "has_keys": keys.exists()}, status=status)


def _started(request: HttpRequest, form: BatchForm) -> Batch | None:
    """The batch that a valid form asks for; None, with the reason in the form, when it is refused."""
    facts = form.cleaned_data
    given = facts["file"]
    try:
        return actions.start(
            facts["key"],
            filename=given.name or "",
            pieces=given.chunks(storage.PIECE_BYTES),
            size_bytes=given.size or 0,
            endpoint=facts["endpoint"],
            by=current_user(request),
            address=client_address(request),
        )
    except Refusal as refusal:
        form.add_error(None, refusal.sentence)
        return None


def _reloaded() -> HttpResponse:
    """Let htmx load the whole page anew, which sends who is signed out to sign in."""
    return HttpResponse(headers={"HX-Refresh": "true"})


def _may_start(request: HttpRequest) -> bool:
    """Whether some model is open to the person, or to a service account of theirs; two queries at most."""
    user = current_user(request)
    return (
        releases_allowed(user, Action.INFERENCE).exists()
        or keys_for_batches(user).exclude(user=user).exists()
    )


def _gate(request: HttpRequest) -> HttpResponse:
    """What still stands between a person and each release."""
    announced = Release.objects.announced().select_related("licence")
    decisions = [decide(request.user, release, Action.INFERENCE) for release in announced]
    return render(request, "batches/gate.html", {"decisions": decisions}, status=HTTPStatus.FORBIDDEN)


def _own(request: HttpRequest, batch_id: str) -> Batch:
    mine = Batch.objects.visible_to(current_user(request))
    mine = mine.select_related("key", "service_account", "release", "input_file", "output_file", "error_file")
    return get_object_or_404(mine, pk=batch_id)
