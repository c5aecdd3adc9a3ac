"""Answers to a quoted list of options: which options a text lists, and which of them another text picks or refuses.

«B», «it's (c)», «option 2 for us», «A and D», «not (b)», «all but 2 and 4». What the options mean is for the caller.

Promise: every pattern is bounded, so hostile text costs in proportion to its size.

What it does badly: a letter that is part of a sentence («we did b last year») is only seen where a mark or a word announces it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["FEWEST", "Pick", "listed", "picked", "refused"]

FEWEST = 3  # a list has so many options; one with fewer activities in it asks about something else
_MARK = r"\(?([a-fA-F1-6])[).:]|([A-F1-6])"
_LIST_LINE = re.compile(rf"^[^\w\n(]{{0,6}}(?:{_MARK})\s+(?=\S)", re.MULTILINE)
_LIST_MARK = re.compile(rf"(?:(?<=\s)|^)(?:{_MARK})\s+(?=\S)")
_ONE = r"(?<![\w/])[(\[]?[a-f1-6](?![\w/])[)\]]?"
_ONES = rf"(?:{_ONE}(?:\s?(?:,|&|\+|and|or|nor|plus|,\s?and)\s?(?:also |maybe )?{_ONE}){{0,4}})"
_FOLLOWS = (  # what may come after a letter that is an answer
    r"[.!?,;:)\n]|please|for (?:us|me)|in equal|as well|too\b|[-\u2013\u2014(]|it is\b|it'd be\b"
    r"|is (?:us|me|ours|mine|near|clos|it\b|right|best|the (?:one|near|clos))|describes|fits|suits|applies|apply|sounds|best|$"
)
_STOPS = rf"(?=\s*(?:{_FOLLOWS}))"
_LEAD = (
    r"(?:(?:option|options|answer|answers|choice|number|numbers|letter|letters|box|boxes|no\.?|it's|it is|that's|that is|we're|i'm|we are|i am"
    r"|definitely|probably|please|tick|ticked|yes|so|then|well|ok)[,:]?\s+)*"
)
_ANNOUNCES = (
    r"it's|it is|that's|we're|i'm|i'd|we'd|say|said|choose|chose|pick|picked|tick(?:ed)?|plump for|go for|be|number"
    r"|answer(?: is| was)?(?: certainly| definitely| probably)?|not|never|except|to|put|so"
)
_NO_NAME = r"(?!(?-i:[A-F]\.\s?[A-Z][\w'-]+)[^\w\n]*(?:\(|$))"  # «A. Kerr» signs
# Where options are picked: at the start of a line, after a word that announces an answer, in brackets, two in a row.
_PICKED = re.compile(
    "|".join(
        (
            rf"^[^\w\n]{{0,10}}{_NO_NAME}{_LEAD}({_ONES}){_STOPS}",
            rf"\b(?:options?|box(?:es)?|letters?)\s+({_ONES})(?!\w)",
            rf"\b(?:{_ANNOUNCES})\s+({_ONES}){_STOPS}",
            r"(?<!\w)(\([a-f1-6]\))",
            r"(?<!primary )(?<![\w/])([(\[]?[a-f1-6][)\]]? (?:and|or|&) [(\[]?[a-f1-6][)\]]?)"  # no «and a»
            r"(?=\s*(?:[.,;:!?)]|please|for (?:us|me)|in equal|are\b|both\b|$))",
        )
    ),
    re.IGNORECASE | re.MULTILINE,
)
_LETTER = re.compile(r"(?<!\w)[a-f1-6](?!\w)", re.IGNORECASE)
_CLAUSE_ENDS = re.compile(r"[.;!?\n]\s|\n|\bbut\b|,\s(?=(?:it|so|we|i|that|just|only|rather)\b)", re.IGNORECASE)
_LOOK = 80  # characters of a clause before and after an option that are looked at
_REFUSED = re.compile(  # before an option, in its clause: it is not the one, or was it once
    r"\b(?:not|never|neither|nor|without|rather than|instead of|nothing like|no longer|used to|until|formerly|wasn't|isn't|aren't|weren't"
    r"|(?:i|we)(?:'d| would) have (?:said|put|ticked|picked))\b|\bno(?=\s+to\b)",
    re.IGNORECASE,
)
_REFUSED_AFTER = re.compile(  # after it
    r"[)\]]?\s*(?:(?:is|are|does|do|was|were|did)\s?(?:not|n't)\s+(?:(?:quite|really|exactly)\s+)?"
    r"(?:for|me|us|ours|mine|it|right|true|the|apply|fit|what|any|ones?)\b"
    r"|(?:was|were) (?:last|over|before|finished|dropped|years|a while|in 20)|(?:is|are) (?:over|out|off|done|dropped|finished|by with)\b"
    r"|(?:doesn|don|isn|aren)'t (?:apply|fit|suit|for|us|me|it)\b)",
    re.IGNORECASE,
)
_ALL_BUT = re.compile(
    r"\b(?:everything|all|any|anything|the lot|each|all of them)\b[^.;!?\n]{0,40}\b(?:except|but|bar|barring|save|apart from|other than)\s+"
    rf"(?:for )?(?:option |number |letter )?({_ONES})",
    re.IGNORECASE,
)


class Pick(NamedTuple):
    """An option named in a text: where, its mark, and whether it is refused there."""

    start: int
    end: int
    mark: str
    refused: bool


def listed(text: str) -> list[tuple[str, str]]:
    """The options of a list marked a, b, c or 1, 2, 3, each with its text, in order; [] where there is none."""
    for marks in (_LIST_LINE, _LIST_MARK):
        for order in ("abcdef", "123456"):
            starts: list[tuple[int, int]] = []
            position = 0
            for mark in order:
                match = next((m for m in marks.finditer(text, position) if (m[1] or m[2]).lower() == mark), None)
                if match is None:
                    break
                starts.append((match.start(), match.end()))
                position = match.end()
            if len(starts) >= FEWEST:
                ends = [start for start, _ in starts[1:]] + [len(text)]
                said = [text[begin:end] for (_, begin), end in zip(starts, ends, strict=True)]
                if not any("\n" in option.strip() for option in said[:-1]):  # a line each: what follows the last is no option
                    said[-1] = said[-1].partition("\n")[0]
                return list(zip(order, said, strict=False))
    return []


def picked(text: str, marks: Sequence[str]) -> list[Pick]:
    """Where the text picks or refuses options by letter or number; all but some where it says so."""
    for match in _ALL_BUT.finditer(text):
        but = {letter[0].lower() for letter in _LETTER.finditer(match[1])}
        return [Pick(*match.span(), mark, False) for mark in marks if mark not in but]
    found: list[Pick] = []
    for match in _PICKED.finditer(text):
        place = match.lastindex or 0
        start = match.start(place)
        no = refused(text, start, match.end(place))
        found += [Pick(start + m.start(), start + m.end(), m[0].lower(), no) for m in _LETTER.finditer(match[place])]
    return found


def refused(text: str, start: int, end: int) -> bool:
    """Whether the option that stands there is one that the writer has not, or no longer."""
    before, after = _clause(text, start, end)
    return _REFUSED.search(before) is not None or _REFUSED_AFTER.match(after) is not None


def _clause(text: str, start: int, end: int) -> tuple[str, str]:
    """What stands before and after a place of the text in its own clause."""
    before, after = text[max(start - _LOOK, 0) : start], text[end : end + _LOOK]
    ends = [m.end() for m in _CLAUSE_ENDS.finditer(before)]
    stop = _CLAUSE_ENDS.search(after)
    return before[ends[-1] if ends else 0 :], after[: stop.start() if stop else _LOOK]
