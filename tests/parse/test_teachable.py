"""What a correction could teach, and what may never be remembered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailroom.model import AliasKind, Reading, Slot
from parse.reader import Reader
from parse.schoolnames import School
from parse.teachable import Suggestion, Teachable, key_of

PROGRAMME = Path(__file__).parents[2] / "programme"
EDINBURGH, PERTH = "City of Edinburgh", "Perth and Kinross"
PORTOBELLO = "Portobello High School"
SCHOOLS = (
    School(name=PORTOBELLO, authority=EDINBURGH, sector="secondary"),
    School(name="Pentland High School", authority=EDINBURGH, sector="secondary"),
    School(name="Perth High School", authority=PERTH, sector="secondary"),
    School(name="Dunmorvich Primary School", authority="Aberdeenshire", sector="primary"),
    School(name="Ashmuir Primary School", authority="Fife", sector="primary"),
    School(name="Ashmuir Primary School", authority="Moray", sector="primary"),
)
INSTITUTION, AUTHORITY, DOMAIN, ACTIVITY = AliasKind.INSTITUTION, AliasKind.AUTHORITY, AliasKind.DOMAIN, AliasKind.ACTIVITY


@pytest.fixture(scope="module")
def teachable() -> Teachable:
    return Teachable(Reader(PROGRAMME, SCHOOLS))


def read(teachable: Teachable, text: str, sender: str = "ailsa@gmail.com") -> Reading:
    return teachable.reader.read(f"From: Ailsa <{sender}>\nSubject: Action research\n\n{text}\n".encode())


def wish(written: str, means: str = PORTOBELLO, council: str = "", stands_in: str = EDINBURGH, kind: AliasKind = INSTITUTION) -> Suggestion:
    return Suggestion(kind=kind, written=written, means=means, council=council, stands_in=stands_in if kind in (INSTITUTION, DOMAIN) else "")


@pytest.mark.parametrize(
    ("offered", "why"),
    [
        (wish("HS", council=EDINBURGH), "too short"),
        (wish("P", council=EDINBURGH), "too short"),
        (wish("High School"), "written for other things"),
        (wish("the Academy"), "written for other things"),
        (wish("Tuesday"), "written for other things"),
        (wish("Park", council=EDINBURGH), "written for other things"),
        (wish("EIS", council=EDINBURGH), "written for other things"),
        (wish("1234"), "written for other things"),
        (wish("Perth", council=EDINBURGH), "name of a council or its town"),
        (wish("Portobello"), "name of a town"),
        (wish("Pentland High School", council=EDINBURGH), "is the name of Pentland High School"),
        (wish("Pentland High"), "is the name of Pentland High School"),
        (wish("Dunmorvich"), "is the name of Dunmorvich Primary School"),
        (wish("Portobello High"), "read without being remembered"),
        (wish("PHS"), "may also mean Pentland High School .*remember it for one council"),
        (wish("PHS", council="Fife"), "cannot hold in Fife only"),
        (wish("PHS", council="Atlantis"), "no council"),
        (wish("APS", "Ashmuir Primary School", stands_in=""), "several councils have a Ashmuir Primary School"),
        (wish(" ", council=EDINBURGH), "write the member's words"),
        (wish("a b c d e f g h i j"), "at most"),
        (wish("Fife", "Highland", kind=AUTHORITY), "means Fife already"),
        (wish("Fife", "Fife", kind=AUTHORITY), "known as Fife already"),
        (wish("Lang Toun", "Kirkcaldy", kind=AUTHORITY), "no council"),
        (wish(PORTOBELLO, EDINBURGH, kind=AUTHORITY), "is the name of Portobello High School"),
        (wish("gmail.com", kind=DOMAIN), "anybody may have an address"),
        (wish("glow.sch.uk", kind=DOMAIN), "anybody may have an address"),
        (wish("fife.gov.uk", kind=DOMAIN), "everybody who works for Fife"),
        (wish("sch.scot", kind=DOMAIN), "anybody may have an address"),
        (wish("onmicrosoft.com", kind=DOMAIN), "glowscotland.onmicrosoft.com is a part of onmicrosoft.com"),
        (wish("bello", kind=DOMAIN), "no domain"),
        (wish("a b.example", kind=DOMAIN), "no domain"),
        (wish("we are", "learning_collaborative", kind=ACTIVITY), "three words or more"),
        (wish("to the and of it", "learning_collaborative", kind=ACTIVITY), "three words or more"),
        (wish("our wee blether circle", "gardening", kind=ACTIVITY), "no activity"),
        (wish(" ".join(f"blether{number}" for number in range(21)), "learning_collaborative", kind=ACTIVITY), "will not be written again"),
    ],
)
def test_what_may_not_be_remembered(teachable: Teachable, offered: Suggestion, why: str) -> None:
    assert re.search(why, teachable.refusal(offered)), teachable.refusal(offered)


@pytest.mark.parametrize(
    "offered",
    [
        wish("PHS", council=EDINBURGH),
        wish("Bello"),
        wish("Bello High"),
        wish("Portobelo High"),
        wish("Dunmorvich", council=EDINBURGH),  # another council's: there it is no name
        wish("APS", "Ashmuir Primary School", "Fife", "Fife"),
        wish("Ashwood Free School", "Ashwood Free School", stands_in="Fife"),
        wish("Park Academy", "Park Academy", stands_in="Fife"),
        wish("Lang Toun", "Fife", kind=AUTHORITY),
        wish("bello.sch.uk", kind=DOMAIN),
        wish("our wee blether circle", "learning_collaborative", kind=ACTIVITY),
    ],
)
def test_what_may(teachable: Teachable, offered: Suggestion) -> None:
    assert teachable.refusal(offered) == ""


def test_every_name_of_the_list_is_refused_as_a_name_of_another(teachable: Teachable) -> None:
    """Whatever the list calls a school cannot be taught to mean a different one where that school is."""
    for school in SCHOOLS:
        if school.name != PORTOBELLO:
            assert teachable.refusal(wish(school.name)), school.name
            assert teachable.refusal(wish(school.name.replace(" School", ""))), school.name


def test_what_to_think_of_first_is_said(teachable: Teachable) -> None:
    assert "initials of Pentland High School" in teachable.caution(wish("PHS", council=EDINBURGH))
    assert "in no list" in teachable.caution(wish("Ashwood Free School", "Ashwood Free School", stands_in="Fife"))
    assert "names no school" in teachable.caution(wish("bello.sch.uk", kind=DOMAIN))
    assert teachable.caution(wish("Bello High")) == ""


@pytest.mark.parametrize(
    ("text", "written", "scope"),
    [
        ("I teach at PHS and would like to join.", "PHS", EDINBURGH),
        ("Ailsa Begg, PHS. I would like to join.", "PHS", EDINBURGH),
        ("I am at Bello, and would like to join.", "Bello", EDINBURGH),
        ("I teach at Bello High and would like to join.", "Bello High", ""),
        ("I teach at Portobelo Hgh School and would like to join.", "Portobelo Hgh School", ""),
        ("I am based at WXYZ and would like to join.", "WXYZ", EDINBURGH),
    ],
)
def test_the_members_words_are_offered_first(teachable: Teachable, text: str, written: str, scope: str) -> None:
    """Initials and single words in the school's council, a whole name everywhere."""
    offered = teachable.suggest(read(teachable, text), Slot.INSTITUTION, PORTOBELLO, council=EDINBURGH)
    assert offered, text
    assert (offered[0].written, offered[0].means, offered[0].council, offered[0].stands_in) == (written, PORTOBELLO, scope, EDINBURGH)


@pytest.mark.parametrize(
    "text",
    [
        "I taught at PHS until last year and would like to join.",  # another school, of which the words say so
        "I would like to join.",
        "I teach at Pentland High School and would like to join.",  # the wrong school was read: its name stays its own
        "On Monday Anne wrote:\n> I teach at PHS",
    ],
)
def test_nothing_is_offered_where_the_words_are_not_the_schools(teachable: Teachable, text: str) -> None:
    offered = teachable.suggest(read(teachable, text), Slot.INSTITUTION, PORTOBELLO, council=EDINBURGH)
    assert [one.written for one in offered if one.written in ("PHS", "Pentland High School")] == []


def test_a_school_that_no_list_has_is_offered_as_known(teachable: Teachable) -> None:
    offered = teachable.suggest(read(teachable, "I teach at Ashwood Academy in Fife."), Slot.INSTITUTION, "Ashwood Academy", council="Fife")
    assert [(one.written, one.means, one.council, one.stands_in) for one in offered] == [("Ashwood Academy", "Ashwood Academy", "", "Fife")]


@pytest.mark.parametrize(
    ("text", "name", "first"),
    [
        ("I am at Ashwoodie, and would like to join.", "Ashwoodie Academy", "Ashwoodie"),
        ("I work with glen ashwoodie nursery folk.", "Glen Ashwoodie Primary School", "glen ashwoodie"),
        ("I would like to join.", "Ashwoodie Academy", "Ashwoodie Academy"),
    ],
)
def test_what_was_written_comes_before_the_name_that_it_stands_for(teachable: Teachable, text: str, name: str, first: str) -> None:
    """A school that no list has, and the member did not write out: its whole name would not help the next one who writes so."""
    offered = teachable.suggest(read(teachable, text), Slot.INSTITUTION, name, council="Fife")
    assert offered[0].written == first
    assert {one.means for one in offered} == {name}
    assert name in {one.written for one in offered}


def test_the_domain_is_offered_only_where_no_words_are(teachable: Teachable) -> None:
    bare = teachable.suggest(read(teachable, "I would like to join.", "a@bello.sch.uk"), Slot.INSTITUTION, PORTOBELLO, council=EDINBURGH)
    assert [(one.kind, one.written) for one in bare] == [(DOMAIN, "bello.sch.uk")]
    named = teachable.suggest(read(teachable, "I teach at PHS.", "a@bello.sch.uk"), Slot.INSTITUTION, PORTOBELLO, council=EDINBURGH)
    assert DOMAIN not in {one.kind for one in named}
    assert not teachable.suggest(read(teachable, "I would like to join.", "a@fife.gov.uk"), Slot.INSTITUTION, PORTOBELLO, council=EDINBURGH)


def test_a_place_is_offered_for_a_council_and_a_clause_for_an_activity(teachable: Teachable) -> None:
    places = teachable.suggest(read(teachable, "I teach in Langtounie these days."), Slot.AUTHORITY, "Fife")
    assert [(one.kind, one.written, one.means) for one in places] == [(AUTHORITY, "Langtounie", "Fife")]
    text = "I teach at Portobello High School. We have our wee blether circle every Tuesday, and we look at phonics."
    phrases = teachable.suggest(read(teachable, text), Slot.ACTIVITY, "learning_collaborative")
    assert all(one.written in text and one.means == "learning_collaborative" for one in phrases)
    assert teachable.suggest(read(teachable, text), Slot.TOPIC, "phonics") == [], "a topic is not remembered"


def test_a_clause_that_names_where_somebody_works_is_no_phrase_for_an_activity(teachable: Teachable) -> None:
    text = "I work at Invercairn High School, Aberdeenshire, and I would very much like to take part. My interest is in retrieval practice."
    reading = read(teachable, text)
    assert any(one.slot is Slot.ACTIVITY for one in reading.extraction.candidates), "there is a clause to be taken"
    phrases = teachable.suggest(reading, Slot.ACTIVITY, "learning_collaborative")
    assert not any("Invercairn" in one.written or "Aberdeenshire" in one.written for one in phrases)


def test_words_are_compared_without_case_accents_and_dots() -> None:
    assert key_of(INSTITUTION, "P.H.S.") == key_of(INSTITUTION, "phs") == "phs"
    assert key_of(INSTITUTION, "St. Màiri’s") == "st mairis"
    assert key_of(DOMAIN, "@Bello.SCH.uk") == "bello.sch.uk"
