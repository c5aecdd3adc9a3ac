"""Colleges told by their places: «the college in Galashiels», «the Barony campus», «Perth UHI».

Only a place that one college alone has is taken for it. Whether a lecturer writes at all, so that a college is meant and
no school of that place, is for those who choose among the mentions.
"""

from __future__ import annotations

from parse.gazetteer.entries import Mention
from parse.gazetteer.index import Index
from parse.gazetteer.passage import Passage

__all__ = ["Campuses"]

_IN = ("in", "at", "of", "on")


class Campuses:
    """``Campuses(index).at(passage, 3)``: the college whose «campus» or «college» stands at word 3, or None."""

    def __init__(self, index: Index) -> None:
        self.index = index

    def at(self, passage: Passage, index: int) -> Mention | None:
        found = passage.words
        if found[index].norm not in ("campus", "college", "uhi"):
            return None
        around = {word.norm for word in found[max(0, index - 4) : index + 5]}
        if not around.isdisjoint(self.index.vocabulary.words.get("no_campus", ())):
            return None
        for length in (3, 2, 1):
            first = index - length
            together = first >= 0 and all(passage.near(at) for at in range(first, index))
            if together and (mention := self._named(passage, first, index, first, index + 1)):
                return mention
        if found[index].norm != "uhi" and index > 0 and found[index - 1].norm in ("the", "our", "local", "fe"):
            begin = index + 1
            begin += begin < len(found) and found[begin].norm in ("here", "up", "over", "down", "out", "through")
            if begin + 1 < len(found) and found[begin].norm in _IN and all(passage.near(at) for at in range(index, begin + 1)):
                for end in range(min(len(found), begin + 4), begin + 1, -1):
                    if mention := self._named(passage, begin + 1, end, index, end):
                        return mention
        return None

    def _named(self, passage: Passage, begin: int, stop: int, first: int, last: int) -> Mention | None:
        """The mention ``[first, last)`` of the one college that has the place ``[begin, stop)``."""
        place = tuple(word.norm for word in passage.words[begin:stop])
        colleges = self.index.campuses.get(place, [])
        if len(colleges) != 1 or not (passage.words[begin].capital or passage.lower):
            return None
        told = frozenset({"college" if first < begin else "campus"})
        return passage.mention(first, last, kind="college", rule="institution.campus", entries=tuple(colleges), core=(*place, "campus"), forms=told)
