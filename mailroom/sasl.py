"""Logging in with an OAuth 2.0 bearer token: the octets of XOAUTH2 and OAUTHBEARER (RFC 7628), for IMAP and SMTP alike.

Both stages that log in use this leaf, which imports nothing of ours; where a token comes from is behind the
protocol ``Tokens``, which they are handed. A server refuses in two steps: a challenge that says why (JSON), which the
client must answer (RFC 7628 section 3.2.3), and only then the failure itself.

What it does badly: no channel binding («p=»), as no mail server that we know asks for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from mailroom.errors import MailroomError

__all__ = ["MECHANISMS", "Challenge", "Mechanism", "Tokens", "choose", "error_answer", "initial_response", "read_challenge"]

Mechanism = Literal["OAUTHBEARER", "XOAUTH2"]
MECHANISMS: tuple[Mechanism, ...] = ("OAUTHBEARER", "XOAUTH2")  # the standard one first; Exchange knows only the other
LONGEST = 300  # characters of a server's own words that are kept


@dataclass(frozen=True, kw_only=True, slots=True)
class Challenge:
    """Why a token was refused, as far as the server says."""

    status: str = ""  # "invalid_token", "insufficient_scope"; XOAUTH2 servers give an HTTP status such as "401"
    schemes: str = ""
    scope: str = ""  # what a token would have to be good for

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in (("status", self.status), ("schemes", self.schemes), ("scope", self.scope)) if value)


class Tokens(Protocol):
    """Where access tokens come from. Safe to use from several threads; raises only our own errors."""

    def current(self) -> str:
        """A token that is good for a while yet, from the cache where there is one."""
        ...

    def instead_of(self, refused: str) -> str | None:
        """Another token after a server has refused this one; None where a new one would fare no better."""
        ...

    def refusal(self, protocol: Literal["imap", "smtp"], *, where: str, user: str, said: str, challenge: Challenge | None) -> MailroomError:
        """The error to raise: a server refuses a token that the token endpoint gave, and what is to be mended."""
        ...


def choose(offered: Iterable[str]) -> Mechanism | None:
    """The mechanism to use of those that the server offers."""
    names = {name.upper() for name in offered}
    return next((mechanism for mechanism in MECHANISMS if mechanism in names), None)


def initial_response(mechanism: Mechanism, *, user: str, token: str, host: str, port: int) -> bytes:
    """Who we are and the token; not yet in base64."""
    if any(ord(c) < 32 for c in user + token):
        raise ValueError("a control character in user or token would begin another field")
    if mechanism == "XOAUTH2":
        return f"user={user}\x01auth=Bearer {token}\x01\x01".encode()
    name = user.replace("=", "=3D").replace(",", "=2C")  # saslname of RFC 5801 section 4
    return f"n,a={name},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01".encode()


def error_answer(mechanism: Mechanism) -> bytes:
    """What the server waits for after its challenge: one ^A by RFC 7628, nothing for XOAUTH2."""
    return b"\x01" if mechanism == "OAUTHBEARER" else b""


def read_challenge(content: bytes) -> Challenge:
    """The JSON of a challenge, base64 taken off; an empty one where it is none."""
    try:
        said = json.loads(content)
    except ValueError:
        return Challenge()
    if not isinstance(said, dict):
        return Challenge()

    def word(key: str) -> str:
        value = said.get(key)
        text = value if isinstance(value, str) else str(value) if isinstance(value, int) else ""
        return "".join(c for c in text if c.isprintable())[:LONGEST]

    return Challenge(status=word("status"), schemes=word("schemes"), scope=word("scope"))
