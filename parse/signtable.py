"""The table of small signs: words, neighbouring words and pairs of cues, and what each speaks for.

``programme/words/activities.csv`` stands beside the cues of ``programme/rules/activities.yaml``. A cue is
written by a person and has a meaning; a sign only has a weight, found by ``bench/fit_activities.py`` in
labelled mail. Signs settle what the cues leave open, and how sure a reading is. Columns: the sign, then a
weight for each activity in natural logarithms of odds, as in the table of cues. A sign is one word («among»),
two neighbouring words («we compare»), or two cues of one sentence joined by « & » («who.we & stage.since»).
Words are as the cues see them: small letters, spellings mended, contractions apart, a number as «0». Lines
that start with # are remarks.

Promise: a mistake in the file is a ProgrammeError with its line; finding signs is one look-up for each word.

What it does badly: a sign knows nothing of the sentence that it stands in.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from pathlib import Path

from mailroom.errors import ProgrammeError

__all__ = ["PAIR", "load_signs", "pair_signs", "word_signs"]

PAIR = " & "
_NUMBER = "0"
_SIGN = "sign"


def load_signs(path: Path, *, shown: str, activities: Sequence[str], cues: Collection[str]) -> dict[str, tuple[float, ...]]:
    """The weights of each sign in the order of ``activities``. Raises ProgrammeError."""
    signs: dict[str, tuple[float, ...]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ProgrammeError(shown, None, f"cannot be read: {error}") from error
    header: list[str] = []
    for number, line in enumerate(lines, 1):
        if line.startswith("#") or not line.strip():
            continue
        row = next(csv.reader([line]))
        if not header:
            header = row
            if sorted(header) != sorted((_SIGN, *activities)):
                raise ProgrammeError(shown, number, f"the columns should be {_SIGN}, {', '.join(activities)}")
            places = [header.index(name) for name in activities]
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
        raise ProgrammeError(shown, None, f"the columns should be {_SIGN}, {', '.join(activities)}")
    return signs


def word_signs(words: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Each word and pair of neighbouring words of a sentence, with the place of its first word."""
    plain = [_NUMBER if word.isdigit() else word for word in words]
    yield from enumerate(plain)
    yield from ((place, f"{one} {other}") for place, (one, other) in enumerate(pairwise(plain)))


def pair_signs(counts: Mapping[str, float]) -> Iterator[str]:
    """Each two different cues of one sentence."""
    return (PAIR.join(pair) for pair in combinations(sorted(counts), 2))
