"""A training session as a calendar file (RFC 5545) that any mail program can take over: METHOD:PUBLISH.

Promises: the same session of the same programme has the same UID in every answer, so that a calendar replaces
what it has and never doubles it; ``revision`` is its SEQUENCE, and DTSTAMP is the answer's Date, so that the same
input gives the same bytes. Local times carry their zone with the zone's own rules (VTIMEZONE) in the form that
Outlook reads, a yearly RRULE, wherever the zone has one.

Choices, with their reasons:
- PUBLISH and not REQUEST (RFC 5546 section 3.2.1): nobody has to accept, no RSVP comes back to a mailbox that
  reads registrations, and ORGANIZER is there only because PUBLISH asks for one.
- The title in an employer's calendar is the neutral one of ``employers.yaml``, and the description leaves the
  programme out: calendars are shared at work. CLASS:PRIVATE asks for discretion everywhere, but not every
  calendar keeps to it, so nothing rests on it.
- No alarm: when to be reminded is the reader's own setting.

What it does badly: a member who changes to the other session keeps the first one in the calendar until it is
taken out by hand; PUBLISH cannot cancel.
"""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from notify.facts import Facts, Session

if TYPE_CHECKING:
    from icalendar import Component, Timezone

__all__ = ["calendar_file", "session_uid"]

_NAMESPACE = uuid.UUID("5b0c5a3e-6d0e-4a57-9c3c-1a4f5f7f5a11")  # made once for mailroom; never changes
_PRODUCT = "-//mailroom//EN"
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def session_uid(session: Session, facts: Facts) -> str:
    """For good, as long as the session's id and the programme's name and year stay. Says nothing of either."""
    return str(uuid.uuid5(_NAMESPACE, f"{facts.name}\n{facts.year}\n{session.id}"))


def calendar_file(session: Session, facts: Facts, *, organiser: str, date: datetime, employer_address: bool) -> bytes:
    """The session as an .ics. ``organiser``: our address; ``date``: the Date of the mail that it goes with."""
    from icalendar import Calendar, Event, vCalAddress

    zone = session.starts.tzinfo
    event = Event()
    event.add("uid", session_uid(session, facts))
    event.add("sequence", session.revision)
    event.add("dtstamp", date.astimezone(UTC).replace(microsecond=0))
    event.add("dtstart", session.starts)
    event.add("dtend", session.ends)
    event.add("summary", facts.neutral_title if employer_address else f"{session.title}: {facts.short_name}")
    event.add("description", _description(session, facts, employer_address=employer_address))
    if session.place is not None:
        event.add("location", session.place)
    if session.join is not None:
        event.add("url", session.join)
    event["organizer"] = vCalAddress(f"mailto:{organiser}")
    event.add("class", "PRIVATE")
    event.add("status", "CONFIRMED")
    event.add("transp", "OPAQUE")
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", _PRODUCT)
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    if isinstance(zone, ZoneInfo):
        calendar.add_component(_timezone(zone, session.starts.year))
    calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def _description(session: Session, facts: Facts, *, employer_address: bool) -> str:
    lines = [] if employer_address else [f"{session.title} of the {facts.name} {facts.year}, {facts.organisation}."]
    if session.join is not None:
        lines.append(f"Join here: {session.join}")
    lines.append("To change or cancel, reply to the email that this came with.")
    return "\n".join(lines)


# --- the zone's own rules


@lru_cache(maxsize=32)
def _timezone(zone: ZoneInfo, year: int) -> Timezone:
    """The zone from the year before on: one yearly rule for each change of the clocks, where the changes are regular."""
    from icalendar import Timezone

    rules = _yearly(zone, year - 1)
    if rules is None:  # icalendar lists each change by its date, which all but Outlook read
        return Timezone.from_tzid(zone.key, first_date=date(year - 1, 1, 1), last_date=date(year + 2, 1, 1))
    made = Timezone()
    made.add("tzid", zone.key)
    for component in rules:
        made.add_component(component)
    return made


def _yearly(zone: ZoneInfo, year: int) -> list[Component] | None:
    """Components with yearly rules; one without a rule where the clocks never change; None where there is no yearly rule."""
    from icalendar import TimezoneDaylight, TimezoneStandard

    years = [_changes(zone, each) for each in range(year, year + 4)]
    if not any(years):
        start = datetime(year, 1, 1)  # noqa: DTZ001 - the time on the wall
        lasting = TimezoneStandard()
        _fill(lasting, start, datetime(year, 1, 1, tzinfo=zone), zone)
        return [lasting]
    patterns = [[_pattern(change, zone) for change in changes] for changes in years]
    if len({len(changes) for changes in years}) != 1:
        return None
    made: list[Component] = []
    for index, change in enumerate(years[0]):
        found = set.intersection(*(changes[index] for changes in patterns))
        if not found:
            return None
        after = change.astimezone(zone)
        component = TimezoneDaylight() if after.dst() else TimezoneStandard()
        month, position, weekday, _ = min(found, key=lambda rule: rule[1])  # «last» before «fourth»
        _fill(component, _wall_before(change, zone), after, zone)
        component.add("rrule", {"freq": "yearly", "bymonth": month, "byday": f"{position}{_DAYS[weekday]}"})
        made.append(component)
    return made


def _fill(component: Component, start: datetime, after: datetime, zone: tzinfo) -> None:
    component.add("dtstart", start)
    component.add("tzoffsetfrom", _offset((after.astimezone(UTC) - timedelta(seconds=1)).astimezone(zone)))
    component.add("tzoffsetto", _offset(after))
    component.add("tzname", after.tzname())


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta()


def _changes(zone: ZoneInfo, year: int) -> list[datetime]:
    """The moments of a year, in UTC, at which the zone's offset changes: to the second, by halving."""
    found = []
    day = datetime(year, 1, 1, tzinfo=UTC)
    while day.year == year:
        low, high = day, day + timedelta(days=1)
        before = low.astimezone(zone).utcoffset()
        if high.astimezone(zone).utcoffset() != before:
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
                if middle.astimezone(zone).utcoffset() == before:
                    low = middle
                else:
                    high = middle
            found.append(high)
        day += timedelta(days=1)
    return found


def _wall_before(change: datetime, zone: tzinfo) -> datetime:
    """What the clock would have shown had it not been changed: how VTIMEZONE tells the moment."""
    before = (change - timedelta(seconds=1)).astimezone(zone)
    return (change + _offset(before)).replace(tzinfo=None)


def _pattern(change: datetime, zone: tzinfo) -> set[tuple[int, int, int, time]]:
    """(month, position, weekday, time of day) that fit: the last Sunday is often the fourth as well."""
    wall = _wall_before(change, zone)
    fits = {(wall.month, (wall.day - 1) // 7 + 1, wall.weekday(), wall.time())}
    if (wall + timedelta(days=7)).month != wall.month:
        fits.add((wall.month, -1, wall.weekday(), wall.time()))
    return fits
