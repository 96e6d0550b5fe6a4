"""What changed between two versions of a preset: lines of its texts, and each setting, in words and marks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playground.models import PresetVersion
from playground.parameters import CHAT, NUMBERS, RAW
from portal.common.differences import ADDED, CHANGED, REMOVED, SAME, Line, lines_between

# That it is a chat goes without saying.
MODE_WORDS = {RAW: "Raw completion"}
LABELS = {one.name: one.label for one in NUMBERS} | {
    "max_tokens": "Longest answer",
    "mode": "Mode",
    "stop": "Stop at",
    "logprobs": "Log-probabilities",
    "top_logprobs": "Alternatives",
    "json_schema": "JSON schema",
    "tools": "Tools",
    "tool_choice": "Whether the model calls a tool",
}


@dataclass(frozen=True)
class TextChange:
    """A text in both versions, line by line."""

    title: str
    lines: tuple[Line, ...]

    @property
    def is_same(self) -> bool:
        """Whether nothing of it changed."""
        return all(line.kind == SAME for line in self.lines)


@dataclass(frozen=True)
class SettingChange:
    """A setting in both versions, as people read it; "" where it is not set."""

    label: str
    kind: str
    older: str
    newer: str


@dataclass(frozen=True)
class Change:
    """All that lies between two versions."""

    older: PresetVersion
    newer: PresetVersion
    texts: tuple[TextChange, ...]
    settings: tuple[SettingChange, ...]

    @property
    def is_same(self) -> bool:
        """Whether they hold the same."""
        return not self.settings and all(text.is_same for text in self.texts)


def change_between(older: PresetVersion, newer: PresetVersion) -> Change:
    """What changed from `older` to `newer`. No query when their releases are there already."""
    texts = (
        TextChange("Prompt", tuple(lines_between(older.prompt, newer.prompt))),
        TextChange(
            "System prompt",
            tuple(
                lines_between(
                    older.settings.get("system_prompt") or "", newer.settings.get("system_prompt") or ""
                )
            ),
        ),
    )
    return Change(older, newer, texts, tuple(_settings_between(older, newer)))


def readable(value: Any) -> str:
    """A setting's value as people read it; "" for one that is not set.

    >>> readable(0), readable(["a", "b"]), readable(None), readable(True)
    ('0', '["a", "b"]', '', 'on')
    """
    if value is None or value in ("", []):
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, indent=2 if isinstance(value, dict) else None)
    return str(value)


def settings_in_words(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each setting but the system prompt, with its label, in the order of the panel."""
    shown = {**settings, "mode": MODE_WORDS.get(settings.get("mode", CHAT), "")}
    if not settings.get("tools"):
        shown.pop("tool_choice", None)
    told = [(label, readable(shown.get(name))) for name, label in LABELS.items()]
    return [(label, value) for label, value in told if value]


def _settings_between(older: PresetVersion, newer: PresetVersion) -> list[SettingChange]:
    before = {
        "Release": older.release.name if older.release else "",
        **dict(settings_in_words(older.settings)),
    }
    after = {
        "Release": newer.release.name if newer.release else "",
        **dict(settings_in_words(newer.settings)),
    }
    changes = []
    for label in ("Release", *LABELS.values()):
        one, other = before.get(label, ""), after.get(label, "")
        if one != other:
            kind = CHANGED if one and other else ADDED if other else REMOVED
            changes.append(SettingChange(label, kind, one, other))
    return changes
