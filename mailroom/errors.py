"""Errors, told apart by what is to be done about them.

The kind is set where the cause is known. Whatever is not one of these counts as temporary, and
attempts are bounded. Every message says what, where and how to mend it, because a person reads it.
"""

from __future__ import annotations

__all__ = ["MailroomError", "Misconfigured", "Permanent", "ProgrammeError", "Temporary"]


class MailroomError(Exception):
    """Base of all errors that mailroom raises on purpose. ``str()`` is fit for an operator to read."""


class Temporary(MailroomError):
    """Try again later, with back-off: a server away, a lock held, a 4xx."""


class Permanent(MailroomError):
    """Will not succeed by trying again: park it where a person sees it."""


class Misconfigured(MailroomError):
    """Stop before touching the mailbox: wrong key, wrong password, refused certificate, newer database."""


class ProgrammeError(Misconfigured):
    """A mistake in programme data, with the file and line where it stands."""

    def __init__(self, file: str, line: int | None, message: str) -> None:
        self.file, self.line, self.message = file, line, message
        super().__init__(f"{file}{f', line {line}' if line else ''}: {message}")
