"""Words of Scottish place names, to tell a slip of the pen from a name that is merely in no list.

``programme/placenames.csv`` holds names without councils; they are used for spelling only, and where no
school list knows better. A mistake in the file is a ProgrammeError with file and line.

Promise: a word that the file has is never called a slip; answers are remembered.

What it does badly: a slip that makes another place's name is not seen, nor one in a name that is not there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from rapidfuzz.distance import OSA

from parse.authorities import read_rows, split
from parse.schoolnames import words

__all__ = ["PlaceNames"]

_ONE_SLIP, _TWO_SLIPS = 6, 9  # letters that a word needs before one, and two, of them may be wrong
_MOST_REMEMBERED = 20_000


class PlaceNames:
    """``PlaceNames.load(folder).meant(("tillycoultry",))`` is ("tillicoultry",)."""

    def __init__(self, names: Sequence[str]) -> None:
        found = [[word.norm for word in words(name)] for name in names]
        self.saints = frozenset(norms[1] for norms in found if len(norms) > 1 and norms[0] == "st")
        self.known = frozenset(norm for norms in found for norm in norms) - self.saints
        self._by_length: defaultdict[int, list[str]] = defaultdict(list)
        for word in sorted(self.known):
            self._by_length[len(word)].append(word)
        self._remembered: dict[str, str] = {}
        self.known |= self.saints

    @classmethod
    def load(cls, folder: Path) -> PlaceNames:
        """The names of ``folder/placenames.csv``; none, where the file is not there."""
        file = folder / "placenames.csv"
        return cls([name for _, row in read_rows(file, ("source", "names")) for name in split(row["names"])] if file.exists() else [])

    def meant(self, core: Sequence[str]) -> tuple[str, ...] | None:
        """The name with its slips put right, or None where none is to be seen."""
        right = tuple(self._saint(norm) if index and core[index - 1] == "st" else self._word(norm) for index, norm in enumerate(core))
        return right if right != tuple(core) else None

    def _saint(self, norm: str) -> str:
        bare = norm.rstrip("s")
        if bare in {saint.rstrip("s") for saint in self.saints} or len(norm) < _ONE_SLIP - 1:
            return norm
        return min(
            (saint for saint in self.saints if OSA.distance(norm, saint, score_cutoff=1) <= 1 or OSA.distance(bare, saint, score_cutoff=1) <= 1), default=norm
        )

    def _word(self, norm: str) -> str:
        if len(norm) < _ONE_SLIP or norm in self.known or norm.rstrip("s") in self.known:
            return norm
        if norm not in self._remembered:
            if len(self._remembered) > _MOST_REMEMBERED:
                self._remembered.clear()
            most = 2 if len(norm) >= _TWO_SLIPS else 1
            near = [
                (distance, word)
                for length in range(len(norm) - most, len(norm) + most + 1)
                for word in self._by_length.get(length, ())
                if (distance := OSA.distance(norm, word, score_cutoff=most)) <= most and (distance == 1 or word[0] == norm[0])
            ]
            self._remembered[norm] = min(near)[1] if near else norm
        return self._remembered[norm]
