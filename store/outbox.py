"""The outbox: one answer for a message at most, its bytes frozen, and where each answer stands.

``held`` or ``suppressed`` -> (release) -> ``due`` -> (claim) -> ``sending`` -> ``sent``, ``unknown``, ``due``
again or ``dead``. A claim is committed before a byte leaves. What SMTP did not answer for is ``unknown``, and so
is what is found in ``sending`` at the start of a round: it becomes ``sent`` once Sent shows it, or ``due`` once
more, the very same bytes under the same Message-ID; a second time it stays ``unknown`` for a person to settle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, or_, select, text, true, update

from mailroom.model import ReplyDraft, ReplyState, RuleHit
from store import history, undeliverable
from store.database import clean, clip
from store.ledger import chunks
from store.register import address_key, domain_of
from store.serialise import decode, encode
from store.tables import history as history_table
from store.tables import outbox, session_letters, session_places
from store.types import Reply

__all__ = ["ANSWER", "ANSWERED_MEANWHILE", "CORRECTED_MEANWHILE"]

ANSWER = "answer"  # purposes: an answer to a message, or a letter of our own
REMINDER, PLACE, DIGEST, BY_HAND = "reminder", "place", "digest", "by_hand"
TELLING = "telling"  # what an entry says now that a person has accepted it
_TELL_THE_WHOLE = (ANSWER, TELLING)
ASKED_BY_PERSON, ANSWERED_BY_PERSON = "asked_by_person", "answered_by_person"  # templates of what a person writes: no cap, and no limit of one
QUESTION, TELLS_NOTHING = "ask_member", "review"  # templates; the second only says that a person will answer
ANSWERED_MEANWHILE = "answered_meanwhile"
CORRECTED_MEANWHILE = "corrected_meanwhile"
PLACE_GIVEN_UP, TOO_LATE = "place_given_up", "too_late"  # of letters
TAKEN_BACK, DISMISSED, MERGED = "taken_back", "dismissed_meanwhile", "merged_meanwhile"  # by a person's deed
PARKED_BY_PERSON = "parked_by_person"
BY_PERSON = ("registration.corrected", "registration.restored", "registration.merged", "registration.dismissed")  # events after which an answer tells what was
OVERTAKEN = (
    ANSWERED_MEANWHILE,
    CORRECTED_MEANWHILE,
    PLACE_GIVEN_UP,
    TOO_LATE,
    TAKEN_BACK,
    DISMISSED,
    MERGED,
)  # what they say is not so any more: never released
SENT_AGAIN = "sent_again"
FATE_UNKNOWN = "fate_unknown"
RELEASABLE = (ReplyState.HELD, ReplyState.SUPPRESSED, ReplyState.UNKNOWN)
_NOT_COUNTED = (ReplyState.SUPPRESSED, ReplyState.DEAD)
COLUMNS = tuple(outbox.c[name] for name in Reply.__dataclass_fields__)
_SET_ASIDE = (outbox.c.id, outbox.c.message_id, outbox.c.registration_id, outbox.c.template, outbox.c.state, outbox.c.reason)
STOPPED = "mailroom was stopped while this was being sent"
_ADDRESS_LOCKS = 0x6D72  # first half of the key of advisory locks by address


def answers_since(connection: Connection, addresses: Iterable[str], since: datetime) -> dict[str, int]:
    """For each address (casefolded), how many answers count from ``since`` on."""
    keys = sorted({address_key(a) for a in addresses})
    counted = dict.fromkeys(keys, 0)
    for part in chunks(keys):
        query = (
            select(outbox.c.recipient_key, func.count())
            .where(
                outbox.c.purpose == ANSWER,  # a reminder parks no answer
                outbox.c.recipient_key.in_(part),
                outbox.c.counted_at >= since,
                outbox.c.state.not_in(_NOT_COUNTED),
            )
            .group_by(outbox.c.recipient_key)
        )
        counted.update({row[0]: row[1] for row in connection.execute(query)})
    return counted


def lock_addresses(connection: Connection, addresses: Iterable[str]) -> None:
    """Until the end of the transaction, nobody else decides on answers to these (SQLite has one writer anyway)."""
    if connection.dialect.name == "postgresql":
        for key in sorted({address_key(a) for a in addresses}):
            connection.execute(text("SELECT pg_advisory_xact_lock(:space, hashtext(:key))"), {"space": _ADDRESS_LOCKS, "key": key})


def row_of(
    draft: ReplyDraft,
    now: datetime,
    *,
    purpose: str,
    message_id: int | None,
    registration_id: str | None,
    state: ReplyState,
    reason: str,
) -> dict[str, Any]:
    """A draft as it is kept; columns that only some have are the caller's to add."""
    return {
        "message_id": message_id,
        "purpose": purpose,
        "registration_id": registration_id,
        "template": draft.template,
        "recipient": clean(draft.recipient),
        "recipient_key": address_key(draft.recipient),
        "recipient_domain": domain_of(draft.recipient),
        "subject": clean(draft.subject),
        "identifier": draft.message_id,
        "content": draft.content,
        "checks": [encode(check) for check in draft.checks],
        "state": str(state),
        "reason": reason,
        "created_at": now,
        "counted_at": now,
        "next_attempt_at": now if state == ReplyState.DUE else None,
    }


def due(connection: Connection, now: datetime, limit: int) -> list[Reply]:
    """Replies whose time has come, those waiting longest first."""
    query = (
        select(*COLUMNS)
        .where(
            outbox.c.state == ReplyState.DUE,
            or_(outbox.c.next_attempt_at.is_(None), outbox.c.next_attempt_at <= now),
            or_(outbox.c.not_after.is_(None), outbox.c.not_after > now),
        )
        .order_by(outbox.c.next_attempt_at, outbox.c.id)
        .limit(limit)
    )
    return [reply_of(row) for row in connection.execute(query)]


def claim(connection: Connection, reply_id: int, now: datetime) -> bytes | None:
    claimed = connection.execute(
        update(outbox)
        .where(outbox.c.id == reply_id, outbox.c.state == ReplyState.DUE)
        .values(state=ReplyState.SENDING, attempts=outbox.c.attempts + 1, handed_at=now)
    )
    if claimed.rowcount != 1:
        return None
    return content_of(connection, reply_id)


def leave(connection: Connection, reply_id: int, now: datetime, event: str, values: dict[str, Any], *, state: ReplyState = ReplyState.SENDING) -> bool:
    """Out of ``state`` into ``values['state']``, with a line of history; False when it was elsewhere."""
    changed = connection.execute(update(outbox).where(outbox.c.id == reply_id, outbox.c.state == state).values(**values))
    if changed.rowcount != 1:
        return False
    row = connection.execute(select(outbox.c.message_id, outbox.c.registration_id, outbox.c.attempts).where(outbox.c.id == reply_id)).one()
    after = {"state": str(values["state"]), "attempts": row.attempts, **({"error": values["last_error"]} if values.get("last_error") else {})}
    line = history.entry(
        event,
        now,
        message_id=row.message_id,
        registration_id=row.registration_id,
        reply_id=reply_id,
        before={"state": str(state)},
        after=after,
    )
    history.add(connection, [line])
    return True


def recover_sending(connection: Connection, now: datetime) -> list[int]:
    rows = connection.execute(select(outbox.c.id).where(outbox.c.state == ReplyState.SENDING).order_by(outbox.c.id)).all()
    for row in rows:
        leave(connection, row.id, now, "reply.recovered", {"state": ReplyState.UNKNOWN, "last_error": STOPPED, "next_attempt_at": now})
    return [row.id for row in rows]


# --- what SMTP did not answer for


def unknown(connection: Connection, now: datetime, limit: int, after_id: int) -> list[Reply]:
    """Replies of unknown fate that are to be looked for now; without those that are left to a person."""
    here = (outbox.c.state == ReplyState.UNKNOWN) & (outbox.c.next_attempt_at <= now) & (outbox.c.id > after_id)
    return [reply_of(row) for row in connection.execute(select(*COLUMNS).where(here).order_by(outbox.c.id).limit(limit))]


def look_again(connection: Connection, ids: Iterable[int], at: datetime) -> None:
    for part in chunks(sorted(ids)):
        connection.execute(update(outbox).where(outbox.c.id.in_(part), outbox.c.state == ReplyState.UNKNOWN).values(next_attempt_at=at))


def not_found(connection: Connection, reply_id: int, now: datetime) -> ReplyState | None:
    """It goes out once more, unless it did already (a person is asked), a later answer has told what it tells, or its address takes no mail."""
    row = connection.execute(select(*COLUMNS).where(outbox.c.id == reply_id, outbox.c.state == ReplyState.UNKNOWN).with_for_update()).one_or_none()
    if row is None:
        return None
    event, values = _next_step(connection, row, now)
    leave(connection, reply_id, now, event, values, state=ReplyState.UNKNOWN)
    return ReplyState(values["state"])


def _next_step(connection: Connection, row: Any, now: datetime) -> tuple[str, dict[str, Any]]:
    if overtaken := _overtaken(connection, row):
        state = ReplyState.UNKNOWN if row.template == QUESTION else ReplyState.SUPPRESSED  # it may have been read: never taken for one not asked
        return "reply.withdrawn", {"state": state, "reason": overtaken, "next_attempt_at": None}
    if row.reason == SENT_AGAIN:
        return "reply.undecided", {"state": ReplyState.UNKNOWN, "reason": FATE_UNKNOWN, "next_attempt_at": None}
    if undeliverable.among(connection, [row.recipient]):
        return "reply.parked", {"state": ReplyState.SUPPRESSED, "reason": undeliverable.UNDELIVERABLE, "next_attempt_at": None}
    return "reply.again", {"state": ReplyState.DUE, "reason": SENT_AGAIN, "next_attempt_at": now}


def _overtaken(connection: Connection, row: Any) -> str:
    """Why what it tells is not so any more, as ``supersede`` would have said had it not left yet; "" where it still is."""
    if row.purpose in (REMINDER, PLACE):  # it has lost its point with the place that it is about
        mine = (session_letters.c.registration_id == session_places.c.registration_id) & (session_letters.c.session == session_places.c.session)
        still = select(session_places.c.session).join(session_letters, mine).where(session_letters.c.reply_id == row.id)
        return "" if connection.execute(still).first() is not None else PLACE_GIVEN_UP
    if row.purpose not in _TELL_THE_WHOLE or row.registration_id is None:
        return ""
    later = (outbox.c.registration_id == row.registration_id) & outbox.c.purpose.in_(_TELL_THE_WHOLE) & (outbox.c.id > row.id)
    told = set(connection.scalars(select(outbox.c.template).where(later)))  # parked or not: it tells what is so now
    h = history_table.c
    if told and (told != {TELLS_NOTHING} or row.template == QUESTION):
        return ANSWERED_MEANWHILE
    if told:
        updated = (h.registration_id == row.registration_id) & (h.event == "registration.updated") & (h.at >= row.created_at) & (h.message_id != row.message_id)
        if any(line.before["values"] != line.after["values"] for line in connection.execute(select(h.before, h.after).where(updated))):
            return ANSWERED_MEANWHILE
    since = h.at > row.created_at if row.purpose == TELLING else h.at >= row.created_at  # it was written by the change itself
    corrected = (h.registration_id == row.registration_id) & h.event.in_(BY_PERSON) & since
    return CORRECTED_MEANWHILE if connection.execute(select(h.id).where(corrected).limit(1)).first() is not None else ""


# --- the pace, and copies in Sent


def handed_over(connection: Connection, nth: int, now: datetime) -> datetime | None:
    """When the ``nth`` latest reply was given to SMTP; None where there were fewer. Times to come, of a clock that was wrong, are left out."""
    query = select(outbox.c.handed_at).where(outbox.c.handed_at <= now).order_by(outbox.c.handed_at.desc()).offset(nth - 1).limit(1)
    found: datetime | None = connection.scalar(query)
    return found


def handed_over_since(connection: Connection, since: datetime) -> int:
    return connection.scalar(select(func.count()).where(outbox.c.handed_at > since)) or 0


def copies(connection: Connection, now: datetime, limit: int) -> list[Reply]:
    """Replies of which a copy is to be put in Sent now, those waiting longest first."""
    query = select(*COLUMNS).where(outbox.c.copy_at.is_not(None), outbox.c.copy_at <= now).order_by(outbox.c.copy_at, outbox.c.id).limit(limit)
    return [reply_of(row) for row in connection.execute(query)]


def set_copies(connection: Connection, ids: Iterable[int], at: datetime | None) -> None:
    for part in chunks(sorted(ids)):
        connection.execute(update(outbox).where(outbox.c.id.in_(part), outbox.c.copy_at.is_not(None)).values(copy_at=at))


def copies_waiting(connection: Connection) -> int:
    return connection.scalar(select(func.count()).where(outbox.c.copy_at.is_not(None))) or 0


def unsent_of(connection: Connection, registration_ids: Iterable[str]) -> list[Reply]:
    """What is held or due for these registrations, the oldest first."""
    found: list[Reply] = []
    for part in chunks(sorted(set(registration_ids))):
        waits = outbox.c.registration_id.in_(part) & outbox.c.state.in_((ReplyState.HELD, ReplyState.DUE))
        found += [reply_of(row) for row in connection.execute(select(*COLUMNS).where(waits))]
    return sorted(found, key=lambda reply: reply.id)


def supersede(
    connection: Connection,
    registration_ids: Iterable[str],
    now: datetime,
    *,
    questions_only: bool = False,
    reason: str = ANSWERED_MEANWHILE,
    actor: str = history.MAILROOM,
) -> list[int]:
    """Withdraw the unsent answers of registrations of which a newer answer is about to tell, or that a person has changed."""
    gone: list[int] = []
    for part in chunks(sorted(set(registration_ids))):
        left_to_a_person = (outbox.c.state == ReplyState.UNKNOWN) & (outbox.c.reason == FATE_UNKNOWN)  # who need not decide any more
        unsent = outbox.c.state.in_((ReplyState.HELD, ReplyState.DUE, ReplyState.SUPPRESSED)) & outbox.c.reason.not_in(OVERTAKEN) | left_to_a_person
        mine = outbox.c.registration_id.in_(part) & outbox.c.purpose.in_(_TELL_THE_WHOLE)  # a reminder has its own reasons to be withdrawn
        if questions_only:
            mine &= outbox.c.template == QUESTION
        gone += set_aside(connection, mine & unsent, reason, now, actor)
    return gone


def withdraw(connection: Connection, reply_ids: Any, reason: str, now: datetime) -> list[int]:
    """Unsent letters of our own that have lost their point; gives their ids."""
    unsent = outbox.c.state.in_((ReplyState.HELD, ReplyState.DUE)) | ((outbox.c.state == ReplyState.SUPPRESSED) & (outbox.c.reason != reason))
    return set_aside(connection, outbox.c.id.in_(reply_ids) & unsent, reason, now, history.MAILROOM)


def set_aside(connection: Connection, which: ColumnElement[bool], reason: str, now: datetime, actor: str, *, event: str = "reply.withdrawn") -> list[int]:
    """Answers that say what is not so any more, or that a person's deed keeps back; gives their ids."""
    rows = connection.execute(select(*_SET_ASIDE).where(which).order_by(outbox.c.id).with_for_update()).all()
    return [id for some in chunks(rows) for id in _set_aside(connection, some, reason, now, actor, event)]


def _set_aside(connection: Connection, rows: Sequence[Any], reason: str, now: datetime, actor: str, event: str = "reply.withdrawn") -> list[int]:
    """These, columns ``_SET_ASIDE``, say what is not so any more. A question of unknown fate stays so: it may have been read."""
    if not rows:
        return []
    perhaps_read = (outbox.c.state == ReplyState.UNKNOWN) & (outbox.c.template == QUESTION)
    withdrawn = {"state": case((perhaps_read, ReplyState.UNKNOWN), else_=ReplyState.SUPPRESSED), "reason": reason, "next_attempt_at": None}
    connection.execute(update(outbox).where(outbox.c.id.in_([row.id for row in rows])).values(**withdrawn))
    lines = [
        history.entry(
            event,
            now,
            actor=actor,
            message_id=row.message_id,
            registration_id=row.registration_id,
            reply_id=row.id,
            before={"state": row.state, "reason": row.reason},
            after={
                "state": str(ReplyState.UNKNOWN if row.state == ReplyState.UNKNOWN and row.template == QUESTION else ReplyState.SUPPRESSED),
                "reason": reason,
            },
        )
        for row in rows
    ]
    history.add(connection, lines)
    return [row.id for row in rows]


def release(connection: Connection, ids: Sequence[int] | None, now: datetime, actor: str, states: Sequence[ReplyState] = RELEASABLE) -> list[int]:
    """Replies in one of these states become due; with ``ids`` None, all the held ones. What a newer answer has overtaken stays."""
    states = [state for state in RELEASABLE if state in states] if ids is not None else [ReplyState.HELD]
    released: list[int] = []
    for part in chunks(sorted(set(ids))) if ids is not None else [None]:
        query = (
            select(*COLUMNS)
            .where(outbox.c.state.in_(states), outbox.c.reason.not_in(OVERTAKEN), outbox.c.id.in_(part) if part is not None else true())
            .order_by(outbox.c.id)
            .with_for_update()
        )
        rows = connection.execute(query).all()
        rows = [row for row in rows if row.state != ReplyState.UNKNOWN or not _overtaken(connection, row)]  # those are not withdrawn while they are looked for
        for some in chunks(rows):
            connection.execute(
                update(outbox).where(outbox.c.id.in_([row.id for row in some])).values(state=ReplyState.DUE, reason="", next_attempt_at=now, counted_at=now)
            )
            lines = [
                history.entry(
                    "reply.released",
                    now,
                    actor=actor,
                    message_id=row.message_id,
                    registration_id=row.registration_id,
                    reply_id=row.id,
                    before={"state": row.state, "reason": row.reason},
                    after={"state": str(ReplyState.DUE)},
                )
                for row in some
            ]
            history.add(connection, lines)
            released += [row.id for row in some]
    return released


def listed(connection: Connection, state: ReplyState | None, limit: int, offset: int) -> list[Reply]:
    query = select(*COLUMNS).where(outbox.c.state == state if state is not None else true()).order_by(outbox.c.id).limit(limit).offset(offset)
    return [reply_of(row) for row in connection.execute(query)]


def by_id(connection: Connection, reply_id: int) -> Reply | None:
    row = connection.execute(select(*COLUMNS).where(outbox.c.id == reply_id)).one_or_none()
    return None if row is None else reply_of(row)


def of_message(connection: Connection, message_id: int) -> tuple[Reply, ...]:
    return tuple(reply_of(row) for row in connection.execute(select(*COLUMNS).where(outbox.c.message_id == message_id).order_by(outbox.c.id)))


def of_registrations(connection: Connection, registration_ids: Sequence[str]) -> tuple[Reply, ...]:
    return tuple(reply_of(row) for row in connection.execute(select(*COLUMNS).where(outbox.c.registration_id.in_(registration_ids)).order_by(outbox.c.id)))


def content_of(connection: Connection, reply_id: int) -> bytes | None:
    return connection.scalar(select(outbox.c.content).where(outbox.c.id == reply_id))


def counts(connection: Connection) -> dict[ReplyState, int]:
    counted: dict[str, int] = dict(connection.execute(select(outbox.c.state, func.count()).group_by(outbox.c.state)).all())
    return {state: counted.get(state, 0) for state in ReplyState}


def reply_of(row: Any) -> Reply:
    checks = tuple(decode(RuleHit, check) for check in row.checks)
    return Reply(**{**row._mapping, "checks": checks, "state": ReplyState(row.state)})


def error_text(error: str) -> str:
    return clip(error)
