"""What the desk's lists are read from: orders, sets, full text, and the triggers that keep them up to date.

What is there already is marked as changed; the upgrade settles it in the same transaction (store.schema).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)
Json = sa.JSON(none_as_null=True)
Key = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

FULL_TEXT = ("register_words", "message_words", "reply_words")
# No positions are kept (detail=none, array_to_tsvector): words are looked for, not phrases. The letters and marks that
# store.words makes lexemes of are all that there is; whatever is not ASCII counts as a letter.
FTS5 = "CREATE VIRTUAL TABLE {} USING fts5(words, detail=none, tokenize=\"ascii tokenchars '@#%-_.'\")"

# table, when, and the column that says what was changed
WATCHED = (
    ("registrations", ("INSERT", "UPDATE"), "registration", "id"),
    ("registration_values", ("INSERT", "UPDATE", "DELETE"), "registration", "registration_id"),
    ("registration_messages", ("INSERT", "DELETE"), "registration", "registration_id"),
    ("registration_addresses", ("INSERT", "DELETE"), "registration", "registration_id"),
    ("readings", ("INSERT", "UPDATE"), "message", "message_id"),
    ("outbox", ("INSERT", "UPDATE OF recipient, subject"), "reply", "id"),
)


def upgrade() -> None:
    for table, columns in (
        ("messages", ["state", "internal_date", "id", "kind"]),
        ("messages", ["kind", "internal_date", "id", "state"]),
        ("messages", ["internal_date", "id", "state"]),
        ("outbox", ["state", "created_at", "id", "template"]),
        ("outbox", ["template", "created_at", "id", "state"]),
        ("registrations", ["state", "received_at", "id"]),
    ):
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns, unique=False)
    op.create_table(
        "listing_changes",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_changes")),
    )
    op.create_table(
        "register_lines",
        sa.Column("number", Id, nullable=False),
        sa.Column("registration_id", sa.String(length=40), nullable=False),
        sa.Column("received_at", Time, nullable=False),
        sa.Column("updated_at", Time, nullable=False),
        sa.Column("name_key", Key, nullable=False),
        sa.Column("council_key", Key, nullable=False),
        sa.Column("institution_key", Key, nullable=False),
        sa.Column("sets", Json, nullable=False),
        sa.ForeignKeyConstraint(["registration_id"], ["registrations.id"], name=op.f("fk_register_lines_registration_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_register_lines")),
        sa.UniqueConstraint("registration_id", name=op.f("uq_register_lines_registration_id")),
    )
    for column in ("received_at", "updated_at", "name_key", "council_key", "institution_key"):
        op.create_index(op.f(f"ix_register_lines_{column}_number"), "register_lines", [column, "number"], unique=False)
    op.create_table(
        "register_sets",
        sa.Column("field", sa.String(length=20), nullable=False),
        sa.Column("value", Key, nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("field", "value", "chunk", name=op.f("pk_register_sets")),
    )
    topics = sa.text("field = 'topic'")
    op.create_index("ix_register_sets_topics", "register_sets", ["size", "value"], unique=False, sqlite_where=topics, postgresql_where=topics)
    (_sqlite if op.get_bind().dialect.name == "sqlite" else _postgresql)()
    # A registration with messages is done with them.
    op.execute("INSERT INTO listing_changes (kind, key) SELECT DISTINCT 'message', CAST(message_id AS TEXT) FROM readings")
    op.execute(
        "INSERT INTO listing_changes (kind, key) SELECT 'registration', id FROM registrations r WHERE NOT EXISTS "
        "(SELECT 1 FROM registration_messages m JOIN readings d ON d.message_id = m.message_id WHERE m.registration_id = r.id) ORDER BY received_at"
    )
    op.execute("INSERT INTO listing_changes (kind, key) SELECT 'reply', CAST(id AS TEXT) FROM outbox")


def _sqlite() -> None:
    for table in FULL_TEXT:
        op.execute(FTS5.format(table))
    for table, events, kind, column in WATCHED:
        for event in events:
            verb = event.split()[0]
            row = "OLD" if verb == "DELETE" else "NEW"
            noted = f"INSERT INTO listing_changes (kind, key) VALUES ('{kind}', {row}.{column});"  # noqa: S608
            op.execute(f"CREATE TRIGGER listing_{table}_{verb.lower()} AFTER {event} ON {table} BEGIN {noted} END")


def _postgresql() -> None:
    for table in FULL_TEXT:
        op.execute(f"CREATE TABLE {table} (number bigint PRIMARY KEY, words tsvector NOT NULL)")
        # Without the list of pending entries, which every search would read through.
        op.execute(f"CREATE INDEX ix_{table}_words ON {table} USING gin (words) WITH (fastupdate = off)")
    for table, events, kind, column in WATCHED:
        made = f"INSERT INTO listing_changes (kind, key) VALUES ('{kind}', {{}}.{column}::text); RETURN NULL;"  # noqa: S608
        body = f"IF TG_OP = 'DELETE' THEN {made.format('OLD')} END IF; {made.format('NEW')}"
        op.execute(f"CREATE FUNCTION listing_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$")
        op.execute(f"CREATE TRIGGER listing_changed AFTER {' OR '.join(events)} ON {table} FOR EACH ROW EXECUTE FUNCTION listing_{table}()")
