"""The register of members: each registration with its values and where each value comes from.

Promise: the id of a registration follows from the message that began it, so that a run repeated from
the same mail gives the same ids. Streaming the register holds one page in memory and shows one snapshot.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, literal, select, true, tuple_

from mailroom.errors import Permanent
from mailroom.model import Evidence
from store.database import clean, clip
from store.ledger import chunks
from store.serialise import decode, encode
from store.tables import registration_addresses, registration_messages, registration_values, registrations, session_places
from store.types import OFF_THE_REGISTER, FieldValue, PlaceState, Registration, RegistrationDraft, RegistrationState, RegistrationUpdate, SessionPlace

__all__ = ["registration_id"]

PAGE = 500
_MOST_NAMED = 5


def registration_id(mailbox: str, sha256: str) -> str:
    """«R-» and 16 letters and digits (80 bits) of a hash of the message's identity."""
    digest = hashlib.sha256(f"{mailbox}\0{sha256}".encode()).digest()
    return "R-" + base64.b32encode(digest[:10]).decode("ascii")


def address_key(address: str) -> str:
    """An address as it is compared: without case. (Local parts differ by case in theory only.)"""
    return clip(address.strip().casefold())


def domain_of(address: str) -> str:
    return address_key(address).rpartition("@")[2]


def rows_for(identifier: str, draft: RegistrationDraft, message_id: int, received_at: datetime, now: datetime) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The row of a new registration, and those of its values."""
    row = {
        "id": identifier,
        "member_name": clean(draft.member_name),
        "member_address": clean(draft.member_address),
        "member_key": address_key(draft.member_address),
        "state": str(draft.state),
        "missing": list(draft.missing),
        "revision": 1,
        "received_at": received_at,
        "created_at": now,
        "updated_at": now,
    }
    return row, value_rows(identifier, draft.values, message_id)


def value_rows(identifier: str, given: Sequence[FieldValue], message_id: int) -> list[dict[str, Any]]:
    """The rows of a registration's values; those that name no source message rest on ``message_id``."""
    positions: dict[str, int] = {}
    values = []
    for value in given:
        position = positions[value.field] = positions.get(value.field, -1) + 1
        values.append(
            {
                "registration_id": identifier,
                "field": value.field,
                "position": position,
                "value": clip(value.value),
                "message_id": (value.message_id or message_id) if value.evidence else None,
                "evidence": [encode(e) for e in value.evidence] or None,
                "person": clean(value.person) if value.person else None,
            }
        )
    return values


def snapshot(draft: RegistrationDraft | RegistrationUpdate | Registration) -> dict[str, Any]:
    """What the history keeps of a registration as it was made, or changed."""
    fields: dict[str, list[str]] = {}
    for value in draft.values:
        fields.setdefault(value.field, []).append(value.value)
    return {"state": str(draft.state), "missing": list(draft.missing), "values": fields}


def loaded(connection: Connection, rows: Sequence[Any]) -> list[Registration]:
    """Whole registrations for rows of the table, in their order; three queries for all of them."""
    ids = [row.id for row in rows]
    values: dict[str, list[FieldValue]] = {i: [] for i in ids}
    query = select(registration_values).where(registration_values.c.registration_id.in_(ids))
    for v in connection.execute(query.order_by(registration_values.c.registration_id, registration_values.c.field, registration_values.c.position)):
        evidence = tuple(decode(Evidence, e) for e in v.evidence or ())
        values[v.registration_id].append(FieldValue(field=v.field, value=v.value, evidence=evidence, person=v.person, message_id=v.message_id))
    linked: dict[str, list[int]] = {i: [] for i in ids}
    links = select(registration_messages).where(registration_messages.c.registration_id.in_(ids)).order_by(registration_messages.c.message_id)
    for link in connection.execute(links):
        linked[link.registration_id].append(link.message_id)
    places = places_of(connection, ids)
    return [
        Registration(
            id=row.id,
            member_name=row.member_name,
            member_address=row.member_address,
            state=RegistrationState(row.state),
            values=tuple(values[row.id]),
            missing=tuple(row.missing),
            messages=tuple(linked[row.id]),
            revision=row.revision,
            received_at=row.received_at,
            created_at=row.created_at,
            updated_at=row.updated_at,
            places=places.get(row.id, ()),
            merged_into=row.merged_into,
        )
        for row in rows
    ]


def places_of(connection: Connection, registration_ids: Iterable[str]) -> dict[str, tuple[SessionPlace, ...]]:
    """What each of these registrations has, by session; no entry where it has nothing."""
    found: dict[str, list[SessionPlace]] = defaultdict(list)
    for part in chunks(sorted(set(registration_ids))):
        query = select(session_places).where(session_places.c.registration_id.in_(part))
        for row in connection.execute(query.order_by(session_places.c.registration_id, session_places.c.session)):
            place = SessionPlace(session=row.session, state=PlaceState(row.state), asked_at=row.asked_at, message_id=row.message_id)
            found[row.registration_id].append(place)
    return {id: tuple(places) for id, places in found.items()}


def by_id(connection: Connection, identifier: str) -> Registration | None:
    rows = connection.execute(select(registrations).where(registrations.c.id == identifier)).all()
    return loaded(connection, rows)[0] if rows else None


def by_ids(connection: Connection, identifiers: Sequence[str]) -> list[Registration]:
    return loaded(connection, connection.execute(select(registrations).where(registrations.c.id.in_(identifiers))).all())


def find(connection: Connection, reference: str) -> Registration | None:
    """By its id or the start of it, or by an address that may speak for it. Raises Permanent where that means several."""
    reference = reference.strip()
    if (exact := by_id(connection, reference)) is not None:  # no index serves the start of an id
        return exact
    wanted: ColumnElement[bool]
    if "@" in reference:
        known = select(registration_addresses.c.registration_id).where(registration_addresses.c.address_key == address_key(reference))
        wanted = registrations.c.id.in_(known) & registrations.c.state.not_in(OFF_THE_REGISTER)
    elif len(reference) > 3:
        start = reference.upper() if reference.upper().startswith("R-") else f"R-{reference.upper()}"
        wanted = registrations.c.id.startswith(start, autoescape=True)
    else:
        return None
    rows = connection.execute(select(registrations).where(wanted).order_by(registrations.c.received_at, registrations.c.id).limit(_MOST_NAMED + 1)).all()
    if len(rows) > 1:
        some = ", ".join(f"{row.id} ({row.state})" for row in rows[:_MOST_NAMED])
        raise Permanent(f"«{reference}» means several registrations: {some}{' ...' if len(rows) > _MOST_NAMED else ''}; name one by its id")
    return loaded(connection, rows)[0] if rows else None


def of_message(connection: Connection, message_id: int) -> tuple[Registration, ...]:
    wanted = select(registration_messages.c.registration_id).where(registration_messages.c.message_id == message_id)
    rows = connection.execute(select(registrations).where(registrations.c.id.in_(wanted)).order_by(registrations.c.received_at, registrations.c.id)).all()
    return tuple(loaded(connection, rows))


def stream(connection: Connection, states: Collection[RegistrationState] | None) -> Iterator[Registration]:
    """By arrival of the first message, then id: an order that a repeated run gives again. Without ``states``, those on the register."""
    order = tuple_(registrations.c.received_at, registrations.c.id)
    last: tuple[datetime, str] | None = None
    while True:
        query = (
            select(registrations)
            .where(registrations.c.state.in_(states) if states is not None else registrations.c.state.not_in(OFF_THE_REGISTER))
            .where(order > tuple_(*_bound(last)) if last is not None else true())
            .order_by(registrations.c.received_at, registrations.c.id)
            .limit(PAGE)
        )
        rows = connection.execute(query).all()
        yield from loaded(connection, rows)
        if len(rows) < PAGE:
            return
        last = (rows[-1].received_at, rows[-1].id)


def _bound(last: tuple[datetime, str]) -> tuple[Any, Any]:
    return literal(last[0], registrations.c.received_at.type), literal(last[1], registrations.c.id.type)


def counts(connection: Connection) -> dict[RegistrationState, int]:
    counted: dict[str, int] = dict(connection.execute(select(registrations.c.state, func.count()).group_by(registrations.c.state)).all())
    return {state: counted.get(state, 0) for state in RegistrationState}
