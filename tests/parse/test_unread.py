"""Without a list of schools, what is not certain is asked: a second school without its form, a council that is only a town, half a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailroom.model import Outcome
from parse.reader import Reader, Reading


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(Path(__file__).parents[2] / "programme")


def read(reader: Reader, words: str, signature: str = "") -> Reading:
    head = "From: Ann Reid <ann@example.org>\nTo: care@union.example\nSubject: Research\nMessage-ID: <a@example.org>\nDate: Mon, 10 Jan 2022 09:00:00 +0000\n"
    return reader.read(f"{head}\nHi,\n\n{words} We've kept a joint log on homework since August.\n\nAnn\n{signature}".encode())


@pytest.mark.parametrize(
    "words",
    [
        "I teach at Ashmuir Primary, Fife, and Jo's at Elmbank.",
        "Two of us at Ashmuir Primary and one at Kilbrannan (both Fife) share the marking.",
        "Ashmuir High, Kilbrannan and Fairlea. Fife Council. Three schools, one project.",
        "My friend Sandra is at Bell's Brow and I'm at Ashmuir Primary, Fife. The two of us do it together.",
        "I'm at Ashmuir Primary in Fife, Ceit has Kilbrannan, and between us we have nine pupils.",
        "Ashmuir Primary (Fife) and Kilbrannan would like to take part.",
        "Four teachers from Ashmuir Academy and some from Drumfearn, Fife Council.",
        "With Tracey at Edensmuir and Beth at Broomhaven I teach at Ashmuir High, Fife. The three of us meet.",
        "School: Ashmuir High, Fife\nPrimaries taking part: Edensmuir, Broomhaven\n",
    ],
)
def test_a_second_school_that_only_a_list_would_know_is_asked_about(reader: Reader, words: str) -> None:
    """What stands where a school stands, and is no known place or person, may be one."""
    reading = read(reader, words)
    assert reading.decision.outcome is Outcome.ASK_MEMBER
    assert "institution_unread" in {reason.code for reason in reading.extraction.reasons}


@pytest.mark.parametrize(
    "words",
    [
        "Ashmuir Primary. A lady from Aberdeen came and spoke to us about talk.",
        "I teach at Ashmuir Primary. I'd love to find a teacher elsewhere, Glasgow perhaps.",
        "I teach at Ashmuir Primary. I come in from Falkirk every day.",
        "I started out in Dundee and teach at Ashmuir Primary now.",
    ],
)
def test_a_council_that_is_only_a_town_spoken_of_is_asked_for(reader: Reader, words: str) -> None:
    """Only what is written of the school, or as a council, tells where it is."""
    assert "authority" in read(reader, words).decision.missing


@pytest.mark.parametrize(
    ("words", "school"),
    [
        ("I teach at Ashmuir Primary, Fife. My wife works at Elmbank.", "Ashmuir Primary"),
        ("I was at Elmbank until 2019 and now teach at Ashmuir Primary, Fife Council.", "Ashmuir Primary"),
        ("We are three teachers at Ashmuir Primary in Fife and met at Christmas.", "Ashmuir Primary"),
        ("Ashmuir High, Fife. The Mathematics department, all four of us.", "Ashmuir High"),
        ("Ashmuir Primary here. Council: Glasgow.", "Ashmuir Primary"),
        ("I teach at Ashmuir Primary. Edinburgh, obviously.", "Ashmuir Primary"),
        ("I teach at Ashmuir Primary, near Oban, Argyll and Bute Council.", "Ashmuir Primary"),
        ("Someone at Elmbank told me of it. I'm at Ashmuir Primary, Fife.", "Ashmuir Primary"),
        ("Lorne St Primary, Fife. Two of us.", "Lorne Street Primary"),
        ("That's Ashmuir Academy, Fife. Five of us in Science.", "Ashmuir Academy"),
        ("Gillian Baxter St Lucy's Primary, Fife. Two of us.", "St Lucy's Primary"),
    ],
)
def test_what_is_certain_is_registered(reader: Reader, words: str, school: str) -> None:
    """Somebody else's school, a subject, a festival and a label are no doubt."""
    reading = read(reader, words)
    assert reading.extraction.institutions == (school,)
    assert reading.decision.outcome is Outcome.REGISTERED


def test_half_a_name_is_asked_about(reader: Reader) -> None:
    """«The Royal School» is called after a place."""
    assert "institution" in read(reader, "The Royal School, Fife. Three of us have begun.").decision.missing


def test_another_school_in_the_signature_sends_the_letter_to_a_person(reader: Reader) -> None:
    """Names that no list has contradict each other, too."""
    assert read(reader, "I teach at Ashmuir High School, Fife.", "\n--\nAnn Reid\nElmbank Academy\n").decision.outcome is Outcome.REVIEW
