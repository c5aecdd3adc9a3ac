"""The table of words that tell a letter which a person has to see."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailroom.errors import ProgrammeError
from mailroom.model import ZoneKind
from parse.activities import ActivityFinder
from parse.phrases import PhraseMatcherSet
from parse.reviewwords import ReviewWords
from parse.textview import TextView

PROGRAMME = Path(__file__).parents[2] / "programme"


@pytest.fixture(scope="module")
def matcher() -> PhraseMatcherSet:
    return ActivityFinder(PROGRAMME).matcher


def table(folder: Path, rows: str) -> Path:
    (folder / "words").mkdir()
    (folder / "words" / "review.csv").write_text(f"sign,weight\n{rows}", encoding="utf-8")
    return folder


def test_each_sign_counts_once_and_the_heaviest_are_named(tmp_path: Path, matcher: PhraseMatcherSet) -> None:
    words = ReviewWords(table(tmp_path, "always,-3\nbehalf,2\nmy staff,2\nmy,-0.5\n"), least=0.6)
    view = TextView("On behalf of my staff, on behalf of my colleagues.", where=ZoneKind.OWN)
    reason = words.find([view], matcher)
    assert reason is not None
    assert (reason.code, reason.detail) == ("reads_like_review", "0.62: «behalf», «my staff», «my»")  # -3 + 2 + 2 - 0.5
    assert words.find([TextView("On behalf of staff.", where=ZoneKind.OWN)], matcher) is None


def test_only_the_members_own_words_and_the_subject_count(tmp_path: Path, matcher: PhraseMatcherSet) -> None:
    words = ReviewWords(table(tmp_path, "always,-1\nbehalf,3\n"), least=0.6)
    for where in (ZoneKind.OWN_QUOTE, ZoneKind.QUOTE, ZoneKind.SIGNATURE, ZoneKind.DISCLAIMER):
        assert words.find([TextView("On behalf of the council.", where=where)], matcher) is None
    assert words.find([TextView("On behalf of Ann", where="subject")], matcher) is not None


def test_mistake_in_the_table_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ProgrammeError, match=r"review.csv, line 3: .*number"):
        ReviewWords(table(tmp_path, "always,-1\nbehalf,much\n"), least=0.6)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Two of my staff would like to join. I shan't be taking part myself, I only write on their behalf as their head.", True),
        ("We are giving up, I am sorry: nobody has the time. Please take our names off the list, it was not to be.", True),
        ("Three of us at the school have met since August to look at how the P5s read, and we would like to go on with it.", False),
        ("My own wee enquiry into maths talk is nearly done and I'd love company for the next round.", False),
    ],
)
def test_the_shipped_table_tells_plain_cases(matcher: PhraseMatcherSet, text: str, seen: bool) -> None:
    words = ReviewWords(PROGRAMME, least=0.6)
    assert (words.find([TextView(text, where=ZoneKind.OWN)], matcher) is not None) is seen
