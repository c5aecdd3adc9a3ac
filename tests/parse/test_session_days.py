"""A day of something else, told by the words beside it."""

from __future__ import annotations

import pytest

from parse.session_days import is_away, is_day_of_a_deed, is_fronted, is_of_something_else, is_told_of


@pytest.mark.parametrize(
    ("before", "after", "fronted"),
    [
        ("the ", " I'm on the boat", True),
        (" and on the ", ", we have the clinic", True),
        ("", " there's a fair", True),
        ("I'm booked for the ", " I am", False),
        ("on the ", " is fine", False),
    ],
)
def test_day_in_front_of_what_is_done_then(before: str, after: str, fronted: bool) -> None:
    assert is_fronted(before, after) is fronted


@pytest.mark.parametrize(
    ("before", "after", "away"),
    [
        ("the ", " I'm on the boat", True),
        ("on the ", " I have an asthma clinic", True),
        ("on the ", " a scan at 5.15", True),
        ("the ", " I'm on a late shift", True),
        ("the ", " we're on the early ferry", True),
        ("on the ", " I'm teaching the infants", True),
        ("the ", " I'll be a few minutes late", False),
        ("the ", " I'll be late", False),
        ("on the ", " I'll be a wee bit early", False),
        ("on the ", " I'll be ten mins behind", False),
        ("the ", " I'll be logging in from home", False),
        ("on the ", " we'll be dialling from the staffroom", False),
        ("on the ", " I'm teaching till 2", False),
        ("on the ", " I'll be there", False),
        ("the ", " we have places", False),
        ("I'm booked for the ", " I'm on the boat", False),
        ("the ", " suits", False),
    ],
)
def test_away_that_day(before: str, after: str, away: bool) -> None:
    """Who comes late, or from a lesson that ends in time, comes."""
    assert is_away(before, after) is away


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ("Our inspectors arrive on the ", True),
        ("and the photographer comes on the ", True),
        ("the new teachers arrive on the ", True),
        ("my teacher's cat comes home on the ", True),
        ("The vet visits the byre on the ", True),
        ("my job share arrives on the ", False),
        ("our probationer dials in on the ", False),
        ("and my mentor arrives on the ", False),
        ("our team arrives on the ", False),
        ("my vote falls for the ", False),
        ("the session we want is the ", False),
        ("my notes tell me that I come on the ", False),
        ("a parcel waits for the ", False),
        ("I come on the ", False),
    ],
)
def test_something_else_is_told_of_a_day(before: str, told: bool) -> None:
    """Not where the training, the writer or one of the writer's people is what it is told of."""
    assert is_told_of(before) is told


@pytest.mark.parametrize(
    ("before", "after", "named", "other"),
    [
        ("the ", " is our fair", False, True),
        ("the ", " is a better day", False, False),
        ("", " I'm invigilating", False, True),
        ("I've a christening on the ", "", False, True),
        ("I've a place on the ", "", False, False),
        ("the supper is on ", "", True, False),
    ],
)
def test_day_of_something_else(before: str, after: str, named: bool, other: bool) -> None:
    assert is_of_something_else(before, after, named=named, spoken_for=False) is other


@pytest.mark.parametrize(
    ("before", "after", "deed"),
    [
        ("We put it to the parent council on the ", "", True),
        ("and I sat by the phone on the ", " till six", True),
        ("We test the third group on ", "", True),
        ("I found a seat on the ", "", False),
        ("I teach the infants on the ", " and can be with you at two", False),
        ("We are all on the ", "", False),
        ("I'd like the one on the ", "", False),
    ],
)
def test_what_the_writers_do_that_day(before: str, after: str, deed: bool) -> None:
    """What is done on a day makes it another thing's, unless it is said of the training."""
    assert is_day_of_a_deed(before, after) is deed
