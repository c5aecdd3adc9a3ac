"""Where no list of schools is given: whether the letter names another school that only a list would know.

«Ashmuir Primary, and Jo's at Elmbank»: without a list, only a name with its form («Primary») is seen, and a letter of two
schools would be registered for one. What stands where a school's name stands («at Elmbank», «Ashmuir Primary, Elmbank and
Fairlea», «Jo has Elmbank») and is no known place, day or person may be one, unless the words around say that it is
somebody else's; and who tells of three schools and names one has told of two more. The member is asked.

What it does badly: a person told of behind «and» may be taken for a school; that costs a question.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from spacy.lang.en.stop_words import STOP_WORDS

from parse.gazetteer.wordlists import BELONGS_BEHIND
from parse.institutions.counted import Counted
from parse.institutions.letter import PASSED_OVER, Found, Letter, Text
from parse.institutions.standing import Standing

__all__ = ["unread"]

_JOINED = re.compile(r"\s*(?:\([^()\n]{1,60}\))?[\s,]*(?:,|/|&|\+|\b(?:and|plus|with|n)\b)\s*(?:the\s+)?", re.IGNORECASE)
_ENDS = re.compile(
    r"[ \t]*(?:$|[.,;:!()/\n&+-]|(?:and|both|all|are|share|have|plus|in|for|is|has|would|want|hope|will|primary|high|academy|schools)\b)", re.IGNORECASE
)
_SHARED = frozenset(("joint", "persons", "several"))
_IF_TOLD, _PERHAPS, _SURE = 1, 2, 3
_LONGEST = 4  # words of a name
_REACH = 12  # words between a name and the next of its list


def unread(letter: Letter, founds: Sequence[Found], chosen: Sequence[Found]) -> list[str]:
    """Names that may be another school that takes part; one for each school that is told of by number and not named."""
    if letter.gazetteer.by_authority or not chosen or "alone" in letter.said or any(found.cue.startswith("institution.sole") for found in chosen):
        return []
    if any(found.mention.kind == "college" for found in chosen):
        return []  # colleges are listed; «at Kingsway» is a campus
    shared = bool(letter.said & _SHARED)
    in_form = any(found.cue == "institution.member.label" for found in chosen)  # what a form names, its other lines may add to
    known = {norm for found in founds for norm in found.mention.core}
    standing = Standing(letter)
    names: list[str] = []
    for text in letter.texts:
        if text.zone != "own" or text.lower:
            continue
        spans = list(dict.fromkeys(_spans(letter, text, known)))
        roles = standing.roles(text, [span[:2] for span in spans]) if spans else []
        for (start, end, told), role in zip(spans, roles, strict=True):
            if in_form and told != _IF_TOLD:
                continue
            if role in ("member", "together") or (role not in PASSED_OVER and ((shared and told >= _PERHAPS) or (told == _SURE and role != "mate"))):
                names.append(text.view.folded[start:end])
    named = {found.mention.core for found in founds if found.mention.kind != "bare"}
    if not names and letter.said & {"joint", "several"} and any(number > len(named) for number in Counted(letter).told):
        names = [found.mention.text for found in chosen[:1]]
    gaelic = {"gaelic" in found.mention.forms for found in chosen}
    if not names and len(gaelic) > 1 and "school" not in {found.mention.kind for found in chosen}:
        names = [found.mention.text for found in chosen]  # «Ashmuir High School, Àrd-sgoil Aisemuir»: one school or two?
    return names


def _spans(letter: Letter, text: Text, known: set[str]) -> Iterator[tuple[int, int, int]]:
    """Where something stands that may be the name of a school without its form, and how surely."""
    words, folded = text.words, text.view.folded
    taken = {index for mention in text.mentions for index in range(mention.first, mention.last)}
    places = {index for council in text.councils for index in range(council.first, council.last)}
    ends = {mention.last for mention in text.mentions}
    people = letter.gazetteer.vocabulary.words["people"]
    index = 1
    while index < len(words):
        stop = index
        while (
            stop < len(words)
            and stop - index < _LONGEST
            and _name(letter, text, stop, taken)
            and (stop == index or folded[words[stop - 1].end : words[stop].start] == " ")
        ):
            stop += 1
        if stop == index:
            index += 1
            continue
        norms = {word.norm for word in words[index:stop]}
        if stop == index + 1 and words[index].raw.endswith("'s"):
            index = stop  # «at Ritchie's»
            continue
        behind = words[stop].norm if stop < len(words) and folded[words[stop - 1].end : words[stop].start] == " " else ""
        if (
            not norms & (known | BELONGS_BEHIND)
            and behind not in BELONGS_BEHIND
            and (told := _told(text, index, stop, ends, town=index in places, people=people))
        ):
            yield words[index].start, words[stop - 1].end, told
            ends.add(stop)
        index = stop


def _name(letter: Letter, text: Text, index: int, taken: set[int]) -> bool:
    word = text.words[index]
    return (
        word.capital
        and not (word.raw.isupper() and len(word.raw) < 6)
        and len(word.norm) > 2
        and index not in taken
        and word.norm not in STOP_WORDS
        and word.norm not in letter.gazetteer.vocabulary.never_named
        and word.norm not in letter.rules.no_schools
        and word.norm not in letter.sender_words
        and (word.norm,) not in letter.gazetteer.vocabulary.councils
        and not any(character.isdigit() for character in word.norm)
    )


def _told(text: Text, index: int, stop: int, ends: set[int], *, town: bool, people: Collection[str]) -> int:
    """Whether a school may stand here: «at X», and surely: «folk at X», «Jo has X», «Ashmuir Primary and X»; a town only as the first."""
    words, folded = text.words, text.view.folded
    before = words[index - 1]
    gap = folded[before.end : words[index].start]
    if gap.strip(" ") == ":":
        return _IF_TOLD  # «Primaries taking part: X, Y»
    who = index - 3 if index > 2 and words[index - 2].norm in ("is", "works", "teaches") else index - 2
    person = who >= 0 and (words[who].norm in people or (words[who].capital and words[who].norm not in STOP_WORDS))
    if gap == " " and person and before.norm in ("from", "has", "of", "at") and not town:
        return _SURE
    if gap == " " and before.norm == "at":
        return _PERHAPS
    near = next((end for end in range(index, max(index - _REACH - 1, 0), -1) if end in ends), 0)
    if not near or town:
        return 0
    between = folded[words[near - 1].end : words[index].start]
    for council in text.councils:
        if near <= council.first and council.last <= index:
            between = between.replace(council.text, " ", 1)
    joined = _JOINED.fullmatch(re.sub(r"\bin\b", " ", between)) and _ENDS.match(folded, words[stop - 1].end)
    return _SURE if joined else 0
