"""The Hub's form of an access request: `extra_gated_*` in the metadata of a model card.

The format is the Hub's (huggingface.co/docs/hub/models-gated): `extra_gated_fields` maps a field's label to
its type, or to an object with `type` and, for a select, `options`, each a label or a label and a value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from portal.common.refusals import Refusal

FIELDS = "extra_gated_fields"
TEXTS = (
    "extra_gated_heading",
    "extra_gated_prompt",
    "extra_gated_description",
    "extra_gated_button_content",
)
TYPES = ("text", "checkbox", "date_picker", "country", "ip_location", "select")
CARD_CHARACTERS_MAX = 100_000
FIELDS_MAX = 50
OPTIONS_MAX = 300
LABEL_CHARACTERS_MAX = 200
_DEPTH_MAX = 20
_LINE_ENDS = frozenset("\r\x85\u2028\u2029")


@dataclass(frozen=True)
class Option:
    """One option of a select; `value` is "" where the label is sent itself."""

    label: str
    value: str = ""


@dataclass(frozen=True)
class Field:
    """One field of the form."""

    label: str
    type: str
    options: tuple[Option, ...] = ()


@dataclass(frozen=True)
class Card:
    """What a model card says about its access requests; a text that it lacks is not in `texts`."""

    fields: tuple[Field, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)


class _Loader(yaml.BaseLoader):
    """Takes every scalar for text, so that an option called `No` stays one; refuses what hides or repeats."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse aliases, by which a small file becomes a huge one, and nesting without end."""
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

    def construct_mapping(self, node: Any, *_: Any, **__: Any) -> dict[Any, Any]:
        """Refuse a key that is no text or stands there twice, of which YAML would keep the last."""
        seen: set[str] = set()
        for key, _value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a name must be text", problem_mark=key.start_mark)
            if key.value in seen:
                problem = f"“{key.value[:60]}” stands there twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=True)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as a block."""


def _as_block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # What YAML takes for the end of a line beside a line feed is only safe where it is escaped.
    escaped = not _LINE_ENDS.isdisjoint(text)
    style = '"' if escaped else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _as_block)


def parse(text: str) -> Card:
    """What a model card, or its metadata alone, says. Raises Refusal that names what is not understood."""
    if len(text) > CARD_CHARACTERS_MAX:
        raise _refused(f"At most {CARD_CHARACTERS_MAX:,} characters are read. Leave the card's text out.")
    told = _loaded(_metadata_in(text))
    unknown = [name for name in told if name.startswith("extra_gated_") and name not in {FIELDS, *TEXTS}]
    if unknown:
        raise _refused(
            f"“{unknown[0]}” means nothing to the portal. Remove it, and see to it by other means."
        )
    fields = told.get(FIELDS)
    if not isinstance(fields, dict) or not fields:
        raise _refused(f"There is no “{FIELDS}” with a label and a type for each question. Add it.")
    if len(fields) > FIELDS_MAX:
        raise _refused(f"There are {len(fields)} fields, and {FIELDS_MAX} at most are taken over.")
    read = tuple(_field(label, spec) for label, spec in fields.items())
    labels = [one.label.casefold() for one in read]
    if twice := [one.label for one in read if labels.count(one.label.casefold()) > 1]:
        raise _refused(f"The field “{twice[0]}” stands there twice. Give each a label of its own.")
    return Card(fields=read, texts=_texts(told))


def dump(card: Card) -> str:
    """The card's metadata as it is written at the top of a model card, between two lines of `---`."""
    told: dict[str, Any] = {name: card.texts[name] for name in TEXTS if card.texts.get(name)}
    told[FIELDS] = {one.label: _spec(one) for one in card.fields}
    written = yaml.dump(told, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{written}---\n"


def _metadata_in(text: str) -> str:
    lines = text.lstrip("\ufeff").replace("\r\n", "\n").split("\n")
    while lines and not lines[0].strip():
        lines.pop(0)
    if not lines or lines[0].rstrip() != "---":
        return "\n".join(lines)
    ends = [number for number, line in enumerate(lines[1:], start=1) if line.rstrip() == "---"]
    return "\n".join(lines[1 : ends[0] if ends else None])


def _loaded(text: str) -> dict[str, Any]:
    try:
        told = yaml.load(text, Loader=_Loader)  # noqa: S506 - it makes nothing but text, lists and mappings
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"Line {mark.line + 1} of the metadata" if mark else "The metadata"
        problem = getattr(error, "problem", "") or "a character is not allowed in YAML"
        raise _refused(f"{where} is not understood: {problem}. Correct it and try again.") from error
    if not isinstance(told, dict):
        raise _refused("This is no metadata of a model card. Paste what stands between its two lines of ---.")
    return told


def _field(label: str, spec: Any) -> Field:
    plain = " ".join(label.split())
    if not plain or len(plain) > LABEL_CHARACTERS_MAX:
        raise _refused(f"“{plain[:60]}” has no 1 to {LABEL_CHARACTERS_MAX} characters. Change that label.")
    told = {"type": spec} if isinstance(spec, str) else spec
    if not isinstance(told, dict):
        raise _refused(f"The field “{plain}” has no type. Write one of: {', '.join(TYPES)}.")
    kind = told.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        name = kind[:40] if isinstance(kind, str) else ""
        raise _refused(f"The field “{plain}” has the unknown type “{name}”. Use one of: {', '.join(TYPES)}.")
    known = {"type", "options"} if kind == "select" else {"type"}
    if unknown := sorted(set(told) - known):
        raise _refused(f"“{unknown[0][:40]}” of the field “{plain}” means nothing to the portal. Remove it.")
    return Field(plain, kind, _options(plain, told.get("options")) if kind == "select" else ())


def _options(label: str, told: Any) -> tuple[Option, ...]:
    if not isinstance(told, list) or not 0 < len(told) <= OPTIONS_MAX:
        raise _refused(f"The field “{label}” is owed a list of 1 to {OPTIONS_MAX} options.")
    options = tuple(_option(label, one) for one in told)
    labels = [one.label for one in options]
    if twice := [one for one in labels if labels.count(one) > 1]:
        raise _refused(f"The field “{label}” has the option “{twice[0]}” twice. Remove one.")
    return options


def _option(label: str, told: Any) -> Option:
    given = {"label": told, "value": told} if isinstance(told, str) else told
    if not isinstance(given, dict) or set(given) - {"label", "value"}:
        raise _refused(f"An option of “{label}” is neither text nor a label with a value. Correct it.")
    name, value = given.get("label", given.get("value")), given.get("value", given.get("label"))
    if not isinstance(name, str) or not isinstance(value, str):
        raise _refused(f"An option of “{label}” is neither text nor a label with a value. Correct it.")
    plain = " ".join(name.split())
    if not plain or len(plain) > LABEL_CHARACTERS_MAX:
        raise _refused(f"An option of “{label}” has no 1 to {LABEL_CHARACTERS_MAX} characters. Change it.")
    return Option(plain, "" if value == name else value)


def _texts(told: Mapping[str, Any]) -> dict[str, str]:
    texts = {}
    for name in TEXTS:
        text = told.get(name, "")
        if not isinstance(text, str):
            raise _refused(f"“{name}” is not text. Write it as one.")
        if text.strip():
            texts[name] = text.strip()
    return texts


def _spec(one: Field) -> Any:
    if one.type != "select":
        return one.type
    options = [
        {"label": option.label, "value": option.value} if option.value else option.label
        for option in one.options
    ]
    return {"type": "select", "options": options}


def _refused(sentence: str) -> Refusal:
    return Refusal("card_not_understood", sentence, status=422)
