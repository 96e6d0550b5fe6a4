"""A column's answer as a fragment, and what all pages of a comparison are told."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from playground.comparing import Board, board_of
from playground.comparing_forms import ALL_BAD, TIE
from playground.models import Comparison, Generation
from portal.accounts.sessions import current_user
from portal.common.refusals import Refusal


def answer_in_column(request: HttpRequest, answer: Generation) -> HttpResponse:
    """An answer of a column as it stands, with the parts of the page that know whether it ended."""
    board = board_of(own_comparison(request, answer.turn.conversation.comparison_id))
    place = board.cell_of(answer.pk)
    if place is None:
        raise Refusal("answer_gone", "Another answer has taken its place. Reload the page.")
    context = {**board_context(board), "round": place[0], "cell": place[1]}
    return render(request, "playground/compare/answer.html", context)


def board_context(board: Board) -> dict[str, Any]:
    """What the templates of a board are told."""
    return {"board": board, "comparison": board.comparison, "tie": TIE, "all_bad": ALL_BAD}


def own_comparison(request: HttpRequest, pk: UUID | None) -> Comparison:
    """The person's own comparison; 404 for anybody else's."""
    return get_object_or_404(Comparison.objects.visible_to(current_user(request)), pk=pk)
