"""A mailbox as mailroom needs it: what is there now, its bytes, and a way to wait for more.

What every implementation promises, and ``tests/ingest/test_mailbox_contract.py`` holds it to:

* ``uids`` is everything that is there now. Flags, dates and age play no part: mail that a person has
  read, flagged or put back is still listed. What is new is for the ledger to say, not for the server.
* Nothing on the server changes before ``settle``. No flag is ever set by reading.
* ``(name, uidvalidity, uid)`` names one message for ever (RFC 9051 section 2.3.1.1).
* Memory is bounded by the settings, whatever the length of the backlog.
* Every operation ends: with a result, or with ``Temporary`` or ``Misconfigured`` in words that say
  what went wrong, where, and how to mend it.

What it does badly: a session is one connection for one thread. Only ``stop`` and ``close`` may be
called from another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from mailroom.model import Arrival

__all__ = ["DEFAULT_MAX_SIZE", "Mailbox", "Session"]

DEFAULT_MAX_SIZE = 50_000_000
"""Octets; a larger message is left where it is and reported as an Arrival without content."""


@runtime_checkable
class Session(Protocol):
    """A mailbox while it is open."""

    @property
    def uidvalidity(self) -> int:
        """With ``uid`` the transport identity of a message; constant while the session is open."""
        ...

    @property
    def moves(self) -> bool:
        """Whether ``settle`` takes messages out of this mailbox."""
        ...

    def uids(self) -> list[int]:
        """All messages on the server at this moment, ascending."""
        ...

    def fetch(self, uids: Sequence[int]) -> Iterator[Arrival]:
        """The messages with these uids, in this order; one that has vanished meanwhile is left out.

        A message above the size limit comes with ``content`` None; its ``sha256`` is then the digest of
        its header section, so that it can still be recognised under another uid. A message of no octets at
        all has ``sha256`` "": it is like no other. Where single messages cannot be read, the others are
        handed over first and ``Temporary`` is raised at the end.
        """
        ...

    def settle(self, uids: Sequence[int]) -> None:
        """Do what the configuration's ``after`` says with messages that are safely stored: leave or move."""
        ...

    def wait(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds; True as soon as something may have arrived.

        Counted from the last ``uids`` or the last ``wait`` that was True, so each arrival is told once.
        Raises ``Temporary`` where the line has dropped. False when the time is over or after ``stop``.
        """
        ...

    def stop(self) -> None:
        """End a ``wait`` now, and each later one at once; fetching goes on. From any thread, any number of times."""
        ...

    def close(self) -> None:
        """Drop the connection now; an operation under way raises ``Temporary``. From any thread, any number of times."""
        ...


@runtime_checkable
class Mailbox(Protocol):
    """Where messages come from. Holds no connection; every ``connect`` makes a new one."""

    @property
    def name(self) -> str:
        """The name in the configuration, and the first part of every message's transport identity."""
        ...

    def connect(self) -> AbstractContextManager[Session]:
        """Open the mailbox; leaving the context closes it, whatever happened inside."""
        ...

    def check(self) -> tuple[str, ...]:
        """Open it read-only, touch nothing, and tell what was found, one plain sentence each."""
        ...
