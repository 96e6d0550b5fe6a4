"""The message that tells every process at once that a key is over."""

import redis
import structlog
from django.conf import settings

CHANNEL = "portal:keys:revoked"
# A revocation must not hang on a Valkey that is away: caches forget by themselves within a second.
SEND_TIMEOUT_SECONDS = 1

log = structlog.get_logger(__name__)


def announce(public_id: str) -> None:
    """Publish that the key `public_id` is revoked; call it after the commit. A lost message is no failure."""
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=SEND_TIMEOUT_SECONDS,
            socket_connect_timeout=SEND_TIMEOUT_SECONDS,
        ) as client:
            client.publish(CHANNEL, public_id)
    except redis.RedisError:
        log.warning("key_revocation_not_announced", public_id=public_id)
