"""How long the register's exports take, when their first byte leaves, and how much memory they need; beside openpyxl's streaming mode.

    python -m bench.exports [--url sqlite:////path/to/mailroom.db] [--rows 100000]

With an address, the rows are those of that store (it is only read), by the verb that the desk uses; without one they are
made up. Each is measured in a process of its own; memory is what the process had at most beyond what it had before.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from desk.exporting import as_csv, as_xlsx, cell
from desk.filtering import COLUMNS
from desk.office import Choice, Words
from store import RegistrationLine, RegistrationState, Store

WAYS = ("csv", "xlsx", "openpyxl")
ZONE = ZoneInfo("Europe/London")
WORDS = Words(
    programme="Programme",
    timezone="Europe/London",
    activities=(Choice(id="existing_collaborative", label="A research group that is already running"),),
    sessions=(Choice(id="2022-01-19", label="Facilitator training, Wednesday 19 January 2022, 14:00–15:30"),),
    councils=(Choice(id="Fife", label="Fife"),),
    themes=(),
)


def made_up(rows: int) -> Iterator[RegistrationLine]:
    begun = datetime(2022, 1, 10, 9, 30, tzinfo=UTC)
    line = RegistrationLine(
        id="R-AAAAAAAAAAAAAAAA",
        member_name="",
        member_address="",
        state=RegistrationState.REGISTERED,
        institutions=("Whinhill Academy",),
        councils=("Fife",),
        activities=("existing_collaborative",),
        topics=("reading for pleasure", "play & talk"),
        sessions=("2022-01-19",),
        missing=(),
        messages=2,
        revision=1,
        received_at=begun,
        updated_at=begun,
    )
    for number in range(rows):
        yield replace(
            line, member_name=f"Ailsa Begg {number}", member_address=f"ailsa{number}@mail.example", received_at=begun + timedelta(minutes=number * 7 % 500_000)
        )


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(way: str, url: str, rows: int) -> None:
    store = Store(url, read_only=True) if url else None
    if store is not None:  # what a connection and its statements take is not the export's
        next(store.each_registration(), None)
    lines = store.each_registration() if store is not None else made_up(rows)
    columns = tuple(COLUMNS)
    before, began = peak(), time.monotonic()
    first, size, count = 0.0, 0, 0

    def counted() -> Iterator[RegistrationLine]:
        nonlocal count
        for line in lines:
            count += 1
            yield line

    if way == "openpyxl":
        import openpyxl

        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("Register")
        for line in counted():
            values = [cell(line, column, WORDS) for column in columns]
            sheet.append([value.astimezone(ZONE).replace(tzinfo=None) if isinstance(value, datetime) else value for value in values])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "register.xlsx"
            book.save(path)
            first, size = time.monotonic() - began, path.stat().st_size
    else:
        for piece in (as_csv if way == "csv" else as_xlsx)(counted(), columns, WORDS, ZONE):
            first = first or time.monotonic() - began
            size += len(piece)
    took = time.monotonic() - began
    print(f"{way:9} {count:>9,} rows {took:7.1f} s   first byte {first:6.2f} s   {size / 1e6:6.1f} MB   memory +{(peak() - before) / 1024:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--way", choices=WAYS)
    given = parser.parse_args()
    if given.way:
        measure(given.way, given.url, given.rows)
        return
    for way in WAYS:
        subprocess.run([sys.executable, "-m", "bench.exports", "--way", way, "--url", given.url, "--rows", str(given.rows)], check=True)


if __name__ == "__main__":
    main()
