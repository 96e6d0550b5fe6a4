"""The staff's page of feedback: how good answers are found, who wins comparisons, training data."""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from playground import actions, judging
from playground.models.feedback import TAGS
from playground.preferences import COUNTED_MAX
from playground.preferences import tally as count_preferences
from portal.accounts.sessions import current_user
from portal.common.intervals import Rate
from portal.common.requests import client_address
from portal.common.streaming import PiecewiseResponse, download
from portal.console.feedback_forms import FeedbackFilterForm
from portal.console.gatekeeping import staff_with

MANAGE = "releases.manage_release"
PAGE_SIZE = 20
FILTERS = ("release", "revision", "tag", "since", "until")
TAG_LABELS = dict(TAGS)


@require_safe
@staff_with(MANAGE)
@never_cache
def index(request: HttpRequest) -> HttpResponse:
    """Rates, comparisons, and what was said, newest first. Five queries at most, and the session's."""
    form = _form(request.GET)
    context: dict[str, Any] = {
        "form": form,
        "is_filtered": bool(_asked(request.GET)),
        "is_later_page": "after" in request.GET,
    }
    status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
    if form.is_valid():
        question = form.question()
        context |= _listed(question.feedback(), request.GET.get("after", ""))
        if "after" not in request.GET:
            context |= _added_up(question)
    return render(request, "console/feedback/index.html", context, status=status)


@require_safe
@staff_with(MANAGE)
@never_cache
def preferences(request: HttpRequest) -> HttpResponse:
    """What the file of preferences would hold and leave out, and why; of a long one, by its beginning."""
    question = _valid_form(request.GET).question()
    tally = count_preferences(question.votes(), question.feedback())
    context = {"asked": _asked(request.GET), "tally": tally, "counted_max": COUNTED_MAX}
    return render(request, "console/feedback/preferences.html", context)


@require_POST
@staff_with(MANAGE)
@never_cache
def export(request: HttpRequest) -> PiecewiseResponse:
    """The preferences that the filters leave as JSON Lines; the ledger hears who took them."""
    form = _valid_form(request.POST)
    lines = actions.export_preferences(
        form.question(), asked=form.asked(), by=current_user(request), address=client_address(request)
    )
    name = f"preferences-{timezone.now():%Y-%m-%d}.jsonl"
    return download(name, lines, content_type="application/jsonl; charset=utf-8")


def _form(given: QueryDict) -> FeedbackFilterForm:
    return FeedbackFilterForm({name: given[name] for name in FILTERS if name in given})


def _valid_form(given: QueryDict) -> FeedbackFilterForm:
    """The filters, where the page has no form to say what is wrong with them. Raises BadRequest."""
    form = _form(given)
    if not form.is_valid():
        raise BadRequest("There is no such release, revision, tag or day.")
    return form


def _asked(given: QueryDict) -> dict[str, Any]:
    return {name: given[name] for name in FILTERS if given.get(name)}


def _added_up(question: judging.Question) -> dict[str, Any]:
    votes = question.votes()
    return {
        "rates": [
            {"judged": one, "rate": Rate(one.good_count, one.total_count)}
            for one in judging.rates(question.feedback())
        ],
        "verdicts": judging.verdicts(votes),
        "pairs": [{"pair": one, "rate": Rate(one.wins, one.decided)} for one in judging.pairs(votes)],
        "pairs_shown": judging.PAIRS_SHOWN,
    }


def _listed(feedback: Any, after: str) -> dict[str, Any]:
    """A page of what was said, and the key of the next one. One query."""
    if after:
        feedback = feedback.filter(pk__lt=_key(after))
    story = feedback.select_related("user", "generation__turn__conversation__release")
    rows = list(story.order_by("-pk")[: PAGE_SIZE + 1])
    shown = rows[:PAGE_SIZE]
    return {
        "rows": [
            {"given": one, "tags": [TAG_LABELS.get(tag, tag) for tag in one.tags], "answer": one.generation}
            for one in shown
        ],
        "following": str(shown[-1].pk) if len(rows) > PAGE_SIZE else "",
    }


def _key(after: str) -> int:
    if not (after.isascii() and after.isdigit() and len(after) < 19):  # noqa: PLR2004 - a bigint's digits
        raise BadRequest("There is no such page.")
    return int(after)
