"""The first tables, the triggers that guard them, and the installation's secret."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)
Json = sa.JSON(none_as_null=True)

# The history is only ever added to; raw bytes may be erased one day, but never altered.
SQLITE_TRIGGERS = (
    "CREATE TRIGGER history_no_update BEFORE UPDATE ON history BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END",
    "CREATE TRIGGER history_no_delete BEFORE DELETE ON history BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END",
    "CREATE TRIGGER contents_no_update BEFORE UPDATE ON contents BEGIN SELECT RAISE(ABORT, 'raw mail is never altered'); END",
)
POSTGRESQL_TRIGGERS = (
    "CREATE FUNCTION mailroom_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END $$",
    "CREATE TRIGGER history_append_only BEFORE UPDATE OR DELETE ON history FOR EACH ROW EXECUTE FUNCTION mailroom_refuse('the history is append-only')",
    "CREATE TRIGGER history_no_truncate BEFORE TRUNCATE ON history FOR EACH STATEMENT EXECUTE FUNCTION mailroom_refuse('the history is append-only')",
    "CREATE TRIGGER contents_no_update BEFORE UPDATE ON contents FOR EACH ROW EXECUTE FUNCTION mailroom_refuse('raw mail is never altered')",
)


def upgrade() -> None:
    op.create_table(
        "history",
        sa.Column("id", Id, nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("message_id", Id, nullable=True),
        sa.Column("registration_id", sa.String(length=40), nullable=True),
        sa.Column("reply_id", Id, nullable=True),
        sa.Column("rules_version", sa.String(length=80), nullable=True),
        sa.Column("before", Json, nullable=True),
        sa.Column("after", Json, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
    )
    op.create_index(op.f("ix_history_message_id"), "history", ["message_id"], unique=False)
    op.create_index(op.f("ix_history_registration_id"), "history", ["registration_id"], unique=False)
    op.create_index(op.f("ix_history_reply_id"), "history", ["reply_id"], unique=False)
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_installation_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "messages",
        sa.Column("id", Id, nullable=False),
        sa.Column("mailbox", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("internal_date", Time, nullable=False),
        sa.Column("stored_at", Time, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("state_at", Time, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=True),
        sa.Column("reason", sa.String(length=80), server_default=sa.text("''"), nullable=False),
        sa.Column("reason_detail", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sender_name", sa.Text(), nullable=True),
        sa.Column("sender_address", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'registered', 'ask_member', 'review', 'ignored', 'quarantined')", name=op.f("ck_messages_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("mailbox", "sha256", name=op.f("uq_messages_mailbox_sha256")),
    )
    op.create_index(op.f("ix_messages_mailbox_state_id"), "messages", ["mailbox", "state", "id"], unique=False)
    op.create_index(op.f("ix_messages_sha256"), "messages", ["sha256"], unique=False)
    op.create_index(op.f("ix_messages_state_id"), "messages", ["state", "id"], unique=False)
    op.create_table(
        "polls",
        sa.Column("mailbox", sa.String(length=200), nullable=False),
        sa.Column("last_poll_at", Time, nullable=False),
        sa.Column("last_success_at", Time, nullable=True),
        sa.Column("last_error", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("mailbox", name=op.f("pk_polls")),
    )
    op.create_table(
        "registrations",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("member_name", sa.Text(), nullable=False),
        sa.Column("member_address", sa.Text(), nullable=False),
        sa.Column("member_key", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("missing", Json, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("received_at", Time, nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("updated_at", Time, nullable=False),
        sa.CheckConstraint("state IN ('registered', 'ask_member', 'review', 'withdrawn')", name=op.f("ck_registrations_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registrations")),
    )
    op.create_index(op.f("ix_registrations_member_key"), "registrations", ["member_key"], unique=False)
    op.create_index(op.f("ix_registrations_received_at_id"), "registrations", ["received_at", "id"], unique=False)
    op.create_index(op.f("ix_registrations_state"), "registrations", ["state"], unique=False)
    op.create_table(
        "arrivals",
        sa.Column("mailbox", sa.String(length=200), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("message_id", Id, nullable=False),
        sa.Column("internal_date", Time, nullable=False),
        sa.Column("fetched_at", Time, nullable=False),
        sa.Column("settled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_arrivals_message_id")),
        sa.PrimaryKeyConstraint("mailbox", "uidvalidity", "uid", name=op.f("pk_arrivals")),
    )
    op.create_index(op.f("ix_arrivals_message_id"), "arrivals", ["message_id"], unique=False)
    op.create_index(
        "ix_arrivals_unsettled",
        "arrivals",
        ["mailbox", "uidvalidity", "uid"],
        unique=False,
        sqlite_where=sa.text("settled IS 0"),
        postgresql_where=sa.text("settled IS false"),
    )
    op.create_table(
        "contents",
        sa.Column("message_id", Id, autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_contents_message_id")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_contents")),
    )
    op.create_table(
        "message_identifiers",
        sa.Column("message_id", Id, nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_message_identifiers_message_id")),
        sa.PrimaryKeyConstraint("message_id", "identifier", name=op.f("pk_message_identifiers")),
    )
    op.create_index(op.f("ix_message_identifiers_identifier"), "message_identifiers", ["identifier"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", Id, nullable=False),
        sa.Column("message_id", Id, nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("registration_id", sa.String(length=40), nullable=True),
        sa.Column("template", sa.String(length=80), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("recipient_key", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("checks", Json, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=80), server_default=sa.text("''"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("counted_at", Time, nullable=False),
        sa.Column("next_attempt_at", Time, nullable=True),
        sa.Column("sent_at", Time, nullable=True),
        sa.CheckConstraint("state IN ('held', 'due', 'sending', 'sent', 'suppressed', 'dead')", name=op.f("ck_outbox_state")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_outbox_message_id")),
        sa.ForeignKeyConstraint(["registration_id"], ["registrations.id"], name=op.f("fk_outbox_registration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("identifier", name=op.f("uq_outbox_identifier")),
        sa.UniqueConstraint("message_id", "purpose", name=op.f("uq_outbox_message_id_purpose")),
    )
    op.create_index(op.f("ix_outbox_recipient_key_counted_at"), "outbox", ["recipient_key", "counted_at"], unique=False)
    op.create_index(op.f("ix_outbox_registration_id"), "outbox", ["registration_id"], unique=False)
    op.create_index(op.f("ix_outbox_state_next_attempt_at_id"), "outbox", ["state", "next_attempt_at", "id"], unique=False)
    op.create_table(
        "readings",
        sa.Column("id", Id, nullable=False),
        sa.Column("message_id", Id, nullable=False),
        sa.Column("read_at", Time, nullable=False),
        sa.Column("rules_version", sa.String(length=80), nullable=False),
        sa.Column("extraction", Json, nullable=False),
        sa.Column("decision", Json, nullable=False),
        sa.Column("parsed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_readings_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_readings")),
    )
    op.create_index(op.f("ix_readings_message_id"), "readings", ["message_id"], unique=False)
    op.create_table(
        "registration_messages",
        sa.Column("registration_id", sa.String(length=40), nullable=False),
        sa.Column("message_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_registration_messages_message_id")),
        sa.ForeignKeyConstraint(["registration_id"], ["registrations.id"], name=op.f("fk_registration_messages_registration_id")),
        sa.PrimaryKeyConstraint("registration_id", "message_id", name=op.f("pk_registration_messages")),
    )
    op.create_index(op.f("ix_registration_messages_message_id"), "registration_messages", ["message_id"], unique=False)
    op.create_table(
        "registration_values",
        sa.Column("registration_id", sa.String(length=40), nullable=False),
        sa.Column("field", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("message_id", Id, nullable=True),
        sa.Column("evidence", Json, nullable=True),
        sa.Column("person", sa.Text(), nullable=True),
        sa.CheckConstraint("(message_id IS NOT NULL AND evidence IS NOT NULL) OR person IS NOT NULL", name=op.f("ck_registration_values_provenance")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_registration_values_message_id")),
        sa.ForeignKeyConstraint(["registration_id"], ["registrations.id"], name=op.f("fk_registration_values_registration_id")),
        sa.PrimaryKeyConstraint("registration_id", "field", "position", name=op.f("pk_registration_values")),
    )
    op.create_index(op.f("ix_registration_values_field_value"), "registration_values", ["field", "value"], unique=False)
    op.create_index(op.f("ix_registration_values_message_id"), "registration_values", ["message_id"], unique=False)
    dialect = op.get_bind().dialect.name
    for statement in SQLITE_TRIGGERS if dialect == "sqlite" else POSTGRESQL_TRIGGERS:
        op.execute(statement)
    installation = sa.table("installation", sa.column("id", sa.Integer), sa.column("created_at", Time), sa.column("secret", sa.LargeBinary))
    now = datetime.now(UTC)
    op.execute(installation.insert().values(id=1, created_at=now.replace(tzinfo=None) if dialect == "sqlite" else now, secret=secrets.token_bytes(32)))
