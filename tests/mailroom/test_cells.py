"""No cell that a member wrote is run by a spreadsheet."""

from __future__ import annotations

import pytest

from mailroom.cells import one_line, runs, safe_cell


@pytest.mark.parametrize(
    "dangerous", ["=1+1", "+1", "-1", "@sum(a1)", "\t=1", "\r=1", " =1", "\u00a0=1", "\n=1", "\x00=1", "=cmd|' /C calc'!A0", "＝1+1", "＠sum(a1)"]
)
def test_cell_that_a_spreadsheet_would_run_is_only_shown(dangerous: str) -> None:
    assert runs(dangerous)
    assert safe_cell(dangerous).startswith("'")


@pytest.mark.parametrize("harmless", ["Glenmarnoch Academy", "a=b", "St Mary's", "R-ABC", ""])
def test_ordinary_cell_is_left_as_it_is(harmless: str) -> None:
    assert not runs(harmless)
    assert safe_cell(harmless) == harmless


def test_line_breaks_and_control_characters_go() -> None:
    assert one_line("a\r\nb\rc\nd\te\x00\x07f\x0bg") == "a b c d efg"
