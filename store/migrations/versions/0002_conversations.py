"""Addresses that a registration knows, and one round of questions for each registration."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Time = sa.DateTime(timezone=True)
ASKED = "template = 'ask_member' AND state <> 'suppressed'"


def upgrade() -> None:
    op.create_table(
        "registration_addresses",
        sa.Column("registration_id", sa.String(length=40), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("added_at", Time, nullable=False),
        sa.ForeignKeyConstraint(["registration_id"], ["registrations.id"], name=op.f("fk_registration_addresses_registration_id")),
        sa.PrimaryKeyConstraint("registration_id", "address_key", name=op.f("pk_registration_addresses")),
    )
    op.create_index(op.f("ix_registration_addresses_address_key"), "registration_addresses", ["address_key"], unique=False)
    op.execute("INSERT INTO registration_addresses (registration_id, address_key, added_at) SELECT id, member_key, created_at FROM registrations")
    op.create_index(
        "uq_outbox_asked_once",
        "outbox",
        ["registration_id"],
        unique=True,
        sqlite_where=sa.text(ASKED),
        postgresql_where=sa.text(ASKED),
    )
