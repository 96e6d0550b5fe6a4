"""Whether a model server is asked at all: after failures in a row it is left alone until it is well again.

The pattern is the circuit breaker of Nygard's “Release It!” (2007). Requests that fail before
their answer began, and health checks, count alike; any answer that begins puts it right.
"""

# Failures in a row after which a model server is taken out.
FAILURES_MAX = 3
# Between two health checks: of one that is well and asked, and of one that is out.
CHECK_EVERY_SECONDS = 5.0
CHECK_AGAIN_SECONDS = 1.0
CHECK_TIMEOUT_SECONDS = 5.0
# One that nobody asks is not checked either.
ASKED_WITHIN_SECONDS = 60.0


class Circuit:
    """The state of one model server. Moments are the event loop's, in seconds."""

    def __init__(self) -> None:
        self._failures = 0
        self._asked_at = float("-inf")
        self._checked_at = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether the model server is out."""
        return self._failures >= FAILURES_MAX

    def asked(self, now: float) -> None:
        """Somebody wants something of it."""
        self._asked_at = now

    def failed(self) -> None:
        """It did not answer, or broke off before its answer began."""
        self._failures += 1

    def answered(self) -> None:
        """An answer has begun."""
        self._failures = 0

    def is_check_due(self, now: float) -> bool:
        """Whether its health should be asked for now; says so once for each time."""
        pause = CHECK_AGAIN_SECONDS if self.is_open else CHECK_EVERY_SECONDS
        if now - self._checked_at < pause or now - self._asked_at > ASKED_WITHIN_SECONDS:
            return False
        self._checked_at = now
        return True
