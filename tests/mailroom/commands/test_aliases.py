"""`mailroom aliases` by the real command: tried, added, listed, exported, forgotten; refusals in words."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.installation import Installation

LETTER = """From: Rory Bell <rory@mail.example>
To: car@union.example
Subject: Action research
Date: Mon, 10 Jan 2022 09:00:00 +0000

I teach at WHS. We are a group of colleagues already doing research together on reading for pleasure. I would like to register.
"""


@pytest.fixture
def home(installation: Callable[..., Installation], tmp_path: Path) -> Installation:
    """One letter, asked about; the list has one school that these initials fit."""
    box, schools = tmp_path / "box", tmp_path / "schools.csv"
    box.mkdir()
    (box / "1.eml").write_text(LETTER, encoding="utf-8")
    schools.write_text("name,authority,sector\nWick High School,Highland,secondary\n", encoding="utf-8")
    made = installation("teaching")
    made.write(mailbox=f"folder: {box}", smtp_port=None, mode="hold", schools=str(schools))
    made.poll()
    return made


def test_an_alias_from_the_first_try_to_the_last_word(home: Installation) -> None:
    school = "Wick High School"
    tried = home.run("aliases", "add", "WHS", school, "--stands-in", "Highland", "--try").stdout
    assert "It would not change the one other message." not in tried
    assert school in tried
    assert home.run("aliases", "list").stdout.strip() == "nothing is remembered yet"
    assert home.run("aliases", "add", "WHS", school, "--stands-in", "Highland", "--by", "m.reid").stdout == "Remembered: «WHS» means Wick High School.\n"
    [one] = json.loads(home.run("aliases", "list", "--json").stdout)
    assert (one["id"], one["kind"], one["written"], one["means"], one["council"], one["made_by"], one["hits"]) == (
        1,
        "institution",
        "WHS",
        school,
        "",
        "m.reid",
        0,
    )
    rows = list(csv.DictReader(io.StringIO(home.run("aliases", "export").stdout)))
    assert rows == [{"kind": "institution", "written": "WHS", "means": school, "council": "", "stands_in": "Highland"}]
    (Path(home.home).parent / "box" / "2.eml").write_text(LETTER.replace("Rory Bell <rory", "Anne Reid <anne"), encoding="utf-8")
    home.poll()
    states = {row["member"]["name"]: (row["state"], row["institutions"], row["authorities"]) for row in home.register()}
    assert states == {"Rory Bell": ("ask_member", [], []), "Anne Reid": ("registered", [school], ["Highland"])}
    assert json.loads(home.run("aliases", "list", "--json").stdout)[0]["hits"] == 1
    assert home.run("aliases", "forget", "1", "--by", "a.bell").stdout == "Forgotten: «WHS» means Wick High School.\n"
    assert json.loads(home.run("aliases", "list", "--json").stdout) == []
    [kept] = json.loads(home.run("aliases", "list", "--all", "--json").stdout)
    assert kept["forgotten_by"] == "a.bell"


def test_refusals_are_one_sentence_and_exit_status_1(home: Installation) -> None:
    for arguments, why in (
        (("add", "HS", "Wick High School"), "too short"),
        (("add", "gmail.com", "Wick High School", "--kind", "domain"), "anybody may have an address"),
        (("forget", "7"), "no remembered alias 7"),
    ):
        refused = home.run("aliases", *arguments, "--by", "m.reid", ok=False)
        assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
        assert why in refused.stderr


def test_evaluate_measures_by_the_corrections_and_keeps_what_came_of_it(home: Installation) -> None:
    """Wrong before it is remembered, right after; the desk has the last measurement."""
    from store import Store

    [row] = home.register()
    home.run("register", "correct", row["id"], "--institution", "Wick High School", "--authority", "Highland", "--by", "m.reid")
    before = json.loads(home.run("evaluate", "--json").stdout)
    assert before["differences"][row["id"]]["institutions"]["found"] == []
    home.run("aliases", "add", "WHS", "Wick High School", "--stands-in", "Highland", "--by", "m.reid")
    after = json.loads(home.run("evaluate", "--json").stdout)
    assert "institutions" not in after["differences"].get(row["id"], {})
    assert before["rules_version"] != after["rules_version"]
    with Store(f"sqlite:///{home.home}/mailroom.db", read_only=True) as store:
        [case] = store.regression_cases()
    assert (case.registration_id, case.rules_version, case.wrong) == (row["id"], after["rules_version"], {})
