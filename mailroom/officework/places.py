"""Schools and colleges for what a person typed: words and the beginnings of words, initials, town or council, slips of the pen.

``PlaceIndex(places, forms, areas).find(query)``. Every word of the query has to be met by a place; the place whose name is met best
comes first. Only where nothing is met are words taken for a town of the place's council, and then for misspelt.

Promise: the index is built once, and a query over 2,500 places takes a few thousandths of a second.

What it does badly: initials are those of the listed name; a nickname is only found where it is an alias.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from rapidfuzz import fuzz, process

from desk.office import Place
from parse.schoolnames import Word, words

__all__ = ["PlaceIndex"]

_SLIGHT = frozenset({"the", "of", "and", "for", "at", "in"})
_LEAST_ALIKE = 74  # of 100, for a word
_MISSPELT = 12  # words that one misspelt word may mean
_NAME, _ALSO, _WHERE, _INITIALS = 0, 1, 2, 3


class PlaceIndex:
    """``forms``: what short words for the kind of school stand for (hs: high, school); ``areas``: the towns of each council."""

    def __init__(self, places: Iterable[Place], forms: Mapping[str, Sequence[str]], areas: Mapping[str, Iterable[str]] | None = None) -> None:
        self.places = tuple(places)
        self._forms = {word: tuple(several) for word, several in forms.items() if len(several) > 1}
        held: defaultdict[str, dict[int, int]] = defaultdict(dict)  # word -> place -> where the word stands in it, the best
        self._names: list[tuple[str, ...]] = []
        for number, place in enumerate(self.places):
            name = _norms(place.name)
            self._names.append(name)
            for where, texts in ((_NAME, [name]), (_ALSO, map(_norms, place.also)), (_WHERE, (_norms(place.council), _norms(place.town)))):
                for norms in texts:
                    for norm in norms:
                        held[norm].setdefault(number, where)
            for initials in {_initials(name), *(_initials(_norms(also)) for also in place.also)} - {""}:
                held[initials].setdefault(number, _INITIALS)
        self._held = {word: tuple(of.items()) for word, of in held.items()}
        self._near: defaultdict[str, dict[int, float]] = defaultdict(dict)
        of_council: defaultdict[str, list[int]] = defaultdict(list)
        for number, place in enumerate(self.places):
            of_council[place.council].append(number)
        for council, towns in (areas or {}).items():
            for norm in {norm for town in towns for norm in _norms(town)}:
                self._near[norm].update(dict.fromkeys(of_council[council], 0.5))
        self._words = sorted(self._held)
        self._long = [word for word in self._words if len(word) > 3]

    def find(self, query: str, *, limit: int = 20) -> tuple[Place, ...]:
        asked = [norm for word in words(query.replace("\u2019", "'"))[:12] for norm in self._meant(word)]
        asked = [norm for norm in asked if norm not in _SLIGHT] or asked
        if not asked or limit < 1:
            return ()
        met = [self._met(norm, last=norm is asked[-1]) for norm in asked]
        found = _in_all(met)
        if not found:
            met = [{**self._near.get(norm, {}), **one} for norm, one in zip(asked, met, strict=True)]
            found = _in_all(met)
        if not found:
            met = [one or self._misspelt(norm) for norm, one in zip(asked, met, strict=True)]
            found = _in_all(met)
        if not found:
            met = [{**self._misspelt(norm), **self._met(norm, last=norm is asked[-1])} for norm in asked]
            found = _in_all(met) or _in_most(met)
        order = sorted(found, key=lambda number: (-self._score(number, asked, met), len(self.places[number].name), self.places[number].name, number))
        return tuple(self.places[number] for number in order[:limit])

    def _meant(self, word: Word) -> tuple[str, ...]:
        return self._forms.get(word.norm, (word.norm,))

    def _met(self, norm: str, *, last: bool) -> dict[int, float]:
        """The places that have the word, or one that begins with it; a single letter only as the word that is being typed."""
        found: dict[int, float] = {}
        for number, where in self._held.get(norm, ()):
            found[number] = (3.0, 2.6, 2.0, 2.4)[where]
        if len(norm) > 1 or last:
            at = bisect_left(self._words, norm)
            while at < len(self._words) and (word := self._words[at]).startswith(norm):
                for number, where in self._held[word]:
                    if where != _INITIALS:
                        found[number] = max(found.get(number, 0.0), (1.6, 1.3, 1.0)[where])
                at += 1
        return found

    def _misspelt(self, norm: str) -> dict[int, float]:
        if len(norm) < 4:
            return {}
        found: dict[int, float] = {}
        for word, score, _ in process.extract(norm, self._long, scorer=fuzz.ratio, score_cutoff=_LEAST_ALIKE, limit=_MISSPELT):
            for number, where in self._held[word]:
                if where != _INITIALS:
                    found[number] = max(found.get(number, 0.0), score / 100 * (1.0, 0.8, 0.6)[where])
        return found

    def _score(self, number: int, asked: Sequence[str], met: Sequence[Mapping[int, float]]) -> float:
        name = self._names[number]
        score = sum(one.get(number, 0.0) for one in met)
        if name[:1] and name[0].startswith(asked[0]):
            score += 1.0  # «port» is Portobello before it is Newport
        if all(norm in asked for norm in name):
            score += 1.0
        return score


def _norms(text: str) -> tuple[str, ...]:
    return tuple(word.norm for word in words(text.replace("\u2019", "'")))


def _initials(norms: Sequence[str]) -> str:
    """«phs»; "" for a name too short to have any."""
    letters = "".join(norm[0] for norm in norms if norm not in _SLIGHT and norm[0].isalpha())
    return letters if 1 < len(letters) <= 7 else ""


def _in_all(met: Sequence[Mapping[int, float]]) -> set[int]:
    found = set(met[0])
    for one in met[1:]:
        found &= one.keys()
    return found


def _in_most(met: Sequence[Mapping[int, float]]) -> set[int]:
    """Of three words or more, one may be met by nothing: «the old high school in Wick»."""
    if len(met) < 3:
        return set()
    counted: defaultdict[int, int] = defaultdict(int)
    for one in met:
        for number in one:
            counted[number] += 1
    return {number for number, count in counted.items() if count >= len(met) - 1}
