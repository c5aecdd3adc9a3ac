"""The year's school list taken over: read, compared, its old names kept, written so that it reads back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from mailroom.config import data_folder
from mailroom.errors import ProgrammeError
from mailroom.extracting import open_reader
from mailroom.schools import Listed, merge, read_list, run_import, write_list
from parse.schoolnames import School
from tests.fixtures.installation import ROOT, Installation

PROGRAMME = data_folder() / "programme"
GAZETTEER = ROOT.parent / "shared" / "gazetteer" / "schools.csv"
ASHMUIR = School(seed_code="1", name="Ashmuir Primary School", authority="Fife", sector="primary", postcode="KY1 1AA")
CORRAN = School(seed_code="2", name="Corran High School", authority="Moray", sector="secondary", postcode="IV30 1AA")


def listed(*schools: School, closed: str = "") -> list[Listed]:
    return [Listed(school=school, closed=closed) for school in schools]


def workbook(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    """A workbook as the government lays it out: notes first, the heading row somewhere below."""
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.title = "Notes"
    sheet = book.create_sheet("Open Schools")
    sheet.append(["School contact details", None])
    sheet.append([None])
    sheet.append(["Seed Code", "LA Name", "Centre Type", "School Name", "Post Code", "Primary Department", "Secondary Department"])
    for row in rows:
        sheet.append(list(row))
    book.save(path)
    return path


def run(source: Path, into: Path, capsys: pytest.CaptureFixture[str], *, against: Path | None = None, dry_run: bool = False) -> dict[str, object]:
    capsys.readouterr()
    run_import(source, into=into, against=against, folder=PROGRAMME, dry_run=dry_run, as_json=True)
    made: dict[str, object] = json.loads(capsys.readouterr().out)
    return made


def test_a_workbook_becomes_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Codes that Excel holds as numbers, councils by another name, and a note below the table."""
    book = workbook(
        tmp_path / "2022.xlsx",
        [
            [5237521, "Aberdeen City", "Primary", "Ashmuir School", "AB1 1AA", "Yes", "No"],
            [5237522.0, "Na h-Eileanan Siar", "Secondary", "Corran, The High School", "HS1 1AA", "No", "Yes"],
            ["Note: nothing"],
        ],
    )
    made = run(book, tmp_path / "lists" / "schools.csv", capsys)
    assert (made["read"], made["against"]) == (2, None)
    assert (tmp_path / "lists" / "schools.csv").read_text(encoding="utf-8").splitlines() == [
        "seed_code,name,authority,sector,postcode,aliases,closed",
        "5237521,Ashmuir School,Aberdeen City,primary,AB1 1AA,,",
        '5237522,"Corran, The High School",Na h-Eileanan Siar,secondary,HS1 1AA,,',
    ]


def test_a_renamed_school_keeps_its_old_name() -> None:
    """And the names that it had before that one; an import after it changes nothing."""
    now = replace(ASHMUIR, name="Ashmuir Community School")
    merged, changes = merge([now], listed(replace(ASHMUIR, aliases=("Ashmoor School",))), mark="2022")
    assert merged[0].school.aliases == ("Ashmoor School", "Ashmuir Primary School")
    assert [(old.name, new.name) for old, new in changes.renamed] == [("Ashmuir Primary School", "Ashmuir Community School")]
    again, changes = merge([now], merged, mark="2023")
    assert again == merged
    assert (changes.unchanged, changes.renamed, changes.new, changes.closed) == (1, [], [], [])


@pytest.mark.parametrize("name", ["Ashmuir primary school", "Ashmuir  Primary-School"])
def test_another_spelling_is_no_new_name(name: str) -> None:
    merged, changes = merge([replace(ASHMUIR, name=name)], listed(ASHMUIR), mark="2022")
    assert merged[0].school.aliases == ()
    assert (len(changes.other), changes.renamed) == (1, [])


def test_a_school_that_moved_is_told() -> None:
    _, changes = merge([replace(ASHMUIR, authority="Angus")], listed(ASHMUIR), mark="2022")
    assert [(old.authority, new.authority) for old, new in changes.moved] == [("Fife", "Angus")]
    assert changes.renamed == []


def test_a_closed_school_stays_and_is_told_once() -> None:
    merged, changes = merge([ASHMUIR], listed(ASHMUIR, CORRAN), mark="2022")
    assert changes.closed == [CORRAN]
    assert {item.school.name: item.closed for item in merged} == {"Ashmuir Primary School": "", "Corran High School": "2022"}
    again, changes = merge([ASHMUIR], merged, mark="2023")
    assert (again, changes.closed) == (merged, [])
    back, changes = merge([ASHMUIR, CORRAN], merged, mark="2024")
    assert changes.reopened == [CORRAN]
    assert not any(item.closed for item in back)


def test_the_school_in_a_closed_ones_place_takes_its_name() -> None:
    """Another code at the same postcode, of the same council and sector; at another postcode nothing is guessed."""
    heir = School(seed_code="9", name="Glenmuir Campus", authority="Fife", sector="primary", postcode="KY11AA")
    merged, changes = merge([heir], listed(ASHMUIR), mark="2022")
    assert [(old.name, new.name) for old, new in changes.succeeded] == [("Ashmuir Primary School", "Glenmuir Campus")]
    assert [item.school.aliases for item in merged] == [("Ashmuir Primary School",)]
    for other in (replace(heir, postcode="KY9 9ZZ"), replace(heir, authority="Angus"), replace(heir, sector="secondary")):
        merged, changes = merge([other], listed(ASHMUIR), mark="2022")
        assert changes.succeeded == []
        assert len(merged) == 2


def test_an_old_name_that_another_school_bears_is_not_kept() -> None:
    """A name that went from one school to the next names the one that has it."""
    now = [replace(ASHMUIR, name="Lochan School"), School(seed_code="3", name="Ashmuir Primary School", authority="Fife", sector="primary")]
    merged, changes = merge(now, listed(ASHMUIR), mark="2022")
    assert all(item.school.aliases == () for item in merged)
    assert [alias for alias, _ in changes.dropped] == ["Ashmuir Primary School"]


def test_two_departments_under_one_code_stay_apart() -> None:
    primary, secondary = replace(ASHMUIR, name="Ashmuir School"), replace(ASHMUIR, name="Ashmuir School", sector="secondary")
    merged, changes = merge([primary, secondary], listed(primary, secondary), mark="2022")
    assert (changes.unchanged, len(merged)) == (2, 2)
    _, changes = merge([primary, replace(secondary, name="Ashmuir Academy")], listed(primary, secondary), mark="2022")
    assert [(old.name, new.name) for old, new in changes.renamed] == [("Ashmuir School", "Ashmuir Academy")]


def test_a_list_without_codes_is_compared_by_name() -> None:
    _, changes = merge([ASHMUIR, CORRAN], listed(replace(ASHMUIR, seed_code="")), mark="2022")
    assert (changes.unchanged, changes.new, changes.closed) == (1, [CORRAN], [])


def test_a_list_reads_back(tmp_path: Path) -> None:
    odd = replace(ASHMUIR, name='Ashmuir, "The" School', aliases=("St Jude\u2019s", "A; B"))
    path = tmp_path / "schools.csv"
    write_list(listed(odd) + listed(CORRAN, closed="2021"), path, PROGRAMME)
    assert read_list(path, PROGRAMME) == listed(odd) + listed(CORRAN, closed="2021")
    assert [p.name for p in tmp_path.iterdir()] == ["schools.csv"]


def test_a_list_that_cannot_be_read_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    into = tmp_path / "schools.csv"
    write_list(listed(ASHMUIR), into, PROGRAMME)
    before = into.read_bytes()
    (tmp_path / "new.csv").write_text("seed_code,name,authority\n1,Ashmuir,Nowhere Council\n", encoding="utf-8")
    with pytest.raises(ProgrammeError, match=r"new\.csv.*Nowhere Council"):
        run(tmp_path / "new.csv", into, capsys)
    assert into.read_bytes() == before


def test_a_dry_run_only_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "new.csv").write_text("seed_code,name,authority\n1,Ashmuir School,Fife\n", encoding="utf-8")
    made = run(tmp_path / "new.csv", tmp_path / "into.csv", capsys, dry_run=True)
    assert made["written"] is None
    assert not (tmp_path / "into.csv").exists()


def test_the_reading_knows_an_old_name(tmp_path: Path) -> None:
    """A member who writes last year's name is recorded at this year's school."""
    merged, _ = merge([replace(ASHMUIR, name="Glenmuir Community School"), CORRAN], listed(ASHMUIR, CORRAN), mark="2022")
    path = tmp_path / "schools.csv"
    write_list(merged, path, PROGRAMME)
    mail = b"From: a@school.example\r\nSubject: Interest\r\n\r\nWe would like to take part. I teach at Ashmuir Primary School in Fife.\r\n"
    assert open_reader(schools=[str(path)]).read(mail).extraction.institutions == ("Glenmuir Community School",)


def test_the_command_says_what_changed(installation: Callable[..., Installation], tmp_path: Path) -> None:
    home = installation("schools")
    first = workbook(tmp_path / "y1.xlsx", [[1, "Fife", "Primary", "Ashmuir School", "KY1 1AA", "Yes", "No"], [2, "Moray", "Secondary", "Corran School"]])
    second = workbook(tmp_path / "y2.xlsx", [[1, "Fife", "Primary", "Glenmuir School", "KY1 1AA", "Yes", "No"], [3, "Angus", "Secondary", "Dun School"]])
    home.write(mailbox=f"folder: {tmp_path}", smtp_port=None, mode="hold")
    assert "no earlier list" in home.run("schools", "import", str(first)).stdout
    told = home.run("schools", "import", str(second)).stdout
    assert "Ashmuir School, Fife (1) is now Glenmuir School" in told
    assert "Corran School, Moray (2): kept, marked" in told
    assert "Dun School, Angus (3)" in told
    assert "1,Glenmuir School,Fife,primary,KY1 1AA,Ashmuir School," in (home.home / "lists" / "schools.csv").read_text(encoding="utf-8").splitlines()


@pytest.mark.skipif(not GAZETTEER.exists(), reason="the list of all schools is not beside this checkout")
def test_the_whole_list_goes_round(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every school of the country is written and read back, and a second import finds nothing changed."""
    into = tmp_path / "schools.csv"
    first = run(GAZETTEER, into, capsys)
    again = run(GAZETTEER, into, capsys)
    assert again["unchanged"] == again["read"] == first["read"]
    assert not any(again[key] for key in ("new", "closed", "renamed", "moved", "other"))
