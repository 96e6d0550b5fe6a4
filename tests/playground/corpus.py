"""Hostile model outputs: tests/playground/hostile/ holds them, a file for each class."""

import json
from pathlib import Path

HOSTILE = Path(__file__).parent / "hostile"


def corpus() -> dict[str, str]:
    """Each output under its class and number: a text, or a unit that is repeated between two others."""
    return {
        f"{path.stem}-{number}": _text(output)
        for path in sorted(HOSTILE.glob("*.json"))
        for number, output in enumerate(json.loads(path.read_text()))
    }


def _text(output: str | dict) -> str:
    if isinstance(output, str):
        return output
    return output["before"] + output["unit"] * output["times"] + output["after"]
