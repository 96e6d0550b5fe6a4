"""Work on many, each once: in short spells, between which a worker says that it is alive.

Killed anywhere, it is begun again where it was; two workers at once share it.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.admissions.models import BulkDecision, BulkItem, RuleItem, RuleRun, Wave, WaveCandidate
from portal.common.refusals import Refusal

SPELL_SECONDS = 1
SENTENCE_CHARACTERS_MAX = 500

Work = TypeVar("Work", BulkDecision, RuleRun, Wave)
Item = TypeVar("Item", BulkItem, RuleItem, WaveCandidate)


def in_spells(work: QuerySet[Work], spell: Callable[[Work], bool]) -> None:
    """Call `spell` with the one row of `work` as it stands, again and again until it says False."""
    while True:
        work.update(heartbeat_at=timezone.now())
        if not spell(work.get()):
            return


def for_a_second(do_next: Callable[[], bool]) -> bool:
    """Call `do_next` for about a second; False once it says that nothing is left."""
    until = time.monotonic() + SPELL_SECONDS
    while time.monotonic() < until:
        if not do_next():
            return False
    return True


@transaction.atomic
def settle_next(waiting: QuerySet[Item], settle: Callable[[Item], str], *, refused: str) -> bool:
    """Settle the first that waits and write down what came of it, both or neither; False when none is left.

    `settle` says the outcome. Where it raises Refusal, nothing of it stays but the sentence, and `refused` is
    the outcome. Whatever another worker holds is passed over.
    """
    item = waiting.select_for_update(of=("self",), skip_locked=True, no_key=True).first()
    if item is None:
        return False
    try:
        with transaction.atomic():
            item.outcome = settle(item)
    except Refusal as refusal:
        item.outcome, item.sentence = refused, refusal.sentence[:SENTENCE_CHARACTERS_MAX]
    item.save(update_fields=["outcome", "sentence"])
    return True
