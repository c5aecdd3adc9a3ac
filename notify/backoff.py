"""When a deferred answer is tried again: a table, bounded, with a jitter that a test can repeat.

Pure. Attempts are counted from 1. Most temporary refusals are greylisting (minutes) or a provider's
limit (an hour); after some two days a late acknowledgement would puzzle more than it helps, so a person is told.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

__all__ = ["DELAYS", "MAX_ATTEMPTS", "next_attempt"]

DELAYS: tuple[timedelta, ...] = (
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=12),
    timedelta(hours=18),
)
MAX_ATTEMPTS = len(DELAYS) + 1
JITTER = 0.2  # up to a fifth longer, never shorter, so that a burst spreads out


def next_attempt(attempts: int, *, now: datetime, key: str) -> datetime | None:
    """When to try again after ``attempts`` failed ones; None when they are used up. ``key`` seeds the jitter."""
    if attempts < 1:
        raise ValueError("attempts are counted from 1")
    if attempts >= MAX_ATTEMPTS:
        return None
    delay = DELAYS[attempts - 1]
    fraction = int.from_bytes(hashlib.sha256(f"{key}\n{attempts}".encode()).digest()[:4]) / 2**32
    return now + delay * (1 + JITTER * fraction)
