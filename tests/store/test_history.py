"""The history is append-only, and raw mail is never altered: the database itself refuses."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from mailroom.errors import MailroomError
from store import Store
from store.database import Database
from tests.fixtures.stores import NOW, arrival, record


@pytest.mark.parametrize(
    "statement",
    ["UPDATE history SET actor = 'nobody'", "DELETE FROM history", "UPDATE contents SET content = content", "TRUNCATE history"],
)
def test_the_database_refuses(store: Store, current_url: str, statement: str) -> None:
    if statement.startswith("TRUNCATE") and current_url.startswith("sqlite"):
        statement = "DELETE FROM history WHERE id > 0"  # SQLite has no TRUNCATE
    store.add_arrivals([arrival(1)], NOW)
    store.record_many([record(store.waiting()[0].id)], NOW)
    before = store.message(1)
    database = Database(current_url)
    with pytest.raises(MailroomError, match=r"append-only|never altered"), database.write() as connection:
        connection.execute(text(statement))
    database.close()
    assert store.message(1) == before


def test_a_registrations_history_tells_what_was_decided_by_which_rules(store: Store) -> None:
    store.add_arrivals([arrival(1)], NOW)
    [result] = store.record_many([record(store.waiting()[0].id)], NOW)
    assert result.registration_id is not None
    [event] = store.history(registration_id=result.registration_id)
    assert (event.at, event.actor, event.rules_version) == (NOW, "mailroom", "rules-1")
    assert event.before == {"state": "waiting"}
    assert event.after is not None
    assert event.after["registration"] == {
        "state": "registered",
        "missing": ["activity"],
        "values": {"institution": ["Whinhill Academy"], "topic": ["reading", "play"]},
    }
    assert event.after["reply"] == {"template": "registered", "state": "due", "reason": ""}
