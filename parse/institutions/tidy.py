"""The name of a school that is in no list, as it is put down."""

from __future__ import annotations

import re

from parse.gazetteer import Gazetteer
from parse.schoolnames import fold

__all__ = ["tidy"]

_EXPAND = {
    "ps": "Primary School",
    "hs": "High School",
    "chs": "Community High School",
    "acad": "Academy",
    "prim": "Primary",
    "sec": "Secondary",
    "gs": "Grammar School",
}


def tidy(gazetteer: Gazetteer, text: str) -> str:
    """The written name with white space, the usual abbreviations and the words for the kind of school put right."""
    saints, spelt = gazetteer.vocabulary.saint_short, gazetteer.spelt
    pieces = text.split()
    if pieces[-1].endswith(("'s", "\u2019s")) and spelt(pieces[-1][:-2]):
        pieces[-1] = pieces[-1][:-2]  # «Ashmuir High's library»
    if len(pieces) > 3 and pieces[-1].lower() in ("nursery", "elc") and pieces[-2].lower() in ("and", "&"):
        del pieces[-2:]  # «Ashmuir Primary School & Nursery»
    while len(pieces) > 2 and pieces[-1].lower() in ("nursery", "class", "elc", "and", "&") and len(spelt(pieces[-2])) > 0 + (pieces[-1] == "class"):
        pieces.pop()  # «Ashmuir Primary nursery»: the class, not the school's name
    if len(pieces) > 3 and pieces[-1].lower() == "nursery" and pieces[-2].lower() == "school":
        pieces.pop()  # «Ashmuir Primary School nursery»
    pieces = [
        "Street" if index and fold(piece) == "st" and index + 1 < len(pieces) and spelt(pieces[index + 1]) and not spelt(pieces[index - 1]) else piece
        for index, piece in enumerate(pieces)
    ]  # «Lorne St Primary»
    pieces = [piece for piece in pieces if piece.lower() not in ("(special)", "(asn)", "(primary)", "(secondary)")] or pieces
    if "special" in pieces and pieces[0][:1].isupper():
        pieces.remove("special")  # «Ashmuir special school»
    pieces = [_EXPAND.get(piece.lower().replace(".", ""), spelt(piece) or piece) for piece in pieces]
    pieces = [
        "High" if index + 1 < len(pieces) and pieces[index + 1].lower() == "school" and fold(piece) != "high" and gazetteer.is_high(fold(piece)) else piece
        for index, piece in enumerate(pieces)
    ]
    for index in range(1, len(pieces)):
        if fold(pieces[index - 1]) == "st" and (long := saints.get(fold(pieces[index]))):
            pieces[index] = (long[:-1] + "'s" if long.endswith("s") else long).capitalize()
    plain = " ".join(pieces)
    if not (plain.isupper() or text.islower()):
        return plain
    titled = re.sub(r"(?<=\w)'S\b", "'s", plain.title())
    return re.sub(r"(?<= )(?:Of|The|And|On|In)(?= )", lambda word: word[0].lower(), titled)
