"""What a spreadsheet may be given: cells that it shows and never runs.

A member chooses their own name and topic, and somebody opens the export in a spreadsheet: a cell that begins as a
formula does (= + - @, a tab, a carriage return; OWASP, «CSV injection») would be run there.
"""

from __future__ import annotations

__all__ = ["one_line", "runs", "safe_cell"]

_RUNS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # the wide forms as well: some spreadsheets take them for the narrow ones
_CONTROL = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127))


def one_line(text: str) -> str:
    """Without line breaks, tabs and control characters."""
    if text.isprintable():  # nearly always, and ten times as fast
        return text
    return text.replace("\r\n", " ").translate(_CONTROL).replace("\n", " ").replace("\r", " ").replace("\t", " ")


def runs(text: str) -> bool:
    """Whether a spreadsheet would take it for a formula."""
    return (text if text.isprintable() else text.translate(_CONTROL)).lstrip(" \u00a0\n").startswith(_RUNS)


def safe_cell(text: str) -> str:
    """Text that a spreadsheet shows and does not run; line breaks become spaces."""
    return f"'{one_line(text)}" if runs(text) else one_line(text)
