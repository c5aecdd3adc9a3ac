"""The programme's knowledge, loaded and validated in one place: facts, reply templates, rules, school lists.

Each stage owns the form of its own files; this module only brings them together and gathers their
mistakes, so that an operator sees all of them at once, each with file and line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mailroom.errors import Misconfigured, ProgrammeError
from notify.facts import Facts, load_facts
from parse.gazetteer import School
from parse.schoollist import load_schools

if TYPE_CHECKING:
    from mailroom.config import RepliesConfig
    from notify.compose import Composer
    from parse.reader import Reader

__all__ = ["Knowledge", "Programme", "load_knowledge", "load_programme", "reader_for"]


_REPLIES = "replies"


@dataclass(frozen=True, kw_only=True, slots=True)
class Knowledge:
    """What a Reader needs of a programme."""

    folder: Path
    facts: Facts
    schools: tuple[School, ...]
    own_lines: Collection[str]  # fixed lines of our templates: a quote of them is never evidence


@dataclass(frozen=True, kw_only=True, slots=True)
class Programme(Knowledge):
    """The same, and what answers are made of."""

    composer: Composer


class _OwnLines(Collection[str]):
    """The lines of a folder's templates, found when they are asked for.

    To read and fill in every template takes a seventh of the start of `extract`, and short letters hold none of their lines.
    """

    def __init__(self, folder: Path, facts: Facts) -> None:
        self._folder, self._facts = folder, facts

    @cached_property
    def _lines(self) -> tuple[str, ...]:
        from notify.compose import Composer, own_template_lines

        return own_template_lines(Composer(self._folder / _REPLIES), self._facts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, line: object) -> bool:
        return line in self._lines


def load_knowledge(folder: Path, school_lists: Sequence[Path] = ()) -> Knowledge:
    """To read with, where nothing is answered: a reply template that cannot be filled in is only told of if a letter is held against its lines.

    Raises ProgrammeError for the first mistake in facts or lists (rules are the Reader's).
    """
    facts, schools = _facts_and_schools(folder, school_lists)
    return Knowledge(folder=folder, facts=facts, schools=schools, own_lines=_OwnLines(folder, facts))


def load_programme(folder: Path, school_lists: Sequence[Path] = (), changes: Mapping[str, str] | None = None) -> Programme:
    """Raises ProgrammeError for the first mistake in facts, templates or lists (rules are the Reader's).

    ``changes``: what persons say in answers instead of the folder's words (``notify.passages``).
    """
    from notify.compose import Composer, own_template_lines

    facts, schools = _facts_and_schools(folder, school_lists)
    composer = Composer(folder / _REPLIES, changes)
    return Programme(folder=folder, facts=facts, schools=schools, own_lines=own_template_lines(composer, facts), composer=composer)


def _facts_and_schools(folder: Path, school_lists: Sequence[Path]) -> tuple[Facts, tuple[School, ...]]:
    if not folder.is_dir():
        raise Misconfigured(f"{folder}: there is no such programme folder; leave programme.folder out to use the shipped one")
    schools: list[School] = []
    for path in school_lists:
        if not path.is_file():
            raise ProgrammeError(str(path), None, "there is no such school list; check programme.schools or --schools")
        schools += load_schools(path, folder)
    return load_facts(folder), tuple(schools)


def reader_for(programme: Knowledge, replies: RepliesConfig | None = None) -> Reader:
    """The reader of this programme's mail; ``replies`` tells it what is our own. Raises ProgrammeError for the first mistake in the rules."""
    from parse.reader import Reader

    own, names = (replies.own, replies.own_names) if replies is not None else ((), ())
    return Reader(programme.folder, programme.schools, own_addresses=own, own_names=names, own_lines=programme.own_lines)
