"""What a release page shows of its card, piece by piece, and the card and its documentation as files."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from portal.hub.commands import run_commands
from portal.hub.shelf import visible_releases
from portal.releases.cards import citation, disclosures, documentation, openness
from portal.releases.cards.changes import Changes, changes_of
from portal.releases.cards.exporting import exported
from portal.releases.cards.facts import Facts, facts_of
from portal.releases.cards.fields import Audience
from portal.releases.cards.sections import Section
from portal.releases.models import Release, ReleaseStatus
from portal.releases.safety.results import measured, reports

# What stands before the commands, and what after; sections of other names stand between the two.
FIRST = ("overview", "intended_use", "out_of_scope_use")
MIDDLE = ("limitations", "risks", "training_data", "training")


@dataclass(frozen=True)
class Piece:
    """One heading of the page: an anchor, a title, what kind of piece it is, and the card's words for it."""

    anchor: str
    title: str
    kind: str
    section: Section | None = None


@require_safe
def readme(request: HttpRequest, slug: str) -> HttpResponse:
    """The card as the README.md that the Hub's tools read. Up to nine queries and the session's."""
    facts = _facts(request, slug)
    written = exported(facts.release, facts.card, rows=facts.rows, spdx=facts.spdx)
    headers = {"Content-Disposition": 'attachment; filename="README.md"', "Cache-Control": "no-cache"}
    return HttpResponse(written, content_type="text/markdown; charset=utf-8", headers=headers)


@require_safe
def form(request: HttpRequest, slug: str, kind: str = "") -> HttpResponse:
    """The fields of the EU's form that are for downstream providers: as a page, JSON or Markdown."""
    facts = _facts(request, slug)
    filled = documentation.fill(facts).for_readers(Audience.DOWNSTREAM)
    headers = {"Content-Disposition": f'attachment; filename="{slug}-documentation.{kind}"'}
    if kind == "json":
        return JsonResponse(documentation.as_json(filled), headers=headers)
    if kind == "md":
        written = documentation.as_markdown(filled)
        return HttpResponse(written, content_type="text/markdown; charset=utf-8", headers=headers)
    return render(request, "releases/documentation.html", {"release": facts.release, "filled": filled})


def shown(facts: Facts) -> dict[str, Any]:
    """What the page needs of the card: its pieces, and what the portal computes for them. Four queries."""
    changes = changes_of(facts.revision) if facts.revision is not None else None
    context: dict[str, Any] = {
        "facts": facts,
        "pieces": list(_pieces(facts, changes)),
        "changes": changes,
        "change_words": facts.text_of("changes"),
        "memory": facts.memory,
        "checklist": disclosures.check(facts),
        "openness": openness.classify(facts),
        "bibtex": citation.bibtex(facts),
        "citation_words": citation.words(facts),
        "results": measured(facts.evaluations),
        "reports": reports(facts.evaluations),
        "evaluation_words": facts.text_of("evaluation"),
        "usage_words": facts.text_of("how_to_use"),
        "licence_words": facts.text_of("licence"),
    }
    if facts.revision is not None:
        context["runs"] = run_commands(facts.release, facts.revision, paths=facts.paths)
    return context


def _pieces(facts: Facts, changes: Changes | None) -> Iterator[Piece]:
    filled = {section.code: section for section in facts.sections if section.code and section.is_filled}
    yield from _written(filled, FIRST)
    is_withdrawn = facts.release.status == ReleaseStatus.WITHDRAWN
    if facts.has_weights and not is_withdrawn:
        yield Piece("run", "How to run it", "run")
        yield Piece("memory", "Memory", "memory")
    if facts.evaluations:
        yield Piece("evaluation", "Evaluation", "results")
    else:
        yield from _written(filled, ("evaluation",))
    yield from _written(filled, MIDDLE)
    if changes is not None or "changes" in filled:
        yield Piece("changes", "Changes since the last revision", "changes")
    others = (section for section in facts.sections if not section.code and section.is_filled)
    for number, section in enumerate(others, start=1):
        yield Piece(f"more-{number}", section.title, "text", section)
    yield Piece("licence", "Licence", "licence")
    yield Piece("transparency", "Transparency", "transparency")
    yield Piece("citation", "Citation", "citation")
    yield from _written(filled, ("contact",))


def _written(filled: dict[str, Section], codes: tuple[str, ...]) -> Iterator[Piece]:
    for code in codes:
        if code in filled:
            yield Piece(code.replace("_", "-"), filled[code].title, "text", filled[code])


def _facts(request: HttpRequest, slug: str) -> Facts:
    """The facts of a release whose page the person may read; of one that was withdrawn, without its files."""
    release: Release = get_object_or_404(visible_releases(request.user).select_related("licence"), slug=slug)
    is_withdrawn = release.status == ReleaseStatus.WITHDRAWN
    return facts_of(release, None if is_withdrawn else release.current_revision())
