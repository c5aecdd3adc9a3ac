"""Remembered aliases in the reading: where each holds, what outdoes it, and that without any nothing differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailroom.model import AliasKind, Outcome, Reading, Remembered
from parse.reader import Reader
from parse.schoolnames import School

PROGRAMME = Path(__file__).parents[2] / "programme"
EDINBURGH, PERTH = "City of Edinburgh", "Perth and Kinross"
SCHOOLS = (
    School(name="Portobello High School", authority=EDINBURGH, sector="secondary"),
    School(name="Pentland High School", authority=EDINBURGH, sector="secondary"),
    School(name="Perth High School", authority=PERTH, sector="secondary"),
    School(name="Wick High School", authority="Highland", sector="secondary"),
    School(name="Ashmuir Primary School", authority="Fife", sector="primary"),
    School(name="Ashmuir Primary School", authority="Moray", sector="primary"),
)
WE = "We are a group of colleagues already doing research together on reading for pleasure. I would like to register."


def alias(number: int, written: str, means: str, council: str = "", stands_in: str = "", kind: AliasKind = AliasKind.INSTITUTION) -> Remembered:
    return Remembered(id=number, kind=kind, written=written, means=means, council=council, stands_in=stands_in)


PHS = alias(12, "PHS", "Portobello High School", EDINBURGH, EDINBURGH)
BELLO = alias(13, "Bello", "Portobello High School", "", EDINBURGH)
PHS_PERTH = alias(14, "PHS", "Perth High School", PERTH, PERTH)
KINGDOM = alias(15, "Lang Toun", "Fife", kind=AliasKind.AUTHORITY)
FREE = alias(16, "Ashwood Free School", "Ashwood Free School", "", "Fife")
DOMAIN = alias(17, "ashwood.example", "Ashwood Free School", "", "Fife", kind=AliasKind.DOMAIN)
PHRASE = alias(18, "our wee blether circle", "learning_collaborative", kind=AliasKind.ACTIVITY)
ALL = (PHS, BELLO, PHS_PERTH, KINGDOM, FREE, DOMAIN, PHRASE)


@pytest.fixture(scope="module")
def bare() -> Reader:
    return Reader(PROGRAMME, SCHOOLS)


@pytest.fixture(scope="module")
def taught(bare: Reader) -> Reader:
    return bare.remembering(ALL)


def letter(text: str, sender: str = "Ailsa Begg <ailsa@mail.example>", subject: str = "Action research") -> bytes:
    return f"From: {sender}\nTo: car@union.example\nSubject: {subject}\nDate: Mon, 10 Jan 2022 09:00:00 +0000\n\n{text} {WE}\n".encode()


def rules(reading: Reading, value: str) -> set[str]:
    return {c.evidence.rule for c in reading.extraction.candidates if c.value == value and c.chosen}


@pytest.mark.parametrize(
    ("said", "school", "council"),
    [
        ("I teach at PHS in Edinburgh.", "Portobello High School", EDINBURGH),
        ("I teach at P.H.S. in Edinburgh.", "Portobello High School", EDINBURGH),
        ("I teach at phs in Edinburgh.", "Portobello High School", EDINBURGH),
        ("I teach at PHS in Perth.", "Perth High School", PERTH),
        ("I work for Edinburgh council. My school is PHS.", "Portobello High School", EDINBURGH),
        ("I am at Bello.", "Portobello High School", EDINBURGH),
        ("I am at Bello High.", "Portobello High School", EDINBURGH),
        ("I teach at Ashwood Free School.", "Ashwood Free School", "Fife"),
    ],
)
def test_a_remembered_name_is_read_where_it_holds(bare: Reader, taught: Reader, said: str, school: str, council: str) -> None:
    """Registered without a person, with evidence that names the alias; before, the very same words were not enough or another rule's."""
    reading = taught.read(letter(said))
    assert (reading.decision.outcome, reading.extraction.institutions, reading.extraction.authorities) == (Outcome.REGISTERED, (school,), (council,))
    assert {rule.partition(".")[0] for rule in rules(reading, school)} == {"remembered"}
    for candidate in reading.extraction.candidates:
        assert reading.parsed.slice(candidate.evidence) == candidate.evidence.text
    before = bare.read(letter(said))
    assert before.decision.outcome is not Outcome.REGISTERED or "institution.initials" in rules(before, school)


def test_a_letter_without_capitals(taught: Reader) -> None:
    reading = taught.read(letter("I teach at PHS in Edinburgh.").lower())
    assert (reading.extraction.institutions, reading.extraction.authorities) == (("Portobello High School",), (EDINBURGH,))


@pytest.mark.parametrize(
    "said",
    [
        "I teach at PHS.",  # nobody says where
        "I teach at PHS in Wick, Highland.",  # elsewhere
        "I used to teach at PHS in Edinburgh.",  # former
        "My friend at PHS in Edinburgh told me of it.",  # another's
        "I teach at Bello Primary.",  # a primary is no high school
        "I live in Bello Road.",
        "I teach at North Bello High School.",  # a longer name
        "Our phone system PHSX is in Edinburgh.",
    ],
)
def test_it_is_not_read_where_it_does_not_hold(bare: Reader, taught: Reader, said: str) -> None:
    """Then everything is read as without it."""
    assert "Portobello High School" not in taught.read(letter(said)).extraction.institutions
    assert taught.read(letter(said)).extraction.institutions == bare.read(letter(said)).extraction.institutions


def test_a_school_elsewhere_of_a_confirmed_ones_name_is_another(bare: Reader, taught: Reader) -> None:
    said = letter("I teach at Ashwood Academy School in Highland.")
    free = letter("I teach at Ashwood Free School in Highland.")
    assert taught.read(said).extraction.institutions == bare.read(said).extraction.institutions
    assert "Fife" not in taught.read(free).extraction.authorities


def test_a_listed_name_in_full_outdoes_a_remembered_one(bare: Reader) -> None:
    wrong = bare.remembering((alias(1, "Wick High School", "Portobello High School", "", EDINBURGH), alias(2, "Wick", "Portobello High School", "", EDINBURGH)))
    assert wrong.read(letter("I teach at Wick High School.")).extraction.institutions == ("Wick High School",)


def test_a_council_known_from_before_counts(taught: Reader) -> None:
    """«PHS», to our question: the reading alone does not know the council, the conversation does."""
    parsed = taught.read(letter("I teach at PHS.")).parsed
    assert taught.extract(parsed).institutions == ()
    assert taught.extract(parsed, councils=(EDINBURGH,)).institutions == ("Portobello High School",)
    assert taught.extract(parsed, councils=(PERTH,)).institutions == ("Perth High School",)


def test_a_local_name_of_a_council(bare: Reader, taught: Reader) -> None:
    """It tells two schools of one name apart, as the council's own name does."""
    said = letter("I teach at Ashmuir Primary School in the Lang Toun.")
    assert bare.read(said).extraction.authorities == ()
    reading = taught.read(said)
    assert (reading.extraction.institutions, reading.extraction.authorities) == (("Ashmuir Primary School",), ("Fife",))
    assert rules(reading, "Fife") == {"remembered.15"}
    answers = bare.authorities.remembering((KINGDOM,))
    assert answers.named("Lang Toun") == "Fife"
    assert bare.authorities.named("Lang Toun") is None


def test_the_domain_of_an_address_says_it_only_where_nothing_else_does(taught: Reader) -> None:
    sender = "Rory <rory@staff.ashwood.example>"
    reading = taught.read(letter("", sender))
    assert (reading.extraction.institutions, reading.extraction.authorities) == (("Ashwood Free School",), ("Fife",))
    assert rules(reading, "Ashwood Free School") == {"remembered.17"}
    assert taught.read(letter("I teach at Wick High School.", sender)).extraction.institutions == ("Wick High School",)
    assert taught.read(letter("", "Rory <rory@notashwood.example>")).extraction.institutions == ()
    thanks = b"From: rory@ashwood.example\nSubject: Lunch\n\nShall we meet for lunch?\n"
    assert taught.read(thanks).decision.outcome is not Outcome.REGISTERED, "an address makes nobody take part"


def test_a_phrase_says_the_activity_unless_it_is_denied(bare: Reader, taught: Reader) -> None:
    text = "From: a@mail.example\nSubject: Research\n\nI teach at Wick High School. I would like to sign up for {} on phonics.\n"
    said = text.format("our wee blether circle").encode()
    assert bare.read(said).extraction.activities == ()
    reading = taught.read(said)
    assert reading.extraction.activities == ("learning_collaborative",)
    assert rules(reading, "learning_collaborative") == {"remembered.18"}
    denied = text.replace("I would like", "It is not our wee blether circle that I would like").format("it").encode()
    assert taught.read(denied).extraction.activities == bare.read(denied).extraction.activities


def test_the_version_of_the_rules_tells_of_what_is_remembered(bare: Reader, taught: Reader) -> None:
    versions = [bare.rules_version, taught.rules_version, bare.remembering((PHS,)).rules_version, bare.remembering((BELLO,)).rules_version]
    assert len(set(versions)) == 4
    assert taught.remembering(()).rules_version == bare.rules_version
    assert bare.remembering(ALL).rules_version == taught.rules_version
    assert bare.remembering(()) is bare


def test_what_is_forgotten_is_read_as_before(bare: Reader, taught: Reader) -> None:
    again = taught.remembering((BELLO,)).remembering(())
    for said in ("I am at Bello.", "I teach at PHS in Edinburgh.", "I teach at Ashwood Free School.", "I teach in the Lang Toun."):
        assert again.read(letter(said)).extraction == bare.read(letter(said)).extraction


def test_a_known_school_makes_no_list(taught: Reader) -> None:
    """Without a school list, a remembered school must not make the reader believe that it has one."""
    alone = Reader(PROGRAMME).remembering((FREE,))
    said = letter("I teach at Ashmuir Primary School in Fife.")
    assert alone.read(said).extraction == Reader(PROGRAMME).read(said).extraction
    assert alone.read(letter("I teach at Ashwood Free School.")).extraction.authorities == ("Fife",)


def test_mail_without_the_words_is_read_as_before(bare: Reader, taught: Reader) -> None:
    """All of the demo's mail, with every kind of alias known: not one candidate differs."""
    mail = sorted((PROGRAMME.parent / "mailroom" / "demo" / "mail").glob("*.eml"))
    assert len(mail) > 30
    for path in mail:
        content = path.read_bytes()
        assert taught.read(content).extraction == bare.read(content).extraction, path.name
