"""Fit the two weight tables of programme/rules/questions.yaml, and the words of programme/words/questions.csv, to labelled texts, and cross-validate.

    python -m bench.fit_questions [--statements FILE.tsv] [--letters FILE.jsonl] [--messages FOLDER_OF_EML LABELS.jsonl] [--write]
    python -m bench.fit_questions --measure --letters FILE.jsonl --statements

Without files: all that may be learned from, in tests/corpus and in the corpus beside the checkout. What is kept aside is only ever measured.

A statements file has the columns asks (yes or no) and text; a file of letters is in the corpus format, a
folder of mail has labels in it. A logistic regression over each sentence's cues, drawn towards what one would
guess (PRIOR) where the texts say little, and its words, drawn harder towards nothing (OF_WORDS). Where a letter's label names the sentences that ask
(``question_sentences``), each of its sentences counts as what it is. Elsewhere only the whole text is labelled: a text
that does not ask says of each of its sentences that it does not, one that asks says that at least one does, and its
sentences share that in the measure that each is likely to be the one. Short statements hold far more questions than
mail does, so each counts for less than a letter (SHORT).

Cross-validated over sources (the letters before an id's number): who wrote some letters of a test is in none that were
learned from. Statements are of many hands in one file, and are dealt out evenly.

``--measure`` fits nothing: it prints what the tables of the programme find in the letters, by letter and by sentence.

What it does badly: labelled texts are few, so the tables are a guess that was corrected, not a measurement.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from bench.fit_topics import CORPUS, LETTERS, kept_aside
from mailroom.model import ParsedMessage, Zone, ZoneKind
from parse.message import parse_message
from parse.questions import READ, TABLES, QuestionFinder, Sentence, starts_like_a_reply
from parse.views import views
from parse.zones import Zoner

PROGRAMME = Path(__file__).parent.parent / "programme"
STATEMENTS = [CORPUS / "questions.tsv", CORPUS / "learned_questions.tsv"]
SHORT = 0.3  # what a short statement counts for beside a letter
FOLDS = 5
FEWEST, FEWEST_WORDS = 3, 6  # texts that a cue, a word must be seen in
OF_WORDS = 2.0  # how much harder than a cue a word is held
LEAST = 0.05  # a word that weighs less is not written
HEAD = (
    "# Words and neighbouring words of a sentence, and how much each speaks for its asking a person: in a question, in a statement.\n"
    "# «^» stands where the sentence begins, 0 for any number (see parse/questions.py). Written by `python -m bench.fit_questions --write`.\n"
)
SIGN = "word "  # before a word among the cues of a design
SIGNS = PROGRAMME / "words" / "questions.csv"
Array = NDArray[np.float64]
# Towards what the weights are drawn: for cues that start so, the longest that fits; questions, then statements.
PRIOR: dict[str, dict[str, float]] = {
    "questions": {
        "always": 0.6,
        "next:calm.answer": -2.4,
        "next:calm.nobody-knows": -1.5,
        "next:calm.settled": -1.0,
        "next:research.named": -1.5,
        "next:research.ours": -0.6,
        "next:fragment": -0.5,
        "next:some:ask": 0.3,
        "before:research.named": -1.0,
        "before:topic-label": -2.5,
        "after:of-research": -1.5,
        "before:some:about": 0.3,
        "before:some:ask": 0.5,
        "before:some:hint": 0.3,
        "after:announced": 1.0,
        "form:filled-in": -4.0,
        "next:same-opening": -2.0,
        "calm.pleasantry": -2.5,
        "calm.receipt": -2.5,
        "calm.rhetoric": -1.8,
        "calm.everyone": -2.5,
        "calm.offer": -3.0,
        "calm.if-lacking": -3.0,
        "next:calm.joking": -4.0,
        "next:echoes": -1.5,
        "next:fills-in": -0.7,
        "form:tag": -0.5,
        "form:tag-idle": -1.0,
        "form:opens-negated-idle": -1.0,
        "form:mark-in-quotes": -0.8,
        "form:bracketed": -0.5,
        "form:quotes": -0.6,
        "ask.is-it-true": 2.0,
        "form:no-mark": -0.3,
        "form:fragment": -0.3,
        "form:subject": -1.5,
        "form:of-few": 0.5,
        "form:of-many": -0.2,
        "form:amid": -0.4,
        "form.aux-they": -0.8,
        "none:of-us": -0.6,
        "calm.you-will-want": -3.0,
        "calm.invites": -2.5,
        "form.aux-you": 0.6,
        "form.aux-me": 0.3,
        "form.aux-a-member": 0.8,
        "form.aux-it": 0.2,
        "form.is-there": 0.5,
        "form.may-we": 0.5,
        "form.when-will": 0.4,
        "none:about-us": -0.5,
        "who.they": -0.3,
        "calm.tag": -0.2,
        "calm.may-i": -2.5,
        "calm.sign-me-up": -3.5,
        "calm.change-mine": -3.0,
        "calm.enough": -2.0,
        "calm.you-register": -1.5,
        "calm.next-steps": -1.5,
        "calm.laughs": -2.5,
        "calm.topic-unsure": -2.0,
        "ask.hopes-not": 3.0,
        "research.asked-of-others": -1.2,
        "research.led-in": -1.8,
        "past.said-aloud": -1.2,
        "hint.know-whether": 0.6,
        "ask.": 1.2,
        "hint.": 0.3,
        "calm.": -1.0,
        "research.": -0.8,
        "about.": 0.6,
        "past.": -0.4,
    },
    "statements": {
        "form:late-inverted": 2.0,
        "always": -4.5,
        "form:of-few": 1.0,
        "calm.you-will-want": -3.0,
        "next:calm.settled": -1.0,
        "next:past.": -0.7,
        "next:some:ask": 0.3,
        "before:some:ask": 0.3,
        "after:announced": 0.6,
        "ask.announces": 1.5,
        "ask.cannot-tell": 3.2,
        "ask.know-which": 1.0,
        "ask.want-to-know": 3.2,
        "ask.advice": 3.5,
        "ask.please-tell": 3.5,
        "ask.can-you-tell": 3.5,
        "ask.not-said": 3.0,
        "ask.please-do": 4.0,
        "ask.send-it": 5.0,
        "ask.an-answer": 4.5,
        "ask.not-sure-if": 4.5,
        "ask.somebody-must": 4.5,
        "ask.find-out-for": 5.0,
        "ask.say-which": 4.5,
        "ask.no-idea": 4.0,
        "ask.know-before": 4.5,
        "ask.please-undo": 4.0,
        "ask.what-i-need": 3.5,
        "ask.need-you-to": 4.0,
        "ask.access-need": 3.5,
        "ask.fears": 3.0,
        "ask.stop-it": 4.0,
        "ask.a-copy": 4.0,
        "ask.comments": 4.0,
        "ask.mistake": 3.5,
        "ask.you-need-to": 4.0,
        "ask.broken": 3.5,
        "ask.still-waiting": 3.0,
        "ask.on-condition": 3.5,
        "ask.embedded": 3.5,
        "ask.what-lacks": 3.5,
        "ask.see-example": 3.5,
        "ask.take-down": 4.0,
        "hint.reprisal": 2.5,
        "calm.offer": -3.0,
        "calm.if-lacking": -3.0,
        "ask.would-help": 4.0,
        "ask.a-call": 4.0,
        "ask.grateful-to-know": 3.5,
        "ask.correct-me": 3.5,
        "ask.asking": 1.0,
        "ask.several": 2.5,
        "ask.answerable": 4.0,
        "ask.asked-by-others": 3.5,
        "calm.topic-unsure": -3.0,
        "ask.more-information": 2.2,
        "hint.guidance": 0.5,
        "hint.speak": 0.9,
        "hint.let-know": 0.6,
        "hint.or-not": 0.6,
        "hint.thinks-but": 0.5,
        "hint.clash": 0.8,
        "research.asked-of-others": -1.5,
        "ask.": 2.8,
        "hint.": 1.3,
        "calm.": -1.6,
        "research.": -0.8,
        "about.": 0.5,
        "past.": -1.0,
    },
}


@dataclass(frozen=True)
class Text:
    """``asking``: which of its sentences ask, where the label says so."""

    id: str
    source: str
    asks: bool
    sentences: tuple[Sentence, ...]
    asking: frozenset[int] | None = None
    short: bool = False  # a statement, not a letter

    @property
    def weight(self) -> float:
        return SHORT if self.short else 1.0


def read(finder: QuestionFinder, parsed: ParsedMessage) -> Iterable[tuple[Sentence, str]]:
    """The sentences that the finder looks at, with their words."""
    for view in views(parsed):
        if view.where in READ and not (view.where == "subject" and starts_like_a_reply(parsed.subject)):
            for sentence in finder.sentences(view)[0]:
                yield sentence, view.folded[sentence.start : sentence.end]


def same_words(found: str, labelled: str) -> bool:
    """Whether they are one sentence: a person ends it elsewhere than a program does."""
    one, other = (re.sub(r"\W+", "", words.lower()) for words in (found, labelled))
    return other in one or (one in other and len(one) * 3 >= len(other))


def labelled(finder: QuestionFinder, item: dict[str, Any], source: str, parsed: ParsedMessage) -> Text:
    found = list(read(finder, parsed))
    asks, said = bool(item["labels"]["asks_question"]), item.get("question_sentences")
    asking = None
    if said is not None:
        asking = frozenset(index for index, (_, words) in enumerate(found) if any(same_words(words, sentence) for sentence in said))
        if asks and not asking:
            print(f"{source}: {item['id']} asks in no sentence that was found", file=sys.stderr)
            asking = None
    return Text(item["id"], source, asks, tuple(sentence for sentence, _ in found), asking)


def load(
    finder: QuestionFinder, statements: Sequence[Path], letters: Sequence[Path], messages: Sequence[tuple[Path, Path]], *, aside: bool = False
) -> list[Text]:
    """``aside``: also what is kept aside, which is never learned from."""
    texts: list[Text] = []
    empty = parse_message(b"From: ann@example.org\r\n\r\n")
    for file in statements:
        with file.open(encoding="utf-8", newline="") as lines:
            for number, row in enumerate(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)):
                body = row["text"].replace("\\n", "\n")
                parsed = replace(empty, body=body, zones=(Zone(kind=ZoneKind.OWN, start=0, end=len(body)),))
                found = tuple(sentence for sentence, _ in read(finder, parsed))
                if kept_aside(file, f"{file.stem}{number}") and not aside:
                    continue
                texts.append(Text(f"{file.stem}{number}", file.stem, row["asks"] == "yes", found, short=True))
    zoner = Zoner(PROGRAMME)
    for folder, labels in [(None, file) for file in letters] + list(messages):
        for line in labels.read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            if kept_aside(labels, item["id"]) and not aside:
                continue
            if item["labels"]["kind"] in ("bounce", "auto_reply", "unrelated"):
                continue  # a private letter's questions are nothing to learn from
            if folder is None:
                mail = EmailMessage()
                mail["From"], mail["Subject"] = "ann@example.org", item["subject"]
                mail.set_content(item["body"])
                written = mail.as_bytes()
            else:
                written = (folder / f"{item['id']}.eml").read_bytes()
            texts.append(labelled(finder, item, labels.stem if folder is None else folder.parent.name, parse_message(written, zoner=zoner)))
    return [text for text in texts if text.sentences]


class Design:
    """Sentences as rows, cues as columns; a table's cues are columns of their own."""

    def __init__(self, texts: Sequence[Text], columns: dict[tuple[str, str], int]) -> None:
        rows: list[int] = []
        places: list[int] = []
        owners: list[int] = []
        for owner, text in enumerate(texts):
            for sentence in text.sentences:
                table = TABLES[0] if sentence.marked else TABLES[1]
                own = [columns[table, cue] for cue in ("always", *cues_of(sentence)) if (table, cue) in columns]
                rows += [len(owners)] * len(own)
                places += own
                owners.append(owner)
        self.cues = csr_matrix((np.ones(len(rows)), (rows, places)), shape=(len(owners), len(columns)))
        self.owner = np.array(owners)


def cues_of(sentence: Sentence) -> Iterable[str]:
    return (*sentence.cues, *(SIGN + sign for sign in sentence.signs))


def held(cue: str) -> float:
    """How hard a cue's weight is drawn towards the guess."""
    return OF_WORDS if cue.startswith(SIGN) else 1.5 if cue.startswith(("next:", "before:")) else 1.0


def columns_of(texts: Sequence[Text]) -> dict[tuple[str, str], int]:
    seen: Counter[str] = Counter()
    for text in texts:
        seen.update({cue for sentence in text.sentences for cue in cues_of(sentence)})
    cues = ["always", *sorted(cue for cue in seen if seen[cue] >= (FEWEST_WORDS if cue.startswith(SIGN) else FEWEST) or any(prior_of(t, cue) for t in TABLES))]
    return {(table, cue): number for number, (table, cue) in enumerate((table, cue) for table in TABLES for cue in cues)}


def prior_of(table: str, cue: str) -> float:
    """The guess for the cue itself, else for the longest beginning of it that there is one for."""
    fitting = [start for start in PRIOR[table] if cue == start or (cue.startswith(start) and start != "always")]
    return PRIOR[table][max(fitting, key=len)] if fitting else 0.0


def fit(texts: Sequence[Text], columns: dict[tuple[str, str], int], penalty: float) -> Array:
    design = Design(texts, columns)
    turned = design.cues.T.tocsr()
    prior = np.array([prior_of(*column) for column in columns])
    shrink = np.array([100.0 if cue == "always" else penalty * held(cue) for _, cue in columns])
    truth: list[float] = []
    for text in texts:
        asking = frozenset[int]() if not text.asks else text.asking
        truth += [math.nan if asking is None else float(index in asking) for index in range(len(text.sentences))]
    shared = np.isnan(truth)  # one of these asks, and the label does not say which
    single = np.where(shared, 0.0, truth)
    groups = np.unique(design.owner[shared])
    weight = np.array([text.weight for text in texts])
    each = weight[design.owner]

    def loss(weights: Array) -> tuple[float, Array]:
        score = design.cues @ weights
        likely, silent = 1 / (1 + np.exp(-score)), -np.logaddexp(0, score)  # that it asks; logarithm of that it does not
        nobody = np.bincount(design.owner[shared], weights=silent[shared], minlength=len(texts))
        somebody = np.maximum(-np.expm1(nobody), 1e-9)
        share = np.exp(nobody) / somebody
        total = -np.sum(each * np.where(shared, 0.0, silent + single * score)) - np.sum(weight[groups] * np.log(somebody[groups]))
        slope = each * np.where(shared, -share[design.owner] * likely, likely - single)
        away = weights - prior
        return float(total + np.sum(shrink * away * away) / 2), np.asarray(turned @ slope + shrink * away, dtype=np.float64)

    return np.asarray(minimize(loss, prior, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x, dtype=np.float64)


def scores(texts: Sequence[Text], columns: dict[tuple[str, str], int], weights: Array) -> list[float]:
    design = Design(texts, columns)
    best = np.full(len(texts), -np.inf)
    np.maximum.at(best, design.owner, design.cues @ weights)
    return [float(score) for score in best]


def hand(text: Text) -> str:
    """Who wrote it, as far as its id tells; statements are many hands' in one file, and are dealt out evenly."""
    if text.short:
        return f"{text.source} {int(hashlib.sha256(text.id.encode()).hexdigest(), 16) % FOLDS}"
    return text.id.rstrip("0123456789")


def curve(name: str, found: Sequence[tuple[bool, float]]) -> None:
    """Precision and recall of «this text asks», for a few thresholds."""
    asked = sum(truth for truth, _ in found)
    print(f"{name}: {len(found)} texts, {asked} ask")
    for threshold in (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7):
        said = [truth for truth, score in found if 1 / (1 + math.exp(-score)) >= threshold]
        print(f"  asks_at {threshold:.2f}  precision {sum(said) / max(1, len(said)):.3f}  recall {sum(said) / max(1, asked):.3f}")


def measure(finder: QuestionFinder, texts: Sequence[Text]) -> None:
    """Precision and recall of the programme's own tables: of letters that ask, and of sentences where a label names them."""
    for source in dict.fromkeys(text.source for text in texts):
        own = [text for text in texts if text.source == source]
        chosen = [{i for i, sentence in enumerate(text.sentences) if finder.probability(sentence) >= finder.asks_at} for text in own]
        by_letter = [(text.asks, bool(said)) for text, said in zip(own, chosen, strict=True)]
        by_sentence = [
            (i in text.asking, i in said) for text, said in zip(own, chosen, strict=True) if text.asking is not None for i in range(len(text.sentences))
        ]
        for name, found in (("letters", by_letter), ("sentences", by_sentence)):
            right = sum(truth and said for truth, said in found)
            said, asked = sum(said for _, said in found), sum(truth for truth, _ in found)
            print(f"{source:12} {name:10} {len(found):5}  precision {right}/{said}  recall {right}/{asked}")


def write(columns: dict[tuple[str, str], int], weights: Array) -> None:
    """Replace the tables at the end of the file, and the words."""
    path = PROGRAMME / "rules" / "questions.yaml"
    text = path.read_text(encoding="utf-8")
    text = text[: text.index(f"\n{TABLES[0]}:")] + "\n"
    for table in TABLES:
        rows = [(cue, round(float(weights[number]), 1)) for (name, cue), number in columns.items() if name == table and not cue.startswith(SIGN)]
        kept = sorted((row for row in rows if row[1] and row[0] != "always"), key=lambda row: -row[1])
        text += f"{table}:\n" + "".join(f'  "{cue}": {weight}\n' for cue, weight in [*(r for r in rows if r[0] == "always"), *kept])
    path.write_text(text, encoding="utf-8")
    words: dict[str, list[float]] = {}
    for (name, cue), number in columns.items():
        if cue.startswith(SIGN):
            words.setdefault(cue.removeprefix(SIGN), [0.0, 0.0])[TABLES.index(name)] = round(float(weights[number]), 2)
    with SIGNS.open("w", encoding="utf-8", newline="") as lines:
        lines.write(HEAD)
        rows = csv.writer(lines, lineterminator="\n")
        rows.writerow(("sign", *TABLES))
        rows.writerows((sign, *row) for sign, row in sorted(words.items()) if max(map(abs, row)) >= LEAST)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", nargs="*", type=Path, default=STATEMENTS)
    parser.add_argument("--letters", nargs="*", type=Path, default=LETTERS)
    parser.add_argument("--messages", nargs=2, action="append", type=Path, default=[], metavar=("FOLDER", "LABELS"))
    parser.add_argument("--penalty", type=float, default=2.0)
    parser.add_argument("--measure", action="store_true", help="only print what the present tables find")
    parser.add_argument("--write", action="store_true", help="write the tables into programme/rules/questions.yaml")
    options = parser.parse_args()
    finder = QuestionFinder(PROGRAMME)
    texts = load(finder, options.statements, options.letters, [tuple(pair) for pair in options.messages], aside=options.measure)
    if options.measure:
        measure(finder, texts)
        return
    sources = sorted({hand(text) for text in texts})
    fold = {text.id: sources.index(hand(text)) % FOLDS for text in texts}
    found: dict[str, list[tuple[bool, float]]] = {}
    for number in range(FOLDS):
        learn, test = [t for t in texts if fold[t.id] != number], [t for t in texts if fold[t.id] == number]
        columns = columns_of(learn)
        for text, score in zip(test, scores(test, columns, fit(learn, columns, options.penalty)), strict=True):
            found.setdefault(text.source, []).append((text.asks, score))
    for source, results in found.items():
        curve(source, results)
    if options.write:
        columns = columns_of(texts)
        write(columns, fit(texts, columns, options.penalty))


if __name__ == "__main__":
    main()
