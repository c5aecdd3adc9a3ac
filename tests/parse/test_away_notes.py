"""Notes of people who are away: known by what their programs say of themselves, and mostly by their words alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailroom.model import Kind
from mailroom.sink import Received
from parse.message import parse_message
from parse.reader import Reader
from tests.fixtures.storms import away, makers, notes

PROGRAMME = Path(__file__).parents[2] / "programme"
ANSWER = (
    b'Date: Mon, 10 Jan 2022 09:59:00 +0000\r\nFrom: "Action Research" <car@union.example>\r\nTo: "Anne Reid" <anne@school.example>\r\n'
    b"Subject: We have your message\r\nMessage-ID: <mailroom.0123456789abcdef0123456789abcdef01234567@union.example>\r\n\r\n"
    b"Dear Anne,\r\n\r\nThank you for your message. A person will answer it.\r\n"
)
OURS = Received(sender="", recipients=("anne@school.example",), content=ANSWER, user=None, encrypted=False, connection=1)
VARIANTS = 8  # subject, thread and quote differ


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(PROGRAMME, own_addresses=["car@union.example"])


def variants(text: str, number: int, maker: str) -> Iterator[bytes]:
    return (away(OURS, text, number * VARIANTS + n, maker=maker) for n in range(VARIANTS))


def test_there_are_notes_on_both_sides() -> None:
    assert (len(notes("mended_with")), len(notes("set_aside"))) == (30, 30)
    assert not set(notes("mended_with")) & set(notes("set_aside"))


@pytest.mark.parametrize("maker", [maker for maker in makers() if maker not in ("none", "suppress_only")])
def test_what_a_program_says_of_itself_is_believed(reader: Reader, maker: str) -> None:
    for number, text in enumerate(notes()[::6]):
        reading = reader.read(next(variants(text, number, maker)))
        assert reading.decision.template is None, text


@pytest.mark.parametrize(("which", "least"), [("mended_with", 0.97), ("set_aside", 0.92)])
def test_without_any_mark_most_are_known_by_their_words(reader: Reader, which: str, least: float) -> None:
    """The floor of the second list is what the rules do on notes they were not made with."""
    read = [reader.read(content).extraction.kind for number, text in enumerate(notes(which)) for content in variants(text, number, "none")]
    known = sum(kind is Kind.AUTO_REPLY for kind in read) / len(read)
    assert known >= least, f"{known:.3f}"


@pytest.mark.parametrize(
    "body",
    [
        "Fife, sorry, I'm on leave.",
        "Yes, and I am on leave until Monday.",
        "The second one. I am out of school today.",
        "b\n\nI am out of school today.",
        "Aye. I'm on annual leave.",
        "I'm off sick, but it is Glenburn Academy in Fife.",
        "I am on leave until Monday. I will send you our council then.",
        "We work out of the building on Fridays: six of us, on outdoor learning.",
        "I am on maternity leave until June and would like to take part after that.",
        "I work Monday to Wednesday at Kirkhill Primary School in Fife.",
        "I have retired from the group. Please take me off the list.",
        "I am away that week. Can I come to the other session?",
        "We are not in school on the 19th. Please put me down for the 25th.",
        "I no longer work at Glenburn Academy. I have moved to Ardross Academy in Highland and still want to take part.",
    ],
)
def test_a_person_who_is_away_and_says_something_is_a_person(reader: Reader, body: str) -> None:
    answer = (
        f"From: Anne Reid <anne@school.example>\r\nTo: car@union.example\r\nSubject: Re: We have your message\r\nDate: Mon, 10 Jan 2022 12:00:00 +0000\r\n"
        f"Message-ID: <a@school.example>\r\nIn-Reply-To: <mailroom.x@union.example>\r\n\r\n{body}\r\n"
    ).encode()
    assert parse_message(answer).body.strip() == body
    assert reader.read(answer).extraction.kind is not Kind.AUTO_REPLY


def test_who_tells_school_and_activity_on_leave_is_no_machine(reader: Reader) -> None:
    letter = (
        b"From: Anne Reid <anne@school.example>\r\nTo: car@union.example\r\nSubject: Our group\r\nDate: Mon, 10 Jan 2022 12:00:00 +0000\r\n"
        b"Message-ID: <b@school.example>\r\n\r\nOn leave till April, then back. The three of us at Kirkhill Primary School in Fife read up on loose parts\r\n"
        b"together and now want to do our own study when I'm back.\r\n"
    )
    assert "perhaps_automatic" not in {reason.code for reason in reader.read(letter).extraction.reasons}
