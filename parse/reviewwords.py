"""Whether a letter that seems complete reads like those which a person had to see.

Rules know many ways of writing for a colleague, of giving up, of complaining or asking without a mark. Others they
have never met. A table of words (``programme/words/review.csv``, parse/wordshare.py), fitted by ``bench/fit_review.py``, catches a
good part of those. From the share ``reads_like_review`` of ``decision.yaml`` on a person sees the letter.

Promise: it only ever holds a registration back, and names the words that told.

What it does badly: a member who tells much of others is held back, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mailroom.model import Reason
from parse.phrases import PhraseMatcherSet
from parse.textview import TextView
from parse.wordshare import WordShare

__all__ = ["ReviewWords"]


class ReviewWords:
    """Reads ``folder/words/review.csv``; raises ProgrammeError. ``least`` is the share from which a person sees a letter."""

    def __init__(self, folder: Path, *, least: float) -> None:
        self._words = WordShare(folder, "review")
        self._least = least

    def find(self, views: Iterable[TextView], matcher: PhraseMatcherSet) -> Reason | None:
        """``reads_like_review`` with the share and the words that weigh most, or None. ``matcher`` gives the words, with spellings mended."""
        share = self._words.of(views, matcher)
        return Reason(code="reads_like_review", detail=share.shown()) if share.value >= self._least else None
