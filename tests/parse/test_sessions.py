"""Which facilitator session a member means, over examples written for this and kept in tests/corpus."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailroom.errors import ProgrammeError
from mailroom.model import ParsedMessage, Zone, ZoneKind
from parse.message import parse_message
from parse.sessions import SessionFinder, Sessions, load_sessions
from parse.views import views

PROGRAMME = Path(__file__).parents[2] / "programme"
CORPUS = Path(__file__).parents[1] / "corpus"
EMPTY = parse_message(b"From: ann@example.org\r\n\r\n")


def rows(name: str) -> list[tuple[str, str, str]]:
    with (CORPUS / name).open(encoding="utf-8", newline="") as file:
        return [
            (r["sent"], r["sessions"], r["text"].replace("\\n", "\n").replace("\\t", "\t"))
            for r in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]


def message(text: str, sent: str | None, kind: ZoneKind = ZoneKind.OWN) -> ParsedMessage:
    sent_at = datetime.fromisoformat(sent).replace(hour=12, tzinfo=UTC) if sent else None
    return replace(EMPTY, body=text, zones=(Zone(kind=kind, start=0, end=len(text)),), sent_at=sent_at)


@pytest.fixture(scope="module")
def finder() -> SessionFinder:
    return SessionFinder(PROGRAMME)


def read(finder: SessionFinder, text: str, sent: str | None = "2022-01-13", kind: ZoneKind = ZoneKind.OWN, **options: bool) -> Sessions:
    parsed = message(text, sent, kind)
    return finder.find(parsed, views(parsed), **options)


CASES = [*rows("sessions.tsv"), *rows("sessions_aside.tsv")]


def test_there_are_cases() -> None:
    """An empty table would make the next test pass for nothing."""
    assert len(CASES) >= 90


@pytest.mark.parametrize(("sent", "wanted", "text"), CASES)
def test_session_is_read_as_a_careful_person_would(finder: SessionFinder, sent: str, wanted: str, text: str) -> None:
    """Each example names exactly the sessions that it is labelled with."""
    assert ",".join(read(finder, text, sent).sessions) == wanted


def test_most_of_what_was_written_blind_is_read(finder: SessionFinder) -> None:
    """250 short mails by somebody who never saw the rules, dense with traps; a part of what was wrong at first has been learned from."""
    blind = rows("blind_sessions.tsv")
    right = [text for sent, wanted, text in blind if set(read(finder, text, sent).sessions) == set(wanted.split(",")) - {"none"}]
    assert len(blind) == 250
    assert len(right) / len(blind) >= 0.73


@pytest.mark.parametrize("kind", [ZoneKind.QUOTE, ZoneKind.OWN_QUOTE, ZoneKind.SIGNATURE, ZoneKind.BANNER])
def test_other_peoples_words_choose_no_session(finder: SessionFinder, kind: ZoneKind) -> None:
    """Quoted or automatic text is never a choice."""
    assert read(finder, "I have booked the session on 19 January.", kind=kind).sessions == ()


def test_somebody_elses_session_counts_when_the_message_registers_them(finder: SessionFinder) -> None:
    """Written for someone at home, theirs is the session that is wanted; else only who takes part counts."""
    text = "My wife is booked on the 25th for the training."
    assert read(finder, text).sessions == ()
    assert read(finder, text, for_another=True).sessions == ("2022-01-25",)


def test_tomorrow_needs_a_date(finder: SessionFinder) -> None:
    """A relative day is read against the message's own Date, else against its arrival, and else not at all."""
    text = "See you at the training tomorrow."
    assert read(finder, text, None).sessions == ()
    parsed = message(text, None)
    assert finder.find(parsed, views(parsed), received_at=datetime(2022, 1, 24, 23, 30, tzinfo=UTC)).sessions == ("2022-01-25",)


def test_evidence_slices_back_to_its_text(finder: SessionFinder) -> None:
    """Whatever is found, source[start:end] is the text that is shown."""
    for sent, _, text in CASES:
        parsed = message(text, sent)
        for candidate in finder.find(parsed, views(parsed)).candidates:
            assert parsed.slice(candidate.evidence) == candidate.evidence.text != ""


def test_losing_mentions_are_kept_with_their_reason(finder: SessionFinder) -> None:
    """A refused date stays visible to the person who reviews."""
    found = read(finder, "I can't make the 19th but will come on the 25th.")
    assert [(c.value, c.chosen, c.note) for c in found.candidates] == [("2022-01-19", False, "session_declines"), ("2022-01-25", True, "")]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("sessions:\n  - id: one\n    starts: 2022-01-19 14:00\n", 2, "needs id, starts and ends"),
        ("sessions:\n  - id: one\n    starts: soon\n    ends: 2022-01-19 14:00\n", 2, "is no date and time"),
    ],
)
def test_mistake_in_the_sessions_names_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    """A coordinator who mistypes a session learns where."""
    (tmp_path / "sessions.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ProgrammeError, match=words) as caught:
        load_sessions(tmp_path)
    assert caught.value.line == line
