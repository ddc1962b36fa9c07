"""Ids that sort by time and ids that follow from what they name."""

import secrets
import time
from datetime import datetime
from hashlib import blake2b
from uuid import UUID

VERSION_7 = 0x7 << 76
VARIANT = 0b10 << 62


def uuid7() -> UUID:
    """A UUID of version 7: milliseconds, 12 bits of their fraction (so ids sort as they were made), then chance.

    Source: RFC 9562 §5.7 and §6.2, method 3.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    return UUID(int=(milliseconds << 80) | VERSION_7 | (fraction << 64) | VARIANT | secrets.randbits(62))


def uuid7_floor(moment: datetime) -> UUID:
    """The smallest id that `uuid7` can give at `moment`: rows since then are a range of the primary key."""
    return UUID(int=(int(moment.timestamp() * 1000) << 80) | VERSION_7 | VARIANT)


def node_execution_id(execution: UUID, node: str, path: tuple[int, ...], ordinal: int) -> UUID:
    """The same id for the same run of a node, over retries and crashes.

    The first half is the execution's, so the rows of one execution lie together in the index.
    """
    name = f"{execution.hex}/{node}/{','.join(map(str, path))}/{ordinal}".encode()
    tail = int.from_bytes(blake2b(name, digest_size=8).digest(), "big")
    return UUID(int=(execution.int >> 64 << 64) | VARIANT | (tail & (2**62 - 1)))
