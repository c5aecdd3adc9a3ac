"""Where a text has the name of a school or college."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mailroom.errors import ProgrammeError
from parse.gazetteer import Gazetteer, Mention, load_colleges
from parse.institutions import InstitutionFinder
from parse.schoolnames import School, words

PROGRAMME = Path(__file__).parents[2] / "programme"
SCHOOLS = (
    School(name="Kirkhill Primary School", authority="West Lothian", sector="primary"),
    School(name="Park View Primary School", authority="Fife", sector="primary"),
    School(name="Parkview Primary School", authority="Glasgow City", sector="primary"),
    School(name="St Andrew's High School", authority="Fife", sector="secondary"),
)


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return InstitutionFinder(PROGRAMME, SCHOOLS).gazetteer


def scan(gazetteer: Gazetteer, text: str) -> list[Mention]:
    return gazetteer.scan(text, words(text), limit=100)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("at Kirkhill Primary today", ["Kirkhill Primary School"]),
        ("at Kirkhill PS today", ["Kirkhill Primary School"]),
        ("at North Kirkhill Primary today", []),
        ("at Park View Primary", ["Park View Primary School"]),
        ("at Parkview Primary", ["Parkview Primary School"]),
        ("at St Andrew High School", ["St Andrew's High School"]),
        ("at Saint Andrews HS", ["St Andrew's High School"]),
        ("at the primary school", []),
        ("Kirkhill High School", []),
    ],
)
def test_listed_names(gazetteer: Gazetteer, text: str, names: list[str]) -> None:
    """Which listed schools a stretch of text may mean."""
    assert [entry.label for mention in scan(gazetteer, text) for entry in mention.entries] == names


def test_mentions_slice_back(gazetteer: Gazetteer) -> None:
    """A mention's offsets are those of its text."""
    text = "We (Kirkhill Primary School) and Fife College and Glenmarnoch Academy."
    found = scan(gazetteer, text)
    assert [text[mention.start : mention.end] for mention in found] == ["Kirkhill Primary School", "Fife College", "Glenmarnoch Academy"]
    assert [mention.kind for mention in found] == ["school", "college", "unlisted"]


def test_work_grows_with_the_text(gazetteer: Gazetteer) -> None:
    """Eight times the text takes about eight times as long, not its square."""

    def seconds(count: int) -> float:
        text = "North Upper Saint Mary's of the Kirkhill Park View " * count
        found = words(text)
        begin = time.process_time()
        gazetteer.scan(text, found, limit=10**9)
        return time.process_time() - begin

    seconds(500)
    assert min(seconds(8_000) for _ in range(2)) < 8 * 4 * max(min(seconds(1_000) for _ in range(3)), 1e-3)


def test_shipped_colleges_are_found_by_all_their_names(gazetteer: Gazetteer) -> None:
    """Every name and alias of a shipped college finds that college and no other."""
    for college in load_colleges(PROGRAMME):
        for name in (college.name, *college.aliases):
            found = scan(gazetteer, f"I lecture at {name} these days")
            assert [entry.label for mention in found for entry in mention.entries if mention.kind == "college"] == [college.name], name


def test_duplicate_alias_of_a_college(tmp_path: Path) -> None:
    """Two colleges of one name are refused with file and line."""
    (tmp_path / "colleges.csv").write_text("name,aliases,support,campuses,domains\nAsh College,AC,,,\nElm College,AC,,,\n", encoding="utf-8")
    with pytest.raises(ProgrammeError, match=r"colleges\.csv, line 3: .*already means Ash College"):
        load_colleges(tmp_path)
    (tmp_path / "colleges.csv").write_text("name,aliases,support,campuses,short,domains\nAsh College,,,-,,\n", encoding="utf-8")
    with pytest.raises(ProgrammeError, match=r"colleges\.csv, line 2: .*no word in it"):
        load_colleges(tmp_path)


def test_gaelic_name_of_two_places(tmp_path: Path) -> None:
    """A Gaelic name can stand for one place only; the file's line is named."""
    for file in [*PROGRAMME.glob("*.csv"), PROGRAMME / "institutions.yaml"]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "gaelicnames.csv").write_text("english,gaelic\nBack,a' Bhac\nTong,A' Bhac\n", encoding="utf-8")
    with pytest.raises(ProgrammeError, match=r"gaelicnames\.csv, line 3: .*another place"):
        InstitutionFinder(tmp_path)


def test_a_name_written_together_counts_only_in_an_address(gazetteer: Gazetteer) -> None:
    """«kirkhillprimary» is that school in an e-mail or web address and nothing elsewhere."""
    assert [mention.rule for mention in scan(gazetteer, "See www.kirkhillprimary.example for more")] == ["institution.address"]
    assert [mention.rule for mention in scan(gazetteer, "office@kirkhillprimary.example")] == ["institution.address"]
    assert scan(gazetteer, "We call it kirkhillprimary here") == []


def test_town_with_two_schools(tmp_path: Path) -> None:
    """A town has one secondary of another name or none; the file's line is named, and a council that does not exist."""
    for file in [*PROGRAMME.glob("*.csv"), PROGRAMME / "institutions.yaml"]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    for rows, wanted in (("Fife,Ash,Elm High\nFife,Ash,Oak High", "line 3: .*another school"), ("Fyfe,Ash,Elm High", "line 2: .*no council")):
        (tmp_path / "townschools.csv").write_text(f"authority,towns,school\n{rows}\n", encoding="utf-8")
        with pytest.raises(ProgrammeError, match=rf"townschools\.csv, {wanted}"):
            InstitutionFinder(tmp_path)
