"""`mailroom messages`: what came in, above all what waits for a person, and saying that it has been dealt with.

Promises. Each message that waits for a person is in the list until somebody settles it, also where nobody is registered by
it (a question, a private mail), or it could not be read. Settling has its person and its line in the history.

What it does badly: it does not know that you answered a member by hand; say so with `settle`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from mailroom.correcting import person
from mailroom.errors import MailroomError
from mailroom.model import MessageState
from mailroom.show import flagged, message_words, reason_text, table, when

if TYPE_CHECKING:
    from mailroom.office import HouseOffice
    from store import Store

__all__ = ["FOR_A_PERSON", "message_dicts", "print_messages", "settle"]

FOR_A_PERSON = (MessageState.REVIEW, MessageState.QUARANTINED)


def message_dicts(store: Store, states: Sequence[MessageState]) -> list[dict[str, Any]]:
    """Those in one of the states, oldest first."""
    return [
        {
            "id": one.id,
            "received_at": one.internal_date.isoformat(),
            "from": {"name": one.sender_name, "address": one.sender_address},
            "subject": one.subject,
            "state": str(one.state),
            "reason": one.reason,
            "reason_detail": one.reason_detail,
        }
        for one in flagged(store, states)
    ]


def print_messages(rows: Sequence[Mapping[str, Any]], *, none: str) -> None:
    if not rows:
        click.echo(none)
        return
    table(
        ("id", "received", "from", "subject", "state", "why"),
        (
            (
                str(r["id"]),
                when(r["received_at"]),
                r["from"]["name"] or r["from"]["address"] or "(no sender)",
                r["subject"] or "(no subject)",
                message_words(r["state"], r["reason"]),
                reason_text(r["reason"], r["reason_detail"] if r["state"] == MessageState.REGISTERED else "") if r["reason"] else "",
            )
            for r in rows
        ),
    )


def settle(office: HouseOffice, ids: Sequence[int], *, by: str | None) -> tuple[list[int], list[str]]:
    """These have been dealt with; gives their ids, and those of their registrations that wait for a person all the same.

    Raises MailroomError, and does nothing, where one does not wait for a person.
    """
    who = person(by)
    waiting = {one.id for one in flagged(office.store, FOR_A_PERSON)}
    if others := [str(one) for one in ids if one not in waiting]:
        raise MailroomError(f"no message {', '.join(others)} waits for a person; «mailroom messages list» shows those that do. Nothing was changed")
    office.settle(ids, who=who)
    settled = sorted(set(ids))
    return settled, list(office.still_waiting(settled))
