"""Aliases that corrections taught, and corrections as cases to measure the rules by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)
KNOWN = sa.text("forgotten_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "aliases",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("written", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("means", sa.Text(), nullable=False),
        sa.Column("council", sa.Text(), nullable=False),
        sa.Column("stands_in", sa.Text(), nullable=False),
        sa.Column("registration_id", sa.String(length=40), nullable=True),
        sa.Column("made_at", Time, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("forgotten_at", Time, nullable=True),
        sa.Column("forgotten_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint("kind IN ('institution', 'authority', 'domain', 'activity')", name=op.f("ck_aliases_kind")),
        sa.ForeignKeyConstraint(["registration_id"], ["registrations.id"], name=op.f("fk_aliases_registration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_aliases")),
    )
    op.create_index(op.f("ix_aliases_registration_id"), "aliases", ["registration_id"], unique=False)
    op.create_index("uq_aliases_known", "aliases", ["kind", "key", "council"], unique=True, sqlite_where=KNOWN, postgresql_where=KNOWN)
    op.create_table(
        "alias_uses",
        sa.Column("alias_id", Id, nullable=False),
        sa.Column("message_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["alias_id"], ["aliases.id"], name=op.f("fk_alias_uses_alias_id")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_alias_uses_message_id")),
        sa.PrimaryKeyConstraint("alias_id", "message_id", name=op.f("pk_alias_uses")),
    )
    op.create_index(op.f("ix_alias_uses_message_id"), "alias_uses", ["message_id"], unique=False)
    op.create_table(
        "regression_cases",
        sa.Column("registration_id", sa.String(length=40), nullable=False),
        sa.Column("messages", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("confirmed", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("corrected", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("made_at", Time, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("dropped_at", Time, nullable=True),
        sa.Column("measured_at", Time, nullable=True),
        sa.Column("rules_version", sa.String(length=80), server_default=sa.text("''"), nullable=False),
        sa.Column("wrong", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["registration_id"], ["registrations.id"], name=op.f("fk_regression_cases_registration_id")),
        sa.PrimaryKeyConstraint("registration_id", name=op.f("pk_regression_cases")),
    )
