"""Whether a release's model answers: what supervisor and probe wrote into Valkey."""

import hashlib
import json
import time
from dataclasses import asdict, dataclass

import redis
from django.conf import settings

from playground import streams
from playground.serving import backend_of
from portal.releases.models import Release, Revision

KEY = "portal:model"
LOADING = {
    "installing": "being installed",
    "converting": "being converted",
    "registering": "being registered as a release",
    "downloading": "being downloaded from the portal",
    "starting": "starting",
}
# A probe that has not looked for so long is not running; then nothing is known.
STALE_SECONDS = 60
# A busy CPU may answer /health late; only a refused connection means that it is gone at once.
PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class ModelStatus:
    """One model server's state: one of LOADING, ready, away, failed or unknown.

    `detail` is how far a loading one has come, or why one failed. `since` and `checked_at` are Unix seconds.
    """

    state: str
    since: float
    detail: str = ""
    checked_at: float = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether it answers."""
        return self.state == "ready"

    @property
    def is_loading(self) -> bool:
        """Whether it will answer by itself before long."""
        return self.state in LOADING

    @property
    def seconds(self) -> int:
        """How long it has been in this state."""
        return max(0, int(time.time() - self.since))

    @property
    def doing(self) -> str:
        """What a loading model does, in a few words, and how far it is where that is known."""
        doing = LOADING.get(self.state, self.state)
        return f"{doing} ({self.detail})" if self.detail else doing


def status_of(release: Release, revision: Revision | None = None) -> ModelStatus:
    """The state of the model server behind `release`, or one of its revisions. One round trip."""
    known = _read(key_of(backend_of(release, revision).base_url))
    if known is None or (known.is_ready and time.time() - known.checked_at > STALE_SECONDS):
        return ModelStatus("unknown", time.time())
    return known


def key_of(base_url: str) -> str:
    """Where the state of the model server at an address is kept."""
    if base_url == settings.VLLM_BASE_URL:
        return KEY
    return f"{KEY}:{hashlib.sha256(base_url.encode()).hexdigest()[:16]}"


def note(key: str, answer: str) -> bool:
    """Write what was seen. The supervisor's states stay until the server answers. Whether it became ready."""
    before, now = _read(key), time.time()
    was_ready = before is not None and before.is_ready
    if answer == "yes":
        since = before.since if before is not None and was_ready else now
        _write(key, ModelStatus("ready", since, checked_at=now))
        return not was_ready
    if before is None or (was_ready and (answer == "no" or now - before.checked_at > PATIENCE_SECONDS)):
        _write(key, ModelStatus("away", now, "The model server stopped answering.", checked_at=now))
    return False


def _read(key: str) -> ModelStatus | None:
    try:
        written = streams.client().get(key)
    except redis.RedisError:
        return None
    if not written:
        return None
    facts = json.loads(written)
    return ModelStatus(
        state=str(facts["state"]),
        since=float(facts["since"]),
        detail=str(facts.get("detail", "")),
        checked_at=float(facts.get("checked_at", 0)),
    )


def _write(key: str, status: ModelStatus) -> None:
    streams.client().set(key, json.dumps(asdict(status)))
