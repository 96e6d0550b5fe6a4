"""What a client is told beside an answer, by way of X-HF-Warning: the `hf` command prints it and goes on.

Clients print one warning a topic and process (`_warn_on_warning_headers` of huggingface_hub),
so each kind has a topic of its own. A new version of the licence is told while there is grace;
afterwards it is a gate that is shut, and told as that refusal.
"""

from datetime import datetime, timedelta
from typing import TypedDict

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from portal.access.deciding import closing_gates
from portal.accounts.models import User
from portal.common.refusals import Refusal
from portal.hub.errors import one_line, sentence_of
from portal.keys.models import ApiKey
from portal.keys.refusals import KEYS_PAGE
from portal.releases.models import Release, Revision, WeightFile

# A job that runs for days should not be stopped by a key that nobody knew was about to expire.
KEY_NOTICE = timedelta(days=7)
# Enough to know which files are meant; the tree has the rest.
PICKLES_NAMED_MAX = 3


class _Facts(TypedDict):
    instead: str | None
    pickles: list[str]


def warnings(
    *,
    release: Release,
    revision: Revision,
    key: ApiKey | None,
    user: User | None = None,
    at: datetime | None = None,
) -> list[str]:
    """What to warn of at `at` (None: now), each a `topic; sentence` in ASCII. A query, and one for `user`.

    A revision that is yanked, one with pickles, a key that expires soon, and a version of the licence that
    `user` has to accept soon.
    """
    facts, moment = _facts_of(revision), at or timezone.now()
    said = [
        _yanked(release, revision, instead=facts["instead"]),
        _pickled(facts["pickles"]),
        _expiring(key, moment),
        *([] if user is None else _closing(user, release, moment)),
    ]
    return [one for one in said if one]


def warning_of(refusal: Refusal) -> str:
    """The warning that says what `refusal` says, in its words and under its topic."""
    return f"access; {sentence_of(refusal)}"


def _closing(user: User, release: Release, moment: datetime) -> list[str]:
    """What is open to the person for some days more."""
    gates = closing_gates(user, release, at=moment)
    return [f"licence; {one_line(f'{gate.sentence} {settings.PORTAL_URL}{gate.url}')}" for gate in gates]


def _facts_of(revision: Revision) -> _Facts:
    """The commit that is current under the same name and not yanked, and the paths of the first pickles."""
    current = Revision.objects.filter(
        release=OuterRef("release"), name=OuterRef("name"), is_current=True, yanked_at=None
    )
    pickles = WeightFile.objects.filter(revision=OuterRef("pk"), is_pickle=True).order_by("path")
    rows = Revision.objects.filter(pk=revision.pk).values(
        instead=Subquery(current.values("commit")[:1]),
        pickles=ArraySubquery(pickles.values("path")[: PICKLES_NAMED_MAX + 1]),
    )
    found: _Facts = rows.get()
    return found


def _yanked(release: Release, revision: Revision, *, instead: str | None) -> str:
    if revision.yanked_at is None:
        return ""
    day = f"{revision.yanked_at:%-d %B %Y}"
    reason = revision.yank_reason.rstrip(".")
    sentence = f"Revision {revision.commit[:12]} of {release.hub_id} was yanked on {day}: {reason}."
    if instead is not None:
        sentence += f" Use revision {instead} ({revision.name}) instead."
    return f"yanked; {one_line(sentence)}"


def _pickled(paths: list[str]) -> str:
    if not paths:
        return ""
    named = ", ".join(paths[:PICKLES_NAMED_MAX])
    more = " and others" if len(paths) > PICKLES_NAMED_MAX else ""
    sentence = f"Pickle files can run code when they are loaded, and this revision has some: {named}{more}."
    return f"pickle; {one_line(sentence)}"


def _expiring(key: ApiKey | None, moment: datetime) -> str:
    if key is None or key.expires_at is None or key.expires_at - moment > KEY_NOTICE:
        return ""
    sentence = (
        f"Your API key {key.prefix} ({key.name}) expires on {key.expires_at:%-d %B %Y at %H:%M} UTC. "
        f"Make a new one before: {settings.PORTAL_URL}{KEYS_PAGE}"
    )
    return f"key; {one_line(sentence)}"
