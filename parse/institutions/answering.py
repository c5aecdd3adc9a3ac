"""Short answers to our own question: «Number 2, thanks», «The second of the two», «The High School», and those of ``agreeing``.

What is picked is what our letter, quoted below, offered: schools or councils, in the order in which it named them. Only an answer that
says which one, and nothing else of it, picks; and only among two or more.

What it does badly: an answer that is more than a few words long is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from parse.authorities import TOWN
from parse.institutions.agreeing import Agreeing, as_own
from parse.institutions.letter import Found, Letter, Place, Text
from parse.schoolnames import words

__all__ = ["Answers"]

_OPENS = r"(?:(?:yes|hi|hello|thanks|sorry)\b[ ,.!]*)*(?:(?:it's|its|it is|that's|that is|that would be|ours is|mine is|we're|we are|i'm|i am)(?: in| at)? )?"
_WHICH = re.compile(
    rf"(?:(?P<item>\d{{1,2}})[.):] *)?{_OPENS}(?:(?:the )?(?P<word>first|second|third|fourth|last|1st|2nd|3rd|4th|former|latter)"
    r"(?: (?:one|school|council|of (?:the|those|your|them)(?: (?:two|three|four))?|option|primary|place))*"
    r"|(?:number|no\.?|option|#) ?(?P<number>[1-9]))(?P<rest>[^\n.!?]{0,30})",
    re.IGNORECASE | re.ASCII,  # «ı» is no i: what is found is looked up
)
_KIND = re.compile(rf"{_OPENS}the (?P<kind>high|primary|academy|grammar|secondary|infant|nursery)(?: school| one)?(?: please| thanks)?[ .,!]*", re.IGNORECASE)
_ORDER = {"first": 0, "former": 0, "1st": 0, "second": 1, "latter": -1, "last": -1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3}
_LINES = 12  # of the answer, in which it is looked for


class Answers:
    """``Answers(letter, founds, places).read()``: what the member picked, as mentions and councils of the member's own."""

    def __init__(self, letter: Letter, founds: Sequence[Found], places: Sequence[Place]) -> None:
        self.letter, self.founds, self.places = letter, founds, places
        lists = letter.gazetteer.vocabulary.words
        self._thanks = {*lists["thanks"], *lists["addressed"]}

    def read(self) -> tuple[list[Found], list[Place]]:
        picked: list[Found] = []
        stated: list[Place] = []
        agreeing = Agreeing(self.letter, self.founds, self.places)
        for text in self.letter.texts:
            if text.zone != "own" or len(text.words) > 400 or (quoted := self._quoted(text)) is None:
                continue
            founds, places = agreeing.read(text, quoted)
            if not founds and (asked := self._asked(text)) is not None:
                for line in text.view.folded.split("\n")[:_LINES]:
                    more, towns = self._of_line(line.strip(), asked)
                    founds += more
                    places += towns
            picked += founds
            stated += places
        return picked, stated

    def _asked(self, answer: Text) -> Text | None:
        """Our letter that is answered: the quote above an answer between the lines, else the one below."""
        inline = answer.view.where == "inline_answer"
        quotes = [text for text in self.letter.texts if text.view.where == "own_quote" or (inline and text.zone == "quote")]
        above = [text for text in quotes if text.order < answer.order]
        return above[-1] if inline and above else next((text for text in quotes if text.view.where == "own_quote"), None)

    def _quoted(self, answer: Text) -> Text | None:
        """Our letter, or else whatever is quoted: a letter of a desk whose name the settings do not know."""
        return self._asked(answer) or next((text for text in self.letter.texts if text.zone == "quote"), None)

    def _of_line(self, line: str, asked: Text) -> tuple[list[Found], list[Place]]:
        if kind := _KIND.fullmatch(line):
            return self._of_kind(kind["kind"].lower(), asked), []
        which = _WHICH.match(line)
        if which is None or any(word.norm not in self._thanks and word.norm not in self.letter.sender_words for word in words(which["rest"])):
            return [], []
        begin, stop = self._question(asked, which["item"])
        at = int(which["number"]) - 1 if which["number"] else _ORDER[which["word"].lower()]
        numbers = [match.start() for match in re.finditer(r"\((?:\d|i{1,3}|iv|[a-e])\)", asked.view.folded[:20_000]) if begin <= match.start() < stop]
        if which["number"] and len(numbers) < 2:
            return [], []
        if len(numbers) > 1:
            return self._between(asked, *self._part(numbers, at, stop))
        schools = [found for found in self.founds if found.text is asked and found.mention.kind == "school" and begin <= found.mention.start < stop]
        if len({found.mention.core for found in schools}) > 1 or len({found.mention.forms for found in schools}) > 1:
            return self._between(asked, *self._part([found.mention.start for found in schools], at, stop))[0], []
        return self._between(asked, *self._part(self._councils(asked, begin, stop), at, stop))

    def _councils(self, asked: Text, begin: int, stop: int) -> list[int]:
        """Where the councils begin that one sentence of ours, and only one, gives to choose among."""
        told: dict[int, dict[tuple[str, ...], int]] = {}
        for place in self.places:
            council = place.council
            if place.text is asked and council.alias.kind != TOWN and begin <= council.start < stop:
                told.setdefault(asked.sentence(council.start), {}).setdefault(council.alias.councils, council.start)
        several = [list(councils.values()) for councils in told.values() if len(councils) > 1]
        return several[0] if len(several) == 1 else []

    def _part(self, starts: Sequence[int], at: int, stop: int) -> tuple[int, int]:
        spans = [*pairwise(starts), (starts[-1], stop)] if len(starts) > 1 else []
        return spans[at] if -len(spans) <= at < len(spans) else (0, 0)

    def _question(self, asked: Text, item: str | None) -> tuple[int, int]:
        """The part of our letter that is meant: that of the same number, else all."""
        folded = asked.view.folded
        if item is not None:
            found = re.search(rf"(?:^|\n) *{item}[.)] ", folded[:20_000])
            if found is not None:
                following = re.search(rf"\n *{int(item) + 1}[.)] ", folded[found.end() : 20_000])
                return found.end(), found.end() + following.start() if following else len(folded)
        return 0, len(folded)

    def _between(self, asked: Text, begin: int, stop: int) -> tuple[list[Found], list[Place]]:
        founds, places = as_own(
            asked,
            [found for found in self.founds if found.text is asked and found.mention.kind == "school" and begin <= found.mention.start < stop],
            [place for place in self.places if place.text is asked and place.council.alias.kind != TOWN and begin <= place.council.start < stop],
        )
        if len({found.mention.core for found in founds}) > 1 or len({place.council.alias.councils for place in places}) > 1:
            return [], []
        return founds[:1], places[:1]

    def _of_kind(self, kind: str, asked: Text) -> list[Found]:
        """«THE HIGH SCHOOL», where our letter asked «Eyemouth Primary or Eyemouth High?»."""
        offered = [found for found in self.founds if found.text is asked and found.mention.kind == "school"]
        meant = [found for found in offered if kind in found.mention.forms]
        if len({found.mention.core for found in meant}) != 1 or len({found.mention.forms for found in offered}) < 2:
            return []
        return as_own(asked, meant[:1], ())[0]
