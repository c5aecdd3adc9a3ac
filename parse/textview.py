"""A text folded for the rules, with a map from every character back to the source.

Mail is hard-wrapped, quoted curly and full of no-break spaces; rules should see none of that. A
TextView joins soft line breaks, straightens quotes and collapses white space, and keeps for each folded
character its offset in the source, so that a match is always reported as the member wrote it.

Promise: ``view.to_source(a, b)`` gives ``(start, end)`` in the source text such that
``source[start:end]`` is what folded to ``folded[a:b]``. The text is never lower-cased (that can change
its length); matching without case is the matchers' business.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property

import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span

__all__ = ["TextView", "language"]

_SAME = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201b": "'",
        "\u02bc": "'",
        "\u0060": "'",
        "\u00b4": "'",
        "\u2032": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u00ab": '"',
        "\u00bb": '"',
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2015": "-",
        "\u2212": "-",
        "\u00a0": " ",
        "\u202f": " ",
        "\u2009": " ",
        "\u2007": " ",
        "\t": " ",
        "\r": " ",
        "\u000b": " ",
        "\u000c": " ",
    }
)
_DROPPED = {"\u00ad", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2060", "\ufeff"}
# A line that starts like this starts something new, however long the line above it was.
_STARTS_NEW = re.compile(r"\s*(?:[-*+\u2022\u00b7\u25cf\u25aa\u2013\u2014>]\s|\(?(?:\d{1,2}|[a-zA-Z])[.)]\s|[A-Z][\w &/'-]{0,40}:(?:\s|$))")
_SENTENCE_END = frozenset(".!?\u2026")


def language() -> Language:
    """The one blank English pipeline; rules only, no model weights. Cached for the process."""
    global _NLP
    if _NLP is None:
        _NLP = spacy.blank("en")
        _NLP.max_length = 100_000_000  # zones are bounded before they come here
    return _NLP


_NLP: Language | None = None


def _soft_break(text: str, newline: int) -> bool:
    """Whether the line break at ``newline`` only wraps a paragraph."""
    start = text.rfind("\n", 0, newline) + 1
    end = text.find("\n", newline + 1)
    line = text[start:newline].strip()
    following = text[newline + 1 : end if end >= 0 else len(text)]
    if not line or not following.strip() or "\t" in line or "\t" in following or _STARTS_NEW.match(following):
        return False  # a tab is a cell border: rows of a table are never one paragraph
    first = following.split(None, 1)[0]
    return len(line) + 1 + len(first) > 62  # the next word would not have fitted on this line


class TextView:
    """``source[start:end]`` as the rules read it.

    where: the Evidence ``where`` that offsets of this view belong to.
    """

    __slots__ = ("__dict__", "end", "folded", "offsets", "source", "start", "where")

    def __init__(self, source: str, *, where: str, start: int = 0, end: int | None = None) -> None:
        self.source, self.where = source, where
        self.start, self.end = start, len(source) if end is None else end
        characters: list[str] = []
        offsets: list[int] = []
        text = source[self.start : self.end]
        for index, raw in enumerate(text):
            if raw in _DROPPED:
                continue
            if raw == "\n":
                character = " " if _soft_break(text, index) else "\n"
            else:
                character = raw.translate(_SAME)
            if character in " \n" and characters and characters[-1] in " \n":
                if character == "\n":
                    characters[-1] = "\n"
                continue
            characters.append(character)
            offsets.append(self.start + index)
        self.folded = unicodedata.normalize("NFC", "".join(characters))
        if len(self.folded) != len(characters):  # decomposed accents: keep the map exact, give up on NFC
            self.folded = "".join(characters)
        offsets.append(self.end)
        self.offsets = offsets

    def to_source(self, start: int, end: int) -> tuple[int, int]:
        """Folded offsets to source offsets; the end is that of the last character, not of the next."""
        if end <= start:
            return self.offsets[start], self.offsets[start]
        return self.offsets[start], self.offsets[end - 1] + 1

    @cached_property
    def doc(self) -> Doc:
        return language().make_doc(self.folded)

    @cached_property
    def sentences(self) -> tuple[Span, ...]:
        """Stretches that no rule reaches across: sentences, list items, table rows."""
        return tuple(self._sentences())

    def _sentences(self) -> Iterator[Span]:
        doc, start = self.doc, 0
        for token in doc:
            last = token.i + 1 == len(doc)
            if "\n" in token.text or last or (token.text[-1] in _SENTENCE_END and token.text in {".", "!", "?", "\u2026", "...", "!!", "??", "?!", "!!!"}):
                end = token.i + 1
                if any(not t.is_space for t in doc[start:end]):
                    yield doc[start:end]
                start = end
