"""Fit programme/words/unrelated.csv: which words tell that a letter is private, or for another desk of the union.

    python -m bench.fit_unrelated [--write]

The letters and the fit are those of bench/fit_review.py; here a letter that has nothing to do with the programme stands against all
others of persons. There are few of the first, so that the penalty is small: with a great one each of their words weighs next to nothing, and
what every letter says decides. The figures are of letters read with tables fitted on other sources: how many of each kind have a share of so much
or more, and how well the shares foretell the labels (log loss).

Promise: the same files give the same table.
"""

from __future__ import annotations

import math

from bench.fit_review import PROGRAMME, fitted, keep, left_out, letters, options
from bench.fit_topics import CORPUS, LETTERS
from mailroom.model import Kind
from parse.kind import KindFinder

TABLE = PROGRAMME / "words" / "unrelated.csv"
SHOWN = (Kind.UNRELATED, Kind.ENQUIRY, Kind.EXPRESSION_OF_INTEREST, Kind.FOLLOW_UP, Kind.WITHDRAWAL)


def main() -> None:
    chosen = options(__doc__ or "", penalty=0.3, rows=2000)
    texts = letters([*LETTERS, CORPUS / "kinds.jsonl"], KindFinder(PROGRAMME).matcher, lambda kind, _: kind == Kind.UNRELATED)
    read = left_out(texts, penalty=chosen.penalty, rows=chosen.rows)
    loss = -sum(math.log(max(value if text.due else 1 - value, 1e-9)) for value, text in read) / len(read)
    print(f"log loss {loss:.4f}")
    print("share from   " + "   ".join(f"{kind.value} ({sum(text.kind == kind for text in texts)})" for kind in SHOWN))
    for step in (0.02, 0.04, 0.06, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9):
        counts = ((kind, sum(value >= step and text.kind == kind for value, text in read)) for kind in SHOWN)
        print(f"  {step:.2f}       " + "   ".join(f"{count:>{len(kind.value) + 4}}" for kind, count in counts))
    keep(fitted(texts, penalty=chosen.penalty, rows=chosen.rows), TABLE, write=chosen.write)


if __name__ == "__main__":
    main()
