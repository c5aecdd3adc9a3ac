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
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple

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
_DROPPED = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_RUNS = re.compile(f"[{_DROPPED}]+|[ \n]+")
# A line that starts like this starts something new, however long the line above it was.
_STARTS_NEW = re.compile(r"\s*(?:[-*+\u2022\u00b7\u25cf\u25aa\u2013\u2014>]\s|\(?(?:\d{1,2}|[a-zA-Z])[.)]\s|[A-Z][\w &/'-]{0,40}:(?:\s|$))")
_SENTENCE_ENDS = frozenset({".", "!", "?", "\u2026", "...", "!!", "??", "?!", "!!!"})


@lru_cache(maxsize=1)
def language() -> Language:
    """The one blank English pipeline; rules only, no model weights. Cached for the process."""
    nlp = spacy.blank("en")
    nlp.max_length = 100_000_000  # zones are bounded before they come here
    return nlp


class _Break(NamedTuple):
    """A line end inside a paragraph."""

    offset: int
    length: int  # of the line
    needed: int  # its length with the next line's first word
    open: bool  # the line does not end a sentence
    going_on: bool  # the next line begins with a small letter, or this one ends with a word that no sentence ends with


_CLOSED = frozenset(".!?:;\u2026")
_GO_ON = frozenset(re.findall(r"\w+", "a an and as at between but by for from if into my of on or our over so than that the their this to under with your"))
_ITEM_TAB = re.compile(r"^\s*(?:[-*+\u2022\u00b7\u25cf\u25aa\u2013o]|\(?(?:\d{1,2}|[a-zA-Z])[.)])\t")
_WRAP = 100  # no program wraps wider than this: a longer line was ended by hand


_USUAL_WIDTH = 62  # no program in use wraps narrower unless the whole paragraph shows it
_NARROWEST = 38


def _soft_breaks(text: str) -> frozenset[int]:
    """Offsets of the line ends that only wrap a paragraph.

    A break is soft when the next word would not have fitted on its line. The line is taken to be 62 wide,
    or as wide as the paragraph's longest line where every one of three breaks or more was made at that width.
    What was wrapped twice, at two widths, is a comb of long and short lines: those breaks are soft as well.
    """
    lines = text.split("\n")
    if len(lines) < 2:
        return frozenset()
    found: list[int] = []
    paragraph: list[_Break] = []
    end = -1
    for line, following in pairwise(lines):
        end += len(line) + 1
        stripped = line.strip()
        if (
            len(line) > _WRAP
            or len(following) > _WRAP
            or not stripped
            or not following.strip()
            or "\t" in _ITEM_TAB.sub("", line)
            or "\t" in _ITEM_TAB.sub("", following)
            or _STARTS_NEW.match(following)
        ):
            found += _wrapped(paragraph)  # a tab is a cell border: rows of a table are never one paragraph
            paragraph = []
            continue
        first = following.split(None, 1)[0]
        going_on = first[0].islower() or stripped.rpartition(" ")[2].lower() in _GO_ON
        paragraph.append(_Break(end, len(stripped), len(stripped) + 1 + len(first), stripped[-1] not in _CLOSED, going_on))
    return frozenset((*found, *_wrapped(paragraph)))


def _wrapped(paragraph: list[_Break]) -> list[int]:
    """The soft ones among the breaks of one paragraph."""
    if len(paragraph) >= 3:
        longest = max(line.length for line in paragraph)
        if _NARROWEST <= longest < _USUAL_WIDTH and all(line.needed > longest for line in paragraph):
            return [line.offset for line in paragraph]
    soft = [line.needed > _USUAL_WIDTH for line in paragraph]
    # The rest of a wrapped line, with the sentence going on below it.
    teeth = [n for n in range(1, len(paragraph)) if soft[n - 1] and not soft[n] and paragraph[n].open]
    combed = sum(paragraph[n].going_on for n in teeth) >= 2
    for n in teeth:
        soft[n] = paragraph[n].going_on or (combed and soft[n + 1 :] != [] and soft[n + 1])
    return [line.offset for line, is_soft in zip(paragraph, soft, strict=True) if is_soft]


_LONGEST_WORD = 200
_LONG_WORD = re.compile(rf"[^ \n]{{{_LONGEST_WORD}}}(?=[^ \n])")


class TextView:
    """``source[start:end]`` as the rules read it.

    where: the Evidence ``where`` that offsets of this view belong to.
    """

    __slots__ = ("__dict__", "end", "folded", "offsets", "source", "start", "where")

    def __init__(self, source: str, *, where: str, start: int = 0, end: int | None = None) -> None:
        self.source, self.where = source, where
        self.start, self.end = start, len(source) if end is None else end
        text = source[self.start : self.end]
        soft = _soft_breaks(text)
        same = text.translate(_SAME)  # character by character: offsets stay
        pieces: list[str] = []
        offsets: list[int] = []
        last = 0
        blank = ""  # the white space that the folded text ends with
        for run in _RUNS.finditer(same):
            start, end = run.span()
            if start > last:
                pieces.append(same[last:start])
                offsets.extend(range(self.start + last, self.start + start))
                blank = ""
            last = end
            if same[start] not in " \n":
                continue
            here = "\n" if any(same[i] == "\n" and i not in soft for i in range(start, end)) else " "
            if not blank:
                pieces.append(here)
                offsets.append(self.start + start)
                blank = here
            elif here == "\n":
                pieces[-1] = blank = here
        pieces.append(same[last:])
        offsets.extend(range(self.start + last, self.start + len(same)))
        joined = "".join(pieces)
        if long := [match.end() for match in _LONG_WORD.finditer(joined)]:
            # The tokeniser's time grows with the square of a word's length: no rule looks for one as long as this.
            bounds = [0, *long, len(joined)]
            joined = " ".join(joined[left:right] for left, right in pairwise(bounds))
            offsets = [offset for left, right in pairwise(bounds) for offset in (*offsets[left:right], offsets[right - 1])][:-1]
        self.folded = unicodedata.normalize("NFC", joined)
        if len(self.folded) != len(joined):  # decomposed accents: keep the map exact, give up on NFC
            self.folded = joined
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
    def tokens(self) -> list[str]:
        """The text of every token of ``doc``: asking spaCy for one at a time is slow."""
        folded = self.folded
        return [folded[start : start + length] for start, length in zip(self.token_starts, self.doc.to_array("LENGTH").tolist(), strict=True)]

    @cached_property
    def token_starts(self) -> list[int]:
        """Where every token of ``doc`` starts in ``folded``."""
        starts: list[int] = self.doc.to_array("IDX").tolist()
        return starts

    @cached_property
    def bounds(self) -> tuple[tuple[int, int], ...]:
        """First token, and the one after the last, of each sentence."""
        found: list[tuple[int, int]] = []
        start, last = 0, len(self.tokens) - 1
        for index, text in enumerate(self.tokens):
            if "\n" in text or index == last or (text in _SENTENCE_ENDS and self.tokens[index + 1] not in _SENTENCE_ENDS):
                if any(not token.isspace() for token in self.tokens[start : index + 1]):
                    found.append((start, index + 1))
                start = index + 1
        return tuple(found)

    @cached_property
    def sentence_texts(self) -> tuple[tuple[str, int], ...]:
        """The text of each of ``sentences`` and where it starts in ``folded``."""
        return tuple((self.between(start, end), self.token_starts[start]) for start, end in self.bounds)

    def between(self, start: int, end: int) -> str:
        """The text of tokens ``start`` to ``end``, the one after the last."""
        return self.folded[self.token_starts[start] : self.token_starts[end - 1] + len(self.tokens[end - 1])]

    @cached_property
    def sentences(self) -> tuple[Span, ...]:
        """Stretches that no rule reaches across: sentences, list items, table rows."""
        doc = self.doc
        return tuple(Span(doc, start, end) for start, end in self.bounds)
