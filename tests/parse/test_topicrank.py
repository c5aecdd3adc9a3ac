"""Ranking phrases: their marks, the weights' say, the bounds on what is tried."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from parse import topicrank
from parse.textview import TextView
from parse.topicrank import Marked, best, stem, strength, together
from parse.topics import TopicFinder

FINDER = TopicFinder(Path(__file__).parents[2] / "programme")


def marked(text: str) -> list[Marked]:
    return FINDER.marked((TextView(text, where="own"),))


def phrases(text: str, weights: Mapping[str, float], most: int = 5) -> list[str]:
    return [item.text.doc[item.start : item.end].text for item in best(marked(text), weights, most)]


@pytest.mark.parametrize(
    ("word", "root"), [("tracking", "track"), ("tracked", "track"), ("comparing", "compar"), ("compare", "compar"), ("planned", "plan"), ("is", "is")]
)
def test_endings_of_verbs_make_no_difference(word: str, root: str) -> None:
    assert stem(word) == root


def test_the_weights_decide_which_phrase_is_best() -> None:
    """One mark with a weight, and the phrase that has it is first."""
    text = "We look at gardens and measure puddles"
    assert phrases(text, {"before:at": 2.0, "noun-length:1": 1.0})[0] == "gardens"
    assert phrases(text, {"before:measure": 2.0, "noun-length:1": 1.0})[0] == "puddles"


def test_no_phrase_begins_or_ends_with_a_word_without_meaning() -> None:
    """Articles, prepositions and pronouns stand only inside."""
    for phrase in phrases("The use of the puppets in the story is for us", {}, 200):
        assert phrase.split()[0].lower() not in {"the", "of", "in", "for", "us"}
        assert phrase.split()[-1].lower() not in {"the", "of", "in", "is", "for", "us"}


def test_what_comes_later_in_the_text_is_followed_to_its_end_as_well() -> None:
    """A start whose sentence says little is tried all the same: its end may tell."""
    text = "We look at gardens. " * 3 + "It may be worth a note that we measure puddles."
    assert phrases(text, {"before:at": 1.0, "last-end:les": 3.0})[0].endswith("puddles")


@pytest.mark.parametrize(("activity", "marks"), [("told", ("activity:told",)), ("none", ("activity:none",)), ("", ())])
def test_how_an_activity_is_told_speaks_for_a_topic_or_against_one(activity: str, marks: tuple[str, ...]) -> None:
    text = FINDER.marked((TextView("We look at gardens.", where="own"),), activity=activity)[0]
    assert tuple(mark for mark in text.scope.marks if mark.startswith("activity:")) == marks


def test_a_phrase_is_given_more_readily_where_an_activity_is_told() -> None:
    weights = FINDER.weights
    assert weights["activity:told"] > weights["activity:none"]


def test_what_is_given_up_in_the_next_sentence_is_marked() -> None:
    text = marked("I had a project on puddles. I gave it up.")[0]
    asked: list[str] = []

    class Remember(dict[str, float]):
        def get(self, key: str, default: Any = None) -> Any:
            asked.append(key)
            return default

    assert list(text.starts(Remember()))
    assert "next-says:dismissed" in asked


def test_only_the_ends_of_few_starts_are_tried() -> None:
    """However long the text, what is ranked stays small."""
    assert len(best(marked("puddles and gardens of zinc. " * 300), {}, 10_000)) < 8 * 14 + 1


def test_one_half_is_as_good_as_nothing() -> None:
    assert strength(2.0, 2.0) == 0.5
    assert strength(1e9, 0.0) > 0.99
    assert strength(-1e9, 0.0) < 0.01


def test_phrases_that_share_a_topic_weigh_more_together() -> None:
    assert together([1.0]) == 1.0
    assert 1.0 < together([1.0, 1.0]) < 2.0
    assert together([]) < -20.0


def test_a_sum_of_weights_does_not_depend_on_the_order_of_marks() -> None:
    """Marks come from sets, whose order differs from run to run; 0.1 + 0.2 + 0.3 is not 0.3 + 0.2 + 0.1 in plain addition."""
    weights = {"a": 0.1, "b": 0.2, "c": 0.3}
    assert len({topicrank._sum(weights, order) for order in permutations(weights)}) == 1
