"""What a stranger wrote, fit for a terminal and a page."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: object) -> str:
    """Control characters of a stranger's text must not reach a terminal, and what a page cannot show is marked: each becomes «�»."""
    return "".join(c if c in "\n\t" or c.isprintable() or c == " " else "�" for c in str(text).replace("\r\n", "\n").replace("\r", "\n"))
