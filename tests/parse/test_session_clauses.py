"""Clauses of a sentence, and whose plan each tells."""

from __future__ import annotations

import pytest

from parse.session_clauses import clauses, pieces, whose


def test_clauses_cover_the_sentence() -> None:
    """Nothing of the sentence is lost between two clauses."""
    text = "I can't do Wednesday, but Ann can (she's free) and I'll take Tuesday."
    assert "".join(clause.text for clause in clauses(text, [])) == text


def test_rules_belong_to_the_clauses_that_they_hit() -> None:
    """A rule that spans two clauses counts in both."""
    found = clauses("I can go and so can Ann.", [("takes", "one", 2, 8), ("same", "two", 2, 18)])
    assert [sorted(clause.labels) for clause in found] == [["same", "takes"], ["same"], ["same"]]


def test_a_clause_that_ends_in_not_declines() -> None:
    """«Wednesday doesn't.»"""
    assert [clause.polarity() for clause in clauses("Tuesday works, Wednesday doesn't.", [("likes", "one", 8, 13)])] == ["likes", "declines"]


@pytest.mark.parametrize(
    ("text", "owner"),
    [("I'll be there", "me"), ("Craig is going", "other"), ("my colleague is down", "other"), ("two of us are down", "me"), ("the 19th", "before")],
)
def test_owner_is_told_by_the_subject(text: str, owner: str) -> None:
    """Where the clause names nobody, it is still the one before."""
    assert whose(clauses(text, [])[0], "before") == owner


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("As the 25th falls on our concert I have gone for the 19th", ["As the 25th falls on our concert", " I have gone for the 19th"]),
        ("While Mrs Hay favours the 25th I've opted for the 19th", ["While Mrs Hay favours the 25th", " I've opted for the 19th"]),
        ("As I have a place on the 25th", ["", "As I have a place on the 25th"]),
    ],
)
def test_reason_in_front_needs_no_comma(text: str, parts: list[str]) -> None:
    """What leads to a choice is a clause of its own."""
    assert [clause.text for clause in clauses(text, [])][: len(parts)] == parts


def test_outsiders_are_told_apart() -> None:
    """Whoever takes no part is no colleague."""
    assert whose(clauses("my husband is going", [("outsiders", "one", 0, 10)])[0], "me") == "outsider"


def test_hidden_end_cuts_a_sentence() -> None:
    """An abbreviation's stop may end a sentence."""
    assert list(pieces("Wed 19 Jan. I teach then.", 5)) == [("Wed 19 Jan. ", 5), ("I teach then.", 17)]
