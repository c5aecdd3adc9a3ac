"""The programme's knowledge, loaded and validated in one place: facts, reply templates, rules, school lists.

Each stage owns the form of its own files; this module only brings them together and gathers their
mistakes, so that an operator sees all of them at once, each with file and line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailroom.errors import Misconfigured, ProgrammeError
from notify.compose import Composer, own_template_lines
from notify.facts import Facts, load_facts
from parse.gazetteer import School
from parse.schoollist import load_schools

__all__ = ["Programme", "load_programme"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Programme:
    folder: Path
    facts: Facts
    schools: tuple[School, ...]
    composer: Composer
    own_lines: tuple[str, ...]  # fixed lines of our templates: a quote of them is never evidence


def load_programme(folder: Path, school_lists: Sequence[Path] = (), changes: Mapping[str, str] | None = None) -> Programme:
    """Raises ProgrammeError for the first mistake in facts, templates or lists (rules are the Reader's).

    ``changes``: what persons say in answers instead of the folder's words (``notify.passages``).
    """
    if not folder.is_dir():
        raise Misconfigured(f"{folder}: there is no such programme folder; leave programme.folder out to use the shipped one")
    schools: list[School] = []
    for path in school_lists:
        if not path.is_file():
            raise ProgrammeError(str(path), None, "there is no such school list; check programme.schools or --schools")
        schools += load_schools(path, folder)
    facts = load_facts(folder)
    composer = Composer(folder / "replies", changes)
    return Programme(folder=folder, facts=facts, schools=tuple(schools), composer=composer, own_lines=own_template_lines(composer, facts))
