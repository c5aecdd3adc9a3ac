"""The schema's version: made at a first run, upgraded on request, refused when newer.

An upgrade is one transaction on both databases: killed half-way, it never happened. Two first runs at
once wait for each other and the second finds the work done.
"""

from __future__ import annotations

import os
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from mailroom.errors import MailroomError, Misconfigured
from store import listing
from store.database import Database

__all__ = ["check", "ensure_current", "upgrade"]

MIGRATIONS = Path(__file__).with_name("migrations")
_UPGRADE_LOCK = 0x6D61696C73636865  # "mailsche"


def alembic_config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database) -> None:
    """Bring the schema to this version, from nothing or from an older one. Refuses a newer one."""
    database.create_file()
    with database.alter() as connection:
        if database.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        found = _version(connection)
        _refuse_foreign(connection, found, database)
        if found != _head():
            command.upgrade(alembic_config(connection), "head")
            listing.settle(connection)  # in the same transaction: whatever a migration marked as changed


def ensure_current(database: Database, *, first_run_ok: bool = True) -> None:
    """Pass if the schema is this version's; make it at a first run; otherwise Misconfigured."""
    if not database.missing:
        with database.read() as connection:
            found = _version(connection)
            if found == _head():
                return
            _refuse_foreign(connection, found, database)
        if found is not None:
            raise Misconfigured(f"store {database.shown}: this database is older than this mailroom; make a backup, then run mailroom upgrade")
    if not first_run_ok or database.read_only:
        raise Misconfigured(f"store {database.shown}: there is no mailroom database yet; mailroom poll or mailroom run makes it")
    upgrade(database)


def check(database: Database) -> tuple[str, ...]:
    """What stands in the way, in words; () if nothing does. Makes and alters nothing."""
    if database.path is not None and database.missing:
        folder = database.path.parent
        if not folder.is_dir():
            return (f"store: the folder {folder} does not exist; make it, or name another in store.url",)
        if not os.access(folder, os.W_OK | os.X_OK):
            return (f"store: the folder {folder} is not writable; change its owner, or name another in store.url",)
        return ()
    try:
        with database.read() as connection:
            found = _version(connection)
            _refuse_foreign(connection, found, database)
            if found is not None and found != _head():
                return (f"store {database.shown}: this database is older than this mailroom; make a backup, then run mailroom upgrade",)
            if database.path is not None and connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() != "ok":
                return (f"store {database.shown}: the file is damaged; restore it from a backup",)
    except MailroomError as error:
        return (str(error),)
    return ()


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_config())


def _head() -> str:
    head = _script().get_current_head()
    if head is None:
        raise Misconfigured(f"store: the migrations are missing from {MIGRATIONS}; install mailroom again")
    return head


def _version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_foreign(connection: Connection, found: str | None, database: Database) -> None:
    known = {revision.revision for revision in _script().walk_revisions()}
    if found is not None and found not in known:
        raise Misconfigured(f"store {database.shown}: this database was written by a newer mailroom (schema {found}); install that one, or restore a backup")
    if found is None and inspect(connection).has_table("messages"):
        raise Misconfigured(f"store {database.shown}: holds tables that are not mailroom's; name an empty database in store.url")
