"""What the desk's lists show: the register filtered, counted and drawn, the queue, what came in, replies and messages.

Everything here only reads, and each verb sees one snapshot. Which registrations meet a filter is a matter of sets (store.listing),
so every count of registrations is exact, whatever the filter. Replies and messages are counted up to ``COUNTED``.

A page begins next to a line, not at so many lines from the top: what is written meanwhile moves no line out of sight. What it
does badly: «lines 51 to 100» are as they were when the page before was shown; and to come to a line in the middle of a
long list, its order is walked from the start of the page's (some 20 ms for 100,000).
"""

from __future__ import annotations

import json
import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Any

from pyroaring import BitMap
from sqlalchemy import ARRAY, BigInteger, ColumnElement, Connection, Select, func, literal, literal_column, or_, select, text, tuple_

from mailroom.model import MessageState, ReplyState, Slot
from store import outbox
from store.ledger import SUMMARY, chunks, summary
from store.listing import DAY, STATE, THEMES, words_of
from store.tables import messages, readings, register_lines, register_sets, registration_messages, registration_values, registrations
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
    RegistrationFilter,
    RegistrationLine,
    RegistrationPage,
    RegistrationSort,
    RegistrationState,
    Today,
)
from store.words import MEMBER, TOPIC, lexemes, terms

__all__ = ["COUNTED"]

COUNTED = 10_000
WALKED = 3_000  # rows that a count of common words looks at
_PART = 1_000
TOPICS, COMMON_TOPICS, FEW_TOPICS = 40, 300, 2_000

# --- sets


class _Sets:
    """The sets of ``register_sets`` as they are asked for, each field loaded once."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._fields: dict[str, dict[str, BitMap]] = {}

    def every(self, field: str) -> dict[str, BitMap]:
        """All values of a field, each with those that have it."""
        if (found := self._fields.get(field)) is None:
            found = self._fields[field] = self._loaded(register_sets.c.field == field)
        return found

    def of(self, field: str, values: Collection[str]) -> BitMap:
        """Those that have one of these values."""
        if field in self._fields:
            return BitMap.union(BitMap(), *(self._fields[field][value] for value in values if value in self._fields[field]))
        return BitMap.union(BitMap(), *(members for part in chunks(values) for members in self.some(field, part).values()))

    def some(self, field: str, values: Collection[str]) -> dict[str, BitMap]:
        return self._loaded((register_sets.c.field == field) & register_sets.c.value.in_(values))

    def days(self, first: date, last: date) -> BitMap:
        """Those received on one of these days of UTC."""
        between = (register_sets.c.value >= first.isoformat()) & (register_sets.c.value <= last.isoformat())
        return BitMap.union(BitMap(), *self._loaded((register_sets.c.field == DAY) & between).values())

    def _loaded(self, where: ColumnElement[bool]) -> dict[str, BitMap]:
        found: dict[str, BitMap] = {}
        for value, members in self.connection.execute(select(register_sets.c.value, register_sets.c.members).where(where)):
            some = BitMap.deserialize(members)
            found[value] = found[value] | some if value in found else some
        return found

    def everything(self) -> BitMap:
        return BitMap.union(BitMap(), *self.every(STATE).values())


_CHOICES = {
    "states": STATE,
    "councils": Slot.AUTHORITY,
    "activities": Slot.ACTIVITY,
    "sessions": Slot.SESSION,
    "themes": THEMES,
    "institutions": Slot.INSTITUTION,
    "topics": Slot.TOPIC,
}
_OFFERED = ("states", "councils", "activities", "sessions", "themes")
_SEARCHED = (("member", MEMBER), ("topic", TOPIC), ("text", ""))


class _Met:
    """What meets a filter, condition by condition."""

    def __init__(self, connection: Connection, wanted: RegistrationFilter) -> None:
        self.sets = _Sets(connection)
        self.conditions: dict[str, BitMap] = {}
        for name, field in _CHOICES.items():
            if chosen := getattr(wanted, name):
                self.conditions[name] = self.sets.of(field, [str(value) for value in chosen])
        if not wanted.states:
            off = [str(state) for state in OFF_THE_REGISTER]
            self.conditions["states"] = self.sets.everything() - self.sets.of(STATE, off)
        if wanted.received_from or wanted.received_before:
            self.conditions["received"] = _received(connection, self.sets, wanted.received_from, wanted.received_before)
        sought = [term for name, mark in _SEARCHED for term in terms(getattr(wanted, name), mark)]
        if sought:
            self.conditions["words"] = having(connection, "register_words", sought)

    def all(self, *, without: str = "") -> BitMap:
        """What meets all conditions; ``without`` one, those that are on the register at all."""
        some = [met for name, met in self.conditions.items() if name != without]
        if without == "states":
            some.append(self.sets.everything())
        return BitMap.intersection(*sorted(some, key=len))

    def counts(self, name: str, among: BitMap) -> tuple[Facet, ...]:
        counted = [Facet(value=value, count=members.intersection_cardinality(among)) for value, members in self.sets.every(_CHOICES[name]).items()]
        return tuple(sorted((facet for facet in counted if facet.count), key=_commonest))


def _commonest(facet: Facet) -> tuple[int, str]:
    return -facet.count, facet.value


def _received(connection: Connection, sets: _Sets, begins: datetime | None, ends: datetime | None) -> BitMap:
    """Whole days by their sets, and the parts of days at both ends by the clock."""
    first = begins.astimezone(UTC) if begins else datetime(1, 1, 1, tzinfo=UTC)
    last = ends.astimezone(UTC) if ends else datetime(9999, 12, 31, tzinfo=UTC)
    if first >= last:
        return BitMap()
    found = sets.days(first.date(), last.date())
    at = register_lines.c.received_at
    for edge, outside in ((first, at < first), (last, at >= last)):
        day = datetime.combine(edge.date(), time(), UTC)
        if edge.year not in (1, 9999):
            found -= BitMap(connection.scalars(select(register_lines.c.number).where(at >= day, at < day + timedelta(days=1), outside)).all())
    return found


def having(connection: Connection, table: str, sought: Sequence[tuple[str, bool]], *, limit: int | None = None) -> BitMap:
    """The numbers that have all of these lexemes, or lexemes that begin so; at most ``limit`` of them, whichever."""
    # All numbers in one value: a row for each of 100,000 would take longer than finding them.
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        asked, found, listed = _fts5(sought), f"SELECT rowid AS n FROM {table} WHERE {table} MATCH :asked", "group_concat(n)"  # noqa: S608
    else:
        asked, found = _tsquery(sought), f"SELECT number AS n FROM {table} WHERE words @@ CAST(:asked AS tsquery)"  # noqa: S608
        listed = "string_agg(int4send(CAST(n AS int4)), '')"
    if limit is not None:
        found += f" LIMIT {limit:d}"
    with _by_index(connection):
        numbers = connection.scalar(text(f"SELECT {listed} FROM ({found}) AS found").bindparams(asked=asked))  # noqa: S608
    if not numbers:
        return BitMap()
    if sqlite:
        return BitMap(json.loads(f"[{numbers}]"))
    packed = array("I", bytes(numbers))  # of four bytes each, the highest first
    if sys.byteorder == "little":
        packed.byteswap()
    return BitMap(packed)


@contextmanager
def _by_index(connection: Connection) -> Iterator[None]:
    """PostgreSQL reads the whole table for a word that most rows have, and does not reckon with unpacking each row's words: 440 ms instead of 60."""
    if connection.dialect.name == "sqlite":
        yield
        return
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    yield
    connection.execute(text("SET LOCAL enable_seqscan = on"))


def _fts5(sought: Sequence[tuple[str, bool]]) -> str:
    return " AND ".join(f'"{word}"*' if beginning else f'"{word}"' for word, beginning in sought)


def _tsquery(sought: Sequence[tuple[str, bool]]) -> str:
    return " & ".join(f"'{word}':*" if beginning else f"'{word}'" for word, beginning in sought)


# --- the register in an order

FEW = 8_000  # so many are sorted; of more, the order is walked until the page is full
_KEYS = {
    "received": register_lines.c.received_at,
    "updated": register_lines.c.updated_at,
    "name": register_lines.c.name_key,
    "council": register_lines.c.council_key,
    "institution": register_lines.c.institution_key,
}
_number = register_lines.c.number
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _ordered(connection: Connection, met: BitMap, sort: RegistrationSort, start: tuple[Any, int] | None = None, *, backwards: bool = False) -> Iterator[int]:
    """The numbers of ``met`` in an order, from the one next to ``start`` on."""
    key = _KEYS[sort.lstrip("-")]
    down = sort.startswith("-") != backwards
    query = select(_number).order_by(key.desc() if down else key, _number.desc() if down else _number)
    if start is not None:
        here, there = tuple_(key, _number), tuple_(literal(start[0], key.type), literal(start[1], _number.type))
        query = query.where(here < there if down else here > there)
    if len(met) <= FEW:
        yield from connection.scalars(query.where(_among(connection, _number, met)))
        return
    with closing(connection.execute(query, execution_options={"yield_per": 2000}).scalars()) as found:
        for part in found.partitions():
            yield from (number for number in part if number in met)


def _among(connection: Connection, column: Any, numbers: BitMap) -> ColumnElement[bool]:
    """Any number of numbers as one parameter: SQLite takes 32,766 of them at most, and each has its cost."""
    if connection.dialect.name == "sqlite":
        return column.in_(select(literal_column("value")).select_from(func.json_each(json.dumps(list(numbers)))))  # type: ignore[no-any-return]
    return column == func.any(literal(list(numbers), ARRAY(BigInteger)))  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class _At:
    """A place in the register: the how manieth line it was when it was shown, its number and, where that says it, its time.

    A name or a school would be more than an address bar may show, so these are looked up again.
    """

    position: int
    number: int
    micros: int | None

    @classmethod
    def read(cls, place: str) -> _At | None:
        parts = place.split(".")
        if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 18 for part in parts[:2]):
            return None
        if parts[2] and not (parts[2].isascii() and parts[2].isdigit() and len(parts[2]) < 18):
            return None
        return cls(int(parts[0]), int(parts[1]), int(parts[2]) if parts[2] else None)

    def start(self, connection: Connection, sort: RegistrationSort) -> tuple[Any, int] | None:
        key = _KEYS[sort.lstrip("-")]
        if key.key in ("received_at", "updated_at") and self.micros is not None:
            return _EPOCH + timedelta(microseconds=self.micros), self.number
        row = connection.execute(select(key).where(_number == self.number)).one_or_none()
        return None if row is None else (row[0], self.number)


def _place(connection: Connection, position: int, number: int, sort: RegistrationSort) -> str:
    key = _KEYS[sort.lstrip("-")]
    micros = _micros(connection.execute(select(key).where(_number == number)).scalar_one()) if key.key in ("received_at", "updated_at") else ""
    return f"{position}.{number}.{micros}"


def find_registrations(connection: Connection, wanted: RegistrationFilter, sort: RegistrationSort, page: Page) -> RegistrationPage:
    return _page(connection, _Met(connection, wanted).all(), sort, page)


def find_with_facets(connection: Connection, wanted: RegistrationFilter, sort: RegistrationSort, page: Page) -> tuple[RegistrationPage, Facets]:
    """Both by one look at what meets the filter, which is half of the work."""
    met = _Met(connection, wanted)
    every = met.all()
    return _page(connection, every, sort, page), _facets(met, every)


def _page(connection: Connection, met: BitMap, sort: RegistrationSort, page: Page) -> RegistrationPage:
    after, before = _At.read(page.after), _At.read(page.before)
    at, backwards = (before, True) if before is not None else (after, False)
    start = at.start(connection, sort) if at is not None else None
    if start is None:
        at, backwards = None, False
    found = list(islice(_ordered(connection, met, sort, start, backwards=backwards), page.size + 1))
    more, found = len(found) > page.size, found[: page.size]
    if backwards:
        found.reverse()
    if not found:
        return RegistrationPage(lines=(), total=len(met), first=0)
    first = 1 if at is None or (backwards and not more) else max(1, at.position - len(found) if backwards else at.position + 1)
    return RegistrationPage(
        lines=tuple(_lines(connection, found)),
        total=len(met),
        first=first,
        previous=_place(connection, first, found[0], sort) if (more if backwards else at is not None) else "",
        next=_place(connection, first + len(found) - 1, found[-1], sort) if backwards or more else "",
    )


def each_registration(connection: Connection, wanted: RegistrationFilter, sort: RegistrationSort) -> Iterator[RegistrationLine]:
    met = _Met(connection, wanted).all()
    for part in list(chunks(_ordered(connection, met, sort))):  # numbers only
        yield from _lines(connection, part)


def lines(connection: Connection, identifiers: Sequence[str]) -> tuple[RegistrationLine, ...]:
    return tuple(line for part in chunks(dict.fromkeys(identifiers)) for line in _lines_by_id(connection, part))


def _lines(connection: Connection, numbers: Sequence[int]) -> list[RegistrationLine]:
    known = select(_number, register_lines.c.registration_id).where(_number.in_(numbers))
    ids: dict[int, str] = dict(connection.execute(known).all())
    return _lines_by_id(connection, [ids[number] for number in numbers])


def _lines_by_id(connection: Connection, ids: Sequence[str]) -> list[RegistrationLine]:
    """Three queries for all of them; those that there are not are left out."""
    rows = {row.id: row for row in connection.execute(select(registrations).where(registrations.c.id.in_(ids)))}
    of = registration_values.c
    values: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    query = select(of.registration_id, of.field, of.value).where(of.registration_id.in_(ids)).order_by(of.registration_id, of.field, of.position)
    for identifier, field, value in connection.execute(query):
        values[identifier][field].append(value)
    link = registration_messages.c.registration_id
    linked: dict[str, int] = dict(connection.execute(select(link, func.count()).where(link.in_(ids)).group_by(link)).all())
    return [
        RegistrationLine(
            id=id,
            member_name=row.member_name,
            member_address=row.member_address,
            state=RegistrationState(row.state),
            institutions=tuple(values[id][Slot.INSTITUTION]),
            councils=tuple(values[id][Slot.AUTHORITY]),
            activities=tuple(values[id][Slot.ACTIVITY]),
            topics=tuple(values[id][Slot.TOPIC]),
            sessions=tuple(values[id][Slot.SESSION]),
            missing=tuple(row.missing),
            messages=linked.get(id, 0),
            revision=row.revision,
            received_at=row.received_at,
            updated_at=row.updated_at,
        )
        for id in ids
        if (row := rows.get(id)) is not None
    ]


# --- counts of the register


def facets(connection: Connection, wanted: RegistrationFilter) -> Facets:
    met = _Met(connection, wanted)
    return _facets(met, met.all())


def _facets(met: _Met, every: BitMap) -> Facets:
    offered = {name: met.counts(name, met.all(without=name) if name in met.conditions else every) for name in _OFFERED}
    return Facets(total=len(every), **offered)


def values_like(connection: Connection, field: str, sought: str, limit: int) -> tuple[Facet, ...]:
    wanted = terms(sought)
    known = connection.scalars(select(register_sets.c.value).distinct().where(register_sets.c.field == field, register_sets.c.value != ""))
    met = [value for value in known if all(_has(lexemes(value), term, beginning) for term, beginning in wanted)]
    among = _Met(connection, RegistrationFilter())
    here = among.all()
    counted = [
        Facet(value=value, count=members.intersection_cardinality(here)) for part in chunks(met) for value, members in among.sets.some(field, part).items()
    ]
    return tuple(sorted((facet for facet in counted if facet.count), key=_commonest)[:limit])


def _has(words: Collection[str], term: str, beginning: bool) -> bool:
    return term in words or (beginning and any(word.startswith(term) for word in words))


def picture(connection: Connection, wanted: RegistrationFilter, zone: tzinfo) -> Picture:
    met = _Met(connection, wanted)
    every = met.all()
    return Picture(
        total=len(every),
        weeks=_weeks(connection, met.sets, every, zone),
        **{name: met.counts(name, every) for name in _OFFERED},
        topics=_topics(connection, met.sets, every),
    )


def _weeks(connection: Connection, sets: _Sets, among: BitMap, zone: tzinfo) -> tuple[tuple[date, int], ...]:
    """By days of UTC; what came between midnight here and midnight there is moved by the clock."""
    counted: Counter[date] = Counter()
    edges: list[tuple[datetime, datetime]] = []
    for value, members in sets.every(DAY).items():
        day = date.fromisoformat(value)
        count = members.intersection_cardinality(among)
        if not count:
            continue
        counted[_monday(day)] += count
        if day.weekday() not in (6, 0):
            continue
        # A day that begins or ends a week here, but not there, is looked at, from a little before to the end of what may be moved.
        begins, ends = (datetime.combine(day + timedelta(days=n), time(), UTC) for n in (0, 1))
        offset = (begins + (ends - begins) / 2).astimezone(zone).utcoffset() or timedelta()
        if offset > timedelta() and day.weekday() == 6:
            edges.append((ends - offset - timedelta(hours=2), ends))
        elif offset < timedelta() and day.weekday() == 0:
            edges.append((begins, begins - offset + timedelta(hours=2)))
    at = register_lines.c.received_at
    for some in chunks(edges, 100):
        query = select(_number, at).where(or_(*((at >= first) & (at < last) for first, last in some)))
        for number, received in connection.execute(query):
            if number in among:
                counted[_monday(received.date())] -= 1
                counted[_monday(received.astimezone(zone).date())] += 1
    weeks = sorted(week for week, count in counted.items() if count)
    if not weeks:
        return ()
    return tuple((week, counted[week]) for n in range((weeks[-1] - weeks[0]).days // 7 + 1) for week in (weeks[0] + timedelta(days=7 * n),))


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _topics(connection: Connection, sets: _Sets, among: BitMap) -> tuple[Facet, ...]:
    """Topics are free words, tens of thousands of them, nearly all of one registration: of a few registrations all are counted,
    of more the commonest of the register."""
    if len(among) <= FEW_TOPICS:
        of = registration_values.c
        mine = select(register_lines.c.registration_id).where(_among(connection, _number, among))
        once = select(of.registration_id, of.value).distinct().where(of.field == Slot.TOPIC, of.registration_id.in_(mine)).subquery()
        query = select(once.c.value, func.count()).group_by(once.c.value)
        counted = [Facet(value=value, count=count) for value, count in connection.execute(query)]
    else:
        # SQLite would not take the index without statistics, and sort tens of thousands.
        by = " INDEXED BY ix_register_sets_topics" if connection.dialect.name == "sqlite" else ""
        common = text(f"SELECT value FROM register_sets{by} WHERE field = 'topic' AND value != '' ORDER BY size DESC LIMIT {COMMON_TOPICS:d}")  # noqa: S608
        values = list(dict.fromkeys(connection.scalars(common)))
        counted = [
            Facet(value=value, count=members.intersection_cardinality(among))
            for part in chunks(values)
            for value, members in sets.some(Slot.TOPIC, part).items()
        ]
    return tuple(sorted((facet for facet in counted if facet.count), key=_commonest)[:TOPICS])


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
_Place = tuple[datetime, int, Any]  # since, kind, key


def _place_of(place: str) -> _Place | None:
    """A place as it was given out; None for what never was one."""
    kind, _, rest = place.partition("-")
    key, _, at = rest.rpartition("-")
    if kind not in NeedsKind.__members__.values() or not key or not at.isascii() or not at.isdigit() or len(at) > 17:
        return None
    if kind != NeedsKind.REGISTRATION and not (key.isascii() and key.isdigit() and len(key) < 19):
        return None
    return _EPOCH + timedelta(microseconds=int(at)), _ORDER.index(NeedsKind(kind)), key if kind == NeedsKind.REGISTRATION else int(key)


def _first_of(connection: Connection, kind: NeedsKind, after: _Place | None, limit: int, counts: dict[NeedsKind, int] | None = None) -> list[_Place]:
    """``counts`` is told how many there are after that."""
    source, rank = _SOURCES[kind], _ORDER.index(kind)
    counted = [func.count().over()] if counts is not None else []
    query = select(source.since, source.key, *counted).where(source.where)
    if after is not None:
        since, other, key = after
        at = literal(since, source.since.type)
        if rank == other:
            query = query.where(tuple_(source.since, source.key) > tuple_(at, literal(key, source.key.type)))
        else:
            query = query.where(source.since >= at if rank > other else source.since > at)
    rows = connection.execute(query.order_by(source.since, source.key).limit(limit)).all()
    if counts is not None:
        counts[kind] = rows[0][2] if rows else 0
    return [(row[0], rank, row[1]) for row in rows]


def _queue(connection: Connection, kinds: Collection[NeedsKind], after: _Place | None, limit: int, counts: dict[NeedsKind, int] | None = None) -> list[_Place]:
    # Whether a registration's messages wait is asked for each: what that costs is worth to be counted on the way.
    on_the_way = {kind: counts if after is None and kind is NeedsKind.REGISTRATION else None for kind in kinds}
    return sorted(place for kind in kinds for place in _first_of(connection, kind, after, limit, on_the_way[kind]))[:limit]


def _counted(connection: Connection, known: dict[NeedsKind, int]) -> dict[NeedsKind, int]:
    """How many there are of each kind; ``known`` are counted already."""
    queries = {kind: select(func.count()).select_from(source.key.table).where(source.where) for kind, source in _SOURCES.items()}
    return {kind: known[kind] if kind in known else connection.scalar(query) or 0 for kind, query in queries.items()}


def needs_you(connection: Connection, kinds: Collection[NeedsKind], page: Page) -> NeedsPage:
    wanted = [kind for kind in _ORDER if not kinds or kind in kinds]
    known: dict[NeedsKind, int] = {}
    found = _queue(connection, wanted, _place_of(page.after), page.size + 1, known)
    shown = _needs(connection, found[: page.size])
    counts = _counted(connection, known)
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
    writers: dict[int, str] = {}  # whom an answer without a registration is to
    if alone := [row.message_id for row in replies.values() if not row.registration_id and row.message_id is not None]:
        names = select(messages.c.id, messages.c.sender_name).where(messages.c.id.in_(alone))
        writers = {row.id: row.sender_name or "" for row in connection.execute(names)}
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
        if not name and line is None and reply is not None and mark is None:
            name = writers.get(reply.message_id, "")
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
    for starts, ends, offset in _even(begins, now, zone):
        for day, state, count in connection.execute(_by_day(connection, messages.c.internal_date, starts, ends, offset, messages.c.state)):
            by_day[date.fromisoformat(day)][MessageState(state)] += count
        for day, count in connection.execute(_by_day(connection, registrations.c.received_at, starts, ends, offset)):
            registered[date.fromisoformat(day)] += count
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


def _even(begins: datetime, ends: datetime, zone: tzinfo) -> Iterator[tuple[datetime, datetime | None, timedelta]]:
    """The time from ``begins`` on in parts in which the clock here is off UTC by the same (to the hour, when clocks change); the last one is open."""
    hour = timedelta(hours=1)
    start, offset = begins, begins.astimezone(zone).utcoffset() or timedelta()
    at = begins + timedelta(days=1)
    while at <= ends:
        if (at.astimezone(zone).utcoffset() or timedelta()) != offset:
            change = at - timedelta(days=1)
            while (change.astimezone(zone).utcoffset() or timedelta()) == offset:
                change += hour
            yield start, change, offset
            start, offset = change, change.astimezone(zone).utcoffset() or timedelta()
        at += timedelta(days=1)
    yield start, None, offset


def _by_day(connection: Connection, column: Any, starts: datetime, ends: datetime | None, offset: timedelta, *more: Any) -> Any:
    """Counted by days of a clock that is off UTC by so much: the database need know no zones."""
    minutes = int(offset.total_seconds() // 60)
    if connection.dialect.name == "sqlite":
        day = func.strftime(literal_column("'%Y-%m-%d'"), column, literal_column(f"'{minutes:+d} minutes'"))
    else:
        shifted = func.timezone(literal_column("'UTC'"), column) + literal_column(f"interval '{minutes:d} minutes'")
        day = func.to_char(shifted, literal_column("'YYYY-MM-DD'"))
    until = [column < ends] if ends is not None else []
    return select(day, *more, func.count()).where(column >= starts, *until).group_by(day, *more)


# --- replies and messages


def outbox_list(connection: Connection, wanted: OutboxFilter, page: Page) -> OutboxPage:
    table = outbox_table.c
    rest: list[ColumnElement[bool]] = []
    if wanted.templates:
        rest.append(table.template.in_(wanted.templates))
    if wanted.reasons:
        rest.append(table.reason.in_(wanted.reasons))
    said = _Said(connection, "reply_words", wanted.text)
    ways = [[table.state == state, *rest] for state in wanted.states] or [rest]
    counts: dict[ReplyState, int] = {}
    if not said.common:
        found = [*rest, *said.condition(table.id)]
        counted: dict[str, int] = dict(connection.execute(select(table.state, func.count()).where(*found).group_by(table.state)).all())
        counts = {state: counted.get(state, 0) for state in ReplyState}
        total, more = sum(counts[state] for state in wanted.states or counts), False
    else:
        total, more = _count(connection, table.created_at, table.id, ways, said)
    ids, previous, following = _newest(connection, table.created_at, table.id, ways, said, page)
    rows = {row.id: row for row in connection.execute(select(*outbox.COLUMNS).where(table.id.in_(ids)))}
    return OutboxPage(
        lines=tuple(outbox.reply_of(rows[id]) for id in ids),
        total=min(total, COUNTED),
        more=more or total > COUNTED,
        counts=counts,
        next=following,
        previous=previous,
    )


def message_list(connection: Connection, wanted: MessageFilter, page: Page) -> MessagePage:
    table = messages.c
    rest: list[ColumnElement[bool]] = []
    if wanted.kinds:
        rest.append(table.kind.in_(wanted.kinds))
    if wanted.mailbox:
        rest.append(table.mailbox == wanted.mailbox)
    if wanted.received_from:
        rest.append(table.internal_date >= wanted.received_from)
    if wanted.received_before:
        rest.append(table.internal_date < wanted.received_before)
    said = _Said(connection, "message_words", wanted.text)
    ways = [[table.state == state, *rest] for state in wanted.states] or [rest]
    total, more = _count(connection, table.internal_date, table.id, ways, said)
    ids, previous, following = _newest(connection, table.internal_date, table.id, ways, said, page)
    rows = {row.id: row for row in connection.execute(select(*SUMMARY).where(table.id.in_(ids)))}
    return MessagePage(lines=tuple(summary(rows[id]) for id in ids), total=min(total, COUNTED), more=more or total > COUNTED, next=following, previous=previous)


class _Said:
    """Which replies or messages have the words that are looked for. Up to ``COUNTED`` are a condition of the query. Of more, ``common``,
    a list goes through its order until it has what it needs, and asks of some rows at a time: there is one soon, or else all of them are
    fetched."""

    def __init__(self, connection: Connection, table: str, sought: str) -> None:
        self.connection, self.table, self.terms = connection, table, terms(sought)
        self._few = self._at_most(COUNTED + 1) if self.terms else None
        self.common = self._few is not None and len(self._few) > COUNTED
        self._asked, self._met = BitMap(), BitMap()  # the page and its count look at the same rows
        self._all: BitMap | None = None

    def _at_most(self, limit: int) -> BitMap:
        # A whole word is found at once; for the beginning of one, the lists of all words that begin so are merged first.
        whole = having(self.connection, self.table, [(word, False) for word, _ in self.terms], limit=limit)
        return whole if len(whole) == limit else having(self.connection, self.table, self.terms, limit=limit)

    def condition(self, number: Any) -> list[ColumnElement[bool]]:
        return [] if self._few is None else [_among(self.connection, number, self._few)]

    def among(self, numbers: Collection[int]) -> BitMap:
        """Those of these that have the words."""
        asked = BitMap(numbers)
        if self._all is None and len(self._asked) > 2 * WALKED:  # common, but not where we look
            self._all = having(self.connection, self.table, self.terms)
        if self._all is not None:
            return asked & self._all
        if new := asked - self._asked:
            self._asked |= new
            self._met |= self._having(new)
        return asked & self._met

    def _having(self, numbers: BitMap) -> BitMap:
        if self.connection.dialect.name == "postgresql":
            query = text(f"SELECT number FROM {self.table} WHERE number = ANY(:numbers) AND words @@ CAST(:asked AS tsquery)")  # noqa: S608
            return BitMap(self.connection.scalars(query, {"numbers": list(numbers), "asked": _tsquery(self.terms)}).all())
        found = words_of(self.connection, self.table, list(numbers))
        return BitMap([number for number, words in found.items() if all(_has(words, term, beginning) for term, beginning in self.terms)])


def _walked(connection: Connection, query: Select[Any], said: _Said, enough: int, most: int | None = None) -> tuple[list[Any], bool]:
    """The first rows of a query, the number last in each, that have the words: ``enough`` of them, or those of the first ``most``
    rows; and whether more may follow."""
    found: list[Any] = []
    looked = 0
    with closing(connection.execute(query.limit(most), execution_options={"yield_per": _PART})) as rows:
        for part in rows.partitions():
            met = said.among([row[-1] for row in part])
            found += [row for row in part if row[-1] in met]
            looked += len(part)
            if len(found) >= enough:
                return found[:enough], True
    return found, looked == most


def _count(connection: Connection, time_of: Any, number: Any, ways: Sequence[Sequence[Any]], said: _Said) -> tuple[int, bool]:
    """Up to one more than ``COUNTED``, and whether there may be more than that: common words are counted in the newest ``WALKED`` rows."""
    total, more = 0, False
    for way in ways:
        if not said.common:
            few = select(number).where(*way, *said.condition(number)).limit(COUNTED + 1).subquery()
            total += connection.scalar(select(func.count()).select_from(few)) or 0
        else:
            query = select(number).where(*way).order_by(time_of.desc(), number.desc())
            found, unfinished = _walked(connection, query, said, COUNTED + 1, WALKED)
            total, more = total + len(found), more or unfinished
    return total, more


def _newest(connection: Connection, time_of: Any, number: Any, ways: Sequence[Sequence[Any]], said: _Said, page: Page) -> tuple[list[int], str, str]:
    """The ids of a page, the newest first, and the places before and after it. Each of the ``ways`` has an index in this order, all together have none."""
    after, before = _moment(page.after), _moment(page.before)
    at, backwards = (before, True) if before is not None else (after, False)
    query = select(time_of, number).order_by(*((time_of, number) if backwards else (time_of.desc(), number.desc())))
    if at is not None:
        here, there = tuple_(time_of, number), tuple_(literal(at[0], time_of.type), literal(at[1], number.type))
        query = query.where(here > there if backwards else here < there)
    rows: list[Any] = []
    for way in ways:
        if not said.common:
            rows += connection.execute(query.where(*way, *said.condition(number)).limit(page.size + 1))
        else:
            rows += _walked(connection, query.where(*way), said, page.size + 1)[0]
    found = sorted(((row[0], row[1]) for row in rows), reverse=not backwards)
    more, found = len(found) > page.size, found[: page.size]
    if backwards:
        found.reverse()
    if not found:
        return [], "", ""
    first, last = (f"{_micros(moment)}.{id}" for moment, id in (found[0], found[-1]))
    return [id for _, id in found], first if (more if backwards else at is not None) else "", last if backwards or more else ""


def _moment(place: str) -> tuple[datetime, int] | None:
    micros, _, number = place.partition(".")
    if all(part.isascii() and part.isdigit() and len(part) < 18 for part in (micros, number)):
        return _EPOCH + timedelta(microseconds=int(micros)), int(number)
    return None
