"""The programme's map of councils: all of them once, and every slip told with its line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mailroom.checks import run_checks
from mailroom.config import load_config
from mailroom.errors import ProgrammeError
from mailroom.officework.tiles import load_tiles
from parse.authorities import Authorities

PROGRAMME = Path(__file__).parents[2] / "programme"


def test_the_map_has_every_council_once_and_no_hole_between_two_halves() -> None:
    tiles = load_tiles(PROGRAMME / "council_tiles.csv", Authorities.load(PROGRAMME).names)
    assert len(tiles) == 32 == len({(tile.row, tile.column) for tile in tiles}) == len({tile.short for tile in tiles})
    assert {tile.council for tile in tiles} == set(Authorities.load(PROGRAMME).names)
    assert {tile.row for tile in tiles} == set(range(8)) and {tile.column for tile in tiles} == set(range(6))


def test_a_programme_without_a_map_has_none(tmp_path: Path) -> None:
    assert load_tiles(tmp_path / "council_tiles.csv", ["Fife"]) == ()


@pytest.mark.parametrize(
    ("rows", "line", "says"),
    [
        ("council,row\nFife,1\n", 1, "columns"),
        ("council,short,row,column\nFyfe,F,1,1\n", 2, "no council"),
        ("council,short,row,column\nFife,F,1,1\nFife,F,1,2\n", 3, "already"),
        ("council,short,row,column\nFife,F,1,-1\n", 2, "row and a column"),
        ("council,short,row,column\nFife,,1,1\n", 2, "short name"),
        ("council,short,row,column\nFife,F,1\n", 2, "row and a column"),
        ("council,short,row,column\nFife,F,1,1\nAngus,A,1,1\n", 3, "lies where"),
    ],
)
def test_a_slip_in_the_map_is_told_with_its_line(tmp_path: Path, rows: str, line: int, says: str) -> None:
    path = tmp_path / "council_tiles.csv"
    path.write_text(rows, encoding="utf-8")
    with pytest.raises(ProgrammeError, match=says) as told:
        load_tiles(path, ["Fife", "Angus"])
    assert f"council_tiles.csv:{line}" in str(told.value).replace(", line ", ":")


def test_check_tells_of_the_map_and_of_a_slip_in_it(tmp_path: Path) -> None:
    shutil.copytree(PROGRAMME, tmp_path / "programme")
    (tmp_path / "mail").mkdir()
    config = tmp_path / "config.yaml"
    config.write_text(
        'mailboxes: [{name: programme, folder: mail}]\nreplies: {from: "CAR <car@union.example>"}\nprogramme: {folder: programme}\n', encoding="utf-8"
    )
    assert "the desk's map has 32 councils" in [finding.text for finding in run_checks(load_config(config)) if finding.ok]
    with (tmp_path / "programme/council_tiles.csv").open("a", encoding="utf-8") as file:
        file.write("Atlantis,Atl,9,9\n")
    told = [finding.text for finding in run_checks(load_config(config)) if finding.part == "programme"]
    assert len(told) == 1 and "council_tiles.csv" in told[0] and "Atlantis" in told[0]
