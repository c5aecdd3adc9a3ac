"""The table of words that tells whether a letter is for us at all, where the rules leave it open."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mailroom.errors import ProgrammeError
from mailroom.model import Kind, Outcome, ZoneKind
from mailroom.reasons import REASONS
from parse.activities import ActivityFinder
from parse.kind import KindFinder
from parse.reader import Reader
from parse.schoolnames import School
from parse.textview import TextView
from parse.wordshare import WordShare
from tests.fixtures.letters import letter
from tests.fixtures.readers import OWN_ADDRESS, PROGRAMME, reader_with

SCHOOLS = (School(name="Wick High School", authority="Highland", sector="secondary"),)
REASON, TABLE = "kind_by_words", "unrelated"


def _mail(body: str, subject: str = "A question", **headers: str) -> bytes:
    return letter(body, subject, **headers)


@pytest.fixture(scope="module")
def shipped() -> Reader:
    return Reader(PROGRAMME, SCHOOLS, own_addresses=[OWN_ADDRESS])


@pytest.fixture(scope="module")
def all_private(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return reader_with(tmp_path_factory.mktemp("private"), SCHOOLS, share=(TABLE, "9"))


@pytest.fixture(scope="module")
def all_ours(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return reader_with(tmp_path_factory.mktemp("ours"), SCHOOLS, share=(TABLE, "-9"))


@pytest.fixture(scope="module")
def rules_alone(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return reader_with(tmp_path_factory.mktemp("rules"), SCHOOLS, unlike_ours=2, like_ours=-1, goes_on=2, begins=-1)


def kind_and_reason(reader: Reader, content: bytes) -> tuple[Kind, bool, Outcome]:
    reading = reader.read(content)
    return reading.extraction.kind, any(reason.code == REASON for reason in reading.extraction.reasons), reading.decision.outcome


PRIVATE = _mail(
    "Dear Sir,\n\nI am putting together a wee history of the pipe band in Leith and am told that somebody from your union once played in it, about 1951. "
    "Would you have an address for his family, or an old photograph?\n\nYours faithfully,\nW. Rintoul",
    "An old photograph",
)
OURS = _mail(
    "Hi\n\nI only work Monday mornings, so neither the 19th nor the 25th is any good to me. Is either one recorded? If so I might think about it.\n\nIshbel",
    "Times",
)


def test_letter_without_a_word_that_rules_know_is_told_by_all_of_its_words(shipped: Reader, rules_alone: Reader) -> None:
    """Rules alone take whoever asks for one of ours, and whoever names no school for none."""
    assert kind_and_reason(rules_alone, PRIVATE) == (Kind.ENQUIRY, False, Outcome.REVIEW)
    assert kind_and_reason(shipped, PRIVATE) == (Kind.UNRELATED, True, Outcome.REVIEW)
    assert kind_and_reason(rules_alone, OURS) == (Kind.UNRELATED, False, Outcome.REVIEW)
    assert kind_and_reason(shipped, OURS) == (Kind.ENQUIRY, True, Outcome.REVIEW)


def test_reason_names_the_share_and_the_words_on_its_side(shipped: Reader) -> None:
    """Whoever looks at the letter sees why, in words that can be looked up."""
    details = [next(reason.detail for reason in shipped.read(letter).extraction.reasons if reason.code == REASON) for letter in (PRIVATE, OURS)]
    assert float(details[0][:4]) >= 0.7 and "«" in details[0]
    assert float(details[1][:4]) <= 0.06 and "«" in details[1]
    assert REASON in REASONS


@pytest.mark.parametrize(
    "content",
    [
        _mail("Is the research programme for retired folk as well?"),
        _mail("I'm at Wick High School and our pupils read in pairs. Is there a form for it?"),
        _mail("Is it at two o'clock on the 25th? I'm booked in for the training."),
        _mail("Before I decide anything, what would it cost me?"),
        _mail("This is a complaint. Why has nobody answered me? It is a disgrace."),
        _mail(
            "See below?\n\n-------- Forwarded Message --------\nFrom: Bo Person <bo@example.org>\nSubject: Reading\n\nWe are at Wick High School.",
            "Fwd: Reading",
        ),
    ],
)
def test_what_is_surely_ours_stays_so_whatever_the_words_are_like(all_private: Reader, content: bytes) -> None:
    kind, by_words, outcome = kind_and_reason(all_private, content)
    assert (kind is not Kind.UNRELATED, by_words, outcome) == (True, False, Outcome.REVIEW)


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (_mail("Are you coming to his 60th on Saturday? Mum says bring the flask."), Outcome.REVIEW),
        (_mail("I've not had my ballot paper. Who do I ask?"), Outcome.REVIEW),
        (_mail("The bins are out on Monday from now on."), Outcome.REVIEW),
        (_mail("The lid is blue.", "Re: The lid"), Outcome.REVIEW),
        (_mail("I am out of the office until Monday.", "Automatic reply: Hello", Auto_Submitted="auto-replied"), Outcome.IGNORE),
        (_mail("Dear user, your account will be closed. Click below to verify your password within 24 hours.", "Account notice"), Outcome.IGNORE),
    ],
)
def test_what_is_private_or_from_a_machine_is_never_answered(all_ours: Reader, content: bytes, outcome: Outcome) -> None:
    """However like ours its words are."""
    kind, by_words, decided = kind_and_reason(all_ours, content)
    assert (by_words, decided) == (False, outcome)
    assert kind in (Kind.UNRELATED, Kind.AUTO_REPLY)


def test_answer_between_our_questions_goes_on_from_earlier_mail(all_ours: Reader, rules_alone: Reader) -> None:
    """Words of their own between quotes, the quotes asking, and a reply's headers."""
    letter = _mail(
        "> which of these is nearest to what you do?\n\nThe second. I have been at it alone since August and would be glad of company.\n\n"
        "> and what is the topic?\n\nDraughts, and whether a game of it steadies them.\n\nAnn",
        "Re: Your activity",
        In_Reply_To="<1@union.example>",
    )
    assert rules_alone.read(letter).extraction.kind is Kind.FOLLOW_UP
    assert all_ours.read(letter).extraction.kind is Kind.FOLLOW_UP
    assert rules_alone.read(letter.replace(b"In-Reply-To", b"X-Nothing").replace(b"Your activity", b"Saturday")).extraction.kind is not Kind.FOLLOW_UP


def test_words_are_counted_only_where_they_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A complete registration has enough of ours: its words are not looked up in this table."""
    reader = Reader(PROGRAMME, SCHOOLS)
    asked: list[int] = []
    monkeypatch.setattr(reader._kinds.unrelated_words, "of", lambda *_: asked.append(1))
    reader.read(_mail("Five of us at Wick High School, Highland, have been researching our own marking together since 2020. Please count us in."))
    assert asked == []


def test_share_names_the_words_on_either_side(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "small.csv").write_text("sign,weight\nalways,0\nflask,2\nschool,-3\nthe flask,1\n", encoding="utf-8")
    share = WordShare(tmp_path, "small").of([TextView("The flask is at the school, the flask.", where=ZoneKind.OWN)], ActivityFinder(PROGRAMME).matcher)
    assert share.shown() == "0.50: «flask», «the flask», «school»"
    assert share.shown(against=True) == "0.50: «school», «the flask», «flask»"


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("words/unrelated.csv", "always,", "always,much", r"unrelated.csv, line \d+: .*number"),
        ("rules/kind.yaml", "unlike_ours: 0.7, ", "", "«decides: unlike_ours» should be a number"),
    ],
)
def test_mistake_in_the_data_is_named(tmp_path: Path, file: str, old: str, new: str, message: str) -> None:
    folder = tmp_path / "programme"
    shutil.copytree(PROGRAMME, folder)
    path = folder / file
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ProgrammeError, match=message):
        KindFinder(folder)
