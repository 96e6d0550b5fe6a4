r"""Where LaTeX stands in Markdown: `$x$`, `$$x$$`, `\(x\)` and `\[x\]`, and where a dollar is money.

static/playground/math.js holds the same rules for the browser; a test renders documents both ways.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

# Longer than any formula in a line of text; a search for its end costs no more.
INLINE_MAX = 1000
BLOCK_LINES_MAX = 50
_CLOSERS = {"$$": "$$", "\\(": "\\)", "\\[": "\\]"}
_DISPLAY = {"$$", "\\["}
_SPACE = " \t\n"
# "5 for this and 6" between two dollars is about money.
_PROSE = re.compile(r"[A-Za-z]{2,}[ \n]+[A-Za-z]{2,}")


def plugin(parser: MarkdownIt) -> None:
    """Teach a parser where LaTeX is, before backslashes and asterisks mean anything in it."""
    parser.inline.ruler.before("escape", "math_inline", _inline)
    parser.block.ruler.before(
        "fence", "math_block", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )


def formula_end(source: str, start: int) -> int | None:
    """Where the formula ends that begins at `start` of a paragraph's text; None: there is none."""
    opener = source[start : start + 2]
    if closer := _CLOSERS.get(opener):
        end = source.find(closer, start + 2, start + INLINE_MAX)
        inside = source[start + 2 : end]
        return end + 2 if end > 0 and inside.strip(_SPACE) and "`" not in inside else None
    if source[start] != "$" or len(opener) == 1 or opener[1] in _SPACE:
        return None
    if re.match("[0-9A-Za-z$]", source[start - 1 : start] if start else ""):
        return None
    return _dollar_end(source, start)


def _dollar_end(source: str, start: int) -> int | None:
    end = source.find("$", start + 1, start + INLINE_MAX)
    while end > 0 and source[end - 1] == "\\":
        end = source.find("$", end + 1, start + INLINE_MAX)
    inside = source[start + 1 : end]
    if end < 0 or inside[-1] in _SPACE or "`" in inside or re.match("[0-9A-Za-z]", source[end + 1 : end + 2]):
        return None
    is_money = inside[0] in "0123456789" and "\\" not in inside and _PROSE.search(inside)
    return None if is_money else end + 1


def _inline(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the parser's signature
    if state.src[state.pos] not in "$\\":
        return False
    end = formula_end(state.src, state.pos)
    if end is None or end > state.posMax:
        return False
    if not silent:
        token = state.push("math_inline", "", 0)
        token.content = state.src[state.pos : end]
    state.pos = end
    return True


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - as above
    if state.is_code_block(start):
        return False
    place = state.bMarks[start] + state.tShift[start]
    closer = _CLOSERS.get(state.src[place : place + 2], "")
    last = _closing_line(state, start, end, closer) if state.src[place : place + 2] in _DISPLAY else None
    if last is None:
        return False
    lines = state.getLines(start, last + 1, state.blkIndent, False).strip(_SPACE)
    if not lines[2:-2].strip(_SPACE) or not lines.endswith(closer) or closer in lines[2:-2]:
        return False
    if not silent:
        token = state.push("math_block", "div", 0)
        token.content = lines
        token.map = [start, last + 1]
        state.line = last + 1
    return True


def _closing_line(state: StateBlock, start: int, end: int, closer: str) -> int | None:
    """The line on which a formula ends that begins on line `start`, in the same paragraph and container."""
    limit = min(end, start + BLOCK_LINES_MAX)
    opened = state.bMarks[start] + state.tShift[start] + 2
    place = state.src.find(closer, opened, state.eMarks[limit - 1])
    if place < 0:
        return None
    for line in range(start, limit):
        if line > start and (state.isEmpty(line) or state.sCount[line] < state.blkIndent):
            return None
        if place < state.eMarks[line]:
            return line
    return None


def formula_html(token: Token) -> str:
    """A formula as it was written, with its marks, in an element that the browser's script sets."""
    is_block = token.type == "math_block"
    # Wider than the page, it scrolls, and must then be reached by keyboard.
    scrolls = ' tabindex="0" role="group" aria-label="Formula"'
    attributes = f'class="answer-math is-display"{scrolls}' if _is_display(token) else 'class="answer-math"'
    tag, end = ("div", "\n") if is_block else ("span", "")
    return f"<{tag} {attributes}>{escapeHtml(token.content)}</{tag}>{end}"


def _is_display(token: Token) -> bool:
    return token.content[:2] in _DISPLAY
