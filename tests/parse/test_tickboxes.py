"""Boxes belong to the options beside them, on whichever side they stand, and a crossed box is ticked unless others are checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailroom.model import ZoneKind
from parse.activities import ActivityFinder
from parse.textview import TextView
from parse.tickboxes import Box, answered, drawn, tabled, unticked

FINDER = ActivityFinder(Path(__file__).parents[2] / "programme")


def told(text: str, forms: Iterator[list[Box]]) -> list[list[tuple[str, bool]]]:
    return [[(text[box.start : box.end], box.ticked) for box in form] for form in forms]


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("☒ tea ☐ coffee ☒ milk", [("tea", True), ("coffee", False), ("milk", True)]),
        ("Tea [x]  Coffee [ ]  Milk [X]", [("Tea", True), ("Coffee", False), ("Milk", True)]),
        ("( ) tea\n(x) coffee\n( ) milk", [("tea", False), ("coffee", True), ("milk", False)]),
        ("Tea ☐\nCoffee ☑\nMilk ☑", [("Tea", False), ("Coffee", True), ("Milk", True)]),
        ("✓ tea ✗ coffee", [("tea", True), ("coffee", False)]),
        ("Drink: tea [_] coffee [X] milk [_]", [("tea", False), ("coffee", True), ("milk", False)]),
        ("Food: ☒ soup ☐ pie. Drink: ☐ tea ☒ milk. Thanks for asking.", [("soup", True), ("pie", False), ("tea", False), ("milk", True)]),
        ("tea ☒ | coffee ☐ |", [("tea", True), ("coffee", False)]),
    ],
)
def test_boxes_that_are_drawn(text: str, boxes: list[tuple[str, bool]]) -> None:
    assert told(text, drawn(text)) == [boxes]


def test_forms_are_apart() -> None:
    """Boxes a paragraph apart are two forms; nothing need be ticked in one."""
    text = "☐ tea ☐ coffee\n\nSomething else altogether.\n\n☒ soup ☐ pie"
    assert [len(form) for form in drawn(text)] == [2, 2]
    assert [text[start:end] for start, end in unticked(text)] == ["tea", "coffee", "pie"]
    assert unticked("☐ tea ☐ coffee") == unticked("□ tea □ coffee □ milk") == []
    assert len(unticked("☐ tea ☐ coffee ☐ milk")) == len("tcm")


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("Tea: no\nCoffee: yes\nMilk:\nWater: n", [("Tea", False), ("Coffee", True), ("Milk", False), ("Water", False)]),
        ("Tea? No. Coffee? No. Milk? Yes.", [("Tea", False), ("Coffee", False), ("Milk", True)]),
        ("black tea: N; white tea: Y; milk: N.", [("black tea", False), ("white tea", True), ("milk", False)]),
        ("Tea - no\nCoffee - yes\nMilk - no", [("Tea", False), ("Coffee", True), ("Milk", False)]),
    ],
)
def test_options_answered_in_a_word(text: str, boxes: list[tuple[str, bool]]) -> None:
    assert told(text, answered(text)) == [boxes]


def test_answers_need_company_and_a_yes() -> None:
    """One answer, two answers, or none of them yes are no form."""
    assert not list(answered("Tea: yes"))
    assert not list(answered("Tea: yes\nMilk: no\n\nWe drank it."))
    assert not list(answered("Tea: no\nMilk: no\nWater: no"))


@pytest.mark.parametrize("gap", ["\n", " "])
def test_a_row_of_boxes_under_its_headings(gap: str) -> None:
    text = f"| tea | coffee | milk |{gap}| | x | |"
    assert told(text, tabled(text)) == [[("tea", False), ("coffee", True), ("milk", False)]]


def test_a_form_left_empty_says_nothing() -> None:
    view = TextView("☐ existing collaborative ☐ individual enquiry ☐ proposed collaborative ☐ learning collaborative", where=ZoneKind.OWN)
    assert not FINDER.decide(FINDER.parts(view)).candidates


def activities(text: str) -> tuple[str, ...]:
    return (FINDER.ticked((TextView(text, where=ZoneKind.OWN),)) or FINDER.decide(())).activities


EXISTING, ALONE, PROPOSED, LEARNING = "existing_collaborative", "existing_individual", "proposed_collaborative", "learning_collaborative"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("☒ already a research collaborative ☐ one person's enquiry ☐ proposed group ☒ a learning group that wants to research", (EXISTING, LEARNING)),
        ("Existing collaborative [ ]  Existing individual [x]  Proposed [x]  Learning [ ]", (ALONE, PROPOSED)),
        ("Existing ☐ Individual ☐ Proposed ☒ Learning ☐", (PROPOSED,)),
        ("Session: ☐ 19 Jan ☒ 25 Jan. Activity: ☐ existing group ☒ own enquiry ☐ proposed group ☐ learning group", (ALONE,)),
        ("Existing collaborative: no\nIndividual enquiry: no\nProposed collaborative: no\nLearning collaborative: yes", (LEARNING,)),
        ("| Existing collaborative | Individual enquiry | Proposed | Learning |\n| | x | | |", (ALONE,)),
        ("☐ existing collaborative ☐ individual ☐ proposed ☐ learning", ()),
        ("☒ existing collaborative ☒ individual enquiry ☒ proposed collaborative ☒ learning collaborative", ()),
        ("☒ existing collaborative <-- slip ☐ individual enquiry ☒ proposed collaborative ☐ learning collaborative", (PROPOSED,)),
        ("I ticked the wrong box there.\n[x] existing group [ ] own enquiry [ ] proposed group [ ] learning group", ()),
        ("Group working together now? yes\nGroup doing research now? no\nGroup wishes to do research? yes", ()),
        ("☒ Primary ☐ Secondary ☐ Nursery ☐ College", ()),
    ],
)
def test_activities_that_are_ticked(text: str, expected: tuple[str, ...]) -> None:
    """Each ticked one counts; none where nothing or everything is ticked, a tick is taken back, or the boxes are about something else."""
    assert activities(text) == expected
