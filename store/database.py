"""The connection: one engine for a store's address, and what its errors mean.

Promises. A write transaction on SQLite takes the write lock at its start (BEGIN IMMEDIATE), so it never
fails half-way for a lock; a commit is on the disk before it returns (WAL, synchronous=FULL). Reading
sees one snapshot. A database that does not exist is never created except by ``create_file``; a
read-only store cannot alter one. Errors come out as Temporary, Permanent or Misconfigured, told apart here.

What it does badly: SQLite on a network file system is not safe, and that cannot be told from here.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NoReturn
from urllib.parse import quote

from sqlalchemy import URL, Connection, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, OperationalError, ProgrammingError

from mailroom.errors import MailroomError, Misconfigured, Permanent, Temporary
from store.serialise import dumps, loads

__all__ = ["Database", "clean", "clip"]

BUSY_SECONDS = 30.0
_WRITE = "mailroom_write"


def clean(text: str) -> str:
    """Text for a column: no NUL (PostgreSQL refuses it), no lone surrogate (it has no UTF-8)."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def clip(text: str, octets: int = 1000) -> str:
    """``clean`` text of a bounded length: for what is indexed (PostgreSQL takes 2,700 octets) or only listed."""
    text = clean(text)
    return text if len(text) * 4 <= octets else text.encode()[:octets].decode("utf-8", "ignore")


class Database:
    """An address made usable. ``write`` and ``read`` are the only ways to a connection."""

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.url, self.read_only = _parsed(url), read_only
        self.before_commit: Callable[[Connection], None] | None = None  # the last thing of each ``write``
        self.dialect = self.url.get_backend_name()
        self.path = Path(self.url.database or "").absolute() if self.dialect == "sqlite" else None
        if self.path is not None:
            self.engine = create_engine(
                "sqlite://",
                creator=self._open_sqlite,
                poolclass=QueuePool,  # the address without a file would mean one connection for each thread
                json_serializer=dumps,
                json_deserializer=loads,
                hide_parameters=True,
            )
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            if find_spec("psycopg") is None:
                raise Misconfigured("store.url: PostgreSQL needs the package psycopg; install mailroom[postgres]")
            self.engine = create_engine(
                self.url,
                connect_args={"connect_timeout": 10, "keepalives_idle": 30, "application_name": "mailroom"},
                pool_pre_ping=True,
                json_serializer=dumps,
                json_deserializer=loads,
                hide_parameters=True,
            )

    @property
    def shown(self) -> str:
        """The address without its password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def missing(self) -> bool:
        """Whether there is no SQLite file yet, or an empty one."""
        return self.path is not None and (not self.path.exists() or self.path.stat().st_size == 0)

    def create_file(self) -> None:
        """Make the SQLite file, readable by its owner alone: it will hold members' mail."""
        if self.path is None or self.read_only:
            return
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise Misconfigured(f"store: {self.path} cannot be made ({error.strerror}); make its folder, or name another in store.url") from error

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end, durably, or leaves nothing."""
        with self._told_apart(), self.engine.connect() as raw:
            connection = raw.execution_options(**{_WRITE: True})
            with connection.begin():
                yield connection
                if self.before_commit is not None:
                    self.before_commit(connection)

    @contextmanager
    def alter(self) -> Iterator[Connection]:
        """As ``write``, for a change of the schema: SQLite alters a table by copying and dropping it, which its
        foreign keys would refuse. They are checked at the end instead."""
        with self._told_apart(), self.engine.connect() as raw:
            connection = raw.execution_options(**{_WRITE: True})
            if self.path is None:
                with connection.begin():
                    yield connection
                return
            direct: Any = raw.connection.driver_connection
            direct.execute("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction
            try:
                with connection.begin():
                    yield connection
                    if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                        raise Permanent(f"store {self.shown}: the upgrade would leave rows of {broken[0]} without what they refer to; nothing was changed")
            finally:
                direct.execute("PRAGMA foreign_keys=ON")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot, for reading."""
        options: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if self.dialect == "postgresql" else {}
        with self._told_apart(), self.engine.connect() as raw:
            connection = raw.execution_options(**options)
            with connection.begin():
                yield connection

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A connection of its own that is in no transaction, for a lock of the session."""
        with self._told_apart(), self.engine.connect() as raw:
            connection = raw.execution_options(isolation_level="AUTOCOMMIT")
            try:
                yield connection
            finally:
                connection.invalidate()  # closed for good, and its locks with it

    def close(self) -> None:
        self.engine.dispose()

    def _open_sqlite(self) -> sqlite3.Connection:
        mode = "ro" if self.read_only else "rw"
        connection = sqlite3.connect(
            f"file:{quote(str(self.path))}?mode={mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,  # transactions are begun by _begin_sqlite, and by nobody else
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA foreign_keys=ON")
            if self.read_only:
                connection.execute("PRAGMA query_only=ON")
            else:
                _use_wal(connection)
                connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA cache_size=-32768")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            self._raise(error)
        except sqlite3.Error as error:  # from opening the file, before SQLAlchemy wraps it
            self._raise(error)

    def _raise(self, error: DBAPIError | sqlite3.Error) -> NoReturn:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        raise _meaning(error, str(cause).strip().split("\n")[0], self.shown) from error


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL. While another connection does so for a new file, SQLite says "locked" at once instead of waiting, so the wait is here."""
    until = monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or monotonic() > until:
                raise
        sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Misconfigured(f"store.url: «{url}» is not an address; write sqlite:///mailroom.db or postgresql://user@host/name") from error
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        raise Misconfigured(f"store.url: «{parsed.drivername}» is not supported; write sqlite:///mailroom.db or postgresql://user@host/name")
    if parsed.drivername == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise Misconfigured("store.url: a database in memory keeps nothing; name a file, such as sqlite:///mailroom.db")
    return parsed


_ADDRESS_ERRORS = ("password authentication failed", "no password supplied", "does not exist", "no pg_hba.conf entry", "unable to open database", "readonly")
_NO_SCHEMA = ("no such table", "no such column", "undefinedtable", "undefinedcolumn")


def _meaning(error: DBAPIError | sqlite3.Error, said: str, shown: str) -> MailroomError:
    low = said.lower()
    name = type(error.orig).__name__.lower() if isinstance(error, DBAPIError) else ""
    if any(sign in low or sign in name for sign in _NO_SCHEMA):
        return Misconfigured(f"store {shown}: the tables are not those of this mailroom ({said}); run mailroom upgrade")
    if "not a database" in low or "malformed" in low:
        return Misconfigured(f"store {shown}: the file is damaged or no database ({said}); restore it from a backup, or name another in store.url")
    if any(sign in low for sign in _ADDRESS_ERRORS) and isinstance(error, (OperationalError, sqlite3.OperationalError)):
        return Misconfigured(f"store {shown}: {said}; check store.url and who may use the database")
    if isinstance(error, (IntegrityError, DataError, ProgrammingError)):
        return Permanent(f"store {shown}: {said}")
    return Temporary(f"store {shown}: {said}")
