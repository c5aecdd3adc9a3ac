"""Answers of unknown fate, when an answer was handed over last, and copies still to be put in Sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Time = sa.DateTime(timezone=True)
ASKED = "template = 'ask_member' AND state <> 'suppressed'"
COPIES = "copy_at IS NOT NULL"


def upgrade() -> None:
    op.drop_index("uq_outbox_asked_once", "outbox")  # SQLite copies the table for a changed check, and this index has a condition
    with op.batch_alter_table("outbox") as outbox:
        outbox.drop_constraint(op.f("ck_outbox_state"), type_="check")
        outbox.create_check_constraint(op.f("ck_outbox_state"), "state IN ('held', 'due', 'sending', 'unknown', 'sent', 'suppressed', 'dead')")
        outbox.add_column(sa.Column("handed_at", Time, nullable=True))
        outbox.add_column(sa.Column("copy_at", Time, nullable=True))
    op.create_index("uq_outbox_asked_once", "outbox", ["registration_id"], unique=True, sqlite_where=sa.text(ASKED), postgresql_where=sa.text(ASKED))
    op.create_index(op.f("ix_outbox_handed_at"), "outbox", ["handed_at"], unique=False)
    op.create_index("ix_outbox_copies", "outbox", ["copy_at"], unique=False, sqlite_where=sa.text(COPIES), postgresql_where=sa.text(COPIES))
    op.execute("UPDATE outbox SET handed_at = sent_at WHERE sent_at IS NOT NULL")  # so that the day's count begins right
