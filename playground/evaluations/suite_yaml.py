"""Reading YAML from people: what it says, where each case and field stands, and nothing that grows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

# The one that libyaml brings is ten times as fast, where it was built.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Refused(ValueError):  # noqa: N818 - it is told to a person
    """YAML that is not taken: `line` counted from 1, and why."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line
        self.sentence = sentence


@dataclass(frozen=True)
class Place:
    """Where a case stands: its first line, and those of its fields where they are known."""

    line: int
    fields: dict[str, int] = field(default_factory=dict)

    def of(self, name: str) -> int:
        """The line of a field, or that of the case."""
        return self.fields.get(name, self.line)


@dataclass(frozen=True)
class Document:
    """What a text says, and the places of the cases in it."""

    value: Any
    places: list[Place]


def load(text: str) -> Document:
    """Read one document. Raises Refused, and yaml.YAMLError for what is not YAML."""
    for event in yaml.parse(text, Loader=LOADER):
        # A few lines of aliases can stand for gigabytes.
        if isinstance(event, yaml.AliasEvent):
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise Refused(line, "has an alias (*). Write out what it stands for.")
    loader = LOADER(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise Refused(1, "says nothing.")
        _refuse_twice(node)
        return Document(loader.construct_document(node), [_place(one) for one in _case_nodes(node)])
    finally:
        loader.dispose()


def _case_nodes(node: Any) -> list[Any]:
    if isinstance(node, yaml.MappingNode):
        node = next((value for key, value in node.value if key.value == "cases"), None)
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _place(node: Any) -> Place:
    fields = {}
    if isinstance(node, yaml.MappingNode):
        fields = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
    return Place(node.start_mark.line + 1, fields)


def _refuse_twice(root: Any) -> None:
    """Refuse a mapping with a key twice, of which YAML's readers silently take the last."""
    for node in _nodes(root):
        if not isinstance(node, yaml.MappingNode):
            continue
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise Refused(key.start_mark.line + 1, f"gives “{key.value[:40]}” twice.")
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))


def _nodes(root: Any) -> Iterator[Any]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, yaml.MappingNode):
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
