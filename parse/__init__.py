"""Bytes to a decision: pure, with no clock, network or database.

``Reader`` is the whole stage. Names are imported when first asked for, because spaCy takes its time and
not every command reads mail.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parse.message import parse_message
    from parse.reader import Reader, check_programme
    from parse.schoolnames import School

__all__ = ["Reader", "School", "check_programme", "parse_message"]

_HOMES = {
    "Reader": "parse.reader",
    "School": "parse.schoolnames",
    "check_programme": "parse.reader",
    "parse_message": "parse.message",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
