"""What a person does to a registration from the command line: look, correct, accept, add an address, withdraw.

Promises. Every change has its person and its line in the history. A change is made to the revision that was
looked at (``--revision``) or, without one, to the one read here; where another was written meanwhile nothing is
changed. Values are those that programme data knows; a school may be any name.

What it does badly: the member is not told; write to them, or ask them to reply.
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from mailroom.errors import MailroomError
from mailroom.exporting import FIELDS, register_row
from mailroom.model import Slot
from mailroom.show import STATE_WORDS, printable, table, when
from mailroom.timeline import conversation_facts, print_conversation
from store import FieldValue, Registration, RegistrationState, RegistrationUpdate

if TYPE_CHECKING:
    from mailroom.config import Config
    from store import Store

__all__ = ["accept", "add_address", "correct", "list_dicts", "person", "print_list", "print_registration", "registration_dict", "withdraw"]

REQUIRED = (Slot.INSTITUTION, Slot.AUTHORITY, Slot.ACTIVITY)
ORDER = tuple(FIELDS.values())


def person(given: str | None) -> str:
    """Who is said to have done it: --by, else the name that is logged in."""
    name = " ".join((given or "").split())
    if name:
        return name
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise MailroomError("say who you are: --by NAME goes into the history") from None


def _found(store: Store, reference: str) -> Registration:
    registration = store.find_registration(reference)
    if registration is None:
        raise MailroomError(f"no registration «{reference}»; give its id (or the start of it), or an address; «mailroom register list» shows them")
    return registration


# --- looking


def list_dicts(store: Store, state: str | None) -> list[dict[str, Any]]:
    states = [RegistrationState(state)] if state else None
    return [{**register_row(one), "revision": one.revision} for one in store.registrations(states)]


def print_list(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        click.echo("no registrations")
        return
    table(
        ("id", "state", "member", "school or college", "council", "missing or unsure"),
        (
            (
                r["id"],
                STATE_WORDS[r["state"]],
                r["member"]["name"] or r["member"]["address"],
                "; ".join(r["institutions"]),
                "; ".join(r["authorities"]),
                ", ".join(r["missing"]),
            )
            for r in rows
        ),
    )


def registration_dict(store: Store, reference: str) -> dict[str, Any]:
    """All of a registration: values with their sources, who may speak for it, and what happened in its order."""
    registration = _found(store, reference)
    return {
        **register_row(registration),
        "revision": registration.revision,
        "values": [
            {
                "field": value.field,
                "value": value.value,
                "person": value.person,
                "message": value.message_id,
                "words": [{"where": e.where, "text": e.text, "rule": e.rule} for e in value.evidence],
            }
            for field in ORDER
            for value in registration.values
            if value.field == field
        ],
        **conversation_facts(store, registration.id),
    }


def print_registration(facts: Mapping[str, Any]) -> None:
    member = facts["member"]
    click.secho(f"registration {facts['id']}, revision {facts['revision']}", bold=True)
    click.echo(f"state: {STATE_WORDS[facts['state']]}" + (f"; missing or unsure: {', '.join(facts['missing'])}" if facts["missing"] else ""))
    click.echo(f"member: {printable(member['name'])} <{printable(member['address'])}>")
    others = [one for one in facts["addresses"] if one["address"] != member["address"].casefold()]
    for one in others:
        click.echo(f"also writes from: {printable(one['address'])}" + (f" (added by {printable(one['person'])})" if one["person"] else ""))
    click.echo()
    for value in facts["values"]:
        click.echo(f"  {value['field']}: {printable(value['value'])}  ← {_source(value)}")
    print_conversation(facts)


def _source(value: Mapping[str, Any]) -> str:
    if value["person"]:
        return f"set by {printable(value['person'])}"
    said = " ".join(printable(value["words"][0]["text"]).split()) if value["words"] else ""
    return f"«{said if len(said) <= 70 else said[:67] + '...'}» in message {value['message']}"


# --- changing


def correct(
    config: Config,
    store: Store,
    reference: str,
    given: Mapping[str, Sequence[str]],
    cleared: Sequence[str],
    *,
    by: str | None,
    revision: int | None,
    settle: bool,
) -> dict[str, Any]:
    """Set fields to these values, in the person's name. What waited for a person is done, unless ``settle`` is False."""
    named = {field: values for field, values in given.items() if values}
    if both := sorted(set(named) & set(cleared)):
        raise MailroomError(f"{', '.join(both)}: set it or clear it, not both")
    if not named and not cleared:
        raise MailroomError("nothing to correct: name a field, such as --authority Fife, or --clear topic")
    who = person(by)
    registration = _at_revision(store, reference, revision)
    checked = {field: _checked(config, field, values) for field, values in named.items()}
    values = [value for value in registration.values if value.field not in checked and value.field not in cleared]
    values += [FieldValue(field=field, value=value, person=who) for field in ORDER for value in checked.get(field, ())]
    missing = [one for one in registration.missing if one not in checked]
    missing += [slot.value for slot in REQUIRED if slot.value in cleared and slot.value not in missing]
    state = registration.state
    if settle and state is not RegistrationState.WITHDRAWN and not missing and not _lacks(store, registration, values):
        state = RegistrationState.REGISTERED
    return _written(config, store, registration, state, tuple(values), tuple(missing), who, settle=settle)


def accept(config: Config, store: Store, reference: str, *, by: str | None, revision: int | None, incomplete: bool, back: bool = False) -> dict[str, Any]:
    """It stands as it is: registered, and what waited for a person is done. ``back``: although its member has withdrawn."""
    who = person(by)
    registration = _at_revision(store, reference, revision)
    if registration.state is RegistrationState.WITHDRAWN and not back:
        raise MailroomError(
            f"{registration.id} has withdrawn; «mailroom messages settle» says that what waits is done, «register accept --back» puts them on the list again"
        )
    lacks = tuple(dict.fromkeys((*registration.missing, *_lacks(store, registration, registration.values))))
    if lacks and not incomplete:
        raise MailroomError(
            f"{registration.id}: {', '.join(lacks)} is not known surely; set it with «mailroom register correct», or accept it with --incomplete"
        )
    return _written(config, store, registration, RegistrationState.REGISTERED, registration.values, (), who, settle=True)


def withdraw(config: Config, store: Store, reference: str, *, by: str | None, revision: int | None) -> dict[str, Any]:
    """The member leaves. The values stay, for the record."""
    who = person(by)
    registration = _at_revision(store, reference, revision)
    return _written(config, store, registration, RegistrationState.WITHDRAWN, registration.values, (), who, settle=True)


def add_address(store: Store, reference: str, address: str, *, by: str | None) -> dict[str, Any]:
    """Let another address speak for a registration."""
    from notify.addresses import AddressError, checked_address

    who = person(by)
    registration = _found(store, reference)
    try:
        checked = checked_address(address.strip())
    except AddressError as error:
        raise MailroomError(f"«{address}» is no address: {error}") from error
    with store.exclusive(timeout=60):
        added = store.add_address(registration.id, checked, datetime.now(UTC), actor=who)
    return {"id": registration.id, "address": checked.casefold(), "added": added}


def _at_revision(store: Store, reference: str, revision: int | None) -> Registration:
    registration = _found(store, reference)
    if revision is not None and revision != registration.revision:
        raise MailroomError(
            f"{registration.id} was changed meanwhile: it is at revision {registration.revision} since {when(registration.updated_at)}, not {revision}; "
            "look at it again with «mailroom register show»"
        )
    return registration


def _lacks(store: Store, registration: Registration, values: Sequence[FieldValue]) -> tuple[str, ...]:
    """Required fields without any value; a college has no council."""
    there = {value.field for value in values}
    conversation = store.conversation(registration.id)
    colleges = {
        name
        for turn in (conversation.turns if conversation is not None else ())
        if turn.reading.extraction.institution_type == "college"
        for name in turn.reading.extraction.institutions
    }
    college = any(value.field == Slot.INSTITUTION.value and value.value in colleges for value in values)
    return tuple(slot.value for slot in REQUIRED if slot.value not in there and not (slot is Slot.AUTHORITY and college))


def _written(
    config: Config,
    store: Store,
    registration: Registration,
    state: RegistrationState,
    values: tuple[FieldValue, ...],
    missing: tuple[str, ...],
    who: str,
    *,
    settle: bool,
) -> dict[str, Any]:
    new = RegistrationUpdate(registration_id=registration.id, revision=registration.revision, state=state, values=values, missing=missing)
    now = datetime.now(UTC)
    with store.exclusive(timeout=60):
        changed = store.correct(new, now, actor=who, places=_places(config))
        if not changed and (there := store.registration(registration.id)) is not None and there.revision != registration.revision:
            raise MailroomError(f"{registration.id} was changed by somebody else at this moment; nothing was done, look at it again")
        settled = store.settle(registration.id, now, actor=who) if settle else []
    after = store.registration(registration.id)
    assert after is not None  # noqa: S101 - nothing is ever deleted
    return {**register_row(after), "revision": after.revision, "changed": changed, "settled": settled}


def _places(config: Config) -> dict[str, int]:
    from notify.facts import load_facts

    assert config.programme.folder is not None  # noqa: S101 - load_config always sets it
    return {session.id: session.places for session in load_facts(config.programme.folder).sessions if session.places is not None}


def _checked(config: Config, field: str, values: Sequence[str]) -> tuple[str, ...]:
    """The values as the register keeps them. Raises MailroomError naming what is known."""
    from notify.facts import load_facts
    from parse.authorities import Authorities

    folder = config.programme.folder
    assert folder is not None  # noqa: S101 - load_config always sets it
    written = tuple(dict.fromkeys(" ".join(value.split()) for value in values))
    if not all(written):
        raise MailroomError(f"--{field} is empty; --clear {field} takes a field's values away")
    if field == Slot.AUTHORITY.value:
        councils = Authorities.load(folder)
        named = [(value, councils.named(value)) for value in written]
        if unknown := [value for value, council in named if council is None]:
            raise MailroomError(f"«{unknown[0]}» is no council of authorities.csv")
        return tuple(council for _, council in named if council is not None)
    if field in (Slot.ACTIVITY.value, Slot.SESSION.value):
        facts = load_facts(folder)
        known = [one.id for one in (facts.activities if field == Slot.ACTIVITY.value else facts.sessions)]
        if unknown := [value for value in written if value not in known]:
            raise MailroomError(f"«{unknown[0]}» is no {field} of the programme; there are {', '.join(known)}")
    return written
