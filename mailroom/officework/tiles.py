"""The map of equal tiles, one for each council, as the programme's ``council_tiles.csv`` arranges them.

A programme folder without that file has no map: its councils are drawn as bars alone.
"""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path

from desk.office import Tile
from mailroom.errors import ProgrammeError

__all__ = ["load_tiles"]

_COLUMNS = ["council", "short", "row", "column"]
_MOST = 40  # rows or columns


def load_tiles(path: Path, councils: Collection[str]) -> tuple[Tile, ...]:
    """Raises ProgrammeError for a council that there is not, one named twice, and two on one place."""
    if not path.is_file():
        return ()
    found: dict[str, Tile] = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames != _COLUMNS:
            raise ProgrammeError(path.name, 1, f"its columns should be {', '.join(_COLUMNS)}")
        for line, row in enumerate(rows, start=2):
            council, short = (row["council"] or "").strip(), (row["short"] or "").strip()
            if council not in councils:
                raise ProgrammeError(path.name, line, f"«{council}» is no council of authorities.csv")
            if council in found:
                raise ProgrammeError(path.name, line, f"«{council}» is on the map already")
            where = [_number(row[name]) for name in ("row", "column")]
            if not short or None in where:
                raise ProgrammeError(path.name, line, f"«{council}» needs a short name, and a row and a column from 0 to {_MOST - 1}")
            tile = Tile(council=council, short=short, row=where[0] or 0, column=where[1] or 0)
            if other := next((one.council for one in found.values() if (one.row, one.column) == (tile.row, tile.column)), None):
                raise ProgrammeError(path.name, line, f"«{council}» lies where «{other}» is")
            found[council] = tile
    return tuple(found.values())


def _number(text: str | None) -> int | None:
    written = (text or "").strip()
    return int(written) if written.isascii() and written.isdigit() and int(written) < _MOST else None
