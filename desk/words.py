"""The desk's plain words: what the pages call states, fields and answers. Reasons have theirs in ``mailroom.reasons``.

A test holds that every state of the model has its word here.
"""

from __future__ import annotations

from mailroom.reasons import REASONS

__all__ = [
    "FIELD_ORDER",
    "FIELD_TAGS",
    "FIELD_WORDS",
    "KIND_WORDS",
    "STATE_WORDS",
    "ZONE_WORDS",
    "reason_words",
    "rule_words",
    "template_words",
    "where_words",
]

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
FIELD_TAGS = {  # what stands before a marked phrase
    "institution": "School",
    "authority": "Council",
    "activity": "Taking part",
    "topic": "Topic",
    "session": "Session",
    "kind": "Kind",
    "question": "Question",
}
KIND_WORDS = {
    "expression_of_interest": "Wants to take part",
    "follow_up": "Adds to earlier mail",
    "enquiry": "Asks something",
    "withdrawal": "Wants to leave",
    "auto_reply": "Automatic reply",
    "bounce": "Our mail came back",
    "unrelated": "About something else",
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


def where_words(where: str) -> str:
    """Where a phrase stands, to be read after it: «in the signature»."""
    if where.startswith("attachment:"):
        return f"in the attachment {where.removeprefix('attachment:')}"
    if where.startswith("header:"):
        return "in the sender's address" if where.removeprefix("header:").lower() in ("from", "reply-to", "sender") else "in the header"
    return _WHERE.get(where, "")


def rule_words(rule: str) -> str:
    """What a rule looks for, in plain words; "" where there is no more to say than the phrase itself says."""
    return _RULES.get(rule) or _RULE_FAMILIES.get(rule.partition(".")[0], "")


_WHERE = {
    "subject": "in the subject",
    "inline_answer": "in an answer between quoted lines",
    "own_quote": "quoted from our mail",
    "quote": "in quoted text",
    "forwarded": "in the forwarded message",
    "signature": "in the signature",
    "banner": "in a warning of the mail system",
    "disclaimer": "in the disclaimer",
    "tagline": "in a line added by their device",
}
_RULES = {
    "institution.exact": "the name as the list has it",
    "institution.alias": "another name of it",
    "institution.bare": "the name without «school» or «college»",
    "institution.campus": "a college by one of its places",
    "institution.doubtful": "nearly a name of the list",
    "institution.fuzzy": "nearly a name of the list, perhaps misspelt",
    "institution.form-differs": "the name of the list with another kind of school",
    "institution.initials": "initials",
    "institution.unlisted": "it reads like a school, and is in no list",
    "institution.address": "the sender's address is named after it",
    "authority.alias": "the council by name",
    "authority.domain": "the sender's address is the council's",
    "authority.implied": "it follows from the school",
    "authority.place": "a place in that council",
    "authority.town": "a town in that council",
    "authority.support": "a place in that council",
    "session.ticked": "a ticked box",
    "session.cannot": "they cannot come then",
    "topic.theme": "a known theme",
    "topic.quoted": "words in quotation marks",
    "topic.ranked": "the likeliest words of the message",
    "topic.fragment": "a line that stands by itself",
    "topic.colon": "words after a colon",
    "topic.label": "words after a heading",
}
_RULE_FAMILIES = {
    "who": "who takes part",
    "stage": "how far it has come",
    "how": "how they work together",
    "plan": "what they plan",
    "learn": "what they have learned so far",
    "next": "what they want to do next",
    "invite": "whom they invite",
    "named": "called so in these words",
    "said": "called so in these words",
    "form": "an answer in a form",
    "answer": "a choice from our list",
    "research": "research in so many words",
    "session": "words about a session",
    "topic": "words that introduce a topic",
    "remembered": "remembered from a correction",
}


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
    "asked_by_person": "A question by hand",
    "answered_by_person": "An answer by hand",
}
