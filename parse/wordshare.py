"""What share the words of a letter give to one thing that may be said of it.

A table of words and neighbouring words, fitted to labelled letters by the modules of ``bench`` that its first lines name: each
word that the letter uses adds its weight, in natural logarithms of odds, once, to what stands in the row ``always``.

Promise: two look-ups for each word, and the words that told are named.

What it does badly: it knows nothing of sentences, of who does a thing, or of what is denied.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailroom.model import ZoneKind
from parse.phrases import PhraseMatcherSet
from parse.signtable import load_signs, plain_signs
from parse.textview import TextView

__all__ = ["ALWAYS", "Share", "WordShare", "letter_signs"]

ALWAYS = "always"  # the row that is added to every letter
_READ = ("subject", ZoneKind.OWN, ZoneKind.INLINE_ANSWER)
_SHOWN = 4  # words that are named


def letter_signs(sentences: Iterable[Sequence[tuple[str, int]]]) -> set[str]:
    """The words and neighbouring words of a letter, a number as «0», from sentences as ``PhraseMatcherSet.words`` gives them.

    Without the question mark: what is a question is for QuestionFinder to tell.
    """
    found: set[str] = set()
    for sentence in sentences:
        found.update(plain_signs(word for word, _ in sentence if word != "?"))
    return found


@dataclass(frozen=True, slots=True)
class Share:
    value: float  # 0 to 1
    told: dict[str, float]  # the signs of the letter that the table knows

    def shown(self, *, against: bool = False) -> str:
        """The share and the words that weigh most for it, or ``against`` it."""
        sense = 1 if against else -1
        most = sorted(self.told, key=lambda sign: (sense * self.told[sign], sign))[:_SHOWN]
        return f"{self.value:.2f}: {', '.join(f'«{sign}»' for sign in most)}"


class WordShare:
    """Reads ``folder/words/{name}.csv``; raises ProgrammeError."""

    def __init__(self, folder: Path, name: str) -> None:
        file = f"words/{name}.csv"
        self.weights = {sign: row[0] for sign, row in load_signs(folder / file, shown=file, columns=("weight",), cues=()).items()}
        self._always = self.weights.pop(ALWAYS, 0.0)

    def of(self, views: Iterable[TextView], matcher: PhraseMatcherSet) -> Share:
        """The share of a letter: its subject and the writer's own words. ``matcher`` gives the words, with spellings mended."""
        return self.share(letter_signs(sentence for view in views if view.where in _READ for sentence in matcher.words(view)))

    def share(self, signs: Iterable[str]) -> Share:
        """The share of a letter with these signs, each of them once."""
        told = {sign: self.weights[sign] for sign in signs if sign in self.weights}
        return Share(1 / (1 + math.exp(-self._always - math.fsum(told.values()))), told)
