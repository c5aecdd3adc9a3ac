"""Which councils a message states as the member's own, and which it only speaks of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from parse.authorities import PLACE, STRONG, SUPPORT, TOWN
from parse.institutions.letter import PASSED_OVER, WEIGHT, Found, Letter, Place

__all__ = ["Stated"]

_US = frozenset("we we're we've our us school schools pupils bairns".split())  # noqa: SIM905
_ME = frozenset("i i'm i've i'd my me he she his her wife husband partner".split())  # noqa: SIM905
_MINE = ("member", "sole")
_FEW = 2
_ZONES = ("own", "subject", "signature", "attachment")


class Stated:
    """Councils named as the member's own, by zone; nicknames and initials only with support."""

    def __init__(self, letter: Letter, places: Sequence[Place]) -> None:
        self.letter, self.places = letter, places
        self.by_zone: Mapping[str, Sequence[Place]] = self._by_zone()

    def _by_zone(self) -> dict[str, list[Place]]:
        places = self.places
        strong = {council for place in places if place.council.alias.kind in (STRONG, PLACE, TOWN) for council in place.council.alias.councils}
        stated: dict[str, list[Place]] = defaultdict(list)
        for place in places:
            alias = place.council.alias
            if place.role in PASSED_OVER or place.text.zone not in WEIGHT or alias.kind == TOWN:
                continue
            if alias.kind == SUPPORT and not (place.attached or alias.councils[0] in strong or self._council_behind(place)):
                continue
            stated[place.text.zone].append(place)
        return stated

    def _council_behind(self, place: Place) -> bool:
        found, council = place.text.words, place.council
        if council.last < len(found) and found[council.last].norm in ("council", "schools"):
            return True
        line = place.text.view.folded.rfind("\n", 0, council.start) + 1
        before = [word.norm for word in found[max(0, council.first - 4) : council.first] if word.start >= line]
        if {"council", "la", "authority", "employer"} & set(before):
            return True
        return len(found) <= 4 and place.text.zone == "own" and council.text.isupper()  # «NLC, sorry!» is an answer

    def councils(self, *zones: str) -> list[str]:
        """Those stated in these zones, in order of mention."""
        return list(dict.fromkeys(council for zone in zones for place in self.by_zone.get(zone, ()) for council in place.council.alias.councils))

    def written(self) -> list[str]:
        """Those written as councils, or by a town in a place of its own: «Council: Glasgow», «Edinburgh, obviously.»"""
        towns = self.letter.rules.council_towns
        return list(
            dict.fromkeys(
                council
                for places in self.by_zone.values()
                for place in places
                if (place.council.alias.kind != PLACE and place.council.text.lower() not in towns)
                or place.text.zone in ("signature", "attachment")
                or _by_itself(place)
                for council in place.council.alias.councils
            )
        )

    def firmly(self) -> list[str]:
        """Those of the member's own words that cannot be told in passing: «Council: Fife», «We're in East Lothian.»"""
        return list(
            dict.fromkeys(
                council
                for place in self.by_zone.get("own", ())
                if place.council.alias.kind == STRONG and (place.role in _MINE or _by_itself(place) or self._council_behind(place))
                for council in place.council.alias.councils
            )
        )

    def signs_town(self) -> bool:
        return any(place.council.alias.kind == TOWN and place.text.zone == "signature" and place.role not in PASSED_OVER for place in self.places)

    def everywhere(self) -> frozenset[str]:
        return frozenset(self.councils(*self.by_zone))

    def refused(self) -> frozenset[str]:
        """«not the one in Fife»: councils that are denied, and stated nowhere."""
        denied = {council for place in self.places if place.role == "denied" for council in place.council.alias.councils}
        mine = {council for place in self.places if place.role in ("", "member", "together") for council in place.council.alias.councils}
        return frozenset(denied) - self.everywhere() - mine  # «Lanark or not Lanark» denies nothing

    def aside(self, entity: Sequence[Found] = (), *, alone: bool = False) -> frozenset[str]:
        """Councils that are only spoken of: cities neither beside the school nor called a council, and others told of in passing.

        «I met her at a do in Stirling», «she's from Fife»: not where the council stands by itself, opens its line or sentence, is called a
        council, or stands in a sentence with the school (``entity``). ``alone``: no other school takes part, whose council it might be.
        """
        beside = {found.sentence for found in entity}
        return frozenset(
            council
            for zone in ("own", "subject")
            for place in self.by_zone.get(zone, ())
            if not place.attached and (place.council.alias.kind == PLACE or (alone and place.council.alias.kind == STRONG and self._in_passing(place, beside)))
            for council in place.council.alias.councils
        )

    def _in_passing(self, place: Place, beside: Collection[tuple[int, int]]) -> bool:
        """Of one word, because hardly anybody writes «East Lothian» or «Fife Council» who does not mean a council."""
        text, council = place.text, place.council
        sentence = text.sentence(council.start)
        if len(council.text.split()) > 1 or self._council_behind(place) or _by_itself(place) or (text.order, sentence) in beside:
            return False
        if place.role in _MINE:
            return False  # «We are in Renfrewshire.»
        return text.word_at(_line_begin(place)) != council.first

    def passes_over(self, found: Found) -> bool:
        """Whether a name is also a place's, told of as a home or in passing: «I live in Wick»."""
        mention = found.mention
        return found.role in PASSED_OVER or any(
            place.text is found.text and place.role in PASSED_OVER and place.council.first < mention.last and mention.first < place.council.last
            for place in self.places
        )

    def town_words(self) -> list[tuple[str, ...]]:
        """The words of all councils and towns that are not passed over."""
        return [
            tuple(word.norm for word in place.text.words[place.council.first : place.council.last])
            for place in self.places
            if place.role not in PASSED_OVER and place.text.zone in WEIGHT
        ]

    def spoken_of(self, name: Collection[str], entity: Sequence[Found]) -> frozenset[str]:
        """The councils of the towns that the member's own words or subject speak of, but for those in the school's own ``name``.

        A town told of oneself («I sing in Paisley») says nothing of the school, unless it stands in one sentence with it.
        """
        beside = {found.sentence for found in entity}
        return frozenset(
            council
            for place in self.places
            if place.council.alias.kind == TOWN
            and ((place.text.order, place.text.sentence(place.council.start)) in beside or _of_us(place))
            and place.role not in PASSED_OVER
            and place.text.zone in ("own", "subject")
            and not all(word.norm in name for word in place.text.words[place.council.first : place.council.last])
            for council in place.council.alias.councils
            if council
        ) - {council for place in self.places if place.role == "denied" for council in place.council.alias.councils}

    def of_towns(self, entity: Sequence[Found]) -> list[str]:
        """The councils of the towns that are told with an institution, or as the member's own."""
        near = [council for found in entity for council in found.towns if council]
        if near:
            return list(dict.fromkeys(near))
        return list(
            dict.fromkeys(
                council
                for place in self.places
                if place.council.alias.kind == TOWN
                and place.role not in PASSED_OVER
                and place.text.zone in ("own", "signature", "subject")
                and (place.attached or place.text.zone == "signature" or place.role == "member")
                for council in place.council.alias.councils
                if council
            )
        )

    def without_a_school(self) -> tuple[list[str], list[str]]:
        """(the councils stated where no school is known, several of which only one can be meant)."""
        for zone in _ZONES:
            councils = self.councils(zone)
            if len(councils) == 1:
                return councils, []
            if councils:
                sure = list(dict.fromkeys(c for place in self.by_zone[zone] if place.role in ("member", "sole") for c in place.council.alias.councils))
                if len(sure) == 1:
                    return sure, []
                if _one_breath(self.by_zone[zone]):
                    return councils, []  # «on supply in East and South Ayrshire»
                return [], councils
        return [], []

    def nowhere(self) -> bool:
        return not any(self.by_zone.get(zone) for zone in _ZONES)


def _line_begin(place: Place) -> int:
    """Where the line begins that a place stands in, or its sentence, if that begins later."""
    text, at = place.text, place.council.start
    begin, _ = text.sentences[text.sentence(at)]
    return max(begin, text.view.folded.rfind("\n", begin, at) + 1)


def _by_itself(place: Place) -> bool:
    """Whether a town is all that its sentence or line says, but for two words: a label, «obviously», «sorry»."""
    text = place.text
    _, stop = text.sentences[text.sentence(place.council.start)]
    line = text.view.folded.find("\n", place.council.end, stop)
    stop = line if line >= 0 else stop
    return text.word_at(stop) - text.word_at(_line_begin(place)) - (place.council.last - place.council.first) <= _FEW


def _of_us(place: Place) -> bool:
    """Whether a place stands in a sentence about the school and its people: «our staff room looks out over Linlithgow Loch»."""
    text = place.text
    begin, stop = text.sentences[text.sentence(place.council.start)]
    norms = {word.norm for word in text.words[text.word_at(begin) : text.word_at(stop)]}
    return text.zone == "subject" or (bool(norms & _US) and not norms & _ME)


def _one_breath(places: Sequence[Place]) -> bool:
    """Whether councils are told as a list, as those of one who works for several."""
    return all(
        one.text is other.text and other.text.view.folded[one.council.end : other.council.start].strip(" ,/") in ("and", "&", "")
        for one, other in pairwise(sorted(places, key=lambda place: place.council.start))
    )
