"""What a person does to a registration from the command line: look, correct, accept, reopen, merge, add an address, withdraw.

The deeds are those of the desk (``mailroom.officework``), and can be taken back by their number.

Promises. Every change has its person and its line in the history. A change is made to the revision that was
looked at (``--revision``) or, without one, to the one read here; where another was written meanwhile nothing is
changed.

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
from mailroom.printing import printable
from mailroom.show import STATE_WORDS, table, when
from mailroom.timeline import conversation_facts, print_conversation
from store import Registration, RegistrationState

if TYPE_CHECKING:
    from mailroom.office import HouseOffice
    from mailroom.officework.registering import Outcome
    from store import Store

__all__ = [
    "accept",
    "add_address",
    "correct",
    "deed_dicts",
    "list_dicts",
    "merge",
    "person",
    "print_deeds",
    "print_list",
    "print_registration",
    "registration_dict",
    "reopen",
    "withdraw",
]

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
    office: HouseOffice,
    reference: str,
    given: Mapping[str, Sequence[str]],
    cleared: Sequence[str],
    *,
    by: str | None,
    revision: int | None,
    settle: bool,
) -> dict[str, Any]:
    """Set fields to these values, in the person's name. What waited for a person is done, unless ``settle`` is False."""
    return _changed(office, office.registering.correct(reference, revision, given, cleared, who=person(by), settle=settle))


def accept(office: HouseOffice, reference: str, *, by: str | None, revision: int | None, incomplete: bool, back: bool = False) -> dict[str, Any]:
    """It stands as it is: registered, and what waited for a person is done. ``back``: although its member has withdrawn."""
    return _changed(office, office.registering.accept(reference, revision, who=person(by), incomplete=incomplete, back=back))


def withdraw(office: HouseOffice, reference: str, *, by: str | None, revision: int | None) -> dict[str, Any]:
    """The member leaves. The values stay, for the record."""
    return _changed(office, office.registering.withdraw(reference, revision, who=person(by)))


def reopen(office: HouseOffice, reference: str, *, by: str | None, revision: int | None) -> dict[str, Any]:
    """It needs a person again, also where it had been withdrawn or dismissed."""
    return _changed(office, office.registering.reopen(reference, revision, who=person(by)))


def merge(office: HouseOffice, reference: str, into: str, *, by: str | None, revision: int | None) -> dict[str, Any]:
    """The same member wrote twice: one registration goes over into the other."""
    return _changed(office, office.registering.merge(reference, revision, into, None, who=person(by)))


def _changed(office: HouseOffice, outcome: Outcome) -> dict[str, Any]:
    assert outcome.registration_id is not None  # noqa: S101 - each of these deeds is about one
    after = office.store.registration(outcome.registration_id)
    assert after is not None  # noqa: S101 - nothing is ever deleted
    did = outcome.did
    return {
        **register_row(after),
        "revision": after.revision,
        "changed": outcome.before is None or after.revision != outcome.before.revision,
        "settled": did.settled if did is not None else [],
        "deed": did.deed if did is not None else None,
        "said": outcome.said,
    }


def add_address(store: Store, reference: str, address: str, *, by: str | None) -> dict[str, Any]:
    """Let another address speak for a registration."""
    from notify.addresses import AddressError, checked_address

    who = person(by)
    registration = _found(store, reference)
    try:
        checked = checked_address(address.strip())
    except AddressError as error:
        raise MailroomError(f"«{address}» is no address: {error}") from error
    added = store.add_address(registration.id, checked, datetime.now(UTC), actor=who)
    return {"id": registration.id, "address": checked.casefold(), "added": added}


# --- what was done


def deed_dicts(store: Store, limit: int = 20) -> list[dict[str, Any]]:
    """The latest deeds, the newest first."""
    return [
        {
            "deed": one.id,
            "at": one.at.isoformat(),
            "by": one.actor,
            "did": one.kind,
            "registrations": list(one.registrations),
            "messages": list(one.messages),
            "answers": list(one.replies),
            "undone_by": one.undone_by,
        }
        for one in store.deeds(limit=limit)
    ]


def print_deeds(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        click.echo("nothing was done yet")
        return
    table(
        ("deed", "when", "by", "did", "registrations", "messages", ""),
        (
            (
                str(r["deed"]),
                when(r["at"]),
                r["by"],
                r["did"].replace("_", " "),
                ", ".join(r["registrations"]),
                ", ".join(map(str, r["messages"])),
                f"taken back by {r['undone_by']}" if r["undone_by"] else "",
            )
            for r in rows
        ),
    )
