"""When a deferred answer is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from notify.backoff import DELAYS, MAX_ATTEMPTS, next_attempt

NOW = datetime(2022, 1, 10, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("attempts", range(1, MAX_ATTEMPTS))
def test_each_wait_is_the_table_s_and_at_most_a_fifth_longer(attempts: int) -> None:
    for key in ("a", "b", "c"):
        at = next_attempt(attempts, now=NOW, key=key)
        assert at is not None
        assert DELAYS[attempts - 1] <= at - NOW <= DELAYS[attempts - 1] * 1.2


def test_attempts_run_out() -> None:
    assert next_attempt(MAX_ATTEMPTS - 1, now=NOW, key="a") is not None
    assert next_attempt(MAX_ATTEMPTS, now=NOW, key="a") is None
    assert next_attempt(MAX_ATTEMPTS + 50, now=NOW, key="a") is None


def test_the_jitter_can_be_repeated_and_spreads_a_burst() -> None:
    assert next_attempt(1, now=NOW, key="a") == next_attempt(1, now=NOW, key="a")
    assert len({next_attempt(1, now=NOW, key=str(n)) for n in range(50)}) > 40


def test_waits_grow_and_the_last_attempt_is_within_three_days() -> None:
    assert list(DELAYS) == sorted(DELAYS)
    assert timedelta(days=1) < sum(DELAYS, timedelta()) * 1.2 < timedelta(days=3)


def test_attempts_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        next_attempt(0, now=NOW, key="a")
