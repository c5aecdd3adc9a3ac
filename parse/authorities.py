"""The councils of the programme: names, aliases, towns, e-mail domains.

Read from ``programme/authorities.csv`` and ``programme/places.csv``. An alias is strong (it can only
mean the council), a place (the town that usually stands for its council), or in need of support
(initials and nicknames that mean other things as well). A village of ``places.csv`` is a town whose
bare name may as well mean its school. A mistake is a ProgrammeError with file and line.

What it does badly: a town that lies on a boundary belongs to the one council that the file gives it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from rapidfuzz.distance import OSA

from mailroom.errors import ProgrammeError
from mailroom.model import AliasKind, Remembered
from parse.schoolnames import words

__all__ = ["Alias", "Authorities", "read_rows"]

STRONG, PLACE, SUPPORT, TOWN = "strong", "place", "support", "town"


def read_rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, row) of a CSV file that must have these columns; cells are stripped."""
    shown = path.name
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ProgrammeError(shown, None, "the file is not there") from None
    except UnicodeDecodeError as error:
        raise ProgrammeError(shown, None, f"not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error
    reader = csv.reader(text.splitlines())
    header = [cell.strip() for cell in next(reader, [])]
    missing = [column for column in columns if column not in header]
    if missing:
        raise ProgrammeError(shown, 1, f"the heading «{missing[0]}» is missing; wanted: {', '.join(columns)}")
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header):
            raise ProgrammeError(shown, reader.line_num, f"{len(cells)} cells for {len(header)} headings; put a text with a comma in quotation marks")
        yield reader.line_num, dict(zip(header, [cell.strip() for cell in cells] + [""] * (len(header) - len(cells)), strict=False))


def split(cell: str) -> list[str]:
    return [part.strip() for part in cell.split("|") if part.strip()]


@dataclass(frozen=True, kw_only=True, slots=True)
class Alias:
    """One way to write a council or its town. ``councils`` has several members only for towns of one name."""

    councils: tuple[str, ...]
    kind: str  # strong, place, support, town
    village: bool = False  # a town so small that its name by itself may mean its school
    person: bool = False  # also a first name or surname
    initials: bool = False
    remembered: str = ""  # the rule of a remembered alias, where it is one


@dataclass(frozen=True, kw_only=True)
class Authorities:
    names: tuple[str, ...]
    aliases: Mapping[tuple[str, ...], Alias]
    domains: Mapping[str, str]
    prefixes: frozenset[tuple[str, ...]] = field(repr=False)
    like: frozenset[str] = frozenset({"sterling", "starling", "stirring", "council", "councils", "schools"})  # words and names one letter away

    @classmethod
    def load(cls, folder: Path) -> Authorities:
        aliases: dict[tuple[str, ...], Alias] = {}
        where: dict[tuple[str, ...], str] = {}
        domains: dict[str, str] = {}
        names: list[str] = []
        file = "authorities.csv"

        def add(text: str, council: str, kind: str, line: int, shown: str, *, person: bool = False) -> None:
            key = tuple(word.norm for word in words(text))
            if not key:
                raise ProgrammeError(shown, line, f"«{text}» has no word in it")
            initials = len(key) == 1 and text.isupper() and len(text) <= 4
            if key in aliases:
                known = aliases[key]
                if known.councils == (council,) and {kind, known.kind} <= {STRONG, PLACE}:
                    return
                raise ProgrammeError(shown, line, f"«{text}» already means {known.councils[0]} ({where[key]})")
            aliases[key] = Alias(councils=(council,), kind=kind, person=person, initials=initials)
            where[key] = f"{shown}, line {line}"

        for line, row in read_rows(folder / file, ("id", "aliases", "places", "support", "people", "domains")):
            name = row["id"]
            if not name:
                raise ProgrammeError(file, line, "the id (the council's short form) is empty")
            if name in names:
                raise ProgrammeError(file, line, f"«{name}» is there twice")
            names.append(name)
            people = {tuple(word.norm for word in words(text)) for text in split(row["people"])}
            for text in [name, *split(row["aliases"])]:
                add(text, name, STRONG, line, file, person=tuple(word.norm for word in words(text)) in people)
            for text in split(row["places"]):
                add(text, name, PLACE, line, file)
            for text in split(row["support"]):
                add(text, name, SUPPORT, line, file)
            for domain in split(row["domains"]):
                if domains.setdefault(domain.lower(), name) != name:
                    raise ProgrammeError(file, line, f"the e-mail domain «{domain}» already belongs to {domains[domain.lower()]}")
        if not names:
            raise ProgrammeError(file, 1, "no council in the file")
        places = folder / "places.csv"
        if places.exists():
            for line, row in read_rows(places, ("authority", "places")):
                if row["authority"] not in names:
                    raise ProgrammeError(places.name, line, f"«{row['authority']}» is no council of authorities.csv")
                villages = split(row.get("villages", ""))
                for text in [*split(row["places"]), *villages]:
                    plain, bracket, _ = text.partition(" (")
                    key = tuple(word.norm for word in words(plain))
                    known = aliases.get(key)
                    if known is None:
                        councils = (row["authority"],) if not bracket else (row["authority"], "")
                        aliases[key] = Alias(councils=councils, kind=TOWN, village=text in villages)
                        where[key] = f"{places.name}, line {line}"
                    elif known.kind != TOWN:
                        continue  # the town of that name is its council's own (Falkirk, Stirling)
                    elif row["authority"] in known.councils:
                        raise ProgrammeError(places.name, line, f"«{text}» is there twice ({where[key]})")
                    else:
                        aliases[key] = Alias(councils=(*known.councils, row["authority"]), kind=TOWN)
        prefixes = frozenset(key[:length] for key in aliases for length in range(1, len(key) + 1))
        return cls(names=tuple(names), aliases=aliases, domains=domains, prefixes=prefixes)

    def remembering(self, taught: Sequence[Remembered]) -> Authorities:
        """With the local names that persons taught. A name of the files keeps its meaning, unless it is a town's, or needed support for the same."""
        more: dict[tuple[str, ...], Alias] = {}
        for one in taught:
            key = tuple(word.norm for word in words(one.written.replace("\u2019", "'")))
            known = self.aliases.get(key)
            free = known is None or known.kind == TOWN or (known.kind == SUPPORT and known.councils == (one.means,))
            if one.kind is AliasKind.AUTHORITY and key and one.means in self.names and free:
                initials = len(key) == 1 and one.written.isupper() and len(one.written) <= 4
                more[key] = Alias(councils=(one.means,), kind=PLACE, initials=initials, remembered=one.rule)
        if not more:
            return self
        prefixes = self.prefixes | {key[:length] for key in more for length in range(1, len(key) + 1)}
        return replace(self, aliases={**self.aliases, **more}, prefixes=prefixes)

    def named(self, text: str) -> str | None:
        """The council that a cell of a list means, or None."""
        alias = self.aliases.get(tuple(word.norm for word in words(text.replace("\u2019", "'"))))
        return alias.councils[0] if alias is not None and alias.kind != TOWN else None

    def respelt(self, norm: str) -> str:
        """The word of a council's name that this word must be with one letter put right, or the word itself."""
        if len(norm) < 7 or norm in self.like:
            return norm
        if norm not in self._respelt:
            if len(self._respelt) > 20_000:
                self._respelt.clear()
            near = [word for word in self._long_words if abs(len(word) - len(norm)) < 2 and OSA.distance(norm, word, score_cutoff=1) <= 1]
            self._respelt[norm] = near[0] if len(near) == 1 else norm
        return self._respelt[norm]

    @cached_property
    def _respelt(self) -> dict[str, str]:
        return {}

    @cached_property
    def _long_words(self) -> tuple[str, ...]:
        return tuple({word for key, alias in self.aliases.items() if alias.kind == STRONG for word in key if len(word) > 6} - {"council", "schools"})

    def of_domain(self, domain: str) -> str | None:
        """The council whose e-mail domain this is, or lies under."""
        labels = domain.lower().split(".")
        for start in range(len(labels) - 1):
            if (council := self.domains.get(".".join(labels[start:]))) is not None:
                return council
        return None
