"""Phrase rules: programme data in a small pattern language, run by spaCy's Matcher.

A pattern is what a careful non-programmer can read and edit. Its elements, separated by spaces:

    word            that word, upper or lower case alike
    meet*           any word that starts so
    we|us           one of these words
    (a group|team)  one of these phrases
    {people}        one of the words or phrases of the list of that name
    [together]      optional; also [a|the], [{people}]
    #               a number, in digits or in words
    ...             up to five words; ...3 up to three; never past the end of a sentence
    ^               the sentence starts here

Rules never reach across a sentence. Each rule is only tried on sentences that hold one of its anchor
words, so that a thousand rules cost little more than the ones that could match.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from spacy.matcher import Matcher
from spacy.tokens import Span

from mailroom.model import Evidence
from parse.textview import TextView, language

__all__ = ["Hit", "Phrase", "PhraseError", "PhraseMatcherSet"]

NUMBER_WORDS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty dozen couple handful half-dozen several few trio pair quartet"
).split()
_CONTRACTIONS = {"'ve", "'m", "'re", "'s", "'d", "'ll", "n't"}  # as spaCy splits them off
_GAP_STOPS = ["\n", ";"]


class PhraseError(ValueError):
    """A pattern that cannot be read; the message says where in the pattern."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrase:
    """One rule. ``label`` groups rules of one meaning; ``weight`` is the rule's say, any number."""

    id: str
    label: str
    patterns: tuple[str, ...]
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A rule that matched ``view.doc[start:end]`` (token offsets)."""

    phrase: Phrase
    view: TextView
    span: Span

    def evidence(self) -> Evidence:
        start, end = self.view.to_source(self.span.start_char, self.span.end_char)
        return Evidence(where=self.view.where, start=start, end=end, text=self.view.source[start:end], rule=self.phrase.id)


def _split(text: str, separator: str) -> list[str]:
    """Split at ``separator`` outside brackets."""
    parts, depth, current = [], 0, ""
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:
            raise PhraseError(f"«{text}»: a closing bracket without its opening one")
        if character == separator and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
    if depth:
        raise PhraseError(f"«{text}»: a bracket is not closed")
    parts.append(current)
    return parts


Token = dict[str, object]


class _Compiler:
    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        self.lists = lists
        self.make_doc = language().make_doc

    def words(self, text: str) -> list[Token]:
        tokens: list[Token] = []
        for piece in text.split():
            if piece.endswith("*") and len(piece) > 1:
                tokens.append({"LOWER": {"REGEX": "^" + re.escape(piece[:-1].lower())}})
            elif piece.lower() in _CONTRACTIONS:
                tokens.append({"LOWER": piece.lower()})
            elif piece == "#":
                tokens.append({"_number": True})
            else:
                tokens.extend({"LOWER": token.lower_} for token in self.make_doc(piece))
        return tokens

    def alternatives(self, element: str) -> list[list[Token]]:
        """What one element may be, as token sequences; single words are gathered into one set."""
        if element.startswith("[") and element.endswith("]"):
            return [*self.alternatives_of(_split(element[1:-1], "|")), []]
        if element.startswith("(") and element.endswith(")"):
            return self.alternatives_of(_split(element[1:-1], "|"))
        if (gap := re.fullmatch(r"\.\.\.(\d*)", element)) is not None:
            return [[{"LOWER": {"NOT_IN": _GAP_STOPS}, "OP": "{0,%d}" % int(gap[1] or 5)}]]
        return self.alternatives_of(_split(element, "|"))

    def alternatives_of(self, parts: Iterable[str]) -> list[list[Token]]:
        single: list[str] = []
        longer: list[list[Token]] = []
        for part in parts:
            part = part.strip()
            if part.startswith("{") and part.endswith("}"):
                name = part[1:-1]
                if name not in self.lists:
                    raise PhraseError(f"there is no word list «{name}»")
                sequences = self.alternatives_of(self.lists[name])
            elif any(c in part for c in "([{"):
                sequences = self.sequences(part)
            else:
                sequences = [self.words(part)]
            for sequence in sequences:
                match sequence:
                    case [{"LOWER": str(word)}] if len(sequence[0]) == 1:
                        single.append(word)
                    case [{"LOWER": {"IN": words}}] if len(sequence[0]) == 1:
                        single.extend(words)  # type: ignore[arg-type]
                    case [{"_number": True}]:
                        longer.extend(([{"LOWER": {"IN": NUMBER_WORDS}}], [{"IS_DIGIT": True}]))
                    case _:
                        longer.append(sequence)
        if single:
            longer.insert(0, [{"LOWER": single[0] if len(set(single)) == 1 else {"IN": sorted(set(single))}}])
        return longer

    def sequences(self, pattern: str) -> list[list[Token]]:
        elements = [piece for piece in _split(pattern, " ") if piece]
        choices = [self.alternatives(element) for element in elements if element != "^"]
        count = 1
        for choice in choices:
            count *= len(choice)
        if count > 20_000:
            raise PhraseError(f"«{pattern}»: {count} combinations; split it into several patterns")
        return [list(itertools.chain.from_iterable(combination)) for combination in itertools.product(*choices)]


def _anchors(sequence: Sequence[Token]) -> frozenset[str] | None:
    """The smallest closed set of words one of which must be there, or None."""
    best: frozenset[str] | None = None
    for token in sequence:
        if "OP" in token:
            continue
        match token.get("LOWER"):
            case str(word):
                words = frozenset((word,))
            case {"IN": list(several)}:
                words = frozenset(several)
            case _:
                continue
        if best is None or _score(words) < _score(best):
            best = words
    return best


_COMMON = frozenset("a an the of in to and i we my our is are be been have has 've 'm 're with for on at it that this".split())


def _score(words: frozenset[str]) -> tuple[int, int]:
    return (sum(word in _COMMON for word in words), len(words))


class PhraseMatcherSet:
    """Many phrase rules, compiled once; ``find`` gives every hit, longest first-come per rule.

    Raises PhraseError, naming the rule, for a pattern that cannot be read.
    """

    def __init__(self, phrases: Iterable[Phrase], lists: Mapping[str, Sequence[str]] | None = None) -> None:
        compiler = _Compiler(lists or {})
        vocab = language().vocab
        self.phrases: dict[str, Phrase] = {}
        self._matchers: dict[str, Matcher] = {}
        self._by_word: defaultdict[str, set[str]] = defaultdict(set)
        self._always: set[str] = set()
        self._initial: dict[str, Matcher] = {}
        for phrase in phrases:
            if phrase.id in self.phrases:
                raise PhraseError(f"rule id «{phrase.id}» is used twice")
            self.phrases[phrase.id] = phrase
            for pattern in phrase.patterns:
                try:
                    sequences = compiler.sequences(pattern)
                except PhraseError as error:
                    raise PhraseError(f"rule «{phrase.id}»: {error}") from error
                sequences = [sequence for sequence in sequences if sequence]
                if not sequences:
                    raise PhraseError(f"rule «{phrase.id}»: pattern «{pattern}» can match nothing")
                group = self._initial if pattern.startswith("^") else self._matchers
                matcher = group.setdefault(phrase.id, Matcher(vocab))
                matcher.add(phrase.id, sequences, greedy="LONGEST")
                for sequence in sequences:
                    anchors = _anchors(sequence)
                    if anchors is None:
                        self._always.add(phrase.id)
                    else:
                        for word in anchors:
                            self._by_word[word].add(phrase.id)

    def find(self, view: TextView) -> Iterator[Hit]:
        """All hits of all rules in the view, sentence by sentence; overlaps between rules are kept."""
        for sentence in view.sentences:
            yield from self.find_in(view, sentence)

    def find_in(self, view: TextView, sentence: Span) -> Iterator[Hit]:
        tried = set(self._always)
        for token in sentence:
            tried |= self._by_word.get(token.lower_, frozenset())
        for rule in sorted(tried):
            if (matcher := self._matchers.get(rule)) is not None:
                for _, start, end in matcher(sentence):
                    yield Hit(phrase=self.phrases[rule], view=view, span=sentence[start:end])
            if (matcher := self._initial.get(rule)) is not None:
                for _, start, end in matcher(sentence):
                    if start == next((t.i - sentence.start for t in sentence if t.is_alpha or t.is_digit), 0):
                        yield Hit(phrase=self.phrases[rule], view=view, span=sentence[start:end])
