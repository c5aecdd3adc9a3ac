"""Messages are read in the order of arrival."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_messages_mailbox_state_internal_date_id"), "messages", ["mailbox", "state", "internal_date", "id"], unique=False)
