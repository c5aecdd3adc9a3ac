"""What the gazetteer holds and gives: listed institutions, the words it needs, and mentions of an institution in a text."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mailroom.errors import ProgrammeError
from mailroom.model import Remembered
from parse.authorities import read_rows, split
from parse.schoolnames import Forms, Name, School, words

__all__ = ["College", "Entry", "Mention", "Vocabulary", "load_colleges"]


@dataclass(frozen=True, kw_only=True, slots=True)
class College:
    name: str
    aliases: tuple[str, ...]
    support: tuple[str, ...]  # initials that need a lecturer or a college's address beside them
    campuses: tuple[str, ...]
    short: tuple[str, ...]  # what a lecturer calls it, that a school or a town is called as well
    domains: tuple[str, ...]


def load_colleges(folder: Path) -> tuple[College, ...]:
    """``colleges.csv``. Raises ProgrammeError with file and line."""
    file = "colleges.csv"
    found: list[College] = []
    seen: dict[tuple[str, ...], str] = {}
    for line, row in read_rows(folder / file, ("name", "aliases", "support", "campuses", "domains")):
        if not row["name"]:
            raise ProgrammeError(file, line, "the name is empty")
        for text in [row["name"], *split(row["aliases"]), *split(row["support"])]:
            key = tuple(word.norm for word in words(text))
            if key in seen:
                raise ProgrammeError(file, line, f"«{text}» already means {seen[key]}")
            seen[key] = row["name"]
        for text in [*split(row["campuses"]), *split(row.get("short", ""))]:
            if not words(text):
                raise ProgrammeError(file, line, f"«{text}» has no word in it")
        found.append(
            College(
                name=row["name"],
                aliases=tuple(split(row["aliases"])),
                support=tuple(split(row["support"])),
                campuses=tuple(split(row["campuses"])),
                short=tuple(split(row.get("short", ""))),
                domains=tuple(domain.lower() for domain in split(row["domains"])),
            )
        )
    return tuple(found)


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """A listed institution; ``name`` is None for colleges."""

    index: int
    label: str
    authority: str
    kind: str  # school, college
    school: School | None = None
    name: Name | None = None
    level: str = ""
    campuses: frozenset[tuple[str, ...]] = frozenset()  # of a college


@dataclass(frozen=True, kw_only=True)
class Mention:
    """A stretch of words that names, or has the form of, an institution."""

    first: int  # word offsets
    last: int
    start: int  # character offsets into the folded text
    end: int
    kind: str  # school, college, unlisted, bare, initials
    rule: str
    entries: tuple[Entry, ...] = ()
    core: tuple[str, ...] = ()
    forms: frozenset[str] = frozenset()
    text: str = ""
    weak: bool = False  # small letters only: counts where a list knows a name like it
    remembered: tuple[Remembered, ...] = ()  # what persons taught, where it rests on that


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Word lists that the scan needs, from ``institutions.yaml``."""

    forms: Forms
    never_bare: Collection[str]
    never_named: Collection[str]
    distinguishing: Collection[str]
    no_form: Collection[str] = ()  # words that look like a misspelt form word and are none
    saint_short: Mapping[str, str] = field(default_factory=dict)
    nicknames: Mapping[str, Sequence[str]] = field(default_factory=dict)  # a place's name: what it is called at home
    councils: Collection[tuple[str, ...]] = ()  # «moray primary teacher» names no school
    towns: Collection[tuple[str, ...]] = ()
    town_schools: Mapping[tuple[str, ...], tuple[str, str]] = field(default_factory=dict)  # a town: name and council of its one secondary
    words: Mapping[str, Collection[str]] = field(default_factory=dict)  # the small lists, by name
    gaelic: Mapping[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)  # places as they stand behind «Sgoil», in English
