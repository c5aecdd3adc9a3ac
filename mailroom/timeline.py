"""A conversation as it went: what joined a registration and why, what each message or person changed, what was answered.

The facts come from the history, which has every change with its before and after, so the last step is the
register as it stands. Shown by `explain` and `register show`, as text, JSON or HTML.

What it does badly: an answer is shown where it was written, with the state that it has now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import click

from mailroom.model import Slot
from mailroom.printing import printable
from mailroom.show import PLACE_WORDS, STATE_WORDS, reason_text, when

if TYPE_CHECKING:
    from store import Event, Store

__all__ = ["conversation_facts", "conversation_page", "conversations_of", "print_conversation"]

ORDER = tuple(slot.value for slot in (Slot.INSTITUTION, Slot.AUTHORITY, Slot.ACTIVITY, Slot.TOPIC, Slot.SESSION))
_DID = {
    "registration.corrected": "corrected by {}",
    "registration.restored": "what was done was taken back by {}",
    "registration.entered": "entered by {}",
    "registration.merged": "merged into another registration by {}",
    "registration.took_over": "another registration was merged into it by {}",
    "registration.dismissed": "dismissed by {}",
    "registration.address_added": "{} let another address speak",
    "session.place_given": "place given by {}",
    "message.settled": "message {message} settled by {}",
    "message.dismissed": "message {message} dismissed by {}",
    "message.reopened": "message {message} taken up again by {}",
    "reply.written": "written to the member by {}",
    "reply.bounced": "our answer came back: message {message} says so",
    "address.undeliverable": "the address takes no mail: later answers wait",
}


def conversation_facts(store: Store, registration_id: str) -> dict[str, Any]:
    """Who may speak for a registration, and its steps in their order."""
    messages = {message.id: message for message in store.messages_of(registration_id)}
    conversation = store.conversation(registration_id)
    replies = {reply.id: reply for reply in (conversation.replies if conversation is not None else ())}
    steps: list[dict[str, Any]] = []
    of_message: dict[int, dict[str, Any]] = {}
    began = False
    for event in store.history(registration_id=registration_id):
        before: Mapping[str, Any] = event.before or {}
        after: Mapping[str, Any] = event.after or {}
        if event.event == "message.recorded" and event.message_id is not None:
            message = messages.get(event.message_id)
            step = _step(event)
            step["from"] = message.sender_address if message is not None else None
            step["reasons"] = after.get("reasons", [])
            step["places"] = after.get("places", {})
            if (reply := replies.get(event.reply_id or 0)) is not None:
                step["answer"] = {"id": reply.id, "template": reply.template, "state": str(reply.state), "reason": reply.reason}
            if not began:  # what it came to in the end is told by the change that follows, except for the message that began it
                step["changes"], began = _changes({}, after.get("registration") or {}), True
            of_message[event.message_id] = step
            steps.append(step)
        elif event.event == "registration.updated" and event.message_id in of_message:
            of_message[event.message_id]["changes"] = _changes(before, after)
        elif event.event in _DID:
            step = _step(event)
            if event.event in ("registration.corrected", "registration.restored", "registration.entered"):
                step["changes"] = _changes(before, after)
            elif event.event.startswith("registration.") and "state" in after:
                step["changes"] = _changes({"state": before.get("state")}, {"state": after["state"]})
            if event.event == "registration.address_added":
                step["address"] = after.get("address", "")
            if event.event == "session.place_given":
                step["places"] = after.get("places", {})
            steps.append(step)
    return {"addresses": [{"address": address, "person": person} for address, person in store.addresses(registration_id)], "conversation": steps}


def _step(event: Event) -> dict[str, Any]:
    return {"at": event.at.isoformat(), "event": event.event, "actor": event.actor, "message": event.message_id, "changes": []}


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each field, the state and what is missing, where they differ."""
    old, new = before.get("values") or {}, after.get("values") or {}
    found = [{"field": field, "before": old.get(field, []), "after": new.get(field, [])} for field in ORDER if old.get(field, []) != new.get(field, [])]
    if before.get("state") != after.get("state"):
        found.append({"field": "state", "before": [before["state"]] if before.get("state") else [], "after": [after["state"]] if after.get("state") else []})
    if (before.get("missing") or []) != (after.get("missing") or []):
        found.append({"field": "missing", "before": before.get("missing") or [], "after": after.get("missing") or []})
    return found


def _lines(step: Mapping[str, Any]) -> Iterator[str]:
    """The step in words: first what happened, then what came of it."""
    if step["event"] == "message.recorded":
        yield f"message {step['message']} from {step['from'] or 'nobody'}"
        for reason in step["reasons"]:
            yield reason_text(reason["code"], "" if reason["code"].startswith("joined_by_") else reason.get("detail", ""))
    else:
        yield _DID[step["event"]].format(step["actor"], message=step["message"]) + (f": {step['address']}" if step.get("address") else "")
    for change in step["changes"]:
        words = STATE_WORDS if change["field"] == "state" else {}
        old, new = ("; ".join(words.get(value, value) for value in change[key]) or "nothing" for key in ("before", "after"))
        yield f"{change['field']}: {old} → {new}" if change["before"] else f"{change['field']}: {new}"
    for session, state in step.get("places", {}).items():
        yield f"place in {session}: {PLACE_WORDS.get(state, state)}"
    if answer := step.get("answer"):
        why = f" ({reason_text(answer['reason'])})" if answer["reason"] else ""
        yield f"answered with «{answer['template']}»: {STATE_WORDS[answer['state']]}{why}"


def print_conversation(facts: Mapping[str, Any], *, here: int | None = None, heading: str = "conversation") -> None:
    """The steps, one under the other; ``here`` is the message that is being explained."""
    click.secho(f"\n{heading}", bold=True)
    for step in facts["conversation"]:
        first, *more = _lines(step)
        mark = "→" if here is not None and step["event"] == "message.recorded" and step["message"] == here else " "
        click.echo(f"{mark} {when(step['at'])}  {printable(first)}")
        for line in more:
            click.echo(f"      {printable(line)}")


def conversation_page(facts: Mapping[str, Any], *, here: int | None = None) -> list[str]:
    """The same as HTML, escaped."""

    def safe(text: str) -> str:
        return escape(printable(text))

    out = [f"<h2>Conversation of registration {safe(facts['id'])}</h2>", "<ol>"]
    for step in facts["conversation"]:
        first, *more = _lines(step)
        hit = ' class="hit"' if here is not None and step["event"] == "message.recorded" and step["message"] == here else ""
        items = "".join(f"<li>{safe(line)}</li>" for line in more)
        out.append(f"<li><span{hit}>{safe(when(step['at']))}: {safe(first)}</span>{f'<ul>{items}</ul>' if items else ''}</li>")
    return [*out, "</ol>"]


def conversations_of(store: Store, registration_ids: Sequence[str]) -> list[dict[str, Any]]:
    return [{"id": one, **conversation_facts(store, one)} for one in registration_ids]
