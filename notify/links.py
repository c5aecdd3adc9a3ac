"""Links to one message or registration, for reading only, good for a time and without a password.

A link stands in the coordinator's digest. Its token names what it shows and when it ends, and is signed with a
key derived from the installation's secret: it cannot be guessed, changed or lengthened, and it opens nothing else.
Whoever has the mail has the link, as they have the mail; that is why it ends, and why nothing can be done by it.

What it does badly: a link cannot be taken back before it ends, except all of them at once with the secret.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime

__all__ = ["LinkError", "look_link", "look_token", "verified"]

_WHAT = re.compile(r"(?:R-[A-Z2-7]{16}|message-[1-9][0-9]{0,17})")
_TOKEN = re.compile(r"([A-Za-z0-9-]{1,40})\.([0-9]{1,12})\.([a-z2-7]{32})")


class LinkError(ValueError):
    """Why a link opens nothing, in words for whoever followed it."""


def look_token(secret: bytes, what: str, *, until: datetime) -> str:
    """The token for ``what``: a registration's id, or ``message-NUMBER``."""
    if not _WHAT.fullmatch(what):
        raise ValueError(f"no link can be made to {what!r}")
    body = f"{what}.{int(until.timestamp())}"
    return f"{body}.{_mac(secret, body)}"


def look_link(base: str, secret: bytes, what: str, *, until: datetime) -> str:
    return f"{base.rstrip('/')}/look/{look_token(secret, what, until=until)}"


def verified(secret: bytes, token: str, *, now: datetime) -> str:
    """What a token shows; LinkError where it is not ours, was changed, or has ended (``now`` is its end or later)."""
    match = _TOKEN.fullmatch(token)
    if match is None or not hmac.compare_digest(match[3], _mac(secret, f"{match[1]}.{match[2]}")) or not _WHAT.fullmatch(match[1]):
        raise LinkError("This link is not one of ours, or a part of it is missing.")
    if now.astimezone(UTC).timestamp() >= int(match[2]):
        raise LinkError("This link has ended; a newer digest has a fresh one.")
    return match[1]


def _mac(secret: bytes, body: str) -> str:
    if not secret:
        raise ValueError("the secret is empty")
    key = hmac.new(secret, b"links for reading", hashlib.sha256).digest()  # a token for something else is no link, and the other way round
    return base64.b32encode(hmac.new(key, body.encode(), hashlib.sha256).digest()[:20]).decode("ascii").lower()
