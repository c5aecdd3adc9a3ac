"""The record of a decision: state, reading, registration, answer and history, all of it or nothing.

Several messages share one commit, because the commit (one fsync) is what costs. Statements are sent in
bulk, table by table (updates of a registration go one by one: they are few); if anything is refused,
nothing of the batch is kept and ``Store.record_many`` goes on one by one, so that a message that cannot be recorded takes no other with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, select, update

from mailroom.errors import Permanent
from mailroom.model import MessageState, ReplyState, alias_of_rule
from store import brakes, history, outbox, register, remembered, seating, undeliverable
from store.database import clip
from store.ledger import chunks
from store.seating import Seating
from store.serialise import encode, pack_parsed
from store.tables import (
    message_identifiers,
    messages,
    readings,
    registration_addresses,
    registration_messages,
    registration_values,
    registrations,
    session_places,
)
from store.tables import outbox as outbox_table
from store.types import FieldValue, Record, Recorded, Registration, RegistrationState, RegistrationUpdate

__all__ = ["SETTLED", "correct", "correct_many", "record_batch", "settle", "settle_many", "settle_messages"]

SETTLED = "settled_by_person"

_INSERTS = (message_identifiers, readings, registrations, registration_addresses, registration_values, registration_messages, session_places, outbox_table)
_MESSAGE_VALUES = ("state", "state_at", "kind", "reason", "reason_detail", "sender_name", "sender_address", "subject")
_NEW = {name: bindparam(f"new_{name}", type_=messages.c[name].type) for name in _MESSAGE_VALUES}
_DECIDE = update(messages).where(messages.c.id == bindparam("row_id")).values(_NEW)


def record_batch(connection: Connection, batch: Sequence[Record], now: datetime) -> list[Recorded]:
    """Write all records whose message still waits; the others come back as not recorded."""
    waiting = _lock_waiting(connection, sorted({record.message_id for record in batch}))
    earlier = _read_before(connection, list(waiting))
    batch = [_once_more(connection, record, waiting[record.message_id]) if record.message_id in earlier else record for record in batch]
    firsts = {record.message_id: record for record in reversed(batch) if record.message_id in waiting}  # a message named twice is recorded once
    seats = Seating(connection, [(record, waiting[record.message_id]) for record in batch if firsts.get(record.message_id) is record], now)
    again = [waiting.pop(message_id).id for message_id in sorted(seats.told_otherwise)]
    # First, so that what was withdrawn counts neither for the cap nor as a question that was asked.
    _supersede(connection, [record for record in batch if record.message_id in waiting], now)
    # Reports first as well: an answer of the same batch to an address that they call dead is parked.
    effects = {r.message_id: undeliverable.record_report(connection, r.message_id, r.delivery, now) for r in batch if r.delivery and r.message_id in waiting}
    writer = _Writer(connection, now, [record for record in batch if record.message_id in waiting], seats, effects, earlier)
    results = []
    for record in batch:
        message = waiting.pop(record.message_id, None)
        if message is None:
            results.append(Recorded(message_id=record.message_id, recorded=False, told_otherwise=record.message_id in again))
        else:
            results.append(writer.add(record, message))
    writer.flush()
    return results


def _lock_waiting(connection: Connection, ids: Sequence[int]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    columns = (messages.c.id, messages.c.mailbox, messages.c.sha256, messages.c.internal_date)
    for part in chunks(ids):
        query = select(*columns).where(messages.c.id.in_(part), messages.c.state == MessageState.WAITING).order_by(messages.c.id).with_for_update()
        found.update({row.id: row for row in connection.execute(query)})
    return found


def _read_before(connection: Connection, ids: Sequence[int]) -> frozenset[int]:
    """Those of these that a person wanted to be read again."""
    found: set[int] = set()
    for part in chunks(ids):
        found.update(connection.scalars(select(readings.c.message_id).where(readings.c.message_id.in_(part)).distinct()))
    return frozenset(found)


def _once_more(connection: Connection, record: Record, message: Any) -> Record:
    """What a message that is read again comes to: the registration that it made is changed, or dismissed where it makes none any more.

    It is answered once: the answer that has not left is written anew, and after one that has, none follows.
    """
    record = replace(record, delivery=None)  # a report was taken note of the first time
    own = register.by_id(connection, register.registration_id(message.mailbox, message.sha256))
    if own is not None and own.messages == (message.id,):
        draft, values, missing = record.registration, own.values, own.missing
        state = RegistrationState.DISMISSED if record.update is None else own.state
        if draft is not None:
            state, values, missing = draft.state, draft.values, draft.missing
        if draft is not None or record.update is None:
            new = RegistrationUpdate(registration_id=own.id, revision=own.revision, state=state, values=values, missing=missing)
            record = replace(record, registration=None, update=new)
        told = record.wishes.told if record.wishes is not None and record.wishes.told is not None else {}
        if any(told.get(place.session, place.state) is not place.state for place in own.places):
            record = replace(record, reply=None)  # it was written as for somebody who has no place yet
        if record.reply is None and record.wishes is not None:
            record = replace(record, wishes=replace(record.wishes, told=None))
    return record if record.reply is None or _unsent_answer(connection, message.id) is not False else replace(record, reply=None)


def _unsent_answer(connection: Connection, message_id: int) -> int | bool | None:
    """The answer to a message that may still be written anew; False where it left, None where there is none."""
    here = (outbox_table.c.message_id == message_id) & (outbox_table.c.purpose == outbox.ANSWER)
    row = connection.execute(select(outbox_table.c.id, outbox_table.c.state, outbox_table.c.attempts).where(here).with_for_update()).one_or_none()
    if row is None:
        return None
    return int(row.id) if row.attempts == 0 and row.state in (ReplyState.HELD, ReplyState.DUE, ReplyState.SUPPRESSED) else False


class _Writer:
    """Gathers the rows of a batch, table by table, and writes them at the end."""

    def __init__(
        self, connection: Connection, now: datetime, batch: Sequence[Record], seats: Seating, effects: Mapping[int, str], earlier: frozenset[int]
    ) -> None:
        self.connection, self.now, self.seats, self.effects, self.earlier = connection, now, seats, effects, earlier
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.decided: list[dict[str, Any]] = []
        self.history: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []
        self.rewritten: list[int] = []  # messages whose answer was written anew
        self.uses: list[tuple[int, int]] = []  # of remembered aliases
        self.brakes = brakes.Brakes(connection, batch, now)

    def add(self, record: Record, message: Any) -> Recorded:
        _check(record)
        reading = record.reading
        sender, decision = reading.parsed.sender, reading.decision
        reasons = decision.reasons or reading.extraction.reasons
        self.decided.append(
            {
                "row_id": message.id,
                "new_state": str(record.state),
                "new_state_at": self.now,
                "new_kind": str(reading.extraction.kind),
                "new_reason": reasons[0].code if reasons else "",
                "new_reason_detail": clip(reasons[0].detail) if reasons else "",
                "new_sender_name": clip(sender.name) if sender else None,
                "new_sender_address": clip(sender.address) if sender else None,
                "new_subject": clip(reading.parsed.subject),
            }
        )
        self.rows["message_identifiers"] += [
            {"message_id": message.id, "identifier": identifier}
            for identifier in dict.fromkeys(clip(i) for i in reading.parsed.message_ids)
            if identifier not in self._known_identifiers(message.id)
        ]
        self.rows["readings"].append(
            {
                "message_id": message.id,
                "read_at": self.now,
                "rules_version": reading.rules_version,
                "extraction": encode(reading.extraction),
                "decision": encode(decision),
                "parsed": pack_parsed(reading.parsed),
            }
        )
        self.uses += [(alias, message.id) for c in reading.extraction.candidates if c.chosen and (alias := alias_of_rule(c.evidence.rule)) is not None]
        after: dict[str, Any] = {
            "state": str(record.state),
            "kind": str(reading.extraction.kind),
            "outcome": str(decision.outcome),
            "reasons": [encode(reason) for reason in decision.reasons],
        }
        registration_id = self._registration(record, message, after)
        self.rows["session_places"] += self.seats.write(message.id, after)
        reply_state, reply_reason = self._reply(record, registration_id, after)
        if effect := self.effects.get(message.id):
            after["delivery_report"] = effect
        self.history.append(
            history.entry(
                "message.recorded",
                self.now,
                message_id=message.id,
                registration_id=registration_id,
                rules_version=reading.rules_version,
                before={"state": str(MessageState.WAITING)},
                after=after,
            )
        )
        return Recorded(message_id=message.id, recorded=True, registration_id=registration_id, reply_state=reply_state, reply_reason=reply_reason)

    def _known_identifiers(self, message_id: int) -> set[str]:
        if message_id not in self.earlier:
            return set()
        return set(self.connection.scalars(select(message_identifiers.c.identifier).where(message_identifiers.c.message_id == message_id)))

    def _registration(self, record: Record, message: Any, after: dict[str, Any]) -> str | None:
        if record.update is not None:
            return self._update(record.update, message, after, waits=record.state == MessageState.REVIEW)
        if record.registration is None:
            return None
        identifier = register.registration_id(message.mailbox, message.sha256)
        row, values = register.rows_for(identifier, record.registration, message.id, message.internal_date, self.now)
        self.rows["registrations"].append(row)
        self.rows["registration_values"] += values
        self.rows["registration_messages"].append({"registration_id": identifier, "message_id": message.id})
        self.rows["registration_addresses"].append({"registration_id": identifier, "address_key": row["member_key"], "person": None, "added_at": self.now})
        after["registration"] = register.snapshot(record.registration)
        return identifier

    def _update(self, new: RegistrationUpdate, message: Any, after: dict[str, Any], *, waits: bool) -> str:
        """Another message of a conversation: its values replace those of the revision it was decided on, or nothing does.

        ``waits``: for a person, and then the revision grows in any case: who had the entry open before it came has not read it."""
        # Held until the end, so that no person's deed comes between: also where nothing differs and the message is only linked.
        self.connection.execute(select(registrations.c.id).where(registrations.c.id == new.registration_id).with_for_update())
        old = register.by_id(self.connection, new.registration_id)
        if old is None or old.revision != new.revision:
            raise Permanent(f"message {message.id}: registration {new.registration_id} was changed while it was read; it is read again")
        if message.id not in old.messages:
            self.rows["registration_messages"].append({"registration_id": old.id, "message_id": message.id})
        if (old.state, old.missing, _by_field(old.values)) == (new.state, new.missing, _by_field(new.values)):
            if waits and message.id not in old.messages:
                grown = {"revision": registrations.c.revision + 1, "updated_at": self.now}
                self.connection.execute(update(registrations).where(registrations.c.id == old.id).values(**grown))
            return old.id
        if not _replace(self.connection, old.revision, new, self.now, message_id=message.id):
            raise Permanent(f"message {message.id}: registration {old.id} was changed while it was read; it is read again")
        before = {**register.snapshot(old), "revision": old.revision}
        after["registration"] = {**register.snapshot(new), "revision": old.revision + 1}
        self.changes.append(
            history.entry("registration.updated", self.now, message_id=message.id, registration_id=old.id, before=before, after=dict(after["registration"]))
        )
        return old.id

    def _reply(self, record: Record, registration_id: str | None, after: dict[str, Any]) -> tuple[ReplyState | None, str]:
        draft = record.reply
        if draft is None:
            return None, ""
        words = brakes.words_of(record.reading.parsed)
        # In a conversation the same words may say something new: «please take me off», once more after coming back.
        repeated = words if record.update is None else ""
        state, reason = self.brakes.place(draft, record.reply_state, record.reply_reason, record.cap, repeated)
        row = outbox.row_of(draft, self.now, purpose=outbox.ANSWER, message_id=record.message_id, registration_id=registration_id, state=state, reason=reason)
        written = _unsent_answer(self.connection, record.message_id) if record.message_id in self.earlier else None
        if written:
            self.connection.execute(update(outbox_table).where(outbox_table.c.id == written).values(**row, words=words))
            self.rewritten.append(record.message_id)
        else:
            self.rows["outbox"].append({**row, "words": words})
        after["reply"] = {"template": draft.template, "state": str(state), "reason": reason}
        return state, reason

    def flush(self) -> None:
        if not self.decided:
            return
        self.connection.execute(_DECIDE, self.decided)
        for table in _INSERTS:
            if rows := self.rows[table.name]:
                self.connection.execute(insert(table), rows)
        answered = [*(row["message_id"] for row in self.rows["outbox"]), *self.rewritten]
        numbers: dict[int, int] = {}
        for part in chunks(answered):
            query = select(outbox_table.c.message_id, outbox_table.c.id).where(outbox_table.c.message_id.in_(part), outbox_table.c.purpose == outbox.ANSWER)
            numbers.update({row.message_id: row.id for row in self.connection.execute(query)})
        for line in self.history:
            line["reply_id"] = numbers.get(line["message_id"])
        history.add(self.connection, [*self.history, *self.changes])
        remembered.note_uses(self.connection, self.uses)


def _supersede(connection: Connection, batch: Sequence[Record], now: datetime) -> None:
    """A newer answer tells the whole, so older unsent ones go. «A person will answer» tells nothing: what says how the entry stands still goes out."""
    told: dict[bool, set[str]] = {False: set(), True: set()}
    for record in batch:
        if record.update is None or record.reply is None:
            continue
        old = register.by_id(connection, record.update.registration_id) if record.reply.template == outbox.TELLS_NOTHING else None
        unchanged = old is not None and _by_field(old.values) == _by_field(record.update.values)
        told[unchanged].add(record.update.registration_id)
    outbox.supersede(connection, told[False], now)
    outbox.supersede(connection, told[True] - told[False], now, questions_only=True)


def correct(connection: Connection, new: RegistrationUpdate, now: datetime, actor: str, places: Mapping[str, int]) -> bool:
    """A person's change; False when another revision was written meanwhile, or nothing differs. ``places``: sessions with a limit.

    An answer that has not left yet tells of what was before, so it is withdrawn.
    """
    old = register.by_id(connection, new.registration_id)
    line = _corrected(connection, old, new, now, actor, places)
    if old is None or line is None:
        return False
    history.add(connection, [line])
    outbox.supersede(connection, [old.id], now, reason=outbox.CORRECTED_MEANWHILE, actor=actor)
    if (corrected := register.by_id(connection, old.id)) is not None:
        remembered.keep_case(connection, old, corrected, now, actor)
    return True


def correct_many(connection: Connection, updates: Sequence[RegistrationUpdate], now: datetime, actor: str, places: Mapping[str, int]) -> list[str]:
    """The same change of a person's for many; gives the ids of those that stood as they were seen. It teaches nothing: no message was looked at."""
    lines: dict[str, dict[str, Any]] = {}
    for some in chunks(updates):
        old = {one.id: one for one in register.by_ids(connection, [new.registration_id for new in some])}
        for new in some:
            if (line := _corrected(connection, old.get(new.registration_id), new, now, actor, places)) is not None:
                lines[new.registration_id] = line
    history.add(connection, list(lines.values()))
    outbox.supersede(connection, lines, now, reason=outbox.CORRECTED_MEANWHILE, actor=actor)
    return list(lines)


def _corrected(
    connection: Connection, old: Registration | None, new: RegistrationUpdate, now: datetime, actor: str, places: Mapping[str, int]
) -> dict[str, Any] | None:
    """The line of the history, once it is written."""
    if old is None or old.revision != new.revision or (old.state, old.missing, _by_field(old.values)) == (new.state, new.missing, _by_field(new.values)):
        return None
    if any(value.message_id is None and value.person is None for value in new.values):
        raise Permanent(f"registration {old.id}: a value without a message or a person")
    if not _replace(connection, old.revision, new, now, message_id=0, values=_by_field(old.values) != _by_field(new.values)):
        return None
    before, after = {**register.snapshot(old), "revision": old.revision}, {**register.snapshot(new), "revision": old.revision + 1}
    named = seating.sessions_of(new.state, new.values)
    if named or old.places:
        has = seating.correct(connection, old.id, named, places, now)
        before["places"] = {place.session: str(place.state) for place in old.places}
        after["places"] = {session: str(state) for session, state in has.items()}
    return history.entry("registration.corrected", now, actor=actor, registration_id=old.id, before=before, after=after)


def settle(connection: Connection, registration_id: str, now: datetime, actor: str) -> list[int]:
    """A person has dealt with what waited for one: the messages of this registration that are in review are done."""
    mine = select(registration_messages.c.message_id).where(registration_messages.c.registration_id == registration_id)
    return _settled(connection, messages.c.id.in_(mine) & (messages.c.state == MessageState.REVIEW), now, actor, registration_id)


def settle_many(connection: Connection, registration_ids: Sequence[str], now: datetime, actor: str) -> list[int]:
    """The same for many registrations."""
    done: list[int] = []
    for some in chunks(registration_ids):
        links = select(registration_messages).where(registration_messages.c.registration_id.in_(some))
        of = {row.message_id: row.registration_id for row in connection.execute(links)}
        waits: set[int] = set()
        for ids in chunks(sorted(of)):  # by their numbers: there may be more in review than are meant here
            waits.update(connection.scalars(select(messages.c.id).where(messages.c.id.in_(ids), messages.c.state == MessageState.REVIEW)))
        for id in sorted({of[message_id] for message_id in waits}):
            done += settle(connection, id, now, actor)
    return done


def settle_messages(connection: Connection, ids: Sequence[int], now: datetime, actor: str) -> list[int]:
    """The same for messages by their numbers, also those that could not be read: who has no registration only asked something."""
    waits = messages.c.state.in_((MessageState.REVIEW, MessageState.QUARANTINED))
    return [id for some in chunks(sorted(set(ids))) for id in _settled(connection, messages.c.id.in_(some) & waits, now, actor, None)]


def _settled(connection: Connection, which: ColumnElement[bool], now: datetime, actor: str, registration_id: str | None) -> list[int]:
    waiting = select(messages.c.id, messages.c.state, messages.c.reason).where(which)
    rows = connection.execute(waiting.order_by(messages.c.id).with_for_update()).all()
    for some in chunks(rows):
        done = {"state": MessageState.REGISTERED, "state_at": now, "reason": SETTLED, "reason_detail": clip(actor)}
        connection.execute(update(messages).where(messages.c.id.in_([row.id for row in some])).values(**done))
    lines = [
        history.entry(
            "message.settled",
            now,
            actor=actor,
            message_id=row.id,
            registration_id=registration_id,
            before={"state": str(row.state), "reason": row.reason},
            after={"state": str(MessageState.REGISTERED), "reason": SETTLED},
        )
        for row in rows
    ]
    history.add(connection, lines)
    return [row.id for row in rows]


def _replace(connection: Connection, revision: int, new: RegistrationUpdate, now: datetime, *, message_id: int, values: bool = True) -> bool:
    """The present state only: what was is in the history, in a line that the same transaction adds."""
    here = (registrations.c.id == new.registration_id) & (registrations.c.revision == revision)
    changed = {"state": str(new.state), "missing": list(new.missing), "revision": revision + 1, "updated_at": now}
    if connection.execute(update(registrations).where(here).values(**changed)).rowcount != 1:
        return False
    if not values:  # they are as they were
        return True
    connection.execute(delete(registration_values).where(registration_values.c.registration_id == new.registration_id))
    if rows := register.value_rows(new.registration_id, new.values, message_id):
        connection.execute(insert(registration_values), rows)
    return True


def _by_field(values: Sequence[FieldValue]) -> list[FieldValue]:
    return sorted(values, key=lambda value: value.field)  # stable: the order within a field is kept, and is all that counts


def _check(record: Record) -> None:
    if record.update is not None and record.registration is not None:
        raise Permanent(f"message {record.message_id}: it cannot both begin a registration and continue one")
    if record.state == MessageState.WAITING:
        raise Permanent(f"message {record.message_id}: a recorded decision cannot leave it waiting")
    if record.reply is not None and record.reply_state not in (ReplyState.HELD, ReplyState.DUE, ReplyState.SUPPRESSED):
        raise Permanent(f"message {record.message_id}: a new reply cannot be {record.reply_state}")
