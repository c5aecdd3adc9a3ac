"""Phrase rules: programme data in a small pattern language, over spaCy's tokens.

A pattern is what a careful non-programmer can read and edit. Its elements, separated by spaces:

    word            that word, upper or lower case alike; «have» also finds «'ve», «would» «'d», «not» «n't»
    meet*           any word that starts so
    we|us           one of these words
    (a group|team)  one of these phrases
    {people}        one of the words or phrases of the list of that name
    [together]      optional; also [a|the], [{people}]
    #               a number, in digits or in words
    ...             up to five words; ...3 up to three; never past the end of a sentence
    ^               the sentence starts here

Promise: rules never reach across a sentence or a semicolon; time is linear in the text, and each rule is
only tried on texts that hold one of its anchor words, so that a thousand rules cost little more than the
ones that could match.

Tokens, norms and sentences are spaCy's; the search itself is one regular expression for each pattern over
the tokens' norms: alternatives of several words multiply into many Matcher patterns, and a Matcher for each
rule took five times as long in the one comparison made (docs/adr/0005).

What it does badly: of two readings that start at the same word only one is reported (usually the longer).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from spacy.tokens import Doc, Span, Token

from mailroom.model import Evidence
from parse.textview import TextView, language

__all__ = ["NUMBER_WORDS", "Hit", "Phrase", "PhraseError", "PhraseMatcherSet"]

NUMBER_WORDS = (  # noqa: SIM905 - one text is easier to read and mend
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty dozen couple handful half-dozen several few trio pair quartet"
).split()
_NORMS = {  # what spaCy splits off contractions, and what it stands for
    **{"'ve": "have", "ve": "have", "'m": "am", "m": "am", "'re": "are", "'ll": "will", "n't": "not", "nt": "not", "'d": "would"},
    **{"ca": "can", "wo": "will", "sha": "shall", "gon": "going", "’s": "'s"},
}
_NUMBER_SET = frozenset(NUMBER_WORDS)
_MOST_WORDS_KNOWN = 50_000
_LONGEST_TEXT = 400_000  # characters of one view; what comes after is not searched


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
        if depth < 0 and character == ")" and (not current or current[-1] == "|"):
            depth = 0  # stands alone: the sign itself, as in «1 .|)»
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


# Every token of the searched text is its norm with a space before it; a sentence ends with a line feed.
_GAP_WORD = " [^ \n;][^ \n]*"
_STEM = "[^ \n]*"
_END = "(?=[ \n])"
_NUMBER = f" (?:{'|'.join(sorted(map(re.escape, NUMBER_WORDS), reverse=True))}|[0-9]+){_END}"
_COMMON = frozenset("a an the of in to and i we my our is are be been have has am 's with for on at it that this not will , .".split())  # noqa: SIM905


_UNSPLIT = re.compile(r"([a-z]+)(n't|'ve|'re|'ll|'d|'m|'s)", re.IGNORECASE)  # spaCy leaves WE'VE whole


def _words(token: Token, spellings: Mapping[str, str]) -> Sequence[str]:
    """What a token is searched as: its norm, or the several words that it stands for."""
    if len(token) > 2 and "'" in token.text and (parts := _UNSPLIT.fullmatch(token.text)) is not None:
        return [_norm(parts[1]), _norm(parts[2])]
    norm = _norm(token.text)
    return spellings[norm].split(" ") if norm in spellings else (norm,)


def _norm(text: str) -> str:
    lower = text.lower()
    return _NORMS.get(lower) or lower.replace(" ", "\u00a0").replace("\n", "\u00a0")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A compiled stretch of a pattern.

    ``anchors`` are words of which one must be there, ``firsts`` those that it may start with («#» for a
    number, «meet*» for a stem); None stands for any word.
    """

    regex: str
    anchors: frozenset[str] | None
    firsts: frozenset[str] | None
    may_be_empty: bool = False


def _score(words: frozenset[str]) -> tuple[int, int]:
    return (sum(word in _COMMON for word in words), len(words))


def _either(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return None if one is None or other is None else one | other


def _better(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other, key=_score)


Trie = dict[str, "Trie"]


def _trie_regex(trie: Trie) -> str:
    """One expression for many token sequences; common beginnings are shared, longer ones tried first."""
    branches = [symbol + _trie_regex(rest) for symbol, rest in sorted(trie.items(), key=lambda i: (i[0] == _STEM + _END, i[0])) if symbol]
    if "" in trie and branches:
        return f"(?:{'|'.join(branches)})?" if len(branches) > 1 or len(branches[0]) > 1 else branches[0] + "?"
    if "" in trie:
        return ""
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


class _Compiler:
    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        self.lists = lists
        self._made: dict[str, _Piece] = {}

    def symbols(self, text: str) -> tuple[list[str], frozenset[str] | None, frozenset[str]]:
        """Plain words as trie symbols, one for a character; their best anchor, and the first of them."""
        symbols: list[str] = []
        anchors: frozenset[str] | None = None
        firsts: frozenset[str] = frozenset()
        for piece in text.split():
            if piece == "#":
                firsts = firsts or frozenset("#")
                symbols.append(_NUMBER)
            elif piece.endswith("*") and len(piece) > 1:
                firsts = firsts or frozenset((piece.lower(),))
                symbols += [re.escape(c) for c in " " + piece[:-1].lower()]
                symbols.append(_STEM + _END)
            else:
                contraction = _NORMS.get(piece.lower())
                for norm in [contraction] if contraction else [_norm(token.text) for token in language().make_doc(piece)]:
                    symbols += [re.escape(c) for c in " " + norm]
                    symbols.append(_END)
                    firsts = firsts or frozenset((norm,))
                    anchors = _better(anchors, frozenset((norm,)))
        return symbols, anchors, firsts

    def choice(self, parts: Iterable[str], *, key: str) -> _Piece:
        """One of several alternatives."""
        if key in self._made:
            return self._made[key]
        trie: Trie = {}
        complex_pieces: list[_Piece] = []
        anchors: frozenset[str] | None = frozenset()
        firsts: frozenset[str] | None = frozenset()
        for part in self._flat(parts):
            if any(c in part for c in "([{") or "..." in part:
                piece = self.sequence(part)
                complex_pieces.append(piece)
                found, starts = piece.anchors, piece.firsts
            else:
                symbols, found, starts = self.symbols(part)
                if not symbols:
                    continue
                node = trie
                for symbol in symbols:
                    node = node.setdefault(symbol, {})
                node[""] = {}
            anchors, firsts = _either(anchors, found), _either(firsts, starts)
        branches = [piece.regex for piece in complex_pieces]
        if trie:
            branches.append(_trie_regex(trie))
        if not branches:
            raise PhraseError(f"«{key}» can match nothing")
        regex = branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
        made = _Piece(regex, anchors, firsts, any(p.may_be_empty for p in complex_pieces))
        self._made[key] = made
        return made

    def _flat(self, parts: Iterable[str]) -> Iterator[str]:
        """Alternatives with lists that stand alone, and their own alternatives, put in their place."""
        for raw in parts:
            part = raw.strip()
            if re.fullmatch(r"\{[^{}]*\}", part):
                name = part[1:-1]
                if name not in self.lists:
                    raise PhraseError(f"there is no word list «{name}»")
                for entry in self.lists[name]:
                    yield from self._flat(_split(entry, "|") if " " not in entry else [entry])
            elif part:
                yield part

    def element(self, element: str) -> _Piece:
        if (gap := re.fullmatch(r"\.\.\.(\d*)", element)) is not None:
            return _Piece(f"(?:{_GAP_WORD}){{0,{int(gap[1] or 5)}}}", None, None, True)
        if element.startswith("[") and element.endswith("]"):
            inner = self.choice(_split(element[1:-1], "|"), key=f"({element[1:-1]})")
            return _Piece(f"(?:{inner.regex})?", None, inner.firsts, True)
        if element.startswith("(") and element.endswith(")"):
            return self.choice(_split(element[1:-1], "|"), key=element)
        if any(c in part for part in re.sub(r"\{[^{}]*\}", "", element).split("|") for c in "()[]" if len(part) > 1):
            raise PhraseError(f"«{element}»: brackets belong round whole words, with spaces outside them")
        return self.choice(_split(element, "|"), key=f"({element})")

    def sequence(self, pattern: str) -> _Piece:
        regex, empty = "", True
        anchors: frozenset[str] | None = None
        firsts: frozenset[str] | None = frozenset()
        for element in (piece for piece in _split(pattern, " ") if piece and piece != "^"):
            piece = self.element(element)
            regex += piece.regex
            if empty:
                firsts = _either(firsts, piece.firsts)
            if not piece.may_be_empty:
                anchors, empty = _better(anchors, piece.anchors), False
        return _Piece(regex, anchors, firsts, empty)


_RECENT: list[_Compiler] = []


def _compiler(lists: Mapping[str, Sequence[str]]) -> _Compiler:
    """A compiler for these lists; the last one again if they are the same, because rules are compiled one by one."""
    if not _RECENT or _RECENT[0].lists is not lists:
        _RECENT[:] = [_Compiler(lists)]
    return _RECENT[0]


@dataclass(frozen=True, slots=True)
class _Searchable:
    """A stretch of a Doc as one string of norms, with the token of every word."""

    text: str
    places: list[tuple[int, str, int]]  # position of each word's space, the word, its token's index in the Doc
    initial: frozenset[int]  # positions where a sentence starts (its first word or number)


def _searchable(sentences: Iterable[Span], spellings: Mapping[str, str]) -> _Searchable:
    parts: list[str] = []
    places: list[tuple[int, str, int]] = []
    initial: set[int] = set()
    position = 0
    for sentence in sentences:
        first = True
        for token in sentence:
            if token.is_space:
                continue
            for word in _words(token, spellings):
                if first and word[0].isalnum():
                    initial.add(position)
                    first = False
                parts.append(" " + word)
                places.append((position, word, token.i))
                position += len(word) + 1
        parts.append("\n")
        position += 1
        if position > _LONGEST_TEXT:
            break
    return _Searchable("".join(parts), places, frozenset(initial))


def _searchable_of(view: TextView, spellings: Mapping[str, str]) -> _Searchable:
    """Made once for a view and kept with it: every set of rules without spellings of its own reads the same."""
    known: dict[int, _Searchable] = view.__dict__.setdefault("searchable", {})
    key = id(spellings) if spellings else 0
    if key not in known:
        known[key] = _searchable(view.sentences, spellings)
    return known[key]


class _Search:
    """One pattern of a rule; its expression is compiled when it is first needed."""

    __slots__ = ("_match", "initial", "order", "regex", "rule")

    def __init__(self, rule: str, regex: str, *, initial: bool, order: int) -> None:
        self.rule, self.regex, self.initial, self.order = rule, regex, initial, order
        self._match: Callable[[str, int], re.Match[str] | None] | None = None

    def end(self, text: str, position: int) -> int:
        """Where the pattern ends if it matches at ``position``, or -1."""
        if self._match is None:
            self._match = re.compile(self.regex).match
        found = self._match(text, position)
        return found.end() if found else -1


class PhraseMatcherSet:
    """Many phrase rules, compiled once; ``find`` gives every hit, of one rule never two that overlap.

    ``spellings`` says which words of a text are read as others (dialect, text-message spelling); a word
    may stand for several. Raises PhraseError, naming the rule, for a pattern that cannot be read.
    """

    def __init__(self, phrases: Iterable[Phrase], lists: Mapping[str, Sequence[str]] | None = None, spellings: Mapping[str, str] | None = None) -> None:
        self.spellings: Mapping[str, str] = spellings or {}
        compiler = _compiler(lists or {})
        self.phrases: dict[str, Phrase] = {}
        self._by_anchor: defaultdict[str, list[_Search]] = defaultdict(list)
        self._by_first: defaultdict[str, list[_Search]] = defaultdict(list)
        self._always: set[_Search] = set()  # no anchor
        self._anywhere: list[_Search] = []  # may start with any word
        self._stems: list[str] = []
        self._starting: dict[str, tuple[_Search, ...]] = {}
        order = 0
        for phrase in phrases:
            if phrase.id in self.phrases:
                raise PhraseError(f"rule id «{phrase.id}» is used twice")
            self.phrases[phrase.id] = phrase
            for pattern in phrase.patterns:
                try:
                    piece = compiler.sequence(pattern)
                except PhraseError as error:
                    raise PhraseError(f"rule «{phrase.id}»: {error}") from error
                if piece.may_be_empty:
                    raise PhraseError(f"rule «{phrase.id}»: pattern «{pattern}» can match nothing")
                search = _Search(phrase.id, piece.regex, initial=pattern.startswith("^"), order=(order := order + 1))
                if piece.anchors is None:
                    self._always.add(search)
                for word in piece.anchors or ():
                    self._by_anchor[word].append(search)
                if piece.firsts is None:
                    self._anywhere.append(search)
                for word in piece.firsts or ():
                    self._by_first[word].append(search)
        self._stems = [word[:-1] for word in self._by_first if word.endswith("*") and len(word) > 1]

    def find(self, view: TextView) -> Iterator[Hit]:
        """All hits of all rules in the view, in reading order; overlaps between rules are kept."""
        yield from self._find(view, view.doc, _searchable_of(view, self.spellings))

    def find_in(self, view: TextView, sentence: Span) -> Iterator[Hit]:
        """The same for one sentence of the view."""
        yield from self._find(view, view.doc, _searchable((sentence,), self.spellings))

    def _that_start_with(self, word: str) -> tuple[_Search, ...]:
        """The patterns that may begin at this word."""
        if (known := self._starting.get(word)) is not None:
            return known
        found = set(self._by_first.get(word, ())) | set(self._anywhere)
        if word.isdigit() or word in _NUMBER_SET:
            found |= set(self._by_first.get("#", ()))
        for stem in self._stems:
            if word.startswith(stem):
                found |= set(self._by_first[stem + "*"])
        if len(self._starting) > _MOST_WORDS_KNOWN:
            self._starting.clear()
        self._starting[word] = result = tuple(sorted(found, key=lambda search: search.order))
        return result

    def _find(self, view: TextView, doc: Doc, text: _Searchable) -> Iterator[Hit]:
        tried = set(self._always)
        for word in {word for _, word, _ in text.places}:
            if word in self._by_anchor:
                tried.update(self._by_anchor[word])
        found: list[tuple[int, int, str]] = []  # token, position of the end, rule
        beyond: dict[str, int] = {}  # for each rule, where its last hit ends
        for position, word, token in text.places:
            longest: dict[str, int] = {}
            for search in self._that_start_with(word):
                if search in tried and beyond.get(search.rule, -1) <= position and (not search.initial or position in text.initial):
                    end = search.end(text.text, position)
                    if end > longest.get(search.rule, position):
                        longest[search.rule] = end
            for rule, end in longest.items():
                beyond[rule] = end
                found.append((token, end, rule))
        ends = [position for position, _, _ in text.places]
        for token, end, rule in sorted(found, key=lambda f: (f[0], f[2])):
            last = text.places[bisect_right(ends, end - 1) - 1][2]
            yield Hit(phrase=self.phrases[rule], view=view, span=doc[token : last + 1])
