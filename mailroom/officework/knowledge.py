"""What a person's deeds need of the programme: its words, its places, and whether a value is one of those that it knows.

Everything is read at its first use and once, from any thread: a command that only says that a message is done compiles nothing.

What it does badly: programme data that change on the disk are known after a restart.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from desk.office import Choice, Place, Words
from mailroom.errors import MailroomError
from mailroom.longlived import long_lived
from mailroom.model import Slot
from mailroom.officework.places import PlaceIndex
from mailroom.officework.tiles import load_tiles
from mailroom.programme import Programme, load_programme, reader_for
from notify.facts import Facts, load_facts
from parse.authorities import PLACE, TOWN, Authorities
from parse.institutions.rules import InstitutionRules
from parse.reader import Reader
from parse.schoolnames import School, take_apart, words
from parse.themes import Themes

if TYPE_CHECKING:
    from mailroom.config import Config

__all__ = ["FIELDS", "REQUIRED", "Knowledge"]

FIELDS = tuple(slot.value for slot in (Slot.INSTITUTION, Slot.AUTHORITY, Slot.ACTIVITY, Slot.TOPIC, Slot.SESSION))
REQUIRED = (Slot.INSTITUTION.value, Slot.AUTHORITY.value, Slot.ACTIVITY.value)
_LONGEST = 300  # characters of a value
T = TypeVar("T")


class Knowledge:
    def __init__(self, config: Config) -> None:
        assert config.programme.folder is not None  # noqa: S101 - load_config always sets it
        self.config, self.folder = config, Path(config.programme.folder)
        self._lock = threading.RLock()
        self._read: dict[str, Any] = {}

    def once(self, name: str, make: Callable[[], T]) -> T:
        if name not in self._read:
            with self._lock:
                if name not in self._read:
                    with long_lived():
                        self._read[name] = make()
        read: T = self._read[name]
        return read

    @property
    def facts(self) -> Facts:
        return self.once("facts", lambda: load_facts(self.folder))

    @property
    def authorities(self) -> Authorities:
        return self.once("authorities", lambda: Authorities.load(self.folder))

    @property
    def schools(self) -> tuple[School, ...]:
        return self.programme.schools

    @property
    def programme(self) -> Programme:
        return self.once("programme", lambda: load_programme(self.folder, self.config.programme.schools))

    @property
    def reader(self) -> Reader:
        """With the rules and lists as shipped: what was remembered is added by whoever reads."""
        return self.once("reader", self._reader)

    def _reader(self) -> Reader:
        return reader_for(self.programme, self.config.replies)

    @property
    def rules(self) -> InstitutionRules:
        return self.once("rules", lambda: InstitutionRules(self.folder, self.schools))

    @property
    def words(self) -> Words:
        return self.once("words", self._words)

    def _words(self) -> Words:
        facts = self.facts
        letters = "abcdefghijklmnopqrstuvwxyz"  # as our questions give them
        return Words(
            programme=facts.name,
            timezone=facts.zone.key,
            activities=tuple(
                Choice(id=one.id, label=one.label, letter=letters[number : number + 1], short=one.short) for number, one in enumerate(facts.activities)
            ),
            sessions=tuple(Choice(id=one.id, label=f"{one.title}, {one.when}", short=one.short) for one in facts.sessions),
            councils=tuple(Choice(id=name, label=name) for name in self.authorities.names),
            themes=tuple(Choice(id=theme.id, label=theme.label) for theme in Themes(self.folder / "themes.yaml").themes),
            tiles=load_tiles(self.folder / "council_tiles.csv", self.authorities.names),
        )

    # --- places

    @property
    def places(self) -> PlaceIndex:
        return self.once("places", self._index)

    def _index(self) -> PlaceIndex:
        towns: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
        for key, alias in self.authorities.aliases.items():
            for council in alias.councils:
                if council and alias.kind in (TOWN, PLACE):
                    towns[council].add(key)
        areas = {council: [" ".join(key) for key in keys] for council, keys in towns.items()}
        return PlaceIndex(self._places(towns), self.rules.vocabulary.forms.words, areas)

    def _places(self, towns: Mapping[str, set[tuple[str, ...]]]) -> Iterable[Place]:
        namesakes = Counter((_key(school.name), school.authority) for school in self.schools)
        for school in self.schools:
            also = tuple(dict.fromkeys(alias for alias in school.aliases if alias != school.name))
            town = self._town(school, towns.get(school.authority, set()))
            if namesakes[_key(school.name), school.authority] > 1 and school.postcode:
                town = f"{town}, {school.postcode}".lstrip(", ")
            yield Place(name=school.name, kind="school", council=school.authority, town=town, also=also)
        for college in self.rules.colleges:
            also = tuple(dict.fromkeys((*college.aliases, *college.support)))
            yield Place(name=college.name, kind="college", council="", town=", ".join(college.campuses), also=also)

    def _town(self, school: School, towns: set[tuple[str, ...]]) -> str:
        """What tells namesakes apart: behind a dash or in brackets, else the longest town of its council within the name; "" where neither is there."""
        name, found = take_apart(school.name, self.rules.vocabulary.forms), words(_straight(school.name))
        if name.qualifier:
            return " ".join(word.raw for word in found if word.norm in name.qualifier)
        for length in range(len(found), 0, -1):
            for first in range(len(found) - length + 1):
                if tuple(word.norm for word in found[first : first + length]) in towns:
                    return " ".join(word.raw for word in found[first : first + length])
        return ""

    def named(self, institution: str) -> tuple[Place, ...]:
        """The listed schools and colleges of that very name; those with that alias where there are none."""
        by_name, by_alias = self.once("named", self._named)
        key = _key(institution)
        return tuple(by_name.get(key) or by_alias.get(key) or ())

    def _named(self) -> tuple[Mapping[str, list[Place]], Mapping[str, list[Place]]]:
        by_name: defaultdict[str, list[Place]] = defaultdict(list)
        by_alias: defaultdict[str, list[Place]] = defaultdict(list)
        for place in self.places.places:
            by_name[_key(place.name)].append(place)
            for also in place.also:
                by_alias[_key(also)].append(place)
        return dict(by_name), dict(by_alias)

    def is_college(self, institution: str) -> bool:
        return any(place.kind == "college" for place in self.named(institution))

    def councils_of(self, institution: str) -> tuple[str, ...]:
        """The councils in which a school of that name stands; () for one in no list, and for colleges."""
        return tuple(dict.fromkeys(place.council for place in self.named(institution) if place.council))

    # --- values

    def checked(self, field: str, values: Sequence[str]) -> tuple[str, ...]:
        """The values as the register keeps them. Raises MailroomError naming what is known."""
        if field not in FIELDS:
            raise MailroomError(f"there is no field «{field}»; there are {', '.join(FIELDS)}")
        written = tuple(dict.fromkeys(" ".join(value.split()) for value in values))
        if not written or not all(written):
            raise MailroomError(f"the {field} is empty; clear the field to take its values away")
        if long := [value for value in written if len(value) > _LONGEST]:
            raise MailroomError(f"«{long[0][:40]}…» is longer than {_LONGEST} characters")
        if odd := [value for value in written if not value.isprintable()]:
            raise MailroomError(f"the {field} has a sign in it that cannot be printed: {odd[0]!r}")
        if field == Slot.AUTHORITY.value:
            named = [(value, self.authorities.named(value)) for value in written]
            if unknown := [value for value, council in named if council is None]:
                raise MailroomError(f"«{unknown[0]}» is no council that the programme knows; there are {', '.join(self.authorities.names)}")
            return tuple(dict.fromkeys(council for _, council in named if council is not None))
        if field in (Slot.ACTIVITY.value, Slot.SESSION.value):
            known = [one.id for one in (self.facts.activities if field == Slot.ACTIVITY.value else self.facts.sessions)]
            if unknown := [value for value in written if value not in known]:
                raise MailroomError(f"«{unknown[0]}» is no {field} of the programme; there are {', '.join(known)}")
        if field == Slot.INSTITUTION.value:
            return tuple(dict.fromkeys(self._official(value) for value in written))
        return written

    def _official(self, institution: str) -> str:
        """As the list spells it, where what was written differs from one listed name in its spelling alone."""
        there = {place.name for place in self.named(institution) if _key(place.name) == _key(institution)}
        return there.pop() if len(there) == 1 else institution

    @property
    def limits(self) -> dict[str, int]:
        """The sessions with a limit, and how many places they have."""
        return {session.id: session.places for session in self.facts.sessions if session.places is not None}


def _straight(text: str) -> str:
    return text.replace("\u2019", "'")


def _key(name: str) -> str:
    return " ".join(word.norm for word in words(_straight(name)))
