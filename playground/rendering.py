"""A model's Markdown as HTML in which nothing runs, loads, or leads away unseen.

What the browser makes of an answer while it streams (static/playground/markdown.js) is the same,
element for element, so that nothing jumps when the answer has ended; a test renders documents both ways.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from playground import mathematics

# Twice an answer of 30,000 tokens. What is longer is shown as it was written, in time that stays bounded.
RENDERED_MAX = 250_000
# Controls, half pairs of UTF-16, and marks that turn the direction of what follows: seen, never obeyed.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
# A plain host and nothing before it: no user names, no percent signs, no backslashes.
_WEB = re.compile(r"https?://((?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?)(?=[/?#]|$)", re.IGNORECASE)
_MAIL = re.compile(r"mailto:([a-z0-9.+_-]+@[a-z0-9.-]+)(?=\?|$)", re.IGNORECASE)
_SCHEME = re.compile(r"(?:https?://|mailto:)")
_LANGUAGE = re.compile(r"[ \t{.]*([A-Za-z0-9+#_-][A-Za-z0-9+#._-]{0,29})")
# Under the answer's own heading, of level 2.
_TOP_LEVEL, _LAST_LEVEL = 3, 6
_EMPHASIS_MAX = 10
_DIRECTED = {"blockquote_open", "bullet_list_open", "ordered_list_open"}

_TAGS = {
    *("a", "bdi", "blockquote", "br", "code", "div", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p"),
    *("pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
_ATTRIBUTES = {
    "a": {"href", "target"},
    "ol": {"start", "dir"},
    **{tag: {"dir"} for tag in ("blockquote", "table", "ul")},
    "div": {"class", "tabindex", "role", "aria-label"},
    "pre": {"tabindex", "role", "aria-label"},
    "span": {"class", "tabindex", "role", "aria-label"},
    **{tag: {"class"} for tag in ("bdi", "td", "th")},
}
_CLASSES = {
    *("answer-code", "answer-code-head", "answer-code-name", "answer-table", "answer-host", "answer-image"),
    *("answer-plain", "answer-math", "answer-math is-display", "to-left", "to-center", "to-right"),
}


def render(text: str) -> SafeString:
    """The sanitised HTML of an answer: CommonMark with tables, strikethrough and LaTeX; a line's end is one.

    Raw HTML is shown as text, a picture as its words and address. LaTeX and code stand as written:
    static/playground/enhancing.js sets and colours them.
    """
    seen = _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)
    is_long = len(seen) > RENDERED_MAX
    html = nh3.clean(
        f'<div class="answer-plain">{escapeHtml(seen)}</div>' if is_long else _PARSER.render(seen),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_only_our_classes,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
    )
    return mark_safe(html)  # noqa: S308 - sanitised just above


def json_block(text: str) -> str:
    r"""JSON as an indented code block of Markdown, "" for what is none.

    >>> json_block('{"a": 1}')
    '```json\n{\n  "a": 1\n}\n```'
    """
    try:
        code = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""
    # Longer than any run of backticks inside.
    fence = "`" * (1 + max([2, *map(len, re.findall("`+", code))]))
    return f"{fence}json\n{code}\n{fence}"


def destination(address: str) -> str | None:
    """The host, with its port, or the mail address that a link leads to; None where it may not be a link."""
    found = _WEB.match(address) or _MAIL.match(address)
    return found[1].lower() if found else None


def shows(words: str, host: str) -> bool:
    """Whether a link's words are its host, alone or at the head of an address."""
    said = _SCHEME.sub("", words.strip(" \n").lower(), count=1)
    rest = said.removeprefix(host)
    return said.startswith(host) and (not rest or (rest[0] in "/?#" and not re.search(r"[ \n]", rest)))


def _only_our_classes(_tag: str, name: str, value: str) -> str | None:
    return value if name != "class" or value in _CLASSES else None


def _plain(tokens: Iterable[Token]) -> str:
    """What is read of inline tokens."""
    parts = []
    for token in tokens:
        if token.type == "image":
            parts.append(_plain(token.children or []))
        else:
            parts.append(" " if token.type in {"softbreak", "hardbreak"} else token.content)
    return "".join(parts)


def _shift_headings(state: StateCore) -> None:
    """Number headings as an outline below the answer's own, without a gap, whatever the model wrote."""
    outline: list[int] = []
    for token in state.tokens:
        if token.type == "heading_open":
            level = int(token.tag[1])
            while outline and outline[-1] >= level:
                outline.pop()
            outline.append(level)
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(_TOP_LEVEL - 1 + len(outline), _LAST_LEVEL)}"


def _align_by_class(state: StateCore) -> None:
    """The policy refuses inline styles, by which the parser aligns cells."""
    for token in state.tokens:
        style = token.attrs.pop("style", None)
        if style:
            token.attrs["class"] = f"to-{str(style).removeprefix('text-align:')}"


def _direct(state: StateCore) -> None:
    """Marks, rules and columns begin on the side where the language does."""
    for token in state.tokens:
        if token.type in _DIRECTED:
            token.attrs["dir"] = "auto"


def _flatten(state: StateCore) -> None:
    """Leave deeper emphasis out: browsers take for ever over thousands of elements in each other."""
    for token in state.tokens:
        if token.type == "inline":
            token.children = list(_flattened(token.children or []))


def _flattened(children: Iterable[Token]) -> Iterator[Token]:
    depth = 0
    for child in children:
        is_emphasis = child.nesting != 0 and not child.type.startswith("link")
        depth += is_emphasis and child.nesting > 0
        if not is_emphasis or depth <= _EMPHASIS_MAX:
            yield child
        depth -= is_emphasis and child.nesting < 0


def _tell_hosts(state: StateCore) -> None:
    """Behind each link whose words do not show it stands where it leads."""
    for token in state.tokens:
        if token.type == "inline" and token.children:
            token.children = _with_hosts(token.children)


def _with_hosts(children: Sequence[Token]) -> list[Token]:
    told: list[Token] = []
    opened = 0
    for child in children:
        told.append(child)
        if child.type == "link_open":
            opened = len(told)
        if child.type != "link_close":
            continue
        host = destination(str(told[opened - 1].attrs["href"])) or ""
        if not shows(_plain(told[opened:-1]), host):
            told.append(Token("link_host", "", 0, content=host))
    return told


def _host_html(token: Token) -> str:
    return f'<bdi class="answer-host"> ({escapeHtml(token.content)})</bdi>'


def _link_html(token: Token) -> str:
    return f'<a href="{escapeHtml(str(token.attrs["href"]))}" target="_blank">'


def _image_html(token: Token) -> str:
    words, address = escapeHtml(_plain(token.children or [])), escapeHtml(str(token.attrs["src"]))
    return f'<span class="answer-image">Image: {words} <bdi>({address})</bdi></span>'


def _code_html(token: Token) -> str:
    language = _LANGUAGE.match(token.info)
    name = language[1] if language else ""
    return (
        '<div class="answer-code"><div class="answer-code-head">'
        f'<span class="answer-code-name">{name or "Code"}</span></div>'
        f'<pre tabindex="0" role="group" aria-label="{f"Code: {name}" if name else "Code"}">'
        f"<code>{escapeHtml(token.content)}</code></pre></div>\n"
    )


_HTML: dict[str, Callable[[Token], str]] = {
    "code_block": _code_html,
    "fence": _code_html,
    "image": _image_html,
    "link_host": _host_html,
    "link_open": _link_html,
    "math_block": mathematics.formula_html,
    "math_inline": mathematics.formula_html,
    "table_close": lambda _: "</table></div>\n",
    "table_open": lambda _: (
        '<div class="answer-table" tabindex="0" role="group" aria-label="Table"><table dir="auto">\n'
    ),
}


def _may_be_link(url: str) -> bool:
    return destination(url) is not None


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    parser.use(mathematics.plugin)
    # A link that may not be one stays the text that the model wrote.
    parser.validateLink = _may_be_link  # type: ignore[method-assign]
    parser.core.ruler.after("block", "headings", _shift_headings)
    parser.core.ruler.after("headings", "alignment", _align_by_class)
    parser.core.ruler.after("alignment", "directions", _direct)
    parser.core.ruler.after("inline", "flattening", _flatten)
    parser.core.ruler.push("hosts", _tell_hosts)
    for name, html in _HTML.items():
        parser.add_render_rule(name, _rule(html))
    return parser


def _rule(html: Callable[[Token], str]) -> Callable[..., str]:
    """What the parser calls, with itself, all tokens, an index and more, of which one token is used."""
    return lambda _renderer, tokens, index, *_: html(tokens[index])


_PARSER = _parser()
