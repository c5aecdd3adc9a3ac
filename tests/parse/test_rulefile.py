"""A rule file is read and compiled once for what it says, wherever it lies, and again when it says something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailroom.errors import ProgrammeError
from parse.rulefile import compile_rules, load_rules
from parse.textview import TextView

RULES = """\
rules:
  - id: group.meets
    says: group
    patterns: ["we meet"]
    match: ["We meet on Fridays."]
"""


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def hits(path: Path, text: str) -> list[str]:
    return [hit.phrase.id for hit in compile_rules(load_rules(path)).find(TextView(text, where="own"))]


def test_the_same_text_is_compiled_once(tmp_path: Path) -> None:
    one, other = written(tmp_path / "one" / "rules.yaml", RULES), written(tmp_path / "other" / "rules.yaml", RULES)
    assert compile_rules(load_rules(one)) is compile_rules(load_rules(other))


def test_an_edited_file_is_read_anew(tmp_path: Path) -> None:
    path = written(tmp_path / "rules.yaml", RULES)
    assert hits(path, "We meet on Fridays. We gather at noon.") == ["group.meets"]
    written(path, RULES.replace("we meet", "we gather").replace("group.meets", "group.gathers"))
    assert hits(path, "We meet on Fridays. We gather at noon.") == ["group.gathers"]


def test_each_file_is_told_by_its_own_name_and_keys(tmp_path: Path) -> None:
    path = written(tmp_path / "rules.yaml", RULES)
    assert load_rules(path).file == "rules.yaml"
    assert load_rules(path, shown="rules/rules.yaml").file == "rules/rules.yaml"
    with pytest.raises(ProgrammeError, match="none of person"):
        load_rules(path, says=["person"])
    assert load_rules(path, says=["group"]).rules[0].phrase.label == "group"


def test_a_mistake_is_told_every_time(tmp_path: Path) -> None:
    path = written(tmp_path / "rules.yaml", RULES.replace('"we meet"', '"we (meet"'))
    for _ in range(2):
        with pytest.raises(ProgrammeError) as told:
            compile_rules(load_rules(path))
        assert (told.value.file, told.value.line) == ("rules.yaml", 2)
