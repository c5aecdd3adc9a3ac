"""The tables: the truth of an installation, the same on SQLite and on PostgreSQL.

Raw bytes stand apart from the ledger so that listing a quarter of a million messages never drags them
along. Two identities stand apart too: ``arrivals`` is where a mailbox showed a message (transport),
``messages`` is the message itself (mailbox and sha256). Alembic's migrations build what is described
here, and a test compares the two; triggers (an append-only history, raw bytes that never change) are in
the migrations alone, because SQLAlchemy cannot describe them.

Times are UTC, in and out, and naive times are refused.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql

from mailroom.model import AliasKind, MessageState, ReplyState
from store.types import PlaceState, RegistrationState, Role

__all__ = [
    "accounts",
    "alias_uses",
    "aliases",
    "arrivals",
    "breakers",
    "contents",
    "deeds",
    "delivery_reports",
    "desk_sessions",
    "digests",
    "history",
    "installation",
    "listing_changes",
    "message_identifiers",
    "messages",
    "metadata",
    "outbox",
    "polls",
    "presence",
    "readings",
    "register_lines",
    "register_sets",
    "registration_addresses",
    "registration_messages",
    "registration_values",
    "registrations",
    "regression_cases",
    "saved_views",
    "session_letters",
    "session_places",
    "sign_in_attempts",
    "undeliverable_addresses",
    "wordings",
]


class UTCDateTime(TypeDecorator[datetime]):
    """An aware time, kept as UTC: ``timestamptz`` on PostgreSQL, sortable text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone cannot be stored: {value.isoformat()}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER
Json = JSON(none_as_null=True)


def _one_of(column: str, states: type[StrEnum]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(str(s)) for s in states)})", name=column)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("mailbox", String(200), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("internal_date", UTCDateTime, nullable=False),
    Column("stored_at", UTCDateTime, nullable=False),
    Column("state", String(20), nullable=False),
    Column("state_at", UTCDateTime, nullable=False),
    Column("kind", String(40)),
    Column("reason", String(80), nullable=False, server_default=text("''")),  # a code of mailroom.reasons
    Column("reason_detail", Text, nullable=False, server_default=text("''")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("sender_name", Text),
    Column("sender_address", Text),
    Column("subject", Text),
    UniqueConstraint("mailbox", "sha256"),
    _one_of("state", MessageState),
    Index(None, "mailbox", "state", "id"),
    Index(None, "state", "internal_date", "id", "kind"),  # the desk's queue, and its list of messages
    Index(None, "kind", "internal_date", "id", "state"),
    Index(None, "internal_date", "id", "state"),
    Index(None, "mailbox", "state", "internal_date", "id"),
    Index(None, "state", "id"),
    Index(None, "sha256"),
)

contents = Table(
    "contents",
    metadata,
    Column("message_id", Id, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

arrivals = Table(
    "arrivals",
    metadata,
    Column("mailbox", String(200), nullable=False),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    Column("message_id", Id, ForeignKey("messages.id"), nullable=False, index=True),
    Column("internal_date", UTCDateTime, nullable=False),
    Column("fetched_at", UTCDateTime, nullable=False),
    Column("settled", Boolean, nullable=False, server_default=text("false")),  # moved on the server, where that is wished
    PrimaryKeyConstraint("mailbox", "uidvalidity", "uid"),
)
Index(
    "ix_arrivals_unsettled",
    arrivals.c.mailbox,
    arrivals.c.uidvalidity,
    arrivals.c.uid,
    sqlite_where=text("settled IS 0"),  # as is_(False) is written, so that the planner sees it
    postgresql_where=text("settled IS false"),
)

message_identifiers = Table(  # RFC 5322 Message-ID fields: none, one, several, repeated by others
    "message_identifiers",
    metadata,
    Column("message_id", Id, ForeignKey("messages.id"), nullable=False),
    Column("identifier", Text, nullable=False, index=True),
    PrimaryKeyConstraint("message_id", "identifier"),
)

readings = Table(
    "readings",
    metadata,
    Column("id", Id, primary_key=True),
    Column("message_id", Id, ForeignKey("messages.id"), nullable=False, index=True),
    Column("read_at", UTCDateTime, nullable=False),
    Column("rules_version", String(80), nullable=False),
    Column("extraction", Json, nullable=False),
    Column("decision", Json, nullable=False),
    Column("parsed", LargeBinary, nullable=False),  # store.serialise.pack_parsed
)

registrations = Table(
    "registrations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("member_name", Text, nullable=False),
    Column("member_address", Text, nullable=False),
    Column("member_key", Text, nullable=False, index=True),  # the address, casefolded
    Column("state", String(20), nullable=False, index=True),
    Column("missing", Json, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("received_at", UTCDateTime, nullable=False),  # INTERNALDATE of the message that began it
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
    Column("merged_into", String(40), ForeignKey("registrations.id"), index=True),
    _one_of("state", RegistrationState),
    Index(None, "state", "received_at", "id"),
    CheckConstraint("(state = 'merged') = (merged_into IS NOT NULL)", name="merged"),
    Index(None, "received_at", "id"),
)

registration_values = Table(
    "registration_values",
    metadata,
    Column("registration_id", String(40), ForeignKey("registrations.id"), nullable=False),
    Column("field", String(40), nullable=False),
    Column("position", Integer, nullable=False),
    Column("value", Text, nullable=False),
    Column("message_id", Id, ForeignKey("messages.id"), index=True),
    Column("evidence", Json),
    Column("person", Text),
    PrimaryKeyConstraint("registration_id", "field", "position"),
    # No value without its source: a message and the words in it, or a person.
    CheckConstraint("(message_id IS NOT NULL AND evidence IS NOT NULL) OR person IS NOT NULL", name="provenance"),
    Index(None, "field", "value"),
)

registration_messages = Table(
    "registration_messages",
    metadata,
    Column("registration_id", String(40), ForeignKey("registrations.id"), nullable=False),
    Column("message_id", Id, ForeignKey("messages.id"), nullable=False, index=True),
    PrimaryKeyConstraint("registration_id", "message_id"),
)

registration_addresses = Table(  # who may speak for it: addresses that wrote, or that a person added
    "registration_addresses",
    metadata,
    Column("registration_id", String(40), ForeignKey("registrations.id"), nullable=False),
    Column("address_key", Text, nullable=False, index=True),
    Column("person", Text),
    Column("added_at", UTCDateTime, nullable=False),
    PrimaryKeyConstraint("registration_id", "address_key"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("message_id", Id, ForeignKey("messages.id"), index=True),  # the message that it answers or rests on; a digest has none
    Column("purpose", String(20), nullable=False),  # answer, or a letter of our own: store.letters
    Column("registration_id", String(40), ForeignKey("registrations.id"), index=True),
    Column("template", String(80), nullable=False),
    Column("recipient", Text, nullable=False),
    Column("recipient_key", Text, nullable=False),  # casefolded, for the cap
    Column("recipient_domain", Text, nullable=False, server_default=text("''")),  # casefolded, for its breaker
    Column("words", String(64), nullable=False, server_default=text("''")),  # digest of what the answered message says
    Column("subject", Text, nullable=False),
    Column("identifier", Text, nullable=False),  # our Message-ID
    Column("content", LargeBinary, nullable=False),  # the exact bytes, the same at each attempt
    Column("checks", Json, nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", String(80), nullable=False, server_default=text("''")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("last_error", Text, nullable=False, server_default=text("''")),
    Column("created_at", UTCDateTime, nullable=False),
    Column("counted_at", UTCDateTime, nullable=False),  # when the cap counts it: made, or released
    Column("next_attempt_at", UTCDateTime),
    Column("sent_at", UTCDateTime),
    Column("handed_at", UTCDateTime, index=True),  # when SMTP was begun for it last; the pace is counted by it
    Column("copy_at", UTCDateTime),  # a copy is still to be put in Sent, from then on
    Column("not_after", UTCDateTime),  # worth nothing from then on: a reminder, once its session has begun
    UniqueConstraint("identifier"),
    _one_of("state", ReplyState),
    Index(None, "state", "next_attempt_at", "id"),
    Index(None, "state", "created_at", "id", "template"),  # the desk's list of replies, and its queue
    Index(None, "template", "created_at", "id", "state"),
    Index(None, "recipient_key", "counted_at"),
    Index(None, "recipient_domain", "created_at"),
    Index(None, "created_at"),
)

_ASKED = text("template = 'ask_member' AND state <> 'suppressed'")
Index("uq_outbox_asked_once", outbox.c.registration_id, unique=True, sqlite_where=_ASKED, postgresql_where=_ASKED)  # one round of questions, ever
_COPIES = text("copy_at IS NOT NULL")
Index("ix_outbox_copies", outbox.c.copy_at, sqlite_where=_COPIES, postgresql_where=_COPIES)
_ANSWER = text("purpose = 'answer'")
Index("uq_outbox_answer_once", outbox.c.message_id, unique=True, sqlite_where=_ANSWER, postgresql_where=_ANSWER)  # one answer for a message, ever

session_places = Table(  # who asked for which session, and whether there was room
    "session_places",
    metadata,
    Column("registration_id", String(40), ForeignKey("registrations.id"), nullable=False),
    Column("session", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("asked_at", UTCDateTime, nullable=False),  # INTERNALDATE of the message that asked for it
    Column("message_id", Id, ForeignKey("messages.id")),  # None: a person asked for it
    PrimaryKeyConstraint("registration_id", "session"),
    _one_of("state", PlaceState),
    Index(None, "session", "state", "asked_at"),
)

session_letters = Table(  # reminders, once each, and news that a place has become free
    "session_letters",
    metadata,
    Column("registration_id", String(40), ForeignKey("registrations.id"), nullable=False),
    Column("session", Text, nullable=False),
    Column("letter", String(20), nullable=False),  # how long before, as written (7d); or "place"
    Column("made_at", UTCDateTime, nullable=False),
    Column("reply_id", Id, ForeignKey("outbox.id"), nullable=False, index=True),
    PrimaryKeyConstraint("registration_id", "session", "letter"),
)

digests = Table(
    "digests",
    metadata,
    Column("name", String(40), primary_key=True),  # the day that it is the digest of; a time for one that was asked for
    Column("made_at", UTCDateTime, nullable=False),
    Column("covers_from", UTCDateTime),
    Column("covers_until", UTCDateTime, nullable=False, index=True),
    Column("told", Boolean, nullable=False),  # False: there was nothing to tell
)

breakers = Table(  # closed rows are kept: when it tripped before is worth knowing
    "breakers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("scope", Text, nullable=False),  # a domain, or "*" for all mail
    Column("most", Integer, nullable=False),  # the limit that was reached
    Column("tripped_at", UTCDateTime, nullable=False),
    Column("announced_at", UTCDateTime),  # the alarm was raised
    Column("closed_at", UTCDateTime),
    Column("closed_by", Text),
)

_OPEN = text("closed_at IS NULL")
Index("uq_breakers_open", breakers.c.scope, unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN)

undeliverable_addresses = Table(
    "undeliverable_addresses",
    metadata,
    Column("address_key", Text, primary_key=True),  # casefolded
    Column("address", Text, nullable=False),
    Column("marked_at", UTCDateTime, nullable=False),
    Column("reason", String(80), nullable=False),  # a code of mailroom.reasons
    Column("status", String(20), nullable=False),  # RFC 3463, or ""
    Column("detail", Text, nullable=False),  # what the mail system said
    Column("reply_id", Id, ForeignKey("outbox.id"), nullable=False),  # the answer that did not arrive
    Column("message_id", Id, ForeignKey("messages.id")),  # the report; NULL where SMTP refused it at once
    Column("cleared_at", UTCDateTime),
    Column("cleared_by", Text),
)

delivery_reports = Table(  # a report that came in, and the answer of ours that it is about
    "delivery_reports",
    metadata,
    Column("message_id", Id, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("reply_id", Id, ForeignKey("outbox.id"), nullable=False, index=True),
    Column("effect", String(80), nullable=False),  # a code of mailroom.reasons
    Column("action", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("detail", Text, nullable=False),
    Column("recorded_at", UTCDateTime, nullable=False),
)

history = Table(  # append-only: triggers refuse UPDATE and DELETE
    "history",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UTCDateTime, nullable=False),
    Column("event", String(40), nullable=False),
    Column("actor", Text, nullable=False),  # "mailroom", or a person
    Column("message_id", Id, index=True),
    Column("registration_id", String(40), index=True),
    Column("reply_id", Id, index=True),
    Column("rules_version", String(80)),
    Column("before", Json),
    Column("after", Json),
    Column("deed_id", Id),  # what a person did, of which this is a part
)
_OF_DEED = text("deed_id IS NOT NULL")
Index("ix_history_deed_id", history.c.deed_id, sqlite_where=_OF_DEED, postgresql_where=_OF_DEED)

deeds = Table(  # what persons did, with what they need to be undone
    "deeds",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UTCDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("registration_id", String(40), ForeignKey("registrations.id"), index=True),  # the one that it is about, if there is one
    Column("changed", Json, nullable=False),  # store.undoing: each row that it changed, before and after
    Column("undone_at", UTCDateTime),
    Column("undone_by", Text),
)

_BY_A_PERSON = text("actor <> 'mailroom'")  # few among many; so the audit page never reads the others
Index("ix_history_actor_at", history.c.actor, history.c.at, history.c.id, sqlite_where=_BY_A_PERSON, postgresql_where=_BY_A_PERSON)
Index("ix_history_person_at", history.c.at, history.c.id, sqlite_where=_BY_A_PERSON, postgresql_where=_BY_A_PERSON)

polls = Table(
    "polls",
    metadata,
    Column("mailbox", String(200), primary_key=True),
    Column("last_poll_at", UTCDateTime, nullable=False),
    Column("last_success_at", UTCDateTime),
    Column("last_error", Text, nullable=False, server_default=text("''")),
    Column("on_server", Integer),  # at the last success; both are null before the first that counted
    Column("unaccounted", Integer),
)

installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("secret", LargeBinary, nullable=False),  # keys tokens that a stranger must not guess
    CheckConstraint("id = 1", name="single"),
)

aliases = Table(  # what corrections taught; a row that was forgotten is kept: who said so, and when, is worth knowing
    "aliases",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("written", Text, nullable=False),
    Column("key", Text, nullable=False),  # its words as they are compared
    Column("means", Text, nullable=False),
    Column("council", Text, nullable=False),  # where it holds; "" everywhere
    Column("stands_in", Text, nullable=False),  # the council of the institution that is meant
    Column("registration_id", String(40), ForeignKey("registrations.id"), index=True),
    Column("made_at", UTCDateTime, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("forgotten_at", UTCDateTime),
    Column("forgotten_by", Text, nullable=False, server_default=text("''")),
    _one_of("kind", AliasKind),
)
_KNOWN = text("forgotten_at IS NULL")
Index("uq_aliases_known", aliases.c.kind, aliases.c.key, aliases.c.council, unique=True, sqlite_where=_KNOWN, postgresql_where=_KNOWN)  # one meaning

alias_uses = Table(  # the messages that an alias helped to read
    "alias_uses",
    metadata,
    Column("alias_id", Id, ForeignKey("aliases.id"), nullable=False),
    Column("message_id", Id, ForeignKey("messages.id"), nullable=False, index=True),
    PrimaryKeyConstraint("alias_id", "message_id"),
)

regression_cases = Table(  # what persons confirmed, to measure the rules by
    "regression_cases",
    metadata,
    Column("registration_id", String(40), ForeignKey("registrations.id"), primary_key=True),
    Column("messages", Json, nullable=False),
    Column("confirmed", Json, nullable=False),
    Column("corrected", Json, nullable=False),
    Column("made_at", UTCDateTime, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("dropped_at", UTCDateTime),  # the correction was taken back
    Column("measured_at", UTCDateTime),
    Column("rules_version", String(80), nullable=False, server_default=text("''")),
    Column("wrong", Json),
)

# --- people of the desk: store.people

accounts = Table(
    "accounts",
    metadata,
    Column("name", String(80), primary_key=True),  # casefolded; the history refers to it, so no row is ever deleted
    Column("shown", Text, nullable=False),
    Column("role", String(20), nullable=False),
    Column("password", Text),  # argon2, with its salt and parameters
    Column("email", Text),  # casefolded
    Column("subject", Text),  # of the provider that vouches for the address
    Column("by_provider", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", UTCDateTime, nullable=False),
    Column("password_at", UTCDateTime),
    Column("disabled_at", UTCDateTime),
    UniqueConstraint("email"),
    UniqueConstraint("subject"),
    _one_of("role", Role),
)

desk_sessions = Table(
    "desk_sessions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("token", String(64), nullable=False),  # SHA-256 of what the cookie holds: whoever reads the database cannot sign in with it
    Column("account", String(80), ForeignKey("accounts.name"), nullable=False, index=True),
    Column("way", String(20), nullable=False),
    Column("made_at", UTCDateTime, nullable=False, index=True),
    Column("seen_at", UTCDateTime, nullable=False),
    Column("client", Text, nullable=False),
    Column("browser", Text, nullable=False),
    Column("ended_at", UTCDateTime),
    UniqueConstraint("token"),
)

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("key", String(80), primary_key=True),  # keyed digest of a name, a browser or an address: somebody may have typed a password for a name
    Column("failures", Integer, nullable=False),
    Column("last_at", UTCDateTime, nullable=False, index=True),
    Column("not_before", UTCDateTime, nullable=False),
)

presence = Table(
    "presence",
    metadata,
    Column("item", String(60), nullable=False),
    Column("person", String(80), ForeignKey("accounts.name"), nullable=False),
    Column("since", UTCDateTime, nullable=False),
    Column("seen_at", UTCDateTime, nullable=False, index=True),
    PrimaryKeyConstraint("item", "person"),
)

saved_views = Table(
    "saved_views",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person", String(80), ForeignKey("accounts.name"), nullable=False),
    Column("name", String(80), nullable=False),
    Column("query", Text, nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("made_at", UTCDateTime, nullable=False),
    UniqueConstraint("person", "name"),
)

wordings = Table(  # versions of the reply texts, each whole; the newest is the one that is used
    "wordings",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("made_at", UTCDateTime, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("changes", Json, nullable=False),  # by a passage's id: the shipped words, and what is said instead
)

# --- what the desk's lists are read from: made from the tables above (store.listing), and never asked what is true.
# The full text (register_words, message_words, reply_words) is in the migrations alone: each database has its own kind.

Key = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")  # compared as it is, whatever language the database speaks

listing_changes = Table(  # written by triggers
    "listing_changes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("key", Text, nullable=False),
)

register_lines = Table(
    "register_lines",
    metadata,
    Column("number", Id, primary_key=True),
    Column("registration_id", String(40), ForeignKey("registrations.id"), nullable=False),
    Column("received_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
    Column("name_key", Key, nullable=False),
    Column("council_key", Key, nullable=False),
    Column("institution_key", Key, nullable=False),
    Column("sets", Json, nullable=False),  # those that it is in, to be taken out of them
    UniqueConstraint("registration_id"),
    Index(None, "received_at", "number"),
    Index(None, "updated_at", "number"),
    Index(None, "name_key", "number"),
    Index(None, "council_key", "number"),
    Index(None, "institution_key", "number"),
)

register_sets = Table(
    "register_sets",
    metadata,
    Column("field", String(20), nullable=False),
    Column("value", Key, nullable=False),
    Column("chunk", Integer, nullable=False),  # the higher bits of the numbers
    Column("size", Integer, nullable=False),
    Column("members", LargeBinary, nullable=False),  # a Roaring bitmap of whole numbers
    PrimaryKeyConstraint("field", "value", "chunk"),
)
_TOPIC = text("field = 'topic'")
Index("ix_register_sets_topics", register_sets.c.size, register_sets.c.value, sqlite_where=_TOPIC, postgresql_where=_TOPIC)  # the commonest
