"""Passwords: what makes a good enough one, and its argon2id hash.

Promises. No password is kept or logged; what is kept cannot be turned back. A name that nobody has costs the same time
as a wrong password. Hashes made under weaker parameters are renewed at the next sign-in. At most two are worked out
at once in a process, because each takes 64 MiB: a flood of tries waits, it does not eat the machine.

What it does badly: there is no list of all leaked passwords here; what is refused is short, dull, or made of the name.
"""

from __future__ import annotations

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from mailroom.errors import MailroomError

__all__ = ["LONGEST", "SHORTEST", "Passwords", "checked"]

SHORTEST, LONGEST = 12, 1000
_DULL = ("password", "passwort", "qwerty", "letmein", "welcome", "changeme", "123456", "abcdef", "mailroom")


def checked(password: str, name: str) -> str:
    """The password, as it is hashed; MailroomError in words for whoever chose it."""
    password = _same(password)
    if len(password) < SHORTEST:
        raise MailroomError(f"a password has at least {SHORTEST} characters; three or four words that do not belong together are good")
    if len(password) > LONGEST:
        raise MailroomError(f"a password has at most {LONGEST} characters")
    low = password.casefold()
    rest = low.replace(name.casefold(), "") if len(name) > 2 else low
    for dull in _DULL:
        rest = rest.replace(dull, "")
    if len(set(low)) < 5 or len(rest) < SHORTEST // 2:
        raise MailroomError("that password is too easy to guess: take words that do not belong together, and not your name")
    return password


def _same(password: str) -> str:
    """Two keyboards write é in two ways; a password must not depend on which."""
    return unicodedata.normalize("NFKC", password)


class Passwords:
    """Hashes and compares. ``hasher``: other parameters, for tests of their renewal."""

    _turn = threading.BoundedSemaphore(2)

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobodys = ""  # the hash that a name nobody has is compared with

    def hash(self, password: str) -> str:
        with self._turn:
            return self._hasher.hash(_same(password))

    def right(self, password: str, known: str | None) -> bool:
        """Whether it is the one; ``known`` is None where there is no such account, or it has no password."""
        if len(password) > LONGEST:
            password, known = "", None
        if not self._nobodys:
            self._nobodys = self.hash("nobody's")
        with self._turn:
            try:
                return self._hasher.verify(known or self._nobodys, _same(password)) and known is not None
            except (VerificationError, InvalidHashError):
                return False

    def renewed(self, password: str, known: str) -> str | None:
        """Its hash under today's parameters, where ``known`` was made under others."""
        return self.hash(password) if self._hasher.check_needs_rehash(known) else None
