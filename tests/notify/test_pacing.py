"""The pace: limits of providers, and when the next answers may go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from notify.pacing import PROVIDERS, Pace, provider_of

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def seconds(*after: float) -> Callable[[int], datetime | None]:
    """Answers that went so many seconds after noon."""
    latest = sorted((NOON + timedelta(seconds=s) for s in after), reverse=True)
    return lambda nth: latest[nth - 1] if nth <= len(latest) else None


def at(after: float) -> datetime:
    return NOON + timedelta(seconds=after)


@pytest.mark.parametrize(
    ("pace", "went", "slots", "free"),
    [
        (Pace(), (0, 1, 2), 1, None),
        (Pace(per_minute=3), (), 1, None),
        (Pace(per_minute=3), (0, 1), 1, None),
        (Pace(per_minute=3), (0, 1, 2), 1, at(60)),
        (Pace(per_minute=3), (0, 1, 2), 2, at(61)),
        (Pace(per_minute=3), (0, 1, 2), 3, at(62)),
        (Pace(per_minute=3), (0, 1, 2), 9, at(62)),  # more than the limit: as many as there can be
        (Pace(per_minute=3), (0, 50, 51, 52), 1, at(110)),
        (Pace(per_minute=1), (5,), 1, at(65)),
        (Pace(per_day=2), (0, 1), 1, at(86_400)),
        (Pace(per_minute=2, per_day=3), (0, 100, 101), 1, at(86_400)),  # the limit that frees last
        (Pace(per_minute=2, per_day=30), (0, 100, 101), 1, at(160)),
    ],
)
def test_when_answers_may_go_again(pace: Pace, went: tuple[float, ...], slots: int, free: datetime | None) -> None:
    assert pace.free_at(seconds(*went), slots=slots) == free


def test_no_minute_of_any_beginning_holds_more_than_the_limit() -> None:
    """Sending whenever it is allowed, bursts and all, for an hour."""
    pace, went, clock = Pace(per_minute=30), [], 0.0
    while clock < 3600:
        free = pace.free_at(seconds(*went[-40:]))
        if free is None or free <= at(clock):
            went.append(clock)
            clock += 0.1
        else:
            later = pace.free_at(seconds(*went[-40:]), slots=pace.burst)
            assert later is not None and later > at(clock)
            clock = (later - NOON).total_seconds()
    assert max(sum(start <= w < start + 60 for w in went) for start in went) == 30
    assert len(went) >= 3600 / 60 * 30 * 0.9  # and little of the allowance is lost between bursts


def test_what_providers_allow() -> None:
    assert (PROVIDERS["microsoft"].per_minute, PROVIDERS["microsoft"].per_day) == (30, 10_000)
    assert PROVIDERS["google"].per_day == 2_000
    assert not PROVIDERS["other"].limited


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("smtp.office365.com", "microsoft"),
        ("SMTP-legacy.Office365.com.", "microsoft"),
        ("smtp-mail.outlook.com", "microsoft"),
        ("smtp.gmail.com", "google"),
        ("smtp.union.example", "other"),
        ("office365.com.union.example", "other"),
        ("notsmtp.gmail.com", "other"),
        ("smtp-relay.gmail.com", "other"),
        ("union-example.mail.protection.outlook.com", "other"),
        ("localhost", "other"),
        ("127.0.0.1", "other"),
    ],
)
def test_a_server_s_name_tells_the_provider(host: str, provider: str) -> None:
    assert provider_of(host) == provider
