"""Where everything is kept: raw mail, ledger, readings, register, outbox and history.

The only importer of SQLAlchemy. SQLite by default, PostgreSQL by its address; both pass the same tests.
``Store`` is the whole of it for the rest of mailroom; the other names are the values it takes and gives.
"""

from store.store import Store
from store.types import (
    Added,
    Cap,
    Event,
    FieldValue,
    MailboxStatus,
    MessageRecord,
    MessageSummary,
    PollNote,
    Record,
    Recorded,
    Registration,
    RegistrationDraft,
    RegistrationState,
    Reply,
    Seen,
    Status,
    StoredMessage,
    StoredReading,
)

__all__ = [
    "Added",
    "Cap",
    "Event",
    "FieldValue",
    "MailboxStatus",
    "MessageRecord",
    "MessageSummary",
    "PollNote",
    "Record",
    "Recorded",
    "Registration",
    "RegistrationDraft",
    "RegistrationState",
    "Reply",
    "Seen",
    "Status",
    "Store",
    "StoredMessage",
    "StoredReading",
]
