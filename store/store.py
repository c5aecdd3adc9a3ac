"""The store: what the rest of mailroom sees of the database, one verb for each thing it does to it.

Promises. Every writing verb is one durable transaction: it happened whole, or not at all, also when the
process is killed inside it. Offering the same thing twice changes nothing. Nothing is deleted (but what store.people sweeps). Opening
a store touches no disk; only ``upgrade`` and a first ``ensure_current`` make a database, and a store
opened with ``read_only`` never alters one.

Errors: Temporary (locked, away, disk full), Permanent (this row cannot be stored), Misconfigured (wrong
address, older or newer schema).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, tzinfo
from secrets import token_hex
from time import monotonic, sleep
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection, select, text

from mailroom.errors import Permanent, Temporary
from mailroom.model import Arrival, MessageState, ParsedMessage, Reading, Remembered, ReplyDraft, ReplyState, Slot
from store import (
    brakes,
    browsing,
    conversing,
    deeds,
    history,
    ledger,
    letters,
    listing,
    locking,
    outbox,
    pulse,
    recording,
    register,
    remembered,
    schema,
    seating,
    undeliverable,
    wordings,
)
from store.database import Database
from store.deeds import DeedLetter, Did
from store.ledger import chunks
from store.people import People
from store.serialise import reading_of
from store.tables import history as history_table
from store.tables import installation, readings
from store.types import (
    Added,
    AliasDraft,
    Breaker,
    Cap,
    Conversation,
    Deed,
    DigestFacts,
    DigestNote,
    Event,
    Facet,
    Facets,
    Lookup,
    MailboxHealth,
    MailboxStatus,
    MessageFilter,
    MessagePage,
    MessageRecord,
    MessageSummary,
    Met,
    Needs,
    NeedsKind,
    NeedsPage,
    Occupancy,
    OutboxFilter,
    OutboxPage,
    Page,
    Picture,
    Record,
    Recorded,
    Registration,
    RegistrationDraft,
    RegistrationFilter,
    RegistrationLine,
    RegistrationPage,
    RegistrationSort,
    RegistrationState,
    RegistrationUpdate,
    RegressionCase,
    Reply,
    SessionPlace,
    Status,
    StoredAlias,
    StoredMessage,
    StoredReading,
    Today,
    UndeliverableAddress,
    WordingVersion,
)

__all__ = ["Store"]

PATIENCE = 20.0  # seconds that a deed gives way for
GIVES_WAY = 500
T = TypeVar("T")


class Store:
    """A store at an address: ``sqlite:///mailroom.db`` or ``postgresql://user@host/name``."""

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self._database = Database(url, read_only=read_only)
        self._database.before_commit = listing.settle

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give back all connections."""
        self._database.close()

    @property
    def people(self) -> People:
        """Accounts of the desk, who is signed in, who has what open, and who looked at what."""
        return People(self._database)

    # --- the schema and the one worker

    def upgrade(self) -> None:
        """Bring the schema to this version's; Misconfigured if the database is newer."""
        schema.upgrade(self._database)

    def ensure_current(self, *, first_run_ok: bool = True) -> None:
        """Make the schema at a first run; Misconfigured if the database is older or newer."""
        schema.ensure_current(self._database, first_run_ok=first_run_ok)

    @property
    def shown(self) -> str:
        """Where it is, without a password."""
        return self._database.shown

    @property
    def missing(self) -> bool:
        """Whether there is no file yet (SQLite)."""
        return self._database.path is not None and self._database.missing

    def check(self) -> tuple[str, ...]:
        """What stands in the way, each with its mend; () if nothing. Touches nothing."""
        return schema.check(self._database)

    def exclusive(self, timeout: float = 0.0) -> AbstractContextManager[None]:
        """Hold the one worker's lock; Temporary if another has it for longer than ``timeout`` seconds."""
        return locking.exclusive(self._database, timeout)

    def secret(self) -> bytes:
        """Random bytes made once for this installation: the key of tokens that must not be guessed."""
        with self._database.read() as connection:
            secret: bytes = connection.execute(select(installation.c.secret)).scalar_one()
            return secret

    # --- arrivals

    def known_uids(self, mailbox: str, uidvalidity: int) -> set[int]:
        with self._database.read() as connection:
            return ledger.known_uids(connection, mailbox, uidvalidity)

    def add_arrivals(self, batch: Sequence[Arrival], now: datetime) -> Added:
        """Store a batch durably. What is there already is left as it is; the same bytes seen in another
        place are linked to the message first stored; a message without content is quarantined."""
        if not batch:
            return Added(new=0, linked=0)
        with self._database.write() as connection:
            return ledger.add_arrivals(connection, batch, now)

    def unaccounted(self, mailbox: str, uidvalidity: int, server_uids: Iterable[int]) -> list[int]:
        """UIDs on the server that the ledger has no message for, ascending."""
        return sorted(set(server_uids) - self.known_uids(mailbox, uidvalidity))

    def unsettled_uids(self, mailbox: str, uidvalidity: int) -> list[int]:
        """UIDs that are decided and still to be moved on the server, ascending."""
        with self._database.read() as connection:
            return ledger.unsettled_uids(connection, mailbox, uidvalidity)

    def mark_settled(self, mailbox: str, uidvalidity: int, uids: Iterable[int]) -> None:
        with self._database.write() as connection:
            ledger.mark_settled(connection, mailbox, uidvalidity, uids)

    def note_poll(self, mailbox: str, now: datetime, *, ok: bool, error: str = "", on_server: int | None = None, unaccounted: int | None = None) -> None:
        """Remember how the last poll of a mailbox ended, and its closing balance where it went well."""
        with self._database.write() as connection:
            ledger.note_poll(connection, mailbox, now, ok, error, on_server, unaccounted)

    # --- reading and deciding

    def waiting(self, mailbox: str | None = None, *, limit: int = 100, after: StoredMessage | None = None) -> list[StoredMessage]:
        """Messages to be read, in the order of arrival (INTERNALDATE): one page, from ``after`` on."""
        with self._database.read() as connection:
            return ledger.waiting(connection, mailbox, limit, (after.internal_date, after.id) if after is not None else None)

    def record(
        self,
        message_id: int,
        reading: Reading,
        state: MessageState,
        registration: RegistrationDraft | None = None,
        reply: ReplyDraft | None = None,
        reply_state: ReplyState = ReplyState.HELD,
        reply_reason: str = "",
        *,
        cap: Cap | None = None,
        now: datetime,
    ) -> bool:
        """Write one decision whole; False (and nothing written) when the message no longer waits."""
        record = Record(
            message_id=message_id,
            reading=reading,
            state=state,
            registration=registration,
            reply=reply,
            reply_state=reply_state,
            reply_reason=reply_reason,
            cap=cap,
        )
        with self._database.write() as connection:
            return recording.record_batch(connection, [record], now)[0].recorded

    def record_many(self, batch: Sequence[Record], now: datetime) -> list[Recorded]:
        """Write several decisions in one commit. If one is refused, each goes by itself and the refused
        ones come back with ``error`` set. Temporary trouble is raised: it is not any one record's."""
        if not batch:
            return []
        try:
            with self._database.write() as connection:
                return recording.record_batch(connection, batch, now)
        except (Permanent, ValueError, TypeError) as error:
            if len(batch) == 1:
                return [Recorded(message_id=batch[0].message_id, recorded=False, error=str(error))]
        return [self.record_many([record], now)[0] for record in batch]

    def failed_attempt(self, message_id: int, error: str, now: datetime, max_attempts: int) -> bool:
        """Count a reading that failed; True when that was one too many and it is quarantined now."""
        with self._database.write() as connection:
            return ledger.failed_attempt(connection, message_id, error, now, max_attempts)

    def quarantine(self, message_id: int, reason: str, now: datetime, *, detail: str = "") -> bool:
        """Put a waiting message aside with a reason code; False when it no longer waits."""
        with self._database.write() as connection:
            return ledger.quarantine(connection, message_id, reason, detail, now)

    # --- conversations

    def conversations(self, lookups: Sequence[Lookup]) -> dict[int, tuple[Met, ...]]:
        """What each message may continue, the likeliest first; no entry where nothing was found."""
        if not lookups:
            return {}
        with self._database.read() as connection:
            return conversing.find(connection, lookups)

    def conversation(self, registration_id: str) -> Conversation | None:
        with self._database.read() as connection:
            return None if register.by_id(connection, registration_id) is None else conversing.load(connection, registration_id)

    def correct(self, update: RegistrationUpdate, now: datetime, *, actor: str, places: Mapping[str, int] | None = None) -> bool:
        """A person changes a registration: values, state. False when it was changed meanwhile, or nothing differs.

        ``places``: the sessions with a limit; a session that the change adds is waited for where it is full.
        """
        with self._database.write() as connection:
            return recording.correct(connection, update, now, actor, places or {})

    def settle(self, registration_id: str, now: datetime, *, actor: str) -> list[int]:
        """A person has dealt with a registration: its messages that are in review are done; gives their ids."""
        with self._database.write() as connection:
            return recording.settle(connection, registration_id, now, actor)

    def settle_messages(self, ids: Sequence[int], now: datetime, *, actor: str) -> list[int]:
        """A person has dealt with these messages; gives the ids of those that waited for one, or could not be read."""
        with self._database.write() as connection:
            return recording.settle_messages(connection, ids, now, actor)

    def addresses(self, registration_id: str) -> tuple[tuple[str, str | None], ...]:
        """Who may speak for a registration, each with the person who said so, if one did."""
        with self._database.read() as connection:
            return conversing.addresses(connection, registration_id)

    def messages_of(self, registration_id: str) -> list[MessageSummary]:
        """The messages that a registration rests on, oldest first."""
        with self._database.read() as connection:
            return ledger.of_registration(connection, registration_id)

    def add_address(self, registration_id: str, address: str, now: datetime, *, actor: str) -> bool:
        """A person lets another address speak for a registration; False when it does already."""
        with self._database.write() as connection:
            return conversing.add_address(connection, registration_id, address, actor, now)

    # --- what corrections taught

    def remembered_version(self) -> tuple[int, int]:
        """Differs whenever what is remembered does; cheap."""
        with self._database.read() as connection:
            return remembered.version(connection)

    def remembered(self) -> tuple[tuple[int, int], tuple[Remembered, ...]]:
        """(version, the aliases that hold), from one snapshot."""
        with self._database.read() as connection:
            return remembered.version(connection), remembered.known(connection)

    def aliases(self) -> tuple[StoredAlias, ...]:
        """All that was ever remembered, newest first."""
        with self._database.read() as connection:
            return remembered.listed(connection)

    def remember(self, draft: AliasDraft, now: datetime, *, actor: str) -> int | None:
        """Its number; None where the very same is remembered. MailroomError where the words mean something else there."""
        with self._database.write() as connection:
            return remembered.remember(connection, draft, now, actor)

    def forget(self, alias: int, now: datetime, *, actor: str) -> bool:
        """False where there is none such, or it is forgotten already."""
        with self._database.write() as connection:
            return remembered.forget(connection, alias, now, actor)

    def regression_cases(self) -> tuple[RegressionCase, ...]:
        """What persons confirmed, those that the rules last read wrongly first."""
        with self._database.read() as connection:
            return remembered.cases(connection)

    def note_measured(self, results: Mapping[str, Mapping[str, tuple[Sequence[str], Sequence[str]]]], rules_version: str, now: datetime) -> None:
        """What these rules read wrongly of each case: field -> (wanted, found)."""
        with self._database.write() as connection:
            remembered.measured(connection, results, rules_version, now)

    def institutions_of_domain(self, domain: str) -> tuple[str, ...]:
        """Of those on the register who write from a domain, or from one under it; some, where there are many."""
        with self._database.read() as connection:
            return remembered.institutions_of_domain(connection, domain)

    def latest_read(self, limit: int) -> list[tuple[int, ParsedMessage]]:
        """The last messages that were read, newest first, each as it was taken apart."""
        with self._database.read() as connection:
            return remembered.latest_read(connection, limit)

    # --- deeds of persons: each gives what was done, or None where nothing would be otherwise; Stale where somebody was quicker

    def change(
        self,
        kind: str,
        new: RegistrationUpdate,
        now: datetime,
        *,
        actor: str,
        places: Mapping[str, int] | None = None,
        settle: bool = True,
        reopen: bool = False,
        letter: DeedLetter | None = None,
    ) -> Did | None:
        """Set a registration's values and state. ``kind``: correct, accept, withdraw or reopen; ``settle``: what waits for a person is done;
        ``letter``: what the member is told of it."""
        return self._deed(lambda connection: deeds.change(connection, kind, new, now, actor, places or {}, settle=settle, reopen=reopen, letter=letter))

    def add_by_hand(self, draft: RegistrationDraft, now: datetime, *, actor: str, places: Mapping[str, int] | None = None) -> Did:
        """Make a registration of somebody who did not write."""
        id = register.registration_id("", token_hex(16))  # of no message, so of nothing that a repeated run would give again
        did = self._deed(lambda connection: deeds.add_by_hand(connection, id, draft, now, actor, places or {}))
        assert did is not None  # noqa: S101 - there is always something new
        return did

    def change_many(
        self, kind: str, updates: Sequence[RegistrationUpdate], now: datetime, *, actor: str, places: Mapping[str, int] | None = None, settle: bool = False
    ) -> Did | None:
        """Set values and state of many, as one deed; ``registrations`` of what comes back says which stood as they were seen."""
        return self._deed(lambda connection: deeds.change_many(connection, kind, updates, now, actor, places or {}, settle=settle))

    def registrations_of(self, identifiers: Sequence[str]) -> tuple[Registration, ...]:
        """These registrations, whole, in their order; those that there are not are left out."""
        with self._database.read() as connection:
            found = {one.id: one for part in chunks(list(dict.fromkeys(identifiers))) for one in register.by_ids(connection, part)}
        return tuple(found[id] for id in dict.fromkeys(identifiers) if id in found)

    def unsent_of(self, identifiers: Sequence[str]) -> tuple[Reply, ...]:
        """What is held or due for these registrations."""
        with self._database.read() as connection:
            return tuple(outbox.unsent_of(connection, identifiers))

    def message_states(self, ids: Sequence[int]) -> frozenset[MessageState]:
        """The states that these messages are in."""
        with self._database.read() as connection:
            return ledger.states_of(connection, ids)

    def merge(
        self, registration_id: str, revision: int, into: RegistrationUpdate, now: datetime, *, actor: str, places: Mapping[str, int] | None = None
    ) -> Did | None:
        """One registration goes over into another, which has these values then."""
        return self._deed(lambda connection: deeds.merge(connection, registration_id, revision, into, now, actor, places or {}))

    def enter(
        self, message_id: int, draft: RegistrationDraft, now: datetime, *, actor: str, places: Mapping[str, int] | None = None, settle: bool = True
    ) -> Did | None:
        """Make a registration of a message that has none."""
        return self._deed(lambda connection: deeds.enter(connection, message_id, draft, now, actor, places or {}, settle=settle))

    def dismiss(
        self, ids: Sequence[int], reason: str, now: datetime, *, actor: str, seen: Mapping[str, int] | None = None, touched: Mapping[int, int] | None = None
    ) -> Did | None:
        """These messages are no business of the programme's (``reason``: a code). ``seen``: their registrations at the revisions that were seen;
        ``touched``: messages with what had been done about each when it was seen."""
        return self._deed(lambda connection: deeds.dismiss(connection, ids, reason, now, actor, seen or {}, touched or {}))

    def settle_these(self, ids: Sequence[int], now: datetime, *, actor: str) -> Did | None:
        """A person has dealt with these messages; all of them wait for one, or nothing is done."""
        return self._deed(lambda connection: deeds.settle(connection, ids, now, actor))

    def read_again(self, ids: Sequence[int], now: datetime, *, actor: str) -> Did | None:
        """These messages wait to be read by the next round."""
        return self._deed(lambda connection: deeds.read_again(connection, ids, now, actor))

    def write_by_hand(
        self,
        kind: str,
        draft: ReplyDraft,
        message_id: int,
        registration_id: str | None,
        now: datetime,
        *,
        actor: str,
        places: Mapping[str, int] | None = None,
        asks: RegistrationUpdate | None = None,
        touched: int | None = None,
    ) -> Did | None:
        """A person's mail into the outbox, due. ``asks``: the registration as it waits for the answer; ``touched``: what had been done
        about the message when its person saw it."""
        return self._deed(
            lambda connection: deeds.write(connection, kind, draft, message_id, registration_id, now, actor, places or {}, asks=asks, touched=touched)
        )

    def release_these(self, ids: Sequence[int], now: datetime, *, actor: str, states: Sequence[ReplyState] = outbox.RELEASABLE) -> Did | None:
        """Answers that are in one of these states become due; ``replies`` of what comes back says which could."""
        return self._deed(lambda connection: deeds.release(connection, ids, now, actor, states))

    def park_these(self, ids: Sequence[int], now: datetime, *, actor: str) -> Did | None:
        """Held or due answers are not to go."""
        return self._deed(lambda connection: deeds.park(connection, ids, now, actor))

    def undo(self, deed_id: int, now: datetime, *, actor: str, places: Mapping[str, int] | None = None) -> Deed:
        """Take a deed back, whole. Stale where something builds on it, MailroomError where its mail has left."""
        undone = self._deed(lambda connection: deeds.undo(connection, deed_id, now, actor, places or {}))
        assert undone is not None  # noqa: S101 - it raises where it does nothing
        return undone

    def who_changed(self, registration_id: str) -> str:
        """Who changed a registration last: a person, «mailroom», or "" where nobody has."""
        with self._database.read() as connection:
            return deeds.who_changed(connection, registration_id)

    def deed(self, deed_id: int) -> Deed | None:
        with self._database.read() as connection:
            return deeds.by_id(connection, deed_id)

    def deeds(self, *, registration_id: str | None = None, message_id: int | None = None, limit: int = 50) -> tuple[Deed, ...]:
        """What persons did to a registration, to a message, or at all; the newest first, those that were taken back too."""
        with self._database.read() as connection:
            return deeds.of(connection, registration_id=registration_id, message_id=message_id, limit=limit)

    def _deed(self, work: Callable[[Connection], T]) -> T | None:
        """In one transaction that gives way to a round: on PostgreSQL it waits for a row a moment only, and is begun anew."""
        until = monotonic() + PATIENCE
        while True:
            try:
                with self._database.write() as connection:
                    if self._database.dialect == "postgresql":
                        connection.execute(text(f"SET LOCAL lock_timeout = '{GIVES_WAY}ms'"))  # less than the second after which a deadlock is looked for
                    return work(connection)
            except deeds.NothingDone:
                return None
            except Temporary as error:
                if monotonic() > until or not any(sign in str(error) for sign in ("lock timeout", "deadlock detected")):
                    raise
                sleep(0.05)

    # --- sessions

    def occupancy(self, sessions: Iterable[str]) -> dict[str, Occupancy]:
        """How full each of these sessions is."""
        wanted = list(sessions)
        if not wanted:
            return {}
        with self._database.read() as connection:
            return seating.occupancy(connection, wanted)

    def roster(self, session: str | None = None) -> list[tuple[Registration, SessionPlace]]:
        """Who asked for a session, or for each, in the order of asking; one snapshot."""
        with self._database.read() as connection:
            return seating.roster(connection, session)

    def to_remind(self, session: str, letter: str, *, asked_before: datetime, asked_from: datetime | None = None) -> list[Registration]:
        """Who has a place in a session, asked for it between those times, can be reached, and has not had this letter yet."""
        with self._database.read() as connection:
            return letters.to_remind(connection, session, letter, asked_before, asked_from)

    def add_reminder(
        self, registration: Registration, session: str, letter: str, draft: ReplyDraft, state: ReplyState, *, not_after: datetime, now: datetime
    ) -> bool:
        """Write a reminder into the outbox, once ever; False where it is there already or the place is gone."""
        with self._database.write() as connection:
            return letters.add_reminder(connection, registration, session, letter, draft, state, not_after, now)

    def give_place(
        self, registration: Registration, session: str, draft: ReplyDraft, state: ReplyState, *, not_after: datetime, now: datetime, actor: str
    ) -> bool:
        """A person gives a place to someone who waits, with the letter that says so; False where they do not wait for one."""
        with self._database.write() as connection:
            return letters.give_place(connection, registration, session, draft, state, not_after, now, actor)

    def expire_letters(self, now: datetime) -> list[int]:
        """Park unsent letters whose time has passed; gives their ids."""
        with self._database.write() as connection:
            return letters.expire(connection, now)

    # --- the digest

    def last_digest(self) -> DigestNote | None:
        with self._database.read() as connection:
            return letters.last_digest(connection)

    def digest_made(self, name: str) -> bool:
        with self._database.read() as connection:
            return letters.digest_made(connection, name)

    def digest_facts(self, since: datetime | None, until: datetime, *, most: int = 50) -> DigestFacts:
        """What is new and what stands open, from one snapshot."""
        with self._database.read() as connection:
            return letters.digest_facts(connection, since, until, most)

    def add_digest(self, name: str, covers_from: datetime | None, covers_until: datetime, drafts: Sequence[ReplyDraft], now: datetime) -> bool:
        """Write a digest into the outbox, due, once for its name; without drafts it is noted that there was nothing to tell."""
        with self._database.write() as connection:
            return letters.add_digest(connection, name, covers_from, covers_until, drafts, now)

    # --- the outbox

    def answers_since(self, address: str, since: datetime) -> int:
        """How many answers to an address count from ``since`` on (not suppressed, not dead)."""
        with self._database.read() as connection:
            return outbox.answers_since(connection, [address], since)[register.address_key(address)]

    def due(self, now: datetime, limit: int = 100) -> list[Reply]:
        with self._database.read() as connection:
            return outbox.due(connection, now, limit)

    def claim(self, reply_id: int, now: datetime) -> bytes | None:
        """Mark as ``sending``, durably, and give the bytes; None when it is not due (any more)."""
        with self._database.write() as connection:
            return outbox.claim(connection, reply_id, now)

    def mark_sent(self, reply_id: int, now: datetime, *, copy: bool = False) -> bool:
        """The server has it. With ``copy``, that one is still to be put in Sent is written in the same transaction."""
        values = {"state": ReplyState.SENT, "sent_at": now, "last_error": "", "next_attempt_at": None, "copy_at": now if copy else None}
        with self._database.write() as connection:
            return outbox.leave(connection, reply_id, now, "reply.sent", values)

    def mark_retry(self, reply_id: int, error: str, next_attempt_at: datetime, now: datetime) -> bool:
        values = {"state": ReplyState.DUE, "last_error": outbox.error_text(error), "next_attempt_at": next_attempt_at}
        with self._database.write() as connection:
            return outbox.leave(connection, reply_id, now, "reply.deferred", values)

    def mark_dead(self, reply_id: int, error: str, now: datetime, *, reason: str = "", gone: str | None = None) -> bool:
        """It will never be taken. ``gone``: nor will anything else for its address, and the status (RFC 3463, or "") that says so."""
        values = {"state": ReplyState.DEAD, "last_error": outbox.error_text(error), "next_attempt_at": None, "reason": reason}
        with self._database.write() as connection:
            left = outbox.leave(connection, reply_id, now, "reply.dead", values)
            if left and gone is not None:
                undeliverable.mark(connection, reply_id, now, reason=undeliverable.REFUSED, status=gone, detail=error)
            return left

    def mark_unknown(self, reply_id: int, error: str, look_at: datetime, now: datetime) -> bool:
        """The server may have it or not; to be looked for from ``look_at`` on."""
        values = {"state": ReplyState.UNKNOWN, "last_error": outbox.error_text(error), "next_attempt_at": look_at}
        with self._database.write() as connection:
            return outbox.leave(connection, reply_id, now, "reply.unknown", values)

    def recover_sending(self, now: datetime) -> list[int]:
        """At the start of a round, under ``exclusive``: replies left in ``sending`` are ``unknown``, to be looked for at once."""
        with self._database.write() as connection:
            return outbox.recover_sending(connection, now)

    def unknown(self, now: datetime, limit: int = 100, *, after_id: int = 0) -> list[Reply]:
        """Replies of unknown fate to be looked for now: one page, from ``after_id`` on."""
        with self._database.read() as connection:
            return outbox.unknown(connection, now, limit, after_id)

    def look_again(self, ids: Iterable[int], at: datetime) -> None:
        """Look for these once more then."""
        with self._database.write() as connection:
            outbox.look_again(connection, ids, at)

    def mark_found(self, reply_id: int, sent_at: datetime, now: datetime) -> bool:
        """Sent shows a reply of unknown fate: it went out, and its copy is there."""
        values = {"state": ReplyState.SENT, "sent_at": sent_at, "last_error": "", "next_attempt_at": None, "copy_at": None}
        with self._database.write() as connection:
            return outbox.leave(connection, reply_id, now, "reply.found", values, state=ReplyState.UNKNOWN)

    def mark_not_found(self, reply_id: int, now: datetime) -> ReplyState | None:
        """A reply of unknown fate was looked for in vain: where it is now. It is due once, and the second time left to a person."""
        with self._database.write() as connection:
            return outbox.not_found(connection, reply_id, now)

    def handed_over(self, nth: int, now: datetime) -> datetime | None:
        """When the ``nth`` latest reply was given to the SMTP server; None where there were fewer."""
        with self._database.read() as connection:
            return outbox.handed_over(connection, nth, now)

    def handed_over_since(self, since: datetime) -> int:
        with self._database.read() as connection:
            return outbox.handed_over_since(connection, since)

    def copies(self, now: datetime, limit: int = 100) -> list[Reply]:
        """Sent replies of which a copy is still to be put in Sent, and now is the time."""
        with self._database.read() as connection:
            return outbox.copies(connection, now, limit)

    def mark_copied(self, ids: Iterable[int]) -> None:
        with self._database.write() as connection:
            outbox.set_copies(connection, ids, None)

    def postpone_copies(self, ids: Iterable[int], at: datetime) -> None:
        with self._database.write() as connection:
            outbox.set_copies(connection, ids, at)

    def copies_waiting(self) -> int:
        with self._database.read() as connection:
            return outbox.copies_waiting(connection)

    def release(self, ids: Sequence[int] | None, now: datetime, *, actor: str = history.MAILROOM) -> list[int]:
        """Make these held or suppressed replies due, or (None) all held ones; gives the ids that were."""
        with self._database.write() as connection:
            return outbox.release(connection, ids, now, actor)

    def replies(self, state: ReplyState | None = None, *, limit: int = 100, offset: int = 0) -> list[Reply]:
        with self._database.read() as connection:
            return outbox.listed(connection, state, limit, offset)

    def reply(self, reply_id: int) -> Reply | None:
        with self._database.read() as connection:
            return outbox.by_id(connection, reply_id)

    def reply_content(self, reply_id: int) -> bytes | None:
        """The exact bytes of a reply, in whatever state."""
        with self._database.read() as connection:
            return outbox.content_of(connection, reply_id)

    def reply_counts(self) -> dict[ReplyState, int]:
        with self._database.read() as connection:
            return outbox.counts(connection)

    # --- the reply texts

    def wording(self) -> WordingVersion | None:
        """The reply texts that are used; None where they are the shipped ones."""
        with self._database.read() as connection:
            return wordings.current(connection)

    def wordings(self) -> tuple[WordingVersion, ...]:
        """All versions, the newest first."""
        with self._database.read() as connection:
            return wordings.listed(connection)

    def add_wording(self, changes: Mapping[str, tuple[str, str]], seen: int, now: datetime, *, actor: str) -> int | None:
        """A person words answers anew: the number of that version, or None when ``seen`` (0: the shipped one) is not the newest any more."""
        with self._database.write() as connection:
            return wordings.add(connection, changes, seen, now, actor)

    # --- the brakes

    def settle_breakers(self, now: datetime) -> list[str]:
        """Close the breakers whose storm is over; gives their scopes (a domain, or ``*``)."""
        with self._database.read() as connection:  # nearly always there is none, and no need to write
            if not brakes.any_open(connection):
                return []
        with self._database.write() as connection:
            return brakes.settle(connection, now)

    def close_breaker(self, scope: str, now: datetime, *, actor: str) -> bool:
        """A person lets answers out again; False when that breaker is not open."""
        with self._database.write() as connection:
            return brakes.close(connection, scope, now, actor)

    def breakers(self, since: datetime | None = None) -> tuple[Breaker, ...]:
        """The breakers that are open and, from ``since`` on, those that tripped and closed again."""
        with self._database.read() as connection:
            return brakes.listed(connection, since)

    def breakers_announced(self, ids: Sequence[int], now: datetime) -> None:
        """The alarm for these was raised."""
        with self._database.write() as connection:
            brakes.announced(connection, ids, now)

    def parked(self, reason: str) -> tuple[int, ...]:
        """The answers parked for one of ``store.brakes.PARKED``, oldest first; none to an address that takes no mail."""
        with self._database.read() as connection:
            return brakes.parked(connection, reason)

    def undeliverable(self, since: datetime | None = None) -> tuple[UndeliverableAddress, ...]:
        """Addresses that take no mail: all of them, or those that are known since then."""
        with self._database.read() as connection:
            return undeliverable.listed(connection, since)

    def clear_address(self, address: str, now: datetime, *, actor: str) -> tuple[int, ...] | None:
        """A person says that it works again: the ids of the answers parked for it, or None when it was not marked."""
        with self._database.write() as connection:
            return undeliverable.clear(connection, address, now, actor)

    # --- the desk's lists (store.browsing)

    def pulse(self) -> str:
        """The same word as long as nothing happened, for pages that ask every few seconds."""
        with self._database.read() as connection:
            return pulse.beat(connection)

    def health(self) -> tuple[MailboxHealth, ...]:
        """How each mailbox that was polled fares."""
        with self._database.read() as connection:
            return pulse.health(connection)

    def find_registrations(
        self, wanted: RegistrationFilter | None = None, sort: RegistrationSort = RegistrationSort.NEWEST, page: Page | None = None
    ) -> RegistrationPage:
        """One page of the register."""
        with self._database.read() as connection:
            return browsing.find_registrations(connection, wanted or RegistrationFilter(), sort, page or Page())

    def find_with_facets(self, wanted: RegistrationFilter, sort: RegistrationSort, page: Page) -> tuple[RegistrationPage, Facets]:
        """``find_registrations`` and ``facets`` of one snapshot, for half of what both take."""
        with self._database.read() as connection:
            return browsing.find_with_facets(connection, wanted, sort, page)

    def each_registration(self, wanted: RegistrationFilter | None = None, sort: RegistrationSort = RegistrationSort.NEWEST) -> Iterator[RegistrationLine]:
        """All that a filter leaves, in order, from one snapshot: for an export."""
        with self._database.read() as connection:
            yield from browsing.each_registration(connection, wanted or RegistrationFilter(), sort)

    def registration_lines(self, identifiers: Sequence[str]) -> tuple[RegistrationLine, ...]:
        """Lines for these registrations, in their order; those that there are not are left out."""
        with self._database.read() as connection:
            return browsing.lines(connection, identifiers)

    def facets(self, wanted: RegistrationFilter | None = None) -> Facets:
        """What may be chosen next to a filter, with counts."""
        with self._database.read() as connection:
            return browsing.facets(connection, wanted or RegistrationFilter())

    def values_like(self, field: str, text: str, *, limit: int = 20) -> tuple[Facet, ...]:
        """What is registered in a field (institution, topic, authority, ...) and has these words; the commonest first."""
        with self._database.read() as connection:
            return browsing.values_like(connection, field, text, limit)

    def institutions_like(self, text: str, *, limit: int = 20) -> tuple[Facet, ...]:
        """Schools and colleges as they are registered."""
        return self.values_like(Slot.INSTITUTION, text, limit=limit)

    def picture(self, wanted: RegistrationFilter | None = None, *, zone: tzinfo = UTC) -> Picture:
        """Counts to be drawn; weeks and days are those of ``zone``."""
        with self._database.read() as connection:
            return browsing.picture(connection, wanted or RegistrationFilter(), zone)

    def needs_you(self, kinds: Collection[NeedsKind] = (), page: Page | None = None) -> NeedsPage:
        """What waits for a person, of these kinds or of all."""
        with self._database.read() as connection:
            return browsing.needs_you(connection, kinds, page or Page())

    def next_in_queue(self, after: str = "", kinds: Collection[NeedsKind] = ()) -> Needs | None:
        """What comes after a place of ``needs_you``, also when that is settled by now; the first again at the end; None where nothing waits."""
        with self._database.read() as connection:
            return browsing.next_in_queue(connection, after, kinds)

    def today(self, since: datetime, *, now: datetime, zone: tzinfo = UTC, days: int = 60) -> Today:
        """What came in since then, and on each of the last ``days``, which are those of ``zone``."""
        with self._database.read() as connection:
            return browsing.today(connection, since, now, zone, days)

    def outbox_list(self, wanted: OutboxFilter | None = None, page: Page | None = None) -> OutboxPage:
        with self._database.read() as connection:
            return browsing.outbox_list(connection, wanted or OutboxFilter(), page or Page())

    def message_list(self, wanted: MessageFilter | None = None, page: Page | None = None) -> MessagePage:
        with self._database.read() as connection:
            return browsing.message_list(connection, wanted or MessageFilter(), page or Page())

    # --- looking

    def balance(self, mailbox: str | None = None) -> dict[MessageState, int]:
        """How many messages are in each named place: every state has its number, 0 too."""
        with self._database.read() as connection:
            return ledger.balance(connection, mailbox)

    def messages(
        self, state: MessageState | None = None, *, mailbox: str | None = None, limit: int = 100, before_id: int | None = None
    ) -> list[MessageSummary]:
        """Lines of the ledger, newest first; the next page starts ``before_id`` the last one's."""
        with self._database.read() as connection:
            return ledger.listed(connection, state, mailbox, limit, before_id)

    def message(self, reference: int | str) -> MessageRecord | None:
        """Everything known of a message: by number, Message-ID, registration id, or start of its sha256."""
        with self._database.read() as connection:
            found = ledger.find(connection, reference)
            if found is None:
                return None
            rows = connection.execute(select(readings).where(readings.c.message_id == found.id).order_by(readings.c.id)).all()
            registrations = register.of_message(connection, found.id)
            replies = outbox.of_message(connection, found.id)
            return MessageRecord(
                message=found,
                content=ledger.content_of(connection, found.id),
                identifiers=ledger.identifiers(connection, found.id),
                arrivals=ledger.seen(connection, found.id),
                readings=tuple(
                    StoredReading(
                        id=row.id,
                        read_at=row.read_at,
                        reading=reading_of(row),
                    )
                    for row in rows
                ),
                registrations=registrations,
                replies=replies,
                history=history.of(
                    connection,
                    (history_table.c.message_id == found.id) | history_table.c.registration_id.in_([r.id for r in registrations]),
                ),
                reports=undeliverable.reports(connection, [found.id], [reply.id for reply in replies]),
            )

    def history(self, *, registration_id: str) -> tuple[Event, ...]:
        """What happened to a registration, oldest first."""
        with self._database.read() as connection:
            return history.of(connection, history_table.c.registration_id == registration_id)

    def history_of_reply(self, reply_id: int) -> tuple[Event, ...]:
        """What happened to a reply, oldest first."""
        with self._database.read() as connection:
            return history.of(connection, history_table.c.reply_id == reply_id)

    def registration(self, registration_id: str) -> Registration | None:
        with self._database.read() as connection:
            return register.by_id(connection, registration_id)

    def find_registration(self, reference: str) -> Registration | None:
        """By its id, the start of it, or an address that may speak for it; Permanent where that means several."""
        with self._database.read() as connection:
            return register.find(connection, reference)

    def registrations(self, states: Collection[RegistrationState] | None = None) -> Iterator[Registration]:
        """The register as it is at this moment, one page in memory, in an order that does not change.

        Without ``states`` those that were merged into another, or dismissed, are left out: they stand for nobody.
        """
        with self._database.read() as connection:
            yield from register.stream(connection, states)

    def status(self) -> Status:
        """Totals of the installation, from one snapshot."""
        with self._database.read() as connection:
            return Status(
                mailboxes=tuple(
                    MailboxStatus(mailbox=name, messages=ledger.balance(connection, name), poll=ledger.poll_note(connection, name))
                    for name in ledger.mailboxes(connection)
                ),
                registrations=register.counts(connection),
                replies=outbox.counts(connection),
                breakers=brakes.listed(connection, None),
                undeliverable=undeliverable.count(connection),
            )
