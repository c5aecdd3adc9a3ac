"""The append-only history: what was decided or done, when, by which rules or which person.

Rows are only ever added, in the transaction of what they tell; the database's triggers refuse the rest.
What it does badly: it is not proof against whoever owns the database file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, select

from store.tables import history
from store.types import Event

__all__ = ["DEED", "MAILROOM", "add", "entry", "of"]

MAILROOM = "mailroom"
DEED = "mailroom_deed"  # option of a connection: the number of the deed that its transaction is


def entry(
    event: str,
    at: datetime,
    *,
    actor: str = MAILROOM,
    message_id: int | None = None,
    registration_id: str | None = None,
    reply_id: int | None = None,
    rules_version: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A line to be added; ``before`` and ``after`` hold what changed and nothing else. Whose deed it belongs to, ``add`` knows."""
    return {
        "event": event,
        "at": at,
        "actor": actor,
        "message_id": message_id,
        "registration_id": registration_id,
        "reply_id": reply_id,
        "rules_version": rules_version,
        "before": before,
        "after": after,
    }


def add(connection: Connection, entries: Sequence[dict[str, Any]]) -> None:
    if entries:
        deed = connection.get_execution_options().get(DEED)
        connection.execute(insert(history), [{**one, "deed_id": deed} for one in entries])


def of(connection: Connection, condition: ColumnElement[bool]) -> tuple[Event, ...]:
    """The lines for which ``condition`` holds, oldest first."""
    return tuple(Event(**row._mapping) for row in connection.execute(select(history).where(condition).order_by(history.c.id)))
