"""What corrections taught: remembered aliases, the messages that they helped to read, and the regression set.

Promises. An alias is known or forgotten, and its row stays either way; the same words in the same council have one
meaning at a time. A correction becomes a case in its own transaction, and a later message of the member does not change
what was confirmed of the earlier ones. ``version`` changes whenever what is known does, and is cheap to ask.

What it does badly: a case is one for each registration, as it stood at the last correction; what was confirmed in between is
in the history only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update

from mailroom.errors import MailroomError
from mailroom.model import AliasKind, ParsedMessage, Remembered, Slot
from store import history
from store.database import clean, clip
from store.ledger import chunks
from store.serialise import unpack_parsed
from store.tables import alias_uses, aliases, messages, readings, registration_values, registrations, regression_cases
from store.types import AliasDraft, Registration, RegistrationState, RegressionCase, StoredAlias

__all__ = ["cases", "forget", "institutions_of_domain", "keep_case", "known", "latest_read", "listed", "measured", "note_uses", "remember", "version"]

FIELDS = tuple(str(slot) for slot in (Slot.INSTITUTION, Slot.AUTHORITY, Slot.ACTIVITY, Slot.TOPIC, Slot.SESSION))


# --- aliases


def version(connection: Connection) -> tuple[int, int]:
    """Two numbers, one of which grows whenever an alias is remembered or forgotten."""
    row = connection.execute(select(func.coalesce(func.max(aliases.c.id), 0), func.count(aliases.c.forgotten_at))).one()
    return int(row[0]), int(row[1])


def known(connection: Connection) -> tuple[Remembered, ...]:
    """Those that hold, oldest first."""
    return tuple(_remembered(row) for row in connection.execute(select(aliases).where(aliases.c.forgotten_at.is_(None)).order_by(aliases.c.id)))


def listed(connection: Connection) -> tuple[StoredAlias, ...]:
    """All of them, newest first, with their hits."""
    counted = select(alias_uses.c.alias_id, func.count().label("hits")).group_by(alias_uses.c.alias_id).subquery()
    query = select(aliases, func.coalesce(counted.c.hits, 0).label("hits")).outerjoin(counted, counted.c.alias_id == aliases.c.id)
    return tuple(
        StoredAlias(
            remembered=_remembered(row),
            key=row.key,
            made_at=row.made_at,
            made_by=row.made_by,
            registration_id=row.registration_id,
            forgotten_at=row.forgotten_at,
            forgotten_by=row.forgotten_by,
            hits=row.hits,
        )
        for row in connection.execute(query.order_by(aliases.c.id.desc()))
    )


def remember(connection: Connection, draft: AliasDraft, now: datetime, actor: str) -> int | None:
    """Its number; None where the very same is known already. Raises MailroomError where these words mean something else there."""
    key = clip(draft.key)
    same = (aliases.c.kind == str(draft.kind)) & (aliases.c.key == key) & (aliases.c.council == draft.council) & aliases.c.forgotten_at.is_(None)
    there = connection.execute(select(aliases).where(same)).one_or_none()
    if there is not None:
        if (there.means, there.stands_in) == (draft.means, draft.stands_in):
            return None
        where = f" in {there.council}" if there.council else ""
        raise MailroomError(f"«{there.written}»{where} is remembered as {there.means} already; forget that first")
    row = {
        "kind": str(draft.kind),
        "written": clip(draft.written),
        "key": key,
        "means": clip(draft.means),
        "council": draft.council,
        "stands_in": draft.stands_in,
        "registration_id": draft.registration_id,
        "made_at": now,
        "made_by": clean(actor),
    }
    number = int(connection.execute(insert(aliases).values(**row).returning(aliases.c.id)).scalar_one())
    after = {"alias": number, **{name: row[name] for name in ("kind", "written", "means", "council")}}
    history.add(connection, [history.entry("alias.remembered", now, actor=actor, registration_id=draft.registration_id, after=after)])
    return number


def forget(connection: Connection, number: int, now: datetime, actor: str) -> bool:
    """False where there is none such, or it is forgotten already."""
    row = connection.execute(select(aliases).where(aliases.c.id == number, aliases.c.forgotten_at.is_(None)).with_for_update()).one_or_none()
    if row is None:
        return False
    connection.execute(update(aliases).where(aliases.c.id == number).values(forgotten_at=now, forgotten_by=clean(actor)))
    before = {"alias": number, "kind": row.kind, "written": row.written, "means": row.means, "council": row.council}
    history.add(connection, [history.entry("alias.forgotten", now, actor=actor, registration_id=row.registration_id, before=before)])
    return True


def note_uses(connection: Connection, uses: Iterable[tuple[int, int]]) -> None:
    """(alias, message) that a reading rests on. A message that is read again counts once; an alias of another store not at all."""
    wanted = sorted(set(uses))
    if not wanted:
        return
    numbers = set(connection.execute(select(aliases.c.id).where(aliases.c.id.in_({alias for alias, _ in wanted}))).scalars())
    there: set[tuple[int, int]] = set()
    for part in chunks(sorted({message for _, message in wanted})):
        there |= {(row.alias_id, row.message_id) for row in connection.execute(select(alias_uses).where(alias_uses.c.message_id.in_(part)))}
    if rows := [{"alias_id": alias, "message_id": message} for alias, message in wanted if alias in numbers and (alias, message) not in there]:
        connection.execute(insert(alias_uses), rows)


def latest_read(connection: Connection, limit: int) -> list[tuple[int, ParsedMessage]]:
    """By the number of the message, from the last one back; what was never read is left out."""
    numbers = select(messages.c.id).order_by(messages.c.id.desc()).limit(limit)
    last = select(func.max(readings.c.id)).where(readings.c.message_id.in_(numbers)).group_by(readings.c.message_id)
    rows = connection.execute(select(readings.c.message_id, readings.c.parsed).where(readings.c.id.in_(last)).order_by(readings.c.message_id.desc()))
    return [(row.message_id, unpack_parsed(row.parsed)) for row in rows]


def institutions_of_domain(connection: Connection, domain: str, most: int = 20) -> tuple[str, ...]:
    """The institutions of those who write from a domain, or from one under it."""
    escaped = domain.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    there = or_(*(registrations.c.member_key.like(f"%{mark}{escaped}", escape="\\") for mark in ("@", ".")))
    query = (
        select(registration_values.c.value)
        .join(registrations, registrations.c.id == registration_values.c.registration_id)
        .where(registration_values.c.field == str(Slot.INSTITUTION), there, registrations.c.state != RegistrationState.DISMISSED)
        .distinct()
        .order_by(registration_values.c.value)
        .limit(most)
    )
    return tuple(connection.execute(query).scalars())


def _remembered(row: Any) -> Remembered:
    return Remembered(id=row.id, kind=AliasKind(row.kind), written=row.written, means=row.means, council=row.council, stands_in=row.stands_in)


# --- the regression set


def keep_case(connection: Connection, before: Registration, after: Registration, now: datetime, actor: str, *, undone: bool = False) -> None:
    """After a person's change, what they confirmed. ``undone``: the change takes another back, so what it empties was not cleared by
    anybody; where nothing of a person is left, the case is dropped.

    A change of the state alone confirms what stands where there is a case already, and makes none.
    """
    held = connection.execute(select(regression_cases).where(regression_cases.c.registration_id == after.id)).one_or_none()
    earlier = set(held.corrected) if held is not None and held.dropped_at is None else set()
    changed = {field for field in FIELDS if before.values_of(field) != after.values_of(field)}
    by_person = {value.field for value in after.values if value.person}
    emptied = {field for field in FIELDS if not after.values_of(field)}
    cleared = emptied & (earlier - changed if undone else earlier | changed)
    corrected = [field for field in FIELDS if field in by_person | cleared]
    if not corrected:
        if earlier:
            connection.execute(update(regression_cases).where(regression_cases.c.registration_id == after.id).values(dropped_at=now))
        return
    if not (changed or earlier) or after.state == RegistrationState.WITHDRAWN:
        return
    fields = FIELDS if after.state == RegistrationState.REGISTERED else tuple(corrected)
    row = {
        "messages": list(after.messages),
        "confirmed": {field: list(after.values_of(field)) for field in fields},
        "corrected": corrected,
        "made_at": now,
        "made_by": clean(actor),
        "dropped_at": None,
        "measured_at": None,
        "rules_version": "",
        "wrong": None,
    }
    if held is None:
        connection.execute(insert(regression_cases).values(registration_id=after.id, **row))
    else:
        connection.execute(update(regression_cases).where(regression_cases.c.registration_id == after.id).values(**row))


def cases(connection: Connection) -> tuple[RegressionCase, ...]:
    """First those that the rules last read wrongly, then those that were not measured, then the others; each the newest first."""
    query = select(regression_cases).join(registrations, registrations.c.id == regression_cases.c.registration_id)
    # What is not for the register confirms nothing.
    query = query.where(regression_cases.c.dropped_at.is_(None), registrations.c.state != RegistrationState.DISMISSED)
    rows = connection.execute(query.order_by(regression_cases.c.made_at.desc(), regression_cases.c.registration_id)).all()
    return tuple(sorted(map(_case, rows), key=lambda one: 0 if one.wrong else 1 if one.wrong is None else 2))


def measured(connection: Connection, results: Mapping[str, Mapping[str, tuple[Sequence[str], Sequence[str]]]], rules_version: str, now: datetime) -> None:
    """What the rules of ``rules_version`` read wrongly of these cases: field -> (wanted, found); {} where nothing."""
    for identifier, wrong in sorted(results.items()):
        said = {field: [list(wanted), list(found)] for field, (wanted, found) in wrong.items()}
        values = {"measured_at": now, "rules_version": rules_version, "wrong": said}
        connection.execute(update(regression_cases).where(regression_cases.c.registration_id == identifier).values(**values))


def _case(row: Any) -> RegressionCase:
    return RegressionCase(
        registration_id=row.registration_id,
        messages=tuple(row.messages),
        confirmed={field: tuple(values) for field, values in row.confirmed.items()},
        corrected=tuple(row.corrected),
        made_at=row.made_at,
        made_by=row.made_by,
        measured_at=row.measured_at,
        rules_version=row.rules_version,
        wrong=None if row.wrong is None else {field: (tuple(wanted), tuple(found)) for field, (wanted, found) in row.wrong.items()},
    )
