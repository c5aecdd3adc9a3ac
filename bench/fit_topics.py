"""Fit the weights of the topic ranker in programme/rules/topics.yaml to labelled texts, and cross-validate.

    python -m bench.fit_topics [--write] [--hold NAME ...] [--statements FILE.tsv ...] [--letters FILE.jsonl ...]

A statements file has the columns id, text and topics (acceptable ones with | between, none or empty where there is
none); letters are in the corpus format, and are rendered by the corpus' own ``render.py``. A softmax over all phrases of
a text and «nothing», whose goal is the share of words in common with the best acceptable topic; gradient steps with an
L2 and an L1 penalty, so that few marks keep a weight. What is kept is the mean over several fits, each without some of the
marks, because one fit leans on a few of those that say much the same. (Draws of the texts were tried: there are too few
letters without a topic to draw from, and when to give none was told worse.)

Promise: ``--write`` alone makes the weights that are committed: from every file of ``tests/corpus`` that was learned
from and from the corpus beside the checkout, without what is kept aside (``kept_aside``).

What it does badly: marks seen in fewer than ``--least`` texts are left out.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import random
import re
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from mailroom.model import ParsedMessage, Zone, ZoneKind
from parse.activities import ActivityFinder
from parse.message import parse_message
from parse.topicrank import together
from parse.topics import TopicFinder
from parse.views import views

ROOT = Path(__file__).parent.parent
PROGRAMME = ROOT / "programme"
CORPUS = ROOT / "tests" / "corpus"
SHARED = ROOT.parent / "shared" / "corpus"
STATEMENTS = [CORPUS / "topics.tsv", CORPUS / "learned_topics.tsv", SHARED / "topic_statements.tsv"]
LETTERS = [*sorted(CORPUS.glob("learned_*.jsonl")), *sorted(CORPUS.glob("fresh_*.jsonl")), *sorted(SHARED.glob("[def].jsonl"))]
FILLER = frozenset(("the", "of", "and", "a", "an", "in", "on", "for", "to", "our", "with", "school", "council"))
WORDS = ("word", "sentence-word", "left", "in-subject")  # groups of marks that are words: to be seen more often
POWER = 2.0  # of the share of words: nearly right counts little
NOTHING = 3.0  # how often a text without a topic counts
LETTER = 2.0  # how often a letter counts for each statement: letters are what will be read
# Too rare in the texts to be fitted; and caution is for long letters, which speak of much that is no topic.
PRIOR = {"cue:topic.asked": 5.0, "text:short": 1.0}


@dataclass(frozen=True)
class Text:
    id: str
    source: str
    letter: bool
    topics: tuple[str, ...]
    starts: list[tuple[list[str], list[tuple[list[str], float, str]]]]  # marks of a start; of each end: marks, share of words, phrase


def words(text: str) -> Counter[str]:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return Counter(word.rstrip("s") for word in re.findall(r"[a-z0-9]+", plain.replace("'", "")) if word not in FILLER)


def share(truth: Sequence[Counter[str]], phrase: str) -> float:
    mine = words(phrase)
    size = sum(mine.values())
    return max((2 * sum((one & mine).values()) / (sum(one.values()) + size) for one in truth if size), default=0.0)


def alone(text: str) -> ParsedMessage:
    """A message that is all the member's own words."""
    empty: tuple[()] = ()
    return ParsedMessage(
        message_ids=empty, in_reply_to=empty, references=empty, sender=None, from_addresses=empty, reply_to=empty, recipients=empty, subject="",
        sent_at=None, return_path=None, headers=empty, body=text, zones=(Zone(kind=ZoneKind.OWN, start=0, end=len(text)),), attachments=empty,
        content_types=empty, report=None, calendar_method=None, defects=empty,
    )  # fmt: skip


class Everything(dict[str, float]):
    """Weights that hold no mark and remember which were asked for: the marks of a sentence."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.append(key)
        return default


def text_of(
    finder: TopicFinder, identifier: str, source: str, parsed: ParsedMessage, topics: tuple[str, ...], *, activities: ActivityFinder | None = None
) -> Text:
    """``activities`` for a letter: what it says of them counts there, and is not known of a statement."""
    truth = [words(topic) for topic in topics]
    starts: list[tuple[list[str], list[tuple[list[str], float, str]]]] = []
    texts = views(parsed)
    activity = activities.find(parsed, texts).how if activities else ""
    for marked in finder.marked(texts, activity=activity):
        asked = Everything()
        shared: list[str] = []
        for at, end, _, own in marked.starts(asked):
            if asked.asked:
                shared, asked.asked = asked.asked, []
            ends: list[tuple[list[str], float, str]] = []
            for last, inside, closing, whole in marked.ends(at, end):
                phrase = marked.text.doc[at:last].text
                ends.append(([*inside, *closing, *whole], share(truth, phrase), phrase))
            starts.append(([*shared, *own], ends))
    return Text(identifier, source, activities is not None, topics, [item for item in starts if item[1]])


def kept_aside(file: Path, identifier: str) -> bool:
    """What only measures: whole files that say so, a quarter of the shared letters, a third of the statements that tests read."""
    if file.name.startswith("aside_") or "_aside" in file.stem:
        return True
    if file.resolve().parent == SHARED.resolve() and file.suffix == ".jsonl":
        return hashlib.sha256(identifier.encode()).hexdigest()[0] in "0123"
    return file.name == "topics.tsv" and int(hashlib.sha1(identifier.encode()).hexdigest(), 16) % 3 == 0


def load(finder: TopicFinder, statements: Sequence[Path], letters: Sequence[Path]) -> list[Text]:
    texts: list[Text] = []
    for file in statements:
        with file.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                topics = tuple(topic for topic in (row["topics"] or "").split("|") if topic not in {"", "none"})
                if not kept_aside(file, row["id"]):
                    texts.append(text_of(finder, row["id"], file.name, alone(row["text"]), topics))
    activities = ActivityFinder(PROGRAMME)
    for file in letters:
        items = [item for item in map(json.loads, file.read_text(encoding="utf-8").splitlines()) if not kept_aside(file, item["id"])]
        items = [item for item in items if item["labels"]["kind"] in ("expression_of_interest", "follow_up")]
        with tempfile.TemporaryDirectory() as folder:
            kept = Path(folder) / file.name
            kept.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
            subprocess.run([sys.executable, str(SHARED / "render.py"), str(kept), folder], check=True, stdout=subprocess.DEVNULL)
            for item in items:
                parsed = parse_message((Path(folder) / f"{item['id']}.eml").read_bytes())
                texts.append(text_of(finder, item["id"], file.name, parsed, tuple(item["labels"]["topics"]), activities=activities))
    return texts


class Table:
    """Texts as arrays: every phrase belongs to a start, every start to a text."""

    def __init__(self, texts: Sequence[Text], marks: Mapping[str, int]) -> None:
        self.texts, self.marks = texts, marks
        start_marks: list[list[int]] = []
        end_marks: list[list[int]] = []
        gain: list[float] = []
        start_of: list[int] = []
        text_of_phrase: list[int] = []
        self.phrases: list[str] = []
        for number, text in enumerate(texts):
            for own, ends in text.starts:
                for end, value, phrase in ends:
                    end_marks.append([marks[m] for m in end if m in marks])
                    gain.append(value)
                    start_of.append(len(start_marks))
                    text_of_phrase.append(number)
                    self.phrases.append(phrase)
                start_marks.append([marks[m] for m in own if m in marks])
        self.gain, self.start_of, self.text_of = np.array(gain), np.array(start_of), np.array(text_of_phrase)
        self.start_marks, self.end_marks = _matrix(start_marks, len(marks)), _matrix(end_marks, len(marks))
        self.has = np.array([bool(text.topics) for text in texts])

    def scores(self, weights: np.ndarray) -> np.ndarray:
        made: np.ndarray = (self.start_marks @ weights)[self.start_of] + self.end_marks @ weights
        return made

    def gradient(self, by_phrase: np.ndarray) -> np.ndarray:
        by_start = np.bincount(self.start_of, by_phrase, self.start_marks.shape[0])
        made: np.ndarray = self.start_marks.T @ by_start + self.end_marks.T @ by_phrase
        return made


def _matrix(rows: Sequence[Sequence[int]], width: int) -> csr_matrix:
    ends = np.cumsum([0, *(len(row) for row in rows)])
    marks = np.array([mark for row in rows for mark in row], dtype=np.int32)
    return csr_matrix((np.ones(len(marks)), marks, ends), shape=(len(rows), width))


def fit(table: Table, kept: np.ndarray, l2: float, l1: float, rounds: int, rate: float = 0.15) -> tuple[np.ndarray, float]:
    """``kept``: one for each mark that may have a weight, nought for the others."""
    size, count = len(table.marks), len(table.texts)
    weights, nothing = np.zeros(size), 3.0
    importance = np.array([LETTER if text.letter else 1.0 for text in table.texts]) * np.where(table.has, 1.0, NOTHING)
    gain, has = table.gain**POWER, table.has[table.text_of]
    first, second = np.zeros(size + 1), np.zeros(size + 1)
    for number in range(1, rounds + 1):
        z = table.scores(weights)
        top = np.full(count, nothing)
        np.maximum.at(top, table.text_of, z)
        p, rest = np.exp(z - top[table.text_of]), np.exp(nothing - top)
        total = np.bincount(table.text_of, p, count) + rest
        p, rest = p / total[table.text_of], rest / total
        expected = np.bincount(table.text_of, p * gain, count) + 1e-6
        wanted = np.where(has, p * gain / expected[table.text_of], 0.0)
        unsaid = ((np.where(table.has, 0.0, 1.0) - rest) * importance).sum()
        step = np.append(kept * table.gradient((wanted - p) * importance[table.text_of]) - l2 * weights, unsaid)
        first, second = 0.9 * first + 0.1 * step, 0.99 * second + 0.01 * step * step
        speed = np.sqrt(second / (1 - 0.99**number))
        now = rate * (1.0 if number < 0.6 * rounds else 0.3)
        change = now * (first / (1 - 0.9**number)) / (speed + 1e-8)
        weights, nothing = weights + change[:-1], float(nothing + change[-1])
        weights = np.sign(weights) * np.maximum(np.abs(weights) - l1 * rate / np.maximum(speed[:-1], 0.3), 0)
    return weights, nothing


def fitted(texts: Sequence[Text], options: argparse.Namespace) -> dict[str, float]:
    seen: Counter[str] = Counter()
    for text in texts:
        seen.update({mark for own, ends in text.starts for mark in [*own, *(m for end, _, _ in ends for m in end)]})
    often = {mark for mark, number in seen.items() if number >= options.least * (2 if mark.partition(":")[0] in WORDS else 1)}
    marks = {mark: index for index, mark in enumerate(sorted(often - PRIOR.keys()))}
    weights, nothing = np.zeros(len(marks)), 0.0
    table, draw = Table(texts, marks), random.Random(1)
    for _ in range(options.samples):
        kept = np.array([float(options.samples == 1 or draw.random() >= options.drop) for _ in marks])
        made, made_nothing = fit(table, kept, options.l2, options.l1, options.rounds)
        weights, nothing = weights + made / options.samples, nothing + made_nothing / options.samples
    rounded = {mark: round(float(weights[index]), 2) for mark, index in marks.items()}
    return {"nothing": round(nothing, 2), **PRIOR, **{mark: value for mark, value in rounded.items() if abs(value) >= options.smallest}}


def judge(texts: Sequence[Text], weights: Mapping[str, float], *, wrong: bool = False) -> dict[float, tuple[float, int, int, int]]:
    """For several shifts of the threshold: mean share, texts with a topic, invented, texts without."""
    best: list[tuple[float, float, str]] = []
    for text in texts:
        top = (-99.0, 0.0, "")
        scores: list[float] = []
        for own, ends in text.starts:
            start = sum(weights.get(mark, 0.0) for mark in own)
            for marks, value, phrase in ends:
                scores.append(start + sum(weights.get(mark, 0.0) for mark in marks))
                top = max(top, (scores[-1], value, phrase))
        top = (together(sorted(scores, reverse=True)[:8]), *top[1:])  # as many as the finder keeps
        best.append(top)
        if wrong and ((text.topics and top[1] < 0.7) or (not text.topics and top[0] > weights["nothing"])):
            print(f"  {text.id} wanted {text.topics} got «{top[2]}» {top[0] - weights['nothing']:+.1f}")
    made: dict[float, tuple[float, int, int, int]] = {}
    for shift in (-1.0, 0.0, 1.0, 2.0):
        over = [value > weights["nothing"] + shift for value, _, _ in best]
        shares = [value if given else 0.0 for text, given, (_, value, _) in zip(texts, over, best, strict=True) if text.topics]
        invented = [given for text, given in zip(texts, over, strict=True) if not text.topics]
        made[shift] = (sum(shares) / max(1, len(shares)), len(shares), sum(invented), len(invented))
    return made


def show(title: str, texts: Sequence[Text], weights: Mapping[str, float], *, wrong: bool = False) -> None:
    for source in sorted({text.source for text in texts}):
        figures = judge([text for text in texts if text.source == source], weights, wrong=wrong)
        print(f"{title} {source:24}", "  ".join(f"{shift:+.0f}: {f[0]:.3f} of {f[1]}, invented {f[2]}/{f[3]}" for shift, f in figures.items()), flush=True)


def write(path: Path, weights: Mapping[str, float]) -> None:
    groups: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for mark, value in weights.items():
        if mark != "nothing":
            group, _, name = mark.partition(":")
            groups[group][name] = value
    lines = [f"weights:\n  nothing: {weights['nothing']:g}"]
    for group, table in sorted(groups.items()):
        lines.append(f"  {group}:")
        line = "    {"
        for name, value in sorted(table.items(), key=lambda item: -item[1]):
            item = f"{json.dumps(name, ensure_ascii=False)}: {value:g}, "
            if len(line) + len(item) > 150:
                lines.append(line.rstrip())
                line = "     "
            line += item
        lines.append(line.rstrip(", ") + "}")
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"(?ms)^weights:\n.*?(?=^\S|\Z)", lambda _: "\n".join(lines) + "\n", text, count=1), encoding="utf-8")


def main(arguments: Collection[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", type=Path, nargs="*", default=STATEMENTS)
    parser.add_argument("--letters", type=Path, nargs="*", default=LETTERS)
    parser.add_argument("--hold", nargs="*", default=[], help="files (names) to fit without and then to judge")
    parser.add_argument("--l2", type=float, default=0.7)
    parser.add_argument("--l1", type=float, default=0.1)
    parser.add_argument("--least", type=int, default=5)
    parser.add_argument("--smallest", type=float, default=0.05)
    parser.add_argument("--rounds", type=int, default=90)
    parser.add_argument("--samples", type=int, default=5, help="fits that are averaged; 1 for a single fit with all marks")
    parser.add_argument("--drop", type=float, default=0.3, help="share of the marks that each of several fits does without")
    parser.add_argument("--caution", type=float, default=1.0, help="added to what is written for «nothing»: a topic that is none costs more than one missed")
    parser.add_argument("--wrong", action="store_true", help="list what is wrong in a file that was held out")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(None if arguments is None else list(arguments))
    finder = TopicFinder(PROGRAMME)
    texts = load(finder, options.statements, options.letters)
    for held in options.hold:
        weights = fitted([text for text in texts if text.source != held], options)
        show("held out", [text for text in texts if text.source == held], weights, wrong=options.wrong)
    if options.write or not options.hold:
        weights = fitted(texts, options)
        print(f"{len(weights)} weights")
        show("fitted", texts, weights)
        if options.write:
            write(PROGRAMME / "rules" / "topics.yaml", {**weights, "nothing": round(weights["nothing"] + options.caution, 2)})


if __name__ == "__main__":
    main()
