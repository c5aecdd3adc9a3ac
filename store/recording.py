"""The record of a decision: state, reading, registration, answer and history, all of it or nothing.

Several messages share one commit, because the commit (one fsync) is what costs. Statements are sent in
bulk, table by table; if anything is refused, nothing of the batch is kept and ``Store.record_many`` goes
on one by one, so that a message that cannot be recorded takes no other with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from mailroom.errors import Permanent
from mailroom.model import MessageState, ReplyDraft, ReplyState
from store import history, outbox, register
from store.database import clean, clip
from store.ledger import chunks
from store.register import address_key
from store.serialise import encode, pack_parsed
from store.tables import message_identifiers, messages, readings, registration_messages, registration_values, registrations
from store.tables import outbox as outbox_table
from store.types import Record, Recorded

__all__ = ["record_batch"]

_INSERTS = (message_identifiers, readings, registrations, registration_values, registration_messages, outbox_table)
_MESSAGE_VALUES = ("state", "state_at", "kind", "reason", "reason_detail", "sender_name", "sender_address", "subject")
_NEW = {name: bindparam(f"new_{name}", type_=messages.c[name].type) for name in _MESSAGE_VALUES}
_DECIDE = update(messages).where(messages.c.id == bindparam("row_id")).values(_NEW)


def record_batch(connection: Connection, batch: Sequence[Record], now: datetime) -> list[Recorded]:
    """Write all records whose message still waits; the others come back as not recorded."""
    waiting = _lock_waiting(connection, sorted({record.message_id for record in batch}))
    writer = _Writer(connection, now, [record for record in batch if record.message_id in waiting])
    results = []
    for record in batch:
        message = waiting.pop(record.message_id, None)  # a message named twice is recorded once
        results.append(Recorded(message_id=record.message_id, recorded=False) if message is None else writer.add(record, message))
    writer.flush()
    return results


def _lock_waiting(connection: Connection, ids: Sequence[int]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    columns = (messages.c.id, messages.c.mailbox, messages.c.sha256, messages.c.internal_date)
    for part in chunks(ids):
        query = select(*columns).where(messages.c.id.in_(part), messages.c.state == MessageState.WAITING).order_by(messages.c.id).with_for_update()
        found.update({row.id: row for row in connection.execute(query)})
    return found


class _Writer:
    """Gathers the rows of a batch, table by table, and writes them at the end."""

    def __init__(self, connection: Connection, now: datetime, batch: Sequence[Record]) -> None:
        self.connection, self.now = connection, now
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.decided: list[dict[str, Any]] = []
        self.history: list[dict[str, Any]] = []
        self.answers = _answers_so_far(connection, batch, now)

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
            {"message_id": message.id, "identifier": identifier} for identifier in dict.fromkeys(clip(i) for i in reading.parsed.message_ids)
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
        after: dict[str, Any] = {
            "state": str(record.state),
            "kind": str(reading.extraction.kind),
            "outcome": str(decision.outcome),
            "reasons": [encode(reason) for reason in decision.reasons],
        }
        registration_id = self._registration(record, message, after)
        reply_state, reply_reason = self._reply(record, registration_id, after)
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

    def _registration(self, record: Record, message: Any, after: dict[str, Any]) -> str | None:
        if record.registration is None:
            return None
        identifier = register.registration_id(message.mailbox, message.sha256)
        row, values = register.rows_for(identifier, record.registration, message.id, message.internal_date, self.now)
        self.rows["registrations"].append(row)
        self.rows["registration_values"] += values
        self.rows["registration_messages"].append({"registration_id": identifier, "message_id": message.id})
        after["registration"] = register.snapshot(record.registration)
        return identifier

    def _reply(self, record: Record, registration_id: str | None, after: dict[str, Any]) -> tuple[ReplyState | None, str]:
        draft, state, reason = record.reply, record.reply_state, record.reply_reason
        if draft is None:
            return None, ""
        key = address_key(draft.recipient)
        if state != ReplyState.SUPPRESSED:
            # Counted in the transaction that adds the answer, so no two rounds can both be the third.
            if record.cap is not None and self.answers[record.cap.window][key] >= record.cap.per_address:
                state, reason = ReplyState.SUPPRESSED, outbox.CAP_ADDRESS
            else:
                for counted in self.answers.values():
                    counted[key] += 1
        self.rows["outbox"].append(self._outbox_row(record.message_id, registration_id, draft, key, state, reason))
        after["reply"] = {"template": draft.template, "state": str(state), "reason": reason}
        return state, reason

    def _outbox_row(self, message_id: int, registration_id: str | None, draft: ReplyDraft, key: str, state: ReplyState, reason: str) -> dict[str, Any]:
        return {
            "message_id": message_id,
            "purpose": outbox.ANSWER,
            "registration_id": registration_id,
            "template": draft.template,
            "recipient": clean(draft.recipient),
            "recipient_key": key,
            "subject": clean(draft.subject),
            "identifier": draft.message_id,
            "content": draft.content,
            "checks": [encode(check) for check in draft.checks],
            "state": str(state),
            "reason": reason,
            "created_at": self.now,
            "counted_at": self.now,
            "next_attempt_at": self.now if state == ReplyState.DUE else None,
        }

    def flush(self) -> None:
        if not self.decided:
            return
        self.connection.execute(_DECIDE, self.decided)
        for table in _INSERTS:
            if rows := self.rows[table.name]:
                self.connection.execute(insert(table), rows)
        answered = [row["message_id"] for row in self.rows["outbox"]]
        numbers: dict[int, int] = {}
        for part in chunks(answered):
            query = select(outbox_table.c.message_id, outbox_table.c.id).where(outbox_table.c.message_id.in_(part), outbox_table.c.purpose == outbox.ANSWER)
            numbers.update({row.message_id: row.id for row in self.connection.execute(query)})
        for line in self.history:
            line["reply_id"] = numbers.get(line["message_id"])
        history.add(self.connection, self.history)


def _check(record: Record) -> None:
    if record.state == MessageState.WAITING:
        raise Permanent(f"message {record.message_id}: a recorded decision cannot leave it waiting")
    if record.reply is not None and record.reply_state not in (ReplyState.HELD, ReplyState.DUE, ReplyState.SUPPRESSED):
        raise Permanent(f"message {record.message_id}: a new reply cannot be {record.reply_state}")


def _answers_so_far(connection: Connection, batch: Sequence[Record], now: datetime) -> dict[timedelta, defaultdict[str, int]]:
    """For each window in use, the answers each address has had; empty where no cap is asked for."""
    wanted: dict[timedelta, set[str]] = defaultdict(set)
    for record in batch:
        if record.reply is not None and record.cap is not None:
            wanted[record.cap.window].add(record.reply.recipient)
    outbox.lock_addresses(connection, set().union(*wanted.values()))
    return {window: defaultdict(int, outbox.answers_since(connection, addresses, now - window)) for window, addresses in wanted.items()}
