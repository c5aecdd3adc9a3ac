"""One source of access tokens for everything that logs in with the same credentials: IMAP, its listener, SMTP.

A token is kept until shortly before it expires and asked for once, whoever needs it; all others wait for that one answer.
In a delegated set-up the token file is the truth: another process's refresh, and a new sign-in while `mailroom run` goes
on, are seen at the next login.

A server may refuse a token that is not expired (revoked, permissions changed). Then another one is asked for, but not
where the refused one is younger than ``YOUNG``: a new token would be refused as well, and asking every time would look like
an attack to the provider.

What it does badly: a failure is not remembered, so each login asks the endpoint anew; rounds are at least a second apart,
and a listener backs off. Tokens of an application are kept in memory only, so each `mailroom poll` asks for one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from mailroom.errors import MailroomError, Misconfigured
from mailroom.oauth.faults import Profile, login_refused
from mailroom.oauth.tokenfile import Stored, TokenFile
from mailroom.sasl import Challenge

__all__ = ["MARGIN", "YOUNG", "Issued", "Issuer", "TokenSource"]

MARGIN = timedelta(minutes=5)  # a login that begins now must not end with an expired token
YOUNG = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    """An answer of a token endpoint."""

    access_token: str = field(repr=False)
    lifetime: timedelta
    refresh_token: str | None = field(default=None, repr=False)  # a new one, where the old one is spent
    scope: str | None = None  # what was granted, where the endpoint says so


class Issuer(Protocol):
    """Asks a token endpoint. Raises Temporary or Misconfigured, in the words of ``mailroom.oauth.faults``."""

    def issue(self, refresh_token: str | None) -> Issued: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class _Held:
    access_token: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime

    def good(self, now: datetime) -> bool:
        """Of a short life a fifth is margin enough."""
        return bool(self.access_token) and now < self.expires_at - min(MARGIN, (self.expires_at - self.issued_at) / 5)


class TokenSource:
    """Implements ``mailroom.sasl.Tokens``."""

    def __init__(self, issuer: Issuer, profile: Profile, *, file: TokenFile | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._issuer, self._profile, self._file, self._now = issuer, profile, file, now
        self._lock = threading.Lock()
        self._held: _Held | None = None

    def current(self) -> str:
        with self._lock:
            held = self._known()
            if held is None or not held.good(self._now()):
                held = self._renew(lambda known: known.good(self._now()))
            return held.access_token

    def instead_of(self, refused: str) -> str | None:
        with self._lock:
            held = self._known()
            if held is not None and held.access_token == refused and self._now() - held.issued_at < YOUNG:
                return None
            # Another thread or process may have got a new one meanwhile; then it is not asked for again.
            if held is None or held.access_token == refused or not held.good(self._now()):
                held = self._renew(lambda known: known.access_token != refused and known.good(self._now()))
            return held.access_token

    def refusal(self, protocol: Literal["imap", "smtp"], *, where: str, user: str, said: str, challenge: Challenge | None) -> MailroomError:
        held = self._held
        return login_refused(
            self._profile, protocol, where=where, user=user, said=said, challenge=challenge, access_token=held.access_token if held is not None else ""
        )

    # --- with the lock held

    def _known(self) -> _Held | None:
        if self._file is not None:
            self._held = self._of_file(self._signed_in(self._file))
        return self._held

    def _signed_in(self, file: TokenFile) -> Stored:
        profile = self._profile
        stored = file.load()
        if stored is None:
            raise Misconfigured(f"{profile.key}: nobody has signed in yet (there is no {file.path}); run «mailroom sign-in»")
        if stored.issued_for != profile.issued_for:
            raise Misconfigured(f"{profile.key}: {file.path} was given to another application or tenant than this one; sign in again with «mailroom sign-in»")
        return stored

    @staticmethod
    def _of_file(stored: Stored) -> _Held:
        return _Held(access_token=stored.access_token, issued_at=stored.issued_at, expires_at=stored.expires_at)

    def _renew(self, will_do: Callable[[_Held], bool]) -> _Held:
        """Ask the endpoint; with a token file, unless another process has just done so."""
        if self._file is None:
            asked_at = self._now()
            issued = self._issuer.issue(None)
            self._held = held = _Held(access_token=issued.access_token, issued_at=asked_at, expires_at=asked_at + issued.lifetime)
            return held
        with self._file.locked():
            stored = self._signed_in(self._file)
            held = self._of_file(stored)
            if not will_do(held):
                asked_at = self._now()
                issued = self._issuer.issue(stored.refresh_token)
                held = _Held(access_token=issued.access_token, issued_at=asked_at, expires_at=asked_at + issued.lifetime)
                # Saved before it is used: the old refresh token may be spent by now.
                self._file.save(
                    Stored(
                        issued_for=stored.issued_for,
                        refresh_token=issued.refresh_token or stored.refresh_token,
                        access_token=held.access_token,
                        issued_at=held.issued_at,
                        expires_at=held.expires_at,
                    )
                )
            self._held = held
            return held
