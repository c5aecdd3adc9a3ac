"""What a person does, each deed one transaction with its number, so that it can be taken back (``store.undoing``).

No deed waits for the worker's lock: a round may hold that for minutes. A deed is safe beside a round, and beside another
person's, because of what it is guarded by: the revision of a registration that its person saw, and the state of messages
and answers, both looked at under a lock of their rows. Who comes second finds another revision or state and does nothing
(``Stale``); a round then decides on its message again. On PostgreSQL a deed gives way: it waits for a row a moment
only and begins anew, so that of the two it is never the round that fails.

What it does badly: settling many messages at once is refused whole where one of them is settled already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, insert, select, update

from mailroom.errors import MailroomError
from mailroom.model import MessageState, ReplyDraft, ReplyState
from store import history, outbox, people, recording, register, remembered, seating, undeliverable
from store.database import clip
from store.ledger import chunks
from store.register import address_key
from store.tables import (
    contents,
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
from store.types import OFF_THE_REGISTER, Deed, Registration, RegistrationDraft, RegistrationState, RegistrationUpdate
from store.undoing import Stale, Watched, differences, look, take_back

__all__ = ["DeedLetter", "Did", "NothingDone", "Stale"]

ASKED = "asked_by_person"  # why a message waits for its member
REOPENED = "reopened_by_person"
NOT_OURS, SPAM = "dismissed_not_ours", "dismissed_spam"
_DISMISSED = (NOT_OURS, SPAM)
_FOR_A_PERSON = (MessageState.REVIEW, MessageState.QUARANTINED)
_SHOWN = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class DeedLetter:
    """Mail that goes with a deed: an answer to the message of that number, held or due."""

    draft: ReplyDraft
    message_id: int
    state: ReplyState


class NothingDone(Exception):
    """Nothing would be otherwise: the transaction is given up, and there is no deed."""


@dataclass(kw_only=True, slots=True)
class Did:
    """A deed that was done. ``settled``: messages that waited for a person and no longer do; ``replies``: answers that it wrote or moved."""

    deed: int
    settled: list[int] = field(default_factory=list)
    replies: list[int] = field(default_factory=list)
    registrations: list[str] = field(default_factory=list)


@contextmanager
def _deed(connection: Connection, kind: str, now: datetime, actor: str, watched: Watched, *, about: str | None = None) -> Iterator[Did]:
    """What the block does is a deed with a number, which every line of history in it bears. Raises NothingDone where nothing changed."""
    before = look(connection, watched)
    made = insert(deeds).values(at=now, actor=actor, kind=kind, changed={}).returning(deeds.c.id)
    did = Did(deed=int(connection.execute(made).scalar_one()))
    connection.execution_options(**{history.DEED: did.deed})
    yield did
    after = look(connection, Watched(registrations=[*watched.registrations, *did.registrations], messages=watched.messages, replies=watched.replies))
    changed = differences(before, after)
    if not changed:
        raise NothingDone
    connection.execute(update(deeds).where(deeds.c.id == did.deed).values(changed=changed, registration_id=about))


# --- on registrations


def change(
    connection: Connection,
    kind: str,
    new: RegistrationUpdate,
    now: datetime,
    actor: str,
    limits: Mapping[str, int],
    *,
    settle: bool,
    reopen: bool = False,
    letter: DeedLetter | None = None,
) -> Did:
    """Values and state as a person says. ``settle``: what waits for a person is done; ``reopen``: what was dismissed waits for one again.

    ``letter`` tells the member how it stands now; an address that takes no mail is told nothing, and the deed has no ``replies``.
    """
    with _deed(connection, kind, now, actor, Watched(registrations=[new.registration_id]), about=new.registration_id) as did:
        _at_revision(connection, new.registration_id, new.revision)
        recording.correct(connection, new, now, actor, limits)
        if settle:
            did.settled = recording.settle(connection, new.registration_id, now, actor)
        if reopen:
            _wake(connection, new.registration_id, now, actor)
        if letter is not None and not undeliverable.among(connection, [letter.draft.recipient]):
            outbox.supersede(connection, [new.registration_id], now, reason=outbox.ANSWERED_MEANWHILE, actor=actor)
            did.replies = [_post(connection, letter.draft, outbox.TELLING, letter.state, letter.message_id, new.registration_id, now, actor)]
    return did


def _post(
    connection: Connection, draft: ReplyDraft, purpose: str, state: ReplyState, message_id: int, registration_id: str | None, now: datetime, actor: str
) -> int:
    """Into the outbox, with its line in the history; gives its number."""
    row = outbox.row_of(draft, now, purpose=purpose, message_id=message_id, registration_id=registration_id, state=state, reason="")
    made = int(connection.execute(insert(outbox_table).returning(outbox_table.c.id), [row]).scalar_one())
    after = {"template": draft.template, "state": str(state)}
    line = history.entry("reply.written", now, actor=actor, message_id=message_id, registration_id=registration_id, reply_id=made, after=after)
    history.add(connection, [line])
    return made


def change_many(
    connection: Connection, kind: str, updates: Sequence[RegistrationUpdate], now: datetime, actor: str, limits: Mapping[str, int], *, settle: bool
) -> Did:
    """The same for many; those that stand at another revision by now are left as they are, and are not among ``registrations``."""
    with _deed(connection, kind, now, actor, Watched(registrations=[new.registration_id for new in updates])) as did:
        did.registrations = recording.correct_many(connection, updates, now, actor, limits)
        if settle:
            did.settled = recording.settle_many(connection, did.registrations, now, actor)
    return did


def _at_revision(connection: Connection, registration_id: str, revision: int) -> Registration:
    found = register.by_id(connection, registration_id)
    if found is None:
        raise MailroomError(f"there is no registration {registration_id}")
    if found.revision != revision:
        who = who_changed(connection, registration_id)
        by = f" by {who}" if who not in ("", history.MAILROOM) else " by a new message" if who else ""
        raise Stale(f"{registration_id} was changed meanwhile{by}; nothing was done, look at it again", now_at=found.revision, who=who)
    return found


def who_changed(connection: Connection, registration_id: str) -> str:
    """Who changed a registration last; "" where nobody has."""
    h = history_table.c
    events = ("registration.updated", "registration.entered", "reply.written", "message.recorded", *outbox.BY_PERSON)
    last = select(h.actor).where(h.registration_id == registration_id, h.event.in_(events)).order_by(h.id.desc()).limit(1)
    return connection.scalar(last) or ""


def _wake(connection: Connection, registration_id: str, now: datetime, actor: str) -> None:
    """Messages that were dismissed with their registration."""
    mine = select(registration_messages.c.message_id).where(registration_messages.c.registration_id == registration_id)
    slept = messages.c.id.in_(mine) & (messages.c.state == MessageState.IGNORED) & messages.c.reason.in_(_DISMISSED)
    _move(connection, "message.reopened", slept, MessageState.REVIEW, REOPENED, now, actor, registration_id)


def merge(connection: Connection, registration_id: str, revision: int, into: RegistrationUpdate, now: datetime, actor: str, limits: Mapping[str, int]) -> Did:
    """Messages, addresses and places of one go over to ``into``, which has the values that the two come to."""
    with _deed(connection, "merge", now, actor, Watched(registrations=[registration_id, into.registration_id]), about=registration_id) as did:
        old, other = _at_revision(connection, registration_id, revision), _at_revision(connection, into.registration_id, into.revision)
        named = seating.sessions_of(into.state, into.values)
        _hand_over(connection, registration_messages, registration_id, other.id, registration_messages.c.message_id)
        mine = registration_addresses.c.registration_id == registration_id
        connection.execute(update(registration_addresses).where(mine, registration_addresses.c.person.is_(None)).values(person=actor))
        _hand_over(connection, registration_addresses, registration_id, other.id, registration_addresses.c.address_key)
        for table in (session_places, session_letters):
            _hand_over(connection, table, registration_id, other.id, table.c.session, only=named)
        seating.leave(connection, registration_id, [place.session for place in register.places_of(connection, [registration_id]).get(registration_id, ())], now)
        outbox.supersede(connection, [registration_id], now, reason=outbox.MERGED, actor=actor)
        gone = {"state": str(RegistrationState.MERGED), "merged_into": other.id, "missing": [], "revision": old.revision + 1, "updated_at": now}
        connection.execute(update(registrations).where(registrations.c.id == registration_id).values(**gone))
        before = {**register.snapshot(old), "revision": old.revision}
        after = {**before, "state": str(RegistrationState.MERGED), "missing": [], "merged_into": other.id, "revision": old.revision + 1}
        took = {"merged": registration_id, "messages": list(old.messages), "revision": other.revision + 1}
        history.add(
            connection,
            [
                history.entry("registration.merged", now, actor=actor, registration_id=registration_id, before=before, after=after),
                history.entry("registration.took_over", now, actor=actor, registration_id=other.id, after=took),
            ],
        )
        if not recording.correct(connection, into, now, actor, limits):  # nothing new in it, and yet it is not what a round has seen
            _touch(connection, other.id, now)
        waits = messages.c.id.in_(list(old.messages)) & (messages.c.state == MessageState.REVIEW)
        did.settled = _move(connection, "message.settled", waits, MessageState.REGISTERED, recording.SETTLED, now, actor, other.id)
    return did


def _hand_over(connection: Connection, table: Any, from_: str, to: str, key: Any, *, only: Sequence[str] | None = None) -> None:
    """Rows of one registration become the other's; what that has already stays as it is there."""
    mine = table.c.registration_id == from_
    if only is not None:
        mine &= key.in_(list(only))
    theirs = table.alias()
    same = [theirs.c[column.name] == column for column in table.primary_key.columns if column.name != "registration_id"]
    connection.execute(update(table).where(mine, ~exists().where(and_(theirs.c.registration_id == to, *same))).values(registration_id=to))
    if only is None:
        connection.execute(delete(table).where(mine))


def _touch(connection: Connection, registration_id: str, now: datetime) -> None:
    connection.execute(update(registrations).where(registrations.c.id == registration_id).values(revision=registrations.c.revision + 1, updated_at=now))


def enter(connection: Connection, message_id: int, draft: RegistrationDraft, now: datetime, actor: str, limits: Mapping[str, int], *, settle: bool) -> Did:
    """A registration that a person makes of a message that has none."""
    row = connection.execute(select(messages).where(messages.c.id == message_id).with_for_update()).one_or_none()
    if row is None:
        raise MailroomError(f"there is no message {message_id}")
    id = register.registration_id(row.mailbox, row.sha256)
    with _deed(connection, "enter", now, actor, Watched(registrations=[id], messages=[message_id]), about=id) as did:
        if there := [one for one in register.of_message(connection, message_id) if one.state not in OFF_THE_REGISTER]:
            raise Stale(f"message {message_id} has a registration already, {there[0].id}", now_at=there[0].revision, who=who_changed(connection, there[0].id))
        new, values = register.rows_for(id, draft, message_id, row.internal_date, now)
        old = register.by_id(connection, id)
        if old is not None and old.state is RegistrationState.MERGED:
            raise MailroomError(f"what message {message_id} made was merged into {old.merged_into}; put that right, or take the merge back")
        if old is None:
            connection.execute(insert(registrations), [new])
        else:  # it was entered, or dismissed, before
            again = {**new, "revision": old.revision + 1, "created_at": old.created_at}
            connection.execute(update(registrations).where(registrations.c.id == id).values(**again))
            for table in (registration_values, registration_messages):
                connection.execute(delete(table).where(table.c.registration_id == id))
        if values:
            connection.execute(insert(registration_values), values)
        connection.execute(insert(registration_messages), [{"registration_id": id, "message_id": message_id}])
        key = address_key(draft.member_address)
        known = select(registration_addresses.c.registration_id).where(
            registration_addresses.c.registration_id == id, registration_addresses.c.address_key == key
        )
        if connection.execute(known).first() is None:
            connection.execute(insert(registration_addresses), [{"registration_id": id, "address_key": key, "person": None, "added_at": now}])
        seating.correct(connection, id, seating.sessions_of(draft.state, draft.values), limits, now)
        before = {**register.snapshot(old), "revision": old.revision} if old is not None else None
        after = {**register.snapshot(draft), "revision": 1 if old is None else old.revision + 1}
        line = history.entry("registration.entered", now, actor=actor, message_id=message_id, registration_id=id, before=before, after=after)
        history.add(connection, [line])
        did.registrations = [id]
        if (entered := register.by_id(connection, id)) is not None:
            remembered.keep_case(connection, replace(entered, values=()), entered, now, actor)
        if settle:
            waits = (messages.c.id == message_id) & (messages.c.state != MessageState.REGISTERED)
            did.settled = _move(connection, "message.settled", waits, MessageState.REGISTERED, recording.SETTLED, now, actor, id)
    return did


def add_by_hand(connection: Connection, id: str, draft: RegistrationDraft, now: datetime, actor: str, limits: Mapping[str, int]) -> Did:
    """A registration of somebody who did not write. It rests on no message, and every value of it on the person."""
    with _deed(connection, "enter", now, actor, Watched(registrations=[id]), about=id) as did:
        new, values = register.rows_for(id, draft, 0, now, now)
        connection.execute(insert(registrations), [new])
        if values:
            connection.execute(insert(registration_values), values)
        if draft.member_address:
            row = {"registration_id": id, "address_key": address_key(draft.member_address), "person": actor, "added_at": now}
            connection.execute(insert(registration_addresses), [row])
        seating.correct(connection, id, seating.sessions_of(draft.state, draft.values), limits, now)
        after = {**register.snapshot(draft), "revision": 1}
        history.add(connection, [history.entry("registration.entered", now, actor=actor, registration_id=id, after=after)])
        did.registrations = [id]
    return did


# --- on messages


def settle(connection: Connection, ids: Sequence[int], now: datetime, actor: str) -> Did:
    """A person has dealt with these otherwise."""
    with _deed(connection, "settle", now, actor, Watched(messages=ids)) as did:
        others = [row for row in _rows(connection, ids) if row.state not in _FOR_A_PERSON]
        if others:
            raise Stale(
                f"message {', '.join(str(row.id) for row in others[:_SHOWN])} does not wait for a person any more; nothing was done",
                who=_who_moved(connection, others[0].id),
            )
        did.settled = recording.settle_messages(connection, ids, now, actor)
    return did


def dismiss(connection: Connection, ids: Sequence[int], reason: str, now: datetime, actor: str, seen: Mapping[str, int], touched: Mapping[int, int]) -> Did:
    """No business of the programme's. A registration that rests on nothing else goes too, and what was to be sent about it stays here.

    ``seen``: registrations at the revision that their person saw; ``touched``: messages with what had been done about each (``MessageRecord``).
    """
    linked = select(registration_messages.c.registration_id).where(registration_messages.c.message_id.in_(list(ids))).distinct()
    concerned = list(connection.scalars(linked.order_by(registration_messages.c.registration_id)))
    with _deed(connection, "dismiss", now, actor, Watched(registrations=concerned, messages=ids)) as did:
        for id, revision in seen.items():
            _at_revision(connection, id, revision)
        _untouched(connection, touched)
        rows = _rows(connection, ids)
        if unread := [row for row in rows if row.state == MessageState.WAITING]:
            raise MailroomError(f"message {unread[0].id} has not been read yet; it can be dismissed after the next round")
        did.settled = [row.id for row in rows if row.state in _FOR_A_PERSON]
        event = "message.dismissed"
        for some in chunks(sorted(set(ids))):
            _move(connection, event, messages.c.id.in_(some) & messages.c.reason.not_in([reason]), MessageState.IGNORED, reason, now, actor, None)
        for one in register.by_ids(connection, concerned):
            if one.state in OFF_THE_REGISTER or not _rests_on(connection, one, ids):
                continue
            gone = {"state": str(RegistrationState.DISMISSED), "revision": one.revision + 1, "updated_at": now}
            connection.execute(update(registrations).where(registrations.c.id == one.id).values(**gone))
            seating.correct(connection, one.id, (), {}, now)
            before = {**register.snapshot(one), "revision": one.revision}
            after = {**before, "state": str(RegistrationState.DISMISSED), "revision": one.revision + 1}
            line = history.entry("registration.dismissed", now, actor=actor, registration_id=one.id, before=before, after=after)
            history.add(connection, [line])
            did.registrations.append(one.id)
        unsent = outbox_table.c.state.in_((ReplyState.HELD, ReplyState.DUE, ReplyState.SUPPRESSED)) & outbox_table.c.reason.not_in(outbox.OVERTAKEN)
        about = outbox_table.c.message_id.in_(list(ids)) | outbox_table.c.registration_id.in_(did.registrations)
        did.replies = outbox.set_aside(connection, about & unsent & (outbox_table.c.purpose != outbox.DIGEST), outbox.DISMISSED, now, actor)
    return did


def _rests_on(connection: Connection, registration: Registration, ids: Sequence[int]) -> bool:
    """Whether it has no message but these, and those that were dismissed before."""
    others = [id for id in registration.messages if id not in ids]
    if not others:
        return True
    rows = connection.execute(select(messages.c.state, messages.c.reason).where(messages.c.id.in_(others)))
    return all(row.state == MessageState.IGNORED and row.reason in _DISMISSED for row in rows)


def read_again(connection: Connection, ids: Sequence[int], now: datetime, actor: str) -> Did:
    """What could not be read, or was read for a person, waits to be read by the next round."""
    with _deed(connection, "read_again", now, actor, Watched(messages=ids)) as did:
        for row in _rows(connection, ids):
            if row.state not in _FOR_A_PERSON:
                raise Stale(f"message {row.id} does not wait for a person any more; nothing was done", who=_who_moved(connection, row.id))
            if connection.execute(select(contents.c.message_id).where(contents.c.message_id == row.id)).first() is None:
                raise MailroomError(f"message {row.id} was too large to be fetched, so there is nothing to read; it is in the mailbox")
            for one in register.of_message(connection, row.id):
                if len(one.messages) > 1:
                    raise MailroomError(f"message {row.id} belongs to a conversation; put the registration {one.id} right instead")
                if any(value.person for value in one.values):
                    raise MailroomError(f"{one.id} holds what a person put right, which stands whatever message {row.id} is read as")
        waits = messages.c.id.in_(list(ids))
        did.settled = _move(connection, "message.read_again", waits, MessageState.WAITING, "", now, actor, None, attempts=0)
    return did


def _rows(connection: Connection, ids: Sequence[int]) -> list[Any]:
    if not ids:
        raise MailroomError("no message is named")
    found = {
        row.id: row for some in chunks(sorted(set(ids))) for row in connection.execute(select(messages.c.id, messages.c.state).where(messages.c.id.in_(some)))
    }
    if unknown := [str(id) for id in ids if id not in found]:
        raise MailroomError(f"there is no message {', '.join(unknown[:_SHOWN])}")
    return [found[id] for id in sorted(found)]


def _untouched(connection: Connection, touched: Mapping[int, int]) -> None:
    """Nobody has done anything about these messages since their person saw them. Their rows are locked, so nobody does now."""
    h = history_table.c
    for message_id, seen in touched.items():
        by_person = (h.message_id == message_id) & (h.actor != history.MAILROOM) & (h.event != people.LOOKED)
        last = connection.execute(select(h.id, h.actor).where(by_person).order_by(h.id.desc()).limit(1)).one_or_none()
        if last is not None and last.id != seen:
            raise Stale(f"message {message_id} was dealt with meanwhile by {last.actor}; nothing was done, look at it again", who=last.actor)


def _who_moved(connection: Connection, message_id: int) -> str:
    h = history_table.c
    return connection.scalar(select(h.actor).where(h.message_id == message_id, h.event.startswith("message.")).order_by(h.id.desc()).limit(1)) or ""


def _move(
    connection: Connection,
    event: str,
    which: Any,
    state: MessageState,
    reason: str,
    now: datetime,
    actor: str,
    registration_id: str | None,
    **values: Any,
) -> list[int]:
    """Messages into another state, with a line for each; gives their ids."""
    rows = connection.execute(select(messages.c.id, messages.c.state, messages.c.reason).where(which).order_by(messages.c.id).with_for_update()).all()
    new = {"state": str(state), "state_at": now, "reason": reason, "reason_detail": clip(actor) if reason else "", **values}
    for some in chunks([row.id for row in rows]):
        connection.execute(update(messages).where(messages.c.id.in_(some)).values(**new))
    lines = [
        history.entry(
            event,
            now,
            actor=actor,
            message_id=row.id,
            registration_id=registration_id,
            before={"state": row.state, "reason": row.reason},
            after={"state": str(state), "reason": reason},
        )
        for row in rows
    ]
    history.add(connection, lines)
    return [row.id for row in rows]


# --- mail


def write(
    connection: Connection,
    kind: str,
    draft: ReplyDraft,
    message_id: int,
    registration_id: str | None,
    now: datetime,
    actor: str,
    limits: Mapping[str, int],
    *,
    asks: RegistrationUpdate | None = None,
    touched: int | None = None,
) -> Did:
    """Mail by hand, due. ``asks``: the registration as it waits for the answer; without it, the message is done with that,
    provided that nothing but what was ``touched`` had been done about it (None: whatever was)."""
    watched = Watched(registrations=[registration_id] if asks is not None and registration_id is not None else [], messages=[message_id])
    with _deed(connection, kind, now, actor, watched, about=registration_id) as did:
        if asks is not None:
            _at_revision(connection, asks.registration_id, asks.revision)
        _untouched(connection, {message_id: touched} if touched is not None else {})
        if undeliverable.among(connection, [draft.recipient]):
            raise MailroomError("mail to this address came back; say first that the address works again")
        if asks is not None:
            outbox.supersede(connection, [asks.registration_id], now, reason=outbox.ANSWERED_MEANWHILE, actor=actor)
        else:  # «a person will answer» must not arrive after the person's answer
            unsent = outbox_table.c.state.in_((ReplyState.HELD, ReplyState.DUE, ReplyState.SUPPRESSED)) & outbox_table.c.reason.not_in(outbox.OVERTAKEN)
            promise = (outbox_table.c.message_id == message_id) & (outbox_table.c.purpose == outbox.ANSWER) & (outbox_table.c.template == outbox.TELLS_NOTHING)
            outbox.set_aside(connection, promise & unsent, outbox.ANSWERED_MEANWHILE, now, actor)
        did.replies = [_post(connection, draft, outbox.BY_HAND, ReplyState.DUE, message_id, registration_id, now, actor)]
        if asks is None:
            waits = (messages.c.id == message_id) & messages.c.state.in_(_FOR_A_PERSON)
            did.settled = _move(connection, "message.settled", waits, MessageState.REGISTERED, recording.SETTLED, now, actor, registration_id)
            if registration_id is not None:
                _touch(connection, registration_id, now)  # who saw the entry before this answer is told so
        else:
            if not recording.correct(connection, asks, now, actor, limits):
                _touch(connection, asks.registration_id, now)  # who saw it before this question is told so
            mine = select(registration_messages.c.message_id).where(registration_messages.c.registration_id == asks.registration_id)
            waits = messages.c.id.in_(mine) & (messages.c.state == MessageState.REVIEW)
            did.settled = _move(connection, "message.settled", waits, MessageState.ASK_MEMBER, ASKED, now, actor, asks.registration_id)
    return did


def release(connection: Connection, ids: Sequence[int], now: datetime, actor: str, states: Sequence[ReplyState]) -> Did:
    """Answers in one of these states become due, but for those that tell what is not so any more, and those that would not arrive."""
    with _deed(connection, "release", now, actor, Watched(replies=ids)) as did:
        rows = connection.execute(select(outbox_table.c.id, outbox_table.c.recipient).where(outbox_table.c.id.in_(list(ids)))).all()
        dead = undeliverable.among(connection, {row.recipient for row in rows})
        did.replies = outbox.release(connection, [row.id for row in rows if address_key(row.recipient) not in dead], now, actor, states)
    return did


def park(connection: Connection, ids: Sequence[int], now: datetime, actor: str) -> Did:
    """Held or due answers are not to go, for now."""
    with _deed(connection, "park", now, actor, Watched(replies=ids)) as did:
        waiting = outbox_table.c.id.in_(list(ids)) & outbox_table.c.state.in_((ReplyState.HELD, ReplyState.DUE))
        did.replies = outbox.set_aside(connection, waiting, outbox.PARKED_BY_PERSON, now, actor, event="reply.parked")
    return did


# --- undo, and looking


def undo(connection: Connection, deed_id: int, now: datetime, actor: str, limits: Mapping[str, int]) -> Deed:
    return _told(take_back(connection, deed_id, now, actor, limits))


def by_id(connection: Connection, deed_id: int) -> Deed | None:
    row = connection.execute(select(deeds).where(deeds.c.id == deed_id)).one_or_none()
    return None if row is None else _told(row)


def of(connection: Connection, *, registration_id: str | None, message_id: int | None, limit: int) -> tuple[Deed, ...]:
    """Those that changed a registration or a message (or any, where neither is named), the newest first."""
    query = select(deeds)
    h = history_table.c
    if registration_id is not None or message_id is not None:
        about = h.registration_id == registration_id if message_id is None else h.message_id == message_id
        query = query.where(deeds.c.id.in_(select(h.deed_id).where(about, h.deed_id.is_not(None))))
    return tuple(_told(row) for row in connection.execute(query.order_by(deeds.c.id.desc()).limit(limit)))


def _told(row: Any) -> Deed:
    return Deed(
        id=row.id,
        at=row.at,
        actor=row.actor,
        kind=row.kind,
        registration_id=row.registration_id,
        registrations=tuple(sorted(row.changed.get("registrations", {}))),
        messages=tuple(sorted(map(int, row.changed.get("messages", {})))),
        replies=tuple(sorted(map(int, row.changed.get("replies", {})))),
        undone_at=row.undone_at,
        undone_by=row.undone_by,
    )
