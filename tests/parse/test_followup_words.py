"""The table of words that tells a letter which goes on from earlier mail from a first one."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailroom.errors import ProgrammeError
from mailroom.model import Kind, ZoneKind
from mailroom.reasons import REASONS
from parse.followup import NAME, followup_signs
from parse.kind import KindFinder
from parse.reader import Reader
from parse.schoolnames import School
from parse.textview import TextView
from tests.fixtures.letters import letter
from tests.fixtures.readers import OWN_ADDRESS, PROGRAMME, reader_with

SCHOOLS = (
    School(name="Wick High School", authority="Highland", sector="secondary"),
    School(name="Thurso High School", authority="Highland", sector="secondary"),
)
REASON = "follow_up_by_words"
GOES_ON = letter(
    "Sorry, I meant Wick High. You asked as well who is in it: it's just me so far, and topic is still spelling.\n\nBo", "RE: one more thing we need"
)
BEGINS = letter(
    "Good morning,\n\nI teach at Wick High School in Highland and read about the programme in the bulletin. Three of us have been researching spelling "
    "together since August and would like to take part.\n\nAnn Person",
    "Expression of interest",
)


@pytest.fixture(scope="module")
def shipped() -> Reader:
    return Reader(PROGRAMME, SCHOOLS, own_addresses=[OWN_ADDRESS])


def kind_and_reason(reader: Reader, content: bytes) -> tuple[Kind, bool]:
    reading = reader.read(content).extraction
    return reading.kind, any(reason.code == REASON for reason in reading.reasons)


def test_words_tell_an_answer_whose_headers_and_cues_do_not(shipped: Reader, tmp_path: Path) -> None:
    rules_alone = reader_with(tmp_path, SCHOOLS, goes_on=2, begins=-1)
    assert kind_and_reason(rules_alone, BEGINS) == kind_and_reason(shipped, BEGINS) == (Kind.EXPRESSION_OF_INTEREST, False)
    assert kind_and_reason(shipped, GOES_ON)[0] is Kind.FOLLOW_UP


def test_share_turns_a_first_letter_into_a_follow_up_and_back(tmp_path: Path) -> None:
    """Both ways, and the reason names the share; what it registers stays the same."""
    for name, share, content, kind in (("on", "9", BEGINS, Kind.FOLLOW_UP), ("first", "-9", GOES_ON, Kind.EXPRESSION_OF_INTEREST)):
        (tmp_path / name).mkdir()
        reader = reader_with(tmp_path / name, SCHOOLS, share=(NAME, share))
        reading = reader.read(content)
        assert reading.extraction.kind is kind
        assert reading.extraction.institutions == ("Wick High School",)
    assert REASON in REASONS


def test_kinds_that_are_neither_stay_what_they_are(tmp_path: Path) -> None:
    """A question, a withdrawal, a private letter and a machine's note, however like a follow-up their words are."""
    reader = reader_with(tmp_path, SCHOOLS, share=(NAME, "9"))
    for content, kind in (
        (letter("Is the research programme open to retired members as well?"), Kind.ENQUIRY),
        (letter("I teach at Wick High School. I have to withdraw from the research programme. Please take me off."), Kind.WITHDRAWAL),
        (letter("Are you coming to his 60th on Saturday? Mum says bring the flask.", "Re: Saturday"), Kind.UNRELATED),
        (letter("I am out of the office until Monday.", "Automatic reply: Hello", Auto_Submitted="auto-replied"), Kind.AUTO_REPLY),
    ):
        assert kind_and_reason(reader, content) == (kind, False)


def test_signs_name_what_mail_programs_add_and_where_a_word_stands() -> None:
    matcher = KindFinder(PROGRAMME).matcher
    subject, own = TextView("Re: Feedback", where="subject"), TextView("Yes.\nFour of us.\nIn Fife.\nAnn Person", where=ZoneKind.OWN)
    plain = followup_signs(matcher.words(subject), matcher.words(own), [], replies=False, threaded=False, inline=False)
    marked = followup_signs(matcher.words(subject), matcher.words(own), ["Which council?"], replies=True, threaded=True, inline=True)
    assert {"subject feedback", "start yes", "fife", "mail shorter than 15"} <= plain
    assert "start ann" not in plain and "ann" in plain  # the fourth sentence
    assert marked - plain == {"mail replies", "mail threaded", "mail quotes", "mail asked", "mail inline"}


def test_reason_names_words_that_can_be_looked_up(tmp_path: Path) -> None:
    reader = reader_with(tmp_path, SCHOOLS, share=(NAME, "0\nstart good,5"))
    detail = next(reason.detail for reason in reader.read(BEGINS).extraction.reasons if reason.code == REASON)
    assert detail == "0.99: «start good»"


def test_table_with_a_mistake_names_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(ProgrammeError, match=r"words/follow_up\.csv"):
        reader_with(tmp_path, share=(NAME, "much"))
