"""Every rule of the programme matches its own `match` examples and none of its `not` examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parse.phrases import Phrase, PhraseMatcherSet
from parse.rulefile import load_yaml
from parse.textview import TextView

FOLDER = Path(__file__).parents[2] / "programme" / "rules"


def shared_lists() -> dict[str, list[str]]:
    """Word lists that all rule files may use."""
    path = FOLDER / "lists.yaml"
    return {k: v for k, v in (load_yaml(path).get("lists") or {}).items() if k != "__line__"} if path.exists() else {}


def all_rules() -> list[Any]:
    """Each rule with phrase patterns, of every rule file, with the word lists it may use."""
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        data = load_yaml(path)
        lists = {**shared_lists(), **{k: v for k, v in (data.get("lists") or {}).items() if k != "__line__"}}
        for rule in data.get("rules") or []:
            if "patterns" in rule:
                found.append(pytest.param(rule, lists, id=f"{path.stem}:{rule['id']}"))
    return found


RULES = all_rules()


def test_there_are_rules() -> None:
    """An empty folder would make the tests below pass for nothing."""
    assert len(RULES) > 20


@pytest.mark.parametrize(("rule", "lists"), RULES)
def test_rule_reads_its_own_examples(rule: dict[str, Any], lists: dict[str, list[str]]) -> None:
    """A rule has examples of both sorts, and reads them as it says."""
    patterns = rule["patterns"] if isinstance(rule["patterns"], list) else [rule["patterns"]]
    matcher = PhraseMatcherSet([Phrase(id=rule["id"], label="x", patterns=tuple(patterns))], lists)
    matching, other = rule.get("match") or [], rule.get("not") or []
    assert matching and other, "a rule needs at least one «match» and one «not» example"
    for example in [matching] if isinstance(matching, str) else matching:
        assert list(matcher.find(TextView(example, where="own"))), f"should match: {example}"
    for example in [other] if isinstance(other, str) else other:
        hits = [hit.span.text for hit in matcher.find(TextView(example, where="own"))]
        assert not hits, f"should not match: {example}: {hits}"


def test_rule_ids_are_unique_over_all_files() -> None:
    """Evidence names a rule by its id alone."""
    ids = [param.values[0]["id"] for param in RULES]
    assert sorted(ids) == sorted(set(ids))
