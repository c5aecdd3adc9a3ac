"""One worker at a time for each store.

SQLite: ``flock`` on ``<database>.lock`` beside the file. PostgreSQL: an advisory lock held by a
connection of its own. Either is released by the kernel or the server when the process dies, also by
SIGKILL, so no lease has to run out and no stale lock has to be removed by hand.

What it does badly: a child forked (without exec) inside the lock shares the file's lock; and on
PostgreSQL a holder whose connection breaks does not notice at once, so writers still guard themselves
by their rows' states.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from mailroom.errors import Misconfigured, Temporary
from store.database import Database

__all__ = ["exclusive"]

WORKER_LOCK = 0x6D61696C726F6F6D  # "mailroom"; advisory locks are per database
_INTERVAL = 0.05


@contextmanager
def exclusive(database: Database, timeout: float) -> Iterator[None]:
    """Hold the store's worker lock; Temporary if another still has it after ``timeout`` seconds."""
    with _flock(database, timeout) if database.path is not None else _advisory(database, timeout):
        yield


@contextmanager
def _flock(database: Database, timeout: float) -> Iterator[None]:
    path = f"{database.path}.lock"
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Misconfigured(f"store: {path} cannot be opened ({error.strerror}); the folder of the database must be writable") from error

    def attempt() -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        _until(attempt, timeout, database)
        yield
    finally:
        os.close(descriptor)  # the file stays: to remove it would let two workers lock two files


@contextmanager
def _advisory(database: Database, timeout: float) -> Iterator[None]:
    with database.alone() as connection:
        _until(lambda: bool(connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": WORKER_LOCK}).scalar()), timeout, database)
        try:
            yield
        finally:  # by name: a server notices only a moment later that a connection has gone
            with suppress(DBAPIError):
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": WORKER_LOCK})


def _until(attempt: Callable[[], bool], timeout: float, database: Database) -> None:
    deadline = time.monotonic() + timeout
    while not attempt():
        if time.monotonic() >= deadline:
            raise Temporary(f"store {database.shown}: another mailroom is at work on it; it will be tried again, or stop the other one")
        time.sleep(min(_INTERVAL, timeout))
