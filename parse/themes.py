"""The themes that group topics (``programme/themes.yaml``), found in any text by their phrases.

Promise: time is linear in the text, whatever the number of phrases; a plural counts as its singular and a hyphen
as a space.

What it does badly: words are compared as written; «timetabling» is not «timetable» unless the file says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailroom.errors import ProgrammeError
from parse.rulefile import load_yaml
from parse.textview import language

__all__ = ["Theme", "ThemeHit", "Themes", "word_key"]

_JOINTS = frozenset(("-", "'", "'s"))  # between or after the words of a phrase, without meaning there


@dataclass(frozen=True, kw_only=True, slots=True)
class Theme:
    id: str
    label: str
    phrases: tuple[str, ...]  # specific: a topic by themselves
    words: tuple[str, ...]  # for grouping only


@dataclass(frozen=True, slots=True)
class ThemeHit:
    """Tokens ``[start, end)`` that are a phrase (``specific``) or a word of the theme with that index."""

    start: int
    end: int
    theme: int
    specific: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    rest: tuple[str, ...]  # the keys after the first
    stem: bool  # the last key is only the beginning of a word
    theme: int
    specific: bool


def word_key(word: str) -> str:
    """A word in small letters folded so that a plural equals its singular."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word.rstrip("s") if len(word) > 3 else word


class Themes:
    """All themes of the programme. Raises ProgrammeError for a mistake in the file."""

    def __init__(self, path: Path) -> None:
        self.themes = _load(path)
        self._entries: dict[str, list[_Entry]] = {}
        for index, theme in enumerate(self.themes):
            for phrases, specific in ((theme.phrases, True), (theme.words, False)):
                for phrase in phrases:
                    keys = [word_key(token.lower_) for token in language().make_doc(phrase.rstrip("*")) if token.lower_ not in _JOINTS]
                    stem = phrase.endswith("*")
                    self._entries.setdefault(keys[0], []).append(_Entry(tuple(keys[1:]), stem and len(keys) > 1, index, specific))

    def hits(self, low: Sequence[str]) -> list[ThemeHit]:
        """What the tokens (in small letters) hold, by where it starts."""
        places = [index for index, word in enumerate(low) if word not in _JOINTS]
        keys = [word_key(low[index]) for index in places]
        found: list[ThemeHit] = []
        for at, key in enumerate(keys):
            for entry in self._entries.get(key, ()):
                last = at + len(entry.rest)
                if last < len(keys) and _same(keys[at + 1 : last + 1], entry):
                    found.append(ThemeHit(places[at], places[last] + 1, entry.theme, entry.specific))
        return found

    def of(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Ids of the themes that the texts belong to, in the order of the file."""
        hit = {found.theme for text in texts for found in self.hits([token.lower_ for token in language().make_doc(text)])}
        return tuple(theme.id for index, theme in enumerate(self.themes) if index in hit)


def _same(keys: Sequence[str], entry: _Entry) -> bool:
    if entry.stem:
        return tuple(keys[:-1]) == entry.rest[:-1] and keys[-1].startswith(entry.rest[-1])
    return tuple(keys) == entry.rest


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item.strip(" *") for item in value)


def _load(path: Path) -> tuple[Theme, ...]:
    data = load_yaml(path)
    themes: list[Theme] = []
    for item in data.get("themes") or []:
        line = item.get("__line__") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(item.get("id"), str) or not isinstance(item.get("label"), str):
            raise ProgrammeError(path.name, line, "each theme needs an id and a label (texts)")
        for key in item.keys() - {"id", "label", "phrases", "words", "__line__"}:
            raise ProgrammeError(path.name, line, f"theme «{item['id']}»: unknown key «{key}»")
        if not item.get("phrases") or not _strings(item["phrases"]):
            raise ProgrammeError(path.name, line, f"theme «{item['id']}» needs a list of phrases (put words such as on or yes in quotation marks)")
        if not _strings(item.get("words") or []):
            raise ProgrammeError(path.name, line, f"theme «{item['id']}»: «words» should be a list of words")
        if item["id"] in {theme.id for theme in themes}:
            raise ProgrammeError(path.name, line, f"theme id «{item['id']}» is used twice")
        themes.append(Theme(id=item["id"], label=item["label"], phrases=tuple(item["phrases"]), words=tuple(item.get("words") or [])))
    if not themes:
        raise ProgrammeError(path.name, 1, "there are no themes")
    return tuple(themes)
