"""`mailroom sessions`: how full each session is, and who asked for it in the order of asking.

Who counts: every registration that names the session and is not withdrawn (docs/adr/0012). The roster is personal
data, as the export of the register is; its CSV is as safe to open in a spreadsheet.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import IO, TYPE_CHECKING, Any

import click

from mailroom.cells import safe_cell
from mailroom.errors import MailroomError
from mailroom.show import PLACE_WORDS, STATE_WORDS, table, when
from store import PlaceState

if TYPE_CHECKING:
    from notify.facts import Facts
    from store import Store

__all__ = ["print_roster", "print_sessions", "roster_rows", "session_rows", "write_rows"]


def session_rows(store: Store, facts: Facts) -> list[dict[str, Any]]:
    """A row for each session of the programme, then for those that it no longer lists but somebody asked for."""
    counted = Counter((place.session, place.state) for _, place in store.roster())
    known = {session.id: session for session in facts.sessions}
    others = sorted({session for session, _ in counted} - known.keys())
    rows = []
    for id in (*known, *others):
        session = known.get(id)
        places = session.places if session is not None else None
        taken, waiting = counted[id, PlaceState.PLACE], counted[id, PlaceState.WAITING]
        rows.append(
            {
                "session": id,
                "title": session.title if session is not None else "",
                "when": session.when if session is not None else "(not in sessions.yaml any more)",
                "starts": session.starts.isoformat() if session is not None else None,
                "places": places,
                "taken": taken,
                "free": max(0, places - taken) if places is not None else None,
                "waiting": waiting,
                "late": counted[id, PlaceState.LATE],
            }
        )
    return rows


def roster_rows(store: Store, facts: Facts, session: str | None) -> list[dict[str, Any]]:
    """A row for each member who asked, in the order of asking; of one session or of all."""
    if session is not None and session not in {one.id for one in facts.sessions} and not store.roster(session):
        raise MailroomError(f"there is no session «{session}»; there are {', '.join(one.id for one in facts.sessions)}")
    return [
        {
            "session": place.session,
            "name": registration.member_name,
            "school": "; ".join(registration.values_of("institution")),
            "address": registration.member_address,
            "asked_at": place.asked_at.isoformat(),
            "state": str(place.state),
            "registration_state": str(registration.state),
            "registration": registration.id,
        }
        for registration, place in store.roster(session)
    ]


def print_sessions(rows: Iterable[dict[str, Any]]) -> None:
    rows = list(rows)
    shown = [
        (
            row["session"],
            row["when"],
            "no limit" if row["places"] is None else str(row["places"]),
            str(row["taken"]),
            "-" if row["free"] is None else str(row["free"]),
            str(row["waiting"]),
            str(row["late"]),
        )
        for row in rows
    ]
    table(("session", "when", "places", "taken", "free", "waiting", "too late"), shown)
    for row in rows:
        if row["free"] and row["waiting"]:
            click.echo(
                f"{row['session']}: {row['free']} free while {row['waiting']} wait; "
                f"see «mailroom sessions {row['session']}», then «mailroom sessions {row['session']} --give REGISTRATION»"
            )


def print_roster(rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        click.echo("Nobody has asked for this session.")
        return
    table(
        ("", "member", "school or college", "address", "asked", "place", "state", "id"),
        [
            (
                str(number),
                row["name"] or "-",
                row["school"] or "?",
                row["address"],
                when(row["asked_at"]),
                PLACE_WORDS[row["state"]],
                STATE_WORDS[row["registration_state"]],
                row["registration"],
            )
            for number, row in enumerate(rows, 1)
        ],
    )


def write_rows(rows: Sequence[dict[str, Any]], form: str, out: IO[str]) -> None:
    """As JSON lines, or as CSV with a line of headings even where nobody asked."""
    if form == "jsonl":
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
        return
    columns = tuple(rows[0]) if rows else ("session", "name", "school", "address", "asked_at", "state", "registration_state", "registration")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow("" if row[column] is None else safe_cell(str(row[column])) for column in columns)
