"""The desk's plain words: what the pages call states, fields and answers. Reasons have theirs in ``mailroom.reasons``.

A test holds that every state of the model has its word here.
"""

from __future__ import annotations

from mailroom.reasons import REASONS

__all__ = ["FIELD_ORDER", "FIELD_WORDS", "STATE_WORDS", "ZONE_WORDS", "reason_words", "template_words"]

STATE_WORDS = {
    "waiting": "Not read yet",
    "registered": "On the register",
    "ask_member": "Waiting for the member",
    "review": "Needs a person",
    "withdrawn": "Withdrawn",
    "merged": "Joined to another entry",
    "dismissed": "Not for the register",
    "ignored": "Nothing to do",
    "quarantined": "Could not be read",
    "held": "Held for you",
    "due": "About to be sent",
    "sending": "Being sent",
    "unknown": "Perhaps sent",
    "sent": "Sent",
    "suppressed": "Parked",
    "dead": "Could not be delivered",
}
FIELD_ORDER = ("institution", "authority", "activity", "topic", "session")
FIELD_WORDS = {
    "institution": "School or college",
    "authority": "Council",
    "activity": "Taking part as",
    "topic": "Topic",
    "session": "Training session",
    "kind": "What it is",
    "question": "Question",
    "state": "State",
    "missing": "Still missing",
}
ZONE_WORDS = {
    "own": "Their own words",
    "inline_answer": "Answer between quoted lines",
    "own_quote": "Quoted from our mail",
    "quote": "Quoted from somebody else",
    "forwarded": "Forwarded message",
    "signature": "Signature",
    "banner": "Warning added by the mail system",
    "disclaimer": "Disclaimer",
    "tagline": "Line added by their device",
    "attachment": "Attachment",
}


def reason_words(code: str, detail: str = "") -> str:
    """The sentence of a reason code; ``detail`` follows it in brackets."""
    sentence = REASONS.get(code, code.replace("_", " "))
    return f"{sentence} ({detail})" if detail else sentence


def template_words(template: str) -> str:
    return _TEMPLATES.get(template, template.replace("_", " "))


_TEMPLATES = {
    "registered": "You are on the list",
    "ask_member": "A question",
    "review": "A person will answer",
    "updated": "Your entry was changed",
    "withdrawn": "You are off the list",
    "place": "A place has become free",
    "reminder": "Reminder of a session",
    "digest": "Daily summary",
    "by_hand": "Written by hand",
}
