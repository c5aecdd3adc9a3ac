"""Structure: which lines belong to other people's messages, and to whose."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mailroom.model import ZoneKind
from parse.zones.lines import ITEM, Line, looks_like_field
from parse.zones.quoteheaders import QuoteHeaders
from parse.zones.rules import ZoneRules


class Quotes:
    """One body while the quoted and forwarded messages in it are being labelled."""

    def __init__(self, rules: ZoneRules, body: str, lines: Sequence[Line], headers: QuoteHeaders) -> None:
        self.rules, self.body, self.lines, self.headers = rules, body, lines, headers

    def structure(self) -> None:
        lines = self.lines
        depth_kinds: dict[int, ZoneKind] = {}
        rest: ZoneKind | None = None
        index = 0
        own_seen = False
        while index < len(lines):
            line = lines[index]
            if line.kind is not None or (not line.text and not line.raw.strip()):
                index += 1
                continue
            opener = self.headers.opener(index, own_seen, rest is not None)
            if opener is not None:
                if rest in (ZoneKind.QUOTE, ZoneKind.OWN_QUOTE) and opener.kind is ZoneKind.FORWARDED:
                    opener = replace(opener, kind=ZoneKind.QUOTE)  # forwarded to whoever is quoted, not to us
                for number in range(index, opener.last + 1):
                    lines[number].kind = opener.kind
                depth = line.depth
                depth_kinds = {level: kind for level, kind in depth_kinds.items() if level <= depth}
                depth_kinds[depth + 1] = opener.kind
                if not opener.prefixed:
                    if depth == 0:
                        rest = opener.kind
                    else:
                        depth_kinds[depth] = opener.kind
                index = opener.last + 1
                continue
            if line.depth:
                above = lines[index - 1].kind if index and lines[index - 1].depth else None
                if not line.text and above is not None:
                    line.kind = above
                else:
                    known = [level for level in depth_kinds if level <= line.depth]
                    line.kind = depth_kinds[max(known)] if known else rest or ZoneKind.QUOTE
                    if len(depth_kinds) > 1:
                        depth_kinds = {level: kind for level, kind in depth_kinds.items() if level <= line.depth}
            elif rest is not None:
                line.kind = rest
            else:
                own_seen = True
            index += 1
        self._mend_wrapped_quotes()
        self._recognise_own()
        self._marked_answers()

    def _mend_wrapped_quotes(self) -> None:
        """A quoted line that some program wrapped leaves its last words without a quote sign."""
        for index in range(1, len(self.lines)):
            line, above = self.lines[index], self.lines[index - 1]
            if line.kind is not None or not line.text[:1].islower() or len(above.text) < 60 or not above.depth or above.text[-1] in ".?!:;":
                continue
            if len(above.raw) > _WIDEST or _PICKS.match(line.text):
                continue  # «c - four of us» answers the list above it
            below = self.lines[index + 1] if index + 1 < len(self.lines) else None
            if below is not None and below.depth and below.text:
                if len(line.text) <= (80 if len(above.text) >= 70 else 40):
                    line.kind = above.kind
            elif _broke_off(above.raw, line.text):
                line.kind = above.kind

    def _marked_answers(self) -> None:
        """«FH: No.» below «2. Are you a group?»: where questions have answers below them that all begin with one mark, the questions are quoted."""
        kinds = (None, ZoneKind.QUOTE, ZoneKind.OWN_QUOTE, ZoneKind.INLINE_ANSWER)
        lines = [line for line in self.lines if line.text and not line.depth and line.kind in kinds]
        marks = [match[1] if (match := _MARK.match(line.text)) else "" for line in lines]
        below = zip(marks[1:], marks, lines, strict=False)  # «RQ: ...? / RQ: ...?» is a list
        answers = Counter(mark for mark, its, above in below if mark not in ("", its) and above.text.rstrip(" )\"'").endswith("?"))
        mark, count = min(answers.items(), key=lambda one: (-one[1], one[0]), default=("", 0))
        if not _FEWEST_MARKED <= count <= _MOST_MARKED:
            return
        last = len(marks) - 1 - marks[::-1].index(mark)
        answered = (place for place, its in enumerate(marks[:-1]) if its != mark == marks[place + 1])
        first = next(place for place in answered if "?" in lines[place].text or ITEM.match(lines[place].raw))
        while first and looks_like_field(lines[first - 1].text):
            first -= 1  # «From: ... / Sent: ...» above the first question
        kind = ZoneKind.QUOTE
        for place in range(first, len(lines)):
            line, above = lines[place], lines[place - 1]
            if marks[place] == mark:
                if kind is ZoneKind.QUOTE:  # the mark goes with the question
                    above.end = line.start + len(mark)
                    line.start = above.end + len(self.body[above.end : line.end]) - len(self.body[above.end : line.end].lstrip())
                kind = ZoneKind.INLINE_ANSWER
            elif place + 1 < len(lines) and marks[place + 1] == mark:
                kind = ZoneKind.QUOTE
            elif place > last and self.body.count("\n", above.end, line.start) > 1:
                return  # what follows the last answer is the writer's own, as the rest
            if line.kind is not ZoneKind.OWN_QUOTE or kind is ZoneKind.INLINE_ANSWER:
                line.kind = kind

    def _recognise_own(self) -> None:
        """Quotes that hold our own lines are quotes of ours; pasted lines of ours are no own words."""
        index = 0
        lines = self.lines
        long: list[Line] = []
        while index < len(lines):
            line = lines[index]
            if not line.text:
                index += 1
                continue
            if line.kind is None:
                if len(line.text) >= 20:
                    long.append(line)
                index += 1
                continue
            block = []
            kind = line.kind
            while index < len(lines) and (not lines[index].text or lines[index].kind is kind):
                if lines[index].text:
                    block.append(lines[index])
                index += 1
            if kind in (ZoneKind.QUOTE, ZoneKind.OWN_QUOTE):
                ours = [len(item.text) >= 12 and self.rules.is_own_line(item.text) for item in block]
                if kind is ZoneKind.QUOTE and sum(ours) * 2 >= len(block) and any(hit and len(item.text) >= 20 for item, hit in zip(block, ours, strict=True)):
                    kind = ZoneKind.OWN_QUOTE
                    for item in block:
                        item.kind = kind
                if kind is ZoneKind.OWN_QUOTE and sum(ours) >= 3:
                    self._answers(block, ours)
        if len(long) < _PASTED:  # then none is asked for: our lines may not even be known yet
            return
        pasted = [line for line in long if self.rules.is_own_line(line.text)]
        if len(pasted) >= _PASTED:
            for line in pasted:
                line.kind = ZoneKind.OWN_QUOTE

    def _answers(self, block: list[Line], ours: list[bool]) -> None:
        """What stands unprefixed under a question of ours, and is none of our lines, was typed there.

        Items below a question are the choices that we offered, and a heading begins what we had understood:
        of all things those must not pass for the answer.
        """
        asked = direct = False
        previous: Line | None = None
        for line, known in zip(block, ours, strict=True):
            parted = previous is None or self.body.count("\n", previous.end, line.start) > 1
            item = previous is not None and ITEM.match(previous.raw) is not None
            previous = line
            if known or line.depth or line.text.endswith(":"):
                asked = direct = known and "?" in line.text
            elif asked and ITEM.match(line.raw):
                direct = False
            elif asked and (direct or ((parted or not item) and not looks_like_field(line.text))):
                line.kind, direct = ZoneKind.INLINE_ANSWER, True


_NARROWEST, _WIDEST, _FEWEST_WORDS = 72, 100, 3  # the first two: lengths of a line at which programs wrap
_MARK = re.compile(r"((?:[A-Z]{1,4}|[A-Z][a-z]{1,9}) ?[:>]|[-=]+>)\s*(?=\S)")
_FEWEST_MARKED, _MOST_MARKED = 2, 100  # answers below questions that begin with one mark; nobody is asked more
_PICKS = re.compile(r"[a-h]\s?(?:[).:=]|[-\u2013\u2014]\s|$)")
_PASTED = 3  # lines of ours that nobody typed anew


def _broke_off(above: str, text: str) -> bool:
    """Whether a program that wraps would have begun a new line before ``text``. One word or two may well be an answer typed there."""
    first, *others = text.split()
    return len(others) + 1 >= _FEWEST_WORDS and len(above) + 1 + len(first) > _NARROWEST
