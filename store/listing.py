"""Keeps what the desk's lists are read from: sets of registrations by value, orders, and words to search.

``registrations`` and their values are the truth; a list over 100,000 of them needs it in another form (docs/adr/0014). Triggers write
down whose truth was changed, in ``listing_changes``; ``settle`` brings the lists up to date, as the last thing of the transaction
that changed it, whoever wrote and by what verb. So a list is never behind what a reader of the same snapshot would count
by hand. What was written past mailroom is settled with the next change, and all of it by an upgrade.

- ``register_lines`` gives every registration a number, and has a column for each order of the register.
- ``register_sets`` has, for each value of a field, the set of the numbers that have it: compressed bitmaps (Roaring), in chunks
  of 65,536 numbers, so that one change writes 8 kB at most. Which registrations meet a filter, and how many of them
  have each council, is then a matter of intersecting sets.
- ``register_words``, ``message_words`` and ``reply_words`` are the full text, each database's own kind of table (FTS5; tsvector with
  GIN), with the lexemes of ``store.words``.

Of a message, the words that its sender wrote are kept, and no quote: what somebody else wrote is not found under their name.

What it does badly: whoever alters ``registrations`` by copying it (SQLite's way to change a check) has to make its triggers again.
"""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Connection, bindparam, delete, insert, select, text, update

from mailroom.model import Slot, ZoneKind
from store.ledger import chunks
from store.tables import (
    listing_changes,
    outbox,
    readings,
    register_lines,
    register_sets,
    registration_addresses,
    registration_messages,
    registration_values,
    registrations,
)
from store.words import MEMBER, THEME, TOPIC, folded, lexemes, marked

__all__ = ["DAY", "STATE", "THEMES", "council_key", "name_key", "settle"]

STATE, THEMES, DAY = "state", "theme", "day"  # fields of register_sets next to those of a registration
EMPTY_COUNTS = (Slot.INSTITUTION, Slot.AUTHORITY, Slot.ACTIVITY, Slot.TOPIC, Slot.SESSION, THEMES)  # "" is the set of those without a value
REGISTRATION, MESSAGE, REPLY = "registration", "message", "reply"
CHUNK = 16  # bits of a number within its chunk
_LOCK = 0x6D61696C6C697374  # "maillist"
_OWN = (ZoneKind.OWN, ZoneKind.INLINE_ANSWER)
_MOST_WORDS = 4000  # of one message
_KEY = 100
_AT_ONCE = 100_000  # changes; those of one registration are told many times over, and settled once


def name_key(name: str, address: str) -> str:
    """By the last word of the name, as a register is."""
    words = folded(name or address).split()
    return " ".join([*words[-1:], *words[:-1]])[:_KEY]


def council_key(value: str) -> str:
    return folded(value)[:_KEY]


def settle(connection: Connection) -> None:
    """Bring the lists up to date with what this transaction, or whoever wrote past mailroom, has changed."""
    if connection.execute(select(listing_changes.c.id).limit(1)).first() is None:
        return
    if connection.dialect.name == "postgresql":  # two at a time would each write the set that they read; the end of a transaction is short
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    while some := connection.execute(select(listing_changes).order_by(listing_changes.c.id).limit(_AT_ONCE)).all():
        keys: dict[str, list[str]] = defaultdict(list)
        for row in some:
            keys[row.kind].append(row.key)
        replies, read = (sorted({int(key) for key in keys[kind]}) for kind in (REPLY, MESSAGE))
        for part in chunks(replies):
            _replies(connection, part)
        for part in chunks(read):
            _messages(connection, part)
        touched = set(keys[REGISTRATION])
        for part in chunks(read):
            touched.update(connection.scalars(select(registration_messages.c.registration_id).where(registration_messages.c.message_id.in_(part))))
        for some_of_them in chunks(sorted(touched)):
            _registrations(connection, some_of_them)
        for part in chunks(row.id for row in some):
            connection.execute(delete(listing_changes).where(listing_changes.c.id.in_(part)))


# --- words


def put_words(connection: Connection, table: str, words: Mapping[int, Iterable[str]]) -> None:
    """Replace the lexemes of these numbers."""
    if not words:
        return
    if connection.dialect.name == "sqlite":
        rows = [{"number": number, "words": " ".join(sorted(found))} for number, found in words.items()]
        connection.execute(text(f"DELETE FROM {table} WHERE rowid = :number"), rows)  # noqa: S608
        connection.execute(text(f"INSERT INTO {table} (rowid, words) VALUES (:number, :words)"), rows)  # noqa: S608
        return
    insertion = f"INSERT INTO {table} (number, words) VALUES (:number, array_to_tsvector(CAST(:words AS text[])))"  # noqa: S608
    connection.execute(
        text(f"{insertion} ON CONFLICT (number) DO UPDATE SET words = excluded.words"), [{"number": n, "words": sorted(found)} for n, found in words.items()]
    )


def words_of(connection: Connection, table: str, numbers: Sequence[int]) -> dict[int, list[str]]:
    """The lexemes of these numbers, as they were put."""
    if connection.dialect.name == "sqlite":
        query = text(f"SELECT rowid, words FROM {table} WHERE rowid IN :numbers")  # noqa: S608
        rows = connection.execute(query.bindparams(bindparam("numbers", expanding=True)), {"numbers": list(numbers)})
        return {number: words.split() for number, words in rows}
    query = text(f"SELECT number, tsvector_to_array(words) FROM {table} WHERE number = ANY(:numbers)")  # noqa: S608
    return {number: list(words) for number, words in connection.execute(query, {"numbers": list(numbers)})}


def _replies(connection: Connection, ids: Sequence[int]) -> None:
    rows = connection.execute(select(outbox.c.id, outbox.c.recipient, outbox.c.subject).where(outbox.c.id.in_(ids)))
    put_words(connection, "reply_words", {row.id: lexemes(f"{row.recipient} {row.subject}") for row in rows})


def _messages(connection: Connection, ids: Sequence[int]) -> None:
    query = select(readings.c.message_id, readings.c.parsed, readings.c.extraction).where(readings.c.message_id.in_(ids)).order_by(readings.c.id)
    latest = {row.message_id: row for row in connection.execute(query)}
    put_words(connection, "message_words", {id: message_words(row.parsed, row.extraction) for id, row in latest.items()})


def message_words(packed: bytes, extraction: Mapping[str, Any]) -> set[str]:
    """What a message is found by: its sender's own words, its subject, its sender, and its themes."""
    parsed = json.loads(zlib.decompress(packed))  # plain: the whole ParsedMessage is not needed
    body, sender = parsed["body"], parsed["sender"] or {"name": "", "address": ""}
    own = [body[zone["start"] : zone["end"]] for zone in parsed["zones"] if zone["kind"] in _OWN]
    words = lexemes("\n".join([parsed["subject"], *own]))
    if len(words) > _MOST_WORDS:
        words = set(sorted(words)[:_MOST_WORDS])
    who = lexemes(f"{sender['name']} {sender['address']}")
    return words | who | marked(MEMBER, who) | marked(THEME, extraction.get("themes", ()))


# --- registrations


def _registrations(connection: Connection, ids: Sequence[str]) -> None:
    of = registration_values.c
    rows = connection.execute(select(registrations).where(registrations.c.id.in_(ids)).order_by(registrations.c.received_at, registrations.c.id)).all()
    values: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    query = select(of.registration_id, of.field, of.value).where(of.registration_id.in_(ids)).order_by(of.registration_id, of.field, of.position)
    for identifier, field, value in connection.execute(query):
        values[identifier][field].append(value)
    addresses: dict[str, list[str]] = defaultdict(list)
    also = registration_addresses.c
    for identifier, address in connection.execute(select(also.registration_id, also.address_key).where(also.registration_id.in_(ids))):
        addresses[identifier].append(address)
    linked: dict[str, list[int]] = defaultdict(list)
    link = registration_messages.c
    for identifier, message in connection.execute(select(link.registration_id, link.message_id).where(link.registration_id.in_(ids))):
        linked[identifier].append(message)
    said: dict[int, list[str]] = {}
    for part in chunks({message for some in linked.values() for message in some}):
        said.update(words_of(connection, "message_words", part))

    lines = {row.registration_id: row for row in connection.execute(select(register_lines).where(register_lines.c.registration_id.in_(ids)))}
    new, changed = [], []
    words: dict[str, set[str]] = {}
    sets: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        mine = values[row.id]
        told = {word for message in linked[row.id] for word in said.get(message, ())}
        sets[row.id] = sorted(_sets(row, mine, told))
        words[row.id] = _words(row, mine, addresses[row.id], told)
        line = {
            "registration_id": row.id,
            "received_at": row.received_at,
            "updated_at": row.updated_at,
            "name_key": name_key(row.member_name, row.member_address),
            "council_key": council_key(next(iter(mine[Slot.AUTHORITY]), "")),
            "institution_key": council_key(next(iter(mine[Slot.INSTITUTION]), "")),
            "sets": sets[row.id],
        }
        if row.id in lines:
            changed.append({"the_number": lines[row.id].number, **{f"new_{key}": value for key, value in line.items()}})
        else:
            new.append(line)
    if new:
        connection.execute(insert(register_lines), new)
    if changed:
        given = {key: bindparam(f"new_{key}", type_=register_lines.c[key].type) for key in line}
        connection.execute(update(register_lines).where(register_lines.c.number == bindparam("the_number")).values(given), changed)
    known = select(register_lines.c.registration_id, register_lines.c.number).where(register_lines.c.registration_id.in_(ids))
    numbers: dict[str, int] = dict(connection.execute(known).all())
    put_words(connection, "register_words", {numbers[id]: found for id, found in words.items()})
    adding: dict[tuple[str, str, int], set[int]] = defaultdict(set)
    removing: dict[tuple[str, str, int], set[int]] = defaultdict(set)
    for id, now in sets.items():
        number, after = numbers[id], set(now)
        before: set[tuple[str, str]] = {(field, value) for field, value in lines[id].sets} if id in lines else set()
        for pair in after - before:
            adding[pair[0], pair[1], number >> CHUNK].add(number)
        for pair in before - after:
            removing[pair[0], pair[1], number >> CHUNK].add(number)
    _change_sets(connection, adding, removing)


def _sets(row: Any, values: Mapping[str, Sequence[str]], told: Iterable[str]) -> set[tuple[str, str]]:
    """The sets that a registration is in. Fields that lists cannot ask for are left out."""
    mine = {(str(field), value) for field in EMPTY_COUNTS for value in values.get(field, ())}
    mine |= {(THEMES, word.removeprefix(THEME)) for word in told if word.startswith(THEME)}
    has = {field for field, _ in mine}
    mine |= {(str(field), "") for field in EMPTY_COUNTS if field not in has}
    return mine | {(STATE, row.state), (DAY, row.received_at.date().isoformat())}


def _words(row: Any, values: Mapping[str, Sequence[str]], addresses: Sequence[str], told: Iterable[str]) -> set[str]:
    who = lexemes("\n".join([row.member_name, row.member_address, *addresses]))
    topics = lexemes("\n".join(values.get(Slot.TOPIC, ())))
    every = lexemes("\n".join([row.id, *(value for some in values.values() for value in some)]))
    return {*told, *who, *marked(MEMBER, who), *marked(TOPIC, topics), *every}


def _change_sets(connection: Connection, adding: Mapping[tuple[str, str, int], set[int]], removing: Mapping[tuple[str, str, int], set[int]]) -> None:
    here = register_sets.c
    keys = adding.keys() | removing.keys()
    by_field: dict[str, set[str]] = defaultdict(set)
    for field, value, _ in keys:
        by_field[field].add(value)
    found: dict[tuple[str, str, int], bytes] = {}
    for field, wanted in by_field.items():
        chunk_numbers = sorted({key[2] for key in keys if key[0] == field})
        for part in chunks(sorted(wanted)):
            query = select(here.value, here.chunk, here.members).where(here.field == field, here.value.in_(part), here.chunk.in_(chunk_numbers))
            found.update({(field, row.value, row.chunk): row.members for row in connection.execute(query)})
    new, changed, empty = [], [], []
    for key in sorted(keys):
        members = BitMap.deserialize(found[key]) if key in found else BitMap()
        members.update(adding.get(key, ()))
        members.difference_update(BitMap(removing.get(key, ())))
        place = {"the_field": key[0], "the_value": key[1], "the_chunk": key[2]}
        if not members:
            empty.append(place)
            continue
        members.run_optimize()
        content = {"size": len(members), "members": members.serialize()}
        if key in found:
            changed.append({**place, "new_size": content["size"], "new_members": content["members"]})
        else:
            new.append({"field": key[0], "value": key[1], "chunk": key[2], **content})
    at = (here.field == bindparam("the_field")) & (here.value == bindparam("the_value")) & (here.chunk == bindparam("the_chunk"))
    if new:
        connection.execute(insert(register_sets), new)
    if changed:
        connection.execute(update(register_sets).where(at).values(size=bindparam("new_size"), members=bindparam("new_members")), changed)
    if empty:
        connection.execute(delete(register_sets).where(at), empty)
