"""Which schools, colleges and councils a member takes part for: one, several or none, never a guess.

Finding and choosing are apart. Finding gives every mention in every zone with all that it may mean
(``letter``, ``councils``) and what the words around it say: taught there, left it, a neighbour's, denied, home
(``standing``). Choosing weighs whose words a mention stands in (``choosing``), then settles namesakes by what the
whole message says of council, town, postcode and e-mail domain (``stated``, ``narrowing``). What stays open is said:
options and a reason, and the field is empty (``resolving``).

Promise: every candidate, also the losing ones, keeps its span (``record``); work is linear in the text, and bounded.

What it does badly: it reads sentence by sentence, so «my old school. Ashmuir Primary.» is not seen as
a former school; and a second school that takes part is only seen as such where the words say so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailroom.model import ParsedMessage
from parse.gazetteer import Mention
from parse.institutions.answering import Answers
from parse.institutions.choosing import Choosing
from parse.institutions.councils import CouncilNames
from parse.institutions.letter import PASSED_OVER, Found, Letter, Place, Text
from parse.institutions.remembered import that_do_not_hold
from parse.institutions.resolving import Institutions, Resolving
from parse.institutions.rules import InstitutionRules
from parse.institutions.standing import Standing
from parse.institutions.stated import Stated
from parse.schoolnames import School
from parse.textview import TextView

__all__ = ["InstitutionFinder", "Institutions", "School"]


class InstitutionFinder(InstitutionRules):
    """Reads institutions and councils with the data of one programme folder and, if given, lists of schools.

    ``InstitutionFinder(folder, schools).find(parsed, views)``; the gazetteer is built at the first message.
    """

    def find(self, parsed: ParsedMessage, views: tuple[TextView, ...], *, councils: Sequence[str] = (), forwarded: bool = False) -> Institutions:
        """``councils``: the member's, where they are known from an earlier message. ``forwarded``: the member's words are those that are passed on."""
        letter, founds, stated = self._looked_over(Letter(self, parsed, views, forwarded=forwarded))
        if without := that_do_not_hold(letter, founds, stated, councils):
            letter, founds, stated = self._looked_over(Letter(self, parsed, views, without=without, forwarded=forwarded))
        choosing = Choosing(letter)
        chosen = choosing.choose(founds, stated)
        if forwarded:
            chosen = [found for found in chosen if found.role == "member" or _signs(found)]  # a circular that is passed on names schools, too
        return Resolving(letter, stated).resolve(founds, chosen, choosing.undecided)

    def _looked_over(self, letter: Letter) -> tuple[Letter, list[Found], Stated]:
        names = CouncilNames(letter)
        for text in letter.texts:
            text.councils = names.find(text)
            text.mentions = _without_parts_of_places(text)
        founds, places = Standing(letter).read()
        _passed_over_with_schools(founds, places)
        picked, named = Answers(letter, founds, places).read()
        return letter, [*founds, *picked], Stated(letter, [*places, *named])


def _passed_over_with_schools(founds: Sequence[Found], places: Sequence[Place]) -> None:
    """«I spent years in Perth and Kinross, at Ashmuir High, and am now at ...»: a council goes with the former or another's school beside it."""
    for place in places:
        if place.role in PASSED_OVER or place.text.zone != "own":
            continue
        number, councils = place.text.sentence(place.council.start), set(place.council.alias.councils)
        beside = [found for found in founds if found.text is place.text and found.mention.entries and place.text.sentence(found.mention.start) == number]
        there = [found for found in beside if councils.issuperset(entry.authority for entry in found.mention.entries)]
        if there and len(there) < len(beside) and all(found.role in PASSED_OVER and found.mention.kind == "school" for found in there):
            place.role = there[0].role


_BEHIND = re.compile(r"(?: \([^()\n]{1,40}\))? *(?:[.,;\n)]|$)")
_US = frozenset(("i", "we", "us", "me"))


def _signs(found: Found) -> bool:
    """«Hi, Ashmuir Academy (Fife). Four of us ...», «... Karen (Ashmuir High)»: of a letter that is passed on, a school that is only put down."""
    folded, mention = found.text.view.folded, found.mention
    if found.role or mention.kind not in ("school", "college") or _US.isdisjoint(word.norm for word in found.text.words):
        return False
    behind = _BEHIND.match(folded, mention.end)
    if behind is None:
        return False
    return found.head or (folded[mention.start - 1 : mention.start] == "(" and not folded[behind.end() :].strip(" .\n"))


def _without_parts_of_places(text: Text) -> list[Mention]:
    """The mentions but for names without their form that are part of a longer place: «St Margaret's» of St Margaret's Hope."""
    places = [(council.first, council.last) for council in text.councils if council.last - council.first > 1]
    return [
        mention
        for mention in text.mentions
        if mention.kind != "bare"
        or not any(first <= mention.first and mention.last <= last and mention.last - mention.first < last - first for first, last in places)
    ]
