"""The sections of a card: found by their headings, under the names that the field gives them.

The titles are those of Model Cards for Model Reporting (Mitchell et al., arXiv 1810.03993) and of the
Hub's own template (huggingface_hub/templates/modelcard_template.md), which nests some of them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt

_PARSER = MarkdownIt("commonmark")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
# What the Hub's template says where nobody wrote anything.
_PLACEHOLDER = re.compile(r"\[?more information needed\]?\.?|\{\{.*?\}\}", re.IGNORECASE)
# Deeper headings that no section is named by belong to the section they stand in.
_OWN_LEVEL_MAX = 2
_NAMED_LEVEL_MAX = 3
OVERVIEW = "overview"


@dataclass(frozen=True)
class Known:
    """A section that the portal looks for: its code, its title here, and what others call it."""

    code: str
    title: str
    names: frozenset[str]
    hint: str


@dataclass(frozen=True)
class Section:
    """A section as it stands in a card; `code` is "" for one that the portal does not know."""

    code: str
    title: str
    text: str

    @property
    def is_filled(self) -> bool:
        """Whether it says anything: more than headings and what a template left there."""
        lines = _PLACEHOLDER.sub("", self.text).splitlines()
        return any(re.search(r"\w", line) and not line.lstrip().startswith("#") for line in lines)


def _known(code: str, title: str, hint: str, *others: str) -> Known:
    return Known(code, title, frozenset({_plain(title), *map(_plain, others)}), hint)


def _plain(title: str) -> str:
    """A title as it is compared: small letters, and single spaces for all else."""
    return " ".join(re.findall(r"[a-z0-9]+", title.lower()))


KNOWN = (
    _known(OVERVIEW, "Overview", "What it is, who made it, what it is good at.", "Model description",
           "Model details", "Model summary", "Summary", "Introduction", "About"),
    _known("intended_use", "Intended use", "What it was made for, and for whom.", "Intended uses", "Uses",
           "Use", "Direct use", "Downstream use", "Intended uses & limitations", "Use cases"),
    _known("out_of_scope_use", "Out-of-scope use", "What it must not or cannot be used for.",
           "Out-of-scope uses", "Misuse", "Misuse and out-of-scope use", "Prohibited uses"),
    _known("how_to_use", "How to use it", "What the commands here do not say, such as a prompt format.",
           "How to use", "Usage", "How to get started with the model", "Getting started", "Quickstart"),
    _known("evaluation", "Evaluation", "What was measured, how, and the results.", "Evaluations",
           "Evaluation results", "Results", "Benchmarks", "Performance", "Metrics"),
    _known("training_data", "Training data", "Sources, amount, period, filters, personal data and rights.",
           "Training data statement", "Training details", "Data", "Datasets", "Training dataset"),
    _known("training", "Training", "Method, hardware, time, computation and energy.", "Training procedure",
           "Compute", "Compute infrastructure", "Environmental impact", "Technical specifications",
           "Training hyperparameters"),
    _known("limitations", "Limitations", "Where it fails, and for whom.", "Bias, risks, and limitations",
           "Limitations and biases", "Limitations and bias", "Known limitations", "Bias", "Biases"),
    _known("risks", "Risks", "What harm it could do, and what was done about it.", "Risks and mitigations",
           "Ethical considerations", "Safety", "Recommendations", "Responsible use"),
    _known("changes", "Changes since the last revision", "What is different now.", "Changes",
           "Changelog", "Change log", "What is new", "What's new", "Version history"),
    _known("licence", "Licence", "What readers should know beyond the licence's own summary.", "License"),
    _known("citation", "Citation", "How to cite it, best in BibTeX.", "Citing", "How to cite", "BibTeX",
           "Citation information"),
    _known("contact", "Contact", "Where questions and reports go.", "Model card contact",
           "Model card authors", "Contact information", "Feedback", "Authors"),
)  # fmt: skip
_BY_NAME = {name: known for known in KNOWN for name in known.names}


def split(body: str) -> list[Section]:
    """The sections of a card's Markdown: those known in the order of KNOWN, then the others as they stand.

    Two with the same code are one. Text before the first heading, or below the card's title,
    is the overview.
    """
    texts: dict[str, list[str]] = {}
    others: list[Section] = []
    for title, text in _pieces(_COMMENT.sub("", body)):
        known = _BY_NAME.get(_plain(title)) if title else _BY_NAME[OVERVIEW]
        if known is not None:
            former = texts.setdefault(known.code, [])
            # “Direct use” and “Downstream use” are one section, and stay told apart in it.
            head = f"### {title}\n\n" if any(former) and text.strip() else ""
            former.append(head + text.strip())
        elif text.strip():
            others.append(Section("", title, text.strip()))
    found = [
        Section(known.code, known.title, "\n\n".join(filter(None, texts[known.code])))
        for known in KNOWN
        if known.code in texts
    ]
    return [section for section in found if section.text] + others


def _pieces(body: str) -> Iterator[tuple[str, str]]:
    """Title and text of each piece between two headings that begin a section."""
    lines = body.split("\n")
    title, begin = "", 0
    for heading, first, after in _beginnings(body):
        yield title, "\n".join(lines[begin:first])
        title, begin = heading, after
    yield title, "\n".join(lines[begin:])


def _beginnings(body: str) -> Iterator[tuple[str, int, int]]:
    """Each heading that begins a section, its first line and the line after it; "" is the card's title."""
    tokens = _PARSER.parse(body)
    is_first = True
    for token, content in pairwise(tokens):
        # One in a list or a quotation is part of it.
        if token.type != "heading_open" or token.level or token.map is None:
            continue
        level, title = int(token.tag[1]), content.content.strip()
        is_named = _plain(title) in _BY_NAME
        if level <= (_NAMED_LEVEL_MAX if is_named else _OWN_LEVEL_MAX):
            is_title = is_first and level == 1 and not is_named
            yield "" if is_title else title, token.map[0], token.map[1]
        is_first = False
