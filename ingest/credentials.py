"""How a mailbox is logged in to.

One small protocol, so that a token can take the place of the password without the mailbox knowing.
A secret is asked for when it is needed, at every login, and never kept: a rotated password or a fresh
token works from the next connection on. No secret appears in ``repr`` or in an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from imapclient import exceptions

__all__ = ["Credentials", "Password"]


class Credentials(Protocol):
    """Proves who we are to an IMAP server that is connected and, where configured, encrypted."""

    def login(self, client: Any, user: str) -> None:
        """Log ``user`` in on an ``imapclient.IMAPClient``; what it raises is told in words by ``ingest.faults``."""
        ...


@dataclass(frozen=True)
class Password:
    """A password, read from where it is kept each time it is needed."""

    reveal: Callable[[], str] = field(repr=False)

    def login(self, client: Any, user: str) -> None:
        plain, no_login = client.has_capability("AUTH=PLAIN"), client.has_capability("LOGINDISABLED")
        if no_login and not plain:
            raise exceptions.LoginError("[PRIVACYREQUIRED] LOGINDISABLED: the server takes no password over this connection")
        password = self.reveal()
        # LOGIN is the command that every server knows, but it carries ASCII only (RFC 9051 section 6.2.3).
        if no_login or (plain and not (user.isascii() and password.isascii())):
            client.plain_login(user, password)
        else:
            client.login(user, password)
