"""Places in sessions, reminders and digests; an outbox that also holds what answers no message."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)
ASKED = sa.text("template = 'ask_member' AND state <> 'suppressed'")
COPIES = sa.text("copy_at IS NOT NULL")
ANSWER = sa.text("purpose = 'answer'")


def _outbox() -> sa.Table:
    """As 0004 left it: SQLite alters a table by copying it, and cannot tell Alembic of all its checks."""
    return sa.Table(
        "outbox",
        sa.MetaData(),
        sa.Column("id", Id, nullable=False),
        sa.Column("message_id", Id, nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("registration_id", sa.String(length=40), nullable=True),
        sa.Column("template", sa.String(length=80), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("recipient_key", sa.Text(), nullable=False),
        sa.Column("recipient_domain", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("words", sa.String(length=64), server_default=sa.text("''"), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("checks", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=80), server_default=sa.text("''"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("counted_at", Time, nullable=False),
        sa.Column("next_attempt_at", Time, nullable=True),
        sa.Column("sent_at", Time, nullable=True),
        sa.Column("handed_at", Time, nullable=True),
        sa.Column("copy_at", Time, nullable=True),
        sa.CheckConstraint("state IN ('held', 'due', 'sending', 'unknown', 'sent', 'suppressed', 'dead')", name="ck_outbox_state"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_outbox_message_id"),
        sa.ForeignKeyConstraint(["registration_id"], ["registrations.id"], name="fk_outbox_registration_id"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("identifier", name="uq_outbox_identifier"),
        sa.UniqueConstraint("message_id", "purpose", name="uq_outbox_message_id_purpose"),
        sa.Index("ix_outbox_copies", "copy_at", sqlite_where=COPIES, postgresql_where=COPIES),
        sa.Index("ix_outbox_created_at", "created_at"),
        sa.Index("ix_outbox_handed_at", "handed_at"),
        sa.Index("ix_outbox_recipient_domain_created_at", "recipient_domain", "created_at"),
        sa.Index("ix_outbox_recipient_key_counted_at", "recipient_key", "counted_at"),
        sa.Index("ix_outbox_registration_id", "registration_id"),
        sa.Index("ix_outbox_state_next_attempt_at_id", "state", "next_attempt_at", "id"),
        sa.Index("uq_outbox_asked_once", "registration_id", unique=True, sqlite_where=ASKED, postgresql_where=ASKED),
    )


def upgrade() -> None:
    with op.batch_alter_table("outbox", copy_from=_outbox()) as batch:
        batch.alter_column("message_id", existing_type=Id, nullable=True)
        batch.drop_constraint("uq_outbox_message_id_purpose", type_="unique")
        batch.add_column(sa.Column("not_after", Time, nullable=True))
    op.create_index(op.f("ix_outbox_message_id"), "outbox", ["message_id"], unique=False)
    op.create_index("uq_outbox_answer_once", "outbox", ["message_id"], unique=True, sqlite_where=ANSWER, postgresql_where=ANSWER)
    op.create_table(
        "session_places",
        sa.Column("registration_id", sa.String(length=40), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("asked_at", Time, nullable=False),
        sa.Column("message_id", Id, nullable=True),
        sa.CheckConstraint("state IN ('place', 'waiting', 'late')", name=op.f("ck_session_places_state")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_session_places_message_id")),
        sa.ForeignKeyConstraint(["registration_id"], ["registrations.id"], name=op.f("fk_session_places_registration_id")),
        sa.PrimaryKeyConstraint("registration_id", "session", name=op.f("pk_session_places")),
    )
    op.create_index(op.f("ix_session_places_session_state_asked_at"), "session_places", ["session", "state", "asked_at"], unique=False)
    # Nobody was ever told that a session was full, so everybody who named one keeps a place in it.
    op.execute(
        "INSERT INTO session_places (registration_id, session, state, asked_at, message_id) "
        "SELECT v.registration_id, v.value, 'place', COALESCE(MIN(m.internal_date), MIN(r.received_at)), MIN(v.message_id) "
        "FROM registration_values v JOIN registrations r ON r.id = v.registration_id LEFT JOIN messages m ON m.id = v.message_id "
        "WHERE v.field = 'session' AND r.state <> 'withdrawn' GROUP BY v.registration_id, v.value"
    )
    op.create_table(
        "session_letters",
        sa.Column("registration_id", sa.String(length=40), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("letter", sa.String(length=20), nullable=False),
        sa.Column("made_at", Time, nullable=False),
        sa.Column("reply_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["registration_id"], ["registrations.id"], name=op.f("fk_session_letters_registration_id")),
        sa.ForeignKeyConstraint(["reply_id"], ["outbox.id"], name=op.f("fk_session_letters_reply_id")),
        sa.PrimaryKeyConstraint("registration_id", "session", "letter", name=op.f("pk_session_letters")),
    )
    op.create_index(op.f("ix_session_letters_reply_id"), "session_letters", ["reply_id"], unique=False)
    op.create_table(
        "digests",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("made_at", Time, nullable=False),
        sa.Column("covers_from", Time, nullable=True),
        sa.Column("covers_until", Time, nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_digests")),
    )
    op.create_index(op.f("ix_digests_covers_until"), "digests", ["covers_until"], unique=False)
