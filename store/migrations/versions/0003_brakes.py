"""What brakes the outbox: breakers that tripped, addresses that nothing reaches, reports about answers that came back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)
OPEN = "closed_at IS NULL"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("recipient_domain", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("outbox", sa.Column("words", sa.String(length=64), server_default=sa.text("''"), nullable=False))
    at = "instr(recipient_key, '@')" if op.get_bind().dialect.name == "sqlite" else "position('@' in recipient_key)"
    op.execute(f"UPDATE outbox SET recipient_domain = substr(recipient_key, {at} + 1)")  # noqa: S608 - one of the two above
    op.create_index(op.f("ix_outbox_created_at"), "outbox", ["created_at"], unique=False)
    op.create_index(op.f("ix_outbox_recipient_domain_created_at"), "outbox", ["recipient_domain", "created_at"], unique=False)
    op.create_table(
        "breakers",
        sa.Column("id", Id, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("tripped_at", Time, nullable=False),
        sa.Column("announced_at", Time, nullable=True),
        sa.Column("closed_at", Time, nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breakers")),
    )
    op.create_index("uq_breakers_open", "breakers", ["scope"], unique=True, sqlite_where=sa.text(OPEN), postgresql_where=sa.text(OPEN))
    op.create_table(
        "undeliverable_addresses",
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("marked_at", Time, nullable=False),
        sa.Column("reason", sa.String(length=80), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("reply_id", Id, nullable=False),
        sa.Column("message_id", Id, nullable=True),
        sa.Column("cleared_at", Time, nullable=True),
        sa.Column("cleared_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["reply_id"], ["outbox.id"], name=op.f("fk_undeliverable_addresses_reply_id")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_undeliverable_addresses_message_id")),
        sa.PrimaryKeyConstraint("address_key", name=op.f("pk_undeliverable_addresses")),
    )
    op.create_table(
        "delivery_reports",
        sa.Column("message_id", Id, autoincrement=False, nullable=False),
        sa.Column("reply_id", Id, nullable=False),
        sa.Column("effect", sa.String(length=80), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("recorded_at", Time, nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_delivery_reports_message_id")),
        sa.ForeignKeyConstraint(["reply_id"], ["outbox.id"], name=op.f("fk_delivery_reports_reply_id")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_delivery_reports")),
    )
    op.create_index(op.f("ix_delivery_reports_reply_id"), "delivery_reports", ["reply_id"], unique=False)
