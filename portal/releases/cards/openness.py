"""The class of the Model Openness Framework that a release has earned: computed, never declared.

What the portal serves it looks at itself: the files of the revision, the licence that people
accept, the card and the evaluations. A component that lies elsewhere counts when the card's
metadata gives its address and its licence under `openness`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from portal.releases.cards.components import (
    CLASS_NAMES,
    COMPONENTS,
    OPEN_MODEL,
    OPEN_SCIENCE,
    Component,
    is_open,
    spdx_id,
)
from portal.releases.cards.facts import Facts
from portal.releases.cards.metadata import MODEL_INDEX, OPENNESS

# Without these a card does not say what the framework wants of one.
CARD_SECTIONS = ("overview", "intended_use", "limitations")
_TRAINING_STATE = ("training_args.bin", "trainer_state.json", "optimizer.pt", "optimizer.bin")


class Standing(StrEnum):
    """Where a component stands."""

    SERVED = "served"
    LINKED = "linked"
    CLOSED = "closed"
    MISSING = "missing"


@dataclass(frozen=True)
class Found:
    """A component of a release: where it is, under which licence, and what to do if it does not count."""

    component: Component
    standing: Standing
    licence: str = ""
    url: str = ""
    remedy: str = ""

    @property
    def class_numeral(self) -> str:
        """The class that the component first belongs to, such as Class III."""
        return CLASS_NAMES[self.component.openness_class].partition(",")[0]

    @property
    def counts(self) -> bool:
        """Whether it is there and open."""
        return self.standing in (Standing.SERVED, Standing.LINKED)


@dataclass(frozen=True)
class Openness:
    """The class that was earned, None for none, with every component and what the next class lacks."""

    openness_class: int | None
    found: tuple[Found, ...]

    @property
    def class_name(self) -> str:
        """The class as the framework names it."""
        return CLASS_NAMES.get(self.openness_class or 0, "No class yet")

    @property
    def next_class(self) -> int | None:
        """The next class, None above the highest."""
        if self.openness_class is None:
            return OPEN_MODEL
        return self.openness_class - 1 if self.openness_class > OPEN_SCIENCE else None

    @property
    def next_name(self) -> str:
        """The next class's name, "" above the highest."""
        return CLASS_NAMES.get(self.next_class or 0, "")

    @property
    def lacking(self) -> tuple[Found, ...]:
        """The required components that stand between the release and the next class."""
        return _lacking(self.found, self.next_class) if self.next_class else ()


def classify(facts: Facts) -> Openness:
    """The class of a release by its facts. No queries."""
    found = tuple(_found(component, facts) for component in COMPONENTS)
    earned = [number for number in CLASS_NAMES if not _lacking(found, number)]
    return Openness(min(earned, default=None), found)


def _lacking(found: tuple[Found, ...], openness_class: int) -> tuple[Found, ...]:
    """A class takes in those below it, whose numbers are higher."""
    return tuple(
        one
        for one in found
        if one.component.is_required and one.component.openness_class >= openness_class and not one.counts
    )


def _found(component: Component, facts: Facts) -> Found:
    said = _said(facts).get(component.code, {})
    own = facts.licence_id
    if component.code == "model_parameters":
        # People accept one licence for the weights, and nobody may declare another.
        return _judged(component, Standing.SERVED if facts.has_weights else Standing.MISSING, own)
    if _is_served(component.code, facts):
        return _judged(component, Standing.SERVED, said.get("license", own), said.get("url", ""))
    if "url" in said:
        return _judged(component, Standing.LINKED, said.get("license", ""), said["url"])
    return _judged(component, Standing.MISSING)


def _said(facts: Facts) -> Mapping[str, Mapping[str, Any]]:
    said = facts.card.metadata.get(OPENNESS)
    return said if isinstance(said, dict) else {}


def _judged(component: Component, standing: Standing, licence: str = "", url: str = "") -> Found:
    """The component with what is to do about it."""
    if standing == Standing.MISSING:
        return Found(component, standing, remedy=_remedy(component))
    if not is_open(licence, content=component.content):
        remedy = (
            f"Under {licence}, which is not an open licence for {component.content}."
            if licence
            else f"Under no known open licence: give one to it under {OPENNESS} of the card's metadata."
        )
        if component.code == "model_parameters":
            remedy = (
                "The licence that people accept here is not one of the open ones that the framework knows."
            )
        return Found(component, Standing.CLOSED, licence, url, remedy)
    return Found(component, standing, spdx_id(licence), url)


def _is_served(code: str, facts: Facts) -> bool:
    """Whether the portal itself gives the component to people."""
    paths = facts.paths
    served = {
        "model_architecture": any(path.rpartition("/")[2].startswith("modeling_") for path in paths),
        "model_card": all(facts.text_of(section) for section in CARD_SECTIONS),
        "data_card": bool(facts.text_of("training_data")),
        # Words about an evaluation are no results.
        "evaluation_results": bool(facts.rows or facts.card.metadata.get(MODEL_INDEX)),
        "model_metadata": any(path.rpartition("/")[2] in _TRAINING_STATE for path in paths),
    }
    return served.get(code, False)


def _remedy(component: Component) -> str:
    """What puts a missing component there."""
    written = {
        "model_parameters": "Import weights as safetensors or GGUF.",
        "model_card": "Write the card's overview, intended use and limitations.",
        "data_card": "Write the card's section on training data.",
        "evaluation_results": "Run an evaluation here, or give model-index in the card's metadata.",
    }
    return written.get(
        component.code,
        f"Give its address and licence as {component.code} under {OPENNESS} of the card's metadata.",
    )
