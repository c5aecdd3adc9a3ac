"""Where everything is kept: raw mail, ledger, readings, register, outbox and history.

The only importer of SQLAlchemy. SQLite by default, PostgreSQL by its address; both pass the same tests.
``Store`` is the whole of it for the rest of mailroom; the other names are the values it takes and gives.
"""

from store.register import registration_id
from store.store import Store
from store.types import (
    Added,
    Cap,
    Conversation,
    Event,
    FieldValue,
    Lookup,
    MailboxStatus,
    MessageRecord,
    MessageSummary,
    Met,
    Occupancy,
    PlaceState,
    PollNote,
    Record,
    Recorded,
    Registration,
    RegistrationDraft,
    RegistrationState,
    RegistrationUpdate,
    Reply,
    Seen,
    SessionPlace,
    Status,
    StoredMessage,
    StoredReading,
    Turn,
    Wishes,
)

__all__ = [
    "Added",
    "Cap",
    "Conversation",
    "Event",
    "FieldValue",
    "Lookup",
    "MailboxStatus",
    "MessageRecord",
    "MessageSummary",
    "Met",
    "Occupancy",
    "PlaceState",
    "PollNote",
    "Record",
    "Recorded",
    "Registration",
    "RegistrationDraft",
    "RegistrationState",
    "RegistrationUpdate",
    "Reply",
    "Seen",
    "SessionPlace",
    "Status",
    "Store",
    "StoredMessage",
    "StoredReading",
    "Turn",
    "Wishes",
    "registration_id",
]
