"""Lists of schools, from plain CSV or the government's «School contact details» workbook.

Headings are found by name, in any order and any case, and the heading row anywhere near the top (the
workbook's is the row whose first cell says «Seed Code»; its layout varies from year to year).

Promise: a list that cannot be read is a ProgrammeError with file and row; nothing is guessed from a
column's position, and nothing is fetched.

What it does badly: private schools in lists without a council column are taken as schools without one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mailroom.errors import ProgrammeError
from parse.authorities import Authorities, split
from parse.schoolnames import School, fold

__all__ = ["load_schools"]

_HEADINGS = {
    "name": ("name", "schoolname", "school", "nameofschool", "establishment", "establishmentname"),
    "authority": ("authority", "laname", "localauthority", "localauthorityname", "council", "la"),
    "sector": ("sector", "centretype", "schooltype", "type"),
    "postcode": ("postcode", "postalcode"),
    "seed_code": ("seedcode", "seed", "seedid"),
    "aliases": ("aliases", "alias", "othernames", "formernames"),
}
_DEPARTMENTS = {"primary": ("primarydepartment", "primary"), "secondary": ("secondarydepartment", "secondary"), "special": ("specialdepartment", "special")}
_NO_COUNCIL = ("grant aided", "grant-aided", "independent", "not applicable", "n/a", "private")
_HEADING_ROWS = 40


def load_schools(path: Path, folder: Path) -> list[School]:
    """The schools of a list, in its order; ``folder`` is the programme's, which knows the councils by all their names.

    Raises ProgrammeError, naming file and row.
    """
    shown = path.name
    authorities = Authorities.load(folder)
    if not path.exists():
        raise ProgrammeError(shown, None, "the file is not there")
    rows = _workbook(path, shown) if path.suffix.lower() in (".xlsx", ".xlsm") else _csv(path, shown)
    return _schools(rows, shown, authorities)


def _csv(path: Path, shown: str) -> list[tuple[int, list[str]]]:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")  # what Excel saves when asked for CSV
    try:
        dialect: Any = csv.Sniffer().sniff(text[:4096], delimiters=",;\t")
    except csv.Error:
        dialect = csv.excel
    reader = csv.reader(text.splitlines(), dialect)
    try:
        return [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise ProgrammeError(shown, reader.line_num, f"not a CSV file ({error})") from error


def _workbook(path: Path, shown: str) -> list[tuple[int, list[str]]]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises whatever zip, XML or a missing part raise
        raise ProgrammeError(shown, None, f"not a readable workbook ({type(error).__name__}); save it as .xlsx") from error
    try:
        names = [name for name in book.sheetnames if fold(name.replace(" ", "")) in ("openschools", "schools")]
        names += [name for name in book.sheetnames if name not in names]
        for name in names:
            rows = [(number, [_cell(value) for value in row]) for number, row in enumerate(book[name].iter_rows(values_only=True), 1)]
            if _heading(rows) is not None:
                return rows
    finally:
        book.close()
    raise ProgrammeError(shown, None, "no sheet has a heading row with the name and the council of a school (sheet «Open Schools»)")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(str(value).split())


def _plain(heading: str) -> str:
    return "".join(character for character in fold(heading) if character.isalnum())


def _heading(rows: Sequence[tuple[int, list[str]]]) -> tuple[int, dict[str, int]] | None:
    """(index of the heading row, column of each field)."""
    for index, (_, cells) in enumerate(rows[:_HEADING_ROWS]):
        plain = [_plain(cell) for cell in cells]
        columns = {field: next((plain.index(name) for name in names if name in plain), -1) for field, names in _HEADINGS.items()}
        if columns["name"] >= 0 and (columns["authority"] >= 0 or columns["seed_code"] >= 0):
            for sector, names in _DEPARTMENTS.items():
                columns[f"has_{sector}"] = next((plain.index(name) for name in names if name in plain), -1)
            return index, columns
    return None


def _schools(rows: Sequence[tuple[int, list[str]]], shown: str, authorities: Authorities) -> list[School]:
    heading = _heading(rows)
    if heading is None:
        raise ProgrammeError(shown, rows[0][0] if rows else None, "no heading row; wanted at least the headings «name» and «authority»")
    index, columns = heading
    if columns["authority"] < 0:
        raise ProgrammeError(shown, rows[index][0], "the heading «authority» (or «LA Name») is missing")
    schools: list[School] = []
    seen: dict[tuple[str, str, str, str], int] = {}
    for number, cells in rows[index + 1 :]:
        if not any(cells):
            continue

        def cell(name: str, cells: list[str] = cells) -> str:
            column = columns[name]
            return cells[column] if 0 <= column < len(cells) else ""

        name = cell("name")
        if not name:
            if sum(bool(value) for value in cells) <= 2:
                continue  # a note under the table
            raise ProgrammeError(shown, number, "the school's name is empty")
        written = cell("authority")
        authority = "" if not written or written.lower() in _NO_COUNCIL else authorities.named(written)
        if authority is None:
            raise ProgrammeError(shown, number, f"«{written}» is no council of authorities.csv; add it there as an alias, or mend the list")
        code = cell("seed_code")
        sector = _sector(cell, columns)
        key = (code, name, authority, sector)
        if code and key in seen:
            raise ProgrammeError(shown, number, f"«{name}» ({code}) is there twice, first in row {seen[key]}")
        seen[key] = number  # one code for two departments is usual, the same row twice is a slip
        schools.append(
            School(name=name, authority=authority, sector=sector, postcode=cell("postcode").upper(), aliases=tuple(split(cell("aliases"))), seed_code=code)
        )
    if not schools:
        raise ProgrammeError(shown, rows[index][0], "no school under the heading row")
    return schools


def _sector(cell: Any, columns: dict[str, int]) -> str:
    written = cell("sector").lower()
    for sector in ("special", "secondary", "primary"):
        if sector in written:
            return sector
    flags: Iterable[str] = [
        sector for sector in _DEPARTMENTS if columns[f"has_{sector}"] >= 0 and cell(f"has_{sector}").lower() in ("yes", "y", "1", "true", "x", sector)
    ]
    several = list(flags)
    return several[0] if len(several) == 1 else ""
