"""Every reason code, and what it means in the coordinator's words.

A code that is used and not listed here fails a test, and so does one that is listed and never used.
Sections belong to the stage that gives the reason.
"""

from __future__ import annotations

__all__ = ["REASONS"]

REASONS: dict[str, str] = {
    # --- ingest and the ledger
    "too_large": "The message is larger than the limit for this mailbox; it is still in the mailbox and has to be read there.",
    "unreadable": "The message could not be read after several attempts; it is kept as it came and needs a person to look at it.",
    "cap_address": "This address has had as many answers as one may have in a day, so this one was parked; it can be released by hand.",
    # --- parse: taking the message apart
    # --- parse: institutions and authorities
    # --- parse: activities and topics
    # --- parse: kind, sessions, questions, decision
    # --- notify
}
