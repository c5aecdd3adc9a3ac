"""What an answer may say about the programme: its name, its sessions, its four activities, and to whom how much.

Reads ``programme.yaml``, ``sessions.yaml``, ``activities.yaml`` and ``employers.yaml``. Promise: every mistake in
them is a ProgrammeError with file and line, unknown keys and double ids included. Ids are never interpreted.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mailroom.errors import ProgrammeError
from mailroom.yamlfile import Lined, load_yaml

__all__ = ["Activity", "Facts", "Reminder", "Session", "load_facts"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Activity:
    """One way to take part."""

    id: str
    label: str
    description: str
    short: str = ""  # for lists, where the label is too long


@dataclass(frozen=True, kw_only=True, slots=True)
class Reminder:
    """How long before a session its members are reminded: «7d» or «2h», as it is written."""

    name: str
    length: timedelta

    def due(self, starts: datetime) -> datetime:
        """Days are days of the calendar: the same time by the clock on the wall, also where the clocks change meanwhile."""
        return starts - self.length if self.name.endswith("d") else (starts.astimezone(UTC) - self.length).astimezone(starts.tzinfo)


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A training session; times carry the programme's time zone. ``places`` None: no limit.

    ``place`` and ``join`` say where it is, in words and as a web address. ``revision`` counts the changes of a
    session that calendars may know already.
    """

    id: str
    title: str
    starts: datetime
    ends: datetime
    closes: datetime
    places: int | None
    place: str | None = None
    join: str | None = None
    revision: int = 0
    reminders: tuple[Reminder, ...] = ()  # the earliest first

    @property
    def when(self) -> str:
        """«Wednesday 19 January 2022, 14:00–15:30», without a locale's help."""
        start, end = self.starts, self.ends
        return f"{_DAYS[start.weekday()]} {start.day} {_MONTHS[start.month - 1]} {start.year}, {start:%H:%M}–{end:%H:%M}"

    @property
    def short(self) -> str:
        """«19 Jan 2022, 14:00», for lists."""
        return f"{self.starts.day} {_MONTHS[self.starts.month - 1][:3]} {self.starts.year}, {self.starts:%H:%M}"

    def is_open(self, at: datetime | None) -> bool:
        """Whether one can still sign up; None asks no clock."""
        return at is None or at < self.closes


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The programme, as its answers tell it. ``short_name`` is what a subject has room for."""

    name: str
    short_name: str
    organisation: str
    year: str
    contact: str
    what_a_cluster_is: str
    support: str
    page: str | None
    activities: tuple[Activity, ...]
    sessions: tuple[Session, ...]
    employer_domains: frozenset[str]
    neutral_title: str  # of a session, in an employer's calendar
    zone: ZoneInfo

    def is_employer(self, address: str) -> bool:
        """Whether the address lies in an employer's domain, or in one below it."""
        labels = address.rpartition("@")[2].strip(" .>").casefold().split(".")
        return any(".".join(labels[first:]) in self.employer_domains for first in range(len(labels)))

    def activity(self, id: str) -> Activity:
        """The activity of that id; a ProgrammeError where rules name one that is not listed."""
        for activity in self.activities:
            if activity.id == id:
                return activity
        raise ProgrammeError("activities.yaml", None, f"a rule names the activity «{id}», which is not listed here")

    def session(self, id: str) -> Session:
        for session in self.sessions:
            if session.id == id:
                return session
        raise ProgrammeError("sessions.yaml", None, f"a rule names the session «{id}», which is not listed here")


_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.IGNORECASE)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")


def load_facts(folder: Path) -> Facts:
    """The four files of ``folder``, checked."""
    file = "programme.yaml"
    data = load_yaml(folder / file)
    line = data["__line__"]
    texts = ("name", "short_name", "organisation", "year", "contact", "what_a_cluster_is", "support")
    _known(data, (*texts, "page", "time_zone"), file, line)
    values = {key: _text(data, key, file, line) for key in texts}
    page = _web_address(data, "page", file, line)
    name = _text(data, "time_zone", file, line)
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ProgrammeError(file, _line(data, "time_zone", line), f"«time_zone: {name}» is no time zone; write one such as Europe/London") from error
    domains, neutral_title = _employers(folder)
    return Facts(
        **values,
        zone=zone,
        page=page,
        activities=tuple(_activities(folder)),
        sessions=tuple(sorted(_sessions(folder, zone), key=lambda session: session.starts)),
        employer_domains=domains,
        neutral_title=neutral_title,
    )


def _employers(folder: Path) -> tuple[frozenset[str], str]:
    file = "employers.yaml"
    data = load_yaml(folder / file)
    line = data["__line__"]
    _known(data, ("domains", "session_title"), file, line)
    domains = data.get("domains")
    if not isinstance(domains, list):
        raise ProgrammeError(file, _line(data, "domains", line), "«domains» should be a list of domains, such as [sch.uk, gov.uk]")
    for domain in domains:
        if not isinstance(domain, str) or not _DOMAIN.fullmatch(domain):
            raise ProgrammeError(file, _line(data, "domains", line), f"«domains»: {domain!r} is no domain; write what stands after the @, such as fife.gov.uk")
    return frozenset(domain.casefold() for domain in domains), _text(data, "session_title", file, line)


def _activities(folder: Path) -> Iterable[Activity]:
    file = "activities.yaml"
    for item, line in _items(folder / file, "activities"):
        _known(item, ("id", "label", "short", "description"), file, line)
        short = _text(item, "short", file, line) if "short" in item else ""
        yield Activity(id=item["id"], label=_text(item, "label", file, line), description=_text(item, "description", file, line), short=short)


_REMINDER = re.compile(r"([1-9]\d{0,2})([dh])")


def _reminders(item: dict[str, Any], file: str, line: int) -> tuple[Reminder, ...]:
    """The key ``reminders`` of a session, or of the whole file; the earliest first."""
    value = item.get("reminders")
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ProgrammeError(file, _line(item, "reminders", line), "«reminders» should be a list of times before the session, such as [7d, 1d]")
    found: dict[str, Reminder] = {}
    for text in value:
        match = _REMINDER.fullmatch(str(text))
        if match is None:
            raise ProgrammeError(file, _line(item, "reminders", line), f"«reminders»: {text!r} should be days or hours before the session, such as 7d or 2h")
        length = timedelta(days=int(match[1])) if match[2] == "d" else timedelta(hours=int(match[1]))
        if any(one.length == length for one in found.values()):
            raise ProgrammeError(file, _line(item, "reminders", line), f"«reminders»: {text} is there twice")
        found[match[0]] = Reminder(name=match[0], length=length)
    return tuple(sorted(found.values(), key=lambda reminder: reminder.length, reverse=True))


def _sessions(folder: Path, zone: ZoneInfo) -> Iterable[Session]:
    file = "sessions.yaml"
    data = load_yaml(folder / file)
    everywhere = _reminders(data, file, 1)
    for item, line in _items(folder / file, "sessions", beside=("reminders",)):
        _known(item, ("id", "title", "starts", "ends", "closes", "places", "place", "join", "revision", "reminders"), file, line)
        starts, ends = _time(item, "starts", zone, file, line), _time(item, "ends", zone, file, line)
        closes = _time(item, "closes", zone, file, line) if item.get("closes") is not None else starts
        if not starts < ends:
            raise ProgrammeError(file, _line(item, "ends", line), f"session «{item['id']}» ends before it starts")
        if closes > ends:
            raise ProgrammeError(file, _line(item, "closes", line), f"session «{item['id']}»: sign-up closes after its end")
        places = item.get("places")
        if places is not None and (not isinstance(places, int) or isinstance(places, bool) or places < 1):
            raise ProgrammeError(file, _line(item, "places", line), f"session «{item['id']}»: «places» should be a number from 1, or null for no limit")
        revision = item.get("revision", 0)
        if not isinstance(revision, int) or isinstance(revision, bool) or revision < 0:
            raise ProgrammeError(file, _line(item, "revision", line), f"session «{item['id']}»: «revision» should be a number from 0")
        yield Session(
            id=item["id"],
            title=_text(item, "title", file, line),
            starts=starts,
            ends=ends,
            closes=closes,
            places=places,
            place=_text(item, "place", file, line) if item.get("place") is not None else None,
            join=_web_address(item, "join", file, line),
            revision=revision,
            reminders=_reminders(item, file, line) if "reminders" in item else everywhere,
        )


def _items(path: Path, key: str, *, beside: tuple[str, ...] = ()) -> Iterable[tuple[dict[str, Any], int]]:
    """The mappings of a list, each with a text ``id`` of its own."""
    data = load_yaml(path)
    _known(data, (key, *beside), path.name, 1)
    items = data.get(key)
    if not isinstance(items, list) or not items:
        raise ProgrammeError(path.name, _line(data, key, 1), f"«{key}» should be a list with at least one entry")
    seen: set[str] = set()
    for item in items:
        if not isinstance(item, dict):
            raise ProgrammeError(path.name, _line(data, key, 1), f"an entry of «{key}» should have keys such as id:, not {item!r}")
        line = item["__line__"]
        identity = item.get("id")
        if isinstance(identity, date):  # 2022-01-19 without quotation marks
            item["id"] = identity = identity.isoformat()
        if not isinstance(identity, str) or not identity:
            raise ProgrammeError(path.name, line, "each entry needs an id (a short text)")
        if identity in seen:
            raise ProgrammeError(path.name, _line(item, "id", line), f"the id «{identity}» is used twice")
        seen.add(identity)
        yield item, line


def _line(item: dict[str, Any], key: object, otherwise: int) -> int:
    return item.lines.get(key, otherwise) if isinstance(item, Lined) else otherwise


def _known(item: dict[str, Any], keys: tuple[str, ...], file: str, line: int) -> None:
    for key in item.keys() - set(keys) - {"__line__"}:
        near = difflib.get_close_matches(str(key), keys, n=1)
        raise ProgrammeError(
            file, _line(item, key, line), f"unknown key «{key}»" + (f"; did you mean «{near[0]}»?" if near else f"; known here: {', '.join(keys)}")
        )


def _text(item: dict[str, Any], key: str, file: str, line: int) -> str:
    value = item.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ProgrammeError(
            file, _line(item, key, line), f"«{key}» should be a text" + ("" if value is None else f"; {value!r} is none (put it in quotation marks)")
        )
    return " ".join(value.split())


def _web_address(item: dict[str, Any], key: str, file: str, line: int) -> str | None:
    value = item.get(key)
    if value is None:
        return None
    if not (isinstance(value, str) and value.startswith("https://") and value.isascii() and value.isprintable() and not set(value) & set(" <>\"'")):
        raise ProgrammeError(file, _line(item, key, line), f"«{key}» should be a web address that starts with https://, or null; {value!r} is neither")
    return value


def _time(item: dict[str, Any], key: str, zone: ZoneInfo, file: str, line: int) -> datetime:
    value = item.get(key)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            value = None
    if not isinstance(value, datetime):
        raise ProgrammeError(file, _line(item, key, line), f"session «{item['id']}»: «{key}» should be a day and time such as 2022-01-19 14:00")
    return value.replace(tzinfo=zone) if value.tzinfo is None else value.astimezone(zone)
