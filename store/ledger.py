"""The ledger of messages: what arrived, where it was seen, and the named place each message is in.

Promises: an arrival is stored once however often it is offered; the same bytes under another UID or
UIDVALIDITY are the same message; a message leaves ``waiting`` once. No function here deletes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, func, insert, literal, select, true, tuple_, update

from mailroom.errors import Permanent
from mailroom.model import Arrival, MessageState
from store import history
from store.database import clip
from store.tables import arrivals, contents, message_identifiers, messages, outbox, polls, registration_messages
from store.types import Added, MessageSummary, PollNote, Seen, StoredMessage

__all__ = ["TOO_LARGE"]

TOO_LARGE = "too_large"
UNREADABLE = "unreadable"
_CHUNK = 500
T = TypeVar("T")


def chunks(values: Iterable[T], size: int = _CHUNK) -> Iterator[list[T]]:
    iterator = iter(values)
    while part := list(islice(iterator, size)):
        yield part


def identity(arrival: Arrival) -> str:
    """The message's own identity. Bytes left on the server have none, so the place stands in for it."""
    if arrival.sha256:
        return arrival.sha256
    return hashlib.sha256(f"{arrival.mailbox}\0{arrival.uidvalidity}\0{arrival.uid}\0{arrival.size}".encode()).hexdigest()


def known_uids(connection: Connection, mailbox: str, uidvalidity: int) -> set[int]:
    return set(connection.scalars(select(arrivals.c.uid).where(arrivals.c.mailbox == mailbox, arrivals.c.uidvalidity == uidvalidity)))


def add_arrivals(connection: Connection, batch: Sequence[Arrival], now: datetime) -> Added:
    """Store a batch; see ``Store.add_arrivals``."""
    fresh: dict[tuple[str, int, int], Arrival] = {(a.mailbox, a.uidvalidity, a.uid): a for a in reversed(batch)}
    places: dict[tuple[str, int], list[int]] = {}
    for mailbox, uidvalidity, uid in reversed(fresh):
        places.setdefault((mailbox, uidvalidity), []).append(uid)
    for (mailbox, uidvalidity), uids in places.items():
        for part in chunks(uids):
            known = select(arrivals.c.uid).where(arrivals.c.mailbox == mailbox, arrivals.c.uidvalidity == uidvalidity, arrivals.c.uid.in_(part))
            for uid in connection.scalars(known).all():
                del fresh[mailbox, uidvalidity, uid]
    taken = [(identity(a), a) for a in reversed(fresh.values())]  # in the order given
    held = _ids(connection, ((a.mailbox, sha) for sha, a in taken))
    new: dict[tuple[str, str], Arrival] = {}
    for sha, arrival in taken:
        if (arrival.mailbox, sha) not in held:
            new.setdefault((arrival.mailbox, sha), arrival)
    if new:
        connection.execute(insert(messages), [_message_row(sha, a, now) for (_, sha), a in new.items()])
        held |= _ids(connection, new)
        if raw := [{"message_id": held[key], "content": a.content} for key, a in new.items() if a.content is not None]:
            connection.execute(insert(contents), raw)
    if taken:
        connection.execute(
            insert(arrivals),
            [
                {
                    "mailbox": a.mailbox,
                    "uidvalidity": a.uidvalidity,
                    "uid": a.uid,
                    "message_id": held[a.mailbox, sha],
                    "internal_date": a.internal_date,
                    "fetched_at": a.fetched_at,
                    "settled": False,
                }
                for sha, a in taken
            ],
        )
    return Added(new=len(new), linked=len(taken) - len(new))


def _message_row(sha: str, arrival: Arrival, now: datetime) -> dict[str, Any]:
    taken = arrival.content is not None
    return {
        "mailbox": arrival.mailbox,
        "sha256": sha,
        "size": arrival.size,
        "internal_date": arrival.internal_date,
        "stored_at": now,
        "state": MessageState.WAITING if taken else MessageState.QUARANTINED,
        "state_at": now,
        "reason": "" if taken else TOO_LARGE,
        "reason_detail": "" if taken else f"{arrival.size} bytes",
    }


def _ids(connection: Connection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    by_mailbox: dict[str, list[str]] = {}
    for mailbox, sha in keys:
        by_mailbox.setdefault(mailbox, []).append(sha)
    found: dict[tuple[str, str], int] = {}
    for mailbox, shas in by_mailbox.items():
        for part in chunks(shas):
            rows = connection.execute(select(messages.c.id, messages.c.sha256).where(messages.c.mailbox == mailbox, messages.c.sha256.in_(part)))
            found.update({(mailbox, row.sha256): row.id for row in rows})
    return found


def unsettled_uids(connection: Connection, mailbox: str, uidvalidity: int) -> list[int]:
    """UIDs whose message is out of ``waiting`` and which were not yet moved on the server, ascending."""
    query = (
        select(arrivals.c.uid)
        .join(messages, messages.c.id == arrivals.c.message_id)
        .where(arrivals.c.mailbox == mailbox, arrivals.c.uidvalidity == uidvalidity, arrivals.c.settled.is_(False))
        .where(messages.c.state != MessageState.WAITING)
        .order_by(arrivals.c.uid)
    )
    return list(connection.scalars(query))


def mark_settled(connection: Connection, mailbox: str, uidvalidity: int, uids: Iterable[int]) -> None:
    for part in chunks(uids):
        connection.execute(
            update(arrivals).where(arrivals.c.mailbox == mailbox, arrivals.c.uidvalidity == uidvalidity, arrivals.c.uid.in_(part)).values(settled=True)
        )


def waiting(connection: Connection, mailbox: str | None, limit: int, after: tuple[datetime, int] | None) -> list[StoredMessage]:
    columns = (messages.c.id, messages.c.mailbox, messages.c.sha256, messages.c.internal_date, messages.c.size, messages.c.attempts, contents.c.content)
    query = (
        select(*columns)
        .join(contents, contents.c.message_id == messages.c.id)
        .where(messages.c.state == MessageState.WAITING, messages.c.mailbox == mailbox if mailbox is not None else true())
        .where(tuple_(messages.c.internal_date, messages.c.id) > tuple_(*_bound(after)) if after is not None else true())
        .order_by(messages.c.internal_date, messages.c.id)
        .limit(limit)
    )
    return [StoredMessage(**row._mapping) for row in connection.execute(query)]


def _bound(after: tuple[datetime, int]) -> tuple[Any, Any]:
    return literal(after[0], messages.c.internal_date.type), literal(after[1], messages.c.id.type)


def failed_attempt(connection: Connection, message_id: int, error: str, now: datetime, max_attempts: int) -> bool:
    """Count a failed reading; quarantine at ``max_attempts``. True when it was quarantined now."""
    row = _lock_waiting(connection, message_id)
    if row is None:
        return False
    attempts = row.attempts + 1
    if attempts >= max_attempts:
        _quarantine(connection, message_id, UNREADABLE, error, attempts, now)
        return True
    connection.execute(update(messages).where(messages.c.id == message_id).values(attempts=attempts, reason_detail=clip(error)))
    return False


def quarantine(connection: Connection, message_id: int, reason: str, detail: str, now: datetime) -> bool:
    row = _lock_waiting(connection, message_id)
    if row is None:
        return False
    _quarantine(connection, message_id, reason, detail, row.attempts, now)
    return True


def _lock_waiting(connection: Connection, message_id: int) -> Any:
    query = select(messages.c.attempts).where(messages.c.id == message_id, messages.c.state == MessageState.WAITING).with_for_update()
    return connection.execute(query).one_or_none()


def _quarantine(connection: Connection, message_id: int, reason: str, detail: str, attempts: int, now: datetime) -> None:
    values = {"state": MessageState.QUARANTINED, "state_at": now, "reason": reason, "reason_detail": clip(detail), "attempts": attempts}
    connection.execute(update(messages).where(messages.c.id == message_id).values(**values))
    after = {"state": str(MessageState.QUARANTINED), "reason": reason, "detail": detail, "attempts": attempts}
    history.add(connection, [history.entry("message.quarantined", now, message_id=message_id, before={"state": str(MessageState.WAITING)}, after=after)])


def balance(connection: Connection, mailbox: str | None) -> dict[MessageState, int]:
    query = select(messages.c.state, func.count()).where(messages.c.mailbox == mailbox if mailbox is not None else true()).group_by(messages.c.state)
    counted: dict[str, int] = dict(connection.execute(query).all())
    return {state: counted.get(state, 0) for state in MessageState}


def mailboxes(connection: Connection) -> list[str]:
    """Every mailbox the ledger knows, by name."""
    seen = set(connection.scalars(select(messages.c.mailbox).distinct())) | set(connection.scalars(select(polls.c.mailbox)))
    return sorted(seen)


def note_poll(connection: Connection, mailbox: str, now: datetime, ok: bool, error: str, on_server: int | None, unaccounted: int | None) -> None:
    values: dict[str, Any] = {"last_poll_at": now, "last_error": "" if ok else clip(error)}
    if ok:
        values |= {"last_success_at": now, "on_server": on_server, "unaccounted": unaccounted}
    if connection.execute(update(polls).where(polls.c.mailbox == mailbox).values(**values)).rowcount == 0:
        connection.execute(insert(polls).values(mailbox=mailbox, **values))


def poll_note(connection: Connection, mailbox: str) -> PollNote | None:
    row = connection.execute(select(*(polls.c[name] for name in PollNote.__dataclass_fields__)).where(polls.c.mailbox == mailbox)).one_or_none()
    return None if row is None else PollNote(**row._mapping)


SUMMARY = tuple(messages.c[name] for name in MessageSummary.__dataclass_fields__)


def summary(row: Any) -> MessageSummary:
    return MessageSummary(**{**row._mapping, "state": MessageState(row.state)})


def states_of(connection: Connection, ids: Iterable[int]) -> frozenset[MessageState]:
    """The states that these messages are in."""
    found = {state for part in chunks(ids) for state in connection.scalars(select(messages.c.state).where(messages.c.id.in_(part)).distinct())}
    return frozenset(MessageState(state) for state in found)


def listed(connection: Connection, state: MessageState | None, mailbox: str | None, limit: int, before_id: int | None) -> list[MessageSummary]:
    query = (
        select(*SUMMARY)
        .where(messages.c.state == state if state is not None else true())
        .where(messages.c.mailbox == mailbox if mailbox is not None else true())
        .where(messages.c.id < before_id if before_id is not None else true())
        .order_by(messages.c.id.desc())
        .limit(limit)
    )
    return [summary(row) for row in connection.execute(query)]


def of_registration(connection: Connection, registration_id: str) -> list[MessageSummary]:
    """The messages of a registration, oldest first."""
    mine = select(registration_messages.c.message_id).where(registration_messages.c.registration_id == registration_id)
    return [summary(row) for row in connection.execute(select(*SUMMARY).where(messages.c.id.in_(mine)).order_by(messages.c.id))]


def find(connection: Connection, reference: int | str) -> MessageSummary | None:
    """By number, Message-ID (ours or theirs), registration id, or its start, or the first digits of the sha256."""
    for condition in _meanings(str(reference).strip()):
        rows = connection.execute(select(*SUMMARY).where(condition).order_by(messages.c.id).limit(2)).all()
        if len(rows) > 1:
            raise Permanent(f"«{reference}» means several messages ({', '.join(row.sha256[:16] for row in rows)} ...); give more of it")
        if rows:
            return summary(rows[0])
    return None


def _meanings(reference: str) -> Iterator[ColumnElement[bool]]:
    low = reference.lower()
    if reference.isascii() and reference.isdigit() and len(reference) < 19:
        yield messages.c.id == int(reference)
    if reference.startswith("R-"):
        of = registration_messages.c.registration_id
        yield messages.c.id.in_(select(func.min(registration_messages.c.message_id)).where(of.startswith(reference, autoescape=True)).group_by(of))
    if "@" in reference:
        identifier = reference if reference.startswith("<") else f"<{reference}>"
        yield messages.c.id.in_(select(message_identifiers.c.message_id).where(message_identifiers.c.identifier == identifier))
        yield messages.c.id.in_(select(outbox.c.message_id).where(outbox.c.identifier == identifier))
    if 4 <= len(low) <= 64 and set(low) <= set("0123456789abcdef"):
        yield messages.c.sha256.between(low, low + "g")


def content_of(connection: Connection, message_id: int) -> bytes | None:
    return connection.scalar(select(contents.c.content).where(contents.c.message_id == message_id))


def seen(connection: Connection, message_id: int) -> tuple[Seen, ...]:
    columns = [arrivals.c[name] for name in Seen.__dataclass_fields__]
    query = select(*columns).where(arrivals.c.message_id == message_id).order_by(arrivals.c.fetched_at, arrivals.c.uidvalidity, arrivals.c.uid)
    return tuple(Seen(**row._mapping) for row in connection.execute(query))


def identifiers(connection: Connection, message_id: int) -> tuple[str, ...]:
    query = select(message_identifiers.c.identifier).where(message_identifiers.c.message_id == message_id).order_by(message_identifiers.c.identifier)
    return tuple(connection.scalars(query))
