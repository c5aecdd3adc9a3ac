"""People of the desk: accounts, sessions, tries to sign in, who has what open, saved views; what persons did, by person and time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Time = sa.DateTime(timezone=True)
BY_A_PERSON = sa.text("actor <> 'mailroom'")


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("by_provider", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", Time, nullable=False),
        sa.Column("password_at", Time, nullable=True),
        sa.Column("disabled_at", Time, nullable=True),
        sa.CheckConstraint("role IN ('viewer', 'coordinator', 'administrator')", name=op.f("ck_accounts_role")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_accounts")),
        sa.UniqueConstraint("email", name=op.f("uq_accounts_email")),
        sa.UniqueConstraint("subject", name=op.f("uq_accounts_subject")),
    )
    op.create_table(
        "desk_sessions",
        sa.Column("id", Id, nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=80), nullable=False),
        sa.Column("way", sa.String(length=20), nullable=False),
        sa.Column("made_at", Time, nullable=False),
        sa.Column("seen_at", Time, nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.Column("ended_at", Time, nullable=True),
        sa.ForeignKeyConstraint(["account"], ["accounts.name"], name=op.f("fk_desk_sessions_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_desk_sessions")),
        sa.UniqueConstraint("token", name=op.f("uq_desk_sessions_token")),
    )
    op.create_index(op.f("ix_desk_sessions_account"), "desk_sessions", ["account"], unique=False)
    op.create_index(op.f("ix_desk_sessions_made_at"), "desk_sessions", ["made_at"], unique=False)
    op.create_table(
        "sign_in_attempts",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", Time, nullable=False),
        sa.Column("not_before", Time, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_attempts")),
    )
    op.create_index(op.f("ix_sign_in_attempts_last_at"), "sign_in_attempts", ["last_at"], unique=False)
    op.create_table(
        "presence",
        sa.Column("item", sa.String(length=60), nullable=False),
        sa.Column("person", sa.String(length=80), nullable=False),
        sa.Column("since", Time, nullable=False),
        sa.Column("seen_at", Time, nullable=False),
        sa.ForeignKeyConstraint(["person"], ["accounts.name"], name=op.f("fk_presence_person")),
        sa.PrimaryKeyConstraint("item", "person", name=op.f("pk_presence")),
    )
    op.create_index(op.f("ix_presence_seen_at"), "presence", ["seen_at"], unique=False)
    op.create_table(
        "saved_views",
        sa.Column("id", Id, nullable=False),
        sa.Column("person", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("made_at", Time, nullable=False),
        sa.ForeignKeyConstraint(["person"], ["accounts.name"], name=op.f("fk_saved_views_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("person", "name", name=op.f("uq_saved_views_person_name")),
    )
    op.create_index("ix_history_actor_at", "history", ["actor", "at", "id"], sqlite_where=BY_A_PERSON, postgresql_where=BY_A_PERSON)
    op.create_index("ix_history_person_at", "history", ["at", "id"], sqlite_where=BY_A_PERSON, postgresql_where=BY_A_PERSON)
