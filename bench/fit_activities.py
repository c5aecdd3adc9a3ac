"""Fit the weights of the cue table in programme/rules/activities.yaml to labelled texts, and cross-validate.

    python -m bench.fit_activities --statements FILE.tsv --messages FOLDER_OF_EML LABELS.jsonl [--write]

A multinomial logistic regression with an L2 penalty over the cues' counts, by accelerated gradient
descent; numbers are rounded to one decimal when written. Folds are by hash of the text's id.

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
import yaml

from mailroom.model import ParsedMessage
from parse.activities import ACTIVITIES, NONE, ActivityFinder, Part
from parse.message import parse_message
from parse.textview import TextView
from parse.views import views

PROGRAMME = Path(__file__).parent.parent / "programme"
CLASSES = (NONE, *ACTIVITIES)
COPIES = 1  # of each statement, with noise round it


@dataclass(frozen=True)
class Text:
    id: str
    parts: list[Part]
    truth: frozenset[str]
    source: str


def counts_of(parts: Sequence[Part]) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in parts:
        for cue, count in part.counts.items():
            total[cue] += count  # type: ignore[assignment]
    return total


def load(finder: ActivityFinder, statements: Sequence[Path], messages: Sequence[tuple[Path, Path]]) -> list[Text]:
    texts: list[Text] = []
    for file in statements:
        with file.open(encoding="utf-8") as lines:
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                truth = frozenset(a for a in row["activities"].split(",") if a != NONE)
                texts.append(Text(row["id"], finder.parts(TextView(row["text"], where="own")), truth, file.name))
    for folder, labels in messages:
        for line in labels.read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            if item["labels"]["kind"] in ("bounce", "auto_reply"):
                continue
            parsed: ParsedMessage = parse_message((folder / f"{item['id']}.eml").read_bytes())
            parts: list[Part] = []
            for view in views(parsed):
                factor = finder.zones.get("attachment" if view.where.startswith("attachment:") else str(view.where), 0.0)
                if factor:
                    parts += finder.parts(view, factor)
            texts.append(Text(item["id"], parts, frozenset(item["labels"]["activities"]), "messages"))
    return texts


def fit(x: np.ndarray, y: np.ndarray, penalty: float, rounds: int = 400) -> np.ndarray:
    classes = len(CLASSES)
    weights = np.zeros((x.shape[1], classes))
    truth = np.eye(classes)[y]
    step = 1.0 / (0.5 * np.linalg.norm(x, 2) ** 2 + penalty)
    shrink = np.full_like(weights, penalty)
    shrink[0] = 0.01
    ahead, t = weights.copy(), 1.0
    for _ in range(rounds):
        z = x @ ahead
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        new = ahead - step * (x.T @ (p - truth) + shrink * ahead)
        t_new = (1 + math.sqrt(1 + 4 * t * t)) / 2
        ahead = new + (t - 1) / t_new * (new - weights)
        weights, t = new, t_new
    return weights


def table(cues: Sequence[str], weights: np.ndarray, digits: int = 1) -> dict[str, dict[str, float]]:
    relative = weights[:, 1:] - weights[:, :1]
    return {cue: {a: round(float(v), digits) for a, v in zip(ACTIVITIES, row, strict=True)} for cue, row in zip(["always", *cues], relative, strict=True)}


def vector(counts: Mapping[str, float], cues: Sequence[str]) -> list[float]:
    return [1.0, *(math.log2(1 + min(counts.get(c, 0.0), 3)) for c in cues)]


def halves(text: Text, cues: Sequence[str], weights: np.ndarray) -> list[tuple[list[float], int]]:
    """Where a text with two activities is best cut in two, and which half is which, after a first fit."""
    if len(text.truth) != 2:
        return []
    one, other = (CLASSES.index(name) for name in sorted(text.truth))
    best: tuple[float, list[tuple[list[float], int]]] = (-math.inf, [])
    for border in range(1, len(text.parts)):
        sides = [vector(counts_of(side), cues) for side in (text.parts[:border], text.parts[border:])]
        z = np.array(sides) @ weights
        logs = z - np.log(np.exp(z - z.max(1, keepdims=True)).sum(1, keepdims=True)) - z.max(1, keepdims=True)
        for first, second in ((one, other), (other, one)):
            score = float(min(logs[0, first], logs[1, second]))
            if score > best[0]:
                best = (score, [(sides[0], first), (sides[1], second)])
    return best[1]


def among_noise(text: Text, noise: Sequence[list[Part]], copy: int) -> Text:
    """The text as it might stand in a message: with sentences round it that say nothing of an activity."""
    start = int(hashlib.sha256(f"{copy}{text.id}".encode()).hexdigest(), 16)
    picked = [noise[(start // 50**n) % len(noise)] for n in range(5)]
    return Text(text.id, [*picked[0], *picked[1], *text.parts, *picked[2], *picked[3], *picked[4]], text.truth, text.source)


def fitted(texts: Sequence[Text], cues: Sequence[str], penalty: float, digits: int = 1, noise: Sequence[list[Part]] = ()) -> dict[str, dict[str, float]]:
    if noise:
        texts = [*texts, *(among_noise(t, noise, copy) for copy in range(COPIES) for t in texts if t.source != "messages")]
    rows = [(vector(counts_of(t.parts), cues), CLASSES.index(next(iter(t.truth), NONE))) for t in texts if len(t.truth) < 2]
    x, y = np.array([row for row, _ in rows]), np.array([name for _, name in rows])
    weights = fit(x, y, penalty)
    rows += [half for text in texts for half in halves(text, cues, weights)]
    return table(cues, fit(np.array([row for row, _ in rows]), np.array([name for _, name in rows]), penalty), digits)


def fold(identifier: str) -> int:
    return int(hashlib.sha256(identifier.encode()).hexdigest(), 16) % 5


def figures(results: Sequence[tuple[Text, tuple[str, ...]]]) -> dict[str, tuple[int, int, int]]:
    """For each activity and all: right, given, true."""
    counts: dict[str, tuple[int, int, int]] = {}
    for name in ACTIVITIES:
        right = sum(name in t.truth and name in got for t, got in results)
        counts[name] = (right, sum(name in got for _, got in results), sum(name in t.truth for t, _ in results))
    counts["all"] = tuple(sum(c[i] for c in counts.values()) for i in range(3))  # type: ignore[assignment]
    return counts


def show(title: str, results: Sequence[tuple[Text, tuple[str, ...]]]) -> None:
    print(title)
    for name, (right, given, true) in figures(results).items():
        print(f"  {name:24} precision {right / max(given, 1):.3f}  recall {right / max(true, 1):.3f}  ({right}/{given}/{true})")


def write(path: Path, weights: Mapping[str, Mapping[str, float]]) -> None:
    text = path.read_text(encoding="utf-8")
    old = yaml.safe_load(text)["cues"]
    lines = []
    for cue in ["always", *(c for c in old if c != "always")]:
        means = (old.get(cue) or {}).get("means")
        row = {a: v for a, v in weights.get(cue, {}).items() if v}
        fields = ([f"means: {json.dumps(means, ensure_ascii=False)}"] if means else []) + [f"{a}: {v:g}" for a, v in row.items()]
        lines.append(f"  {cue}: {{{', '.join(fields)}}}")
    block = "cues:\n" + "\n".join(lines) + "\n"
    path.write_text(re.sub(r"(?ms)^cues:\n.*?(?=^\S)", lambda _: block + "\n", text, count=1), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", type=Path, action="append", default=[])
    parser.add_argument("--messages", nargs=2, type=Path, action="append", default=[], metavar=("FOLDER", "LABELS"))
    parser.add_argument("--noise", type=Path, help="sentences to put round statements, one a line")
    parser.add_argument("--penalty", type=float, default=2.0)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--errors", action="store_true", help="list what cross-validation got wrong")
    parser.add_argument("--curve", action="store_true", help="figures for several thresholds")
    options = parser.parse_args()
    finder = ActivityFinder(PROGRAMME)
    texts = load(finder, options.statements, options.messages)
    cues = [c for c in finder.weights if c != "always"]
    noise = [finder.parts(TextView(line, where="own")) for line in (options.noise.read_text(encoding="utf-8").splitlines() if options.noise else [])]
    by_fold: list[tuple[list[Text], dict[str, dict[str, float]]]] = []
    for number in range(5):
        weights = fitted([t for t in texts if fold(t.id) != number], cues, options.penalty, noise=noise)
        by_fold.append(([t for t in texts if fold(t.id) == number], weights))
    for accept, part in (
        [(a, p) for a in (0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8) for p in (finder.accept_part,)] if options.curve else [(finder.accept, finder.accept_part)]
    ):
        finder.accept, finder.accept_part = accept, part
        results = []
        for held_out, weights in by_fold:
            finder.weights = weights
            results += [(t, finder.decide(t.parts).activities) for t in held_out]
            if options.errors:
                for t in held_out:
                    if set(got := finder.decide(t.parts).activities) != t.truth:
                        print(t.id, "truth", sorted(t.truth), "got", got, {k: round(v, 2) for k, v in finder.shares(t.parts).items() if v > 0.05})
        for source in sorted({t.source for t in texts}):
            mine = [(t, got) for t, got in results if t.source == source]
            if options.curve:
                right, given, true = figures(mine)["all"]
                print(f"{source:28} accept {accept} part {part}: precision {right / max(given, 1):.3f} recall {right / max(true, 1):.3f}")
            else:
                show(f"{source}, cross-validated ({len(mine)} texts)", mine)
    final = fitted(texts, cues, options.penalty, noise=noise)
    finder.weights = final
    show("all texts, fitted on all of them", [(t, finder.decide(t.parts).activities) for t in texts])
    if options.write:
        write(PROGRAMME / "rules" / "activities.yaml", final)


if __name__ == "__main__":
    main()
