"""The dates on which client secrets and certificates end, watched so that nobody learns of them by mail that stays away.

A secret's date is not in the secret: the operator writes it beside it (``oauth2.expires``). A certificate's is read from itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from mailroom.oauth import logins

if TYPE_CHECKING:
    from mailroom.config import Config

__all__ = ["NOTICE", "Expiry", "expiries", "unwatched"]

NOTICE = timedelta(days=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class Expiry:
    key: str
    what: str  # "client secret", "certificate"
    on: date  # good until the end of this day
    today: date
    mend: str

    @property
    def days(self) -> int:
        return (self.on - self.today).days

    @property
    def over(self) -> bool:
        return self.days < 0

    @property
    def near(self) -> bool:
        """Worth a word: soon, or past."""
        return self.on - self.today <= NOTICE

    def __str__(self) -> str:
        day = f"{self.on:%Y-%m-%d}"
        if not self.near:
            return f"{self.key}: the {self.what} is good until {day}"
        count = abs(self.days)
        days = f"{count} day{'s' if count != 1 else ''}"
        when = f"expired {days} ago" if self.over else "expires today" if count == 0 else f"expires in {days}"
        return f"{self.key}: the {self.what} {when} ({day}); {self.mend}"


def expiries(config: Config, today: date | None = None) -> Iterator[Expiry]:
    """One for each secret and certificate with a date. Raises Misconfigured where a certificate cannot be read."""
    today = today or datetime.now(UTC).date()
    seen = set()
    for login in logins(config):
        oauth2 = login.oauth2
        if oauth2 in seen:
            continue
        seen.add(oauth2)
        if oauth2.certificate is not None:
            from mailroom.oauth.certificate import load_certificate

            ends = load_certificate(oauth2.certificate).ends.date()
            mend = "make a new one, upload it where the application is registered, and name it in certificate"
            yield Expiry(key=login.key, what="certificate", on=ends, today=today, mend=mend)
        elif oauth2.expires is not None:
            mend = "make a new one where the application is registered, put it where client_secret points, and set expires"
            yield Expiry(key=login.key, what="client secret", on=oauth2.expires, today=today, mend=mend)


def unwatched(config: Config) -> Iterator[str]:
    """Secrets of Microsoft's, which always end, without a date to watch."""
    for oauth2, key in {login.oauth2: login.key for login in logins(config)}.items():
        if oauth2.provider == "microsoft" and oauth2.client_secret is not None and oauth2.expires is None:
            yield f"{key}: the client secret will end one day, and nobody watches: write the date beside it (expires: 2027-05-01)"
