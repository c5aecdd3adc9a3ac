"""Which stretch of the member's words is the topic: a linear ranker over many candidate phrases.

Every word that may begin a phrase is a start, every word within reach that may end one an end. A phrase's score is
the sum of the weights of its marks: what stands before and after it, how it begins and ends, its length, the cue
that leads up to it, its sentence, whether it is named in the subject line or comes back, whether a theme knows it.
The weights are programme data (``weights`` in ``rules/topics.yaml``), fitted to labelled texts by
``bench/fit_topics.py``.

Promise: time is linear in the text; only the ends of the best starts are tried, each end and each word being looked at once.

What it does badly: there is no grammar behind the marks, so that a phrase may run a few words long or short; a
weight is only as good as the texts that it was fitted to.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from parse.phrases import NUMBER_WORDS
from parse.themes import word_key
from parse.topicphrase import TopicText, Words

__all__ = ["Cued", "Marked", "Ranked", "Scope", "Weights", "best", "kinds_of", "scope_of", "stem", "strength", "together"]

Weights = Mapping[str, float]

_DETERMINERS = frozenset(
    ("the", "a", "an", "our", "my", "your", "its", "their", "his", "her", "this", "that", "these", "those", "some", "any", "oor", "ma", "wir")
)
_FIELD = frozenset((":", "|", "=", "-", "?", "\\n"))
_AROUND = ((0, "says"), (1, "next-says"), (2, "later-says"), (-1, "previous-says"))  # sentences whose sayings count
_INNER = frozenset(("-", "'", "'s", "/"))
_BREAKS = frozenset(("(", ")", '"'))
_PARTICLES = frozenset(("out", "up", "off", "down", "in", "on", "away", "back", "together", "around", "about", "over", "through", "it", "them"))
_SHAPED = frozenset(("ing", "ed", "verb", "people"))  # kinds that tell phrases apart by their shape
_SHAPE = 7  # tokens of a phrase's shape
_LONGEST = 14  # tokens of a phrase
_MOST_READ = 1200  # tokens of one text that are tried
_STARTS = 24  # that are followed to their ends, of a whole message
_ENDINGS = ("ings", "ing", "in'", "ies", "ied", "ed", "es", "e", "s", "y")
_LEFT = 5  # words before a phrase that are looked at
_ROOT = 3  # letters that an ending leaves, at least


def _sum(weights: Weights, marks: Iterable[str]) -> float:
    # fsum gives the same for every order of the marks.
    return math.fsum(filter(None, map(weights.get, marks)))


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A word without the endings of verbs and plurals, roughly."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _ROOT:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > _ROOT and word[-1] == word[-2] else word


@dataclass(frozen=True, slots=True)
class Cued:
    """A phrase that a cue, its form or a theme recommends."""

    start: int
    end: int
    strength: float
    rule: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known of the whole message."""

    counts: Mapping[str, int]  # of the words' keys in all texts
    subject: frozenset[str]  # keys of the words of the subject line
    marks: tuple[str, ...]  # what speaks for there being a topic at all, wherever it is


@dataclass(frozen=True, slots=True)
class Ranked:
    """The phrase ``text.low[start:end]`` with its score, and the strongest cue that leads to it, if any."""

    text: TopicText
    start: int
    end: int
    score: float
    cue: Cued | None


def scope_of(texts: Sequence[TopicText], function: frozenset[str], *, short: bool, none_said: bool, activity: str) -> Scope:
    """``activity``: how the message tells what the member does or plans, "" where that is not known."""
    counts: Counter[str] = Counter()
    subject: set[str] = set()
    for text in texts:
        counts.update(word_key(word) for word in text.low if word[0].isalpha())
        if text.is_subject:
            subject |= {word_key(word) for word in text.low if word[0].isalpha() and word not in function}
    # A few lines often have no topic; who writes long has one, and so has nearly everyone who tells what they do or plan.
    marks = [f"text-words:{counts.total().bit_length()}", *["text:short"] * short, *["text:none-said"] * none_said, *[f"activity:{activity}"] * bool(activity)]
    return Scope(counts, frozenset(subject), tuple(marks))


_ROUGHLY = (0, 1, 2, 3, 6, 6, 6, 11, 11, 11, 11, 11, 12)


def _few(number: int) -> int:
    """A number of words, roughly."""
    return _ROUGHLY[min(number, 12)]


def kinds_of(words: Words) -> dict[str, str]:
    """The class of each known word; the first that has it counts."""
    kinds: dict[str, str] = {}
    for kind in ("people", "dates", "times", "settings", "posts", "roles", "no_topic", "no_fragment"):
        for word in words[kind]:
            kinds.setdefault(word, kind)
    return kinds


def best(marked: Sequence[Marked], weights: Weights, most: int) -> list[Ranked]:
    """The phrases with the highest scores, best first."""
    starts: list[tuple[float, int, int, int]] = []
    for index, text in enumerate(marked):
        for at, end, shared, own in text.starts(weights):
            starts.append((shared + _sum(weights, own), -index, -at, end))
    found: list[tuple[float, Marked, int, int]] = []
    sums: dict[tuple[str, ...], float] = {}
    for score, index, at, end in heapq.nlargest(_STARTS, starts):
        text = marked[-index]
        begun, read = score, 0
        for last, inside, closing, own in text.ends(-at, end):
            begun += _sum(weights, inside[read:])  # grows from end to end
            read = len(inside)
            if closing not in sums:
                sums[closing] = _sum(weights, closing)
            found.append((begun + sums[closing] + _sum(weights, own), text, -at, last))
    chosen = heapq.nlargest(most, found, key=lambda item: item[0])
    return [Ranked(text.text, at, last, score, text.cue(at, last)) for score, text, at, last in chosen]


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of content inside a phrase."""

    marks: tuple[str, ...]
    again: int  # how often it stands in the message
    long: bool
    named: bool  # in the subject line
    rare: bool
    subject: bool  # taught at school
    theme: int


class Marked:
    """One text: where phrases may begin and end, and the marks of that. ``lexicon`` is ``kinds_of(words)``."""

    def __init__(
        self,
        text: TopicText,
        words: Words,
        lexicon: Mapping[str, str],
        scope: Scope,
        cued: Sequence[Cued],
        notes: Mapping[int, str],
        said: Sequence[tuple[int, str]],
    ) -> None:
        self.lexicon, self.said = lexicon, said
        self.text, self.words, self.scope, self.notes = text, words, scope, notes
        self.low = text.low[:_MOST_READ]
        self.kinds = [self._kind(index) for index in range(len(self.low))]
        self.stems = [stem(word) for word in self.low]
        self.cued: dict[int, list[Cued]] = {}
        for item in cued:
            self.cued.setdefault(item.start, []).append(item)
        self._words: dict[int, _Word] = {}
        self._closings: dict[tuple[int, str], tuple[str, ...]] = {}
        self.at_theme: dict[int, int] = {}
        for hit in text.themes:
            for index in range(hit.start, hit.end):
                self.at_theme[index] = max(self.at_theme.get(index, 0), 1 + hit.specific)
        where = text.view.where
        self.zone = "attachment" if where.startswith("attachment:") else str(where)

    def cue(self, start: int, end: int) -> Cued | None:
        """The strongest cue that leads to the phrase, or at least to its beginning."""
        return max(self.cued.get(start, ()), key=lambda item: (item.end == end, item.strength), default=None)

    # --- words

    def _kind(self, index: int) -> str:
        """A rough class of a token."""
        word, words = self.low[index], self.words
        if not word[0].isalnum():
            return "\\n" if "\n" in word else word
        if word in words["function"] or word in words["questions"]:
            return "="
        if word[0].isdigit() or word in NUMBER_WORDS:
            return "number"
        if (kind := self.lexicon.get(word)) is not None:
            return kind
        shape = self.text.raw[index]
        if shape[0].isupper() and index and not self._opens(index):
            return "upper" if shape.isupper() else "title"
        if word in words["verbs"]:
            return "verb"
        return next((ending for ending in ("ing", "ed", "ly", "s") if word.endswith(ending) and len(word) > len(ending) + 2), "word")

    def _rough(self, index: int) -> str:
        """What a token is in the shape of a phrase: «n of d n»."""
        word, kind = self.low[index], self.kinds[index]
        if kind == "=":
            return "d" if word in _DETERMINERS else word
        return kind if kind in _SHAPED or not word[0].isalnum() else "n"

    def _opens(self, index: int) -> bool:
        """Whether a new sentence or line begins here, so that a capital says nothing."""
        before = self.low[index - 1]
        return not before[0].isalnum() and before not in _INNER and before != ","

    def _named(self, index: int, begin: int, end: int, edge: str) -> str:
        return (self.low[index].strip() or "\\n") if begin <= index < end else edge

    # --- where phrases begin

    def starts(self, weights: Weights) -> Iterator[tuple[int, int, float, list[str]]]:
        """Where a phrase may begin, the end of its sentence, what its sentence weighs, its own marks."""
        research = self.words["research"]
        sentences = [(start, end) for start, end in self.text.view.bounds if end <= len(self.low)]
        said = self._said(sentences)
        for number, (begin, end) in enumerate(sentences):
            shared: float | None = None
            over = max((place for place, label in self.said if label == "dismissed" and begin <= place < end), default=-1) if said[number] else -1
            before = sentences[number - 1] if number else None
            last = -1
            earlier = 0.0
            for at in range(begin, end):
                if self._may_start(at):
                    if shared is None:
                        around = [f"{where}:{label}" for offset, where in _AROUND for label in sorted(said.get(number + offset, ()))]
                        place = f"place:{4 * number // len(sentences)}" if len(sentences) > 4 else "place:short"
                        marks = [*around, place, *self.sentence(begin, end, number, before, last=number + 1 == len(sentences))]
                        shared = _sum(weights, marks)
                    own = [*self._start_marks(at, begin, last), f"earlier-cue:{int(earlier * 10)}"]
                    if over >= 0:
                        own.append("dismissed:before" if at < over else "dismissed:after")
                    yield at, end, shared, own
                for item in self.cued.get(at, ()):
                    earlier = max(earlier, item.strength)
                if self.low[at] in research:
                    last = at

    def _said(self, sentences: Sequence[tuple[int, int]]) -> defaultdict[int, set[str]]:
        """What each sentence says of topics, by its number."""
        found: defaultdict[int, set[str]] = defaultdict(set)
        ends = [end for _, end in sentences]
        for place, label in self.said:
            found[bisect_right(ends, place)].add(label)
        return found

    def sentence(self, begin: int, end: int, number: int, before: tuple[int, int] | None, *, last: bool) -> list[str]:
        """The marks that all phrases of a sentence share."""
        low = self.low
        body = sum(1 for word in low[begin:end] if word.strip())
        marks = [f"zone:{self.zone}", f"sentence-number:{min(number, 4)}"]
        if body <= 8:
            marks.append(f"sentence-words:{body}")
        marks += self.scope.marks
        if last:
            marks.append("sentence-number:last")
        if before is not None:
            previous = low[slice(*before)]
            marks.append("previous:research" if any(word in self.words["research"] for word in previous) else "previous:other")
            marks.append(f"previous-end:{next((word for word in reversed(previous) if word.strip()), '')}")
        marks += [f"sentence-kind:{kind}" for kind in dict.fromkeys(self.kinds[begin:end])]
        known = self.words["common"]
        marks += [f"sentence-word:{self.stems[i]}" for i in {low[i]: i for i in range(begin, end) if low[i] in known}.values()]
        return marks

    def _may_start(self, at: int) -> bool:
        word = self.low[at]
        if not word[0].isalnum() or (word in self.words["function"] and word not in self.words["questions"]):
            return False
        return not (at > 1 and self.low[at - 1] in _INNER and not self.text.spaced[at - 2] and not self.text.spaced[at - 1])

    def _start_marks(self, at: int, begin: int, research: int) -> list[str]:
        low, kinds, stems = self.low, self.kinds, self.stems
        before, determiner = at - 1, "none"
        while before >= begin and (low[before] in _DETERMINERS or not low[before].strip(" *")):
            determiner = low[before].strip() or determiner
            before -= 1
        inside = before >= begin
        one = self._named(before, begin, at, "^")
        two = self._named(before - 1, begin, at, "^")
        gap = at - research if research >= 0 else 99
        marks = [
            f"before:{one}",
            f"before-kind:{kinds[before] if inside else '^'}",
            f"before-stem:{stems[before] if inside else '^'}",
            f"before-stems:{stems[before - 1] if before > begin else '^'} {stems[before] if inside else '^'}",
            f"before-last:{two}",
            f"determiner:{determiner}",
            f"first-kind:{kinds[at]}",
            f"first-end:{low[at][-3:]}",
            f"before-first:{one} {kinds[at]}",
            f"offset:{_few(at - begin)}",
            "research:" + ("none" if gap == 99 else "next" if gap <= 3 else "near" if gap <= 8 else "far"),
            f"research-before:{'near' if gap < 12 else 'far'} {one}",
        ]
        marks += [f"left:{word}" for word in dict.fromkeys(stems[max(begin, at - _LEFT) : at])]
        if one in _FIELD:
            marks.append(f"field:{two}")
        if low[at] in self.words["subjects"]:
            marks.append("first-kind:subject")
        elif low[at] in self.words["questions"]:
            marks += (f"first-word:{low[at]}", f"before-question:{one} {low[at]}")
        strongest = 0.0
        for item in self.cued.get(at, ()):
            marks.append(f"cue:{item.rule}")
            strongest = max(strongest, item.strength)
        marks.append(f"cue-strength:{int(strongest * 10)}")
        if note := self.notes.get(at):
            marks.append(f"note:{note}")
        return marks

    # --- where they end

    def ends(self, start: int, limit: int) -> Iterator[tuple[int, list[str], tuple[str, ...], list[str]]]:
        """The ends of the phrases that may begin at ``start``: marks of what is inside so far, of where it ends, of the phrase."""
        low, kinds, words = self.low, self.kinds, self.words
        clause = low[start] in words["questions"]
        form = "clause" if clause else "ing" if kinds[start] == "ing" else "noun"
        exact = {item.end: item for item in sorted(self.cued.get(start, ()), key=lambda item: item.strength)}
        inside: list[str] = []
        shape = ""
        tokens = commas = content = rare = subjects = theme = themed = again = repeated = named = 0
        for at in range(start, min(limit, start + _LONGEST)):
            word = low[at]
            commas += word == ","
            if commas > 1 or word in _BREAKS or self.text.is_stop(at) or self.text.is_dash(at):
                break
            tokens += 1
            if tokens <= _SHAPE:
                shape = f"{shape} {self._rough(at)}" if shape else self._rough(at)
            if not word[0].isalnum():
                if word not in _INNER:
                    inside.append(f"inside:{word}")
                continue
            if word not in words["function"]:
                known = self._words.get(at) or self._word(at)
                inside += known.marks
                content += 1
                again += known.again > 1
                if known.long:
                    repeated = max(repeated, known.again)
                    named += known.named
                rare += known.rare
                subjects += known.subject
                theme = max(theme, known.theme)
                themed += known.theme > 0
            elif at > start:
                inside.append(f"{form}-inside:{word}")
            if at > start and word in words["ends"]:
                inside.append(f"{form}-inside:(ends)")
            if self._may_end(at, clause=clause):
                often = min(repeated, 4)
                own = [
                    f"{form}-length:{min(content, 9)}",
                    f"theme:{theme}",
                    f"rare:{min(rare, 4)}",
                    f"common:{min(content - rare, 4)}",
                    f"shape:{shape}",
                    f"again:{4 * again // max(1, content)}",
                    f"repeated:{often}",
                    # what the subject line says and the body then speaks of, or the other way round
                    f"subject-repeated:{often}" if self.zone == "subject" else f"in-subject:{min(named, 2)}",
                ]
                if subjects:
                    own.append("subjects:all" if subjects == content else "subjects:some")
                if themed and themed == content:
                    own.append("theme:all")
                if at + 1 in exact:
                    own += (f"same-strength:{int(max(0.0, exact[at + 1].strength) * 10)}", f"same-cue:{exact[at + 1].rule}")
                yield at + 1, inside, self._closing(at, limit, form), own

    def _word(self, at: int) -> _Word:
        word, scope = self.low[at], self.scope
        key = word_key(word)
        made = _Word(
            marks=(f"kind-inside:{self.kinds[at]}", f"word:{key}"),
            again=scope.counts.get(key, 0),
            long=len(key) > 3,
            named=key in scope.subject,
            rare=word not in self.words["common"] and not self.text.raw[at][0].isupper(),
            subject=word in self.words["subjects"],
            theme=self.at_theme.get(at, 0),
        )
        self._words[at] = made
        return made

    def _may_end(self, at: int, *, clause: bool) -> bool:
        word, low, spaced = self.low[at], self.low, self.text.spaced
        if word in self.words["function"] and not (clause and word in _PARTICLES):
            return False
        after = self.text.word(at + 1)
        if after not in _INNER or spaced[at]:
            return True
        return after != "'s" and not (at + 2 < len(low) and not spaced[at + 1] and low[at + 2][0].isalnum())

    def _closing(self, last: int, limit: int, form: str) -> tuple[str, ...]:
        """What a phrase ends with and what follows, wherever it began."""
        low, kinds = self.low, self.kinds
        if (known := self._closings.get((last, form))) is None:
            after = self._named(last + 1, last, limit, "$")
            known = (
                f"after:{after}",
                f"{form}-after-kind:{kinds[last + 1] if last + 1 < limit else '$'}",
                f"after-next:{self._named(last + 2, last, limit, '$')}",
                f"last-kind:{kinds[last]}",
                f"last-end:{low[last][-3:]}",
                f"last-after:{kinds[last]} {after}",
                f"last-common:{'yes' if low[last] in self.words['common'] else 'no'}",
                f"rest:{_few(limit - last - 1)}",
                *["theme:cut"] * (self.at_theme.get(last) == 2 and self.at_theme.get(last + 1) == 2),
            )
            self._closings[last, form] = known
        return known


def together(scores: Sequence[float]) -> float:
    """What several phrases weigh as one: whether there is a topic is surer than where exactly it ends."""
    top = max(scores, default=-30.0)
    return top + math.log(sum(math.exp(score - top) for score in scores)) if scores else top


def strength(score: float, nothing: float) -> float:
    """Between 0 and 1; one half is as good as nothing at all."""
    return 1.0 / (1.0 + math.exp(max(-30.0, min(30.0, (nothing - score) / 2))))
