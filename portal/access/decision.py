"""The answer that every door renders: the ordered gates, each passed or not, and so allowed or not."""

from dataclasses import dataclass
from datetime import datetime

from django.db import models

from portal.common.refusals import Refusal
from portal.releases.models import Release


class Action(models.TextChoices):
    """What a person wants to do with a release."""

    PLAYGROUND = "playground", "Try it in the playground"
    INFERENCE = "inference", "Call it through the API"
    DOWNLOAD = "download", "Download its weights"


@dataclass(frozen=True)
class Gate:
    """One condition: a stable `code`, a short `label`, and a sentence for a person.

    `url` is the path of the step that opens the gate, "" when there is nothing to do but wait.
    `shuts_at` is when a gate that is passed will shut unless that step is taken; None when it will not.
    """

    code: str
    label: str
    passed: bool
    sentence: str
    url: str = ""
    shuts_at: datetime | None = None

    def refusal(self, *, reference: str = "") -> Refusal:
        """The 403 that says that this gate is shut."""
        return Refusal(
            code=self.code, sentence=self.sentence, status=403, remedy=self.url, reference=reference
        )


@dataclass(frozen=True)
class Decision:
    """Whether a person may do `action` with `release`, and why.

    `reference` is that of the person's application, "" without one.
    """

    release: Release
    action: Action
    gates: tuple[Gate, ...]
    reference: str = ""

    @property
    def allowed(self) -> bool:
        """Whether every gate is passed."""
        return all(gate.passed for gate in self.gates)

    @property
    def next_gate(self) -> Gate | None:
        """The first gate that is shut, or None."""
        return next((gate for gate in self.gates if not gate.passed), None)

    @property
    def closing_gates(self) -> tuple[Gate, ...]:
        """The gates that are passed and will shut on a day, unless something is done."""
        return tuple(gate for gate in self.gates if gate.passed and gate.shuts_at is not None)

    def refusal(self) -> Refusal:
        """The 403 that names the first shut gate. Raises ValueError when allowed."""
        gate = self.next_gate
        if gate is None:
            raise ValueError("An allowed decision has no refusal.")
        return gate.refusal(reference=self.reference)

    def require(self) -> None:
        """Raise the refusal unless allowed."""
        if not self.allowed:
            raise self.refusal()
