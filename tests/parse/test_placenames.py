"""Slips of the pen in place names, told without any school list."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailroom.errors import ProgrammeError
from parse.placenames import PlaceNames

PROGRAMME = Path(__file__).parents[2] / "programme"


@pytest.fixture(scope="module")
def names() -> PlaceNames:
    return PlaceNames.load(PROGRAMME)


@pytest.mark.parametrize(
    ("core", "meant"),
    [
        (("tillycoultry",), ("tillicoultry",)),
        (("kirkcladdy", "north"), ("kirkcaldy", "north")),
        (("st", "jospehs"), ("st", "joseph")),
        (("tillicoultry",), None),
        (("st", "josephs"), None),
        (("glenmarnoch",), None),
        (("alva",), None),
    ],
)
def test_meant(names: PlaceNames, core: tuple[str, ...], meant: tuple[str, ...] | None) -> None:
    """A word a letter or two from a known place is put right; known, short and quite other words are left."""
    assert names.meant(core) == meant


def test_no_file_knows_nothing(tmp_path: Path) -> None:
    """Without the file no name is called a slip."""
    assert PlaceNames.load(tmp_path).meant(("tillycoultry",)) is None


def test_mistake_names_file_and_line(tmp_path: Path) -> None:
    """A row with too many cells is a ProgrammeError that says where."""
    (tmp_path / "placenames.csv").write_text("source,names\nmine,Alva,Dollar\n", encoding="utf-8")
    with pytest.raises(ProgrammeError, match=r"placenames\.csv.*2"):
        PlaceNames.load(tmp_path)
