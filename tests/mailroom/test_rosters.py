"""`mailroom sessions`, by the real command over a register that real mail has made."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailroom.sink import Sink
from tests.fixtures.installation import Installation
from tests.fixtures.sessions import TUE, WED, Desk, members, open_desk, sessions_yaml

ANNA, BEN, CARA = members("Anna", "Ben", "Cara")


@pytest.fixture
def desk(tmp_path: Path, smtp_sink: Sink) -> Iterator[Desk]:
    """Three who want the one place of a session that is far away: it starts in 2122, since the command's clock is the real one."""
    sessions = sessions_yaml(wed=1).replace("2022-01-19 ", "2122-01-19 ")
    with open_desk(tmp_path, smtp_sink, sessions=sessions) as opened:
        for member in (ANNA, BEN, CARA):
            opened.deliver(member, session="Wednesday 19 January")
        opened.deliver('"=cmd|calc" <dan@mailbox.example>', session="Tuesday 25 January")
        opened.round()
        yield opened


@pytest.fixture
def run(desk: Desk) -> Installation:
    return Installation(desk.folder)


def test_how_full_each_session_is(run: Installation) -> None:
    rows = json.loads(run.run("sessions", "--json").stdout)
    assert [(r["session"], r["places"], r["taken"], r["free"], r["waiting"], r["late"]) for r in rows] == [(TUE, None, 1, None, 0, 0), (WED, 1, 1, 0, 2, 0)]
    shown = run.run("sessions").stdout
    assert "19 January 2122, 14:00–15:30" in shown
    assert "no limit" in shown


def spreadsheet(run: Installation, session: str) -> str:
    """The CSV, which begins with the mark by which Excel knows UTF-8."""
    text = run.run("sessions", session, "--format", "csv").stdout
    assert text.startswith("\ufeffsession,")
    return text.removeprefix("\ufeff")


def test_who_asked_in_the_order_of_asking(run: Installation) -> None:
    rows = list(csv.DictReader(io.StringIO(spreadsheet(run, WED))))
    assert [(r["name"], r["address"], r["state"]) for r in rows] == [
        ("Anna Rae", "anna@mailbox.example", "place"),
        ("Ben Rae", "ben@mailbox.example", "waiting"),
        ("Cara Rae", "cara@mailbox.example", "waiting"),
    ]
    assert [r["school"] for r in rows] == ["Glenmarnoch Academy"] * 3
    assert [r["asked_at"] for r in rows] == [f"2022-01-10T09:00:0{second}+00:00" for second in (1, 2, 3)]
    everybody = [json.loads(line) for line in run.run("sessions", "--everybody", "--format", "jsonl").stdout.splitlines()]
    assert [r["session"] for r in everybody] == [WED] * 3 + [TUE]
    assert "waits for a place" in run.run("sessions", WED).stdout


def test_a_cell_that_a_spreadsheet_would_run_is_shown_instead(run: Installation) -> None:
    [row] = csv.DictReader(io.StringIO(spreadsheet(run, TUE)))
    assert row["name"] == "'=cmd|calc"


def test_a_place_is_given_in_one_command_and_the_letter_goes_out(run: Installation, desk: Desk) -> None:
    ids = [r["registration"] for r in json.loads(run.run("sessions", WED, "--json").stdout)]
    assert run.run("sessions", WED, "--give", ids[2]).stdout == f"{ids[2]} has a place in {WED} now; they are told at the next round\n"
    refused = run.run("sessions", WED, "--give", "cara@mailbox.example", ok=False)  # an address names it as well
    assert (refused.returncode, "has a place in «2022-01-19» already" in refused.stderr) == (1, True)
    run.run("poll")
    assert [str(m["Subject"]).partition(":")[0] for m in desk.sent(to="cara")][1:] == ["There is a place for you"]
    assert [r["state"] for r in json.loads(run.run("sessions", WED, "--json").stdout)] == ["place", "waiting", "place"]


def test_mistakes_are_told_in_words(run: Installation) -> None:
    for arguments, says in (
        (("sessions", "2022-02-30"), "there is no session «2022-02-30»; there are 2022-01-25, 2022-01-19"),
        (("sessions", "none", "--give", "R-AAAAAAAAAAAAAAAA"), "there is no session «none»"),
        (("sessions", WED, "--give", "R-AAAAAAAAAAAAAAAA"), "there is no registration R-AAAAAAAAAAAAAAAA"),
        (("sessions", TUE, "--give", "R-AAAAAAAAAAAAAAAA"), "the session «2022-01-25» has begun"),
        (("sessions", "--give", "R-AAAAAAAAAAAAAAAA"), "--give needs a SESSION"),
    ):
        done = run.run(*arguments, ok=False)
        assert done.returncode in (1, 2)
        assert says in done.stderr, done.stderr
