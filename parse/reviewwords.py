"""Whether a letter that seems complete reads like those which a person had to see.

Rules know many ways of writing for a colleague, of giving up, of complaining or asking without a mark. Others they
have never met. A table of words and neighbouring words (``programme/words/review.csv``), fitted to labelled
letters by ``bench/fit_review.py``, catches a good part of those: each word that the letter uses adds its weight, in natural
logarithms of odds, once. From the share ``reads_like_review`` of ``decision.yaml`` on a person sees the letter.

Promise: it only ever holds a registration back, names the words that told, and is two look-ups for each word.

What it does badly: it knows nothing of sentences, so that a member who tells much of others is held back, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from mailroom.model import Reason, ZoneKind
from parse.phrases import PhraseMatcherSet
from parse.signtable import load_signs, plain_signs
from parse.textview import TextView

__all__ = ["ALWAYS", "ReviewWords", "letter_signs"]

ALWAYS = "always"  # the row that is added to every letter
_SIGNS = "words/review.csv"
_READ = ("subject", ZoneKind.OWN, ZoneKind.INLINE_ANSWER)
_SHOWN = 4  # words that the reason names


def letter_signs(sentences: Iterable[Sequence[tuple[str, int]]]) -> set[str]:
    """The words and neighbouring words of a letter, a number as «0», from sentences as ``PhraseMatcherSet.words`` gives them.

    Without the question mark: what is a question is for QuestionFinder to tell.
    """
    found: set[str] = set()
    for sentence in sentences:
        found.update(plain_signs(word for word, _ in sentence if word != "?"))
    return found


class ReviewWords:
    """Reads ``folder/words/review.csv``; raises ProgrammeError. ``least`` is the share from which a person sees a letter."""

    def __init__(self, folder: Path, *, least: float) -> None:
        self.weights = {sign: row[0] for sign, row in load_signs(folder / _SIGNS, shown=_SIGNS, columns=("weight",), cues=()).items()}
        self._always = self.weights.pop(ALWAYS, 0.0)
        self._least = least

    def find(self, views: Iterable[TextView], matcher: PhraseMatcherSet) -> Reason | None:
        """``reads_like_review`` with the share and the words that weigh most, or None. ``matcher`` gives the words, with spellings mended."""
        signs = letter_signs(sentence for view in views if view.where in _READ for sentence in matcher.words(view))
        told = {sign: self.weights[sign] for sign in signs if sign in self.weights}
        share = 1 / (1 + math.exp(-self._always - math.fsum(told.values())))
        if share < self._least:
            return None
        most = sorted(told, key=lambda sign: (-told[sign], sign))[:_SHOWN]
        return Reason(code="reads_like_review", detail=f"{share:.2f}: {', '.join(f'«{sign}»' for sign in most)}")
