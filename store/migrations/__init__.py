"""Alembic's migrations, from the first table. Run by ``store.schema``, never by hand."""
