"""`mailroom rules`: every rule of the programme, where it stands, what it says, and how often it hit.

A rule is whatever has an id of its own under the programme folder: phrase rules, signs in headers and
senders, zone cues, themes, and the named strengths of institutions. Two numbers stand beside each, both in
messages: `hit` (its pattern is somewhere in the mail) and `cited` (a value that was read, chosen or not, or a
theme, names it as evidence). A rule that never hit is marked: it is a slip, or it waits for its first mail.

Promise: nothing is changed; the store's readings are counted as they were stored, a folder is read anew.

What it does badly: a rule that works by pushing another aside (a negation, a role of a school) is cited by
no value, so `hit` is all that is known of it; strengths have no pattern, so `cited` is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailroom.model import ParsedMessage, Reading, alias_of_rule
from mailroom.yamlfile import load_yaml
from parse.cues import CueSet
from parse.kind import KindFinder
from parse.rulefile import RuleFile, compile_rules, load_rules
from parse.views import views

if TYPE_CHECKING:
    from mailroom.config import Config
    from store import Store

__all__ = ["Entry", "Rulebook", "folder_readings", "print_rules", "run_rules", "store_readings"]

Matcher = Callable[[ParsedMessage], set[str]]
_USUAL_KEYS = {"id", "says", "weight", "patterns", "match", "not", "__line__"}
_ZONES = "zones.yaml"  # its patterns are a line's, not a sentence's
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-", "\u00a0": " "})


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A rule as the list shows it. ``file`` is relative to the programme folder."""

    id: str
    file: str
    line: int
    says: str
    weight: float | None
    matched: bool  # whether it has a pattern that can hit


class Rulebook:
    """The rules of ``folder``. Raises ProgrammeError for one that cannot be read."""

    def __init__(self, folder: Path) -> None:
        self.entries: list[Entry] = []
        self._matchers: list[Matcher] = []
        for path in sorted([*folder.glob("*.yaml"), *folder.glob("rules/*.yaml")]):
            shown = path.relative_to(folder).as_posix()
            data = load_yaml(path, shown=shown)
            if data.get("rules"):
                keys = {key for item in data["rules"] if isinstance(item, dict) for key in item}
                file = load_rules(path, shown=shown, extra=tuple(keys - _USUAL_KEYS))
                self._matchers.append(_line_matcher(file) if path.name == _ZONES else _phrase_matcher(file))
                self.entries += [Entry(id=r.phrase.id, file=shown, line=r.line, says=r.phrase.label, weight=r.phrase.weight, matched=True) for r in file.rules]
            for key in ("headers", "senders"):
                self.entries += [_of_item(item, shown, says=item.get("says", ""), matched=True) for item in data.get(key) or []]
            if data.get("headers"):
                finder = KindFinder(folder)
                self._matchers.append(lambda parsed, finder=finder: {sign.evidence.rule for sign in finder.header_signs(parsed)})  # type: ignore[misc]
            self.entries += [_of_item(item, shown, says=f"theme {item['label']}", matched=False) for item in data.get("themes") or []]
            strengths = data.get("strengths")
            if strengths:
                self.entries += [
                    Entry(id=name, file=shown, line=strengths.lines[name], says="strength", weight=float(value), matched=False)
                    for name, value in strengths.items()
                    if name != "__line__"
                ]

    def hits(self, parsed: ParsedMessage) -> set[str]:
        """Ids of the rules whose pattern is in the message."""
        return set().union(*(matcher(parsed) for matcher in self._matchers))

    def count(self, readings: Iterable[Reading]) -> tuple[int, Counter[str], Counter[str]]:
        """(messages, messages in which each rule hit, messages in which it was cited)."""
        messages, hit, cited = 0, Counter[str](), Counter[str]()
        for reading in readings:
            messages += 1
            hit.update(self.hits(reading.parsed))
            cited.update({_rule(c.evidence.rule) for c in reading.extraction.candidates} | set(reading.extraction.themes))
        return messages, hit, cited


def _rule(named: str) -> str:
    """All remembered aliases are one rule here; «mailroom aliases list» counts each."""
    return "remembered" if alias_of_rule(named) is not None else named


def _of_item(item: Mapping[str, Any], shown: str, *, says: str, matched: bool) -> Entry:
    weight = item.get("weight")
    return Entry(id=str(item["id"]), file=shown, line=item["__line__"], says=says, weight=None if weight is None else float(weight), matched=matched)


def _phrase_matcher(file: RuleFile) -> Matcher:
    matcher = compile_rules(file)
    return lambda parsed: {hit.phrase.id for view in views(parsed) for hit in matcher.find(view)}


def _line_matcher(file: RuleFile) -> Matcher:
    cues = {rule.phrase.id: CueSet(rule.phrase.patterns) for rule in file.rules}

    def found(parsed: ParsedMessage) -> set[str]:
        lines = {" ".join(line.translate(_QUOTES).lstrip("> ").split()) for line in parsed.body.split("\n")} - {""}
        return {name for name, cue in cues.items() if any(cue.found(line) for line in lines)}

    return found


# --- what was read


def store_readings(store: Store) -> Iterator[Reading]:
    """The last reading of every message of the ledger."""
    before: int | None = None
    while page := store.messages(limit=500, before_id=before):
        for summary in page:
            record = store.message(summary.id)
            if record is not None and record.readings:
                yield record.readings[-1].reading
        before = page[-1].id


def folder_readings(folder: Path, *, schools: Sequence[str], programme: Path | None, config: Config | None) -> Iterator[Reading]:
    from mailroom.extracting import messages_in, open_reader

    reader = open_reader(schools=schools, programme=programme, config=config)
    for _, content in messages_in([str(folder)]):
        yield reader.read(content)


# --- the command


def rule_dicts(book: Rulebook, counted: tuple[int, Counter[str], Counter[str]] | None) -> list[dict[str, Any]]:
    rows = []
    for e in book.entries:
        row: dict[str, Any] = {"id": e.id, "file": e.file, "line": e.line, "says": e.says, "weight": e.weight}
        if counted is not None:
            _, hit, cited = counted
            row["hit"] = hit[e.id] if e.matched else None
            row["cited"] = cited[e.id]
            row["never"] = not hit[e.id] and not cited[e.id]
        rows.append(row)
    return rows


def print_rules(rows: Sequence[Mapping[str, Any]], messages: int | None) -> None:
    from mailroom.show import table

    headings = (["hit", "cited"] if messages is not None else []) + ["rule", "where", "says", "weight"]

    def cells(row: Mapping[str, Any]) -> list[str]:
        made = [row["id"], f"{row['file']}:{row['line']}", row["says"], "" if row["weight"] is None else f"{row['weight']:g}"]
        if messages is not None:
            hit = "" if row["hit"] is None else str(row["hit"])
            made = ["never", "", *made] if row["never"] else [hit, str(row["cited"]), *made]
        return made

    table(headings, [cells(row) for row in rows])
    if messages is None:
        click.echo(f"{len(rows)} rules; with --hits FOLDER or --config FILE also how often each hit")
    else:
        click.echo(f"{len(rows)} rules over {messages} messages; {sum(row['never'] for row in rows)} never hit")


def run_rules(
    *, programme: Path | None, schools: Sequence[str], hits: Path | None, config: Config | None, open_store: Callable[[], Store] | None, as_json: bool
) -> None:
    """The whole command. Counts over ``hits`` if given, else over the store if there are settings, else not at all."""
    import json

    from mailroom.config import data_folder

    book = Rulebook(programme or (config.programme.folder if config else None) or data_folder() / "programme")
    counted = None
    if hits is not None:
        counted = book.count(folder_readings(hits, schools=schools, programme=programme, config=config))
    elif open_store is not None:
        counted = book.count(store_readings(open_store()))
    rows = rule_dicts(book, counted)
    if as_json:
        click.echo(json.dumps({"messages": counted[0] if counted else None, "rules": rows}, ensure_ascii=False))
    else:
        print_rules(rows, counted[0] if counted else None)
