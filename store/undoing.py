"""What a deed of a person changed, row by row before and after, so that it can be taken back.

``look`` sees everything that a deed may touch (and locks it, in the order in which a round does); ``differences`` keeps
what came to be otherwise. ``take_back`` puts that back, provided that each of it stands as the deed left it, that no later
deed builds on it, and that no mail has left.

Promise: afterwards the register, the ledger, the places in sessions and the outbox are as before the deed, but for
revisions, which only grow, and for the history, which has both. Where that cannot be, nothing is done.

What it does badly: a registration that was entered by hand does not vanish; it is dismissed, and rests on no message.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update

from mailroom.errors import MailroomError
from mailroom.model import ReplyState
from store import history, outbox, register, remembered, seating
from store.ledger import chunks
from store.tables import (
    deeds,
    messages,
    registration_addresses,
    registration_messages,
    registration_values,
    registrations,
    session_letters,
    session_places,
)
from store.tables import history as history_table
from store.tables import outbox as outbox_table
from store.types import PlaceState, RegistrationState

__all__ = ["Stale", "Watched", "differences", "look", "take_back"]

Image = dict[str, dict[str, dict[str, Any]]]  # registrations, messages, replies -> id -> aspect -> what it is
_PARTS: Mapping[str, tuple[Table, tuple[str, ...]]] = {  # of a registration: the rows that hang on it, in the order of these columns
    "values": (registration_values, ("field", "position", "value", "message_id", "evidence", "person")),
    "messages": (registration_messages, ("message_id",)),
    "addresses": (registration_addresses, ("address_key", "person", "added_at")),
    "places": (session_places, ("session", "state", "asked_at", "message_id")),
    "letters": (session_letters, ("session", "letter", "made_at", "reply_id")),
}
_ORDER = {"values": ("field", "position"), "messages": ("message_id",), "addresses": ("address_key",), "places": ("session",), "letters": ("session", "letter")}
_REGISTRATION = ("state", "missing", "merged_into")
_MESSAGE = ("state", "state_at", "reason", "reason_detail", "attempts")
_REPLY = ("state", "reason", "next_attempt_at", "counted_at")
_COMPARED = {"messages": ("state", "reason"), "replies": ("state", "reason")}  # a reply that waits for its second attempt has not left
_LEFT = (ReplyState.SENDING, ReplyState.SENT, ReplyState.UNKNOWN, ReplyState.DEAD)


class Stale(MailroomError):
    """Somebody was quicker; nothing was done. ``now_at``: the revision that stands now, by ``who``."""

    def __init__(self, message: str, *, now_at: int | None = None, who: str = "") -> None:
        super().__init__(message)
        self.now_at, self.who = now_at, who


class Watched:
    """What a deed may touch. Messages of the registrations, and answers to both, are watched as well."""

    def __init__(self, *, registrations: Iterable[str] = (), messages: Iterable[int] = (), replies: Iterable[int] = ()) -> None:
        self.registrations, self.messages, self.replies = sorted(set(registrations)), sorted(set(messages)), sorted(set(replies))


def look(connection: Connection, watched: Watched) -> Image:
    """As it is now. The rows are locked until the end of the transaction: messages, answers, registrations, as a record takes them."""
    ids = set(watched.messages)
    for some in chunks(watched.registrations):
        links = select(registration_messages.c.message_id).where(registration_messages.c.registration_id.in_(some))
        ids.update(connection.scalars(links))
    image: Image = {"messages": {}, "replies": {}, "registrations": {}}
    columns = [messages.c[name] for name in _MESSAGE]
    for some_ids in chunks(sorted(ids)):
        query = select(messages.c.id, *columns).where(messages.c.id.in_(some_ids)).order_by(messages.c.id).with_for_update()
        image["messages"].update({str(row.id): _plain(row, _MESSAGE) for row in connection.execute(query)})
    for condition in (
        *(outbox_table.c.message_id.in_(some) for some in chunks(sorted(ids))),
        *(outbox_table.c.registration_id.in_(some) for some in chunks(watched.registrations)),
        *(outbox_table.c.id.in_(some) for some in chunks(watched.replies)),
    ):
        replies = select(outbox_table.c.id, *(outbox_table.c[name] for name in _REPLY)).where(condition).order_by(outbox_table.c.id)
        image["replies"].update({str(row.id): _plain(row, _REPLY) for row in connection.execute(replies.with_for_update())})
    for some in chunks(watched.registrations):
        query = select(registrations.c.id, *(registrations.c[name] for name in _REGISTRATION)).where(registrations.c.id.in_(some))
        for row in connection.execute(query.order_by(registrations.c.id).with_for_update()):
            image["registrations"][row.id] = _plain(row, _REGISTRATION) | {part: [] for part in _PARTS}
        for part, (table, names) in _PARTS.items():
            order = [table.c[name] for name in _ORDER[part]]
            rows = select(table.c.registration_id, *(table.c[name] for name in names)).where(table.c.registration_id.in_(some)).order_by(*order)
            for row in connection.execute(rows):
                image["registrations"][row.registration_id][part].append(list(_plain(row, names).values()))
    return image


def _plain(row: Any, names: Collection[str]) -> dict[str, Any]:
    """What JSON can hold."""
    values = {name: getattr(row, name) for name in names}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def differences(before: Image, after: Image) -> dict[str, dict[str, dict[str, Any]]]:
    """Each thing that is otherwise, with the aspects that differ; ``before`` is None for what was not there."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for kind, things in after.items():
        for id, now in things.items():
            was = before[kind].get(id)
            if was is None:
                found.setdefault(kind, {})[id] = {"before": None, "after": now}
            elif aspects := [name for name in now if now[name] != was[name]]:
                found.setdefault(kind, {})[id] = {"before": {name: was[name] for name in aspects}, "after": {name: now[name] for name in aspects}}
    return found


# --- taking back


def take_back(connection: Connection, deed_id: int, now: datetime, actor: str, limits: Mapping[str, int]) -> Any:
    """The row of the deed, undone. ``limits``: the sessions with a limit."""
    deed = connection.execute(select(deeds).where(deeds.c.id == deed_id).with_for_update()).one_or_none()
    if deed is None:
        raise MailroomError(f"there is no deed {deed_id}")
    if deed.undone_at is not None:
        raise Stale(f"this was taken back already, by {deed.undone_by}", who=deed.undone_by)
    changed = deed.changed
    told, noted, sent = (changed.get(kind, {}) for kind in ("registrations", "messages", "replies"))
    image = look(connection, Watched(registrations=told, messages=map(int, noted), replies=map(int, sent)))
    _no_mail_left(image, sent)
    _nothing_builds_on_it(connection, deed)
    for kind, things in changed.items():
        for id, thing in things.items():
            _stands(connection, kind, id, thing["after"], image[kind].get(id))
    connection.execution_options(**{history.DEED: deed_id})
    before = {one.id: one for one in register.by_ids(connection, list(told))}
    # An answer that was written since tells of what is taken back now.
    outbox.supersede(
        connection, [id for id, thing in told.items() if {"values", "state"} & thing["after"].keys()], now, reason=outbox.CORRECTED_MEANWHILE, actor=actor
    )
    _replies_back(connection, sent, now, actor)
    _messages_back(connection, noted, now, actor)
    _registrations_back(connection, told, now, limits)
    lines = []
    for one in register.by_ids(connection, list(told)):
        old = before[one.id]
        was, then = ({**register.snapshot(state), "revision": state.revision} for state in (old, one))
        lines.append(history.entry("registration.restored", now, actor=actor, registration_id=one.id, before=was, after=then))
        if old.values != one.values:
            remembered.keep_case(connection, old, one, now, actor, undone=True)
    history.add(connection, lines)
    connection.execute(update(deeds).where(deeds.c.id == deed_id).values(undone_at=now, undone_by=actor))
    return connection.execute(select(deeds).where(deeds.c.id == deed_id)).one()


def _no_mail_left(image: Image, sent: Mapping[str, Any]) -> None:
    for id, thing in sent.items():
        state = image["replies"][id]["state"]
        if state in _LEFT and state != thing["after"].get("state", state):
            raise MailroomError(
                "it cannot be taken back: its mail has left" if state != ReplyState.DEAD else "it cannot be taken back: its mail was tried and refused"
            )


def _nothing_builds_on_it(connection: Connection, deed: Any) -> None:
    """No later deed that stands changed any of the same."""
    h = history_table.c
    for kind, things in deed.changed.items():
        column = {"registrations": h.registration_id, "messages": h.message_id, "replies": h.reply_id}[kind]
        number: Callable[[str], Any] = str if kind == "registrations" else int
        for some in chunks(sorted(things)):
            later = select(h.deed_id).where(column.in_([number(id) for id in some]), h.deed_id > deed.id)
            query = select(deeds).where(deeds.c.id.in_(later), deeds.c.undone_at.is_(None)).order_by(deeds.c.id)
            for other in connection.execute(query):
                if not things.keys().isdisjoint(other.changed.get(kind, {})):
                    raise Stale(f"{other.actor} has changed it since; take that back first", who=other.actor)


def _stands(connection: Connection, kind: str, id: str, left: Mapping[str, Any], now: Mapping[str, Any] | None) -> None:
    names = _COMPARED.get(kind, tuple(left))
    if now is not None and all(now[name] == left[name] for name in names if name in left):
        return
    column = {"registrations": history_table.c.registration_id, "messages": history_table.c.message_id, "replies": history_table.c.reply_id}[kind]
    last = select(history_table.c.actor).where(column == (id if kind == "registrations" else int(id))).order_by(history_table.c.id.desc()).limit(1)
    who = connection.scalar(last) or ""
    what = {"registrations": f"registration {id}", "messages": f"message {id}", "replies": f"answer {id}"}[kind]
    revision = connection.scalar(select(registrations.c.revision).where(registrations.c.id == id)) if kind == "registrations" else None
    raise Stale(f"it cannot be taken back: {what} was changed since" + (f" by {who}" if who and who != history.MAILROOM else ""), now_at=revision, who=who)


def _replies_back(connection: Connection, sent: Mapping[str, Any], now: datetime, actor: str) -> None:
    lines = []
    for id, thing in sorted(sent.items(), key=lambda item: int(item[0])):
        row = connection.execute(select(*outbox.COLUMNS).where(outbox_table.c.id == int(id))).one()
        if thing["before"] is None:  # written by the deed, and never to go
            values: dict[str, Any] = {"state": str(ReplyState.SUPPRESSED), "reason": outbox.TAKEN_BACK, "next_attempt_at": None}
        else:
            values = _times(thing["before"], ("next_attempt_at", "counted_at"))
        connection.execute(update(outbox_table).where(outbox_table.c.id == row.id).values(**values))
        was = {"state": row.state, "reason": row.reason}
        lines.append(
            history.entry(
                "reply.restored",
                now,
                actor=actor,
                message_id=row.message_id,
                registration_id=row.registration_id,
                reply_id=row.id,
                before=was,
                after={name: str(values.get(name, was[name])) for name in was},
            )
        )
    history.add(connection, lines)


def _messages_back(connection: Connection, noted: Mapping[str, Any], now: datetime, actor: str) -> None:
    lines = []
    for id, thing in sorted(noted.items(), key=lambda item: int(item[0])):
        row = connection.execute(select(messages.c.state, messages.c.reason).where(messages.c.id == int(id))).one()
        values = _times(thing["before"], ("state_at",))
        connection.execute(update(messages).where(messages.c.id == int(id)).values(**values))
        was = {"state": row.state, "reason": row.reason}
        after = {name: str(values.get(name, was[name])) for name in was}
        lines.append(history.entry("message.restored", now, actor=actor, message_id=int(id), before=was, after=after))
    history.add(connection, lines)


def _registrations_back(connection: Connection, told: Mapping[str, Any], now: datetime, limits: Mapping[str, int]) -> None:
    plans: dict[str, dict[str, Any]] = {}
    for id, thing in told.items():
        plans[id] = thing["before"] if thing["before"] is not None else {"state": RegistrationState.DISMISSED, "messages": [], "addresses": [], "places": []}
    _room_again(connection, told, plans, limits)
    for id, plan in plans.items():  # first what is to go, so that nothing stands twice while it moves back
        for part in plan.keys() & _PARTS.keys():
            table, _ = _PARTS[part]
            connection.execute(delete(table).where(table.c.registration_id == id))
    for id, plan in plans.items():
        values = {name: plan[name] for name in _REGISTRATION if name in plan}
        connection.execute(update(registrations).where(registrations.c.id == id).values(**values, revision=registrations.c.revision + 1, updated_at=now))
        for part in [part for part in _PARTS if part in plan]:
            table, names = _PARTS[part]
            if plan[part]:
                rows = [_times(dict(zip(names, row, strict=True)), ("added_at", "asked_at", "made_at")) for row in plan[part]]
                connection.execute(insert(table), [{"registration_id": id, **row} for row in rows])


def _room_again(connection: Connection, told: Mapping[str, Any], plans: Mapping[str, Mapping[str, Any]], limits: Mapping[str, int]) -> None:
    """A place that comes back is still free, or nothing is done: nobody who has one since loses it."""
    wanted: dict[str, int] = {}
    for id, plan in plans.items():
        if "places" not in plan:
            continue
        for rows, by in ((plan["places"], 1), (told[id]["after"].get("places", []), -1)):
            for session, state, *_ in rows:
                if session in limits and state == PlaceState.PLACE:
                    wanted[session] = wanted.get(session, 0) + by
    more = {session for session, by in wanted.items() if by > 0}
    seating.lock(connection, more)
    for session, there in seating.occupancy(connection, more).items():
        if there.taken + wanted[session] > limits[session]:
            raise MailroomError(
                f"it cannot be taken back: the place in «{session}» went to somebody else meanwhile; put the registration right, and they wait for one"
            )


def _times(values: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: datetime.fromisoformat(value) if name in names and value is not None else value for name, value in values.items()}
