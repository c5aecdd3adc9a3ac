"""Fit the tables that tell the programme's activities, and say how well they read mail of a source they were not fitted on.

    python -m bench.fit_activities [FILE.tsv FILE.jsonl ...] [--noise FILE] [--folds N] [--write] [--errors] [--rows N] [--penalty X]

A .tsv holds statements (id, text, activities), a .jsonl labelled messages; each file is a source. Without files: all that may be learned
from, in tests/corpus and in the corpus beside the checkout, without what is kept aside. The model is
a multinomial logistic regression with an L2 penalty over the cues' counts, words, neighbouring words and pairs
of cues (parse/signtable.py), fitted by scikit-learn (``pip install mailroom[fit]``). A weight may grow the more freely the fewer texts
its name stands in (``freedom``): what everybody says is seldom what tells one activity from another. The rows of signs that matter least are
dropped and the rest fitted again. The figures are those of each source read with tables fitted on others, because what one
writer says in two places is no test: on all others, or with ``--folds`` so many groups of sources are left out one after another,
which is sooner done. ``--write`` puts the weights of cues into programme/rules/activities.yaml
and those of signs into programme/words/activities.csv.

Promise: the same files give the same tables.

What it does badly: texts with two activities are cut where a first fit says; with three they only serve the check.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml
from scipy.sparse import csr_matrix, diags
from sklearn.linear_model import LogisticRegression

from bench.fit_topics import CORPUS, LETTERS, SHARED, kept_aside
from parse.activities import ACTIVITIES, NONE, Activities, ActivityFinder, Part
from parse.signtable import PAIR
from parse.textview import TextView

PROGRAMME = Path(__file__).parent.parent / "programme"
CLASSES = (NONE, *ACTIVITIES)
FILES = [CORPUS / "activities.tsv", CORPUS / "learned_activities.tsv", SHARED / "activity_statements.tsv", *LETTERS]
NOISE = CORPUS / "activity_noise.txt"
COPIES = 3  # of each statement, with noise round it: what letters say besides should count neither way
ROUND = 3  # sentences of noise before a statement, and after it
FEWEST_TEXTS = 4  # that a sign must stand in
SMALLEST = 0.005  # a sign whose weights all round to less says nothing
MAIL_COUNTS = 2.0  # how often a letter counts for each statement: letters are what will be read
MACHINES = ("bounce", "auto_reply", "unrelated")
ALWAYS = "always"
FREE_CUE, FREE_PAIR, FREE_WORD, FREE_APART = 1.5, 0.5, 1.3, 0.7  # how freely weights of these kinds may grow; chosen by sources left out
USUAL = 3.0  # the logarithm of how rare a name is whose weight is as free as the penalty says

Array = npt.NDArray[np.float64]
Row = Mapping[str, float]
Labelled = tuple[Row, int, float]  # what was found, the class, and how often it counts


@dataclass(frozen=True)
class Text:
    id: str
    parts: list[Part]
    truth: frozenset[str]
    source: str
    mail: bool


@dataclass(frozen=True)
class Tables:
    """What a fit gives: the weights of cues and of signs, as the finder has them."""

    cues: dict[str, dict[str, float]]
    signs: dict[str, tuple[float, ...]]


def load(finder: ActivityFinder, files: Sequence[Path]) -> list[Text]:
    texts: list[Text] = []
    for file in files:
        with file.open(encoding="utf-8") as lines:
            if file.suffix == ".tsv":
                for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                    truth = frozenset(re.split(r"[,|]", row["activities"])) - {NONE, ""}
                    if kept_aside(file, row["id"]):
                        continue
                    texts.append(Text(row["id"], finder.parts(TextView(row["text"], where="own")), truth, file.stem, mail=False))
                continue
            for item in map(json.loads, lines):
                if item["labels"]["kind"] in MACHINES or kept_aside(file, item["id"]):
                    continue
                texts.append(Text(item["id"], parts_of(finder, item), frozenset(item["labels"]["activities"]), file.stem, mail=True))
    return texts


def parts_of(finder: ActivityFinder, item: Mapping[str, object]) -> list[Part]:
    """The parts of a labelled message: its subject, what was typed, what was forwarded, attachments."""
    forwarded, attachments = item["forwarded"], item["attachments"]
    views = [TextView(str(item["subject"]), where="subject"), TextView(str(item["body"]), where="own")]
    if isinstance(forwarded, dict):
        views.append(TextView(forwarded["text"], where="forwarded"))
    if isinstance(attachments, list):
        views += [TextView(a["text"], where="attachment") for a in attachments if a.get("text")]
    return [part for view in views for part in finder.parts(view, finder.zones.get(view.where, 0.0))]


def features(parts: Sequence[Part]) -> dict[str, float]:
    """What the finder adds up: the level of each cue, and each sign."""
    counts: Counter[str] = Counter()
    found: dict[str, float] = {ALWAYS: 1.0}
    for part in parts:
        for cue, count in part.counts.items():
            counts[cue] += count  # type: ignore[assignment]
        for sign, level in part.signs.items():
            found["\t" + sign] = max(level, found.get("\t" + sign, 0.0))
    return found | {cue: math.log2(1 + min(count, 3.0)) for cue, count in counts.items()}


def freedom(name: str, spread: int, texts: int) -> float:
    """How freely the weight of a name may grow that stands in so many of the texts."""
    if not name.startswith("\t"):
        kind = FREE_CUE
    elif PAIR in name:
        kind = FREE_PAIR
    elif "{" in name:
        kind = 1.0
    elif " ... " in name:
        kind = FREE_APART
    else:
        kind = 1.0 if " " in name else FREE_WORD
    return kind * math.log((texts + 1) / max(spread, 1)) / USUAL


def fit(texts: Sequence[Labelled], names: Sequence[str], penalty: float) -> Array:
    """The weight of each name for each class; what is added to every text is not held small."""
    rows, truth, heed = zip(*texts, strict=True)
    places = {name: place for place, name in enumerate(names)}
    cells = [(row, places[name], value) for row, found in enumerate(rows) for name, value in found.items() if name in places and name != ALWAYS]
    matrix = csr_matrix(([c[2] for c in cells], ([c[0] for c in cells], [c[1] for c in cells])), shape=(len(rows), len(names)))
    spread = matrix.getnnz(axis=0)
    free = np.array([freedom(name, int(count), len(rows)) for name, count in zip(names, spread, strict=True)])
    model = LogisticRegression(C=1 / penalty, max_iter=300, tol=1e-3).fit(matrix @ diags(free), np.array(truth), sample_weight=np.array(heed))
    weights: Array = (model.coef_ * free).T
    weights[places[ALWAYS]] = model.intercept_
    return weights


def halves(text: Text, names: Sequence[str], weights: Array) -> list[tuple[dict[str, float], int]]:
    """Where a text with two activities is best cut in two, and which half is which, after a first fit."""
    if len(text.truth) != 2:
        return []
    places = {name: place for place, name in enumerate(names)}
    one, other = (CLASSES.index(name) for name in sorted(text.truth))
    best: tuple[float, list[tuple[dict[str, float], int]]] = (-math.inf, [])
    for border in range(1, len(text.parts)):
        sides = [features(side) for side in (text.parts[:border], text.parts[border:])]
        z = np.array([sum(weights[places[name]] * value for name, value in side.items() if name in places) for side in sides])
        logs = z - np.log(np.exp(z - z.max(1, keepdims=True)).sum(1, keepdims=True)) - z.max(1, keepdims=True)
        for first, second in ((one, other), (other, one)):
            score = float(min(logs[0, first], logs[1, second]))
            if score > best[0]:
                best = (score, [(sides[0], first), (sides[1], second)])
    return best[1]


def among_noise(text: Text, noise: Sequence[list[Part]], copy: int) -> Text:
    """The text as it might stand in a message: with sentences round it that say nothing of an activity."""
    start = int(hashlib.sha256(f"{copy}{text.id}".encode()).hexdigest(), 16)
    picked = [noise[(start // len(noise) ** n) % len(noise)] for n in range(2 * ROUND)]
    before, after = ([part for parts in some for part in parts] for some in (picked[:ROUND], picked[ROUND:]))
    return Text(text.id, [*before, *text.parts, *after], text.truth, text.source, text.mail)


def heed(text: Text) -> float:
    return MAIL_COUNTS if text.mail else 1.0


def fitted(texts: Sequence[Text], cues: Sequence[str], penalty: float, rows: int, noise: Sequence[list[Part]] = ()) -> Tables:
    """The tables of these texts, with at most so many rows of signs."""
    spread: Counter[str] = Counter()
    for text in texts:
        if len(text.truth) < 2:
            for sign in {"\t" + sign for part in text.parts for sign in part.signs}:
                spread[sign] += 1 if text.mail or not noise else 2  # a statement by itself, and among noise
    if noise:
        texts = [*texts, *(among_noise(t, noise, copy) for copy in range(COPIES) for t in texts if not t.mail)]
    single: list[Labelled] = [(features(t.parts), CLASSES.index(next(iter(t.truth), NONE)), heed(t)) for t in texts if len(t.truth) < 2]
    names = [ALWAYS, *cues, *sorted(name for name, count in spread.items() if count >= FEWEST_TEXTS)]
    weights = fit(single, names, penalty)
    single += [(*half, heed(text)) for text in texts for half in halves(text, names, weights)]
    if rows < len(names) - len(cues) - 1:
        say = np.abs(weights - weights.mean(1, keepdims=True)).max(1) * [math.sqrt(spread[name]) for name in names]
        first = len(cues) + 1
        kept = sorted(range(first, len(names)), key=lambda place: (-say[place], names[place]))[:rows]
        names = [*names[:first], *sorted(names[place] for place in kept)]
    weights = fit(single, names, penalty)
    relative = np.round(weights[:, 1:] - weights[:, :1], 2) + 0.0
    cue_rows = {name: dict(zip(ACTIVITIES, map(float, row), strict=True)) for name, row in zip(names, relative, strict=True) if not name.startswith("\t")}
    sign_rows = {name[1:]: tuple(map(float, row)) for name, row in zip(names, relative, strict=True) if name.startswith("\t")}
    return Tables(cue_rows, {sign: row for sign, row in sign_rows.items() if max(map(abs, row)) >= SMALLEST})


def reading(finder: ActivityFinder, tables: Tables, text: Text) -> Activities:
    """What the finder makes of the text with these tables."""
    finder.weights, finder.signs = tables.cues, tables.signs
    known = [
        Part(
            counts=p.counts,
            hits=p.hits,
            signs={sign: level for sign, level in p.signs.items() if sign in tables.signs},
            separated=p.separated,
            announced=p.announced,
        )
        for p in text.parts
    ]
    return finder.decide(known)


Result = tuple[Text, Activities]


def figures(results: Sequence[Result]) -> str:
    right = sum(len(t.truth & set(got.activities)) for t, got in results)
    given, true = sum(len(got.activities) for _, got in results), sum(len(t.truth) for t, _ in results)
    accepted = [t.truth == set(got.activities) for t, got in results if got.activities]
    several = [t.truth == set(got.activities) for t, got in results if len(got.activities) > 1]
    exact = sum(accepted) / max(len(accepted), 1)
    return (
        f"precision {right / max(given, 1):.3f}  recall {right / max(true, 1):.3f}  ({right}/{given}/{true})"
        f"  accepted {len(accepted):4} exact {exact:.3f}  several {sum(several)}/{len(several)}/{sum(len(t.truth) > 1 for t, _ in results)}"
    )


def curve(results: Sequence[Result], steps: Sequence[float]) -> None:
    """For thresholds: how much of what has one activity or none is accepted, and how much of that is right."""
    print("  share    accepted  right")
    for step in steps:
        accepted = [t.truth == {best} for t, best, share in (_best(r) for r in results) if share >= step]
        print(f"  {step:.2f}     {len(accepted):5}     {sum(accepted) / max(len(accepted), 1):.3f}")


def _best(result: Result) -> tuple[Text, str, float]:
    text, got = result
    if not got.shares or len(got.activities) > 1:
        return text, NONE, 0.0
    best = max(ACTIVITIES, key=lambda name: got.shares[name] if got.shares else 0.0)
    return text, best, got.shares[best]


def write(tables: Tables) -> None:
    path = PROGRAMME / "rules" / "activities.yaml"
    text = path.read_text(encoding="utf-8")
    old = yaml.safe_load(text)["cues"]
    lines = []
    for cue in [ALWAYS, *(c for c in old if c != ALWAYS)]:
        means = (old.get(cue) or {}).get("means")
        row = {a: v for a, v in tables.cues.get(cue, {}).items() if v}
        fields = ([f"means: {json.dumps(means, ensure_ascii=False)}"] if means else []) + [f"{a}: {v:g}" for a, v in row.items()]
        lines.append(f"  {cue}: {{{', '.join(fields)}}}")
    block = "cues:\n" + "\n".join(lines) + "\n"
    path.write_text(re.sub(r"(?ms)^cues:\n.*?(?=^\S)", lambda _: block + "\n", text, count=1), encoding="utf-8")
    path = PROGRAMME / "words" / "activities.csv"
    remarks = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.startswith("# ")]
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(remarks)
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("sign", *ACTIVITIES))
        rows.writerows((sign, *(f"{value:g}" if value else "" for value in row)) for sign, row in sorted(tables.signs.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, default=FILES, help=".tsv of statements or .jsonl of labelled mail")
    parser.add_argument("--noise", type=Path, default=NOISE, help="sentences to put round statements, one a line")
    parser.add_argument("--folds", type=int, default=0, help="leave out so many groups of sources, one after another; 0 for each source by itself")
    parser.add_argument("--penalty", type=float, default=5.0)
    parser.add_argument("--rows", type=int, default=12000, help="most rows of signs")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--no-check", action="store_true", help="fit only, without a source left out")
    parser.add_argument("--errors", action="store_true", help="list what was read wrongly")
    options = parser.parse_args()
    finder = ActivityFinder(PROGRAMME)
    finder.every_sign = True
    texts = load(finder, options.files)
    cues = [c for c in finder.weights if c != ALWAYS]
    lines = options.noise.read_text(encoding="utf-8").splitlines() if options.noise else []
    noise = [finder.parts(TextView(line, where="own")) for line in lines]
    if not options.no_check:
        results: list[Result] = []
        sources = sorted({t.source for t in texts})
        folds = min(options.folds or len(sources), len(sources))
        for left_out in (sources[fold::folds] for fold in range(folds)):
            tables = fitted([t for t in texts if t.source not in left_out], cues, options.penalty, options.rows, noise)
            mine = [(t, reading(finder, tables, t)) for t in texts if t.source in left_out]
            for source in left_out:
                some = [(t, got) for t, got in mine if t.source == source]
                print(f"{source:22} {len(some):4} texts  {figures(some)}", flush=True)
            results += mine
            for t, got in mine if options.errors else ():
                if set(got.activities) != t.truth:
                    print("   ", t.id, "truth", sorted(t.truth), "got", got.activities, {k: round(v, 2) for k, v in (got.shares or {}).items() if v > 0.05})
        for name, some in (("mail", [r for r in results if r[0].mail]), ("all", results)):
            print(f"{name:22} {len(some):4} texts  {figures(some)}")
            curve(some, [0.3 + 0.05 * step for step in range(14)])
    final = fitted(texts, cues, options.penalty, options.rows, noise)
    print(f"fitted on all: {len(final.signs)} rows of signs; these texts themselves: {figures([(t, reading(finder, final, t)) for t in texts])}")
    if options.write:
        write(final)


if __name__ == "__main__":
    main()
