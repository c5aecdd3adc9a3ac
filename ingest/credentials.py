"""How a mailbox is logged in to.

One small protocol, so that a token can take the place of the password without the mailbox knowing.
A secret is asked for when it is needed, at every login, and never kept: a rotated password or a fresh
token works from the next connection on. No secret appears in ``repr`` or in an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from imaplib import IMAP4
from typing import Any, Protocol

from imapclient import exceptions

from ingest.faults import is_passing
from mailroom.errors import Misconfigured
from mailroom.sasl import Challenge, Mechanism, Tokens, choose, error_answer, initial_response, read_challenge

__all__ = ["Bearer", "Credentials", "Password"]


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


@dataclass(frozen=True)
class Bearer:
    """An access token (RFC 7628), from a source that keeps it fresh. ``host`` and ``port`` go into the login."""

    tokens: Tokens = field(repr=False)
    host: str
    port: int

    def login(self, client: Any, user: str) -> None:
        where = f"{self.host}:{self.port}"
        offered = [name.removeprefix("AUTH=") for name in (capability.decode() for capability in client.capabilities()) if name.startswith("AUTH=")]
        mechanism = choose(offered)
        if mechanism is None:
            raise Misconfigured(
                f"{where}: the server offers no login by OAuth2 (neither AUTH=OAUTHBEARER nor AUTH=XOAUTH2) over this connection; see that imap.tls is "
                "implicit or starttls, or use imap.password"
            )
        token = self.tokens.current()
        refused = self._attempt(client, mechanism, user, token)
        if refused is not None and (fresh := self.tokens.instead_of(token)) is not None:
            refused = self._attempt(client, mechanism, user, fresh)
        if refused is not None:
            error, challenge = refused
            raise self.tokens.refusal("imap", where=where, user=user, said=str(error), challenge=challenge) from error

    def _attempt(self, client: Any, mechanism: Mechanism, user: str, token: str) -> tuple[Exception, Challenge | None] | None:
        """None when we are in; what the server said where it refuses the token. Any other failure is raised."""
        said: list[bytes] = []

        def answer(challenge: bytes) -> bytes:
            # The first question is the server's empty «go on»; a second one says why the token is refused.
            said.append(challenge)
            return initial_response(mechanism, user=user, token=token, host=self.host, port=self.port) if len(said) == 1 else error_answer(mechanism)

        try:
            client.sasl_login(mechanism, answer)
        except exceptions.LoginError as error:
            if isinstance(error.__context__, IMAP4.abort):
                raise error.__context__ from None  # the line dropped: imapclient makes a refusal of it
            if is_passing(error):
                raise
            return error, read_challenge(said[1]) if len(said) > 1 else None
        return None
