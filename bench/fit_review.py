"""Fit programme/words/review.csv: which words tell that a person has to see a letter.

    python -m bench.fit_review [--write]

Letters: tests/corpus/learned_*.jsonl and fresh_*.jsonl, and the corpus beside the checkout without what is kept aside.
A letter that was registered or whose member was asked stands against those that a person had to see; the
letters of traps in tests/corpus/kinds.jsonl count, too. A logistic regression with an L2 penalty over words and neighbouring words, each of
which may weigh the more freely the fewer letters it stands in (as in bench/fit_activities.py); the rows that matter least are dropped and the rest fitted
again. The figures are of letters read with tables fitted on other sources: how many of those that a person had to see are held back, for how
many that could be registered.

Promise: the same files give the same table.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix, diags
from sklearn.linear_model import LogisticRegression

from bench.fit_topics import CORPUS, LETTERS, kept_aside
from mailroom.model import ZoneKind
from parse.activities import ActivityFinder
from parse.phrases import PhraseMatcherSet
from parse.textview import TextView
from parse.wordshare import ALWAYS, letter_signs

PROGRAMME = Path(__file__).parent.parent / "programme"
TABLE = PROGRAMME / "words" / "review.csv"
FOLDS = 6
FEWEST = 4  # letters that a row must stand in
FEWEST_SOURCES = 3  # by as many hands: what one writer says often tells of that writer
USUAL = 3.0  # the logarithm of how rare a word is whose weight is as free as the penalty says


@dataclass(frozen=True)
class Letter:
    source: str
    signs: frozenset[str]
    kind: str
    outcome: str
    due: bool  # what the table is to tell


def letters(files: Sequence[Path], matcher: PhraseMatcherSet, due: Callable[[str, str], bool]) -> list[Letter]:
    """The letters of persons; ``due`` says of a kind and an outcome whether the table is to tell them."""
    found: list[Letter] = []
    for file in files:
        for item in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            labels = item.get("labels", item)
            kind, outcome = labels["kind"], labels["outcome"]
            if kept_aside(file, item["id"]) or outcome == "ignore":
                continue
            views = (TextView(item["subject"], where="subject"), TextView(item["body"], where=ZoneKind.OWN))
            signs = letter_signs(sentence for view in views for sentence in matcher.words(view))
            found.append(Letter(file.stem, frozenset(signs), kind, outcome, due(kind, outcome)))
    return found


def left_out(texts: Sequence[Letter], *, penalty: float, rows: int) -> list[tuple[float, Letter]]:
    """The share of each letter by a table that was fitted without its source."""
    sources = sorted({text.source for text in texts})
    read: list[tuple[float, Letter]] = []
    for fold in range(FOLDS):
        without = set(sources[fold::FOLDS])
        table = fitted([text for text in texts if text.source not in without], penalty=penalty, rows=rows)
        read += [(share(table, text), text) for text in texts if text.source in without]
    print(f"{len(texts)} letters of {len(sources)} sources; each read with a table fitted on others")
    return read


def fitted(texts: Sequence[Letter], *, penalty: float, rows: int) -> dict[str, float]:
    spread = Counter(sign for text in texts for sign in text.signs)
    writers = Counter(sign for _, sign in {(text.source, sign) for text in texts for sign in text.signs})
    names = sorted(sign for sign, count in spread.items() if count >= FEWEST and writers[sign] >= FEWEST_SOURCES)
    weights, always = _fit(texts, names, spread, penalty)
    if len(names) > rows:
        say = [abs(weight) * math.sqrt(spread[name]) for name, weight in zip(names, weights, strict=True)]
        names = sorted(sorted(names, key=dict(zip(names, say, strict=True)).__getitem__)[-rows:])
        weights, always = _fit(texts, names, spread, penalty)
    table = {name: round(float(weight), 2) for name, weight in zip(names, weights, strict=True)}
    return {ALWAYS: round(always, 2), **{name: weight for name, weight in table.items() if weight}}


def _fit(texts: Sequence[Letter], names: Sequence[str], spread: Counter[str], penalty: float) -> tuple[np.ndarray, float]:
    places = {name: place for place, name in enumerate(names)}
    cells = [(row, places[sign]) for row, text in enumerate(texts) for sign in sorted(text.signs) if sign in places]
    matrix = csr_matrix((np.ones(len(cells)), tuple(np.array(cells).T)), shape=(len(texts), len(names)))
    free = np.array([math.log((len(texts) + 1) / spread[name]) / USUAL for name in names])
    model = LogisticRegression(C=1 / penalty, max_iter=500, tol=1e-4).fit(matrix @ diags(free), [text.due for text in texts])
    return model.coef_[0] * free, float(model.intercept_[0])


def share(table: dict[str, float], text: Letter) -> float:
    return 1 / (1 + math.exp(-table[ALWAYS] - sum(table.get(sign, 0.0) for sign in text.signs)))


def options(about: str, *, penalty: float, rows: int) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--penalty", type=float, default=penalty)
    parser.add_argument("--rows", type=int, default=rows)
    parser.add_argument("--write", action="store_true")
    return parser.parse_args()


def keep(table: dict[str, float], file: Path, *, write: bool) -> None:
    """Say how long the table is, and write it under the remarks that ``file`` begins with."""
    print(f"{len(table)} rows")
    if not write:
        return
    remarks = [line for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if line.startswith("# ")]
    with file.open("w", encoding="utf-8", newline="") as opened:
        opened.writelines(remarks)
        rows = csv.writer(opened, lineterminator="\n")
        rows.writerow(("sign", "weight"))
        rows.writerows((sign, f"{weight:g}") for sign, weight in table.items())


def main() -> None:
    chosen = options(__doc__ or "", penalty=10.0, rows=3000)
    texts = letters([*LETTERS, CORPUS / "kinds.jsonl"], ActivityFinder(PROGRAMME).matcher, lambda kind, outcome: outcome == "review")
    read = left_out(texts, penalty=chosen.penalty, rows=chosen.rows)
    due = [value for value, text in read if text.due]
    free = [value for value, text in read if not text.due and text.outcome != "ask_member"]
    print("share from   held back of those that a person had to see   of those that could be registered")
    for step in (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7):
        print(f"  {step:.2f}         {sum(s >= step for s in due) / len(due):.3f}   {sum(s >= step for s in free) / len(free):.4f}")
    keep(fitted(texts, penalty=chosen.penalty, rows=chosen.rows), TABLE, write=chosen.write)


if __name__ == "__main__":
    main()
