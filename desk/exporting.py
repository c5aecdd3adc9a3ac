"""The register as it is shown, as a file: the same filter, the same order, the same columns.

``cells`` is what a line has in each column, for the page and for both kinds of file. Both are streamed: memory stays
flat with any number of rows. CSV has a byte order mark, because Excel takes it for something older than UTF-8
without one, and times as 2022-01-18 14:05, which no spreadsheet can take for another day. What a spreadsheet would
run is made harmless in both (``mailroom.cells``, ``desk.workbook``).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from desk.filtering import COLUMNS, label_of
from desk.office import Words
from desk.words import FIELD_WORDS, STATE_WORDS
from desk.workbook import Cell, Head, workbook
from mailroom.cells import safe_cell
from store import RegistrationLine

__all__ = ["as_csv", "as_xlsx", "cell"]

_CHUNK = 64 * 1024


def cell(line: RegistrationLine, column: str, words: Words) -> Cell:
    """What a line has in a column."""
    match column:
        case "name":
            return line.member_name
        case "address":
            return line.member_address
        case "school":
            return "; ".join(line.institutions)
        case "council":
            return "; ".join(label_of(words.councils, council) for council in line.councils)
        case "activity":
            return "; ".join(label_of(words.activities, activity) for activity in line.activities)
        case "topic":
            return "; ".join(line.topics)
        case "session":
            return "; ".join(label_of(words.sessions, session) for session in line.sessions)
        case "state":
            return STATE_WORDS[line.state]
        case "missing":
            return "; ".join(FIELD_WORDS.get(field, field) for field in line.missing)
        case "messages":
            return line.messages
        case "received":
            return line.received_at
        case "changed":
            return line.updated_at
        case _:
            return line.id


def as_csv(lines: Iterable[RegistrationLine], columns: Sequence[str], words: Words, zone: ZoneInfo) -> Iterator[bytes]:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    text.write("\ufeff")
    writer.writerow(COLUMNS[column].label for column in columns)
    for line in lines:
        writer.writerow(_csv_cell(cell(line, column, words), zone) for column in columns)
        if text.tell() >= _CHUNK:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _csv_cell(value: Cell, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
    return safe_cell("" if value is None else str(value))


def as_xlsx(lines: Iterable[RegistrationLine], columns: Sequence[str], words: Words, zone: ZoneInfo) -> Iterator[bytes]:
    heads = [Head(COLUMNS[column].label, COLUMNS[column].width) for column in columns]
    return workbook("Register", heads, ([cell(line, column, words) for column in columns] for line in lines), zone)
