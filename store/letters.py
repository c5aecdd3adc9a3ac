"""Letters of our own: reminders, news of a place, digests. They go through the outbox like answers, but answer nothing.

Promises. Each reminder is written once for a registration and its session, each digest once for its name,
whatever was killed in between and however many processes try: what is written down and what will be sent
are one transaction. A letter is withdrawn when it has lost its point: its member gave up the place, or its
time has passed (``not_after``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, func, insert, or_, select, text, true, update

from mailroom.model import MessageState, ReplyDraft, ReplyState
from store import history, ledger, outbox, register, seating, undeliverable
from store.ledger import chunks
from store.tables import (
    breakers,
    digests,
    messages,
    polls,
    registrations,
    session_letters,
    session_places,
    undeliverable_addresses,
)
from store.tables import history as history_table
from store.tables import outbox as outbox_table
from store.types import OFF_THE_REGISTER, BreakerNote, DigestFacts, DigestNote, PlaceState, PollNote, Registration, RegistrationState

__all__ = ["NEWS_OF_PLACE"]

NEWS_OF_PLACE = "place"  # among the names of a session's letters, which are those of its reminders otherwise
_DIGEST_LOCK = 0x6D61696C64696773  # "maildigs"


def _insert(
    connection: Connection,
    draft: ReplyDraft,
    purpose: str,
    state: ReplyState,
    now: datetime,
    *,
    message_id: int | None = None,
    registration_id: str | None = None,
    not_after: datetime | None = None,
) -> int:
    reason = ""
    if purpose != outbox.DIGEST and undeliverable.among(connection, [draft.recipient]):  # a digest is what tells the coordinator that something is wrong
        state, reason = ReplyState.SUPPRESSED, undeliverable.UNDELIVERABLE
    row = outbox.row_of(draft, now, purpose=purpose, message_id=message_id, registration_id=registration_id, state=state, reason=reason)
    values = {**row, "not_after": not_after}
    made = connection.execute(insert(outbox_table).returning(outbox_table.c.id), [values]).scalar_one()
    after = {"purpose": purpose, "template": draft.template, "state": str(state)}
    line = history.entry("letter.written", now, message_id=message_id, registration_id=registration_id, reply_id=made, after=after)
    history.add(connection, [line])
    return int(made)


# --- letters about a session


def to_remind(connection: Connection, session: str, letter: str, asked_before: datetime, asked_from: datetime | None) -> list[Registration]:
    """Who has a place, asked for it before that time, can be reached, and has not had this letter yet.

    Whose mail was never to be answered (a machine's, a list's, one that claims to be ours) is not written to by the clock either.
    """
    answered = exists().where(outbox_table.c.registration_id == registrations.c.id, outbox_table.c.purpose == outbox.ANSWER)
    told = exists().where(
        session_letters.c.registration_id == session_places.c.registration_id, session_letters.c.session == session, session_letters.c.letter == letter
    )
    unreachable = exists().where(undeliverable_addresses.c.address_key == registrations.c.member_key, undeliverable_addresses.c.cleared_at.is_(None))
    query = (
        select(registrations)
        .join(session_places, session_places.c.registration_id == registrations.c.id)
        .where(
            session_places.c.session == session,
            session_places.c.state == PlaceState.PLACE,
            session_places.c.asked_at < asked_before,
            session_places.c.asked_at >= asked_from if asked_from is not None else true(),
            registrations.c.state.not_in((RegistrationState.WITHDRAWN, *OFF_THE_REGISTER)),
            answered,
            ~told,
            ~unreachable,
        )
        .order_by(session_places.c.asked_at, registrations.c.id)
    )
    return [one for some in chunks(connection.execute(query).all()) for one in register.loaded(connection, some)]


def add_reminder(
    connection: Connection, registration: Registration, session: str, letter: str, draft: ReplyDraft, state: ReplyState, not_after: datetime, now: datetime
) -> bool:
    """Write it, unless it was written before, or the member has no place any more; False then."""
    here = (session_places.c.registration_id == registration.id) & (session_places.c.session == session)
    place = connection.execute(select(session_places.c.state, session_places.c.message_id).where(here).with_for_update()).one_or_none()
    if place is None or place.state != PlaceState.PLACE or _reply_of(connection, registration.id, session, letter) is not None:
        return False
    reply_id = _insert(
        connection, draft, outbox.REMINDER, state, now, message_id=_about(registration, place.message_id), registration_id=registration.id, not_after=not_after
    )
    row = {"registration_id": registration.id, "session": session, "letter": letter, "made_at": now, "reply_id": reply_id}
    connection.execute(insert(session_letters), [row])
    return True


def give_place(
    connection: Connection, registration: Registration, session: str, draft: ReplyDraft, state: ReplyState, not_after: datetime, now: datetime, actor: str
) -> bool:
    """Someone who waits, or was too late, gets a place and the letter that says so; False where they have one, or asked for none."""
    seating.lock(connection, [session])
    here = (session_places.c.registration_id == registration.id) & (session_places.c.session == session)
    place = connection.execute(select(session_places.c.state, session_places.c.message_id).where(here).with_for_update()).one_or_none()
    if place is None or place.state == PlaceState.PLACE:
        return False
    connection.execute(update(session_places).where(here).values(state=str(PlaceState.PLACE)))
    reply_id = _insert(
        connection, draft, outbox.PLACE, state, now, message_id=_about(registration, place.message_id), registration_id=registration.id, not_after=not_after
    )
    row = {"registration_id": registration.id, "session": session, "letter": NEWS_OF_PLACE, "made_at": now, "reply_id": reply_id}
    if _reply_of(connection, registration.id, session, NEWS_OF_PLACE) is None:
        connection.execute(insert(session_letters), [row])
    else:  # given up and asked for again
        mine = (session_letters.c.registration_id == registration.id) & (session_letters.c.session == session) & (session_letters.c.letter == NEWS_OF_PLACE)
        connection.execute(update(session_letters).where(mine).values(made_at=now, reply_id=reply_id))
    before, after = {"places": {session: place.state}}, {"places": {session: str(PlaceState.PLACE)}}
    line = history.entry("session.place_given", now, actor=actor, registration_id=registration.id, reply_id=reply_id, before=before, after=after)
    history.add(connection, [line])
    return True


def _about(registration: Registration, message_id: int | None) -> int | None:
    """The message that a letter belongs to: the one that asked, else the first."""
    return message_id if message_id is not None else next(iter(registration.messages), None)


def _reply_of(connection: Connection, registration_id: str, session: str, letter: str) -> int | None:
    mine = (session_letters.c.registration_id == registration_id) & (session_letters.c.session == session) & (session_letters.c.letter == letter)
    return connection.scalar(select(session_letters.c.reply_id).where(mine))


def expire(connection: Connection, now: datetime) -> list[int]:
    """Unsent letters whose time has passed are parked for good; gives their ids."""
    past = select(outbox_table.c.id).where(outbox_table.c.not_after <= now, outbox_table.c.state.in_((ReplyState.HELD, ReplyState.DUE)))
    return outbox.withdraw(connection, past, outbox.TOO_LATE, now)


# --- the digest


def last_digest(connection: Connection) -> DigestNote | None:
    row = connection.execute(select(digests).order_by(digests.c.covers_until.desc(), digests.c.made_at.desc()).limit(1)).one_or_none()
    return None if row is None else DigestNote(**row._mapping)


def digest_made(connection: Connection, name: str) -> bool:
    return connection.scalar(select(digests.c.name).where(digests.c.name == name)) is not None


def add_digest(connection: Connection, name: str, covers_from: datetime | None, covers_until: datetime, drafts: Sequence[ReplyDraft], now: datetime) -> bool:
    """Write it down and into the outbox, due; False where there is one of that name already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _DIGEST_LOCK})
    if digest_made(connection, name):
        return False
    row = {"name": name, "made_at": now, "covers_from": covers_from, "covers_until": covers_until, "told": bool(drafts)}
    connection.execute(insert(digests), [row])
    for draft in drafts:
        _insert(connection, draft, outbox.DIGEST, ReplyState.DUE, now)
    return True


def digest_facts(connection: Connection, since: datetime | None, until: datetime, most: int) -> DigestFacts:
    """What is new after ``since`` up to ``until``, and what stands open; at most ``most`` of each list, with how many there are."""

    def within(column: Any) -> Any:
        return (column <= until) & (column > since) if since is not None else column <= until

    begun = within(registrations.c.created_at) & registrations.c.state.not_in(OFF_THE_REGISTER)
    new = select(registrations).where(begun).order_by(registrations.c.received_at, registrations.c.id)
    open_ = messages.c.state.in_((MessageState.REVIEW, MessageState.QUARANTINED))
    waiting = select(messages).where(open_, within(messages.c.state_at)).order_by(messages.c.id)
    ours = outbox_table.c.purpose != outbox.DIGEST
    parked = ours & (outbox_table.c.state == ReplyState.SUPPRESSED) & outbox_table.c.reason.not_in(outbox.OVERTAKEN)
    died = select(history_table.c.reply_id).where(history_table.c.event.in_(("reply.dead", "reply.bounced")), within(history_table.c.at))
    dead = select(*outbox.COLUMNS).where(outbox_table.c.id.in_(died), outbox_table.c.state == ReplyState.DEAD).order_by(outbox_table.c.id)
    gone = undeliverable_addresses.c.cleared_at.is_(None) & within(undeliverable_addresses.c.marked_at)
    tripped = or_(breakers.c.closed_at.is_(None), within(breakers.c.tripped_at))

    left = (registrations.c.state == RegistrationState.WITHDRAWN) & within(registrations.c.updated_at)
    gone_since = select(registrations).where(left).order_by(registrations.c.updated_at, registrations.c.id)

    def count(table: Any, condition: Any) -> int:
        return int(connection.scalar(select(func.count()).select_from(table).where(condition)) or 0)

    by_reason: dict[str, int] = dict(
        connection.execute(select(outbox_table.c.reason, func.count()).where(parked, within(outbox_table.c.created_at)).group_by(outbox_table.c.reason)).all()
    )
    asked_for = connection.execute(
        select(undeliverable_addresses.c.reason, registrations.c.id)
        .outerjoin(registrations, registrations.c.member_key == undeliverable_addresses.c.address_key)
        .where(gone)
        .order_by(undeliverable_addresses.c.address_key, registrations.c.id)
        .limit(most)
    ).all()
    unreachable = list(chunks([row.id for row in asked_for if row.id is not None]))
    known = {one.id: one for part in unreachable for one in register.by_ids(connection, part)}
    return DigestFacts(
        registrations=tuple(register.loaded(connection, connection.execute(new.limit(most)).all())),
        registrations_count=count(registrations, begun),
        withdrawn=tuple(register.loaded(connection, connection.execute(gone_since.limit(most)).all())),
        withdrawn_count=count(registrations, left),
        waiting=tuple(ledger.summary(row) for row in connection.execute(waiting.limit(most))),
        waiting_count=count(messages, open_ & within(messages.c.state_at)),
        waiting_before=count(messages, open_ & (messages.c.state_at <= since)) if since is not None else 0,
        held=count(outbox_table, ours & (outbox_table.c.state == ReplyState.HELD)),
        held_new=count(outbox_table, ours & (outbox_table.c.state == ReplyState.HELD) & within(outbox_table.c.created_at)),
        parked=by_reason,
        unknown=count(outbox_table, (outbox_table.c.state == ReplyState.UNKNOWN) & outbox_table.c.reason.not_in(outbox.OVERTAKEN)),
        dead=tuple(outbox.reply_of(row) for row in connection.execute(dead.limit(most))),
        unreachable=tuple((row.reason, known[row.id] if row.id is not None else None) for row in asked_for),
        breakers=tuple(
            BreakerNote(scope=row.scope, tripped_at=row.tripped_at, open=row.closed_at is None)
            for row in connection.execute(select(breakers).where(tripped).order_by(breakers.c.tripped_at))
        ),
        polls={
            row.mailbox: PollNote(last_poll_at=row.last_poll_at, last_success_at=row.last_success_at, last_error=row.last_error)
            for row in connection.execute(select(polls).order_by(polls.c.mailbox))
        },
    )
