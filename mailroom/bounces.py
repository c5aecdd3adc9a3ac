"""What a mail system's refusal means: is this answer lost, and is the address dead or only unlucky today?

The same table judges both ways in which a refusal reaches us: a report that comes back (RFC 3464, or its words)
and a 5xx at the time of sending. Codes are those of RFC 3463 and of the registry at IANA; where a server gives a
code that says nothing («5.0.0», or none) its words are read.

Promise: pure. An address is called dead only for what lies in the address: no such mailbox, no such domain, closed.
A full mailbox, a message called spam, a policy, a size, a loop say nothing of it.

What it does badly: words are read in English; Exchange's «5.4.1 Access denied» is taken for an unknown recipient,
as it nearly always is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mailroom.model import ParsedMessage
from notify.envelope import BounceAddress
from store import DeliveryNote

__all__ = ["address_is_gone", "delivery_note", "enhanced_status"]

_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
# By the whole code, else by its subject (the middle number); None: the words decide.
_GONE: dict[str, bool | None] = {
    "5.1.0": None,
    "5.1.1": True,  # no such mailbox
    "5.1.2": True,  # no such domain
    "5.1.3": True,  # not an address
    "5.1.6": True,  # moved, nobody knows where
    "5.1.7": False,  # 5.1.7 to 5.1.9 are about the sender's address or the relay
    "5.1.8": False,
    "5.1.9": False,
    "5.1.10": True,  # no such recipient (Exchange), or a domain that takes no mail (RFC 7505)
    "5.1.20": True,  # Exchange: several mailboxes have it
    "5.2.0": None,
    "5.2.1": True,  # disabled
    "5.2.2": False,  # full
    "5.4.0": None,
    "5.4.1": None,  # «no answer», and Exchange's «Access denied» for a recipient it does not know
    "5.4.4": True,  # the domain has no mail server
    "5.4.310": True,  # Exchange: the domain does not exist
}
_GONE_BY_SUBJECT: dict[str, bool | None] = {"0": None, "1": None, "2": False, "3": False, "4": False, "5": None, "6": False, "7": False}


def _any(*wordings: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(wordings)})\b", re.IGNORECASE)


_WHO = r"(?:user|recipient|mailbox|address|account|addressee)"
_ABOUT_US = _any(
    *("spam", "junk", "virus", "malware", "spf", "dkim", "dmarc", "arc", "rbl", "dnsbl", "reputation", r"polic(?:y|ies)", "content", "prohibited"),
    *(r"block(?:ed|list(?:ed)?)?", r"black-?list(?:ed)?", r"deny-?list(?:ed)?", r"authenticat\w+", r"relay(?:ing)?", "sender"),
    *("rate limit", "too many", r"over ?quota", "quota", "full", "storage", "size", "too (?:large|big)", "loop", "hop count"),
)
_NOBODY = _any(
    rf"{_WHO}s? (?:name )?(?:(?:is|are|was|has been) )?(?:unknown|invalid|unavailable|disabled|inactive|closed|deleted|suspended|terminated)",
    rf"{_WHO}s? (?:name )?(?:(?:is|are|was) )?(?:no longer \w+|not (?:be )?found|not available|not exist\w*|not listed|not valid|does(?:n't| not) exist)",
    rf"(?:unknown|no such|invalid|non-?existent|bad) (?:local )?(?:{_WHO}|domain|person|destination)",
    r"no (?:mailbox|account|user|one) (?:here|there|by that)",
    r"does(?:n't| not) (?:exist|have an? (?:[\w.]+ )?account)",
    r"not a valid (?:user|mailbox|recipient|address)",
    r"not our customer",
    r"un-?route?able",
    r"recip(?:ient)?notfound",
    r"address rejected: access denied",
    r"(?:host|domain)(?: or domain)?(?: name)? (?:was )?not found",
    r"name or service not known",
    r"no (?:mx|mail) (?:record|server|host|exchanger)s?",
    r"non-existent hosts?",
)


def enhanced_status(text: str) -> str:
    """The first RFC 3463 code in a server's answer, or ""."""
    found = _STATUS.search(text[:2000])
    return found[1] if found else ""


def address_is_gone(status: str, text: str, *, unless_said: bool = False) -> bool:
    """Whether a permanent failure lies in the address. ``unless_said``: what holds where neither code nor words tell."""
    subject = status.split(".")[1] if status.count(".") == 2 else "0"
    known = _GONE[status] if status in _GONE else _GONE_BY_SUBJECT.get(subject)
    if known is not None:
        return known
    if _NOBODY.search(text):
        return True
    if _ABOUT_US.search(text) or status == "5.4.1":
        return False
    return unless_said


def delivery_note(parsed: ParsedMessage, bounces: BounceAddress) -> DeliveryNote | None:
    """What a message reports on mail of ours; None for one that reports nothing.

    It names our answer by the address that it was sent to (``bounces``), by the Message-ID of what it returned, or by
    its own In-Reply-To and References.
    """
    report = parsed.report
    returned_to = bounces.identifiers(_delivered_to(parsed))
    if report is None:
        if not returned_to or parsed.return_path not in ("", None):
            return None
        # Sent where only reports belong, in words that were not understood: it is told, and changes nothing.
        return DeliveryNote(identifiers=returned_to, recipients=(), action="", status="", detail="", permanent=False, address_gone=False)
    named = (report.original_message_id,) if report.original_message_id else ()
    recipients = report.recipients or ((report.recipient,) if report.recipient else ())
    permanent = report.action == "failed"
    lasting = permanent and not report.status.startswith("4")
    return DeliveryNote(
        identifiers=tuple(dict.fromkeys((*returned_to, *named, *parsed.in_reply_to, *reversed(parsed.references)))),
        recipients=recipients,
        action=report.action,
        status=report.status,
        detail=report.detail,
        permanent=permanent,
        address_gone=lasting and address_is_gone(report.status, report.detail, unless_said=True),
    )


def _delivered_to(parsed: ParsedMessage) -> Iterable[str]:
    yield from (address.address for address in parsed.recipients)
    for name in ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To"):
        yield from parsed.header_values(name)
