"""Alembic's entry: runs in the transaction that ``store.schema`` has begun, on its connection."""

from __future__ import annotations

from alembic import context

from store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=True,  # true of SQLite too, as the transaction is begun by us
)
with context.begin_transaction():
    context.run_migrations()
