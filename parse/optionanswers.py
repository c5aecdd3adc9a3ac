"""Answers to a quoted list of options: which options a text lists, and which of them another text picks or refuses.

A list is marked («(a) … (b) …», «I / II / III», «1 - …» a line each), or its options only stand in an order: bullets, lines,
«a group, one teacher, or a plan?». It is answered with its marks («B», «option 2 for us», «not (b)», «all but 2 and 4»), in the
answer's own item of that number where questions and answers are numbered («3. c»). What the options mean, and ordinals
(«the last one»), are for the caller.

Promise: every pattern is bounded and so much of a quote is looked at, so that hostile text costs in proportion to its size.

What it does badly: a letter that is part of a sentence («we did b last year») is only seen where a mark or a word announces it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

__all__ = ["FEWEST", "NUMBER", "Listing", "Pick", "item", "listed_by_writer", "listings", "picked", "refused"]

FEWEST = 3  # options of a list that needs no closer look; of two each has to be plain
_LOOKED_AT = 6000  # characters of a quote
_MOST_STARTS = 12  # of lists of one shape
_LONGEST_LINE = 160
_WRAPPED = 55  # characters of a line that a program may have wrapped
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi")
_QUOTED = re.compile(r"^[>|\s]+", re.MULTILINE)
_MARK = r"(?P<mark>[A-Za-z]|\d|[ivIV]{2,3})"
# How options are marked, the plainest first. In the first two a list may begin with any letter («(w) … (x) …»).
_SHAPES = tuple(
    re.compile(shape, re.MULTILINE)
    for shape in (
        rf"\({_MARK}\)\s*(?=\S)",
        rf"(?<![\w(]){_MARK}\)\s*(?=\S)",
        rf"(?<![\w.]){_MARK}[.:]\s+(?=\S)",
        rf"(?:^|[,;/]|\bor\b)\s*{_MARK}\s?(?:[-=:/|]+)\s*(?=\S)",
        rf"(?:^|\bor\b)\s*{_MARK}\s+(?=\S)",
        r"(?<![\w.,'])(?P<mark>[A-Z]|\d|[IV]{2,3})\s+(?=\S)",
    )
)
_BRACKETED = 2  # so many shapes have brackets
_BULLET = re.compile(r"^\s*(?:[-*\u2022\u00b7\u2013\u2014+]|o(?=\s))\s*(?=\w)", re.MULTILINE)
_NEXT_QUESTION = re.compile(r"\n\W*\d{1,2}\s?[).:/]|\?\s|[.!]\s+[A-Z]")
_SENTENCE_ENDS = re.compile(r"(?<=[.?!])\s+")
_SLASHES = re.compile(r"\s+/\s+")
_COMMAS = re.compile(r",?\s+\bor\b\s+(?!two\b|three\b|more\b|under\b)|,\s+(?!others\b|who\b|which\b|that\b|with\b|to which\b)")
NUMBER = re.compile(r"^[^\w\n]*(?:q(?:uestion)?\.?\s?)?(\d{1,2})\s?[).:/-](?!\d)", re.MULTILINE | re.IGNORECASE)
_TOLD = 5  # words behind a mark that make it the head of a paragraph
_FOLLOWS = (  # what may come after a letter that is an answer
    r"[.!?,;:)\n&=*]|please|pls|plz|for (?:us|me)|in equal|as well|too\b|[-\u2013\u2014(]|it is\b|it'd be\b"
    r"|(?:i|we)(?:'d| would)? (?:think|guess|reckon|suppose|say|believe|hope)\b|(?:i|we) (?:am|are)\b|that's|thanks|thank you|ta\b|cheers"
    r"|obviously|definitely|probably|and (?:it's|the|my|our|only)\b|on (?:your|the) list|of (?:your|the|those)\b"
    r"|is (?:us|me|ours|mine|near|clos|it\b|right|best|the (?:one|near|clos))|describes|fits|suits|applies|apply|sounds|best|[^\w\s]|$"
)
_LEAD = (
    r"(?:(?:option|options|answer|answers|choice|number|numbers|letter|letters|box|boxes|no|it's|it is|that's|that is|we're|i'm|we are|i am"
    r"|definitely|probably|please|tick|ticked|yes|so|then|well|ok|okay|sorry|aye|oh|erm?|um|hm+|just|hi|hello|thanks)[,:!.]*\s+){0,12}"
)
_ANNOUNCES = (
    r"it's|it is|that's|we're|i'm|i'd|we'd|say|said|choose|chose|pick|picked|tick(?:ed)?|plump for|go for|be|number"
    r"|answer(?: is| was)?(?: certainly| definitely| probably)?|not|never|except|to|put|so"
)
_NO_NAME = r"(?!(?-i:[A-Z]\.\s?[A-Z][\w'-]+)[^\w\n]*(?:\(|$))"  # «A. Kerr» signs
_CLAUSE_ENDS = re.compile(r"[.;!?\n]\s|\n|\bbut\b|,\s(?=(?:it|so|we|i|that|just|only|rather)\b)", re.IGNORECASE)
_LOOK = 80  # characters of a clause before and after an option that are looked at
_REFUSED = re.compile(  # before an option, in its clause: it is not the one, or was it once
    r"\b(?:not|never|neither|nor|without|rather than|instead of|nothing like|no longer|used to|until|formerly|wasn't|isn't|aren't|weren't"
    r"|(?:i|we)(?:'d| would) have (?:said|put|ticked|picked))\b|\bno(?=\s+to\b)",
    re.IGNORECASE,
)
_REFUSED_AFTER = re.compile(  # after it
    r"[)\].:]?\s*(?:(?:no|nope|naw|nah|not us)\b(?! (?:idea|doubt))|(?:is|are|does|do|was|were|did)\s?(?:not|n't)\s+(?:(?:quite|really|exactly)\s+)?"
    r"(?:for|me|us|ours|mine|it|right|true|the|apply|fit|what|any|ones?)\b"
    r"|(?:was|were) (?:last|over|before|finished|dropped|years|a while|in 20)|(?:is|are) (?:over|out|off|done|dropped|finished|by with)\b"
    r"|(?:doesn|don|isn|aren)'t (?:apply|fit|suit|for|us|me|it)\b|(?:if|unless|should) (?!i\b|we\b|you\b|any|pushed|pressed|forced|that))",
    re.IGNORECASE,
)


class Listing(NamedTuple):
    """The options of a question, each with its mark, "" where they only stand in an order; ``number``: the question's own, or ""."""

    marks: tuple[str, ...]
    options: tuple[str, ...]
    number: str


class Pick(NamedTuple):
    """An option named in a text: where, its mark, and whether it is refused there."""

    start: int
    end: int
    mark: str
    refused: bool


# --- what is listed


def listings(quoted: str) -> Iterator[Listing]:
    """The lists of options in a quote, marked ones first; two options at least."""
    text = _QUOTED.sub("", quoted[:_LOOKED_AT])
    for place, shape in enumerate(_SHAPES):
        yield from _marked(text, [(m.start(), m.end(), m["mark"]) for m in shape.finditer(text)], any_letter=place < _BRACKETED)
    yield from _bulleted(text)
    yield from _in_prose(text)


def _after(mark: str, *, roman: bool) -> str:
    if roman:
        place = _ROMAN.index(mark.lower()) + 1 if mark.lower() in _ROMAN else len(_ROMAN)
        return (_ROMAN[place] if mark.islower() else _ROMAN[place].upper()) if place < len(_ROMAN) else ""
    return chr(ord(mark) + 1) if len(mark) == 1 and mark not in "9zZ" else ""


def _marked(text: str, found: Sequence[tuple[int, int, str]], *, any_letter: bool) -> Iterator[Listing]:
    """Marks that follow one another, from each that may be the first of its list up to where another list begins."""
    starts = 0
    taken = -1  # the place of the last mark in a list
    for place, (start, _, first) in enumerate(found):
        if place <= taken or starts >= _MOST_STARTS:
            continue
        roman = first in ("i", "I")
        if not (roman or first in "1aA" or (any_letter and first.isalpha() and len(first) == 1)):
            continue
        starts += 1
        chain, wanted = [place], _after(first, roman=roman)
        for later in range(place + 1, len(found)):
            if found[later][2] == first and [mark for _, _, mark in found[later + 1 : later + 2]] == [_after(first, roman=roman)]:
                break
            if found[later][2] == wanted:
                chain.append(later)
                wanted = _after(wanted, roman=roman)
        if len(chain) < (2 if roman or first in "1aA" else FEWEST):
            continue
        taken = chain[-1]
        spans = [found[one] for one in chain]
        options = [text[end:stop] for (_, end, _), (stop, _, _) in zip(spans, [*spans[1:], (len(text), 0, "")], strict=True)]
        yield Listing(tuple(mark.lower() for _, _, mark in spans), tuple(_whole(options)), _number(text, start))


def _whole(options: list[str]) -> list[str]:
    """The options, the last one without what follows the list."""
    if not any("\n" in option.strip() for option in options[:-1]):  # a line each
        options[-1] = options[-1].strip().partition("\n")[0]
    options[-1] = _NEXT_QUESTION.split(options[-1] + " ", maxsplit=1)[0]
    return [" ".join(option.split()).strip(" ;,/") for option in options]


def _number(text: str, start: int) -> str:
    numbers = NUMBER.findall(text[:start])
    return numbers[-1] if numbers else ""


def _bulleted(text: str) -> Iterator[Listing]:
    """Bullets one after another, a line between them at most going on with the last."""
    bullets = list(_BULLET.finditer(text))
    group: list[re.Match[str]] = []
    for place, bullet in enumerate(bullets[: 10 * _MOST_STARTS]):
        group.append(bullet)
        following = bullets[place + 1] if place + 1 < len(bullets) else None
        if following is not None and text.count("\n", bullet.end(), following.start()) <= FEWEST - 1:
            continue
        if len(group) >= FEWEST - 1:
            options = [text[one.end() : stop] for one, stop in zip(group, [*(b.start() for b in group[1:]), len(text)], strict=True)]
            yield Listing(("",) * len(options), tuple(_whole(options)), _number(text, group[0].start()))
        group = []


def _in_prose(text: str) -> Iterator[Listing]:
    """Lines one after another, and the parts of a sentence that semicolons, commas and «or» divide."""
    lines = text.split("\n")
    short = [bool(line.strip()) and len(line) < _LONGEST_LINE and line.rstrip()[-1] not in ":?" for line in lines]
    start = 0
    while start < len(lines):
        stop = start
        while stop < len(lines) and short[stop]:
            stop += 1
        if stop - start >= FEWEST and not _is_wrapped(lines[start:stop]):
            yield Listing(("",) * (stop - start), tuple(lines[start:stop]), "")
        start = stop + 1
    offset = 0
    for sentence in _SENTENCE_ENDS.split(text):
        at, offset = text.find(sentence, offset), offset + len(sentence)
        plain = " ".join(sentence.rpartition(":")[2].split())
        if len(slashed := _SLASHES.split(plain.strip("() "))) >= FEWEST and len(plain) <= 6 * _LONGEST_LINE:
            yield Listing(("",) * len(slashed), tuple(slashed), _number(text, max(at, 0) + len(sentence)))
        if not re.search(r"\bor\b", plain) or len(plain) > 6 * _LONGEST_LINE:
            continue
        options = [part for part in (re.split(r";\s+(?:or\s+)?", plain) if plain.count(";") > 1 else _COMMAS.split(plain)) if part.strip()]
        if len(options) >= FEWEST - 1:
            yield Listing(("",) * len(options), tuple(options), _number(text, max(at, 0) + len(sentence)))


def _is_wrapped(lines: Sequence[str]) -> bool:
    """Whether lines are those of one sentence that a program wrapped: all but the last are long, and they go on in small letters."""
    return all(len(line) > _WRAPPED for line in lines[:-1]) and any(line.lstrip("(\"'")[:1].islower() for line in lines[1:])


# --- what is picked


def item(text: str, number: str) -> tuple[int, int]:
    """Where the text answers the question of that number: its own item, or all of it where items are not numbered so."""
    items = list(NUMBER.finditer(text))
    for one, stop in zip(items, [*(m.start() for m in items), len(text)][1:], strict=True):
        if number and one[1] == number:
            return one.end(), stop
    return (0, 0) if number and len(items) > 1 else (0, len(text))


class _Picker(NamedTuple):
    all_but: re.Pattern[str]
    picked: re.Pattern[str]
    one: re.Pattern[str]


@lru_cache(maxsize=64)
def _picker(marks: tuple[str, ...]) -> _Picker:
    """Where options are picked: at the start of a line, after a word that announces an answer, in brackets, two in a row."""
    mark = "|".join(sorted(marks, key=len, reverse=True))
    one = rf"(?<![\w/'])[(\[]?(?:{mark})(?![\w/'])[)\]]?"
    ones = rf"(?:{one}(?:\s?(?:,|&|\+|and|or|nor|plus|,\s?and)\s?(?:also |maybe )?{one}){{0,4}})"
    return _Picker(
        re.compile(
            r"\b(?:everything|all|any|anything|the lot|each|all of them)\b[^.;!?\n]{0,40}\b(?:except|but|bar|barring|save|apart from|other than)\s+"
            rf"(?:for )?(?:option |number |letter )?({ones})",
            re.IGNORECASE,
        ),
        re.compile(
            "|".join(
                (
                    rf"^[^\w\n]{{0,10}}{_NO_NAME}{_LEAD}({ones})(?=\s*(?:{_FOLLOWS}))",
                    rf"\b(?:options?|box(?:es)?|letters?)\s+({ones})(?!\w)",
                    rf"\b(?:{_ANNOUNCES})\s+({ones})(?=\s*(?:{_FOLLOWS}))",
                    rf"(?<!\w)(\((?:{mark})\))",
                    rf"(?<!primary )(?<![\w/])([(\[]?(?:{mark})[)\]]? (?:and|or|&) [(\[]?(?:{mark})[)\]]?)"  # no «and a»
                    r"(?=\s*(?:[.,;:!?)]|please|for (?:us|me)|in equal|are\b|both\b|$))",
                )
            ),
            re.IGNORECASE | re.MULTILINE,
        ),
        re.compile(rf"(?<!\w)(?:{mark})(?!\w)", re.IGNORECASE),
    )


def picked(text: str, marks: Sequence[str], start: int = 0, end: int | None = None) -> list[Pick]:
    """Where the text picks or refuses options by letter or number, between these places; all but some where it says so."""
    told = tuple(mark for mark in marks if mark)
    if not told:
        return []
    picker = _picker(told)
    stop = len(text) if end is None else end
    here = text[start:stop]
    for match in picker.all_but.finditer(here):
        but = {letter[0].lower() for letter in picker.one.finditer(match[1])}
        return [Pick(start + match.start(), start + match.end(), mark, False) for mark in told if mark not in but]
    found: list[Pick] = []
    numbered = {m.start(1) for m in NUMBER.finditer(here)} if len(NUMBER.findall(here)) > 1 and not told[0].isalpha() else set()
    for match in picker.picked.finditer(here):
        first, last = match.span(match.lastindex or 0)
        if first in numbered:  # «1. Tain. 2. Neither.»: the numbers of questions
            continue
        no = refused(here, first, last)
        found += [Pick(start + m.start(), start + m.end(), m[0].lower(), no) for m in picker.one.finditer(here, first, last)]
    return found


def listed_by_writer(text: str, picks: Sequence[Pick]) -> bool:
    """Whether these are no answers but the marks of a list that the writer makes: «(a) Our science team has ... (b) A different team ...»."""
    heads = []
    for pick in picks:
        line, stop = text.rfind("\n", 0, pick.start) + 1, text.find("\n", pick.end)
        told = len(text[pick.end : stop if stop >= 0 else len(text)].split())
        if not text[line : pick.start].strip(" \t(*-\u2022") and told >= _TOLD:
            heads.append(pick.mark)
    return heads[:2] in (["0", "1"], ["a", "b"])


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
