"""The spreadsheet as programs read it: every text as it was, times as of the clock on the wall, and pieces that come as it grows."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from lxml import etree

from desk.workbook import Cell, Head, workbook

LONDON = ZoneInfo("Europe/London")


def book(rows: Sequence[Sequence[Cell]], title: str = "Register") -> openpyxl.Workbook:
    content = b"".join(workbook(title, [Head("A & B", 10), Head("When", 20)], rows, LONDON))
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        assert package.testzip() is None
        for name in package.namelist():
            etree.fromstring(package.read(name))
    return openpyxl.load_workbook(io.BytesIO(content))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë <b>&amp;</b> \"q\" 'a'", "Zoë <b>&amp;</b> \"q\" 'a'"),
        (" spaces ", " spaces "),
        ("_x0041_ and _x", "_x005F_x0041_ and _x"),  # ST_Xstring of ECMA-376: else Excel shows «A»; openpyxl shows it as it is written
        ("bell\x07, tab\t, line\r\nbreak", "bell, tab , line break"),
        ("no character: \ufffe\uffff \ud800", "no character: �� �"),
        ("😀 Gàidhlig", "😀 Gàidhlig"),
        ("=1+1", "=1+1"),
        ("x" * 40_000, "x" * 32_767),
    ],
)
def test_text_comes_back_as_text(text: str, shown: str) -> None:
    cell = book([[text, None]]).active["A2"]  # type: ignore[index]
    assert (cell.data_type, cell.value) == ("s", shown)


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2022, 1, 18, 14, 5, tzinfo=UTC), datetime(2022, 1, 18, 14, 5)),
        (datetime(2022, 7, 1, 23, 30, tzinfo=UTC), datetime(2022, 7, 2, 0, 30)),
        (datetime(2022, 3, 27, 1, 0, tzinfo=UTC), datetime(2022, 3, 27, 2, 0)),
    ],
)
def test_time_is_that_of_the_clock_on_the_wall(moment: datetime, shown: datetime) -> None:
    cell = book([["", moment]]).active["B2"]  # type: ignore[index]
    assert cell.is_date
    assert cell.value == shown


def test_no_row_is_a_book_too_and_any_title_will_do() -> None:
    made = book([], "It's [all]: a/b?*\\ " + "x" * 50)
    assert made.active is not None
    assert made.active.auto_filter.ref == "A1:B1"
    assert len(made.active.title) <= 31


def test_pieces_leave_while_rows_are_still_to_come() -> None:
    asked = 0

    def rows() -> Iterator[Sequence[Cell]]:
        nonlocal asked
        for number in range(50_000):
            asked = number
            yield [f"row {number} {hash(str(number))}", number]

    pieces = workbook("Register", [Head("A", 10), Head("B", 10)], rows(), LONDON)
    assert next(pieces)
    assert asked < 25_000
    assert max(map(len, pieces)) < 1_000_000
