"""Rule files of the programme: YAML that a careful non-programmer edits, read with line numbers.

    lists:                          # word lists that patterns call as {doing}
      doing: [meeting, working on]
    rules:
      - id: group.been-meeting      # unique over all files; what evidence and reports name
        says: existing_collaborative
        weight: 2                   # optional, 1 unless given
        patterns: ["we [have|'ve] been {doing}"]      # the language of parse/phrases.py
        match: ["We've been meeting on Fridays."]     # must match; tested
        not: ["We have been asked to write."]         # must not match; tested

Errors are ProgrammeErrors with file and line.

What a file says is read and compiled once for each process and content (adr/0023): who opens the same programme again,
as the desk does to show what a change would do, has it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from mailroom.errors import ProgrammeError
from mailroom.yamlfile import load_yaml, parse_yaml, yaml_text
from parse.phrases import Phrase, PhraseError, PhraseMatcherSet

__all__ = ["Rule", "RuleFile", "compile_rules", "load_rules", "load_yaml"]

T = TypeVar("T")
_FILES = 32  # of so many contents, with the keys that are asked of each, what was read is kept: several times what a programme has
_KEYS = {"id", "says", "weight", "patterns", "match", "not"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    phrase: Phrase
    match: tuple[str, ...]
    not_match: tuple[str, ...]
    file: str
    line: int
    extra: Mapping[str, Any] = field(default_factory=dict)  # further keys that the finder allows


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleFile:
    file: str
    lists: Mapping[str, tuple[str, ...]]
    rules: tuple[Rule, ...]
    settings: Mapping[str, Any]  # top-level keys other than lists and rules
    _made: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` gives, made at the first call with this name. It must depend on this file alone, and nobody may change it."""
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    @property
    def spellings(self) -> dict[str, str]:
        """What is to be read for words that are written otherwise, in small letters."""
        told = self.settings.get("spellings") or {}
        return {str(word).lower(): str(meant).lower() for word, meant in told.items() if word != "__line__"}


def _strings(value: Any, *, file: str, line: int, key: str) -> tuple[str, ...]:
    if value is None:
        return ()
    values = value if isinstance(value, list) else [value]
    for item in values:
        if not isinstance(item, str):
            raise ProgrammeError(file, line, f"«{key}» should hold texts; {item!r} is none (put it in quotation marks)")
    return tuple(values)


def load_rules(path: Path, *, shown: str | None = None, says: Sequence[str] | None = None, extra: Sequence[str] = ()) -> RuleFile:
    """Read a rule file. ``says``: the allowed values of that key; ``extra``: further keys a rule may have."""
    file = shown or path.name
    return _read(yaml_text(path, shown=file), file, None if says is None else tuple(says), tuple(extra))


@lru_cache(maxsize=_FILES)
def _read(text: str, file: str, says: tuple[str, ...] | None, extra: tuple[str, ...]) -> RuleFile:
    data = parse_yaml(text, shown=file)
    lists: dict[str, tuple[str, ...]] = {}
    for name, words in (data.get("lists") or {}).items():
        if name != "__line__":
            lists[name] = _strings(words, file=file, line=data["lists"]["__line__"], key=name)
    rules: list[Rule] = []
    for item in data.get("rules") or []:
        line = item.get("__line__", 1) if isinstance(item, dict) else 1
        if not isinstance(item, dict) or not isinstance(item.get("id"), str):
            raise ProgrammeError(file, line, "each rule needs an id (a short text)")
        for key in item.keys() - _KEYS - set(extra) - {"__line__"}:
            raise ProgrammeError(file, line, f"rule «{item['id']}»: unknown key «{key}»")
        label = item.get("says", "")
        if says is not None and label not in says:
            raise ProgrammeError(file, line, f"rule «{item['id']}»: «says: {label}» is none of {', '.join(says)}")
        patterns = _strings(item.get("patterns"), file=file, line=line, key="patterns")
        if not patterns:
            raise ProgrammeError(file, line, f"rule «{item['id']}» has no patterns")
        rules.append(
            Rule(
                phrase=Phrase(id=item["id"], label=label, patterns=patterns, weight=float(item.get("weight", 1))),
                match=_strings(item.get("match"), file=file, line=line, key="match"),
                not_match=_strings(item.get("not"), file=file, line=line, key="not"),
                file=file,
                line=line,
                extra={key: item[key] for key in extra if key in item},
            )
        )
    settings = {key: value for key, value in data.items() if key not in ("lists", "rules", "__line__")}
    return RuleFile(file=file, lists=lists, rules=tuple(rules), settings=settings)


def compile_rules(file: RuleFile) -> PhraseMatcherSet:
    """The rules as a matcher that mends the file's spellings; a pattern that cannot be read is a ProgrammeError with its line."""
    return file.once("matcher", lambda: _compiled(file))


def _compiled(file: RuleFile) -> PhraseMatcherSet:
    try:
        return PhraseMatcherSet([rule.phrase for rule in file.rules], file.lists, file.spellings)
    except PhraseError as error:
        wrong = error
    for rule in file.rules:
        try:
            PhraseMatcherSet([rule.phrase], file.lists)
        except PhraseError as error:
            raise ProgrammeError(file.file, rule.line, str(error)) from error
    raise ProgrammeError(file.file, None, str(wrong)) from wrong
