"""The wiring, on one screen: take, process, deliver.

    take      list UIDs, fetch without marking, store raw COMMIT, only then touch the server
    process   read, decide; then record + state + outbox intent in one transaction
    deliver   settle what is of unknown fate, send what is due, copy to Sent (mailroom.delivering)

Killed anywhere, the next round goes on from what is on disk: a message without its row is fetched
again, a message that waits is read again, a reply caught between SMTP and its mark is looked for in Sent
before the very same bytes go out again. Every message ends in a named state; no error path deletes.

What it does badly: one worker for a store at a time, by the store's lock (the caller holds it).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Protocol

from ingest.mailbox import Mailbox, Session
from mailroom.delivering import Delivery, Sends, SentPolicy
from mailroom.errors import MailroomError, Misconfigured
from mailroom.model import Arrival, MessageState, Outcome, Reading, ReplyDraft, ReplyState
from notify.pacing import Pace
from store import Cap, DeliveryNote, Lookup, Met, Occupancy, Record, RegistrationDraft, RegistrationUpdate, Store, StoredMessage, Wishes

__all__ = ["MailboxReport", "Pipeline", "RoundReport"]

log = logging.getLogger(__name__)
Progress = Callable[[str, int, int | None], None]

BATCH_MESSAGES, BATCH_BYTES = 100, 8_000_000  # raw mail held in memory before one durable commit
RECORDS_AT_ONCE = 25  # readings that share a commit
ATTEMPTS_TO_READ = 3
UNPACED = Pace()
TELLINGS = 5  # how often an answer is written anew because a session filled up meanwhile
LOOKS_AT_SERVER = 20  # a mailbox that fills faster than we take is taken up again next round

STATES = {
    Outcome.REGISTERED: MessageState.REGISTERED,
    Outcome.ASK_MEMBER: MessageState.ASK_MEMBER,
    Outcome.REVIEW: MessageState.REVIEW,
    Outcome.IGNORE: MessageState.IGNORED,
}


class Reads(Protocol):
    def read(self, content: bytes, *, received_at: datetime | None = None) -> Reading: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What is to become of a reading: the registration it makes or changes, the reply it deserves, and that reply's place."""

    reading: Reading  # as given, with the reasons for no answer added where there are any
    registration: RegistrationDraft | None
    update: RegistrationUpdate | None  # instead of a registration of its own: the message continues a conversation
    reply: ReplyDraft | None
    reply_state: ReplyState
    reply_reason: str
    cap: Cap
    delivery: DeliveryNote | None = None  # what it reports on mail of ours
    wishes: Wishes | None = None  # what decides on the sessions that it names


class Answers(Protocol):
    places: Mapping[str, int]  # sessions with a limit

    def lookup(self, message: StoredMessage, reading: Reading) -> Lookup | None: ...

    def __call__(
        self, message: StoredMessage, reading: Reading, now: datetime, met: Sequence[Met] = (), occupancy: Mapping[str, Occupancy] | None = None
    ) -> Answer: ...


class WritesLetters(Protocol):
    def write(self, now: datetime) -> None:
        """Into the outbox, whatever is due by the clock: reminders, the digest."""

    def due(self, now: datetime) -> bool: ...


@dataclass(kw_only=True, slots=True)
class MailboxReport:
    """One mailbox after a round. The counts of states are totals of the ledger; ``unaccounted`` is the closing balance."""

    on_server: int = 0
    new: int = 0
    registered: int = 0
    ask_member: int = 0
    review: int = 0
    ignored: int = 0
    quarantined: int = 0
    waiting: int = 0
    unaccounted: int = 0
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        figures = {name: getattr(self, name) for name in self.__slots__ if name != "error"}
        return {**figures, "error": self.error} if self.error else figures


@dataclass(kw_only=True, slots=True)
class RoundReport:
    mailboxes: dict[str, MailboxReport] = field(default_factory=dict)
    replies: dict[str, int] = field(default_factory=dict)
    sent_now: int = 0
    read_now: int = 0
    breakers: list[dict[str, Any]] = field(default_factory=list)  # that are open
    errors: list[str] = field(default_factory=list)
    paced_until: datetime | None = None  # replies are due that the pace holds back until then
    seconds: dict[str, float] = field(default_factory=dict)  # by stage, for bench/

    def as_dict(self) -> dict[str, Any]:
        result: dict[str, Any] = {"mailboxes": {name: box.as_dict() for name, box in self.mailboxes.items()}, "replies": self.replies}
        if self.breakers:
            result["breakers"] = self.breakers
        if self.paced_until is not None:
            result["paced_until"] = self.paced_until.isoformat()
        return {**result, "errors": self.errors} if self.errors else result

    @property
    def news(self) -> bool:
        return bool(self.read_now or self.sent_now or any(box.new for box in self.mailboxes.values()))

    def summary(self) -> str:
        """One line for the log; no personal data."""
        return f"round: {sum(box.new for box in self.mailboxes.values())} new, {self.read_now} read, {self.sent_now} answers sent"


class Pipeline:
    """The whole job over one store. ``answers`` decides on registration and reply; ``open_sender`` is None where nothing may be sent.

    ``refresh`` is called at each round, before anything is read: what persons taught meanwhile is taken up there.
    """

    def __init__(
        self,
        *,
        mailboxes: Sequence[Mailbox],
        store: Store,
        reader: Reads,
        answers: Answers,
        open_sender: Callable[[], AbstractContextManager[Sends]] | None,
        pace: Pace = UNPACED,
        sent: SentPolicy | None = None,
        letters: WritesLetters | None = None,
        refresh: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.mailboxes, self.store, self.reader = tuple(mailboxes), store, reader
        self.answers, self.letters, self.refresh, self.now = answers, letters, refresh, now
        self.delivery = Delivery(store=store, open_sender=open_sender, pace=pace, sent=sent, now=now)

    def round(self, *, progress: Progress | None = None, stopping: Callable[[], bool] = lambda: False) -> RoundReport:
        """One round over every mailbox. The caller holds ``store.exclusive``.

        A mailbox or SMTP server that cannot be reached is an entry in ``errors`` and the rest goes on; a
        Misconfigured is raised once everything else was done.
        """
        report = RoundReport()
        wrong: list[Misconfigured] = []
        with _timed(report, "recover"):
            self.refresh()
            self.store.recover_sending(self.now())
            for scope in self.store.settle_breakers(self.now()):
                log.warning("breaker closed: an hour of calm for %s; what it parked waits for «mailroom replies release»", _scope(scope))
        sessions: list[tuple[Mailbox, MailboxReport]] = []
        for mailbox in self.mailboxes:
            box = report.mailboxes[mailbox.name] = MailboxReport()
            try:
                with mailbox.connect() as session:
                    self._take_and_read(mailbox, session, box, report, progress, stopping)
            except MailroomError as error:
                box.error = str(error)
                self.store.note_poll(mailbox.name, self.now(), ok=False, error=str(error))
                wrong.append(error) if isinstance(error, Misconfigured) else report.errors.append(f"{mailbox.name}: {error}")
                self.process(mailbox.name, report, progress)  # what was taken earlier is read all the same
            sessions.append((mailbox, box))
        self._alarm(report)
        try:
            if self.letters is not None:
                with _timed(report, "letters"):
                    self.letters.write(self.now())
        except MailroomError as error:
            wrong.append(error) if isinstance(error, Misconfigured) else report.errors.append(f"letters: {error}")
        self.deliver(report, wrong, stopping)
        for mailbox, box in sessions:
            for state, count in self.store.balance(mailbox.name).items():
                setattr(box, str(state), count)
        counts = self.store.reply_counts()
        report.replies = {
            "sent": counts[ReplyState.SENT],
            "held": counts[ReplyState.HELD],
            "suppressed": counts[ReplyState.SUPPRESSED],
            "due": counts[ReplyState.DUE] + counts[ReplyState.SENDING],
            "unknown": counts[ReplyState.UNKNOWN],
            "dead": counts[ReplyState.DEAD],
        }
        if wrong:
            raise Misconfigured("\n".join(str(error) for error in wrong))
        return report

    def _take_and_read(
        self, mailbox: Mailbox, session: Session, box: MailboxReport, report: RoundReport, progress: Progress | None, stopping: Callable[[], bool]
    ) -> None:
        for look in range(LOOKS_AT_SERVER):
            with _timed(report, "take"):
                on_server = session.uids()
                new = self.take(mailbox.name, session, on_server, progress)
            box.new += new
            if new or not look:  # the first look also takes up what an earlier round left
                self.process(mailbox.name, report, progress)
            with _timed(report, "take"):
                if getattr(mailbox, "move_to", None) and (settled := self._settle(mailbox.name, session, on_server)):
                    on_server = [uid for uid in on_server if uid not in settled]
            if not new or stopping():
                break
        box.on_server = len(on_server)
        # A message may have gone from the server between the listing and its fetch: it is no debt of ours.
        if missing := self.store.unaccounted(mailbox.name, session.uidvalidity, on_server):
            still = set(session.uids())
            box.unaccounted = sum(uid in still for uid in missing)
            box.on_server -= len(missing) - box.unaccounted
        self.store.note_poll(mailbox.name, self.now(), ok=True, on_server=box.on_server, unaccounted=box.unaccounted)

    def take(self, name: str, session: Session, on_server: Sequence[int], progress: Progress | None = None) -> int:
        """Fetch what the ledger does not know and store it; returns how many messages were new."""
        known = self.store.known_uids(name, session.uidvalidity)
        fresh = [uid for uid in on_server if uid not in known]
        new = done = 0
        for batch in _batches(session.fetch(fresh)):
            # Durable here, before anything is done to the mailbox: from now on it cannot be lost.
            new += self.store.add_arrivals(batch, self.now()).new
            done += len(batch)
            if progress:
                progress("fetched", done, len(fresh))
        return new

    def _settle(self, name: str, session: Session, on_server: Iterable[int]) -> set[int]:
        """Do what «after:» says with messages that are read; marked once the server has done it."""
        there = set(on_server)
        ready = self.store.unsettled_uids(name, session.uidvalidity)
        if present := [uid for uid in ready if uid in there]:
            session.settle(present)
        if ready:
            self.store.mark_settled(name, session.uidvalidity, ready)
        return set(present)

    def process(self, name: str | None, report: RoundReport, progress: Progress | None = None) -> None:
        """Read every message that waits, in the order of arrival, and record what was decided."""
        done, last = 0, None
        while waiting := self.store.waiting(name, limit=RECORDS_AT_ONCE, after=last):
            last = waiting[-1]
            readings: list[tuple[StoredMessage, Reading]] = []
            for message in waiting:
                with self._one(message), _timed(report, "read"):
                    readings.append((message, self.reader.read(message.content, received_at=message.internal_date)))
            self._decide(readings, report)
            done += len(waiting)
            report.read_now += len(readings)
            if progress:
                progress("read", done, None)

    def _decide(self, readings: Sequence[tuple[StoredMessage, Reading]], report: RoundReport) -> None:
        """Decide and record; a message that may continue one of this batch waits until that one is recorded."""
        with _timed(report, "find"):
            lookups = {message.id: found for message, reading in readings if (found := self.answers.lookup(message, reading)) is not None}
            met = self.store.conversations(list(lookups.values()))
            occupancy = self.store.occupancy(self.answers.places)
        records: list[_Decided] = []
        batch = _Batch()
        for message, reading in readings:
            lookup = lookups.get(message.id)
            if lookup is not None and batch.concerns(lookup, met.get(message.id, ())):
                self._write(records, report)
                records = []
                with _timed(report, "find"):
                    met |= {message.id: (), **self.store.conversations([lookup])}
                    occupancy = self.store.occupancy(self.answers.places)
            with self._one(message), _timed(report, "compose"):
                records.append(self._decided(message, reading, met.get(message.id, ()), occupancy))
                batch.add(records[-1].record)
        self._write(records, report)

    def _write(self, decided: Sequence[_Decided], report: RoundReport) -> None:
        """Record; what would tell its member something else of a session than what is so by now is decided on again."""
        for telling in range(TELLINGS):
            with _timed(report, "record"):
                results = self.store.record_many([one.record for one in decided], self.now())
            again = []
            for one, result in zip(decided, results, strict=True):
                if result.told_otherwise and telling < TELLINGS - 1:
                    again.append(one)
                elif result.told_otherwise or result.error:
                    error = result.error or "the sessions that it names filled up again and again while it was answered"
                    self.store.failed_attempt(result.message_id, error, self.now(), ATTEMPTS_TO_READ)
            if not again:
                return
            with _timed(report, "find"):  # also what the member has by now: a person may have given them a place
                occupancy = self.store.occupancy(self.answers.places)
                lookups = (self.answers.lookup(one.message, one.reading) for one in again)
                met = self.store.conversations([lookup for lookup in lookups if lookup is not None])
            decided = []
            for one in again:
                with self._one(one.message), _timed(report, "compose"):
                    decided.append(self._decided(one.message, one.reading, met.get(one.message.id, ()), occupancy))

    @contextmanager
    def _one(self, message: StoredMessage) -> Iterator[None]:
        """What goes wrong with one message is counted against it and stops no other."""
        try:
            yield
        except Misconfigured:
            raise  # the house is in disorder, not the message
        except Exception as error:
            log.warning("message %d could not be read: %s", message.id, type(error).__name__, exc_info=log.isEnabledFor(logging.DEBUG))
            self.store.failed_attempt(message.id, f"{type(error).__name__}: {error}", self.now(), ATTEMPTS_TO_READ)

    def _decided(self, message: StoredMessage, reading: Reading, met: Sequence[Met], occupancy: Mapping[str, Occupancy]) -> _Decided:
        answer = self.answers(message, reading, self.now(), met, occupancy)
        record = Record(
            message_id=message.id,
            reading=answer.reading,
            state=STATES[answer.reading.decision.outcome],
            registration=answer.registration,
            update=answer.update,
            reply=answer.reply,
            reply_state=answer.reply_state,
            reply_reason=answer.reply_reason,
            cap=answer.cap,
            delivery=answer.delivery,
            wishes=answer.wishes,
        )
        return _Decided(message=message, reading=reading, record=record)

    def _alarm(self, report: RoundReport) -> None:
        """Say which breakers are open, and once for each of them in the log that it tripped."""
        breakers = self.store.breakers()
        report.breakers = [
            {"scope": breaker.scope, "most": breaker.most, "tripped_at": breaker.tripped_at.isoformat(), "parked": breaker.parked} for breaker in breakers
        ]
        new = [breaker for breaker in breakers if breaker.announced_at is None]
        for breaker in new:
            log.error(
                "BREAKER TRIPPED: %d answers within an hour to %s; every further one is parked. See «mailroom breakers list» and «mailroom replies list»",
                breaker.most,
                _scope(breaker.scope),
            )
        if new:  # after the log has it: said twice, if it must be, rather than never
            self.store.breakers_announced([breaker.id for breaker in new], self.now())

    def deliver(self, report: RoundReport, wrong: list[Misconfigured], stopping: Callable[[], bool] = lambda: False) -> None:
        """Each step goes on from what is on disk, and the trouble of one (a mailbox away) stops no other."""
        for step in (self.delivery.settle, self.delivery.send, self.delivery.copy):
            try:
                with _timed(report, "deliver"):
                    step(report, stopping)
            except Misconfigured as error:
                wrong.append(error)
            except MailroomError as error:
                report.errors.append(f"sending: {error}")


def _scope(scope: str) -> str:
    return "anybody" if scope == "*" else f"the domain {scope}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Decided:
    """A record, and what it was decided on."""

    message: StoredMessage
    reading: Reading
    record: Record


class _Batch:
    """The conversations that the messages of a batch began or continued so far."""

    def __init__(self) -> None:
        self.identifiers: set[str] = set()
        self.addresses: set[str] = set()
        self.registrations: set[str] = set()

    def add(self, record: Record) -> None:
        if record.registration is None and record.update is None:
            return
        self.identifiers.update(record.reading.parsed.message_ids)
        if record.registration is not None:
            self.addresses.add(record.registration.member_address.casefold())
        if record.update is not None:
            self.registrations.add(record.update.registration_id)

    def concerns(self, lookup: Lookup, met: Sequence[Met]) -> bool:
        return (
            lookup.address.casefold() in self.addresses
            or not self.identifiers.isdisjoint(lookup.identifiers)
            or any(one.conversation.registration.id in self.registrations for one in met)
        )


def _batches(arrivals: Iterable[Arrival]) -> Iterator[list[Arrival]]:
    batch: list[Arrival] = []
    size = 0
    for arrival in arrivals:
        batch.append(arrival)
        size += len(arrival.content or b"")
        if len(batch) >= BATCH_MESSAGES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _timed:
    """Adds what the block took to the report's seconds of that stage."""

    __slots__ = ("report", "stage", "started")

    def __init__(self, report: RoundReport, stage: str) -> None:
        self.report, self.stage = report, stage

    def __enter__(self) -> None:
        self.started = perf_counter()

    def __exit__(self, *_: object) -> None:
        self.report.seconds[self.stage] = self.report.seconds.get(self.stage, 0.0) + perf_counter() - self.started
