"""What letters lost at their first reading: each set that was once kept aside, read with the rules of the commit that laid it there.

    python -m bench.first_readings [--shared ../shared] [SET ...]

Figures on letters that rules have learned from flatter them, and new letters are few. This asks the history instead: for every set of
letters that was committed as tests/corpus/aside_SET.jsonl, that commit is laid out in a temporary folder, its reader reads the set, and the
scoring of the corpus beside the checkout tells what was registered without a person, and how much of it was right. The last lines tell those
letters apart that name two schools or more in full, where most wrong registrations come from.

Needs the history (no shallow clone) and, beside the checkout, the corpus with render.py and score.py and the list of schools.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[1]
READ = "import sys; from mailroom.cli import main; sys.exit(main())"
FIELDS = ("institutions", "authorities", "activities")


def git(*words: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *words], check=True, capture_output=True, text=True).stdout


def laid_aside() -> Iterator[tuple[str, str]]:
    """(set, the commit that laid it aside), the oldest first."""
    commit = ""
    for line in git("log", "--reverse", "--no-renames", "--diff-filter=A", "--format=:%h", "--name-only", "--", "tests/corpus/aside_*.jsonl").splitlines():
        if line.startswith(":"):
            commit = line[1:]
        elif line:
            yield Path(line).stem.removeprefix("aside_"), commit


def first_reading(name: str, commit: str, shared: Path, room: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(labelled letter, report) of each letter of the set, read with the rules of the commit."""
    tree, letters = room / commit, room / f"{name}.jsonl"
    if not tree.exists():
        git("worktree", "add", "--force", "--detach", str(tree), commit)
    letters.write_text(git("show", f"{commit}:tests/corpus/aside_{name}.jsonl"), encoding="utf-8")
    subprocess.run([sys.executable, str(shared / "corpus" / "render.py"), str(letters), str(room / name)], check=True, capture_output=True)
    command = [sys.executable, "-c", READ, "extract", "--schools", str(shared / "gazetteer" / "schools.csv"), str(room / name)]
    read = subprocess.run(command, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, check=True, capture_output=True, text=True).stdout
    reports = {report["id"]: report for report in map(json.loads, read.splitlines())}
    return [(item, reports[item["id"]]) for item in map(json.loads, letters.read_text(encoding="utf-8").splitlines())]


def right(labels: dict[str, Any], report: dict[str, Any], score: ModuleType) -> bool:
    """As score.py counts: registered by right, and institutions, councils and activities as labelled."""
    same = all({score.name(value) for value in labels[field]} == {score.name(value) for value in report[field]} for field in FIELDS)
    return bool(labels["outcome"] == "registered" and same)


def schools_named(report: dict[str, Any]) -> int:
    """How many schools or colleges the member's own words name in full."""
    full = ("institution.exact", "institution.alias")
    return len({told["value"] for told in report["evidence"] if told["field"] == "institutions" and told["where"] == "own" and told["rule"] in full})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    options = parser.parse_args()
    file = options.shared / "corpus" / "score.py"
    spec = importlib.util.spec_from_file_location("score", file)
    if not file.is_file() or spec is None or spec.loader is None:
        parser.error(f"{file} is missing; --shared tells where the corpus is")
    score = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(score)
    registered: Counter[tuple[bool, bool]] = Counter()
    shared = options.shared.resolve()
    with tempfile.TemporaryDirectory() as room:
        try:
            for name, commit in laid_aside():
                if options.sets and name not in options.sets:
                    continue
                read = first_reading(name, commit, shared, Path(room))
                through = [(schools_named(got) > 1, right(item["labels"], got, score)) for item, got in read if got["outcome"] == "registered"]
                due = sum(item["labels"]["outcome"] == "registered" for item, _ in read)
                good = sum(fine for _, fine in through)
                print(f"{name:4} {commit}  precision {good}/{len(through)} = {good / len(through):.3f}  recall {good}/{due} = {good / due:.3f}", flush=True)
                registered.update(through)
        finally:
            for tree in Path(room).iterdir():
                if (tree / ".git").exists():
                    git("worktree", "remove", "--force", str(tree))
    for several, said in ((False, "one school in full, or none"), (True, "two schools or more in full")):
        good, wrong = registered[several, True], registered[several, False]
        print(f"{said:28} {good + wrong:5} registered, {wrong} of them wrong")


if __name__ == "__main__":
    main()
