"""Short answers, read in the light of what was asked."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mailroom.errors import ProgrammeError
from mailroom.model import ParsedMessage, Slot
from parse.message import parse_message
from parse.shortanswers import Answered, Asked, Option, ShortAnswers
from parse.zones import Zoner

PROGRAMME = Path(__file__).parents[2] / "programme"


def options(*labels: str) -> tuple[Option, ...]:
    return tuple(Option(value=label, label=label) for label in labels)


COUNCILS = (Asked(slot=Slot.AUTHORITY, options=options("Dundee City", "Fife", "Renfrewshire", "East Renfrewshire")),)
OPEN_COUNCIL = (Asked(slot=Slot.AUTHORITY),)
ONE_COLLEGE = (Asked(slot=Slot.INSTITUTION, options=options("Glenorchy College")),)
OPEN_SCHOOL = (Asked(slot=Slot.INSTITUTION),)
ACTIVITY = Asked(
    slot=Slot.ACTIVITY,
    options=(
        Option(value="running", label="A research group that is already running"),
        Option(value="own", label="Your own enquiry, open to others"),
        Option(value="new", label="A new research group on a topic"),
        Option(value="learning", label="A learning group that wants to start research"),
    ),
)
TWO = (*OPEN_SCHOOL, ACTIVITY)


@pytest.fixture(scope="module")
def short_answers() -> ShortAnswers:
    return ShortAnswers(PROGRAMME)


@pytest.fixture(scope="module")
def zoner() -> Zoner:
    return Zoner(PROGRAMME)


def read(short_answers: ShortAnswers, zoner: Zoner, body: str, asked: tuple[Asked, ...]) -> tuple[ParsedMessage, Answered]:
    raw = f"From: Ros Kelman <ros@mail.example>\nSubject: Re: your message\nIn-Reply-To: <a@union.example>\n\n{body}".encode()
    parsed = parse_message(raw, zoner=zoner)
    return parsed, short_answers.read(parsed, asked)


@pytest.mark.parametrize(
    ("asked", "body", "values"),
    [
        (COUNCILS, "b", ["Fife"]),
        (COUNCILS, "(b)", ["Fife"]),
        (COUNCILS, "The second one you listed, thank you!", ["Fife"]),
        (COUNCILS, "Fife or Dundee", []),
        ((), "It should say Fife, not Angus.", ["Fife"]),
        ((), "My council is not Angus but Fife. I typed it wrongly.", ["Fife"]),
        ((), "That's wrong. Fife not Angus", ["Fife"]),
        ((), "Fife is lovely at this time of the year.", []),
        ((), "Fife", []),
        (COUNCILS, "Fife, near Dundee", ["Fife"]),
        (COUNCILS, "Fife. Actually no, we count as Dundee City.", ["Dundee City"]),
        (COUNCILS, "Fife, no wait, Dundee", ["Dundee City"]),
        (COUNCILS, "Fife - sorry, I mean Renfrewshire", ["Renfrewshire"]),
        (COUNCILS, "Actually, Fife or Dundee", []),
        (COUNCILS, "B.", ["Fife"]),
        (COUNCILS, "b) Fife", ["Fife"]),
        (COUNCILS, "It's c, thanks!\n\nRos", ["Renfrewshire"]),
        (COUNCILS, "You asked which council: c", ["Renfrewshire"]),
        (COUNCILS, "the second one", ["Fife"]),
        (COUNCILS, "Hello,\n\nThe last one please.\n\nMany thanks\nRos", ["East Renfrewshire"]),
        (COUNCILS, "2", ["Fife"]),
        (COUNCILS, "sorry, fife!", ["Fife"]),
        (COUNCILS, "the Dundee one", ["Dundee City"]),
        (COUNCILS, "Not Fife, Renfrewshire", ["Renfrewshire"]),
        (COUNCILS, "East Renfrewshire", ["East Renfrewshire"]),
        (COUNCILS, "neither, it's Moray", ["Moray"]),
        (COUNCILS, "a or b", []),
        (COUNCILS, "a and b", []),
        (COUNCILS, "h", []),
        (COUNCILS, "7", []),
        (COUNCILS, "yes", []),
        (COUNCILS, "Thanks!\nRos", []),
        (OPEN_COUNCIL, "South Lanarkshire Council", ["South Lanarkshire"]),
        (OPEN_COUNCIL, "It's in Argyll and Bute", ["Argyll and Bute"]),
        (OPEN_COUNCIL, "Falkirk, not Glasgow.", ["Falkirk"]),
        (OPEN_COUNCIL, "Not Glasgow, Falkirk", ["Falkirk"]),
        (ONE_COLLEGE, "yes", ["Glenorchy College"]),
        (ONE_COLLEGE, "Yes, that one.", ["Glenorchy College"]),
        (ONE_COLLEGE, "no", []),
        (OPEN_SCHOOL, "Whinfold", ["Whinfold"]),
        (OPEN_SCHOOL, "Hi\nSt Columba's\nThanks, Ros", ["St Columba's"]),
        (OPEN_SCHOOL, "Ros", []),
        (OPEN_SCHOOL, "Will do", []),
        (OPEN_SCHOOL, "Thanks", []),
        ((ACTIVITY,), "a and d", ["running", "learning"]),
        ((ACTIVITY,), "b) Your own enquiry, open to others", ["own"]),
        ((ACTIVITY,), "A learning group that wants to start research.", ["learning"]),
        (TWO, "1) Whinfold\n2) b", ["Whinfold", "own"]),
        (TWO, "1. Whinfold 2. (c)", ["Whinfold", "new"]),
        (TWO, "Whinfold Primary. b.", ["own"]),
    ],
)
def test_an_answer_means_what_was_offered(short_answers: ShortAnswers, zoner: Zoner, asked: tuple[Asked, ...], body: str, values: list[str]) -> None:
    parsed, answered = read(short_answers, zoner, body, asked)
    assert [candidate.value for candidate in answered.candidates] == values
    assert all(parsed.slice(candidate.evidence) == candidate.evidence.text for candidate in answered.candidates)


def test_what_stands_in_the_quote_is_nobodys_answer(short_answers: ShortAnswers, zoner: Zoner) -> None:
    body = "I'll ask.\n\nOn 10 Jan 2022, Action Research <car@union.example> wrote:\n> a) Dundee City\n> b) Fife\n> Fife"
    assert read(short_answers, zoner, body, COUNCILS)[1].candidates == ()


@pytest.mark.parametrize(
    ("body", "cues", "courtesy"),
    [
        ("Thank you, that's all correct. See you on the 19th.", {"thanks", "right"}, True),
        ("Great, thanks for confirming!\nBest wishes\nRos", {"thanks", "right"}, True),
        ("No, that's wrong.", {"wrong", "instead"}, False),
        ("I can do the 25th as well.", {"also"}, False),
        ("I am now at Whinfold Primary.", {"moved"}, False),
        ("Please take me off the list.", {"withdraws"}, False),
        ("I'll get back to you.", {"later"}, False),
        ("Thanks. Is supply cover paid?", {"thanks"}, False),
        ("b", set(), False),
    ],
)
def test_words_that_matter_in_a_conversation(short_answers: ShortAnswers, zoner: Zoner, body: str, cues: set[str], courtesy: bool) -> None:
    answered = read(short_answers, zoner, body, ())[1]
    assert {label for label in answered.cues if label != "unsure"} == cues
    assert answered.only_courtesy is courtesy


@pytest.mark.parametrize(
    ("body", "courtesy"),
    [
        ("Thank you!", True),
        ("Great, thank you for your help.", True),
        ("Thanks for the quick reply, have a nice evening", True),
        ("The one with the long name, thank you!", False),
        ("Thanks, my head teacher calls it the Kingdom", False),
    ],
)
def test_while_an_answer_is_awaited_courtesy_is_courtesy_and_nothing_else(short_answers: ShortAnswers, zoner: Zoner, body: str, courtesy: bool) -> None:
    assert read(short_answers, zoner, body, COUNCILS)[1].only_courtesy is courtesy


@pytest.mark.parametrize("body", ["", "\n\n", "((((", "a" * 5000, "1) 2) 3) 4)", "\u202e b \u202c", "b\x00", ">" * 2000, "a, " * 900])
def test_no_text_is_too_odd(short_answers: ShortAnswers, zoner: Zoner, body: str) -> None:
    for asked in (COUNCILS, TWO, OPEN_SCHOOL, ()):
        read(short_answers, zoner, body, asked)


def test_a_missing_list_is_told_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "answers.yaml").write_text("lists: {lead: [hi]}\nrules: []\n", encoding="utf-8")
    with pytest.raises(ProgrammeError, match=r"rules/answers\.yaml"):
        ShortAnswers(tmp_path)


@pytest.mark.parametrize("piece", ["and could you ", "( ", "b. ", "1) ", "Thanks. ", "no, ", "not ", "sorry, ", "\n", "Fife, not "])
def test_a_very_long_answer_takes_no_long_time(short_answers: ShortAnswers, zoner: Zoner, piece: str) -> None:
    """Forty times the text may take some forty times as long, never its square."""

    def seconds(size: int) -> float:
        begun = time.process_time()
        read(short_answers, zoner, piece * (size // len(piece)), TWO)
        return time.process_time() - begun

    seconds(1_000)
    assert seconds(80_000) < max(0.5, 200 * max(seconds(2_000), 0.01))
