"""What the reading of institutions needs from the programme folder, loaded and checked once.

``institutions.yaml`` (forms, cues, strengths, thresholds), ``authorities.csv``, ``places.csv``, ``placenames.csv``, ``gaelicnames.csv``,
``townschools.csv`` and ``colleges.csv``, and the lists of schools that the installation adds. A mistake is a ProgrammeError with
file and, where it can be told, line.

What it does badly: a mistake in a list of words is told by its key, not by its line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Self

from mailroom.errors import ProgrammeError
from mailroom.model import Remembered, alias_of_rule
from parse.authorities import TOWN, Authorities, read_rows, split
from parse.gazetteer import Gazetteer, Vocabulary, load_colleges
from parse.phrases import Phrase, PhraseMatcherSet
from parse.placenames import PlaceNames
from parse.rulefile import RuleFile, compile_rules, load_rules
from parse.schoolnames import Forms, School, fold, words

__all__ = ["InstitutionRules"]

SIDES = ("before", "after", "seat-before", "seat-after", "next", "label", "message", "stage", "quote", "answer")
WORDS = (
    *("addressed", "answering", "thanks", "agreed", "posts", "of_our_school", "bygone", "one_school", "theirs", "heads_list", "before_kind", "part_of_school"),
    *("starting", "ours", "no_campus", "people", "of_schools", "lecturers", "of_colleges"),
)
STAGES = ("primary", "secondary", "not-primary", "not-secondary")
_REMEMBERED = "remembered"  # the strength of every remembered alias
ROLES = (
    "member",
    "sole",
    "together",
    "joint",
    "joint-work",
    "several",
    "persons",
    "alone",
    "proxy",
    "explained",
    "nowhere",
    "only-first",
    "only-second",
    "asked",
    "seat",
    "seat-of",
    "seat-doing",
    "agreed",
    "agreed-once",
    "mate",
    "former",
    "other",
    "denied",
    "home",
    *STAGES,
)


class InstitutionRules:
    """The gazetteer and the cues are built at their first use, not at construction."""

    def __init__(self, folder: Path, schools: Sequence[School] = ()) -> None:
        self.folder = folder
        self.schools = schools
        self.rules: RuleFile = load_rules(folder / "institutions.yaml", says=ROLES, extra=("side", "within"))
        self.authorities = Authorities.load(folder)
        self.colleges = load_colleges(folder)
        self._read_settings()

    def _read_settings(self) -> None:
        file, settings = self.rules.file, self.rules.settings

        def section(name: str) -> dict[str, object]:
            value = settings.get(name)
            if not isinstance(value, dict):
                raise ProgrammeError(file, None, f"the section «{name}» is missing or no mapping")
            return {str(key): item for key, item in value.items() if key != "__line__"}

        levels = {form: str(level) for form, level in section("levels").items()}
        spellings: dict[str, tuple[str, ...]] = {}
        forms = section("forms")
        for form, several in forms.items():
            for spelling in _texts(several, file, f"forms: {form}"):
                if spelling in spellings:
                    raise ProgrammeError(file, None, f"forms: «{spelling}» is there twice")
                spellings[fold(spelling)] = (form,)
        for spelling, several in section("abbreviations").items():
            parts = tuple(_texts(several, file, f"abbreviations: {spelling}"))
            if unknown := [part for part in parts if part not in forms]:
                raise ProgrammeError(file, None, f"abbreviations: {spelling}: «{unknown[0]}» is no form")
            spellings[fold(spelling)] = parts
        if unknown := [form for form in levels if form not in forms]:
            raise ProgrammeError(file, None, f"levels: «{unknown[0]}» is no form")
        self.vocabulary = Vocabulary(
            forms=Forms(words=spellings, levels=levels),
            never_bare=frozenset(map(fold, _texts(settings.get("never_bare"), file, "never_bare"))),
            never_named=frozenset(map(fold, _texts(settings.get("never_named"), file, "never_named"))),
            no_form=frozenset(map(fold, _texts(settings.get("no_form"), file, "no_form"))),
            distinguishing=tuple(_texts(settings.get("distinguishing"), file, "distinguishing")),
            councils=frozenset(key for key, alias in self.authorities.aliases.items() if alias.kind != TOWN),
            towns=frozenset(key for key, alias in self.authorities.aliases.items() if alias.kind == TOWN),
            gaelic=self._gaelic_names(),
            words=self._word_lists(section("words")),
            town_schools=self._town_schools(),
            nicknames={fold(place): tuple(map(fold, _texts(names, file, f"nicknames: {place}"))) for place, names in section("nicknames").items()},
            saint_short={key: str(value) for key, value in section("saint_short").items()},
        )
        self.shared_domains = frozenset(domain.lower() for domain in _texts(settings.get("shared_domains"), file, "shared_domains"))
        self.council_towns = frozenset(text.lower() for text in _texts(settings.get("council_towns"), file, "council_towns"))
        self.no_names = frozenset(map(fold, _texts(settings.get("no_names"), file, "no_names")))
        self.no_schools = frozenset(map(fold, _texts(settings.get("no_schools"), file, "no_schools")))
        odd = _texts(settings.get("odd_letters"), file, "odd_letters")
        try:
            self.odd_letters = [re.compile(pattern) for pattern in odd]
        except re.error as error:
            raise ProgrammeError(file, None, f"odd_letters: {error}") from error
        self.not_council = frozenset(map(fold, _texts(settings.get("not_council_before"), file, "not_council_before")))
        self.strengths = {key: _number(value, file, f"strengths: {key}") for key, value in section("strengths").items()}
        self.thresholds = {key: _number(value, file, f"thresholds: {key}") for key, value in section("thresholds").items()}
        self.limits = {key: int(_number(value, file, f"limits: {key}")) for key, value in section("limits").items()}
        for rule in self.rules.rules:
            if rule.extra.get("side") not in SIDES:
                raise ProgrammeError(file, rule.line, f"rule «{rule.phrase.id}»: «side» should be one of {', '.join(SIDES)}")

    def _word_lists(self, lists: Mapping[str, object]) -> dict[str, frozenset[str]]:
        file = self.rules.file
        if wrong := sorted(set(lists) ^ set(WORDS)):
            raise ProgrammeError(file, None, f"words: «{wrong[0]}» is {'no list that is used' if wrong[0] in lists else 'missing'}")
        return {name: frozenset(map(fold, _texts(several, file, f"words: {name}"))) for name, several in lists.items()}

    def _gaelic_names(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        """``gaelicnames.csv``: places as they stand behind «Sgoil»; none, where the file is not there."""
        path, found = self.folder / "gaelicnames.csv", dict[tuple[str, ...], tuple[str, ...]]()
        for line, row in read_rows(path, ("english", "gaelic")) if path.exists() else ():
            english = tuple(word.norm for word in words(row["english"]))
            for name in split(row["gaelic"]):
                key = tuple(word.norm for word in words(name))
                if not key or found.setdefault(key, english) != english:
                    raise ProgrammeError(path.name, line, f"«{name}» already means another place, or has no word in it")
        return found

    def _town_schools(self) -> dict[tuple[str, ...], tuple[str, str]]:
        """``townschools.csv``: the one secondary of a town that is called otherwise than the town; none, where the file is not there."""
        path, found = self.folder / "townschools.csv", dict[tuple[str, ...], tuple[str, str]]()
        for line, row in read_rows(path, ("authority", "towns", "school")) if path.exists() else ():
            if row["authority"] not in self.authorities.names:
                raise ProgrammeError(path.name, line, f"«{row['authority']}» is no council of authorities.csv")
            for town in split(row["towns"]):
                key = tuple(word.norm for word in words(town))
                if not key or found.setdefault(key, (row["school"], row["authority"])) != (row["school"], row["authority"]):
                    raise ProgrammeError(path.name, line, f"«{town}» already has another school, or has no word in it")
        return found

    def remembering(self, aliases: Sequence[Remembered]) -> Self:
        """The same rules with these aliases, and no others. What is compiled is shared."""
        other = copy(self)
        other.authorities = Authorities.load(self.folder).remembering(aliases)
        councils = frozenset(key for key, alias in other.authorities.aliases.items() if alias.kind != TOWN)
        towns = frozenset(key for key, alias in other.authorities.aliases.items() if alias.kind == TOWN)
        if (councils, towns) != (self.vocabulary.councils, self.vocabulary.towns):
            other.vocabulary = replace(self.vocabulary, councils=councils, towns=towns)
            other.__dict__["gazetteer"] = Gazetteer(self.schools, self.colleges, other.vocabulary).remembering(aliases)
        else:
            other.__dict__["gazetteer"] = self.gazetteer.remembering(aliases)
        return other

    def strength(self, rule: str) -> float:
        return self.strengths[_REMEMBERED if alias_of_rule(rule) is not None else rule]

    @cached_property
    def gazetteer(self) -> Gazetteer:
        return Gazetteer(self.schools, self.colleges, self.vocabulary)

    @cached_property
    def place_names(self) -> PlaceNames:
        return PlaceNames.load(self.folder)

    @cached_property
    def cues(self) -> dict[str, PhraseMatcherSet]:
        """Cues by side. Each pattern is searched by itself: a far one must not hide a near one."""
        return self.rules.once("cues", self._cues)

    def _cues(self) -> dict[str, PhraseMatcherSet]:
        compile_rules(self.rules)  # names the line of a pattern that cannot be read
        phrases: dict[str, list[Phrase]] = {side: [] for side in SIDES}
        for rule in self.rules.rules:
            for number, pattern in enumerate(rule.phrase.patterns):
                phrases[str(rule.extra["side"])].append(Phrase(id=f"{rule.phrase.id}#{number}", label=rule.phrase.label, patterns=(pattern,)))
        return {side: PhraseMatcherSet(several, self.rules.lists) for side, several in phrases.items()}

    @cached_property
    def within(self) -> dict[str, int]:
        return {rule.phrase.id: int(rule.extra.get("within", 4)) for rule in self.rules.rules}


def _texts(value: object, file: str, key: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ProgrammeError(file, None, f"«{key}» should be a list of texts (words such as on, no, yes need quotation marks)")
    return list(value)


def _number(value: object, file: str, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProgrammeError(file, None, f"«{key}» should be a number")
    return float(value)
