"""What a mailbox held at its last good poll, and how much of it is not in the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("polls", sa.Column("on_server", sa.Integer(), nullable=True))
    op.add_column("polls", sa.Column("unaccounted", sa.Integer(), nullable=True))
