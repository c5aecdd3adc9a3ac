"""The table of small signs: words, neighbouring words and pairs of cues, and what each speaks for.

``programme/words/activities.csv`` stands beside the cues of ``programme/rules/activities.yaml``. A cue is
written by a person and has a meaning; a sign only has a weight, found by ``bench/fit_activities.py`` in
labelled mail. Signs settle what the cues leave open, and how sure a reading is. Columns: the sign, then a
weight for each activity in natural logarithms of odds, as in the table of cues. A sign is

    among                   a word
    we compare              two neighbouring words
    we ... results          two words with one or two between them
    we {record_verb}        up to three words, each of them by the word list of the cues that it is in first, if in any
    we compa~               a word, or either word of two, as it begins: «compare», «compared», «comparing»
    how.each & who.we       two cues of one sentence

Words are as the cues see them: small letters, spellings mended, contractions apart, a number as «0». Lines
that start with # are remarks.

Promise: a mistake in the file is a ProgrammeError with its line; finding signs is fifteen look-ups for each word.

What it does badly: a sign knows nothing of the sentence that it stands in.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from pathlib import Path

from mailroom.errors import ProgrammeError
from parse.phrases import NUMBER_WORDS as _NUMBER_WORDS

__all__ = ["PAIR", "load_signs", "pair_signs", "plain_signs", "word_lists", "word_signs"]

NUMBER_WORDS = frozenset(_NUMBER_WORDS)

PAIR = " & "
_NUMBER = "0"
_NUMBERS = "{number}"  # a number in digits or in words
_REACH = 2  # words that may stand between two: up to so many
_SIGN = "sign"
_BEGINNING = 5  # letters by which the forms of a word are one sign, however it ends or is mistyped there
_CUT = "~"


def load_signs(path: Path, *, shown: str, columns: Sequence[str], cues: Collection[str]) -> dict[str, tuple[float, ...]]:
    """The weights of each sign in the order of ``columns``. Raises ProgrammeError."""
    signs: dict[str, tuple[float, ...]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ProgrammeError(shown, None, f"cannot be read: {error}") from error
    header: list[str] = []
    for number, line in enumerate(lines, 1):
        if line.startswith("#") or not line.strip():
            continue
        row = next(csv.reader([line])) if '"' in line else line.split(",")
        if not header:
            header = row
            if sorted(header) != sorted((_SIGN, *columns)):
                raise ProgrammeError(shown, number, f"the columns should be {_SIGN}, {', '.join(columns)}")
            places = [header.index(name) for name in columns]
            of_sign = header.index(_SIGN)
            continue
        if len(row) != len(header):
            raise ProgrammeError(shown, number, f"{len(row)} columns where {len(header)} are expected")
        sign = row[of_sign]
        if sign in signs:
            raise ProgrammeError(shown, number, f"«{sign}» stands here twice")
        if PAIR in sign and (unknown := [cue for cue in sign.split(PAIR) if cue not in cues]):
            raise ProgrammeError(shown, number, f"«{sign}»: there is no cue «{unknown[0]}»")
        try:
            signs[sign] = tuple(float(row[place] or 0) for place in places)
        except ValueError:
            raise ProgrammeError(shown, number, f"«{sign}»: each weight should be a number") from None
    if not header:
        raise ProgrammeError(shown, None, f"the columns should be {_SIGN}, {', '.join(columns)}")
    return signs


def word_lists(lists: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Each single word of the lists, and the first list that it is in as patterns call it."""
    found: dict[str, str] = {}
    for name, entries in lists.items():
        for entry in entries:
            for word in entry.split("|"):
                if " " not in word:
                    found.setdefault(word.lower(), f"{{{name}}}")
    return found


def word_signs(words: Iterable[str], lists: Mapping[str, str]) -> list[tuple[int, str]]:
    """The signs of a sentence's words, each with the place of its first word. ``lists`` is what ``word_lists`` gives."""
    plain = [_NUMBER if word.isdigit() else word for word in words]
    begun = [word if len(word) <= _BEGINNING else word[:_BEGINNING] + _CUT for word in plain]
    found = list(enumerate(plain))
    found += [(place, f"{one} {other}") for place, (one, other) in enumerate(pairwise(plain))]
    found += [(place, word) for place, word in enumerate(begun) if word is not plain[place]]
    found += [(place, f"{one} {other}") for place, (one, other) in enumerate(pairwise(begun)) if one is not plain[place] or other is not plain[place + 1]]
    spoken = [place for place, word in enumerate(plain) if word.isalnum()]
    for index, place in enumerate(spoken):
        for later in spoken[index + 2 : index + 2 + _REACH]:
            found.append((place, f"{plain[place]} ... {plain[later]}"))
            if begun[place] is not plain[place] or begun[later] is not plain[later]:
                found.append((place, f"{begun[place]} ... {begun[later]}"))
    kinds = [_NUMBERS if word == _NUMBER or word in NUMBER_WORDS else lists.get(word, "") for word in plain]
    shown = [kind or word for kind, word in zip(kinds, plain, strict=True)]
    for end, kind in enumerate(kinds):
        for start in range(max(end - 2, 0), end + 1):
            if kind or any(kinds[start:end]):
                found.append((start, " ".join(shown[start : end + 1])))
    return found


def plain_signs(words: Iterable[str]) -> list[str]:
    """The words and each two neighbouring ones, a number as «0»: all the signs of the smaller tables."""
    plain = [_NUMBER if word.isdigit() else word for word in words]
    return [*plain, *(f"{one} {other}" for one, other in pairwise(plain))]


def pair_signs(counts: Mapping[str, float]) -> Iterator[str]:
    """Each two different cues of one sentence."""
    return (PAIR.join(pair) for pair in combinations(sorted(counts), 2))
