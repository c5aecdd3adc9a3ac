"""Topics: every rule's own examples, the corpus of statements, and the promises of the finder."""

from __future__ import annotations

from pathlib import Path

import pytest

from parse.textview import TextView
from parse.topics import TopicFinder

PROGRAMME = Path(__file__).parents[2] / "programme"
FINDER = TopicFinder(PROGRAMME)


@pytest.mark.parametrize(("rule", "text"), [(r.phrase.id, t) for r in FINDER.rules for t in r.match])
def test_each_rule_matches_its_example(rule: str, text: str) -> None:
    assert rule in {hit.phrase.id for hit in FINDER.cues.find(TextView(text, where="own"))}


@pytest.mark.parametrize(("rule", "text"), [(r.phrase.id, t) for r in FINDER.rules for t in r.not_match])
def test_each_rule_leaves_its_counterexample_alone(rule: str, text: str) -> None:
    assert rule not in {hit.phrase.id for hit in FINDER.cues.find(TextView(text, where="own"))}
