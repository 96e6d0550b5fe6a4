"""The one guard of every state machine: a move is in the table and wins its race, or it does not happen."""

from collections.abc import Mapping
from typing import Any

from django.db import models

from portal.common.refusals import Refusal

Moves = Mapping[str, frozenset[str]]


class IllegalMove(Refusal):
    """The state machine has no such arrow."""


class LostRace(Refusal):
    """Somebody else changed the state first; nothing was changed here."""


def move(instance: models.Model, to: str, *, moves: Moves, field: str = "status", **changes: Any) -> str:
    """Move `instance` to the state `to` and write `changes` in the same UPDATE; return the state left.

    Call it inside a transaction. Causes one UPDATE, conditional on the state that
    `instance` was read with.

    Raises IllegalMove when the table has no such arrow and LostRace when another
    transaction moved the row first.
    """
    left = getattr(instance, field)
    noun = str(instance._meta.verbose_name)
    if to not in moves.get(left, frozenset()):
        raise IllegalMove(
            code=f"{instance._meta.model_name}_{left}",
            sentence=f"This {noun} is {_label(instance, field, left)}"
            f" and cannot become {_label(instance, field, to)}.",
        )
    rows = type(instance)._base_manager.filter(pk=instance.pk, **{field: left})
    if rows.update(**{field: to}, **changes) == 0:
        raise LostRace(
            code=f"{instance._meta.model_name}_changed",
            sentence=f"Somebody else changed this {noun} a moment ago. Reload the page to see what they did.",
        )
    for name, value in ({field: to} | changes).items():
        setattr(instance, name, value)
    return str(left)


def _label(instance: models.Model, field: str, state: str) -> str:
    choices = dict(instance._meta.get_field(field).flatchoices)  # type: ignore[union-attr]
    return str(choices.get(state, state)).lower()
