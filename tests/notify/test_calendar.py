"""Calendar files, opened by parsers that are not the writer's: vobject and ics, both over dateutil."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import ics
import pytest
import vobject
from dateutil import tz

from notify.calendar import calendar_file, session_uid
from notify.facts import Session, load_facts

FACTS = load_facts(Path(__file__).parents[2] / "programme")
LONDON = ZoneInfo("Europe/London")
DATE = datetime(2022, 1, 10, 9, 30, 15, 250, tzinfo=UTC)


def session(starts: str, zone: ZoneInfo = LONDON, **changes: object) -> Session:
    start = datetime.fromisoformat(starts).replace(tzinfo=zone)
    values = {"id": "one", "title": "Facilitator training", "starts": start, "ends": start + timedelta(minutes=90), "closes": start, "places": None}
    return Session(**{**values, **changes})  # type: ignore[arg-type]


def made(one: Session, *, employer_address: bool = False, date: datetime = DATE) -> bytes:
    return calendar_file(one, FACTS, organiser="car@union.example", date=date, employer_address=employer_address)


@pytest.mark.parametrize(
    ("starts", "utc"),
    [
        ("2022-01-19 14:00", datetime(2022, 1, 19, 14, 0, tzinfo=UTC)),
        ("2022-01-25 15:30", datetime(2022, 1, 25, 15, 30, tzinfo=UTC)),
        ("2022-06-15 16:00", datetime(2022, 6, 15, 15, 0, tzinfo=UTC)),
        ("2022-03-26 10:00", datetime(2022, 3, 26, 10, 0, tzinfo=UTC)),  # the day before the clocks go forward
        ("2022-03-27 10:00", datetime(2022, 3, 27, 9, 0, tzinfo=UTC)),
        ("2022-10-29 10:00", datetime(2022, 10, 29, 9, 0, tzinfo=UTC)),
        ("2022-10-30 10:00", datetime(2022, 10, 30, 10, 0, tzinfo=UTC)),
        ("2022-01-01 00:30", datetime(2022, 1, 1, 0, 30, tzinfo=UTC)),
        ("2022-12-31 23:30", datetime(2022, 12, 31, 23, 30, tzinfo=UTC)),
    ],
)
def test_other_programs_read_the_right_moment(starts: str, utc: datetime) -> None:
    text = made(session(starts)).decode()
    calendar = vobject.readOne(text)
    event = calendar.vevent
    assert calendar.method.value == "PUBLISH"
    assert event.dtstart.value.astimezone(UTC) == utc
    assert event.dtend.value.astimezone(UTC) == utc + timedelta(minutes=90)
    (read,) = ics.Calendar(text).events
    assert read.begin.astimezone(UTC) == utc
    assert read.end.astimezone(UTC) == utc + timedelta(minutes=90)
    assert f"DTSTART;TZID=Europe/London:{starts.replace('-', '').replace(' ', 'T').replace(':', '')}00\r\n" in text  # local time, not UTC


@pytest.mark.parametrize(
    ("zone", "by_rule"),
    [
        ("Europe/London", True),
        ("Europe/Dublin", True),  # winter is the exception there
        ("America/New_York", True),  # second Sunday, first Sunday
        ("Australia/Lord_Howe", True),  # half an hour, and summer over New Year
        ("Asia/Kolkata", True),  # the clocks never change
        ("Africa/Casablanca", False),  # by the moon: no yearly rule
    ],
)
def test_the_zone_travels_with_its_own_rules(zone: str, by_rule: bool) -> None:
    """Each hour of the year, by the file's VTIMEZONE alone, is what the system's zone says."""
    text = made(session("2022-05-01 12:00", ZoneInfo(zone))).decode()
    assert ("RDATE" in text) is not by_rule
    read = tz.tzical(io.StringIO(text)).get(zone)
    hour = datetime(2022, 1, 1, tzinfo=UTC)
    while hour.year == 2022:
        local = hour.astimezone(ZoneInfo(zone))
        if not local.fold and not (local + timedelta(hours=1)).fold:  # an hour that the clock shows twice has one name only
            assert local.replace(tzinfo=read).utcoffset() == local.utcoffset(), local
        hour += timedelta(hours=1)


def test_the_event_says_what_where_and_how_to_join() -> None:
    one = session("2022-01-19 14:00", place="Àrd-sgoil; room 3, upstairs", join="https://meet.union.example/19?a=1;b=2")
    event = vobject.readOne(made(one).decode()).vevent
    assert event.summary.value == "Facilitator training: EIS action research programme"
    assert event.location.value == "Àrd-sgoil; room 3, upstairs"
    assert event.url.value == "https://meet.union.example/19?a=1;b=2"
    assert "Join here: https://meet.union.example/19?a=1;b=2" in event.description.value.split("\n")
    assert event.organizer.value == "mailto:car@union.example"
    assert not hasattr(event, "attendee")
    assert not hasattr(event, "valarm")


def test_at_work_the_entry_is_neutral() -> None:
    text = made(session("2022-01-19 14:00", title="EIS facilitator training"), employer_address=True).decode().replace("\r\n ", "")
    event = vobject.readOne(text).vevent
    assert event.summary.value == "Training session"
    for word in ("EIS", "union", "Institute", "member", "research", "programme", "action", "facilitator"):
        assert word.casefold() not in text.replace("mailto:car@union.example", "").casefold()
    assert getattr(event, "class").value == "PRIVATE"


def test_a_calendar_replaces_what_it_has_and_never_doubles_it() -> None:
    """One UID for a session, whoever gets it and when; a change has a higher SEQUENCE, and a later answer a later DTSTAMP."""
    first, later = session("2022-01-19 14:00"), session("2022-01-20 14:00", revision=1)
    events = [
        vobject.readOne(content.decode()).vevent
        for content in (made(first), made(first, employer_address=True), made(first, date=DATE + timedelta(days=3)), made(later))
    ]
    assert {event.uid.value for event in events} == {session_uid(first, FACTS)}
    assert [int(event.sequence.value) for event in events] == [0, 0, 0, 1]
    sent = DATE.replace(microsecond=0)
    assert [event.dtstamp.value for event in events] == [sent, sent, sent + timedelta(days=3), sent]


def test_other_sessions_and_programmes_have_other_ids_and_ids_tell_nothing() -> None:
    one = session("2022-01-19 14:00")
    ids = {
        session_uid(one, FACTS),
        session_uid(replace(one, id="two"), FACTS),
        session_uid(one, replace(FACTS, year="2022–23")),
        session_uid(one, replace(FACTS, name="Another")),
    }
    assert len(ids) == 4
    assert session_uid(FACTS.sessions[0], FACTS) == "faaca88e-cae4-5ec6-b2bb-08d209ae225e"  # in members' calendars: must never change


def test_the_same_input_gives_the_same_bytes_in_the_form_of_rfc_5545() -> None:
    one = session("2022-01-19 14:00", place="Taigh na Gàidhlig " * 10)
    content = made(one)
    assert content == made(one, date=DATE.astimezone(ZoneInfo("America/New_York")))
    assert content.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(len(line) for line in content.split(b"\r\n")) <= 75
