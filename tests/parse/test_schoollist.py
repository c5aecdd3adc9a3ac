"""Lists of schools from CSV and from the government's workbook."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from mailroom.errors import ProgrammeError
from parse.schoollist import load_schools

PROGRAMME = Path(__file__).parents[2] / "programme"


def csv_file(folder: Path, text: str, *, encoding: str = "utf-8") -> Path:
    path = folder / "list.csv"
    path.write_bytes(text.encode(encoding))
    return path


def workbook(folder: Path, rows: list[list[object]], *, sheet: str = "Open Schools") -> Path:
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    book.active.append(["School contact details", None])
    page = book.create_sheet(sheet)
    for row in rows:
        page.append(row)
    path = folder / "schools.xlsx"
    book.save(path)
    return path


def test_plain_csv(tmp_path: Path) -> None:
    """Name, council, sector, postcode and aliases are read by their headings."""
    path = csv_file(tmp_path, "seed_code,name,authority,sector,postcode,aliases\n1,Ashmuir Primary School,Fife,Primary,ky1 1aa,Ashmuir PS|Old Ashmuir\n")
    (school,) = load_schools(path, PROGRAMME)
    assert (school.name, school.authority, school.sector, school.postcode) == ("Ashmuir Primary School", "Fife", "primary", "KY1 1AA")
    assert school.aliases == ("Ashmuir PS", "Old Ashmuir")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_other_headings_and_delimiters(tmp_path: Path, delimiter: str) -> None:
    """The government's own headings do as well, in any order and with any usual delimiter."""
    rows = [["LA Name", "School Name", "Post Code", "Centre Type"], ["City of Edinburgh Council", "Ashmuir High School", "EH1 1AA", "Secondary"]]
    path = csv_file(tmp_path, "\n".join(delimiter.join(row) for row in rows))
    assert [(school.name, school.authority) for school in load_schools(path, PROGRAMME)] == [("Ashmuir High School", "City of Edinburgh")]


def test_windows_csv(tmp_path: Path) -> None:
    """What Excel saves as CSV keeps its curly apostrophe."""
    path = csv_file(tmp_path, "name,authority\nSt Jude’s Primary School,Fife\n", encoding="cp1252")
    assert load_schools(path, PROGRAMME)[0].name == "St Jude’s Primary School"


def test_school_without_council(tmp_path: Path) -> None:
    """A grant-aided school has no council."""
    path = csv_file(tmp_path, "name,authority\nAshmuir School,Grant aided\n")
    assert load_schools(path, PROGRAMME)[0].authority == ""


@pytest.mark.parametrize("lead", [0, 3, 7])
def test_workbook(tmp_path: Path, lead: int) -> None:
    """The heading row of the workbook is found wherever it stands, and department flags give the sector."""
    rows: list[list[object]] = [[f"Note {number}"] for number in range(lead)]
    rows += [
        ["Seed Code", "LA Name", "School Name", "Post Code", "Primary Department", "Secondary Department"],
        [5100001.0, "Na h-Eileanan Siar", "Ashmuir School", "HS1 1AA", "Yes", "No"],
        [5100002, "Perth & Kinross", "Ashmuir Academy", "PH1 1AA", "No", "Yes"],
        [None, None, None, None, None, None],
    ]
    schools = load_schools(workbook(tmp_path, rows), PROGRAMME)
    assert [(school.seed_code, school.authority, school.sector) for school in schools] == [
        ("5100001", "Na h-Eileanan Siar", "primary"),
        ("5100002", "Perth and Kinross", "secondary"),
    ]


def test_workbook_with_another_sheet_name(tmp_path: Path) -> None:
    """A renamed sheet is found by its heading row."""
    rows: list[list[object]] = [["Seed Code", "School Name", "LA Name"], [1, "Ashmuir School", "Fife"]]
    assert len(load_schools(workbook(tmp_path, rows, sheet="Schools 2022"), PROGRAMME)) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name,authority\nAshmuir School,Narnia\n", r"list\.csv, line 2: .*Narnia"),
        ("name,authority\nAshmuir School,Fife\n,Fife,x\n,Fife\n", r"list\.csv: .*|list\.csv, line \d"),
        ("a,b\n1,2\n", r"list\.csv.*heading"),
        ("seed_code,name\n1,Ashmuir School\n", r"list\.csv, line 1: .*authority"),
        ("name,authority\n", r"list\.csv.*no school"),
        ("seed_code,name,authority\n1,Ashmuir School,Fife\n1,Ashmuir School,Fife\n", r"list\.csv, line 3: .*twice"),
        ("seed_code,name,authority,postcode\n7,,Fife,KY1\n", r"list\.csv, line 2: .*name is empty"),
    ],
)
def test_mistakes_name_file_and_row(tmp_path: Path, text: str, expected: str) -> None:
    """A list that cannot be right is refused with its row."""
    if text.count("\n") == 4:
        assert len(load_schools(csv_file(tmp_path, text), PROGRAMME)) == 1  # short rows at the end are notes
        return
    with pytest.raises(ProgrammeError, match=expected):
        load_schools(csv_file(tmp_path, text), PROGRAMME)


def test_missing_and_broken_files(tmp_path: Path) -> None:
    """A file that is not there or no workbook is a ProgrammeError, not a traceback."""
    with pytest.raises(ProgrammeError, match="not there"):
        load_schools(tmp_path / "none.csv", PROGRAMME)
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK no workbook")
    with pytest.raises(ProgrammeError, match=r"broken\.xlsx"):
        load_schools(broken, PROGRAMME)
