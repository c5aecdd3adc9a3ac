"""What happened to an entry, line by line, in plain words: who, what, when, before and after.

From the history, which has every change. Lines that tell of the same moment and the same change are one line here.
Looks are left to the audit page, for they change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from desk.office import Words
from desk.words import FIELD_ORDER, FIELD_WORDS, KIND_WORDS, STATE_WORDS, reason_words
from store import Event

__all__ = ["WHAT", "Change", "Line", "story"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    field: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    at: datetime
    who: str  # "mailroom", or a person
    what: str
    changes: tuple[Change, ...]
    message_id: int | None
    reply_id: int | None


WHAT = {
    "message.recorded": "Read the message",
    "message.quarantined": "Could not read the message",
    "message.settled": "Marked the message as dealt with",
    "message.dismissed": "Marked the message as not for the register",
    "message.reopened": "Put the message back to those that need a person",
    "message.read_again": "Asked for the message to be read again",
    "message.restored": "Undone: the message is where it was",
    "registration.updated": "Changed the entry, as the message said",
    "registration.corrected": "Changed the entry",
    "registration.entered": "Put on the register",
    "registration.merged": "Joined with another entry",
    "registration.took_over": "Another entry was joined with this one",
    "registration.restored": "Undone: the entry is as it was",
    "registration.dismissed": "Took the entry off: not for the register",
    "registration.address_added": "Let another address speak for the entry",
    "session.place_given": "Gave a place in a session",
    "reply.released": "Released the answer",
    "reply.parked": "Parked the answer",
    "reply.withdrawn": "Took back the answer",
    "reply.written": "Wrote to the member",
    "reply.restored": "Undone: the answer is as it was",
    "reply.sent": "Sent the answer",
    "reply.deferred": "Could not send the answer yet",
    "reply.dead": "Could not deliver the answer",
    "reply.bounced": "The answer came back",
    "reply.unknown": "Lost the line while sending the answer",
    "reply.found": "Found the answer among the sent mail",
    "reply.again": "Sent the answer once more",
    "reply.undecided": "Could not find out whether the answer was sent",
    "reply.recovered": "Took up the answer after an interruption",
    "letter.written": "Wrote a letter",
    "address.undeliverable": "The address takes no mail",
    "address.cleared": "Said that the address works again",
    "alias.remembered": "Remembered",
    "alias.forgotten": "Forgot",
}
_NOT_TOLD = ("viewed",)


def story(events: Iterable[Event], words: Words) -> tuple[Line, ...]:
    """Oldest first."""
    lines: list[Line] = []
    read: dict[int, int] = {}  # message -> its line
    labels = {choice.id: choice.label for choice in (*words.activities, *words.sessions)}
    for event in events:
        if event.event in _NOT_TOLD:
            continue
        before: Mapping[str, Any] = event.before or {}
        after: Mapping[str, Any] = event.after or {}
        if event.event == "registration.updated" and event.message_id in read:
            at = read[event.message_id]
            lines[at] = _with(lines[at], _changes(before, after, labels))
            continue
        if event.event == "message.recorded":
            changes = _changes({}, after.get("registration") or {}, labels) if not read else ()
            what = ", ".join(
                part
                for part in (
                    f"{WHAT[event.event]}: {KIND_WORDS.get(str(after.get('kind')), '').lower()}".rstrip(": "),
                    STATE_WORDS.get(str(after.get("state")), "").lower(),
                )
                if part
            )
            if event.message_id is not None:
                read[event.message_id] = len(lines)
        else:
            changes = _changes(before, after, labels, "Answer" if event.event.startswith(("reply.", "letter.")) else "State")
            if event.event.startswith("message."):  # a message that a person has dealt with need not be on the register
                changes = tuple(Change(field=one.field, before=_dealt_with(one.before), after=_dealt_with(one.after)) for one in changes)
            what = WHAT.get(event.event, event.event.replace(".", " ").replace("_", " ").capitalize())
            if after.get("address"):
                what += f": {after['address']}"
            if event.event.startswith("reply.") and (why := str(after.get("reason") or "")):
                what += f". {reason_words(why)}"
        lines.append(Line(at=event.at, who=event.actor, what=what, changes=changes, message_id=event.message_id, reply_id=event.reply_id))
    return tuple(lines)


def _dealt_with(states: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("Dealt with" if state == STATE_WORDS["registered"] else state for state in states)


def _with(line: Line, changes: tuple[Change, ...]) -> Line:
    return Line(at=line.at, who=line.who, what=line.what, changes=changes, message_id=line.message_id, reply_id=line.reply_id)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any], labels: Mapping[str, str], state: str = "State") -> tuple[Change, ...]:
    found = []
    old, new = before.get("values") or {}, after.get("values") or {}
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for field in FIELD_ORDER:
            was, now = (tuple(labels.get(value, value) for value in values.get(field, ())) for values in (old, new))
            if was != now:
                found.append(Change(field=FIELD_WORDS[field], before=was, after=now))
    was_state, now_state = (str(one.get("state") or "") for one in (before, after))
    if now_state and was_state != now_state:
        found.append(Change(field=state, before=(STATE_WORDS.get(was_state, was_state),) if was_state else (), after=(STATE_WORDS.get(now_state, now_state),)))
    was_open, now_open = (tuple(FIELD_WORDS.get(one, one) for one in facts.get("missing") or ()) for facts in (before, after))
    if was_open != now_open:
        found.append(Change(field="Still missing", before=was_open, after=now_open))
    return tuple(found)
