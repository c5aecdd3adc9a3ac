"""`mailroom schools import`: the year's school list as a CSV that `programme.schools` can name, and what changed.

The list is read by ``parse.schoollist``: the government's «School contact details» workbook or a CSV. It is
compared with an earlier one, school by school, by seed code and sector (by name and council where a list has
no codes). Members go on writing the names they know, so a renamed school keeps its old ones as aliases, and
so does a school that took a closed one's place: the one new school of the same council and sector at the
closed one's postcode. A closed school without such a successor stays in the file, marked in the column
`closed`: its name is still read as that school's, not as an unknown one's.

Promise: the new file is read back before it takes the old one's place; nothing is written if that fails, and
an alias never equals the name of another open school of the same council.

What it does badly: schools that merge under a new roof and postcode look closed and new; write the old names
into the new one's `aliases` by hand, and the next import keeps them.
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from mailroom.errors import MailroomError
from parse.schoollist import load_schools
from parse.schoolnames import School, words

__all__ = ["COLUMNS", "Changes", "Listed", "merge", "read_list", "run_import", "write_list"]

COLUMNS = ("seed_code", "name", "authority", "sector", "postcode", "aliases", "closed")
_SHOWN = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A school of a list; ``closed`` says in which import it was no longer there, "" while it is open."""

    school: School
    closed: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What an import changed. A school may be renamed and moved at once."""

    new: list[School] = field(default_factory=list)
    closed: list[School] = field(default_factory=list)
    succeeded: list[tuple[School, School]] = field(default_factory=list)  # (closed, the one in its place); among ``closed`` too
    renamed: list[tuple[School, School]] = field(default_factory=list)  # (before, now)
    moved: list[tuple[School, School]] = field(default_factory=list)
    other: list[tuple[School, School]] = field(default_factory=list)  # postcode, sector or spelling
    reopened: list[School] = field(default_factory=list)
    dropped: list[tuple[str, School]] = field(default_factory=list)  # (alias, of) that is another open school's name
    unchanged: int = 0


def read_list(path: Path, folder: Path) -> list[Listed]:
    """A list, with the marks that an earlier import left. Raises ProgrammeError."""
    schools = load_schools(path, folder)
    marks: dict[tuple[str, str, str], str] = {}
    if path.suffix.lower() == ".csv":
        text = path.read_text(encoding="utf-8-sig", errors="replace")
        for row in csv.DictReader(io.StringIO(text)):
            if row.get("closed"):
                marks[row.get("seed_code") or "", row.get("name") or "", row.get("authority") or ""] = row["closed"]
    return [Listed(school=school, closed=marks.get((school.seed_code, school.name, school.authority), "")) for school in schools]


def merge(now: Sequence[School], before: Sequence[Listed], *, mark: str) -> tuple[list[Listed], Changes]:
    """The list ``now`` with what is to be kept of the one ``before``; ``mark`` goes into ``closed``."""
    changes = Changes()
    pairs, new, gone = _paired(now, before)
    kept: dict[int, list[str]] = defaultdict(list)  # place in ``now`` -> old names
    for index, old in pairs:
        school, earlier = now[index], old.school
        kept[index] += [*earlier.aliases, earlier.name]
        renamed, moved = _plain(school.name) != _plain(earlier.name), school.authority != earlier.authority
        if old.closed:
            changes.reopened.append(school)
        if renamed:
            changes.renamed.append((earlier, school))
        if moved:
            changes.moved.append((earlier, school))
        if not (renamed or moved or old.closed):
            if (school.name, school.sector, school.postcode) == (earlier.name, earlier.sector, earlier.postcode):
                changes = replace(changes, unchanged=changes.unchanged + 1)
            else:
                changes.other.append((earlier, school))
    changes.new.extend(now[index] for index in new)
    closed: list[Listed] = []
    for old in gone:
        heir = None if old.closed else _heir(old.school, now, new)
        if heir is None:
            closed.append(old if old.closed else replace(old, closed=mark))
        else:
            kept[heir] += [*old.school.aliases, old.school.name]
            changes.succeeded.append((old.school, now[heir]))
        if not old.closed:
            changes.closed.append(old.school)
    owners = defaultdict(set)
    for index, school in enumerate(now):
        owners[_plain(school.name), school.authority].add(index)
    merged = [Listed(school=_with_aliases(school, kept[index], index, owners, changes)) for index, school in enumerate(now)]
    return sorted([*merged, *closed], key=_order), changes


def _order(listed: Listed) -> tuple[str, str, str, str]:
    school = listed.school
    return (school.authority, _plain(school.name), school.seed_code, school.sector)


def _plain(name: str) -> str:
    return " ".join(word.norm for word in words(name.replace("\u2019", "'")))


_KEYS: tuple[Callable[[School], tuple[str, ...]], ...] = (
    lambda s: (s.seed_code, s.sector) if s.seed_code else (),
    lambda s: (s.seed_code,) if s.seed_code else (),  # its sector is told otherwise this year
    lambda s: (_plain(s.name), s.authority, s.sector),  # one of the lists has no codes
    lambda s: (_plain(s.name), s.authority),
)


def _paired(now: Sequence[School], before: Sequence[Listed]) -> tuple[list[tuple[int, Listed]], list[int], list[Listed]]:
    """(pairs of place in ``now`` and earlier school, places of new schools, earlier schools without a pair)."""
    pairs: list[tuple[int, Listed]] = []
    fresh, old = list(range(len(now))), list(range(len(before)))
    for key in _KEYS:
        mine, theirs = _single(key, ((i, now[i]) for i in fresh)), _single(key, ((i, before[i].school) for i in old))
        found = [(mine[k], theirs[k]) for k in mine if k in theirs and _one_school(now[mine[k]], before[theirs[k]].school)]
        pairs += [(i, before[j]) for i, j in found]
        fresh = sorted(set(fresh) - {i for i, _ in found})
        old = sorted(set(old) - {j for _, j in found})
    return sorted(pairs, key=lambda pair: pair[0]), fresh, [before[j] for j in old]


def _single(key: Callable[[School], tuple[str, ...]], schools: Iterable[tuple[int, School]]) -> dict[tuple[str, ...], int]:
    """Keys that one school alone has, with its place."""
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, school in schools:
        if key(school):
            places[key(school)].append(index)
    return {k: found[0] for k, found in places.items() if len(found) == 1}


def _one_school(one: School, other: School) -> bool:
    """Two codes are two schools, whatever they are called."""
    return not (one.seed_code and other.seed_code and one.seed_code != other.seed_code)


def _heir(closed: School, now: Sequence[School], new: Sequence[int]) -> int | None:
    """The one new school in the closed one's place."""
    if not closed.postcode:
        return None
    place = closed.postcode.replace(" ", "")
    found = [i for i in new if (now[i].authority, now[i].sector, now[i].postcode.replace(" ", "")) == (closed.authority, closed.sector, place)]
    return found[0] if len(found) == 1 else None


def _with_aliases(school: School, old: Sequence[str], index: int, owners: Mapping[tuple[str, str], set[int]], changes: Changes) -> School:
    aliases: dict[str, str] = {}
    for alias in (*school.aliases, *old):
        plain = _plain(alias)
        if not plain or plain == _plain(school.name) or plain in aliases:
            continue
        if owners.get((plain, school.authority), set()) - {index}:
            changes.dropped.append((alias, school))
            continue
        aliases[plain] = alias.replace("|", "/")
    return replace(school, aliases=tuple(aliases.values()))


def write_list(listed: Sequence[Listed], path: Path, folder: Path) -> None:
    """Write and read back, then put in place: a half-written or unreadable list never is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.part.csv")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for item in listed:
                s = item.school
                writer.writerow((s.seed_code, s.name, s.authority, s.sector, s.postcode, "|".join(s.aliases), item.closed))
        if read_list(part, folder) != list(listed):
            raise MailroomError(f"{path}: the list does not read back as it was written; it is left as it was")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


# --- the command


def _shown(school: School) -> str:
    return f"{school.name}, {school.authority or 'no council'}" + (f" ({school.seed_code})" if school.seed_code else "")


def changes_dict(changes: Changes) -> dict[str, Any]:
    def one(school: School) -> dict[str, str]:
        return {"seed_code": school.seed_code, "name": school.name, "authority": school.authority}

    def two(pairs: Sequence[tuple[School, School]]) -> list[dict[str, Any]]:
        return [{"before": one(before), "now": one(now)} for before, now in pairs]

    return {
        "new": [one(s) for s in changes.new],
        "closed": [one(s) for s in changes.closed],
        "succeeded": two(changes.succeeded),
        "renamed": two(changes.renamed),
        "moved": two(changes.moved),
        "other": two(changes.other),
        "reopened": [one(s) for s in changes.reopened],
        "dropped": [{"alias": alias, "of": one(school)} for alias, school in changes.dropped],
        "unchanged": changes.unchanged,
    }


def print_changes(changes: Changes) -> None:
    from mailroom.printing import printable

    heirs = {id(closed): heir for closed, heir in changes.succeeded}
    groups: tuple[tuple[str, list[str]], ...] = (
        ("new", [_shown(s) for s in changes.new]),
        ("closed", [_shown(s) + (f": its name goes to {_shown(heirs[id(s)])}" if id(s) in heirs else ": kept, marked") for s in changes.closed]),
        ("renamed", [f"{_shown(before)} is now {now.name}" for before, now in changes.renamed]),
        ("moved to another council", [f"{_shown(now)}, before {before.authority or 'none'}" for before, now in changes.moved]),
        ("there again", [_shown(s) for s in changes.reopened]),
        ("names not kept, because another school bears them", [f"{alias} of {_shown(s)}" for alias, s in changes.dropped]),
    )
    for heading, lines in groups:
        if lines:
            click.echo(f"{heading}: {len(lines)}")
            for line in lines[:_SHOWN]:
                click.echo(f"  {printable(line)}")
            if len(lines) > _SHOWN:
                click.echo(f"  ... and {len(lines) - _SHOWN} more (--json lists all)")
    click.echo(f"other spelling, postcode or sector: {len(changes.other)}; unchanged: {changes.unchanged}")


def run_import(source: Path, *, into: Path, against: Path | None, folder: Path, dry_run: bool, as_json: bool) -> None:
    """The whole command. ``against`` is the file that ``into`` replaces, unless another one is named."""
    now = load_schools(source, folder)
    old = against or (into if into.exists() else None)
    before = read_list(old, folder) if old else []
    listed, changes = merge(now, before, mark=source.stem)
    if not dry_run:
        write_list(listed, into, folder)
    if as_json:
        made = {"read": len(now), "against": str(old) if old else None, "written": None if dry_run else str(into), **changes_dict(changes)}
        click.echo(json.dumps(made, ensure_ascii=False))
        return
    if old:
        click.echo(f"{len(now)} schools in {source}, against {len(before)} in {old}")
        print_changes(changes)
    else:
        click.echo(f"{len(now)} schools in {source}; there is no earlier list to compare with")
    if dry_run:
        click.echo("nothing was written (--dry-run)")
    else:
        click.echo(f"wrote {len(listed)} schools to {into}; config.yaml should name it: programme: {{schools: [{into}]}}")
