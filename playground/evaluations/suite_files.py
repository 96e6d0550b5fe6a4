"""Suites as files: YAML or JSON Lines, read with every fault named by its line and field."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from playground import parameters
from playground.evaluations import suite_yaml
from playground.evaluations.expectations import fault_of
from playground.evaluations.models import CASE_ID_CHARACTERS, CATEGORY_CHARACTERS
from playground.evaluations.suite_yaml import Place
from portal.common import statements
from portal.common.storable import is_storable

FILE_BYTES_MAX = 2 * 1024 * 1024
CASES_MAX = 5_000
MESSAGES_MAX = 50
CONTENT_CHARACTERS_MAX = 20_000
FAULTS_SHOWN = 20
ROLES = frozenset({"system", "user", "assistant"})
FIELDS = ("id", "category", "messages", "expectation", "parameters")
# What a case may set for itself, whatever its run is asked with.
PARAMETERS = {number.name: number for number in parameters.NUMBERS}
MAX_TOKENS = "max_tokens"
TOKENS_MAX = 32_768
HEADINGS = frozenset({"slug", "title", "description", "cases"})


@dataclass(frozen=True)
class Fault:
    """What is wrong, in which line (counted from 1; None: with all of it) and in which field ("": none)."""

    line: int | None
    field: str
    sentence: str

    def __str__(self) -> str:
        where = f"Line {self.line}: " if self.line else ""
        return f"{where}{f'{self.field} ' if self.field else ''}{self.sentence}"


class Unreadable(ValueError):  # noqa: N818 - it is told to a person
    """A file that is no suite, with what is wrong, the first lines first."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults[:FAULTS_SHOWN]


@dataclass(frozen=True)
class Case:
    """One prompt and its expectation, in plain JSON."""

    case_id: str
    category: str
    messages: list[dict[str, str]]
    expectation: dict[str, Any]
    parameters: dict[str, Any] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """The case as a file has it."""
        told: dict[str, Any] = {
            "id": self.case_id,
            "category": self.category,
            "messages": self.messages,
            "expectation": self.expectation,
        }
        return told | ({"parameters": self.parameters} if self.parameters else {})


@dataclass(frozen=True)
class SuiteFile:
    """What a file says; the headings are "" where it has none."""

    cases: list[Case]
    slug: str = ""
    title: str = ""
    description: str = ""


def sha256_of(cases: list[Case]) -> str:
    """The address of some cases: the SHA-256 (hex) of their canonical JSON, in their order."""
    return statements.digest(statements.canonical({"cases": [case.told() for case in cases]}))


def read(text: str) -> SuiteFile:
    r"""The suite in `text`, which is JSON Lines if it begins with a brace, else YAML.

    Raises Unreadable, which names every fault.

    >>> line = {"id": "a", "category": "c", "messages": [{"role": "user", "content": "Hi"}]}
    >>> read(json.dumps(line | {"expectation": {"type": "refusal"}})).cases[0].case_id
    'a'
    """
    text = text.removeprefix("\ufeff")
    if len(text.encode("utf-8", "replace")) > FILE_BYTES_MAX:
        raise Unreadable([Fault(None, "", f"The file is larger than {FILE_BYTES_MAX // 1024**2} MiB.")])
    if not text.strip():
        raise Unreadable([Fault(None, "", "The file is empty.")])
    if not is_storable(text):
        raise Unreadable([Fault(None, "", "This is not text.")])
    if text.lstrip().startswith("{"):
        return SuiteFile(_cases(_json_lines(text)))
    rows, heading = _yaml(text)
    return SuiteFile(_cases(rows), **heading)


def _json_lines(text: str) -> list[tuple[Place, Any]]:
    rows: list[tuple[Place, Any]] = []
    faults: list[Fault] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append((Place(number), json.loads(line, object_pairs_hook=_once)))
        except _Twice as twice:
            faults.append(Fault(number, str(twice), "is given twice."))
        except (ValueError, RecursionError):
            faults.append(Fault(number, "", "is not a JSON object."))
    if faults:
        raise Unreadable(faults)
    return rows


def _yaml(text: str) -> tuple[list[tuple[Place, Any]], dict[str, str]]:
    try:
        document = suite_yaml.load(text)
    except suite_yaml.Refused as refused:
        raise Unreadable([Fault(refused.line, "", refused.sentence)]) from refused
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or "it cannot be read"
        raise Unreadable([Fault(mark.line + 1 if mark else None, "", f"is not YAML: {why}.")]) from error
    except (RecursionError, ValueError) as error:
        raise Unreadable([Fault(None, "", "This is not YAML.")]) from error
    value: Any = document.value
    heading: dict[str, str] = {}
    if isinstance(value, dict):
        heading = _heading(value)
        value = value.get("cases")
    if not isinstance(value, list):
        raise Unreadable([Fault(None, "cases", "is missing: a list of cases.")])
    return list(zip(document.places, value, strict=True)), heading


def _heading(value: Mapping[Any, Any]) -> dict[str, str]:
    if odd := next((name for name in value if name not in HEADINGS), None):
        raise Unreadable([Fault(None, str(odd)[:40], "is not known above the cases.")])
    heading = {name: given for name, given in value.items() if name != "cases"}
    if odd := next((name for name, given in heading.items() if not isinstance(given, str)), None):
        raise Unreadable([Fault(None, odd, "must be a text.")])
    return {name: given.strip() for name, given in heading.items()}


def _cases(rows: list[tuple[Place, Any]]) -> list[Case]:
    if not rows:
        raise Unreadable([Fault(None, "cases", "is empty: a suite has one case at least.")])
    if len(rows) > CASES_MAX:
        raise Unreadable([Fault(None, "", f"There are {len(rows):,} cases; {CASES_MAX:,} are the most.")])
    faults: list[Fault] = []
    first_lines: dict[str, int] = {}
    cases = []
    for place, row in rows:
        if found := _faults_of(row, place):
            faults += found
            continue
        if (before := first_lines.setdefault(row["id"], place.line)) != place.line:
            faults.append(Fault(place.of("id"), "id", f"“{row['id']}” is that of line {before} too."))
        expectation, own = _plain(row["expectation"]), _plain(row.get("parameters", {}))
        cases.append(Case(row["id"], row["category"], row["messages"], expectation, own))
    if faults:
        raise Unreadable(faults)
    return cases


def _faults_of(row: Any, place: Place) -> list[Fault]:
    if not isinstance(row, dict):
        return [Fault(place.line, "", f"is no case. A case has {', '.join(FIELDS)}.")]
    faults = [
        Fault(place.line, str(name)[:40], f"is not known. A case has {', '.join(FIELDS)}.")
        for name in row
        if name not in FIELDS
    ]
    checks = {
        "id": _fault_of_name(row.get("id"), CASE_ID_CHARACTERS),
        "category": _fault_of_name(row.get("category"), CATEGORY_CHARACTERS),
        "messages": _fault_of_messages(row.get("messages")),
        "expectation": _fault_of_expectation(row.get("expectation")),
        "parameters": _fault_of_parameters(row.get("parameters", {})),
    }
    return faults + [Fault(place.of(name), name, why) for name, why in checks.items() if why]


def _fault_of_name(value: Any, characters_max: int) -> str:
    if isinstance(value, str) and 0 < len(value.strip()) == len(value) <= characters_max:
        return ""
    return f"must be a text of 1 to {characters_max} characters without spaces around it."


def _fault_of_messages(value: Any) -> str:
    if not isinstance(value, list) or not 0 < len(value) <= MESSAGES_MAX:
        return f"must be a list of 1 to {MESSAGES_MAX} messages, each with role and content."
    for number, message in enumerate(value, start=1):
        if not isinstance(message, dict) or set(message) != {"role", "content"}:
            return f"has as number {number} something else than role and content."
        if message["role"] not in ROLES:
            return f"has in number {number} a role that is none of {', '.join(sorted(ROLES))}."
        content = message["content"]
        if not isinstance(content, str) or not 0 < len(content.strip()) <= CONTENT_CHARACTERS_MAX:
            return f"has in number {number} no content of 1 to {CONTENT_CHARACTERS_MAX:,} characters."
        if not is_storable(content):
            return f"has in number {number} a character that is no text."
    return "" if value[-1]["role"] == "user" else "must end with one of the role user."


def _fault_of_expectation(value: Any) -> str:
    if not isinstance(value, dict):
        return "is missing: an object with a type."
    try:
        _plain(value)
    except (ValueError, TypeError, RecursionError):
        return "holds something that JSON cannot say."
    return fault_of(value)


def _fault_of_parameters(value: Any) -> str:
    if not isinstance(value, dict):
        return "must be an object of sampling parameters."
    for name, given in value.items():
        known = PARAMETERS.get(name)
        if known is None and name != MAX_TOKENS:
            return f"has “{str(name)[:40]}”; known are {', '.join((*PARAMETERS, MAX_TOKENS))}."
        low, high = (known.minimum, known.maximum) if known else (1, TOKENS_MAX)
        kinds = int if known is None or known.is_whole else int | float
        if isinstance(given, bool) or not isinstance(given, kinds) or not low <= given <= high:
            return f"has “{name}”, which must be a number of {low:g} to {high:g}."
    return ""


def _plain(value: Any) -> Any:
    """The same in the JSON that the database gives back, so that its hash can be computed again there."""
    if isinstance(value, dict):
        if not all(map(is_storable, value)):
            raise TypeError
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        # Not a number and the infinities raise ValueError and OverflowError; a whole number loses its point.
        whole = int(value) if abs(value) != float("inf") else None
        if whole is None:
            raise ValueError
        return whole if whole == value else value
    if value is None or isinstance(value, bool | int) or is_storable(value):
        return value
    raise TypeError


class _Twice(Exception):  # noqa: N818
    """A name that an object has twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise _Twice(name[:40])
        made[name] = value
    return made
