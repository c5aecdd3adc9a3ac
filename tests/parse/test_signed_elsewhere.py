"""A signature that names another school than the letter sends it to a person, unless the letter says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailroom.model import Outcome
from parse.reader import Reader
from parse.schoolnames import School

SCHOOLS = [
    School(name=name, authority=authority)
    for authority, names in {
        "Fife": ("Madras College", "Bell Baxter High School"),
        "Moray": ("Elgin High School", "Elgin Academy"),
        "Perth and Kinross": ("Kinross High School", "Crieff High School"),
        "East Ayrshire": ("Annanhill Primary School", "Whatriggs Primary School"),
        "Clackmannanshire": ("Alva Academy", "Alva Primary School"),
        "Falkirk": ("Graeme High School",),
    }.items()
    for name in names
]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(Path(__file__).parents[2] / "programme", SCHOOLS)


@pytest.mark.parametrize(
    ("words", "signature", "told"),
    [
        ("My department at Madras College would like to be included.", "Bell Baxter High School", True),
        ("I teach at Elgin High School, to answer you.", "Elgin Academy", True),
        ("I've moved: I teach at Kinross High School now.", "Crieff High School", False),
        ("Ignore the signature, I teach at Annanhill Primary School.", "Whatriggs Primary School", False),
        ("I teach at Alva Academy.", "Alva Primary School", False),
        ("I teach at Alva Academy.", "Alva Academy", False),
        ("I teach at Alva Academy.", "Graeme", False),
    ],
)
def test_another_school_below_is_told_where_nothing_says_why(reader: Reader, words: str, signature: str, told: bool) -> None:
    head = "From: Ann Reid <ann@example.org>\nTo: care@union.example\nSubject: Research\nMessage-ID: <a@example.org>\nDate: Mon, 10 Jan 2022 09:00:00 +0000\n"
    body = f"Hello,\n\n{words} Four of us have been trying out peer feedback together since August.\n\nAnn\n\n-- \nAnn Reid\nTeacher of English\n{signature}\n"
    reading = reader.read(f"{head}\n{body}".encode())
    assert ("signed_elsewhere" in {reason.code for reason in reading.extraction.reasons}) is told
    if told:
        assert reading.decision.outcome is Outcome.REVIEW
