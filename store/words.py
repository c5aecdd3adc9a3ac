"""Words as the full-text search compares them: the same lexemes on both databases, made here and by neither.

SQLite and PostgreSQL cut text at different places and fold different letters. So the text is cut and folded here, and they
are given lexemes to keep. A lexeme with a mark in front says where a word stands: ``@`` in a member's name or address, ``#`` in
a topic; ``%`` is the whole id of a theme. Every word is there without a mark too.

What it does badly: a word is found as it is written or by its beginning; no stem, no synonym, no spelling mistake.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["MEMBER", "THEME", "TOPIC", "folded", "lexemes", "marked", "terms"]

MEMBER, TOPIC, THEME = "@", "#", "%"
_LONGEST = 60
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_APOSTROPHE = re.compile(r"['’]")
_COMBINING = re.compile(r"[\u0300-\u036f]")


def folded(text: str) -> str:
    """Without case and accents: «Àrd-sgoil» as «ard-sgoil»."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", _COMBINING.sub("", unicodedata.normalize("NFKD", text)).casefold())


def lexemes(text: str) -> set[str]:
    """Every word of a text. «O'Neill» is found as oneill, o and neill."""
    found: set[str] = set()
    for word in _WORD.findall(folded(text)):
        parts = _APOSTROPHE.split(word)
        found.add("".join(parts)[:_LONGEST])
        if len(parts) > 1:
            found.update(part[:_LONGEST] for part in parts)
    return found


def marked(mark: str, words: Iterable[str]) -> set[str]:
    return {mark + word for word in words}


def terms(text: str, mark: str = "") -> list[tuple[str, bool]]:
    """What a person looks for, as lexemes to be met together, each with whether the beginning of a word is enough:
    of the last one, as it may still be being typed."""
    words = [_APOSTROPHE.sub("", word)[:_LONGEST] for word in _WORD.findall(folded(text))][:12]
    last = len(words) - 1
    wanted: dict[str, bool] = {}
    for at, word in enumerate(words):
        wanted[mark + word] = wanted.get(mark + word, True) and at == last
    return list(wanted.items())
