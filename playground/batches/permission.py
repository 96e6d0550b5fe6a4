"""Whether a batch may go on: its key, and the gates of its model, asked again while it runs."""

from playground.batches.models import Batch
from portal.access.deciding import decide
from portal.access.decision import Action
from portal.common.refusals import Refusal
from portal.keys.authentication import require_usable
from portal.keys.models import ApiKey, Scope
from portal.keys.restrictions import require_release


def refusal(batch: Batch) -> Refusal | None:
    """Why the batch may not go on; None when it may. Some eight queries.

    A key that was rotated is followed to the one that replaced it.
    """
    try:
        key = _newest(batch.key)
        require_usable(key, scope=Scope.INFERENCE)
        if batch.release is not None:
            require_release(key, batch.release)
            decide(batch.user, batch.release, Action.INFERENCE).require()
    except Refusal as refused:
        return refused
    return None


def _newest(key: ApiKey) -> ApiKey:
    """The key that stands for `key` today."""
    seen = {key.pk}
    while not key.is_live and key.revoked_at is None and key.replaced_by and key.replaced_by.pk not in seen:
        key = key.replaced_by
        seen.add(key.pk)
    return key
