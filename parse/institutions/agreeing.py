"""Answers that take up what our letter asked: «Aye, that's the one», «You have.», «The Kirkintilloch one, not Giffnock».

What is agreed to is the one school that a question of the quoted letter names; where it names only a council («Is yours the one in
Midlothian?»), the one school that the letter speaks of. A yes by itself answers one question: that above an answer between
the lines, else the first of our letter below.

What it does badly: which of two questions a yes answers that stands above the letter is not known; the first is taken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from parse.authorities import TOWN
from parse.institutions.letter import PASSED_OVER, Found, Letter, Place, Text

__all__ = ["Agreeing", "as_own"]

_BUT = re.compile(r"\b(?:not|no|but|however|was|were|left|moved|former|formerly|previous|until)\b|n't\b", re.IGNORECASE)
_OF_PLACE = re.compile(  # «=» stands for the town in «the Kirkintilloch one»
    r"(?:(?:sorry|apologies|oh|and|so|ah|yes|hi)\b[ ,.!]*)*(?:(?:it's|it is|that's|that is|that would be|ours is|mine is|we're|we are|i'm|i am)(?: in| at)? )?"
    r"(?:the =|the (?:one|school) (?:up |down |over )?(?:in|at|near|from|by) )",
    re.IGNORECASE,
)
_SENTENCES = 12  # of the answer, in which a yes is looked for


class Agreeing:
    """``Agreeing(letter, founds, places).read(text, asked)``: the mentions and councils of our letter that an answer takes up."""

    def __init__(self, letter: Letter, founds: Sequence[Found], places: Sequence[Place]) -> None:
        self.letter, self.founds, self.places = letter, founds, places

    def read(self, text: Text, asked: Text) -> tuple[list[Found], list[Place]]:
        schools = [found for found in self.founds if found.text is asked and found.mention.kind in ("school", "unlisted")]
        if not schools:
            return [], []
        for begin, stop in self._questions(text, asked):
            mine = [found for found in schools if begin <= found.mention.start < stop and found.role not in PASSED_OVER]
            places = [place for place in self.places if place.text is asked and begin <= place.council.start < stop and place.council.alias.kind != TOWN]
            mine = mine or (schools if places else [])
            if len({found.mention.core for found in mine}) == 1:
                return as_own(asked, mine[:1], places)
        return self._of_place(text, asked, schools), []

    def _questions(self, text: Text, asked: Text) -> Sequence[tuple[int, int]]:
        """Those of our questions that the text says yes to."""
        folded = text.view.folded
        questions = [span for span in asked.sentences if asked.view.folded[slice(*span)].rstrip().endswith("?")]
        last = text.sentences[:_SENTENCES][-1][1] if text.sentences else 0
        for hit in self.letter.rules.cues["answer"].find(text.view):
            begin, end = hit.span.start_char, hit.span.end_char
            start, stop = text.sentences[text.sentence(begin)]
            if begin > last or _BUT.search(folded, start, begin) or _BUT.match(folded[end:].lstrip(" ,.!-\n")):
                continue
            ends = folded[end - 1] == "," or folded[end:stop].lstrip(" ")[:1] in ("", ".", ",", "!", ";", ":", "-", "\n")
            if hit.phrase.label == "agreed":
                if ends or folded[begin:end].split()[-1].lower() not in self.letter.gazetteer.vocabulary.words["agreed"]:
                    return questions
                continue
            inline = text.view.where == "inline_answer"
            if folded[:start].strip() or not ends:
                continue
            if inline or asked.view.where == "own_quote":
                return questions[-1:] if inline else questions[:1]
        return []

    def _of_place(self, text: Text, asked: Text, schools: Sequence[Found]) -> list[Found]:
        """«The Kirkintilloch one», «the one in Dalkeith», where our letter speaks of one name that several schools have."""
        if len({(found.mention.core, found.mention.forms - {"school"}) for found in schools}) != 1:
            return []
        mention, gazetteer = schools[0].mention, self.letter.gazetteer
        entries, _ = gazetteer.fitting([(entry, forms) for entry, _, forms in gazetteer.keys.get(mention.core, ())], mention.forms)
        for place in self.places:
            councils = tuple(council for council in place.council.alias.councils if any(entry.authority == council for entry in entries))
            if place.text is text and councils and len(entries) > 1 and _the_one(text, place):
                founds, _ = as_own(asked, schools[:1], ())
                return [replace(found, mention=replace(mention, entries=entries), near=councils, sure=()) for found in founds]
        return []


def as_own(asked: Text, founds: Sequence[Found], places: Sequence[Place]) -> tuple[list[Found], list[Place]]:
    """What our letter names as if the member had written it."""
    own = replace(asked, zone="own")
    return (
        [replace(found, text=own, role="member", answer=True) for found in founds],
        [replace(place, text=own, role="member", attached=False) for place in places],
    )


def _the_one(text: Text, place: Place) -> bool:
    """Whether a town stands in «the ... one», «the one in ...», with nothing but small words before it in the sentence."""
    begin, stop = text.sentences[text.sentence(place.council.start)]
    before, after = text.view.folded[begin : place.council.start], text.view.folded[place.council.end : stop]
    return bool(_OF_PLACE.fullmatch(before + ("=" if after.startswith((" one", " school")) else "")))
