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
    "no_answer_null_return_path": "Not answered: it came with the null return path of reports and automatic answers.",
    "no_answer_auto_submitted": "Not answered: it says of itself that a machine sent it.",
    "no_answer_own_address": "Not answered: it names one of our own addresses as its sender; it has looped, or is forged.",
    "no_answer_loop": "Not answered: it has been through this mailbox before.",
    "no_answer_report": "Not answered: it is a delivery report or a receipt.",
    "no_answer_daemon": "Not answered: a mail system or list software sent it, not a person.",
    "no_answer_responder": "Not answered: an automatic responder marked it as its own.",
    "no_answer_suppress_asked": "Not answered: its sender's mail program asks for no automatic answers.",
    "no_answer_list": "Not answered: it came through a mailing list.",
    "no_answer_precedence": "Not answered: it is marked as bulk or list mail.",
    "no_answer_calendar": "Not answered: a calendar sent it to accept or decline an invitation.",
    "no_answer_spam": "Not answered: the mail server marked it as spam.",
    "no_answer_no_reply_address": "Not answered: its address says that nobody reads mail there.",
    "no_answer_no_address": "Not answered: it has no sender's address that an answer could go to.",
}
