"""Deeds that can be undone; registrations that were merged into another one, or dismissed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON(none_as_null=True)
Time = sa.DateTime(timezone=True)
OF_DEED = sa.text("deed_id IS NOT NULL")
STATES = "state IN ('registered', 'ask_member', 'review', 'withdrawn', 'merged', 'dismissed')"


def _registrations() -> sa.Table:
    """As 0007 left it: SQLite alters a table by copying it, and cannot tell Alembic of all its checks."""
    return sa.Table(
        "registrations",
        sa.MetaData(),
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
        sa.CheckConstraint("state IN ('registered', 'ask_member', 'review', 'withdrawn')", name="ck_registrations_state"),
        sa.PrimaryKeyConstraint("id", name="pk_registrations"),
        sa.Index("ix_registrations_member_key", "member_key"),
        sa.Index("ix_registrations_received_at_id", "received_at", "id"),
        sa.Index("ix_registrations_state", "state"),
    )


def upgrade() -> None:
    with op.batch_alter_table("registrations", copy_from=_registrations()) as batch:
        batch.drop_constraint(op.f("ck_registrations_state"), type_="check")
        batch.add_column(sa.Column("merged_into", sa.String(length=40), nullable=True))
        batch.create_check_constraint(op.f("ck_registrations_state"), STATES)
        batch.create_check_constraint(op.f("ck_registrations_merged"), "(state = 'merged') = (merged_into IS NOT NULL)")
        batch.create_foreign_key(op.f("fk_registrations_merged_into"), "registrations", ["merged_into"], ["id"])
    op.create_index(op.f("ix_registrations_merged_into"), "registrations", ["merged_into"], unique=False)
    op.add_column("history", sa.Column("deed_id", Id, nullable=True))
    op.create_index("ix_history_deed_id", "history", ["deed_id"], unique=False, sqlite_where=OF_DEED, postgresql_where=OF_DEED)
    op.create_table(
        "deeds",
        sa.Column("id", Id, nullable=False),
        sa.Column("at", Time, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("registration_id", sa.String(length=40), nullable=True),
        sa.Column("changed", Json, nullable=False),
        sa.Column("undone_at", Time, nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["registration_id"], ["registrations.id"], name=op.f("fk_deeds_registration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deeds")),
    )
    op.create_index(op.f("ix_deeds_registration_id"), "deeds", ["registration_id"], unique=False)
