"""Whether a signature that names another school sends a letter to a person."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailroom.model import Candidate, Evidence, Reason, Slot, Zone, ZoneKind
from parse.message import parse_message
from parse.signedschool import signed_elsewhere

EMPTY = parse_message(b"From: ann@example.org\r\n\r\n")


def read(words: str, school: str, signature: str) -> Reason | None:
    body = f"{words}\n{signature}"
    parsed = replace(EMPTY, body=body, zones=(Zone(kind=ZoneKind.OWN, start=0, end=len(words)), Zone(kind=ZoneKind.SIGNATURE, start=len(words), end=len(body))))
    found = [
        Candidate(slot=Slot.INSTITUTION, value=name, strength=1.0, evidence=Evidence(where=where, start=0, end=0, text=name, rule="x"), chosen=chosen)
        for name, where, chosen in ((school, ZoneKind.OWN, True), (signature, ZoneKind.SIGNATURE, False))
    ]
    return signed_elsewhere(parsed, found)


@pytest.mark.parametrize(
    ("words", "school", "signature", "told"),
    [
        ("My department at Madras College would like to be included.", "Madras College", "Bell Baxter High School", True),
        ("It's Elgin High, to answer you.", "Elgin High School", "Elgin Academy", True),
        ("I've moved: it's Kinross High now.", "Kinross High School", "Crieff High School", False),
        ("Ignore the signature, I'm at Annanhill.", "Annanhill Primary School", "Whatriggs Primary School", False),
        ("I teach at Castlebay.", "Castlebay School Secondary", "Castlebay Primary School", False),
        ("I teach at Alva Academy.", "Alva Academy", "Alva Academy", False),
        ("I teach at Alva Academy.", "Alva Academy", "Graeme", False),
    ],
)
def test_another_school_below_is_told_where_nothing_says_why(words: str, school: str, signature: str, told: bool) -> None:
    """A slip or an old signature: a person looks, unless the letter explains it."""
    assert (read(words, school, signature) is not None) is told
