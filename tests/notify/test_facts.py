"""The programme's facts: what is shipped, and every mistake with file and line."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mailroom.errors import ProgrammeError
from notify.facts import Reminder, load_facts

FOLDER = Path(__file__).parents[2] / "programme"
PROGRAMME = "name: N\nshort_name: SN\norganisation: O\nyear: 2021–22\ntime_zone: Europe/London\npage: null\ncontact: C\nwhat_a_cluster_is: W\nsupport: S\n"
ACTIVITIES = "activities:\n  - id: one\n    label: One\n    description: The first.\n"
SESSIONS = "sessions:\n  - id: 2022-07-01\n    title: T\n    starts: 2022-07-01 14:00\n    ends: 2022-07-01 15:30\n    places: 20\n"
EMPLOYERS = "domains: [sch.uk, Angus.gov.uk]\nsession_title: Training\n"


def write(folder: Path, **files: str) -> Path:
    for name, text in {"programme": PROGRAMME, "activities": ACTIVITIES, "sessions": SESSIONS, "employers": EMPLOYERS, **files}.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def test_the_shipped_facts() -> None:
    facts = load_facts(FOLDER)
    assert [activity.id for activity in facts.activities] == [
        "existing_collaborative",
        "existing_individual",
        "proposed_collaborative",
        "learning_collaborative",
    ]
    first, second = facts.sessions
    assert (first.id, first.when) == ("2022-01-19", "Wednesday 19 January 2022, 14:00–15:30")
    assert (second.id, second.when) == ("2022-01-25", "Tuesday 25 January 2022, 15:30–17:00")
    assert second.starts.astimezone(UTC) == datetime(2022, 1, 25, 15, 30, tzinfo=UTC)
    assert first.places is None
    assert facts.activity("existing_individual").label
    assert facts.session("2022-01-25") is second


def test_times_are_uk_time_in_summer_too(tmp_path: Path) -> None:
    (session,) = load_facts(write(tmp_path)).sessions
    assert session.id == "2022-07-01"
    assert session.starts.utcoffset() == timedelta(hours=1)
    assert session.closes == session.starts
    assert session.is_open(session.closes - timedelta(seconds=1))
    assert not session.is_open(session.closes)
    assert session.is_open(None)
    assert session.places == 20


@pytest.mark.parametrize(
    ("address", "employer"),
    [
        ("a.reid@sch.uk", True),
        ("a.reid@ea.fife.sch.uk", True),
        ("A.Reid@ANGUS.GOV.UK", True),
        ("a.reid@angus.gov.uk.", True),
        ("a.reid@gov.uk", False),
        ("a.reid@notsch.uk", False),
        ("sch.uk@example.net", False),
        ("sch.uk", True),
        ("", False),
    ],
)
def test_an_employer_s_domain_and_those_below_it(tmp_path: Path, address: str, employer: bool) -> None:
    assert load_facts(write(tmp_path)).is_employer(address) is employer


@pytest.mark.parametrize("column", ["authorities.csv", "colleges.csv"])
def test_every_domain_that_the_reading_knows_for_an_employer_s_is_one_here(column: str) -> None:
    """The two lists serve two stages; a council or college that is added to one must not be forgotten in the other."""
    facts = load_facts(FOLDER)
    with (FOLDER / column).open(encoding="utf-8", newline="") as file:
        domains = [domain for row in csv.DictReader(file) for domain in row["domains"].split("|") if domain]
    assert len(domains) > 20
    assert [domain for domain in domains if not facts.is_employer(f"a.reid@{domain}")] == []


@pytest.mark.parametrize("address", ["a@gmail.com", "a@hotmail.co.uk", "a@btinternet.com", "a@outlook.com", "a@icloud.com", "a@example.org"])
def test_private_addresses_are_no_employer_s(address: str) -> None:
    assert not load_facts(FOLDER).is_employer(address)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("programme", "name: N", "nmae: N", "programme.yaml, line 1: unknown key «nmae»; did you mean «name»?"),
        ("programme", "contact: C", "contact: 7", "programme.yaml, line 7: «contact» should be a text; 7 is none"),
        ("programme", "contact: C\n", "", "programme.yaml, line 1: «contact» should be a text"),
        ("programme", "page: null", "page: javascript:alert(1)", "«page» should be a web address"),
        ("programme", "page: null", "page: 'https://x.example/\"><script>'", "«page» should be a web address"),
        ("programme", "Europe/London", "Europe/Londres", "«time_zone: Europe/Londres» is no time zone"),
        ("programme", "Europe/London", "../etc", "is no time zone"),
        ("programme", "contact: C", "contact: [", "programme.yaml, line 9: not valid YAML"),
        ("activities", "id: one", "id: one\n    label: One", "activities.yaml, line 4: not valid YAML: key «label» is there twice"),
        ("activities", "label: One", "lable: One", "activities.yaml, line 3: unknown key «lable»; did you mean «label»?"),
        ("activities", "  - id: one", "  - id: one\n    label: A\n    description: B\n  - id: one", "activities.yaml, line 5: the id «one» is used twice"),
        ("activities", "  - id: one", "  - identity: one", "activities.yaml, line 2: each entry needs an id"),
        ("activities", ACTIVITIES, "activities: []\n", "activities.yaml, line 1: «activities» should be a list"),
        ("activities", ACTIVITIES, "activities: [one]\n", "an entry of «activities» should have keys"),
        ("sessions", "places: 20", "places: many", "sessions.yaml, line 6: session «2022-07-01»: «places» should be a number"),
        ("sessions", "places: 20", "places: 0", "«places» should be a number"),
        ("sessions", "places: 20", "place: 20", "sessions.yaml, line 6: «place» should be a text; 20 is none"),
        ("sessions", "places: 20", "join: http://x.example", "sessions.yaml, line 6: «join» should be a web address that starts with https://"),
        ("sessions", "places: 20", "join: https://x.example/é", "sessions.yaml, line 6: «join» should be a web address"),
        ("sessions", "places: 20", "revision: -1", "sessions.yaml, line 6: session «2022-07-01»: «revision» should be a number from 0"),
        ("employers", "domains:", "domain:", "employers.yaml, line 1: unknown key «domain»; did you mean «domains»?"),
        ("employers", "[sch.uk, Angus.gov.uk]", "sch.uk", "employers.yaml, line 1: «domains» should be a list"),
        ("employers", "sch.uk", "teacher@sch.uk", "employers.yaml, line 1: «domains»: 'teacher@sch.uk' is no domain"),
        ("employers", "sch.uk", "uk", "employers.yaml, line 1: «domains»: 'uk' is no domain"),
        ("employers", "Training", "7", "employers.yaml, line 2: «session_title» should be a text"),
        ("sessions", "places: 20", "closes: 2022-07-02 12:00", "sign-up closes after its end"),
        ("sessions", "places: 20", "reminders: 7d", "sessions.yaml, line 6: «reminders» should be a list of times before the session"),
        ("sessions", "places: 20", "reminders: [7]", "sessions.yaml, line 6: «reminders»: 7 should be days or hours before the session, such as 7d or 2h"),
        ("sessions", "places: 20", "reminders: [1d, 24h]", "«reminders»: 24h is there twice"),
        ("sessions", "ends: 2022-07-01 15:30", "ends: 2022-07-01 13:30", "session «2022-07-01» ends before it starts"),
        ("sessions", "ends: 2022-07-01 15:30", "ends: half past three", "«ends» should be a day and time such as"),
        ("sessions", "starts: 2022-07-01 14:00", "starts: 2022-07-01", "«starts» should be a day and time such as"),
        ("sessions", "starts: 2022-07-01 14:00", "starts: 2022-13-01 14:00:00", "sessions.yaml: not valid YAML"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(tmp_path: Path, name: str, old: str, new: str, message: str) -> None:
    good = {"programme": PROGRAMME, "activities": ACTIVITIES, "sessions": SESSIONS, "employers": EMPLOYERS}[name]
    assert old in good
    with pytest.raises(ProgrammeError) as caught:
        load_facts(write(tmp_path, **{name: good.replace(old, new)}))
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "sessions.yaml").unlink()
    with pytest.raises(ProgrammeError, match=r"sessions\.yaml: the file is not there"):
        load_facts(tmp_path)


def test_an_id_that_no_file_lists_is_a_mistake_in_the_programme() -> None:
    facts = load_facts(FOLDER)
    with pytest.raises(ProgrammeError, match=r"activities\.yaml: a rule names the activity «juggling»"):
        facts.activity("juggling")
    with pytest.raises(ProgrammeError, match=r"sessions\.yaml: a rule names the session «2022-02-30»"):
        facts.session("2022-02-30")


@pytest.mark.parametrize(
    ("starts", "reminder", "due"),
    [
        ("2022-01-19T14:00", "7d", "2022-01-12T14:00+00:00"),
        ("2022-03-27T14:00", "1d", "2022-03-26T14:00+00:00"),  # the clocks go forward in between: 23 hours, and still at two o'clock
        ("2022-03-27T14:00", "24h", "2022-03-26T13:00+00:00"),
        ("2022-10-30T14:00", "1d", "2022-10-29T14:00+01:00"),  # and back: 25 hours
        ("2022-10-30T14:00", "24h", "2022-10-29T15:00+01:00"),
        ("2022-03-28T01:30", "1d", "2022-03-27T01:30+00:00"),  # a time that this day does not have is half past two by its clocks
        ("2022-10-31T01:30", "1d", "2022-10-30T01:30+01:00"),  # one that it has twice is the first
        ("2022-10-30T02:30", "2h", "2022-10-30T00:30+00:00"),
    ],
)
def test_a_reminder_keeps_to_the_clock_on_the_wall_and_one_of_hours_to_the_hours(starts: str, reminder: str, due: str) -> None:
    start = datetime.fromisoformat(starts).replace(tzinfo=ZoneInfo("Europe/London"))
    length = timedelta(days=int(reminder[:-1])) if reminder.endswith("d") else timedelta(hours=int(reminder[:-1]))
    assert Reminder(name=reminder, length=length).due(start).astimezone(UTC) == datetime.fromisoformat(due).astimezone(UTC)


def test_a_session_s_own_reminders_go_before_those_of_all(tmp_path: Path) -> None:
    """Sorted, the earliest first; an empty list is none."""
    several = "reminders: [1d, 7d]\n" + SESSIONS
    assert [one.name for one in load_facts(write(tmp_path, sessions=several)).sessions[0].reminders] == ["7d", "1d"]
    own = several.replace("places: 20", "places: 20\n    reminders: [2h]")
    assert [one.name for one in load_facts(write(tmp_path, sessions=own)).sessions[0].reminders] == ["2h"]
    none = several.replace("places: 20", "places: 20\n    reminders: []")
    assert load_facts(write(tmp_path, sessions=none)).sessions[0].reminders == ()
