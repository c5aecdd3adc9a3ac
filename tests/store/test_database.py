"""The connection: durable, in UTC, and errors that say what is to be done."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from mailroom.errors import Misconfigured, Permanent, Temporary
from store import Store
from store.database import Database, clean, clip
from store.tables import polls
from tests.fixtures.stores import NOW, arrival


def test_sqlite_is_set_for_durability(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/mailroom.db")
    database.create_file()
    with database.write() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")}
    database.close()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30000}


def test_opening_waits_while_another_prepares_the_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite itself gives up at once there, and two first runs at the same time would be one failure."""
    database = Database(f"sqlite:///{tmp_path}/new.db")
    database.create_file()
    other = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waits: list[float] = []

    def the_other_ends(seconds: float) -> None:
        waits.append(seconds)
        other.execute("ROLLBACK")

    monkeypatch.setattr("store.database.sleep", the_other_ends)
    with database.write() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    assert len(waits) == 1
    other.close()
    database.close()


def test_a_writer_takes_the_lock_at_its_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So it fails before it has read anything, never half-way; and the failure is one to try again."""
    monkeypatch.setattr("store.database.BUSY_SECONDS", 0.0)
    database = Database(f"sqlite:///{tmp_path}/mailroom.db")
    database.create_file()
    with database.write(), pytest.raises(Temporary, match="locked"), database.write():
        pytest.fail("two writers at once")
    database.close()


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))])
def test_times_come_back_aware_and_in_utc(store: Store, current_url: str, zone: timezone) -> None:
    when = datetime(2022, 3, 27, 1, 30, 5, 123456, tzinfo=zone)
    store.note_poll("programme", when, ok=True)
    poll = store.status().mailboxes[0].poll
    assert poll is not None
    assert poll.last_poll_at == when
    assert poll.last_poll_at.utcoffset() == timedelta(0)


def test_a_naive_time_is_refused(store: Store, current_url: str) -> None:
    database = Database(current_url)
    with pytest.raises(Exception, match="without a zone"), database.write() as connection:
        connection.execute(insert(polls).values(mailbox="x", last_poll_at=datetime(2022, 1, 1)))
    with database.read() as connection:
        assert connection.execute(select(polls)).all() == []
    database.close()


@pytest.mark.parametrize("url", ["mysql://localhost/x", "nonsense", "sqlite://", "sqlite:///:memory:"])
def test_an_address_that_cannot_serve_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"store\.url"):
        Store(url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_the_password_is_never_shown(scheme: str) -> None:
    assert "hunter2" not in Database(f"{scheme}://car:hunter2@127.0.0.1/x").shown


def test_a_database_that_is_away_is_temporary(tmp_path: Path) -> None:
    with Store("postgresql://car:hunter2@127.0.0.1:1/x") as store, pytest.raises(Temporary) as caught:
        store.balance()
    assert "hunter2" not in str(caught.value)


def test_a_database_that_does_not_exist_is_misconfigured(postgres_url: str) -> None:
    with Store(postgres_url + "_not") as store, pytest.raises(Misconfigured, match="does not exist"):
        store.balance()


def test_a_schema_that_is_missing_is_misconfigured(store_url: str) -> None:
    if store_url.startswith("sqlite"):
        Database(store_url).create_file()
    with Store(store_url) as store, pytest.raises(Misconfigured, match="mailroom upgrade"):
        store.add_arrivals([arrival(1)], NOW)


def test_a_file_that_is_no_database_is_misconfigured(tmp_path: Path) -> None:
    (tmp_path / "mailroom.db").write_bytes(b"something else entirely" * 100)
    with Store(f"sqlite:///{tmp_path}/mailroom.db") as store:
        assert "no database" in store.check()[0]
        with pytest.raises(Misconfigured, match="no database"):
            store.ensure_current()
    assert (tmp_path / "mailroom.db").read_bytes() == b"something else entirely" * 100


def test_a_row_that_is_refused_is_permanent(store: Store, current_url: str) -> None:
    database = Database(current_url)
    with pytest.raises(Permanent), database.write() as connection:
        connection.execute(text("INSERT INTO polls (mailbox) VALUES ('x')"))
    database.close()


def test_a_full_disk_is_temporary(tmp_path: Path) -> None:
    """The page limit stands in for the disk: SQLite says the same words."""
    url = f"sqlite:///{tmp_path}/mailroom.db"
    with Store(url) as store:
        store.upgrade()
        with closing(sqlite3.connect(tmp_path / "mailroom.db")) as file:
            pages = file.execute("PRAGMA page_count").fetchone()[0]
    database = Database(url)
    with pytest.raises(Temporary, match="full"), database.write() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        for n in range(1000):
            connection.execute(insert(polls).values(mailbox=f"{n}", last_poll_at=NOW, last_error="x" * 500))
    database.close()


def test_clipped_text_is_whole_characters_within_the_bound() -> None:
    assert clip("short") == "short"
    assert clip("ẁ" * 500) == "ẁ" * 333
    assert len(clip("x" * 5000)) == 1000


def test_clean_text_is_left_alone_and_the_rest_is_made_storable() -> None:
    assert clean("Sgoil à Bhàgh") == "Sgoil à Bhàgh"
    assert clean("a\0b\ud800") == "a\ufffdb?"
