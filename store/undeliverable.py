"""Addresses that nothing reaches, and the reports that say so, each tied to the answer that it is about.

``record_report`` believes a report only if it names one of our answers by its Message-ID, which is keyed and stands
nowhere but in that answer; and it acts on it only if the report speaks of the address that the answer went to. What
does not fit changes nothing, and is told where it names an answer of ours at all.

An address that is marked keeps all later answers parked, and so are those that were not sent yet, until a person clears it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from mailroom.model import ReplyState
from store import history
from store.database import clip
from store.ledger import chunks
from store.register import address_key
from store.tables import delivery_reports, outbox
from store.tables import undeliverable_addresses as addresses
from store.types import DeliveryNote, LinkedReport, UndeliverableAddress

__all__ = ["BOUNCED", "REFUSED", "UNDELIVERABLE"]

UNDELIVERABLE = "undeliverable"  # why an answer is parked
BOUNCED, REFUSED = "bounced", "refused"  # why a reply is dead, and an address marked
DELAYED, DELIVERED, UNCLEAR, ANOTHER = "report_delayed", "report_delivered", "report_unclear", "report_of_another_address"
_UNSENT = (ReplyState.HELD, ReplyState.DUE)
_NOT_OUT = (ReplyState.HELD, ReplyState.SUPPRESSED, ReplyState.DEAD)


def among(connection: Connection, wanted: Iterable[str]) -> set[str]:
    """Which of these addresses are marked, casefolded."""
    found: set[str] = set()
    for part in chunks(sorted({address_key(a) for a in wanted})):
        found.update(connection.scalars(select(addresses.c.address_key).where(addresses.c.address_key.in_(part), addresses.c.cleared_at.is_(None))))
    return found


def mark(connection: Connection, reply_id: int, now: datetime, *, reason: str, status: str, detail: str, message_id: int | None = None) -> bool:
    """The address of this answer takes no mail: say so, and park what was still to go there. False when it is marked already."""
    reply = connection.execute(select(outbox.c.recipient, outbox.c.recipient_key, outbox.c.registration_id).where(outbox.c.id == reply_id)).one()
    key = reply.recipient_key
    values = {
        "address": reply.recipient,
        "marked_at": now,
        "reason": reason,
        "status": status,
        "detail": clip(detail),
        "reply_id": reply_id,
        "message_id": message_id,
        "cleared_at": None,
        "cleared_by": None,
    }
    there = connection.execute(select(addresses.c.cleared_at).where(addresses.c.address_key == key)).one_or_none()
    if there is not None and there.cleared_at is None:
        return False
    if there is None:
        connection.execute(insert(addresses).values(address_key=key, **values))
    else:
        connection.execute(update(addresses).where(addresses.c.address_key == key).values(**values))
    lines = [
        history.entry(
            "address.undeliverable",
            now,
            message_id=message_id,
            registration_id=reply.registration_id,
            reply_id=reply_id,
            after={"address": reply.recipient, "reason": reason, "status": status},
        )
    ]
    query = select(outbox.c.id, outbox.c.message_id, outbox.c.registration_id, outbox.c.state, outbox.c.reason)
    waiting = connection.execute(query.where(outbox.c.recipient_key == key, outbox.c.state.in_(_UNSENT)).order_by(outbox.c.id).with_for_update()).all()
    parked = {"state": ReplyState.SUPPRESSED, "reason": UNDELIVERABLE, "next_attempt_at": None}
    for row in waiting:
        connection.execute(update(outbox).where(outbox.c.id == row.id).values(**parked))
        lines.append(_parked(row, now))
    history.add(connection, lines)
    return True


def _parked(row: Any, now: datetime) -> dict[str, Any]:
    return history.entry(
        "reply.parked",
        now,
        message_id=row.message_id,
        registration_id=row.registration_id,
        reply_id=row.id,
        before={"state": row.state, "reason": row.reason},
        after={"state": str(ReplyState.SUPPRESSED), "reason": UNDELIVERABLE},
    )


def clear(connection: Connection, address: str, now: datetime, actor: str) -> tuple[int, ...] | None:
    """A person says that the address works: the ids of the answers parked for it, None when it was not marked."""
    key = address_key(address)
    here = (addresses.c.address_key == key) & addresses.c.cleared_at.is_(None)
    if connection.execute(update(addresses).where(here).values(cleared_at=now, cleared_by=actor)).rowcount != 1:
        return None
    history.add(connection, [history.entry("address.cleared", now, actor=actor, after={"address": key})])
    parked = select(outbox.c.id).where(outbox.c.recipient_key == key, outbox.c.state == ReplyState.SUPPRESSED, outbox.c.reason == UNDELIVERABLE)
    return tuple(connection.scalars(parked.order_by(outbox.c.id)))


def listed(connection: Connection, since: datetime | None = None) -> tuple[UndeliverableAddress, ...]:
    """The addresses that are marked, from ``since`` on or all, oldest first."""
    names = [field for field in UndeliverableAddress.__dataclass_fields__ if field not in ("registration_id", "parked")]
    query = select(*(addresses.c[name] for name in names), outbox.c.registration_id, addresses.c.address_key.label("key"))
    query = query.join(outbox, outbox.c.id == addresses.c.reply_id).where(addresses.c.cleared_at.is_(None))
    if since is not None:
        query = query.where(addresses.c.marked_at >= since)
    waiting = select(outbox.c.recipient_key, func.count()).where(outbox.c.state == ReplyState.SUPPRESSED, outbox.c.reason == UNDELIVERABLE)
    counted: dict[str, int] = dict(connection.execute(waiting.group_by(outbox.c.recipient_key)).all())
    rows = connection.execute(query.order_by(addresses.c.marked_at, addresses.c.address_key)).all()
    return tuple(
        UndeliverableAddress(**{name: getattr(row, name) for name in names}, registration_id=row.registration_id, parked=counted.get(row.key, 0))
        for row in rows
    )


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).where(addresses.c.cleared_at.is_(None))) or 0


def record_report(connection: Connection, message_id: int, note: DeliveryNote, now: datetime) -> str:
    """Tie a report to our answer and act on it; the effect's code, or "" where it is about no answer of ours."""
    reply = _answer(connection, note.identifiers)
    if reply is None:
        return ""
    told = {address_key(address) for address in note.recipients}
    effect = UNCLEAR
    if reply.recipient_key not in told:
        effect = ANOTHER if told else UNCLEAR
    elif note.permanent:
        effect = BOUNCED
        _bounced(connection, reply, message_id, note, now)
    elif note.action == "delayed":
        effect = DELAYED
    elif note.action in ("delivered", "relayed", "expanded"):
        effect = DELIVERED
    row = {"reply_id": reply.id, "effect": effect, "action": note.action, "status": note.status, "detail": clip(note.detail), "recorded_at": now}
    connection.execute(insert(delivery_reports).values(message_id=message_id, **row))
    return effect


def _answer(connection: Connection, identifiers: Iterable[str]) -> Any:
    """Our answer that the first of these Message-IDs belongs to which is ours."""
    wanted = list(dict.fromkeys(identifiers))[:20]
    columns = (outbox.c.id, outbox.c.identifier, outbox.c.message_id, outbox.c.registration_id, outbox.c.recipient_key, outbox.c.state)
    found = {row.identifier: row for row in connection.execute(select(*columns).where(outbox.c.identifier.in_(wanted), outbox.c.attempts > 0))}
    return next((found[identifier] for identifier in wanted if identifier in found), None)


def _bounced(connection: Connection, reply: Any, message_id: int, note: DeliveryNote, now: datetime) -> None:
    said = " ".join(filter(None, (note.status if note.status not in note.detail else "", note.detail)))
    if reply.state not in _NOT_OUT:
        values = {"state": ReplyState.DEAD, "reason": BOUNCED, "last_error": clip(said), "next_attempt_at": None}
        connection.execute(update(outbox).where(outbox.c.id == reply.id).values(**values))
        line = history.entry(
            "reply.bounced",
            now,
            message_id=message_id,
            registration_id=reply.registration_id,
            reply_id=reply.id,
            before={"state": reply.state},
            after={"state": str(ReplyState.DEAD), "reason": BOUNCED, "status": note.status},
        )
        history.add(connection, [line])
    if note.address_gone:
        mark(connection, reply.id, now, reason=BOUNCED, status=note.status, detail=note.detail, message_id=message_id)


def reports(connection: Connection, message_ids: Iterable[int] = (), reply_ids: Iterable[int] = ()) -> tuple[LinkedReport, ...]:
    """Reports that came as one of these messages, or are about one of these answers; oldest first."""
    found: dict[int, LinkedReport] = {}
    for column, ids in ((delivery_reports.c.message_id, message_ids), (delivery_reports.c.reply_id, reply_ids)):
        for part in chunks(sorted(set(ids))):
            query = (
                select(delivery_reports, outbox.c.recipient, outbox.c.registration_id)
                .join(outbox, outbox.c.id == delivery_reports.c.reply_id)
                .where(column.in_(part))
            )
            found.update({row.message_id: LinkedReport(**row._mapping) for row in connection.execute(query)})
    return tuple(found[id] for id in sorted(found))
