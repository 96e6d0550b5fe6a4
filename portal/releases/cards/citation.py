"""How to cite a release: as its card says, else from what the portal knows."""

import re

from django.conf import settings
from markdown_it import MarkdownIt

from portal.releases.cards.facts import Facts

_PARSER = MarkdownIt("commonmark")
_SPECIAL = re.compile(r"[{}\\%#&$_~^]")


def bibtex(facts: Facts) -> str:
    """The card's own BibTeX, a block of code in its citation that begins with @; else one made here."""
    blocks = (
        token.content.strip() for token in _PARSER.parse(facts.text_of("citation")) if token.type == "fence"
    )
    return next((block for block in blocks if block.startswith("@")), "") or _made(facts)


def words(facts: Facts) -> str:
    """What the card's citation says beside its blocks of code, as Markdown."""
    lines = facts.text_of("citation").split("\n")
    for token in reversed(_PARSER.parse(facts.text_of("citation"))):
        if token.type == "fence" and token.map is not None:
            del lines[token.map[0] : token.map[1]]
    return "\n".join(lines).strip()


def _made(facts: Facts) -> str:
    release, revision = facts.release, facts.revision
    at = release.opened_at or (revision.frozen_at if revision else release.created_at)
    fields = {
        "title": _plain(release.name),
        "author": f"{{{_plain(settings.ORGANISATION_NAME)}}}",
        "year": str(at.year),
        "url": f"{settings.PORTAL_URL}{release.get_absolute_url()}",
    }
    if revision is not None:
        fields["note"] = f"Revision {revision.commit[:12]}"
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@misc{{{release.slug},\n{lines}}}"


def _plain(text: str) -> str:
    """The text without what TeX would read as an instruction."""
    return _SPECIAL.sub(" ", text).strip()
