"""How often a letter is read otherwise when only its dress has changed: the rate of changes of each mutation.

    python bench/mutations.py [FILE.jsonl ...] [--schools FILE] [--show N] [--only WORD]

Files hold labelled mail in the corpus format; without any, the project's own. Each letter is rendered as its
program sends it, and again with each mutation of ``tests/fixtures/mutations.py``. A letter counts as changed
when kind, institutions, authorities, activities, topics, sessions or outcome differ; «own words» counts those
whose own words are not exactly what was typed. Labels are not needed to be right: only change is measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
FIELDS = ("institutions", "authorities", "activities", "topics", "sessions")
Values = dict[str, Any]


def labelled(files: list[Path]) -> list[dict[str, Any]]:
    """The lines of the files; of our own corpus those that rules may be mended on."""
    own = sorted((ROOT / "tests" / "corpus").glob("fresh_*.jsonl"))
    lines = [json.loads(line) for file in files or own for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [line for line in lines if files or not line["id"].startswith("fd")]


def read(reader: Any, item: dict[str, Any]) -> tuple[Values, str]:
    """(values, own words without white space)."""
    from tests.fixtures.mailers import render
    from tests.fixtures.mutations import PERSON_KINDS

    reading = reader.read(render(item))
    found, parsed = reading.extraction, reading.parsed
    values: Values = {"kind": PERSON_KINDS.get(found.kind, found.kind.value), "outcome": reading.decision.outcome.value}
    values |= {field: sorted(value.casefold() for value in getattr(found, field)) for field in FIELDS}
    own = "".join(parsed.body[zone.start : zone.end] for zone in parsed.zones if zone.kind in ("own", "inline_answer"))
    return values, "".join(own.split())


def main() -> None:
    from mailroom.extracting import open_reader
    from tests.fixtures.mutations import LAWFUL_LOSS, MUTATIONS, THREAD_SAYS_KIND, mutations

    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("files", nargs="*", type=Path)
    options.add_argument("--schools", action="append", default=[])
    options.add_argument("--show", type=int, default=0, help="print the first N changes of each mutation")
    options.add_argument("--only", default="", help="mutations whose name holds this")
    asked = options.parse_args()
    reader = open_reader(schools=asked.schools)
    counts: dict[str, Counter[str]] = {name: Counter() for name in MUTATIONS if asked.only in name}
    for item in labelled(asked.files):
        bases: dict[str, Values] = {}
        for name, base, mutated in mutations(item, asked.only):
            key = json.dumps(base, sort_keys=True)
            if key not in bases:
                bases[key] = read(reader, base)[0]
            values, own = read(reader, mutated)
            count = counts[name]
            count["all"] += 1
            typed = "".join("".join(line for line in mutated["body"].split("\n") if not line.startswith(">")).split())
            count["own"] += own.replace(">", "") != typed.replace(">", "")
            compared = values.keys() - ({"kind"} if name in THREAD_SAYS_KIND else set())
            differing = sorted(field for field in compared if values[field] != bases[key][field])
            count["changed"] += bool(differing)
            count.update(differing)
            if differing and count["changed"] <= asked.show:
                print(name, item["id"], {field: (bases[key][field], values[field]) for field in differing}, file=sys.stderr)
    print(f"{'mutation':26} {'letters':>7} {'changed':>8} {'rate':>7} {'own words':>10}  what changed")
    for name, count in counts.items():
        what = ", ".join(f"{field} {number}" for field, number in count.most_common() if field not in ("all", "changed", "own"))
        note = " (some lawfully)" if name in LAWFUL_LOSS and count["changed"] else ""
        print(f"{name:26} {count['all']:7} {count['changed']:8} {count['changed'] / max(1, count['all']):7.2%} {count['own']:10}  {what}{note}")
    total, changed = sum(count["all"] for count in counts.values()), sum(count["changed"] for count in counts.values())
    print(f"{'all':26} {total:7} {changed:8} {changed / max(1, total):7.2%}")


if __name__ == "__main__":
    main()
