"""Finding the conversation that a message may continue, and loading it.

Promise: a batch that continues nothing costs two look-ups by index at most, one for the identifiers that it
names (none where it names none) and one for its senders' addresses; what is found is loaded one by one.
Nothing is decided here: whether a sender may speak for a registration is not the store's to say. What was merged
into another registration is found as that one; what was dismissed is not found.

What it does badly: a thread longer than ``TURNS`` messages is loaded without its oldest ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select, union_all

from store import history, outbox, register
from store.ledger import chunks
from store.register import address_key
from store.serialise import reading_of
from store.tables import message_identifiers, messages, readings, registration_addresses, registration_messages, registrations
from store.tables import outbox as outbox_table
from store.types import OFF_THE_REGISTER, Conversation, Lookup, Met, Turn

__all__ = ["IDENTIFIER", "TOKEN", "TURNS"]

IDENTIFIER, TOKEN, ADDRESS = "identifier", "token", "address"
TURNS = 20
_REGISTRATIONS = 5  # of one address; more than that is no person, and nobody has to choose among them here


def find(connection: Connection, lookups: Sequence[Lookup]) -> dict[int, tuple[Met, ...]]:
    """For each key, what its message may continue: by identifier in the order given, by token, by address."""
    by_identifier = _by_identifier(connection, {i for lookup in lookups for i in lookup.identifiers})
    by_address = _by_address(connection, {address_key(lookup.address) for lookup in lookups if lookup.address})
    tokens = {i for lookup in lookups for i in lookup.registrations}
    stands = standing(connection, {*tokens, *(id for ids in (*by_identifier.values(), *by_address.values()) for id in ids)})
    loaded: dict[str, Conversation] = {}
    found: dict[int, tuple[Met, ...]] = {}
    for lookup in lookups:
        written = dict.fromkeys(stands[id] for id in by_address.get(address_key(lookup.address), ()) if id in stands)
        ways = [
            *((IDENTIFIER, stands[id]) for identifier in lookup.identifiers for id in by_identifier.get(identifier, ()) if id in stands),
            *((TOKEN, stands[id]) for id in lookup.registrations if id in stands),
            *((ADDRESS, id) for id in list(written)[:_REGISTRATIONS]),
        ]
        first = {id: by for by, id in reversed(ways)}
        met = []
        for id in dict.fromkeys(id for _, id in ways):
            if id not in loaded:
                loaded[id] = load(connection, id)
            if lookup.message_id is not None and loaded[id].registration.messages == (lookup.message_id,):
                continue  # the message is read again: what it made itself is nothing that it continues
            met.append(Met(by=first[id], conversation=loaded[id]))
        if met:
            found[lookup.key] = tuple(met)
    return found


def standing(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """The registration that each of these is today: itself, or the one that it was merged into; none where that was dismissed, or never was."""
    found: dict[str, str] = {}
    aims = {id: id for id in ids}
    while aims:
        rows = {
            row.id: row
            for part in chunks(sorted(set(aims.values())), 200)
            for row in connection.execute(select(registrations.c.id, registrations.c.state, registrations.c.merged_into).where(registrations.c.id.in_(part)))
        }
        found |= {id: aim for id, aim in aims.items() if aim in rows and rows[aim].state not in OFF_THE_REGISTER}
        aims = {id: rows[aim].merged_into for id, aim in aims.items() if aim in rows and rows[aim].merged_into is not None}
    return found


def family(connection: Connection, registration_id: str) -> list[str]:
    """A registration and all that were merged into it."""
    found = [registration_id]
    for one in found:
        found += connection.scalars(select(registrations.c.id).where(registrations.c.merged_into == one).order_by(registrations.c.id)).all()
    return found


def _by_identifier(connection: Connection, identifiers: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for part in chunks(sorted(identifiers), 200):
        ours = select(outbox_table.c.identifier, outbox_table.c.registration_id).where(
            outbox_table.c.identifier.in_(part), outbox_table.c.registration_id.is_not(None)
        )
        theirs = (
            select(message_identifiers.c.identifier, registration_messages.c.registration_id)
            .join(registration_messages, registration_messages.c.message_id == message_identifiers.c.message_id)
            .where(message_identifiers.c.identifier.in_(part))
        )
        for identifier, registration_id in connection.execute(union_all(ours, theirs)):
            found[identifier].append(registration_id)
    return {identifier: tuple(dict.fromkeys(ids)) for identifier, ids in found.items()}


def _by_address(connection: Connection, keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for part in chunks(sorted(keys), 200):
        query = select(registration_addresses.c.address_key, registration_addresses.c.registration_id).where(registration_addresses.c.address_key.in_(part))
        for key, registration_id in connection.execute(query.order_by(registration_addresses.c.added_at.desc(), registration_addresses.c.registration_id)):
            found[key].append(registration_id)
    return {key: tuple(ids) for key, ids in found.items()}


def load(connection: Connection, registration_id: str) -> Conversation:
    registration = register.by_id(connection, registration_id)
    if registration is None:
        raise LookupError(registration_id)
    addresses = connection.scalars(select(registration_addresses.c.address_key).where(registration_addresses.c.registration_id == registration_id))
    latest = registration.messages[-TURNS:]
    query = (
        select(readings, messages.c.internal_date)
        .join(messages, messages.c.id == readings.c.message_id)
        .where(readings.c.message_id.in_(latest))
        .order_by(readings.c.id)
    )
    turns = {
        row.message_id: Turn(
            message_id=row.message_id,
            received_at=row.internal_date,
            reading=reading_of(row),
        )
        for row in connection.execute(query)
    }
    return Conversation(
        registration=registration,
        addresses=frozenset(addresses),
        turns=tuple(turns[id] for id in sorted(turns)),
        replies=outbox.of_registrations(connection, family(connection, registration_id)),  # what was asked there was asked
    )


def addresses(connection: Connection, registration_id: str) -> tuple[tuple[str, str | None], ...]:
    """Who may speak for a registration, and which person said so (None: the member's own first message)."""
    query = select(registration_addresses.c.address_key, registration_addresses.c.person).where(registration_addresses.c.registration_id == registration_id)
    rows = connection.execute(query.order_by(registration_addresses.c.added_at, registration_addresses.c.address_key))
    return tuple((row.address_key, row.person) for row in rows)


def add_address(connection: Connection, registration_id: str, address: str, actor: str, now: datetime) -> bool:
    """Let an address speak for a registration; False when it does already."""
    key = address_key(address)
    known = select(registration_addresses.c.registration_id).where(
        registration_addresses.c.registration_id == registration_id, registration_addresses.c.address_key == key
    )
    if connection.execute(known).first() is not None:
        return False
    connection.execute(insert(registration_addresses).values(registration_id=registration_id, address_key=key, person=actor, added_at=now))
    line = history.entry("registration.address_added", now, actor=actor, registration_id=registration_id, after={"address": key})
    history.add(connection, [line])
    return True
