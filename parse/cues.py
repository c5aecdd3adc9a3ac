"""Cues: the small pattern language of ``programme/zones.yaml``, as regular expressions that stay linear.

A pattern is plain text over one folded line: ``^`` the line starts here (decoration such as dashes and
brackets aside), ``$`` it ends here, ``...`` up to 60 characters, ``...3`` up to three words, ``word*`` any
word that starts so, ``a|b`` one of these words. Every gap is bounded and only the first ``LOOK`` characters
of a line are looked at, so no line can make matching slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["LOOK", "CueSet", "cue_regex"]

LOOK = 300  # characters of a line that cues are looked for in


class CueSet:
    """The patterns of rules with one meaning, as two regular expressions with bounded gaps.

    The one that may match anywhere is only tried on lines that hold one word of every such pattern.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        anchored, floating = [], []
        anchors: set[str] | None = set()
        for pattern in patterns:
            if pattern.startswith("^"):
                anchored.append(cue_regex(pattern))
                continue
            floating.append(cue_regex(pattern))
            words = _anchor_words(pattern)
            anchors = anchors | words if anchors is not None and words else None
        self._anchored = re.compile("|".join(anchored), re.IGNORECASE) if anchored else None
        self._floating = re.compile("|".join(floating), re.IGNORECASE) if floating else None
        self._anchors = frozenset(anchors) if anchors is not None else None

    def found(self, line: str) -> bool:
        line = line[:LOOK]
        if self._anchored is not None and self._anchored.match(line):
            return True
        if self._floating is None:
            return False
        if self._anchors is not None and self._anchors.isdisjoint(_words(line)):
            return False
        return self._floating.search(line) is not None


_ALNUM = re.compile(r"\w+")


@lru_cache(maxsize=256)  # a letter's lines are each held against the cues of several meanings
def _words(line: str) -> frozenset[str]:
    return frozenset(_ALNUM.findall(line.casefold()))


def _anchor_words(pattern: str) -> set[str]:
    """Words one of which is in every line that the pattern matches; none where there are no whole words."""
    best: set[str] = set()
    for element in pattern.removesuffix("$").split():
        if "*" in element or element.startswith("..."):
            continue
        runs = [_ALNUM.findall(word.casefold()) for word in element.split("|")]
        if all(runs) and (not best or min(len(run[0]) for run in runs) > min(map(len, best))):
            best = {max(run, key=len) for run in runs}
    return best


def cue_regex(pattern: str) -> str:
    """A pattern of zones.yaml as a regular expression over a folded line."""
    start, end = pattern.startswith("^"), pattern.endswith("$")
    elements = pattern.removeprefix("^").removesuffix("$").split()
    if not elements:
        raise ValueError(f"«{pattern}» is empty")
    pieces: list[str] = [r"[\W_]*" if start else r"(?<!\w)"]
    previous = "^"
    for element in elements:
        if element == "...":
            pieces.append(".{0,60}?")
        elif element.startswith("..."):
            pieces.append(rf"\s?(?:\S{{1,40}}\s){{0,{int(element[3:])}}}")
        else:
            words = "|".join(re.escape(word.removesuffix("*")) + (r"\w*" if word.endswith("*") else "") for word in element.split("|"))
            word = f"(?:{words})" if "|" in element else words
            if element[0].isalnum() and previous not in ("^",):
                gap = r"(?<!\w)" if previous.startswith("...") else r"\s?" if not previous[-1].isalnum() and previous[-1] not in "*)" else r"[\s\]\)*]{1,3}"
            else:
                gap = "" if previous == "^" or previous.startswith("...") else r"\s?"
            pieces.append(gap + word + (r"(?!\w)" if element[-1].isalnum() else ""))
        previous = element
    return "".join(pieces) + (r"[\W_]*$" if end else "")
