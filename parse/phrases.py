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

Tokens, norms and sentences are spaCy's; the search itself steps through the words of a sentence:
alternatives of several words multiply into many Matcher patterns, and a Matcher for each rule took five
times as long in the one comparison made (docs/adr/0005). There is nothing to compile, which is what most of
the time of the first thousand messages would go into with a regular expression for each pattern.

What it does badly: of two readings that start at the same word only one is reported (usually the longer).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise
from typing import Any

from spacy.tokens import Doc, Span, Token

from mailroom.model import Evidence
from parse.textview import TextView, language

__all__ = ["NUMBER_WORDS", "Hit", "Phrase", "PhraseError", "PhraseMatcherSet", "Run"]

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
_WALL = "\n"  # the key of a word that no gap reaches across
_FEW = 5
_MOST_PAIRS = 60
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


class Run:
    """Tokens ``start`` to ``end`` of a view: what is asked of spaCy's Span most, without making one."""

    __slots__ = ("end", "start", "view")

    def __init__(self, view: TextView, start: int, end: int) -> None:
        self.view, self.start, self.end = view, start, end

    def __getitem__(self, index: int) -> Token:
        return self.doc[self.start : self.end][index]

    def __iter__(self) -> Iterator[Token]:
        return iter(self.doc[self.start : self.end])

    def __len__(self) -> int:
        return self.end - self.start

    @property
    def doc(self) -> Doc:
        return self.view.doc

    @property
    def start_char(self) -> int:
        return self.view.token_starts[self.start]

    @property
    def end_char(self) -> int:
        return self.view.token_starts[self.end - 1] + len(self.view.tokens[self.end - 1])

    @property
    def text(self) -> str:
        return self.view.folded[self.start_char : self.end_char]


class Hit:
    """A rule that matched the tokens of ``span``."""

    __slots__ = ("phrase", "span", "view")

    def __init__(self, phrase: Phrase, view: TextView, span: Run) -> None:
        self.phrase, self.view, self.span = phrase, view, span

    def evidence(self) -> Evidence:
        start, end = self.view.to_source(self.span.start_char, self.span.end_char)
        return Evidence(where=self.view.where, start=start, end=end, text=self.view.source[start:end], rule=self.phrase.id)


_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_SIGNS = {separator: re.compile(rf"[()\[\]{{}}{re.escape(separator)}]") for separator in " |"}


def _split(text: str, separator: str) -> list[str]:
    """Split at ``separator`` outside brackets."""
    parts, depth, start = [], 0, 0
    for sign in _SIGNS[separator].finditer(text):
        character, at = sign[0], sign.start()
        depth += (character in _OPENING) - (character in _CLOSING)
        if depth < 0 and character == ")" and (at == start or text[at - 1] == "|"):
            depth = 0  # stands alone: the sign itself, as in «1 .|)»
        if depth < 0:
            raise PhraseError(f"«{text}»: a closing bracket without its opening one")
        if character == separator and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    if depth:
        raise PhraseError(f"«{text}»: a bracket is not closed")
    parts.append(text[start:])
    return parts


_COMMON_WORDS = (
    "a an the of in to and i we my our is are be been have has am 's with for on at it that this not will , . : - ? you your "
    "me us as or if but so from by all any no one two who what when how which would could can do did was there out up about "
    "like please school research group get go other project"
)
_COMMON = frozenset(_COMMON_WORDS.split())  # most mail holds them: poor anchors


_UNSPLIT = re.compile(r"([a-z]+)(n't|'ve|'re|'ll|'d|'m|'s)", re.IGNORECASE)  # spaCy leaves WE'VE whole


def _words(text: str, spellings: Mapping[str, str]) -> tuple[str, ...]:
    """What a token is searched as: its norm, or the several words that it stands for."""
    if len(text) > 2 and "'" in text and (parts := _UNSPLIT.fullmatch(text)) is not None:
        return (_norm(parts[1]), _norm(parts[2]))
    norm = _norm(text)
    return tuple(spellings[norm].split(" ")) if norm in spellings else (norm,)


def _norm(text: str) -> str:
    lower = text.lower()
    return _NORMS.get(lower) or lower.replace(" ", "\u00a0").replace("\n", "\u00a0")


Keys = frozenset[str]  # words, «#» for a number, «meet*» for a stem
Fits = Sequence[tuple[str, ...]]  # of each word of a sentence the keys that it fits, the narrower first


def _is_stem(key: str) -> bool:
    return key[-1] == "*" and len(key) > 1


def _score(anchors: Keys) -> float:
    """How often one of them is expected in a sentence, in no unit: two words side by side are rarer than either."""
    return sum(map(_frequency, anchors))


@lru_cache(maxsize=100_000)
def _frequency(anchor: str) -> float:
    one, _, other = anchor.partition(" ")
    common = (one in _COMMON or one == "#") + (other in _COMMON or other == "#")
    return (0.3, 1, 4)[common] if other else (4, 40)[common]


def _side_by_side(one: Keys | None, other: Keys | None) -> Keys | None:
    """Every key of the first before every key of the second, unless they are too many."""
    if one is None or other is None or len(one) * len(other) > _MOST_PAIRS:
        return None
    return frozenset(f"{first} {second}" for first in one for second in other)


def _either(one: Keys | None, other: Keys | None) -> Keys | None:
    return None if one is None or other is None else one | other


def _better(one: Keys | None, other: Keys | None) -> Keys | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other, key=_score)


class _Piece:
    """A stretch of a pattern.

    ``anchors`` are keys, or pairs of neighbours, of which one must be there; ``firsts`` and ``lasts`` are
    keys that it may start and end with; None stands for any word. ``needs`` are the anchors of every part
    that must be there.
    """

    __slots__ = ("anchors", "firsts", "lasts", "may_be_empty", "needs", "seconds")

    def __init__(self, anchors: Keys | None, firsts: Keys | None, seconds: Keys | None, *, lasts: Keys | None = None, may_be_empty: bool = False) -> None:
        self.anchors, self.firsts, self.lasts, self.may_be_empty = anchors, firsts, lasts, may_be_empty
        self.seconds = seconds  # of those of its words that stand second; "" for what follows it
        self.needs: tuple[Keys, ...] = (anchors,) if anchors is not None else ()

    def ends(self, fits: Fits, at: int) -> Sequence[int]:
        """Where it may end if it starts at word ``at``, the best reading first."""
        raise NotImplementedError


class _Gap(_Piece):
    __slots__ = ("most",)

    def __init__(self, most: int) -> None:
        super().__init__(None, None, None, may_be_empty=True)
        self.most = most

    def ends(self, fits: Fits, at: int) -> Sequence[int]:
        stop = at
        last = min(len(fits), at + self.most)
        while stop < last and _WALL not in fits[stop]:
            stop += 1
        return range(stop, at - 1, -1)


class _Optional(_Piece):
    __slots__ = ("inner",)

    def __init__(self, inner: _Piece) -> None:
        super().__init__(None, inner.firsts, inner.seconds, may_be_empty=True)
        self.inner = inner

    def ends(self, fits: Fits, at: int) -> Sequence[int]:
        return (*self.inner.ends(fits, at), at)


Trie = dict[str, Any]  # key: what follows it; "" where a sequence ends


class _Choice(_Piece):
    """Pieces, then sequences of keys in a trie: of those the longer one is the better."""

    __slots__ = ("pieces", "plain", "trie")

    def __init__(self, pieces: Sequence[_Piece], plain: Sequence[tuple[tuple[str, ...], Keys | None]]) -> None:
        firsts, lasts = frozenset(keys[0] for keys, _ in plain), frozenset(keys[-1] for keys, _ in plain)
        seconds = frozenset(keys[1] if len(keys) > 1 else "" for keys, _ in plain)
        anchors = _union(anchor for _, anchor in plain)
        if pieces:  # told apart because most choices are of plain words, and the unions cost a tenth of the start
            super().__init__(
                _union((*(piece.anchors for piece in pieces), anchors)),
                _union((*(piece.firsts for piece in pieces), firsts)),
                _union((*(piece.seconds for piece in pieces), seconds)),
                lasts=_union((*(piece.lasts for piece in pieces), lasts)),
                may_be_empty=any(piece.may_be_empty for piece in pieces),
            )
        else:
            super().__init__(anchors, firsts, seconds, lasts=lasts)
        self.pieces = pieces
        self.plain = plain
        self.trie: Trie | None = None  # made when it is first tried: most rules never are

    def _made(self) -> Trie:
        trie: Trie = {}
        for keys, _ in self.plain:
            node = trie
            for key in keys:
                node = node.setdefault(key, {})
            node[""] = True
        self.trie, self.plain = trie, ()
        return trie

    def ends(self, fits: Fits, at: int) -> Sequence[int]:
        trie = self._made() if self.trie is None else self.trie
        if not self.pieces:
            return _walk(trie, fits, at)
        found: dict[int, None] = {}
        for piece in self.pieces:
            found.update(dict.fromkeys(piece.ends(fits, at)))
        found.update(dict.fromkeys(_walk(trie, fits, at)))
        return list(found)


def _union(several: Iterable[Keys | None]) -> Keys | None:
    result: set[str] = set()
    for keys in several:
        if keys is None:
            return None
        result |= keys
    return frozenset(result)


def _walk(node: Trie, fits: Fits, at: int) -> Sequence[int]:
    if at >= len(fits):
        return ()
    found: list[int] = []
    for key in fits[at]:
        if (following := node.get(key)) is not None:
            if len(following) > 1 or "" not in following:
                found += _walk(following, fits, at + 1)
            if "" in following:
                found.append(at + 1)
    return found


class _Sequence(_Piece):
    __slots__ = ("pieces",)

    def __init__(self, pieces: Sequence[_Piece]) -> None:
        self.pieces = pieces
        anchors: Keys | None = None
        needs: dict[Keys, None] = {}
        for piece in pieces:
            if not piece.may_be_empty:
                anchors = _better(anchors, piece.anchors)
                needs.update(dict.fromkeys(piece.needs))
        for piece, following in pairwise(pieces):
            if not piece.may_be_empty and not following.may_be_empty:
                anchors = _better(anchors, _side_by_side(piece.lasts, following.firsts))
        if anchors is not None:
            needs[anchors] = None
        lasts = pieces[-1].lasts if pieces and not pieces[-1].may_be_empty else None
        super().__init__(anchors, *_opening(pieces), lasts=lasts, may_be_empty=all(piece.may_be_empty for piece in pieces))
        self.needs = tuple(needs)

    def ends(self, fits: Fits, at: int) -> Sequence[int]:
        here: Sequence[int] = (at,)
        for piece in self.pieces:
            if len(here) == 1:
                here = piece.ends(fits, here[0])
            else:
                found: dict[int, None] = {}  # a place reached twice goes on the same way: the better reading counts
                for start in here:
                    found.update(dict.fromkeys(piece.ends(fits, start)))
                here = list(found)
            if not here:
                return ()
        return here


def _opening(pieces: Sequence[_Piece]) -> tuple[Keys | None, Keys | None]:
    """The keys that a sequence may start with, and those that may stand second («» for what follows it)."""
    firsts: Keys | None = frozenset()
    seconds: Keys | None = frozenset()
    for number, piece in enumerate(pieces):
        firsts = _either(firsts, piece.firsts)
        second = piece.seconds
        if second is not None and "" in second:
            following, _ = _opening_first(pieces[number + 1 :])
            second = _either(second - {""}, following)
        seconds = _either(seconds, second)
        if not piece.may_be_empty:
            break
    return firsts, seconds


def _opening_first(pieces: Sequence[_Piece]) -> tuple[Keys | None, bool]:
    firsts: Keys | None = frozenset()
    for piece in pieces:
        firsts = _either(firsts, piece.firsts)
        if not piece.may_be_empty:
            return firsts, False
    return (None if firsts is None else firsts | {""}), True


@lru_cache(maxsize=20_000)
def _plain(text: str) -> tuple[tuple[str, ...], Keys | None]:
    """Plain words as keys, and the best anchor among them."""
    keys: list[str] = []
    for piece in text.split():
        if piece == "#":
            keys.append(piece)
        elif piece.endswith("*") and len(piece) > 1:
            keys.append(piece.lower())
        elif (contraction := _NORMS.get(piece.lower())) is not None:
            keys.append(contraction)
        else:
            keys += _tokenised(piece)
    rarest = min((*keys, *(f"{one} {other}" for one, other in pairwise(keys))), key=_frequency, default=None)
    return tuple(keys), None if rarest is None else frozenset((rarest,))


@lru_cache(maxsize=1)
def _rules() -> Collection[str]:
    """The words that spaCy's tokeniser has a rule of its own for."""
    rules: Mapping[str, Any] = getattr(language().tokenizer, "rules")  # noqa: B009 - the attribute is that of one kind of tokeniser
    return frozenset(rules)


def _tokenised(text: str) -> Sequence[str]:
    """The norms of a text without blanks, as spaCy cuts it; a word of plain letters is cut only where a rule of spaCy's names it."""
    if text.isascii() and text.isalpha() and text not in _rules():
        return (_norm(text),)
    return [_norm(token.text) for token in language().make_doc(text)]


class _Compiler:
    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        self.lists = lists
        self.keys: set[str] = set()  # of everything read so far
        self._made: dict[str, _Piece] = {}

    def choice(self, parts: Iterable[str], *, key: str) -> _Piece:
        """One of several alternatives."""
        if key in self._made:
            return self._made[key]
        plain: list[tuple[tuple[str, ...], Keys | None]] = []
        pieces: list[_Piece] = []
        for part in self._flat(parts):
            if not _OPENING.isdisjoint(part) or "..." in part:
                pieces.append(self.sequence(part))
            elif (keys := _plain(part))[0]:
                plain.append(keys)
                self.keys.update(keys[0])
        if not plain and not pieces:
            raise PhraseError(f"«{key}» can match nothing")
        made = _Choice(pieces, plain)
        self._made[key] = made
        return made

    def _flat(self, parts: Iterable[str]) -> Iterator[str]:
        """Alternatives with lists that stand alone, and their own alternatives, put in their place."""
        for raw in parts:
            part = raw.strip()
            if part.startswith("{") and re.fullmatch(r"\{[^{}]*\}", part):
                name = part[1:-1]
                if name not in self.lists:
                    raise PhraseError(f"there is no word list «{name}»")
                for entry in self.lists[name]:
                    yield from self._flat(_split(entry, "|") if " " not in entry else [entry])
            elif part:
                yield part

    def element(self, element: str) -> _Piece:
        if element.startswith("...") and (gap := re.fullmatch(r"\.\.\.(\d*)", element)) is not None:
            return _Gap(int(gap[1] or 5))
        if element.startswith("[") and element.endswith("]"):
            return _Optional(self.choice(_split(element[1:-1], "|"), key=f"({element[1:-1]})"))
        if element.startswith("(") and element.endswith(")"):
            return self.choice(_split(element[1:-1], "|"), key=element)
        if not element.isalnum() and any(c in part for part in re.sub(r"\{[^{}]*\}", "", element).split("|") for c in "()[]" if len(part) > 1):
            raise PhraseError(f"«{element}»: brackets belong round whole words, with spaces outside them")
        return self.choice(_split(element, "|"), key=f"({element})")

    def sequence(self, pattern: str) -> _Piece:
        return _Sequence([self.element(element) for element in _split(pattern, " ") if element and element != "^"])


_RECENT: list[_Compiler] = []


def _compiler(lists: Mapping[str, Sequence[str]]) -> _Compiler:
    """A compiler for these lists; the last one again if they are the same, because rules are compiled one by one."""
    if not _RECENT or _RECENT[0].lists is not lists:
        _RECENT[:] = [_Compiler(lists)]
    return _RECENT[0]


class _Vocabulary(dict[str, tuple[str, ...]]):
    """Of each word the keys that it fits, of all patterns that were ever read, the narrower first; filled as words come.

    One for the process, so that the keys of a sentence are found once for all sets of rules.
    """

    def __init__(self) -> None:
        super().__init__()
        self._words: set[str] = set()
        self._stems: set[str] = set()
        self._lengths: list[int] = []

    def learn(self, keys: Iterable[str]) -> None:
        fresh = set(keys) - self._words
        if fresh:
            self._words |= fresh
            self._stems |= {key[:-1] for key in fresh if _is_stem(key)}
            self._lengths = sorted({len(stem) for stem in self._stems}, reverse=True)
            self.clear()

    @property
    def size(self) -> int:
        return len(self._words)

    def __missing__(self, word: str) -> tuple[str, ...]:
        keys = ["#"] if word in _NUMBER_SET or (word.isascii() and word.isdigit()) else []
        if word in self._words and word != "#" and not _is_stem(word):
            keys.append(word)
        keys += [word[:length] + "*" for length in self._lengths if length <= len(word) and word[:length] in self._stems]
        if word[0] == ";":
            keys.append(_WALL)
        if len(self) > _MOST_WORDS_KNOWN:
            self.clear()
        self[word] = result = tuple(keys)
        return result


_VOCABULARY = _Vocabulary()


class _Stretch:
    """The words of a sentence as they are searched: norms, the token of each, and the first that is a word or number (or -1)."""

    __slots__ = ("_size", "_where", "fits", "initial", "keys", "tokens", "words")

    def __init__(self, words: list[str], tokens: list[int], initial: int) -> None:
        self.words, self.tokens, self.initial = words, tokens, initial
        self._size = -1
        self.fits: Fits = ()
        self.keys: frozenset[str] = frozenset()
        self._where: dict[str, list[int]] = {}

    def look_up(self) -> frozenset[str]:
        """The keys of all words, and of all pairs of neighbours, by the vocabulary as it is now."""
        if self._size != _VOCABULARY.size:
            self._size = _VOCABULARY.size
            self.fits = [_VOCABULARY[word] for word in self.words]
            pairs = [f"{one} {other}" for first, second in pairwise(self.fits) for one in first for other in second]
            self.keys = frozenset(chain(pairs, *self.fits))
            self._where = {}
        return self.keys

    @property
    def where(self) -> Mapping[str, Sequence[int]]:
        """Of each key the words that fit it."""
        if not self._where:
            where = self._where
            for index, keys in enumerate(self.fits):
                for key in keys:
                    if key in where:
                        where[key].append(index)
                    else:
                        where[key] = [index]
        return self._where


_KNOWN: dict[str, tuple[str, ...]] = {}  # of each token the words that it is searched as, where no spellings are mended; filled as tokens come


def _searchable(view: TextView, sentences: Iterable[tuple[int, int]], spellings: Mapping[str, str]) -> list[_Stretch]:
    """``sentences``: first token and the one after the last of each."""
    texts = view.tokens
    known = {} if spellings else _KNOWN
    if len(known) > _MOST_WORDS_KNOWN:
        known.clear()
    stretches: list[_Stretch] = []
    length = 0
    for start, end in sentences:
        all_words: list[str] = []
        tokens: list[int] = []
        initial = -1
        for index in range(start, end):
            token = texts[index]
            words = known.get(token)
            if words is None:
                words = known[token] = () if token.isspace() else _words(token, spellings)
            for word in words:
                if initial < 0 and word[0].isalnum():
                    initial = len(all_words)
                all_words.append(word)
                tokens.append(index)
                length += len(word) + 1
        stretches.append(_Stretch(all_words, tokens, initial))
        length += 1
        if length > _LONGEST_TEXT:
            break
    return stretches


def _searchable_of(view: TextView, spellings: Mapping[str, str]) -> list[_Stretch]:
    """Made once for a view and kept with it: every set of rules without spellings of its own reads the same.

    A sentence without a word that is spelt otherwise is the same for all sets, so that its keys are looked up once.
    """
    known: dict[int, list[_Stretch]] = view.__dict__.setdefault("searchable", {})
    key = id(spellings) if spellings else 0
    if key not in known and not spellings:
        known[key] = _searchable(view, view.bounds, spellings)
    elif key not in known:
        plain = zip(view.bounds, _searchable_of(view, {}), strict=False)  # a text that is too long is not searched to its end
        known[key] = [stretch if spellings.keys().isdisjoint(stretch.words) else _searchable(view, (bounds,), spellings)[0] for bounds, stretch in plain]
    return known[key]


class _Search:
    """One pattern of a rule. Besides an anchor a sentence must have one key of each of ``needs``, the numbers of which are the bits of ``wants``."""

    __slots__ = ("firsts", "initial", "needs", "piece", "rule", "seconds", "wants")

    def __init__(self, rule: str, piece: _Piece, *, initial: bool) -> None:
        self.rule, self.piece, self.initial, self.firsts = rule, piece, initial, piece.firsts
        self.needs = {need for need in (*piece.needs, piece.firsts) if need is not None and need != piece.anchors}
        self.seconds = piece.seconds if piece.seconds is not None and "" not in piece.seconds else None
        self.wants = 0


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
        self._always: list[_Search] = []  # no anchor
        self._needs: dict[Keys, int] = {}  # each thing that some pattern needs, and its bit
        self._meets: defaultdict[str, int] = defaultdict(int)  # of each key the bits of what it meets
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
                search = _Search(phrase.id, piece, initial=pattern.startswith("^"))
                self._number(search)
                if piece.anchors is None:
                    self._always.append(search)
                for word in piece.anchors or ():
                    self._by_anchor[word].append(search)
        # A set is cut with a set in less than half the time that it takes with the keys of a dict.
        self._anchors, self._needed = frozenset(self._by_anchor), frozenset(self._meets)
        _VOCABULARY.learn(compiler.keys)

    def find(self, view: TextView) -> Iterator[Hit]:
        """All hits of all rules in the view, in reading order; overlaps between rules are kept."""
        yield from self._find(view, _searchable_of(view, self.spellings))

    def words(self, view: TextView) -> Iterator[list[tuple[str, int]]]:
        """The words as the rules see them, sentence by sentence, each with its token's index in the Doc."""
        for stretch in _searchable_of(view, self.spellings):
            if stretch.words:
                yield list(zip(stretch.words, stretch.tokens, strict=True))

    def find_in(self, view: TextView, sentence: Span) -> Iterator[Hit]:
        """The same for one sentence of the view, or a stretch of one."""
        yield from self.find_between(view, sentence.start, sentence.end)

    def find_between(self, view: TextView, start: int, end: int) -> Iterator[Hit]:
        """The same for the tokens from ``start`` to ``end``, which all are of one sentence."""
        yield from self._find(view, _searchable(view, ((start, end),), self.spellings))

    def _find(self, view: TextView, stretches: Iterable[_Stretch]) -> Iterator[Hit]:
        found: list[tuple[int, int, str]] = []  # first token, last token, rule
        for stretch in stretches:
            if live := self._live(stretch.look_up()):
                self._search(stretch, live, found)
        found.sort(key=_by_start)
        for first, last, rule in found:
            yield Hit(self.phrases[rule], view, Run(view, first, last + 1))

    def _number(self, search: _Search) -> None:
        """Gives each of its needs a bit, so that all of them are looked for at once."""
        for need in search.needs:
            if need not in self._needs:
                self._needs[need] = bit = 1 << len(self._needs)
                for key in need:
                    self._meets[key] |= bit
            search.wants |= self._needs[need]

    def _live(self, keys: frozenset[str]) -> Collection[_Search]:
        """The patterns of which all that must be there is among the keys of a sentence."""
        live = dict.fromkeys(self._always)
        if not (anchors := keys & self._anchors):
            return live
        met = 0
        for key in keys & self._needed:
            met |= self._meets[key]
        missing = ~met
        for key in anchors:
            live.update(dict.fromkeys([search for search in self._by_anchor[key] if not search.wants & missing]))
        return live

    def _search(self, stretch: _Stretch, live: Iterable[_Search], found: list[tuple[int, int, str]]) -> None:
        """Adds the hits of one sentence to ``found``."""
        fits, where = stretch.fits, stretch.where
        count = len(fits)
        longest: dict[str, dict[int, int]] = {}  # of each rule the words where it may start, and where it then ends
        for search in live:
            firsts, seconds = search.firsts, search.seconds
            if search.initial:
                places: Iterable[int] = (stretch.initial,) if stretch.initial >= 0 else ()
            elif firsts is None:
                places = range(count)
            else:
                places = [place for key in (firsts if len(firsts) < _FEW else firsts & stretch.keys) if key in where for place in where[key]]
            for place in places:
                if seconds is not None and (place + 1 == count or seconds.isdisjoint(fits[place + 1])):
                    continue
                if ends := search.piece.ends(fits, place):
                    known = longest.setdefault(search.rule, {})
                    known[place] = max(known.get(place, 0), ends[0])
        for rule, ending in longest.items():
            beyond = -1
            for place in sorted(ending):
                if place >= beyond and (end := ending[place]) > place:
                    found.append((stretch.tokens[place], stretch.tokens[end - 1], rule))
                    beyond = end


def _by_start(found: tuple[int, int, str]) -> tuple[int, str]:
    return found[0], found[2]
