"""Places in sessions: who asked, who has one, who waits.

First come, first served, in the order of recording, which is that of arrival within a mailbox. A place
that was given is kept until its member leaves it; the waiting list is in the order of asking; a place
that becomes free while somebody waits is given by a person (``give``), never to whoever writes next.

Promise: two records cannot both take the last place. The decision is made in the record's own
transaction, on PostgreSQL under a lock for each session with a limit; SQLite has one writer anyway. An
answer that would say something else is not written: its record comes back and is answered again.

What it does badly: over several mailboxes the order is that of the round, not of the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text

from mailroom.model import Slot
from store import outbox, register
from store.ledger import chunks
from store.tables import session_letters, session_places
from store.types import OFF_THE_REGISTER, FieldValue, Occupancy, PlaceState, Record, Registration, RegistrationState, SessionPlace, Wishes

__all__ = ["Seating"]

_SESSION_LOCKS = 0x7365  # first half of the key of advisory locks by session


def occupancy(connection: Connection, sessions: Iterable[str]) -> dict[str, Occupancy]:
    """How full each of these is."""
    counted: dict[str, dict[str, int]] = {session: {} for session in sessions}
    if counted:
        query = select(session_places.c.session, session_places.c.state, func.count()).where(session_places.c.session.in_(list(counted)))
        for session, state, count in connection.execute(query.group_by(session_places.c.session, session_places.c.state)):
            counted[session][state] = count
    return {session: Occupancy(taken=by.get(PlaceState.PLACE, 0), waiting=by.get(PlaceState.WAITING, 0)) for session, by in counted.items()}


@dataclass(kw_only=True, slots=True)
class _Outcome:
    """What one record does to the table."""

    registration_id: str
    states: dict[str, PlaceState] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


class Seating:
    """Decides for a batch, in its order, before anything of it is written; ``write`` then writes what belongs to a record."""

    def __init__(self, connection: Connection, batch: Sequence[tuple[Record, Any]], now: datetime) -> None:
        self.connection, self.now = connection, now
        self.outcomes: dict[int, _Outcome] = {}
        self.told_otherwise: set[int] = set()
        self._undecided: set[str] = set()  # sessions that one of those asks for: nobody who came later passes it by
        asked = [(record, message, draft) for record, message in batch if (draft := record.update or record.registration) is not None]
        self._existing = register.places_of(connection, (record.update.registration_id for record, _, _ in asked if record.update is not None))
        limits: dict[str, int] = {}
        for record, _, draft in asked:
            if record.wishes is not None:
                named = sessions_of(draft.state, draft.values)
                limits |= {session: places for session, places in record.wishes.places.items() if session in named}
        lock(connection, limits)
        self._counts = occupancy(connection, limits)
        for record, message, draft in asked:
            new = register.registration_id(message.mailbox, message.sha256)
            self._decide(record, record.update.registration_id if record.update is not None else new, sessions_of(draft.state, draft.values), message)

    def _decide(self, record: Record, registration_id: str, named: tuple[str, ...], message: Any) -> None:
        wishes = record.wishes or Wishes(places={})
        known = {place.session: place for place in self._existing.get(registration_id, ())}
        outcome = settle(registration_id, known, named, wishes, self._counts, asked_at=message.internal_date, message_id=message.id)
        told = wishes.told if record.reply is not None else None
        asked_for = {row["session"] for row in outcome.rows} & self._counts.keys()  # those with a limit
        if not asked_for.isdisjoint(self._undecided) or (told is not None and any(outcome.states.get(session) is not state for session, state in told.items())):
            self.told_otherwise.add(message.id)
            self._undecided |= asked_for
            return
        self.outcomes[message.id] = outcome
        _count(self._counts, known, outcome)

    def write(self, message_id: int, after: dict[str, Any]) -> list[dict[str, Any]]:
        """Take away what is left, tell the history, and give the rows to be added once the registration is there."""
        outcome = self.outcomes.get(message_id)
        if outcome is None:
            return []
        leave(self.connection, outcome.registration_id, outcome.left, self.now)
        if outcome.states or outcome.left:
            after["places"] = {session: str(state) for session, state in outcome.states.items()}
        return outcome.rows


def sessions_of(state: RegistrationState, values: Iterable[FieldValue]) -> tuple[str, ...]:
    """The sessions that a registration asks for; none once it is withdrawn, merged or dismissed. One in review keeps its place: it is not its
    member's fault that nobody has looked yet."""
    if state is RegistrationState.WITHDRAWN or state in OFF_THE_REGISTER:
        return ()
    return tuple(dict.fromkeys(value.value for value in values if value.field == Slot.SESSION.value))


def settle(
    registration_id: str,
    known: Mapping[str, SessionPlace],
    named: Sequence[str],
    wishes: Wishes,
    counts: Mapping[str, Occupancy],
    *,
    asked_at: datetime,
    message_id: int | None,
) -> _Outcome:
    """What a registration has once it names these sessions: what it had, and for what is new what there is."""
    outcome = _Outcome(registration_id=registration_id, left=[session for session in known if session not in named])
    for session in named:
        if session in known:
            outcome.states[session] = known[session].state
            continue
        state = PlaceState.LATE if session in wishes.late else counts.get(session, Occupancy()).next(wishes.places.get(session))
        outcome.states[session] = state
        outcome.rows.append({"registration_id": registration_id, "session": session, "state": str(state), "asked_at": asked_at, "message_id": message_id})
    return outcome


def _count(counts: dict[str, Occupancy], known: Mapping[str, SessionPlace], outcome: _Outcome) -> None:
    changes = [(row["session"], PlaceState(row["state"]), 1) for row in outcome.rows]
    changes += [(session, known[session].state, -1) for session in outcome.left]
    for session, state, by in changes:
        if (now := counts.get(session)) is not None:
            counts[session] = Occupancy(
                taken=now.taken + (by if state is PlaceState.PLACE else 0), waiting=now.waiting + (by if state is PlaceState.WAITING else 0)
            )


def lock(connection: Connection, sessions: Iterable[str]) -> None:
    """Until the end of the transaction, nobody else decides on places in these (SQLite has one writer anyway)."""
    if connection.dialect.name == "postgresql":
        for session in sorted(set(sessions)):
            connection.execute(text("SELECT pg_advisory_xact_lock(:space, hashtext(:key))"), {"space": _SESSION_LOCKS, "key": session})


def leave(connection: Connection, registration_id: str, sessions: Sequence[str], now: datetime) -> None:
    """Give the places back, and withdraw what is still to be sent about them."""
    if not sessions:
        return
    here = (session_places.c.registration_id == registration_id) & session_places.c.session.in_(sessions)
    connection.execute(delete(session_places).where(here))
    letters = select(session_letters.c.reply_id).where(session_letters.c.registration_id == registration_id, session_letters.c.session.in_(sessions))
    outbox.withdraw(connection, letters, outbox.PLACE_GIVEN_UP, now)


def correct(connection: Connection, registration_id: str, named: Sequence[str], places: Mapping[str, int], now: datetime) -> dict[str, PlaceState]:
    """After a person's change of a registration: its places follow, by the same rule."""
    limits = {session: limit for session, limit in places.items() if session in named}
    lock(connection, limits)
    known = {place.session: place for place in register.places_of(connection, [registration_id]).get(registration_id, ())}
    outcome = settle(registration_id, known, named, Wishes(places=limits), occupancy(connection, limits), asked_at=now, message_id=None)
    leave(connection, registration_id, outcome.left, now)
    if outcome.rows:
        connection.execute(insert(session_places), outcome.rows)
    return outcome.states


# --- the roster


def roster(connection: Connection, session: str | None) -> list[tuple[Registration, SessionPlace]]:
    """By session and the order of asking."""
    query = select(session_places.c.registration_id, session_places.c.session)
    if session is not None:
        query = query.where(session_places.c.session == session)
    order = (session_places.c.session, session_places.c.asked_at, func.coalesce(session_places.c.message_id, 0), session_places.c.registration_id)
    lines = connection.execute(query.order_by(*order)).all()
    known = {one.id: one for part in chunks(sorted({line.registration_id for line in lines})) for one in register.by_ids(connection, part)}
    return [(known[line.registration_id], next(p for p in known[line.registration_id].places if p.session == line.session)) for line in lines]
