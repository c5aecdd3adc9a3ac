"""The schema: made once, the same as the tables describe, and refused when it is not this version's."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, inspect, text

from mailroom.errors import MailroomError, Misconfigured, Permanent
from mailroom.model import ReplyState
from store import Store
from store.database import Database
from store.schema import alembic_config
from store.tables import metadata
from tests.fixtures.stores import NOW, arrival


def run(url: str, *statements: str) -> None:
    database = Database(url)
    try:
        with database.write() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        database.close()


def _described(name: str | None, kind: str, parents: object) -> bool:
    return kind != "table" or not (name or "").startswith(("register_words", "message_words", "reply_words"))


def test_the_migrations_build_what_the_tables_describe(current_url: str) -> None:
    """Types, keys, indexes and uniqueness by Alembic's own comparison; checks by their names.

    The full text (``*_words``, and on SQLite the tables that it makes for itself) is in the migrations alone."""
    database = Database(current_url)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": _described})
        assert compare_metadata(context, metadata) == []
        inspector = inspect(connection)
        for table in metadata.sorted_tables:
            described = {str(c.name) for c in table.constraints if isinstance(c, CheckConstraint)}
            assert {c["name"] for c in inspector.get_check_constraints(table.name)} == described, table.name
    database.close()


def test_a_first_run_makes_the_schema_and_a_second_leaves_it(store_url: str) -> None:
    with Store(store_url) as store:
        store.ensure_current()
        secret = store.secret()
        store.ensure_current()
        store.upgrade()
        assert store.secret() == secret
        assert len(secret) == 32
        assert store.check() == ()


def test_no_two_installations_share_a_secret(tmp_path: Path) -> None:
    secrets = set()
    for name in ("a", "b"):
        with Store(f"sqlite:///{tmp_path}/{name}.db") as store:
            store.upgrade()
            secrets.add(store.secret())
    assert len(secrets) == 2


def test_two_first_runs_at_once_both_succeed(store_url: str) -> None:
    failures: list[MailroomError] = []

    def first_run() -> None:
        with Store(store_url) as store:
            try:
                store.ensure_current()
            except MailroomError as error:
                failures.append(error)

    threads = [threading.Thread(target=first_run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_newer_database_is_refused_by_every_door(current_url: str) -> None:
    run(current_url, "UPDATE alembic_version SET version_num = '9999'")
    with Store(current_url) as store:
        for door in (store.ensure_current, store.upgrade):
            with pytest.raises(Misconfigured, match="newer mailroom"):
                door()
        assert "newer mailroom" in store.check()[0]


def test_an_older_database_is_refused_until_it_is_upgraded(current_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretends that the next version is out."""
    monkeypatch.setattr("store.schema._head", lambda: "9999")
    with Store(current_url) as store:
        with pytest.raises(Misconfigured, match="run mailroom upgrade"):
            store.ensure_current()
        assert "mailroom upgrade" in store.check()[0]


def test_an_upgrade_keeps_every_answer_and_the_rule_of_one_question(store_url: str) -> None:
    """From the outbox without fates: what was sent counts for the pace, and the partial index is there again."""
    database = Database(store_url)
    database.create_file()
    with database.write() as connection:
        command.upgrade(alembic_config(connection), "0003")
    postgresql = database.dialect == "postgresql"
    at = "'2022-01-10 09:30:00+00:00'" if postgresql else "'2022-01-10 09:30:00.000000'"
    blob = "'x'::bytea" if postgresql else "x'78'"
    person = "'anne@example.com', 'anne@example.com'"
    bounce = "message_id, reply_id, effect, action, status, detail, recorded_at"
    run(
        store_url,
        "INSERT INTO messages (id, mailbox, sha256, size, internal_date, stored_at, state, state_at)"
        f" VALUES (1, 'programme', 'a', 1, {at}, {at}, 'ask_member', {at}), (2, 'programme', 'b', 1, {at}, {at}, 'registered', {at})",
        "INSERT INTO registrations (id, member_name, member_address, member_key, state, missing, revision, received_at, created_at, updated_at)"
        f" VALUES ('r', 'Anne', {person}, 'registered', '[]', 1, {at}, {at}, {at})",
        "INSERT INTO outbox (message_id, purpose, registration_id, template, recipient, recipient_key, subject, identifier, content, checks, state,"
        f" created_at, counted_at, sent_at) VALUES (1, 'answer', 'r', 'ask_member', {person}, 'Re', '<a@u>', {blob}, '[]', 'sent', {at}, {at}, {at}),"
        f" (2, 'answer', 'r', 'registered', {person}, 'Re', '<b@u>', {blob}, '[]', 'held', {at}, {at}, NULL)",
        f"INSERT INTO delivery_reports ({bounce}) SELECT 2, id, 'marked', 'failed', '5.1.1', '', {at} FROM outbox WHERE identifier = '<a@u>'",
    )
    with Store(store_url) as store:
        store.upgrade()
        assert [(r.identifier, r.state, store.reply_content(r.id)) for r in store.replies()] == [("<a@u>", "sent", b"x"), ("<b@u>", "held", b"x")]
    with database.read() as connection:
        assert [row.handed_at is not None for row in connection.execute(text("SELECT handed_at FROM outbox ORDER BY id"))] == [True, False]
        reports = "SELECT identifier, status FROM delivery_reports JOIN outbox ON outbox.id = reply_id"
        assert connection.execute(text(reports)).all() == [("<a@u>", "5.1.1")]
    with pytest.raises(Permanent, match=r"(?i)unique"), database.write() as connection:
        connection.execute(text("UPDATE outbox SET template = 'ask_member' WHERE identifier = '<b@u>'"))
    database.close()


def test_somebody_elses_database_is_refused(store_url: str) -> None:
    if store_url.startswith("sqlite"):
        Database(store_url).create_file()
    run(store_url, "CREATE TABLE messages (id INTEGER PRIMARY KEY)")
    with Store(store_url) as store, pytest.raises(Misconfigured, match="not mailroom's"):
        store.ensure_current()


def test_without_leave_for_a_first_run_nothing_is_made(tmp_path: Path) -> None:
    """status and export never create a database."""
    with Store(f"sqlite:///{tmp_path}/mailroom.db") as store:
        with pytest.raises(Misconfigured, match="no mailroom database yet"):
            store.ensure_current(first_run_ok=False)
        assert store.check() == ()
        with pytest.raises(Misconfigured):
            store.balance()
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_store_makes_and_alters_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/mailroom.db"
    with Store(url, read_only=True) as missing, pytest.raises(Misconfigured):
        missing.ensure_current()
    assert list(tmp_path.iterdir()) == []
    with Store(url) as store:
        store.upgrade()
    before = (tmp_path / "mailroom.db").read_bytes()
    with Store(url, read_only=True) as store:
        store.ensure_current()
        assert sum(store.balance().values()) == 0
        with pytest.raises(Misconfigured, match="readonly"):
            store.add_arrivals([arrival(1)], NOW)
    assert (tmp_path / "mailroom.db").read_bytes() == before


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/nowhere/mailroom.db") as store:
        assert "nowhere does not exist" in store.check()[0]
        with pytest.raises(Misconfigured, match="make its folder"):
            store.ensure_current()


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """It holds members' mail."""
    with Store(f"sqlite:///{tmp_path}/mailroom.db") as store:
        store.upgrade()
    assert stat.S_IMODE((tmp_path / "mailroom.db").stat().st_mode) == 0o600


def test_a_register_of_the_first_version_keeps_its_rows_and_knows_its_addresses(store_url: str) -> None:
    """0001 with a registration in it, upgraded: its member may speak for it."""
    database = Database(store_url)
    database.create_file()
    with database.write() as connection:
        command.upgrade(alembic_config(connection), "0001")
        columns = "id, member_name, member_address, member_key, state, missing, revision, received_at, created_at, updated_at"
        when = "'2022-01-10 09:30:00.000000'"
        row = f"'R-AAAAAAAAAAAAAAAA', 'Anne', 'Anne@example.com', 'anne@example.com', 'registered', '[]', 1, {when}, {when}, {when}"
        connection.execute(text(f"INSERT INTO registrations ({columns}) VALUES ({row})"))
    database.close()
    with Store(store_url) as store:
        with pytest.raises(Misconfigured, match="run mailroom upgrade"):
            store.ensure_current()
        store.upgrade()
        conversation = store.conversation("R-AAAAAAAAAAAAAAAA")
        assert conversation is not None
        assert conversation.addresses == {"anne@example.com"}
        assert conversation.registration.revision == 1


def test_an_older_outbox_keeps_its_rows_and_who_named_a_session_keeps_a_place(store_url: str) -> None:
    """0004 with an answer that asks, a report about it and a registration for a session, upgraded."""
    database = Database(store_url)
    database.create_file()
    when = "'2022-01-10 09:30:00.000000'"
    with database.write() as connection:
        command.upgrade(alembic_config(connection), "0004")
        blob = "X'616263'" if database.dialect == "sqlite" else "'abc'::bytea"
        for statement in (
            "INSERT INTO messages (mailbox, sha256, size, internal_date, stored_at, state, state_at) "
            f"VALUES ('m', 'aa', 3, {when}, {when}, 'ask_member', {when})",
            "INSERT INTO registrations (id, member_name, member_address, member_key, state, missing, revision, received_at, created_at, updated_at) "
            f"SELECT 'R-AAAAAAAAAAAAAAAA', 'Anne', 'a@example.com', 'a@example.com', 'ask_member', '[]', 1, {when}, {when}, {when}",
            "INSERT INTO registration_values (registration_id, field, position, value, message_id, evidence) "
            "SELECT 'R-AAAAAAAAAAAAAAAA', 'session', 0, '2022-01-19', id, '[]' FROM messages",
            "INSERT INTO outbox (message_id, purpose, registration_id, template, recipient, recipient_key, subject, identifier, content, checks, state, "
            "created_at, counted_at) SELECT id, 'answer', 'R-AAAAAAAAAAAAAAAA', 'ask_member', 'a@example.com', 'a@example.com', 's', '<a@u>', "
            f"{blob}, '[]', 'held', {when}, {when} FROM messages",
            "INSERT INTO delivery_reports (message_id, reply_id, effect, action, status, detail, recorded_at) "
            f"SELECT m.id, o.id, '', '', '', '', {when} FROM messages m, outbox o",
        ):
            connection.execute(text(statement))
    database.close()
    with Store(store_url) as store:
        store.upgrade()
        [reply] = store.replies()
        assert (reply.identifier, reply.state, reply.not_after, store.reply_content(reply.id)) == ("<a@u>", ReplyState.HELD, None, b"abc")
        before = "INSERT INTO outbox (message_id, purpose, registration_id, template, recipient, recipient_key, subject, identifier, content, checks, state, "
        again = before + "created_at, counted_at) SELECT message_id, '{}', registration_id, '{}', recipient, recipient_key, subject, '{}', content, checks, "
        again += f"state, {when}, {when} FROM outbox"
        for purpose, template in (("answer", "registered"), ("other", "ask_member")):  # a second answer; a second round of questions
            with pytest.raises(Permanent):
                run(store_url, again.format(purpose, template, "<b@u>"))
        run(store_url, again.format("other", "other", "<b@u>"))
        assert len(store.replies()) == 2
    database = Database(store_url)
    with database.read() as connection:
        rows = connection.execute(text("SELECT registration_id, session, state FROM session_places")).all()
        kept = connection.scalar(text("SELECT count(*) FROM delivery_reports d JOIN outbox o ON o.id = d.reply_id"))
    database.close()
    assert kept == 1
    assert [tuple(row) for row in rows] == [("R-AAAAAAAAAAAAAAAA", "2022-01-19", "place")]
