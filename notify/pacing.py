"""How fast answers may be handed in: what each provider allows, and when the next one may go.

Pure: when answers went is asked of whoever keeps them, so a restart forgets nothing. A limit is a number of
answers in any stretch of time of that length, not in a minute or day of the calendar: so it holds whichever way
the provider counts.

    microsoft  30 messages a minute and 10,000 recipients a day for a mailbox (Exchange Online limits)
    google     2,000 messages a day for a Workspace account (500 for a trial one: set per_day); no figure for a
               minute is published, 60 is ours and well below what gets a sender slowed
    other      none: a server of one's own

What it does badly: only what mailroom sends is counted. What a person sends from the same mailbox counts for the
provider too; where that is much, lower figures are to be set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["PROVIDERS", "Pace", "provider_of"]

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """At most so many answers a minute and a day; None is no limit."""

    per_minute: int | None = None
    per_day: int | None = None

    @property
    def limited(self) -> bool:
        return self.per_minute is not None or self.per_day is not None

    @property
    def burst(self) -> int:
        """How many should be free to go before it is worth while to connect again: half a minute's worth."""
        return max(1, min(self.per_minute or 10, self.per_day or 10) // 2)

    def free_at(self, latest: Callable[[int], datetime | None], *, slots: int = 1) -> datetime | None:
        """When ``slots`` more answers may go; None: the limits leave room now or say nothing.

        ``latest(n)`` tells when the nth latest answer went, None where there were fewer. The time may be past.
        """
        times = []
        for most, window in ((self.per_minute, MINUTE), (self.per_day, DAY)):
            if most is not None and (when := latest(max(1, most + 1 - slots))) is not None:
                times.append(when + window)
        return max(times, default=None)


PROVIDERS: dict[str, Pace] = {
    "microsoft": Pace(per_minute=30, per_day=10_000),
    "google": Pace(per_minute=60, per_day=2_000),
    "other": Pace(),
}

# The servers that a mailbox there submits to, whatever domain it is in. Relays of the same providers (smtp-relay.gmail.com,
# *.mail.protection.outlook.com) belong to no mailbox: they have other limits, and file nothing in anybody's Sent.
_HOSTS = {
    "smtp.office365.com": "microsoft",
    "smtp-legacy.office365.com": "microsoft",
    "smtp-mail.outlook.com": "microsoft",
    "smtp.gmail.com": "google",
    "smtp.googlemail.com": "google",
}


def provider_of(host: str) -> str:
    """The provider that a submission server's name tells, else «other»."""
    return _HOSTS.get(host.casefold().rstrip("."), "other")
