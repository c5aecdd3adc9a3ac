"""From a page's address to a filter of the register, and back: a view of the register is its address.

``Asked`` is what an address asks for, read leniently: a council that is no longer there finds nothing, an order that
there never was is the usual one. Only a date that cannot be read is told to the person, beside its field.

Promise: the same choice always gives the same address, whatever order its parts came in, so that two views can be
compared. In an address «-» stands for «has none».
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request

from desk.office import Choice, Words
from desk.words import FIELD_WORDS, STATE_WORDS
from store import Page, RegistrationFilter, RegistrationSort, RegistrationState

__all__ = ["COLUMNS", "NONE", "Asked", "Chip", "Column", "asked_of", "read_date"]

NONE = "-"
_MOST = 40  # values of one key; an address has an end
_LONGEST = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of the register: what it is called here and in an export, and by what it may be sorted, the usual way round first."""

    key: str
    label: str
    width: int  # in an export, in characters
    sorts: tuple[RegistrationSort, ...] = ()
    usual: bool = True  # shown where nobody chose


COLUMNS: Mapping[str, Column] = {
    column.key: column
    for column in (
        Column(key="name", label="Name", width=26, sorts=(RegistrationSort.NAME, RegistrationSort.NAME_DOWN)),
        Column(key="address", label="Email address", width=34, usual=False),
        Column(key="school", label="School or college", width=34, sorts=(RegistrationSort.INSTITUTION, RegistrationSort.INSTITUTION_DOWN)),
        Column(key="council", label="Council", width=22, sorts=(RegistrationSort.COUNCIL, RegistrationSort.COUNCIL_DOWN)),
        Column(key="activity", label="Taking part as", width=44),
        Column(key="topic", label="Topic", width=44),
        Column(key="session", label="Training session", width=32),
        Column(key="state", label="State", width=22),
        Column(key="missing", label="Still missing", width=24, usual=False),
        Column(key="messages", label="Messages", width=10, usual=False),
        Column(key="received", label="First written", width=17, sorts=(RegistrationSort.NEWEST, RegistrationSort.OLDEST)),
        Column(key="changed", label="Last changed", width=17, sorts=(RegistrationSort.CHANGED, RegistrationSort.CHANGED_LONG_AGO), usual=False),
        Column(key="id", label="Reference", width=20, usual=False),
    )
}
_USUAL = tuple(key for key, column in COLUMNS.items() if column.usual)
# Keys of the address whose values are alternatives, and the part of the filter that each one is.
_CHOICES = {"state": "states", "council": "councils", "activity": "activities", "session": "sessions", "theme": "themes", "school": "institutions"}
_ORDER = ("q", *_CHOICES, "topic", "from", "to", "sort", "col")


@dataclass(frozen=True, kw_only=True, slots=True)
class Chip:
    """A part of the choice in words, and the address without it."""

    label: str
    without: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What an address asks for. ``problems``: by key, what is wrong with what was typed."""

    values: Mapping[str, tuple[str, ...]]
    filter: RegistrationFilter
    sort: RegistrationSort
    columns: tuple[str, ...]
    page: Page
    problems: Mapping[str, str]

    def one(self, key: str) -> str:
        return next(iter(self.values.get(key, ())), "")

    def has(self, key: str, value: str) -> bool:
        return value in self.values.get(key, ())

    @property
    def narrowed(self) -> bool:
        """Whether anything but the whole register is asked for."""
        return any(key not in ("sort", "col") for key in self.values)

    def query(self, **changes: str | Sequence[str]) -> str:
        """The address's query of this view, page left out, with some keys changed ("" or () leaves one out)."""
        given = {key: (change,) if isinstance(change, str) else tuple(change) for key, change in changes.items()}
        pairs = [(key, value) for key in (*_ORDER, "after", "before") for value in given.get(key, self.values.get(key, ())) if value]
        return urlencode(pairs)

    def address(self, path: str, **changes: str | Sequence[str]) -> str:
        query = self.query(**changes)
        return f"{path}?{query}" if query else path

    def narrowing(self) -> Iterable[tuple[str, str]]:
        """Every key and value that narrows."""
        return [(key, value) for key in _ORDER if key not in ("sort", "col") for value in self.values.get(key, ())]

    def chips(self, path: str, words: Words) -> list[Chip]:
        """What narrows this view, in words, each with the way out of it."""
        return [
            Chip(label=_told(key, value, words), without=self.address(path, **{key: [v for v in self.values[key] if v != value]}))
            for key, value in self.narrowing()
        ]

    def told(self, words: Words) -> str:
        """The filter as a sentence's end: «Council: Fife; Words: reading»."""
        return "; ".join(_told(key, value, words) for key, value in self.narrowing())

    def sorted_by(self, column: Column) -> str:
        """For ``aria-sort``: "" where the register is not sorted by that column."""
        if self.sort not in column.sorts:
            return ""
        return "descending" if self.sort.value.startswith("-") else "ascending"

    def next_sort(self, column: Column) -> str:
        """The order that a press on the column's heading gives."""
        return column.sorts[1] if self.sort == column.sorts[0] else column.sorts[0]


def asked_of(source: Request | str, zone: ZoneInfo, *, size: int = 50) -> Asked:
    """What a request's address, or a saved query, asks for."""
    pairs = parse_qsl(source, max_num_fields=1000) if isinstance(source, str) else source.query_params.multi_items()
    values: dict[str, tuple[str, ...]] = {}
    for key in _ORDER:
        given = [" ".join(value.split())[:_LONGEST] for name, value in pairs if name == key]
        if kept := tuple(dict.fromkeys(value for value in given if value))[: _MOST if key in _CHOICES or key == "col" else 1]:
            values[key] = tuple(sorted(kept)) if key in _CHOICES else kept
    if states := [state for state in values.pop("state", ()) if state in set(RegistrationState)]:
        values["state"] = tuple(states)
    columns = tuple(key for key in COLUMNS if key in values.get("col", _USUAL))
    columns = ("name", *(key for key in columns if key != "name")) if columns else _USUAL
    values["col"] = () if columns == _USUAL else columns
    sort = _sort(values.get("sort", ("",))[0])
    values["sort"] = () if sort == RegistrationSort.NEWEST else (sort.value,)
    problems: dict[str, str] = {}
    days: dict[str, datetime | None] = {"from": None, "to": None}
    for key in days:
        if key not in values:
            continue
        if (day := read_date(values[key][0])) is None:
            problems[key] = "Write the date as day, month and year, such as 18/1/2022."
            continue
        values[key] = (day.isoformat(),)
        days[key] = datetime.combine(day + timedelta(days=1) if key == "to" else day, time(), zone)
    if not problems and "from" in values and "to" in values and values["to"] < values["from"]:
        problems["to"] = "This day is before the first one."
    chosen: dict[str, Any] = {}
    for key, part in _CHOICES.items():
        chosen[part] = tuple("" if value == NONE else value for value in values.get(key, ()))
    chosen["states"] = tuple(RegistrationState(state) for state in chosen["states"])
    return Asked(
        values={key: given for key, given in values.items() if given},
        filter=RegistrationFilter(
            **chosen,
            topic=values.get("topic", ("",))[0],
            text=values.get("q", ("",))[0],
            received_from=days["from"],
            received_before=days["to"],
        ),
        sort=sort,
        columns=columns,
        page=_page(dict(pairs), size),
        problems=problems,
    )


def read_date(text: str) -> date | None:
    """«2022-01-18» as browsers send it, «18/1/2022» as people write it."""
    if found := re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", text):
        year, month, day = map(int, found.groups())
    elif found := re.fullmatch(r"(\d{1,2})[/. -](\d{1,2})[/. -](\d{4})", text):
        day, month, year = map(int, found.groups())
    else:
        return None
    try:
        made = date(year, month, day)
    except ValueError:
        return None
    return made if 1990 <= made.year <= 2200 else None  # outside of it a day has no next one, or a zone no rules


def _sort(value: str) -> RegistrationSort:
    return RegistrationSort(value) if value in set(RegistrationSort) else RegistrationSort.NEWEST


def _page(given: Mapping[str, str], size: int) -> Page:
    return replace(Page(size=size), after=given.get("after", "")[:_LONGEST], before=given.get("before", "")[:_LONGEST])


def _told(key: str, value: str, words: Words) -> str:
    match key:
        case "q":
            return f"Words: {value}"
        case "topic":
            return f"Words of the topic: {value}"
        case "state":
            return STATE_WORDS[value]
        case "council":
            return "No council" if value == NONE else f"Council: {label_of(words.councils, value)}"
        case "school":
            return "No school or college" if value == NONE else value
        case "activity":
            return "No activity" if value == NONE else label_of(words.activities, value)
        case "session":
            return "No training session" if value == NONE else f"{FIELD_WORDS['session']}: {label_of(words.sessions, value)}"
        case "theme":
            return "No theme" if value == NONE else f"Theme: {label_of(words.themes, value)}"
        case _:
            day = read_date(value)
            shown = f"{day.day} {day:%b %Y}" if day else value
            return f"From {shown}" if key == "from" else f"Up to {shown}"


def label_of(choices: Sequence[Choice], value: str, *, short: bool = False) -> str:
    """What people read for a value that the register keeps; itself where the programme no longer knows it."""
    return next(((choice.short if short else "") or choice.label for choice in choices if choice.id == value), value)
