"""What holds an answer back at the moment that it is written: a dead address, the same words again, caps, breakers.

The rows of ``Brakes.place`` are read top to bottom and counted in the transaction that adds the answer, so that no
two rounds can both write the last one that a limit allows.

A breaker watches what goes out by itself: answers that are held, or that a person released, do not count. It trips
when as many answers as its limit went to its domain, or to anybody, within ``BREAKER_WINDOW``, and from then on parks
every further one. It closes by itself when less than half of its limit was wanted in the last window, what it parked
included, so a storm keeps it shut and an hour of calm opens the way again; or when a person closes it, and then
counts anew. What was parked stays parked until a person releases it.

What it does badly: a domain is what stands after the @, so a sender with many sub-domains has many breakers; the one
for all mail is there for that.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select, text, update

from mailroom.model import ParsedMessage, ReplyDraft, ReplyState
from store import history, outbox, undeliverable
from store.ledger import chunks
from store.register import address_key, domain_of
from store.tables import breakers
from store.tables import outbox as outbox_table
from store.types import Breaker, Cap, Record

__all__ = ["ALL_MAIL", "BREAKER_WINDOW", "PARKED", "Brakes", "words_of"]

ALL_MAIL = "*"
BREAKER_WINDOW = timedelta(hours=1)
CAP_ADDRESS = "cap_address"
SAME_WORDS = "same_words"
BREAKER_DOMAIN, BREAKER_ALL = "breaker_domain", "breaker_all"
PARKED = (CAP_ADDRESS, SAME_WORDS, BREAKER_DOMAIN, BREAKER_ALL, undeliverable.UNDELIVERABLE)  # why an answer waits for a person
_BREAKERS = (BREAKER_DOMAIN, BREAKER_ALL)
_BREAKER_LOCK = 0x6D73  # an advisory lock of one key

# Written and on its way without a person: neither held, nor parked, nor released by hand (a release is a new ``counted_at``).
_BY_ITSELF = and_(
    outbox_table.c.purpose == outbox.ANSWER,
    outbox_table.c.counted_at == outbox_table.c.created_at,
    outbox_table.c.state.not_in((ReplyState.HELD, ReplyState.SUPPRESSED)),
)
_WANTED = or_(_BY_ITSELF, and_(outbox_table.c.state == ReplyState.SUPPRESSED, outbox_table.c.reason.in_(_BREAKERS)))


def words_of(parsed: ParsedMessage) -> str:
    """A digest of what a message says, whatever its identifiers and dates; "" for one that says nothing."""
    said = " ".join(f"{parsed.subject}\n{parsed.body}".casefold().split())
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest() if said else ""


class Brakes:
    """The counts for one batch of records, kept up to date as its answers are placed."""

    def __init__(self, connection: Connection, batch: Sequence[Record], now: datetime) -> None:
        self.connection, self.now = connection, now
        drafts = [(record.reply, record.cap) for record in batch if record.reply is not None]
        recipients = {draft.recipient for draft, _ in drafts}
        outbox.lock_addresses(connection, recipients)
        self.dead = undeliverable.among(connection, recipients)
        self.answers: dict[timedelta, defaultdict[str, int]] = {}
        self.said: dict[timedelta, set[tuple[str, str]]] = {}
        for window in {cap.window for _, cap in drafts if cap is not None}:
            mine = [(draft, cap) for draft, cap in drafts if cap is not None and cap.window == window]
            addresses = {draft.recipient for draft, _ in mine}
            self.answers[window] = defaultdict(int, outbox.answers_since(connection, addresses, now - window))
            self.said[window] = _said_since(connection, addresses, now - window) if any(cap.same_words for _, cap in mine) else set()
        self.limited = any(cap is not None and (cap.per_domain_an_hour or cap.per_hour) for _, cap in drafts)
        if self.limited:
            _lock_breakers(connection)
            settle(connection, now)
            self.open = set(connection.scalars(select(breakers.c.scope).where(breakers.c.closed_at.is_(None))))
            self.counts = {ALL_MAIL: _count(connection, ALL_MAIL, now)}
            for domain in {domain_of(recipient) for recipient in recipients}:
                self.counts[domain] = _count(connection, domain, now)

    def place(self, draft: ReplyDraft, state: ReplyState, reason: str, cap: Cap | None, words: str) -> tuple[ReplyState, str]:
        """Where the answer goes: as wished, or parked with the reason."""
        if state == ReplyState.SUPPRESSED:
            return state, reason
        key = address_key(draft.recipient)
        if key in self.dead:
            return ReplyState.SUPPRESSED, undeliverable.UNDELIVERABLE
        if cap is None:
            return state, reason
        if cap.same_words and words and (key, words) in self.said[cap.window]:
            return ReplyState.SUPPRESSED, SAME_WORDS
        if self.answers[cap.window][key] >= cap.per_address:
            return ReplyState.SUPPRESSED, CAP_ADDRESS
        if state == ReplyState.DUE and self.limited and (tripped := self._breaker(domain_of(draft.recipient), cap)):
            return ReplyState.SUPPRESSED, tripped
        for counted in self.answers.values():
            counted[key] += 1
        for said in self.said.values():
            said.add((key, words))
        return state, reason

    def _breaker(self, domain: str, cap: Cap) -> str:
        """The reason of the breaker that stops this answer, or "" and it is counted."""
        for scope, most, reason in ((ALL_MAIL, cap.per_hour, BREAKER_ALL), (domain, cap.per_domain_an_hour, BREAKER_DOMAIN)):
            if most is not None and scope not in self.open and self.counts[scope] >= most:
                _trip(self.connection, scope, most, self.now)
                self.open.add(scope)
            if scope in self.open:
                return reason
        self.counts[ALL_MAIL] += 1
        self.counts[domain] += 1
        return ""


def _said_since(connection: Connection, addresses: Iterable[str], since: datetime) -> set[tuple[str, str]]:
    """(address, digest of words) of the answers written since then that were not parked."""
    found: set[tuple[str, str]] = set()
    c = outbox_table.c
    for part in chunks(sorted({address_key(a) for a in addresses})):
        query = select(c.recipient_key, c.words).where(
            c.recipient_key.in_(part), c.counted_at >= since, c.purpose == outbox.ANSWER, c.state != ReplyState.SUPPRESSED, c.words != ""
        )
        found.update((row.recipient_key, row.words) for row in connection.execute(query))
    return found


def _lock_breakers(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:space, 0)"), {"space": _BREAKER_LOCK})


def _count(connection: Connection, scope: str, now: datetime) -> int:
    """Answers that went out by themselves to the scope in the window, from the last closing by a person on."""
    since = now - BREAKER_WINDOW
    closed = select(func.max(breakers.c.closed_at)).where(breakers.c.scope == scope, breakers.c.closed_by != history.MAILROOM)
    by_hand = connection.scalar(closed)
    later = [outbox_table.c.created_at > by_hand] if by_hand is not None and by_hand >= since else []
    query = select(func.count()).where(outbox_table.c.created_at >= since, _within(scope), _BY_ITSELF, *later)
    return connection.scalar(query) or 0


def _within(scope: str) -> ColumnElement[bool]:
    return outbox_table.c.id.is_not(None) if scope == ALL_MAIL else outbox_table.c.recipient_domain == scope


def _trip(connection: Connection, scope: str, most: int, now: datetime) -> None:
    connection.execute(insert(breakers).values(scope=scope, most=most, tripped_at=now))
    history.add(connection, [history.entry("breaker.tripped", now, after={"scope": scope, "most": most})])


def any_open(connection: Connection) -> bool:
    return connection.execute(select(breakers.c.id).where(breakers.c.closed_at.is_(None)).limit(1)).first() is not None


def settle(connection: Connection, now: datetime) -> list[str]:
    """Close the breakers whose storm is over; gives their scopes."""
    calm: list[str] = []
    for row in connection.execute(select(breakers).where(breakers.c.closed_at.is_(None)).order_by(breakers.c.id)).all():
        wanted = connection.scalar(select(func.count()).where(outbox_table.c.created_at >= now - BREAKER_WINDOW, _within(row.scope), _WANTED)) or 0
        if wanted * 2 < row.most and now - row.tripped_at >= BREAKER_WINDOW:
            calm.append(row.scope)
            _close(connection, row.scope, now, history.MAILROOM)
    return calm


def close(connection: Connection, scope: str, now: datetime, actor: str) -> bool:
    """A person closes a breaker; False when it is not open."""
    _lock_breakers(connection)
    return _close(connection, scope.strip().casefold(), now, actor)


def _close(connection: Connection, scope: str, now: datetime, actor: str) -> bool:
    here = (breakers.c.scope == scope) & breakers.c.closed_at.is_(None)
    if connection.execute(update(breakers).where(here).values(closed_at=now, closed_by=actor)).rowcount != 1:
        return False
    history.add(connection, [history.entry("breaker.closed", now, actor=actor, after={"scope": scope})])
    return True


def listed(connection: Connection, since: datetime | None) -> tuple[Breaker, ...]:
    """The open ones and, from ``since`` on, those that tripped and are closed again; oldest first."""
    wanted = breakers.c.closed_at.is_(None) if since is None else or_(breakers.c.closed_at.is_(None), breakers.c.tripped_at >= since)
    found = []
    for row in connection.execute(select(breakers).where(wanted).order_by(breakers.c.id)).all():
        reason = BREAKER_ALL if row.scope == ALL_MAIL else BREAKER_DOMAIN
        c = outbox_table.c
        parked = select(func.count()).where(
            c.created_at >= row.tripped_at, c.created_at <= (row.closed_at or datetime.max.replace(tzinfo=row.tripped_at.tzinfo)), _within(row.scope)
        )
        parked = parked.where(c.state == ReplyState.SUPPRESSED, c.reason == reason)
        found.append(Breaker(**row._mapping, parked=connection.scalar(parked) or 0))
    return tuple(found)


def parked(connection: Connection, reason: str) -> tuple[int, ...]:
    """The answers parked for this reason, without those to addresses that are dead still."""
    if reason not in PARKED:
        raise ValueError(f"{reason} is none of {', '.join(PARKED)}")
    c = outbox_table.c
    rows = connection.execute(select(c.id, c.recipient_key).where(c.state == ReplyState.SUPPRESSED, c.reason == reason).order_by(c.id)).all()
    dead = undeliverable.among(connection, {row.recipient_key for row in rows})
    return tuple(row.id for row in rows if row.recipient_key not in dead)


def announced(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    for part in chunks(sorted(ids)):
        connection.execute(update(breakers).where(breakers.c.id.in_(part)).values(announced_at=now))
