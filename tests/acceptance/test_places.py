"""Places in sessions, from a member's mail to what the answer says: real mail, store and SMTP; only the clock is set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mailroom.sink import Sink
from notify.compose import text_of_html
from store import PlaceState
from tests.fixtures.installation import Installation
from tests.fixtures.sessions import TUE, WED, Desk, members, open_desk, page_of, sessions_yaml, text_of

ANNA, BEN, CARA, DAN = members("Anna", "Ben", "Cara", "Dan")
KEPT = "We have kept a place for you in the training session on Wednesday 19 January 2022, 14:00–15:30"
FULL = "The training session on Wednesday 19 January 2022, 14:00–15:30 (UK time) is full. You are on its waiting list"
OTHER = "There is still room in the session on Tuesday 25 January 2022, 15:30–17:00"


@pytest.fixture
def desk(tmp_path: Path, smtp_sink: Sink, request: pytest.FixtureRequest) -> Iterator[Any]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(open_desk(tmp_path, smtp_sink, **options))


def has(desk: Desk, session: str) -> list[tuple[str, PlaceState]]:
    return [(registration.member_address.partition("@")[0], place.state) for registration, place in desk.store.roster(session)]


def test_the_last_place_goes_to_the_first_and_the_second_is_told_and_offered_the_other(desk: Any) -> None:
    """Both in one round: what was decided in the record is what the answer says, in both of its parts."""
    here: Desk = desk(sessions=sessions_yaml(wed=1))
    for member in (ANNA, BEN):
        here.deliver(member, session="Wednesday 19 January")
    here.round()
    assert has(here, WED) == [("anna", PlaceState.PLACE), ("ben", PlaceState.WAITING)]
    [first] = here.sent(to="anna")
    [second] = here.sent(to="ben")
    assert KEPT in text_of(first)
    assert "session.ics" in [part.get_filename() for part in first.iter_attachments()]
    assert FULL in text_of(second)
    assert OTHER in text_of(second)
    assert FULL in " ".join(text_of_html(page_of(second)))
    assert KEPT not in text_of(second)
    assert list(second.iter_attachments()) == []


def test_one_who_waits_and_takes_the_other_session_leaves_the_waiting_list(desk: Any) -> None:
    """By replying to our answer, in a word; and the answer says so."""
    here: Desk = desk(sessions=sessions_yaml(wed=1, tue=1))
    here.deliver(ANNA, session="Wednesday 19 January")
    here.deliver(BEN, session="Wednesday 19 January")
    here.round()
    [told] = here.sent(to="ben")
    here.deliver(BEN, body="Then I'll come to the 25th instead, please.", subject=f"Re: {told['Subject']}", answering=str(told["Message-ID"]))
    here.round()
    assert has(here, WED) == [("anna", PlaceState.PLACE)]
    assert has(here, TUE) == [("ben", PlaceState.PLACE)]
    assert "We have kept a place for you in the training session on Tuesday 25 January 2022" in text_of(here.sent(to="ben")[-1])


def test_a_freed_place_is_not_handed_on_in_silence_nor_to_whoever_comes_next(desk: Any) -> None:
    here: Desk = desk(sessions=sessions_yaml(wed=1))
    here.deliver(ANNA, session="Wednesday 19 January")
    here.deliver(BEN, session="Wednesday 19 January")
    here.round()
    [told] = here.sent(to="anna")
    here.deliver(ANNA, body="Please take me off the list.", subject=f"Re: {told['Subject']}", answering=str(told["Message-ID"]))
    here.deliver(CARA, session="Wednesday 19 January")
    here.round()
    assert has(here, WED) == [("ben", PlaceState.WAITING), ("cara", PlaceState.WAITING)]
    assert FULL in text_of(here.sent(to="cara")[0])


def test_everything_full_is_said_as_such_and_not_as_closed(desk: Any) -> None:
    here: Desk = desk(sessions=sessions_yaml(wed=1, tue=1))
    here.deliver(ANNA, session="Wednesday 19 January")
    here.deliver(BEN, session="Tuesday 25 January")
    here.round()
    here.deliver(CARA)
    here.deliver(DAN, session="Wednesday 19 January")
    here.round()
    cara, dan = (text_of(here.sent(to=who)[0]) for who in ("cara", "dan"))
    assert "The facilitator training sessions are full. If you would like to be on a waiting list, reply" in cara
    assert FULL in dan
    assert "There is still room" not in dan
    assert "closed" not in cara + dan


def test_a_session_that_is_over_is_said_so_and_the_other_is_offered(desk: Any) -> None:
    here: Desk = desk()
    here.deliver(ANNA, session="Wednesday 19 January", at=datetime(2022, 1, 20, 9, 0, tzinfo=UTC))
    here.round()
    text = text_of(here.sent(to="anna")[0])
    assert "The training session that you named, Wednesday 19 January 2022, 14:00–15:30, is over." in text
    assert OTHER in text
    assert has(here, WED) == [("anna", PlaceState.LATE)]


@pytest.mark.parametrize(("arrives", "in_time"), [("2022-01-17 11:59:59", True), ("2022-01-17 12:00:00", False)])
def test_in_time_is_told_by_the_arrival_of_the_mail_not_by_when_mailroom_gets_to_it(desk: Any, arrives: str, in_time: bool) -> None:
    """Sign-up closes on Monday at noon; mailroom was away and comes back on Tuesday."""
    here: Desk = desk(sessions=sessions_yaml(wed=5, wed_closes="2022-01-17 12:00"))
    here.deliver(ANNA, session="Wednesday 19 January", at=datetime.fromisoformat(arrives).replace(tzinfo=UTC))
    here.round(datetime(2022, 1, 18, 9, 0, tzinfo=UTC))
    text = text_of(here.sent(to="anna")[0])
    assert (KEPT in text) is in_time
    assert ("Sign-up for the training session that you named, Wednesday 19 January 2022, 14:00–15:30, has closed." in text) is not in_time
    assert has(here, WED) == [("anna", PlaceState.PLACE if in_time else PlaceState.LATE)]


def test_a_place_taken_between_the_answer_and_its_record_changes_the_answer(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The member is told what is so, once, and nothing is counted against the mail: the second record is decided on again."""
    here: Desk = desk(sessions=sessions_yaml(wed=1))
    here.deliver(ANNA, session="Wednesday 19 January")
    here.deliver(BEN, session="Wednesday 19 January")
    genuine = here.store.record_many
    batches: list[int] = []

    def counted(batch: Any, now: datetime) -> Any:
        batches.append(len(batch))
        return genuine(batch, now)

    monkeypatch.setattr(here.store, "record_many", counted)
    here.round()
    assert batches == [2, 1]
    assert len(here.sent()) == 2
    assert FULL in text_of(here.sent(to="ben")[0])
    assert all(message.attempts == 0 for message in here.store.messages())


def test_a_preview_and_the_story_of_a_registration_know_who_waits(desk: Any) -> None:
    """What a person is shown later says the same as what the member was told."""
    here: Desk = desk(sessions=sessions_yaml(wed=1).replace("2022-01-19 ", "2122-01-19 "))  # the command's clock is the real one
    here.deliver(ANNA, session="Wednesday 19 January")
    here.deliver(BEN, session="Wednesday 19 January")
    here.round()
    _, ben = (registration.id for registration, _ in here.store.roster(WED))
    run = Installation(here.folder)
    told = run.run("replies", "preview", "--registration", ben).stdout
    assert "kept a place" not in told
    assert "You are on its waiting list" in told
    assert f"place in {WED}: waits for a place" in run.run("register", "show", ben).stdout


def test_a_place_given_while_the_member_writes_is_what_the_answer_tells(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ben waits and sends his topic; between the decision and its record a person gives him the place."""
    here: Desk = desk(sessions=sessions_yaml(wed=1))
    here.deliver(ANNA, session="Wednesday 19 January")
    here.deliver(BEN, session="Wednesday 19 January")
    here.round()
    [told] = here.sent(to="ben")
    [_, (ben, _)] = here.store.roster(WED)
    here.deliver(BEN, body="Our topic is also numeracy.", subject=f"Re: {told['Subject']}", answering=str(told["Message-ID"]))
    genuine, given = here.store.record_many, []

    def given_first(batch: Any, now: datetime) -> Any:
        if not given:
            given.append(True)
            here.pipeline.letters.sessions.give_place(here.store, WED, ben.id, here.at, actor="operator")  # type: ignore[union-attr]
        return genuine(batch, now)

    monkeypatch.setattr(here.store, "record_many", given_first)
    here.round()
    answers = [text_of(message) for message in here.sent(to="ben") if message["Auto-Submitted"] == "auto-replied"]
    assert FULL in answers[0]
    assert KEPT in answers[1]
    assert FULL not in answers[1]
    assert all(message.attempts == 0 for message in here.store.messages())
