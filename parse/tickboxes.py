"""Boxes in a text: which options they belong to, and which of those are ticked.

Boxes are drawn («☒», «[x]», «( )», «✓» and «✗») or are answers in a word («Proposed group: yes»). They stand before their options or
behind them, all in one line or a line each, in any number, or in a row under their headings. What the options mean is for the caller.

Promise: every pattern is bounded and so many boxes are looked at, so that hostile text costs in proportion to its size.

What it does badly: boxes before and behind options in the same line; a table whose cells no lines divide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

__all__ = ["Box", "answered", "drawn", "tabled", "unticked"]

_MOST = 400  # boxes of a text
_LOOKED_AT = 20_000  # characters of it, for answers in words
_APART = 2  # line ends between the boxes of one form
_FAR = 240  # characters between them
_CHECK = "\u2611\u2713\u2714\u2705\u25a0\u25a3\U0001f5f9"
_CROSS = "\u2612\u2717\u2718\u2715\u2716\u274c"
_NO_BULLET = "[(\u2610"
_EMPTY = "\u2610\u25a1\u25fb\u2b1c\u2751\u274f"
_MARK = re.compile(
    rf"(?P<check>[{_CHECK}]|[\[(]\s?[\u2713\u2714*]\s?[\])])|(?P<cross>[{_CROSS}]|[\[(]\s?[xX\u2717\u2718]\s?[\])])|(?P<empty>[{_EMPTY}]|\[[\s_]{{0,3}}\]|\([\s_]{{1,3}}\))[\ufe0e\ufe0f]?"
)
_TRIM = " \t\n|:;,.=-\u2013\u2014>*\u2022"
_HEADING = re.compile(r"[:?\t]\s*$")
_OPENED = re.compile(r"^[^\n:]{0,60}:\s+(?=\S)")  # a heading before the first option: «Activity: proposed»
_CLOSED = re.compile(r"(?:[.;]\s+|\s{2,}|\s\|\s*)[A-Z][\w &/'-]{0,40}[:?]\s*$")  # the next heading behind an option
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_ANSWER = re.compile(
    r"(?P<option>[^\n;:?|]{3,120}?)\s?(?:[:?|=]|\s-|-\s)\s{0,3}"
    r"(?:(?P<yes>yes|yep|aye|y|\u2713|\u2714|x|ticked|true)|(?P<no>no|nope|n/a|none|nil|n|false|not applicable|-)|(?=\n|\Z))"
    r"(?=\s{0,3}(?:[;,.|!\n]|\Z))[;,.|! \n]{0,4}",
    re.IGNORECASE,
)
_SAYS_YES = re.compile(r"(?:[:?|=]|\s-|-\s)\s{0,3}(?:yes|yep|aye|y|\u2713|\u2714|x|ticked|true)(?=\s{0,3}(?:[;,.|!\n]|\Z))", re.IGNORECASE)
_CELL = re.compile(rf"(?:\[\s?(?P<in>[xX\u2713\u2714]?)\s?\]|(?P<tick>[{_CHECK}{_CROSS}xXyY\u2022]|yes|tick|ticked)|[{_EMPTY}nN-]|no|)\Z", re.IGNORECASE)
_FEWEST_CELLS = 3


class Box(NamedTuple):
    """An option that has a box: where its words stand, whether it is ticked, and whether the box can't be taken for a bullet."""

    start: int
    end: int
    ticked: bool
    drawn: bool = False


def _trimmed(text: str, start: int, end: int, *, ticked: bool, drawn: bool = False) -> Box:
    while start < end and text[start] in _TRIM:
        start += 1
    while end > start and text[end - 1] in _TRIM:
        end -= 1
    return Box(start, end, ticked, drawn)


def drawn(text: str) -> Iterator[list[Box]]:
    """The forms of a text whose boxes are drawn, each with its options in order; of a form nothing need be ticked."""
    group: list[re.Match[str]] = []
    for place, mark in enumerate(_MARK.finditer(text)):
        if place >= _MOST:
            break
        if group and (text.count("\n", group[-1].end(), mark.start()) > _APART or mark.start() - group[-1].end() > _FAR):
            yield _form(text, group)
            group = []
        group.append(mark)
    if group:
        yield _form(text, group)


def _form(text: str, marks: Sequence[re.Match[str]]) -> list[Box]:
    kinds = {mark.lastgroup for mark in marks}
    ticks = {"check"} if kinds == {"check", "cross"} else {"check", "cross"}  # «✓ this ✗ that»: the crosses say no
    lines: list[tuple[int, int, list[re.Match[str]]]] = []
    for mark in marks:
        if lines and mark.start() < lines[-1][1]:
            lines[-1][2].append(mark)
            continue
        stop = text.find("\n", mark.end())
        lines.append((text.rfind("\n", 0, mark.start()) + 1, stop if stop >= 0 else len(text), [mark]))
    behind = sum(1 if _behind(text, *line) else -1 for line in lines) > 0
    boxes: list[Box] = []
    for start, stop, here in lines:
        ends = [mark.end() for mark in here]
        starts = [mark.start() for mark in here]
        spans = zip([start, *ends[:-1]], starts, strict=True) if behind else zip(ends, [*starts[1:], stop], strict=True)
        for place, ((first, last), mark) in enumerate(zip(spans, here, strict=True)):
            begin, end = first, last
            if behind and place == 0 and (opened := _OPENED.match(text[begin:end])) and text[begin + opened.end() : end].strip(_TRIM):
                begin += opened.end()
            if not behind:
                if closed := _CLOSED.search(text[begin:end]):
                    end = begin + closed.start()
                if place == len(here) - 1 and len(here) > 1 and (ended := _SENTENCE.search(text, begin, end)):
                    end = ended.start()
            boxes.append(_trimmed(text, begin, end, ticked=mark.lastgroup in ticks, drawn=mark[0][0] in _NO_BULLET))
    return boxes


def _behind(text: str, start: int, stop: int, marks: Sequence[re.Match[str]]) -> bool:
    """Whether the boxes of a line stand behind their options."""
    before = text[start : marks[0].start()]
    after = text[marks[-1].end() : stop]
    if not re.search(r"[A-Za-z]{2}", before) or (_HEADING.search(before) and re.search(r"\w", after)):
        return False
    return not re.search(r"\w", after) or len(marks) == 1


def answered(text: str) -> Iterator[list[Box]]:
    """The forms of a text in which options are answered in a word or left blank, three or more one after another, one of them yes."""
    if _SAYS_YES.search(text, 0, _LOOKED_AT) is None:
        return  # most mail: options are looked for at every word otherwise
    group: list[re.Match[str]] = []
    found = [answer for _, answer in zip(range(_MOST), _ANSWER.finditer(text[:_LOOKED_AT]), strict=False)]
    for answer in [*found, None]:
        if answer is None or (group and answer.start() != group[-1].end()):
            if len(group) > _APART and any(one["yes"] for one in group):
                yield [_trimmed(text, one.start("option"), one.end("option"), ticked=one["yes"] is not None) for one in group]
            group = []
        if answer is not None:
            group.append(answer)


def tabled(text: str) -> Iterator[list[Box]]:
    """The forms whose boxes stand in a row under their headings, or behind them where the lines have run together: «existing | proposed», «| x |»."""
    if "|" not in text:
        return
    at = 0
    above: tuple[tuple[int, int], ...] = ()
    for line in text.split("\n"):
        cells = _cells(line, at)
        half = len(cells) // 2
        joined = len(cells) % 2 == 1 and half >= _FEWEST_CELLS and not text[slice(*cells[half])].strip()
        for heads, row in ((above, cells), *([(cells[:half], cells[half + 1 :])] if joined else [])):
            if len(row) < _FEWEST_CELLS or len(row) != len(heads):
                continue
            marks = [_CELL.match(text[start:end].strip()) for start, end in row]
            ticks = [mark is not None and bool(mark["in"] or mark["tick"]) for mark in marks]
            if all(marks) and any(ticks):
                yield [_trimmed(text, start, end, ticked=ticked) for (start, end), ticked in zip(heads, ticks, strict=True)]
        at, above = at + len(line) + 1, cells


def _cells(line: str, at: int) -> tuple[tuple[int, int], ...]:
    """Where the cells of a line stand that upright strokes divide."""
    strokes = [place for place, letter in enumerate(line) if letter == "|"][:_MOST]
    if len(strokes) < _APART:
        return ()
    edges = [*([] if not line[: strokes[0]].strip() else [-1]), *strokes, *([] if not line[strokes[-1] + 1 :].strip() else [len(line)])]
    return tuple((at + first + 1, at + last) for first, last in pairwise(edges))


def unticked(text: str) -> list[tuple[int, int]]:
    """Where options stand that are not ticked: of forms in a text in which something is ticked, and of forms left empty."""
    forms = [*drawn(text), *tabled(text)]
    ticked = any(box.ticked for form in forms for box in form)
    empty = [form for form in forms if ticked or (len(form) > _APART and all(box.drawn for box in form))]
    return [(box.start, box.end) for form in chain(empty, answered(text)) for box in form if not box.ticked]
