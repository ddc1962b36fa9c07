"""The doorbell: names and sender of the Redis messages that say "look at the database". They carry no state."""

import logging
from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

#: To web processes: `e:<execution id>:<seq>` after a commit, `g:<graph id>:<revision>` after an edit or when a run of that graph starts or ends.
WAKE_CHANNEL = f"{settings.REDIS_PREFIX}:wake"
#: At the end of `e:…`: the execution is over, or may be.
OVER = ":over"
#: To workers: `work`, `cancel:<execution id>`, `answer:<execution id>:<id of an approval or a child>`, `node:<token of an isolated job that ended>`.
CONTROL_CHANNEL = f"{settings.REDIS_PREFIX}:control"

#: Whoever rings waits so long for Redis.
ANSWER_SECONDS = 2.0


@cache
def connection() -> "redis.Redis":
    """One pooled client per process."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=once_more(),
    )


def once_more() -> Retry:
    """How often a command is tried: again on a new connection when Redis has closed the old one, never after a silence.

    The client's own default would make a caller wait a silent Redis out eleven times.
    """
    return Retry(NoBackoff(), 1, (redis.ConnectionError,))


def ring(channel: str, *messages: str) -> bool:
    """Publish after a commit; whether Redis took it. A Redis that is away costs latency, never correctness."""
    return heard(*((channel, message) for message in messages)) is not None


def heard(*messages: tuple[str, str]) -> list[int] | None:
    """Publish each on its channel; how many listened to each, or None: Redis did not take them."""
    try:
        pipeline = connection().pipeline(transaction=False)
        for channel, message in messages:
            pipeline.publish(channel, message)
        return pipeline.execute()
    except redis.RedisError:
        logger.warning("wake-up not sent", extra={"action": "wake_failed", "channel": messages[0][0]})
        return None
