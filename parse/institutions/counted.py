"""Several schools told by their number: «three primaries, Newton Park, Noss and Thrumster», «all four of the schools».

A name without its form is mostly a place. Where the member says how many schools take part, and just so many names that one
council has as schools stand together, or in the whole letter, they are the schools.

Promise: nothing is marked where the number and the names differ, or where a name may mean two schools of that council.

What it does badly: a letter that tells of its own school and of «two others» gives no number that counts all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise

from parse.gazetteer import Entry
from parse.institutions.letter import POSSESSIVE, Found, Letter, Text
from parse.institutions.stated import Stated

__all__ = ["OF_LIST", "Counted", "of_a_town", "tells_place"]

_NUMBERS = {"both": 2, "baith": 2, "two": 2, "twa": 2, "three": 3, "four": 4, "fower": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
_NUMBERS |= {str(number): number for number in range(2, 9)}
_SCHOOLS = {
    **dict.fromkeys(("schools", "establishments", "saints", "places", "islands", "villages", "sites"), ""),
    **dict.fromkeys(("primaries", "nurseries", "infants"), "primary"),
    **dict.fromkeys(("academies", "secondaries", "highs", "grammars"), "secondary"),
}
_KINDS = {"primary": "primary", "nursery": "primary", "infant": "primary", "secondary": "secondary", "high": "secondary"}  # «three primary schools»
_LIST, OF_LIST = 3, frozenset(("of", "at", "from", "between", "across"))  # «the teachers of Ashmuir, Elmbank and Fairlea»
_ADJECTIVES = 4  # words between the number and «schools»
# «two other schools» are not all of them, «our three feeder primaries» not the member's.
_STRANGERS = frozenset(
    word
    for line in (
        "other others more further neighbouring neighbour nearby feeder associated partner different former previous last past earlier",
        "of in at to from for with and or but who that which were was had have nor teachers classes staff pupils children people",
    )
    for word in line.split()
)
_BEFORE = frozenset("other another these those visited visit visits to taught".split())  # noqa: SIM905
_ALL = frozenset("all a' aw".split())  # noqa: SIM905
_BEHIND_ALL = frozenset("of us schools primaries to be please are in is have want will would and".split())  # noqa: SIM905
_OF_PARTNER = ("institution.other.people", "institution.other.theirs")
_MINE = ("", "member", "together")
_PLACED = re.compile(r"[\s,(]*(?:(?:here|up|down|over|also|both|all) )?(?:in|near|at|by|outside|of|on)?\s*", re.IGNORECASE)
_WITHIN = re.compile(r"[\s,(]*(?:(?:here|up|down|over) )?(?:in|near|outside)\s*", re.IGNORECASE)


class Counted:
    """``Counted(letter).mark(founds, stated)``: makes members, in place, of the names that the told number proves to be schools."""

    def __init__(self, letter: Letter) -> None:
        self.letter = letter

    @cached_property
    def told(self) -> dict[int, str]:
        """How many schools the member tells of: number -> their kind, where it is said."""
        told: dict[int, str] = {}
        for text in self.letter.texts:
            if text.zone in ("own", "subject"):
                for number, level in _numbers(text):
                    told[number] = told.get(number) or level
        only = {number for text in self.letter.texts if text.zone in ("own", "subject") for number in _only(text)}
        return {number: told.get(number, "") for number in only} or told

    @cached_property
    def persons(self) -> frozenset[int]:
        """«three of us»: how many they are, each of whom may have a school of her own."""
        return frozenset(
            number
            for text in self.letter.texts
            if text.zone in ("own", "subject")
            for one, two, three in zip(text.words, text.words[1:], text.words[2:], strict=False)
            if two.norm == "of" and three.norm == "us" and (number := _NUMBERS.get(one.norm, 0)) > 1
        )

    def mark(self, founds: Sequence[Found], stated: Stated) -> None:
        if "alone" in self.letter.said:
            return
        refused = {found.mention.core for found in founds if found.role in ("denied", "former") and found.text.zone == "own"}
        named = [found for found in founds if found.mention.core not in refused and self._may_count(found, stated)]
        groups: dict[int, list[Found]] = {}
        for found in named:
            groups.setdefault(found.group, []).append(found)
        in_full = [found for found in named if found.mention.kind == "school"]
        several = [_without_places(group) for group in [*groups.values(), in_full, named]]
        several = [group for group in several if len(_cores(group)) in self.told]
        several += [group for group in _each_at(named) if len(_cores(group)) in self.persons]
        several += [group for group in map(_without_places, groups.values()) if self._is_list(group, named)]
        for group in sorted(several, key=lambda group: -len(_cores(group))):
            entries = self._in_one_council(group, self.told.get(len(_cores(group)), ""), stated)
            if entries:
                told_of_several = not self.letter.said.isdisjoint(("joint", "several"))
                for found in group:  # «between the two primaries», of which just two are named
                    if found.role == "other" or (told_of_several and not found.role and found.mention.kind == "school"):
                        found.role = "together" if found.role else "member"
                for found in group if _cores(group, "bare") - _cores(group, "school") else ():
                    found.listed, found.role = True, found.role or "member"
                    if set(entries[found.mention.core]) <= set(found.mention.entries):  # «Ashmuir High and Ashmuir Primary» are of one name
                        found.mention = replace(found.mention, entries=entries[found.mention.core])
                return

    def _is_list(self, group: Sequence[Found], named: Sequence[Found]) -> bool:
        """«the teachers of Ashmuir, Elmbank and Fairlea», where no other school is named in full."""
        return len(_cores(group)) >= _LIST and group[0].word_before in OF_LIST and _cores(named, "school") <= _cores(group)

    def _may_count(self, found: Found, stated: Stated) -> bool:
        mention = found.mention
        return (
            found.text.zone == "own"
            and (found.role in _MINE or self._of_partner(found))
            and ((mention.kind == "school" and not mention.text.endswith(POSSESSIVE)) or (mention.kind == "bare" and self._name(found)))
            and bool(mention.entries)
            and not stated.passes_over(found)
        )

    def _of_partner(self, found: Found) -> bool:
        """«My other half and I teach in two schools: he's at Ashmuir High, I'm at Elmbank Academy»: told of him, and named in full."""
        return found.cue in _OF_PARTNER and found.mention.kind == "school" and "joint" in self.letter.said

    def _name(self, found: Found) -> bool:
        core, word = found.mention.core, found.text.words[found.mention.first]
        if of_a_town(self.letter, found):
            return False
        if core in self.letter.gazetteer.vocabulary.councils or all(norm in self.letter.sender_words for norm in core):
            return False
        if found.mention.first:
            before = found.text.words[found.mention.first - 1]
            gap = found.text.view.folded[before.end : found.mention.start]
            if gap == " " and before.capital and not found.text.opens(before.start):
                return False  # «Gillian Ross»
        return (word.capital or found.text.lower) and not word.raw.endswith("'s")

    def _in_one_council(self, group: Sequence[Found], level: str, stated: Stated) -> dict[tuple[str, ...], tuple[Entry, ...]]:
        """The one school of each name in the council that has them all; nothing where that is not sure."""
        if all(found.mention.kind == "school" and len(found.mention.entries) == 1 for found in group):
            return {found.mention.core: found.mention.entries for found in group}  # each of them is sure by itself
        level = level or self.letter.stage
        fitting = {
            found.mention.core: tuple(entry for entry in found.mention.entries if found.mention.kind == "school" or not level or entry.level == level)
            for found in group
        }
        common = set.intersection(*({entry.authority for entry in entries} for entries in fitting.values()))
        if len(common) > 1:
            common &= set(stated.councils("own", "subject", "signature"))
        if len(common) != 1:
            return {}
        mine = {core: tuple(entry for entry in entries if entry.authority in common) for core, entries in fitting.items()}
        return mine if all(len({entry.label for entry in entries}) == 1 for entries in mine.values()) else {}


def _cores(group: Sequence[Found], *kinds: str) -> set[tuple[str, ...]]:
    return {found.mention.core for found in group if not kinds or found.mention.kind in kinds}


def _each_at(named: Sequence[Found]) -> list[list[Found]]:
    """The names of a sentence that stand each behind «at»: «I'm at Ashmuir Primary, Jo's at Elmbank and Fee's at Fairlea»."""
    sentences: dict[tuple[int, int], list[Found]] = {}
    for found in named:
        if found.mention.first and found.text.words[found.mention.first - 1].norm == "at":
            sentences.setdefault(found.sentence, []).append(found)
    return [group for group in sentences.values() if any(found.role == "member" for found in group)]


def _without_places(group: Sequence[Found]) -> list[Found]:
    """The names without the towns that tell where a school is: «Ashmuir Primary, Denny», «St Anne's in Denny»."""
    places = {other.mention.core for one, other in pairwise(group) if tells_place(one, other)}
    return [found for found in group if found.mention.kind != "bare" or found.mention.core not in places]


def of_a_town(letter: Letter, found: Found) -> bool:
    """«the three Ashmuir secondaries»: a name that stands before its schools is their town's."""
    behind = found.text.words[found.mention.last : found.mention.last + 1]
    return found.mention.kind == "bare" and bool(behind) and behind[0].norm in _SCHOOLS


def tells_place(one: Found, other: Found) -> bool:
    """Whether the name ``other`` stands behind ``one`` as the place where that is."""
    if other.mention.kind != "bare" or one.text is not other.text:
        return False
    gap = one.text.view.folded[one.mention.end : other.mention.start]
    return len(gap) < 14 and bool((_WITHIN if one.mention.kind == "bare" else _PLACED).fullmatch(gap))


def _numbers(text: Text) -> Iterator[tuple[int, str]]:
    """The numbers of schools that a text tells, with their kind."""
    found, folded = text.words, text.view.folded
    for index, word in enumerate(found):
        number = _NUMBERS.get(word.norm)
        if number is None or (index and found[index - 1].norm in _BEFORE):
            continue
        if index and found[index - 1].norm in _ALL and not _goes_on(text, index):
            yield number, ""
            continue
        level = ""
        for after in range(index + 1, min(len(found), index + 2 + _ADJECTIVES)):
            norm, gap = found[after].norm, folded[found[after - 1].end : found[after].start]
            if gap.strip(" ,-") or norm in _STRANGERS:
                break
            level = _KINDS.get(norm, level)
            if norm in _SCHOOLS:
                yield number, _SCHOOLS[norm] or level
                if _and_one(text, after):
                    yield number + 1, ""
                break


def _only(text: Text) -> Iterator[int]:
    """«I go round four schools, but only two of them come into this»: how many of all that are told take part."""
    for one, two, three, four in zip(text.words, text.words[1:], text.words[2:], text.words[3:], strict=False):
        number = _NUMBERS.get(two.norm, 0)
        if number > 1 and one.norm in ("only", "just") and three.norm == "of" and four.norm in ("them", "these", "those", "which"):
            yield number


def _goes_on(text: Text, index: int) -> bool:
    """«all four classes», «all three of us»: not of schools."""
    found, folded = text.words, text.view.folded
    if index + 1 >= len(found) or folded[found[index].end : found[index + 1].start].strip(" "):
        return False
    behind = [word.norm for word in found[index + 1 : index + 3]]
    return behind[0] not in _BEHIND_ALL or behind == ["of", "us"]


def _and_one(text: Text, index: int) -> bool:
    """«three schools on the coast and one up the hill»."""
    _, stop = text.sentences[text.sentence(text.words[index].start)]
    norms = [word.norm for word in text.words[index + 1 : text.word_at(stop)]]
    return any(one in ("and", "plus") and other == "one" for one, other in pairwise(norms))
