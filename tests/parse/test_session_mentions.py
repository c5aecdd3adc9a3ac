"""The forms in which a session is named, each resolved against sessions of another year than the programme's."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from parse.session_mentions import MentionFinder, Session

UK = ZoneInfo("Europe/London")
TODAY = date(2023, 5, 8)  # a Monday


def session(day: int, hour: int, minute: int) -> Session:
    start = datetime(2023, 5, day, hour, minute, tzinfo=UK)
    return Session(id=f"may-{day}", start=start, end=start.replace(hour=hour + 1))


FINDER = MentionFinder([session(11, 10, 0), session(16, 16, 30)], {"Whit Tuesday": (5, 16)})  # a Thursday and a Tuesday


def named(text: str, today: date | None = TODAY, *, heading: bool = False) -> list[tuple[str, list[str]]]:
    return [(text[m.start : m.end].strip(), sorted(m.sessions)) for m in FINDER.find(text, today, heading=heading)]


@pytest.mark.parametrize(
    ("text", "sessions"),
    [
        ("2023-05-11", ["may-11"]),
        ("11/5", ["may-11"]),
        ("11.05.23", ["may-11"]),
        ("16th of May", ["may-16"]),
        ("May 16th", ["may-16"]),
        ("Tues 16 May 2023", ["may-16"]),
        ("the sixteenth", ["may-16"]),
        ("Thursday", ["may-11"]),
        ("next Tuesday", ["may-16"]),
        ("Tuesday week", ["may-16"]),
        ("next week's", ["may-16"]),
        ("the first one", ["may-11"]),
        ("the later of the two", ["may-16"]),
        ("session 2", ["may-16"]),
        ("the one before it", ["may-11"]),
        ("the yin efter that", ["may-16"]),
        ("the training that comes before the 16th", ["may-11"]),
        ("the session after Thursday", ["may-16"]),
        ("the session after the 16th", []),
        ("Whit Tuesday", ["may-16"]),
        ("half four", ["may-16"]),
        ("1630", ["may-16"]),
        ("10 o'clock", ["may-11"]),
        ("the other one", ["may-11", "may-16"]),
        ("Thursday 18 May", []),
        ("16 May 2022", []),
        ("eight days from now", ["may-16"]),
        ("Monday 11th", ["may-11"]),  # none is about
        ("Wednesday 14th", []),
        ("Tuesday 11th", []),  # which of the two sessions?
        ("Sunday 16th", []),  # in April
        ("Tues 16 June", ["may-16"]),  # a Friday
        ("Fri 16 June", []),
        ("Tues 16 May 2022", ["may-16"]),  # a Monday
        ("Tues 16 May 2017", []),  # which was one
        ("Thurs 11 June", ["may-11"]),  # in no year about now
        ("Tues 16 April", []),  # next year's
        ("Thurs 11 April", []),  # next year's
        ("Thurs 11 Aug", []),  # last year's
        ("Tues 16 Oct", []),  # far from the session
        ("Tues 16 June 2020", []),  # was one
        ("10 till 11", ["may-11"]),
        ("16:30-17:30", ["may-16"]),
        ("half four to half past five", ["may-16"]),
        ("Thrusday 11ht", ["may-11"]),
    ],
)
def test_form_names_its_session(text: str, sessions: list[str]) -> None:
    """No code knows the dates: with other sessions the same forms name those."""
    assert [found for _, found in named(text)] == [sessions]


EVERY_FORM = [
    *("2023-05-11", "Whit Tuesday", "Weds 11 May", "Tuseday 16.5.", "mardi le 16", "16mh", "Faoilleach 12", "an Dùbhlachd 3", "sept 4th", "the twenty- fifth"),
    *("week on Tuesday", "a week on Wed", "this coming Thurs", "Tuesdays session", "day after tomorrow", "the day after tomorrow", "a week today"),
    *("today week", "the morn", "tmrw", "tomoz", "2morrow", "last nicht", "the streen", "next week's", "earlier today", "the day at two", "tonight"),
    *("session no. 2", "option: number one", "number 1 of the two", "the remaining one", "one that's left", "one remaining", "one still left"),
    *(
        "one with the first slot",
        "wednseday",
        "tuesay",
        "tusday",
        "wendsday",
        "seccond yin",
        "twoth session",
        "t'other one",
        "tidder een",
        "ither date",
        "the last training",
    ),
    *("DTSTART;TZID=Europe/London:20230511T100000", "5/16", "the one the week after", "the one week following", "the one later"),
    *(
        "whichsoever of them comes first",
        "the one after",
        "the next one",
        "the following one",
        "the yin afore it",
        "the wan efter the 11th",
        "the one which precedes it",
        "the one at two",
        "the former",
        "first choice: second",
    ),
    *("1630", "begins at two", "kicks off at 2", "half past four", "two thirty", "twa o'clock"),
]


@pytest.mark.parametrize("text", EVERY_FORM)
def test_the_words_that_it_looks_at_are_all_that_a_form_begins_with(text: str) -> None:
    """Only where one of the hints stands is a mention tried: none may begin anywhere else."""
    everywhere = [match.span() for match in FINDER._pattern.finditer(f"So {text}, please.")]
    assert everywhere
    assert [match.span() for match in FINDER._matches(f"So {text}, please.")] == everywhere


def test_no_mention_in_a_letter_begins_with_other_words() -> None:
    for line in (Path(__file__).parents[1] / "corpus" / "sessions.tsv").read_text(encoding="utf-8").splitlines():
        assert [match.span() for match in FINDER._matches(line)] == [match.span() for match in FINDER._pattern.finditer(line)], line


@pytest.mark.parametrize("text", ["16 pupils", "page 11", "until the 16th", "before 11 May", "from 10-11", "10.30 to 11.30", "May I ask", "wed like to come"])
def test_other_numbers_name_no_session(text: str) -> None:
    """A number is a day only where nothing else can be meant."""
    assert not any(found for _, found in named(text))


@pytest.mark.parametrize(("today", "sessions"), [(date(2023, 5, 10), ["may-11"]), (date(2023, 5, 9), []), (None, [])])
def test_tomorrow_is_read_against_the_day_it_is_said(today: date | None, sessions: list[str]) -> None:
    """Without a date of the message a relative day is nothing."""
    assert [found for _, found in named("see you tomorrow", today)] == ([sessions] if sessions else [])


def test_day_date_and_time_of_one_session_are_one_mention() -> None:
    """«Tuesday the 16th, half four» is said once."""
    assert named("Tuesday the 16th, half four") == [("Tuesday the 16th, half four", ["may-16"])]


def test_bare_number_is_a_day_under_a_heading() -> None:
    """«Which date?» and then «16» is an answer; «16» elsewhere is not."""
    assert named("16", heading=True) == [("16", ["may-16"])]
    assert named("16") == []


@pytest.mark.parametrize(("today", "sessions"), [(date(2023, 1, 8), ["jan-11"]), (date(2023, 2, 1), []), (None, [])])
def test_january_still_writes_the_year_before(today: date | None, sessions: list[str]) -> None:
    """Only until the session has been; what was a year ago is told of in the same words, so that more must stand beside it."""
    start = datetime(2023, 1, 11, 10, tzinfo=UK)
    finder = MentionFinder([Session(id="jan-11", start=start, end=start.replace(hour=11))], {})
    found = finder.find("11/1/22", today, heading=False)
    assert [(sorted(mention.sessions), mention.form) for mention in found] == [(sessions, "slip" if sessions else "date")]


@pytest.mark.parametrize("text", ["Thurs 11 June", "Tues 16 June 2023", "Tues 16 May 2022"])
def test_slip_needs_more_beside_it(text: str) -> None:
    assert [mention.form for mention in FINDER.find(text, TODAY, heading=False)] == ["slip"]


FOREIGN_LETTERS = str.maketrans("iIsS", "\u0131\u0130\u017f\u017f")


@pytest.mark.parametrize(
    "text", [*EVERY_FORM, "Fri 16 Sept", "16th of July", "the sixteenth of April", "six days from now", "16 Gearran", "16 Giblean", "half six"]
)
def test_letters_that_only_an_expression_takes_for_others_are_read_or_left(text: str) -> None:
    """«ı» and «ſ» match «i» and «s» whatever the case, and are not made into them by it: no look-up may fail over them."""
    as_usual = [(mention.form, mention.sessions) for mention in FINDER.find(text, TODAY, heading=False)]
    assert [(mention.form, mention.sessions) for mention in FINDER.find(text.translate(FOREIGN_LETTERS), TODAY, heading=False)] == as_usual
