"""What the desk's lists show: the register filtered, counted and drawn, the queue, what came in, replies and messages.

Everything here only reads. Every count of registrations is exact; those of replies and messages are up to ``COUNTED``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, literal, literal_column, or_, select, true, tuple_

from mailroom.model import MessageState, ReplyState, Slot
from store import outbox, register
from store.ledger import SUMMARY, chunks, summary
from store.serialise import unpack_parsed
from store.tables import messages, readings, registration_messages, registrations
from store.tables import outbox as outbox_table
from store.tables import undeliverable_addresses as addresses
from store.types import (
    OFF_THE_REGISTER,
    DaysCount,
    Facet,
    Facets,
    MessageFilter,
    MessagePage,
    Needs,
    NeedsKind,
    NeedsPage,
    OutboxFilter,
    OutboxPage,
    Page,
    Picture,
    Registration,
    RegistrationFilter,
    RegistrationLine,
    RegistrationPage,
    RegistrationSort,
    RegistrationState,
    Today,
)
from store.words import folded, lexemes, terms

__all__ = ["COUNTED"]

COUNTED = 10_000
TOPICS = 40
_FIELDS = {"councils": Slot.AUTHORITY, "activities": Slot.ACTIVITY, "sessions": Slot.SESSION, "institutions": Slot.INSTITUTION, "topics": Slot.TOPIC}


def name_key(name: str, address: str) -> str:
    """By the last word of the name, as a register is."""
    words = folded(name or address).split()
    return " ".join([*words[-1:], *words[:-1]])[:100]


def _sort_key(one: Registration, sort: RegistrationSort) -> Any:
    match sort.value.lstrip("-"):
        case "received":
            return one.received_at
        case "updated":
            return one.updated_at
        case "name":
            return name_key(one.member_name, one.member_address)
        case "council":
            return folded(next(iter(one.values_of(Slot.AUTHORITY)), ""))[:100]
        case _:
            return folded(next(iter(one.values_of(Slot.INSTITUTION)), ""))[:100]


class _Whole:
    """The whole register in memory, with the words and themes of each."""

    def __init__(self, connection: Connection) -> None:
        self.all = list(register.stream(connection, list(RegistrationState)))
        self.words: dict[str, set[str]] = {}
        self.themes: dict[str, set[str]] = {}
        latest = {row.message_id: row for row in connection.execute(select(readings).order_by(readings.c.id))}
        for link in connection.execute(select(registration_messages)):
            if row := latest.get(link.message_id):
                parsed = unpack_parsed(row.parsed)
                own = [parsed.body[z.start : z.end] for z in parsed.zones if z.kind in ("own", "inline_answer")]
                self.words.setdefault(link.registration_id, set()).update(lexemes(" ".join([parsed.subject, *own])))
                self.themes.setdefault(link.registration_id, set()).update(row.extraction.get("themes", ()))

    def values(self, one: Registration, name: str) -> tuple[str, ...]:
        if name == "states":
            return (str(one.state),)
        if name == "themes":
            return tuple(self.themes.get(one.id, ()))
        return tuple(dict.fromkeys(one.values_of(_FIELDS[name])))

    def meets(self, one: Registration, wanted: RegistrationFilter, without: str = "") -> bool:
        states = wanted.states if without != "states" else ()
        if (one.state in OFF_THE_REGISTER) if not states else one.state not in states:
            return False
        for name in (*_FIELDS, "themes"):
            asked = getattr(wanted, name)
            if asked and name != without and not set(self.values(one, name) or ("",)) & set(asked):
                return False
        member = lexemes(f"{one.member_name} {one.member_address}")
        topic = lexemes(" ".join(one.values_of(Slot.TOPIC)))
        every = member | lexemes(" ".join(value.value for value in one.values)) | self.words.get(one.id, set()) | lexemes(one.id)
        for text, among in ((wanted.member, member), (wanted.topic, topic), (wanted.text, every)):
            for term, beginning in terms(text):
                if not (any(word.startswith(term) for word in among) if beginning else term in among):
                    return False
        if wanted.received_from and one.received_at < wanted.received_from:
            return False
        return not (wanted.received_before and one.received_at >= wanted.received_before)


def line_of(one: Registration) -> RegistrationLine:
    return RegistrationLine(
        id=one.id,
        member_name=one.member_name,
        member_address=one.member_address,
        state=one.state,
        institutions=one.values_of(Slot.INSTITUTION),
        councils=one.values_of(Slot.AUTHORITY),
        activities=one.values_of(Slot.ACTIVITY),
        topics=one.values_of(Slot.TOPIC),
        sessions=one.values_of(Slot.SESSION),
        missing=one.missing,
        messages=len(one.messages),
        revision=one.revision,
        received_at=one.received_at,
        updated_at=one.updated_at,
    )


def _wanted(whole: _Whole, wanted: RegistrationFilter, sort: RegistrationSort) -> list[Registration]:
    found = [one for one in whole.all if whole.meets(one, wanted)]
    return sorted(found, key=lambda one: (_sort_key(one, sort), one.created_at, one.id), reverse=sort.value.startswith("-"))


def find_registrations(connection: Connection, wanted: RegistrationFilter, sort: RegistrationSort, page: Page) -> RegistrationPage:
    found = _wanted(_Whole(connection), wanted, sort)
    ids = [one.id for one in found]
    start = ids.index(page.after) + 1 if page.after in ids else 0
    if page.before in ids:
        start = max(0, ids.index(page.before) - page.size)
    lines = tuple(line_of(one) for one in found[start : start + page.size])
    return RegistrationPage(
        lines=lines,
        total=len(found),
        first=start + 1 if lines else 0,
        previous=lines[0].id if lines and start else "",
        next=lines[-1].id if start + len(lines) < len(found) else "",
    )


def each_registration(connection: Connection, wanted: RegistrationFilter, sort: RegistrationSort) -> Iterator[RegistrationLine]:
    for one in _wanted(_Whole(connection), wanted, sort):
        yield line_of(one)


def _facets(whole: _Whole, wanted: RegistrationFilter, name: str, *, own: bool = False) -> tuple[Facet, ...]:
    counted = Counter(value for one in whole.all if whole.meets(one, wanted, "" if own else name) for value in whole.values(one, name) or ("",))
    return tuple(Facet(value=value, count=count) for value, count in sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def facets(connection: Connection, wanted: RegistrationFilter) -> Facets:
    whole = _Whole(connection)
    names = ("states", "councils", "activities", "sessions", "themes")
    return Facets(total=sum(whole.meets(one, wanted) for one in whole.all), **{name: _facets(whole, wanted, name) for name in names})


def values_like(connection: Connection, field: str, text: str, limit: int) -> tuple[Facet, ...]:
    whole = _Whole(connection)
    counted = Counter(value for one in whole.all if one.state not in OFF_THE_REGISTER for value in dict.fromkeys(one.values_of(field)))
    met = [
        Facet(value=value, count=count)
        for value, count in counted.items()
        if all(any(word.startswith(term) if beginning else word == term for word in lexemes(value)) for term, beginning in terms(text))
    ]
    return tuple(sorted(met, key=lambda facet: (-facet.count, facet.value))[:limit])


def picture(connection: Connection, wanted: RegistrationFilter, zone: tzinfo) -> Picture:
    whole = _Whole(connection)
    found = [one for one in whole.all if whole.meets(one, wanted)]
    days = [one.received_at.astimezone(zone).date() for one in found]
    counted = Counter(day - timedelta(days=day.weekday()) for day in days)
    first, last = min(counted, default=None), max(counted, default=None)
    weeks: list[tuple[date, int]] = []
    while first is not None and last is not None and first <= last:
        weeks.append((first, counted[first]))
        first += timedelta(days=7)
    names = ("states", "councils", "activities", "sessions", "themes")
    return Picture(
        total=len(found),
        weeks=tuple(weeks),
        **{name: _facets(whole, wanted, name, own=True) for name in names},
        topics=_facets(whole, wanted, "topics", own=True)[:TOPICS],
    )


# --- lines


def lines(connection: Connection, identifiers: Sequence[str]) -> tuple[RegistrationLine, ...]:
    found = {one.id: line_of(one) for part in chunks(dict.fromkeys(identifiers)) for one in register.by_ids(connection, part)}
    return tuple(found[identifier] for identifier in identifiers if identifier in found)


# --- the queue

_NO_MESSAGE_WAITS = ~(
    select(registration_messages.c.message_id)
    .join(messages, messages.c.id == registration_messages.c.message_id)
    .where(registration_messages.c.registration_id == registrations.c.id, messages.c.state == MessageState.REVIEW)
    .exists()
)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a kind of need stands: its rows, since when each waits, and what names it."""

    since: Any
    key: Any
    where: Any


_SOURCES: dict[NeedsKind, _Source] = {
    NeedsKind.REVIEW: _Source(messages.c.internal_date, messages.c.id, messages.c.state == MessageState.REVIEW),
    NeedsKind.QUARANTINED: _Source(messages.c.internal_date, messages.c.id, messages.c.state == MessageState.QUARANTINED),
    NeedsKind.REGISTRATION: _Source(registrations.c.received_at, registrations.c.id, (registrations.c.state == RegistrationState.REVIEW) & _NO_MESSAGE_WAITS),
    NeedsKind.UNDELIVERABLE: _Source(addresses.c.marked_at, addresses.c.reply_id, addresses.c.cleared_at.is_(None)),
    NeedsKind.HELD: _Source(outbox_table.c.created_at, outbox_table.c.id, outbox_table.c.state == ReplyState.HELD),
}
_ORDER = tuple(_SOURCES)  # among those that wait since the same moment
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Place = tuple[datetime, int, Any]  # since, kind, key


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _place_of(place: str) -> _Place | None:
    """A place as it was given out; None for what never was one."""
    kind, _, rest = place.partition("-")
    key, _, at = rest.rpartition("-")
    if kind not in NeedsKind.__members__.values() or not key or not at.isascii() or not at.isdigit() or len(at) > 17:
        return None
    if kind != NeedsKind.REGISTRATION and not (key.isascii() and key.isdigit() and len(key) < 19):
        return None
    return _EPOCH + timedelta(microseconds=int(at)), _ORDER.index(NeedsKind(kind)), key if kind == NeedsKind.REGISTRATION else int(key)


def _first_of(connection: Connection, kind: NeedsKind, after: _Place | None, limit: int) -> list[_Place]:
    source, rank = _SOURCES[kind], _ORDER.index(kind)
    query = select(source.since, source.key).where(source.where)
    if after is not None:
        since, other, key = after
        at = literal(since, source.since.type)
        if rank == other:
            query = query.where(tuple_(source.since, source.key) > tuple_(at, literal(key, source.key.type)))
        else:
            query = query.where(source.since >= at if rank > other else source.since > at)
    rows = connection.execute(query.order_by(source.since, source.key).limit(limit))
    return [(row[0], rank, row[1]) for row in rows]


def _queue(connection: Connection, kinds: Collection[NeedsKind], after: _Place | None, limit: int) -> list[_Place]:
    return sorted(place for kind in kinds for place in _first_of(connection, kind, after, limit))[:limit]


def needs_counts(connection: Connection) -> dict[NeedsKind, int]:
    return {kind: connection.scalar(select(func.count()).select_from(source.key.table).where(source.where)) or 0 for kind, source in _SOURCES.items()}


def needs_you(connection: Connection, kinds: Collection[NeedsKind], page: Page) -> NeedsPage:
    wanted = [kind for kind in _ORDER if not kinds or kind in kinds]
    found = _queue(connection, wanted, _place_of(page.after), page.size + 1)
    shown = _needs(connection, found[: page.size])
    counts = needs_counts(connection)
    return NeedsPage(
        lines=shown,
        counts=counts,
        total=sum(counts[kind] for kind in wanted),
        next=shown[-1].place if len(found) > page.size else "",
    )


def next_in_queue(connection: Connection, after: str, kinds: Collection[NeedsKind]) -> Needs | None:
    wanted, place = [kind for kind in _ORDER if not kinds or kind in kinds], _place_of(after)
    found = _queue(connection, wanted, place, 1)
    if not found and place is not None:
        found = [first for first in _queue(connection, wanted, None, 1) if first != place]
    return next(iter(_needs(connection, found)), None)


def _needs(connection: Connection, places: Sequence[_Place]) -> tuple[Needs, ...]:
    """What a list shows of each, in a few queries for all of them."""
    keys: dict[NeedsKind, list[Any]] = defaultdict(list)
    for _, rank, key in places:
        keys[_ORDER[rank]].append(key)
    wanted = [*keys[NeedsKind.REVIEW], *keys[NeedsKind.QUARANTINED]]
    mail = {row.id: row for row in connection.execute(select(*SUMMARY).where(messages.c.id.in_(wanted)))} if wanted else {}
    replies = {}
    if wanted_replies := [*keys[NeedsKind.UNDELIVERABLE], *keys[NeedsKind.HELD]]:
        replies = {row.id: row for row in connection.execute(select(*_REPLY_FACTS).where(outbox_table.c.id.in_(wanted_replies)))}
    marks = {}
    if keys[NeedsKind.UNDELIVERABLE]:
        query = select(addresses).where(addresses.c.reply_id.in_(keys[NeedsKind.UNDELIVERABLE]), addresses.c.cleared_at.is_(None))
        marks = {row.reply_id: row for row in connection.execute(query)}
    of_message: dict[int, str] = {}
    if wanted:
        link = select(registration_messages).where(registration_messages.c.message_id.in_(wanted)).order_by(registration_messages.c.registration_id.desc())
        of_message = {row.message_id: row.registration_id for row in connection.execute(link)}
    ids = {*keys[NeedsKind.REGISTRATION], *of_message.values(), *(row.registration_id for row in replies.values() if row.registration_id)}
    known = {line.id: line for line in lines(connection, sorted(ids))}
    read = _read(connection, [id for id in keys[NeedsKind.REVIEW] if id not in of_message])
    made = []
    for since, rank, key in places:
        kind = _ORDER[rank]
        message = mail.get(key) if kind in (NeedsKind.REVIEW, NeedsKind.QUARANTINED) else None
        reply = replies.get(key) if kind in (NeedsKind.UNDELIVERABLE, NeedsKind.HELD) else None
        mark = marks.get(key) if kind == NeedsKind.UNDELIVERABLE else None
        registration = key if kind == NeedsKind.REGISTRATION else of_message.get(key) if message is not None else reply.registration_id if reply else None
        line = known.get(registration) if registration else None
        school, council = read.get(key, ("", "")) if kind == NeedsKind.REVIEW and line is None else ("", "")
        address = mark.address if mark else reply.recipient if reply else message.sender_address or "" if message is not None else ""
        name = (line.member_name if line else "") if message is None else message.sender_name or ""
        address = address or (line.member_address if line else "")
        reason = mark or reply or message
        made.append(
            Needs(
                kind=kind,
                place=f"{kind}-{key}-{_micros(since)}",
                since=since,
                reason=reason.reason if reason is not None else next(iter(line.missing), "") if line else "",
                reason_detail=mark.detail if mark else message.reason_detail if message is not None else "",
                who=name or address,
                address=address,
                subject=(message.subject or "") if message is not None else reply.subject if reply else "",
                institution=next(iter(line.institutions), "") if line else school,
                council=next(iter(line.councils), "") if line else council,
                message_id=key if message is not None else reply.message_id if reply else None,
                registration_id=registration,
                reply_id=key if reply else None,
            )
        )
    return tuple(made)


_REPLY_FACTS = tuple(outbox_table.c[name] for name in ("id", "message_id", "registration_id", "recipient", "subject", "reason"))


def _read(connection: Connection, message_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """School and council of messages that have no registration, as they were read last."""
    if not message_ids:
        return {}
    query = select(readings.c.message_id, readings.c.extraction).where(readings.c.message_id.in_(message_ids)).order_by(readings.c.id)
    return {
        row.message_id: (next(iter(row.extraction.get("institutions", ())), ""), next(iter(row.extraction.get("authorities", ())), ""))
        for row in connection.execute(query)
    }


# --- what came in


def today(connection: Connection, since: datetime, now: datetime, zone: tzinfo, days: int) -> Today:
    last = now.astimezone(zone).date()
    first = last - timedelta(days=days - 1)
    begins = datetime.combine(first, time(), zone).astimezone(UTC)
    by_day: dict[date, Counter[MessageState]] = defaultdict(Counter)
    registered: Counter[date] = Counter()
    for hour, state, count in connection.execute(_by_hour(connection, messages.c.internal_date, begins, messages.c.state)):
        by_day[_hour(hour, zone)][MessageState(state)] += count
    for hour, count in connection.execute(_by_hour(connection, registrations.c.received_at, begins)):
        registered[_hour(hour, zone)] += count
    newer = select(messages.c.state, func.count()).where(messages.c.internal_date >= since).group_by(messages.c.state)
    counted: dict[str, int] = dict(connection.execute(newer).all())
    return Today(
        messages={state: counted.get(state, 0) for state in MessageState},
        registrations=connection.scalar(select(func.count()).where(registrations.c.received_at >= since)) or 0,
        days=tuple(
            DaysCount(day=day, messages={state: by_day[day][state] for state in MessageState}, registrations=registered[day])
            for day in (first + timedelta(days=n) for n in range(days))
        ),
    )


def _by_hour(connection: Connection, column: Any, begins: datetime, *more: Any) -> Any:
    """Counted by hours of UTC: no zone's day begins inside one that mailroom serves, and the database need know no zones."""
    sqlite = func.strftime(literal_column("'%Y-%m-%dT%H'"), column)
    postgresql = func.to_char(func.timezone(literal_column("'UTC'"), column), literal_column("'YYYY-MM-DD\"T\"HH24'"))
    hour = sqlite if connection.dialect.name == "sqlite" else postgresql
    return select(hour, *more, func.count()).where(column >= begins).group_by(hour, *more)


def _hour(hour: str, zone: tzinfo) -> date:
    return datetime.fromisoformat(f"{hour}:00:00+00:00").astimezone(zone).date()


# --- replies and messages


def outbox_list(connection: Connection, wanted: OutboxFilter, page: Page) -> OutboxPage:
    table = outbox_table.c
    rest: list[ColumnElement[bool]] = [true()]
    if wanted.templates:
        rest.append(table.template.in_(wanted.templates))
    if wanted.reasons:
        rest.append(table.reason.in_(wanted.reasons))
    for term, _ in terms(wanted.text):
        rest.append(or_(func.lower(table.recipient).contains(term, autoescape=True), func.lower(table.subject).contains(term, autoescape=True)))
    among = [*rest, table.state.in_(wanted.states)] if wanted.states else rest
    counted: dict[str, int] = dict(connection.execute(select(table.state, func.count()).where(*rest).group_by(table.state)).all())
    counts = {state: counted.get(state, 0) for state in ReplyState}
    total = sum(counts[state] for state in wanted.states or counts)
    rows, previous, following = _by_number(connection, select(*outbox.COLUMNS).where(*among), table.id, page)
    return OutboxPage(
        lines=tuple(outbox.reply_of(row) for row in rows), total=min(total, COUNTED), more=total > COUNTED, counts=counts, next=following, previous=previous
    )


def message_list(connection: Connection, wanted: MessageFilter, page: Page) -> MessagePage:
    table = messages.c
    among: list[ColumnElement[bool]] = [true()]
    if wanted.states:
        among.append(table.state.in_(wanted.states))
    if wanted.kinds:
        among.append(table.kind.in_(wanted.kinds))
    if wanted.mailbox:
        among.append(table.mailbox == wanted.mailbox)
    if wanted.received_from:
        among.append(table.internal_date >= wanted.received_from)
    if wanted.received_before:
        among.append(table.internal_date < wanted.received_before)
    for term, _ in terms(wanted.text):
        columns = (table.sender_name, table.sender_address, table.subject)
        among.append(or_(*(func.lower(column).contains(term, autoescape=True) for column in columns)))
    total = connection.scalar(select(func.count()).select_from(select(table.id).where(*among).limit(COUNTED + 1).subquery())) or 0
    rows, previous, following = _by_number(connection, select(*SUMMARY).where(*among), table.id, page)
    return MessagePage(lines=tuple(summary(row) for row in rows), total=min(total, COUNTED), more=total > COUNTED, next=following, previous=previous)


def _by_number(connection: Connection, query: Any, number: Any, page: Page) -> tuple[list[Any], str, str]:
    """A page of rows, the highest number first, and the places before and after it."""
    after, before = (int(place) if place.isascii() and place.isdigit() and len(place) < 19 else None for place in (page.after, page.before))
    if before is not None:
        rows = list(connection.execute(query.where(number > before).order_by(number).limit(page.size + 1)).all())
        more, rows = len(rows) > page.size, rows[: page.size][::-1]
        return rows, str(rows[0].id) if more else "", str(rows[-1].id) if rows else ""
    rows = list(connection.execute(query.where(number < after if after is not None else true()).order_by(number.desc()).limit(page.size + 1)).all())
    more, rows = len(rows) > page.size, rows[: page.size]
    return rows, str(rows[0].id) if rows and after is not None else "", str(rows[-1].id) if more else ""
