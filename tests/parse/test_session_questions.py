"""Short answers to a quoted question about sessions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailroom.model import Zone, ZoneKind
from parse.message import parse_message
from parse.sessions import SessionFinder
from parse.views import views

EMPTY = parse_message(b"From: ann@example.org\r\n\r\n")
WHICH = "Which training session did you sign up for: Wednesday 19 January, 2pm, or Tuesday 25 January, 3.30pm?"
MARKED = "You can come to (a) 19 January or (b) 25 January. Which?"
FORM = "(1) Your school\n(2) Council\n(3) Training: a) 19 January b) 25 January\n(4) Topic"
KINDS = "Which of these describes your activity best?\n1. an existing group\n2. an enquiry of your own\n3. a proposed group"
FIRST, SECOND = "2022-01-19", "2022-01-25"


@pytest.fixture(scope="module")
def finder() -> SessionFinder:
    return SessionFinder(Path(__file__).parents[2] / "programme")


@pytest.mark.parametrize(
    ("quoted", "text", "sessions"),
    [
        (WHICH, "The second please", [SECOND]),
        (WHICH, "Wed please, and it's Angus council", [FIRST]),
        (WHICH, "The after school one.", [SECOND]),
        (WHICH, "both", [FIRST, SECOND]),
        (WHICH, "The pair of them.", [FIRST, SECOND]),
        (WHICH, "Not the Tuesday. The one before it.", [FIRST]),
        (WHICH, "2pm", [FIRST]),
        (WHICH, "Latter please", [SECOND]),
        (WHICH, "Second, and the school is Kelty Primary.", [SECOND]),
        (WHICH, "First, sorry for the delay. We meet in May.", []),
        (WHICH, "After school one thanks", [SECOND]),
        (WHICH, "The one in school time, I have cover.", [FIRST]),
        (WHICH, "Neither yet", []),
        (MARKED, "B please", [SECOND]),
        (KINDS, "The second, please.", []),
        (KINDS, "The first. And for training I'm on the second session.", [SECOND]),
        (KINDS, "The second, and I've booked the 19th.", [FIRST]),
        (MARKED, "A.", [FIRST]),
        (FORM, "1. Kelty PS\n2. Fife\n3. b\n4. spelling", [SECOND]),
        (FORM, "1. Kelty PS\n2. Fife\n3. first\n4. spelling", [FIRST]),
        ("1 = Wed 19 Jan, 2 = Tue 25 Jan", "1", [FIRST]),
        ("Am I right that you booked Tuesday 25 January?", "That's right.", [SECOND]),
        ("Am I right that you booked Wednesday 19 January?", "No, the other one", [SECOND]),
        ("We have you down for the session on 19 January. Is that right?", "Correct, thanks", [FIRST]),
        ("Are you coming on the 19th?", "Sorry, no", []),
        ("Is it Kelty Primary? Training is on 19 January.", "Yes, that's our school.", []),
        ("Which are you: (a) a group (b) on your own?", "a", []),
        (f"{MARKED}\nAnd are you (a) a group or (b) on your own?", "b", []),
    ],
)
def test_answer_is_read_in_the_light_of_its_question(finder: SessionFinder, quoted: str, text: str, sessions: list[str]) -> None:
    """What could answer another question chooses nothing."""
    body = f"{text}\n\n{quoted}"
    zones = (Zone(kind=ZoneKind.OWN, start=0, end=len(text)), Zone(kind=ZoneKind.OWN_QUOTE, start=len(text) + 2, end=len(body)))
    parsed = replace(EMPTY, body=body, zones=zones, sent_at=datetime(2022, 1, 12, 12, tzinfo=UTC))
    assert list(finder.find(parsed, views(parsed)).sessions) == sessions
