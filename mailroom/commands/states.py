"""States of messages, registrations and replies, as somebody writes them after ``--state``."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["StateName"]

STATES = {  # as tables show them: as the store and --json have them
    "message": {
        "unread": "waiting",
        "registered": "registered",
        "asked": "ask_member",
        "waiting-for-person": "review",
        "ignored": "ignored",
        "unreadable": "quarantined",
    },
    "registration": {
        "registered": "registered",
        "waiting-for-member": "ask_member",
        "waiting-for-person": "review",
        "withdrawn": "withdrawn",
        "merged": "merged",
        "not-ours": "dismissed",
    },
    "reply": {
        "held": "held",
        "due": "due",
        "sending": "sending",
        "unknown": "unknown",
        "sent": "sent",
        "parked": "suppressed",
        "undeliverable": "dead",
    },
}


class StateName(click.ParamType[str]):
    """A state, in the word that tables show or in the one that ``--json`` has."""

    name = "state"

    def __init__(self, of: str) -> None:
        self.words = STATES[of]

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return f"[{'|'.join(self.words)}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        word = str(value).strip().lower().replace(" ", "-")
        if word in self.words:
            return self.words[word]
        if str(value) in self.words.values():
            return str(value)
        self.fail(f"«{value}» is no state; there are {', '.join(self.words)}", param, ctx)
