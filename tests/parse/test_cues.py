"""The pattern language of zones.yaml."""

from __future__ import annotations

import time

import pytest

from parse.cues import CueSet, cue_regex


@pytest.mark.parametrize(
    ("pattern", "line", "found"),
    [
        ("original message", "my Original   Message here".replace("   ", " "), True),
        ("^original message", "my original message", False),
        ("^original message$", "-----Original Message-----", True),
        ("^original message$", "Original message lost", False),
        ("email|e-mail ... outside", "this e-mail was sent from outside", True),
        ("email ... outside", "email " + "x" * 80 + " outside", False),
        ("sent from my ...2 phone", "Sent from my very own phone", True),
        ("sent from my ...2 phone", "Sent from my desk and not a phone", False),
        ("sent from my ...2 phone", "Sent from my phone", True),
        ("lectur*", "two lecturers", True),
        ("lectur*", "a relecture", False),
        ("^begin forwarded message :$", "Begin forwarded message:", True),
        ("external", "externally", False),
        ("don't click", "Please don't click", True),
    ],
)
def test_patterns(pattern: str, line: str, found: bool) -> None:
    assert CueSet([pattern]).found(line) is found


def test_an_empty_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        cue_regex("^")


def test_no_patterns_find_nothing() -> None:
    assert not CueSet([]).found("anything")


def test_gaps_are_bounded() -> None:
    cue = CueSet(["a ... b ... c", "a ...9 b ...9 c"])
    started = time.process_time()
    assert not cue.found("a " * 100_000)
    assert not cue.found("a b " * 50_000)
    assert time.process_time() - started < 1
