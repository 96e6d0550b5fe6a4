"""A README.md as the Hub has it: metadata in YAML between two lines of ---, then Markdown."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from portal.common.refusals import Refusal
from portal.common.storable import is_storable

CHARACTERS_MAX = 200_000
# Cards whose parts a process keeps: those of all releases in most portals, 13 MB at the very worst.
KEPT_MAX = 64
# The Hub's own pattern (huggingface_hub.repocard.REGEX_YAML_BLOCK), for line feeds alone.
_BLOCK = re.compile(r"^(\s*---\n)([\S\s]*?)(\n---[ \t]*(\n|$))")
_DEPTH_MAX = 20


@dataclass(frozen=True)
class Readme:
    """A model card in its two parts."""

    metadata: dict[str, Any] = field(default_factory=dict)
    body: str = ""


class _Loader(yaml.SafeLoader):
    """YAML of plain values that hides nothing: no aliases, no name twice, no nesting without end."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse aliases, by which a small file becomes a huge one, and what is nested too deep."""
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="an alias (*) is not allowed here", problem_mark=mark)
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise yaml.MarkedYAMLError(problem="it is nested too deep", problem_mark=mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def construct_mapping(self, node: Any, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        """Refuse a name that is no text or stands there twice, of which YAML would keep the last."""
        seen: set[Any] = set()
        for key, _value in node.value:
            name = key.value if key.tag == "tag:yaml.org,2002:str" else None
            if name is None or name in seen:
                problem = f"“{str(key.value)[:60]}” is no name, or stands there twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, *args, **kwargs)


def normalised(text: str) -> str:
    r"""The text with line feeds alone at the ends of its lines and no byte order mark.

    >>> normalised("\ufeffa\r\nb\rc")
    'a\nb\nc'
    """
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def parse(text: str) -> Readme:
    """The metadata and the Markdown of `text`. Raises Refusal with a sentence that says what is wrong."""
    text = normalised(text)
    if len(text) > CHARACTERS_MAX:
        raise _refused(f"A card has at most {CHARACTERS_MAX:,} characters. Put the rest on another page.")
    if not is_storable(text):
        raise _refused("There is a character in it that cannot be stored. Copy the text anew.")
    block = _BLOCK.search(text)
    if block is None:
        return Readme({}, text)
    return Readme(_loaded(block.group(2)), text[block.end() :])


@lru_cache(maxsize=KEPT_MAX)
def kept(text: str) -> Readme:
    """The parts of a card that was saved; one that is refused by now is text without metadata.

    The same object is given to all: nobody may change its metadata.
    """
    try:
        return parse(text)
    except Refusal:
        return Readme({}, text)


def dump(readme: Readme) -> str:
    """The README.md of `readme`, as the Hub's own library writes it: names in their order, UTF-8."""
    if not readme.metadata:
        return readme.body
    written = yaml.safe_dump(readme.metadata, sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{written}---\n{readme.body}"


def _loaded(text: str) -> dict[str, Any]:
    try:
        told = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader that is stricter still
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # A date such as 2024-13-45 is a ValueError.
        mark = getattr(error, "problem_mark", None)
        # The block begins below a line of ---.
        where = f"Line {mark.line + 2}" if mark else "The metadata"
        problem = getattr(error, "problem", "") or "a value is not allowed in YAML"
        raise _refused(f"{where} is not understood: {problem}. Correct it and try again.") from error
    if told is None:
        return {}
    if not isinstance(told, dict):
        raise _refused(
            "The metadata between the two lines of --- is no list of names and values. Correct it."
        )
    return told


def _refused(sentence: str) -> Refusal:
    return Refusal("card_not_understood", sentence, status=422)
