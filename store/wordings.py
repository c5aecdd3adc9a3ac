"""Versions of the reply texts: what a person says instead of the shipped sentences. Each version is whole, and none is ever changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select
from sqlalchemy.exc import IntegrityError

from store import history
from store.database import clean
from store.tables import wordings
from store.types import WordingVersion

__all__ = ["add", "current", "listed", "newest"]


def newest(connection: Connection) -> int:
    """The number of the newest version; 0 where the shipped texts are used."""
    return int(connection.execute(select(func.coalesce(func.max(wordings.c.version), 0))).scalar_one())


def current(connection: Connection) -> WordingVersion | None:
    row = connection.execute(select(wordings).order_by(wordings.c.version.desc()).limit(1)).one_or_none()
    return None if row is None else _version(row)


def listed(connection: Connection) -> tuple[WordingVersion, ...]:
    """All versions, the newest first."""
    return tuple(_version(row) for row in connection.execute(select(wordings).order_by(wordings.c.version.desc())))


def add(connection: Connection, changes: Mapping[str, tuple[str, str]], seen: int, now: datetime, actor: str) -> int | None:
    """A new version after ``seen``; None when another was made meanwhile."""
    if newest(connection) != seen:
        return None
    kept = {id: [clean(shipped), clean(said)] for id, (shipped, said) in changes.items()}
    before = current(connection)
    try:
        with connection.begin_nested():
            connection.execute(insert(wordings).values(version=seen + 1, made_at=now, made_by=clean(actor), changes=kept))
    except IntegrityError:  # two at the same moment: PostgreSQL lets both look first
        return None
    line: dict[str, Any] = {"version": seen, "changes": {id: list(pair) for id, pair in before.changes.items()} if before is not None else {}}
    history.add(connection, [history.entry("wording.changed", now, actor=actor, before=line, after={"version": seen + 1, "changes": kept})])
    return seen + 1


def _version(row: Row[Any]) -> WordingVersion:
    changes = {id: (str(shipped), str(said)) for id, (shipped, said) in row.changes.items()}
    return WordingVersion(version=row.version, made_at=row.made_at, made_by=row.made_by, changes=changes)
