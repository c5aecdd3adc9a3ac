"""Reminders, through the real pipeline with the clock set: once each, to those who have a place, and never when it is too late."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailroom.assemble import assemble
from mailroom.errors import Misconfigured, ProgrammeError, Temporary
from mailroom.model import ReplyState
from mailroom.sink import Sink
from notify.compose import text_of_html
from store import Store
from tests.fixtures.sessions import TUE, WED, Desk, members, open_desk, page_of, sessions_yaml, text_of

ANNA, BEN, CARA, DAN, EVE = members("Anna", "Ben", "Cara", "Dan", "Eve")
STARTS = datetime(2022, 1, 19, 14, 0, tzinfo=UTC)  # UK time is UTC in January
BOTH = sessions_yaml(reminders="[1d, 7d]")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def desk(tmp_path: Path, smtp_sink: Sink) -> Iterator[Any]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(open_desk(tmp_path, smtp_sink, **options))


def reminded(desk: Desk) -> list[tuple[str, str]]:
    """(whom, of which session) of the reminders at the sink, in its order."""
    letters = [m for m in desk.sent() if m["Auto-Submitted"] == "auto-generated"]
    return [(str(m["To"]).partition("<")[2].partition("@")[0], WED if "Wednesday 19 January" in text_of(m) else TUE) for m in letters]


def test_each_reminder_goes_once_to_those_who_have_a_place(desk: Any) -> None:
    """Not to who waits, withdrew or chose the other session; nor again after a restart."""
    here: Desk = desk(sessions=sessions_yaml(wed=3, reminders="[1d, 7d]"))
    for member in (ANNA, BEN, CARA, DAN):
        here.deliver(member, session="Wednesday 19 January")
    here.deliver(EVE, session="Tuesday 25 January")
    here.round()
    [told] = here.sent(to="ben")
    here.deliver(BEN, body="Please take me off the list.", subject=f"Re: {told['Subject']}", answering=str(told["Message-ID"]))
    here.round()

    here.round(STARTS - 7 * DAY - MINUTE)
    assert reminded(here) == []
    for moment in (STARTS - 7 * DAY, STARTS - 7 * DAY + MINUTE, STARTS - DAY - MINUTE):
        here.round(moment)
        assert reminded(here) == [("anna", WED), ("cara", WED)]
    here.pipeline = assemble(here.config, here.store, now=lambda: here.at)  # a restart
    for moment in (STARTS - DAY, STARTS - HOUR):
        here.round(moment)
        assert [one for one in reminded(here) if one[1] == WED] == [("anna", WED), ("cara", WED)] * 2
    assert [who for who, which in reminded(here) if which != WED] == ["eve"]  # a week before the 25th has come meanwhile


def test_an_answer_to_a_reminder_belongs_to_the_registration_that_it_reminds(desk: Any) -> None:
    """By the reminder's Message-ID; a stranger to whom it was passed on changes nothing."""
    here: Desk = desk(sessions=BOTH)
    here.deliver(ANNA, session="Wednesday 19 January")
    here.round()
    here.round(STARTS - 7 * DAY)
    [reminder] = [m for m in here.sent(to="anna") if m["Auto-Submitted"] == "auto-generated"]
    answer = {"subject": "Sorry", "answering": str(reminder["Message-ID"])}
    here.deliver(BEN, body="I can't make it on the 19th any more.", **answer)
    here.round()
    assert here.store.messages(limit=1)[0].reason == "stranger_in_conversation"
    [registration] = here.store.registrations()
    assert registration.values_of("session") == (WED,)
    here.deliver(ANNA, body="I can't make it on the 19th any more, could I do the 25th?", **answer)
    here.round()
    [registration] = here.store.registrations()
    assert registration.values_of("session") == (TUE,)
    reading = here.store.message(here.store.messages(limit=1)[0].id).readings[-1].reading  # type: ignore[union-attr]
    assert "joined_by_identifier" in [reason.code for reason in reading.decision.reasons]


def test_what_a_reminder_says(desk: Any) -> None:
    here: Desk = desk(sessions=BOTH)
    here.deliver("Anna Rae <anna.rae@gw.fife.sch.uk>", session="Wednesday 19 January")
    here.deliver(BEN, session="Wednesday 19 January")
    here.round()
    here.round(STARTS - 7 * DAY)
    at_work, at_home = here.sent()[-2:]
    assert (at_work["Auto-Submitted"], at_work["In-Reply-To"], at_work["Subject"]) == ("auto-generated", None, "A reminder")
    assert "Dear Anna,\n\nThis is the short reminder of a date" in text_of(at_work)
    assert at_home["Subject"] == "Reminder: training session of the EIS action research programme"
    for message in (at_work, at_home):
        assert "Facilitator training: Wednesday 19 January 2022, 14:00–15:30 (UK time)\n" in text_of(message)
        assert "Facilitator training: Wednesday 19 January 2022, 14:00–15:30 (UK time)" in " ".join(text_of_html(page_of(message)))
        assert [part.get_filename() for part in message.iter_attachments()] == ["session.ics"]
    assert len({str(message["Message-ID"]) for message in here.sent()}) == 4


def test_after_a_week_away_only_the_last_one_is_written_and_none_once_the_session_has_begun(desk: Any) -> None:
    here: Desk = desk(sessions=BOTH)
    here.deliver(ANNA, session="Wednesday 19 January")
    here.deliver(BEN, session="Tuesday 25 January")
    here.round()
    here.round(STARTS - 3 * HOUR)
    assert [who for who, _ in reminded(here)] == ["anna", "ben"]  # one each: the day before the 19th, and the week before the 25th
    here.round(datetime(2022, 1, 25, 15, 30, tzinfo=UTC))
    assert len(reminded(here)) == 2


@pytest.mark.parametrize(("before", "expected"), [(timedelta(hours=47), 0), (timedelta(hours=49), 1), (timedelta(hours=2), 0)])
def test_nobody_is_reminded_of_what_they_asked_for_just_now(desk: Any, before: timedelta, expected: int) -> None:
    here: Desk = desk(sessions=sessions_yaml(reminders="[1d]"))
    here.deliver(ANNA, session="Wednesday 19 January", at=STARTS - before)
    here.round()
    here.round(STARTS - HOUR)
    assert len(reminded(here)) == expected


def test_in_hold_mode_it_is_held_and_parked_for_good_when_the_next_is_due(desk: Any) -> None:
    here: Desk = desk(sessions=BOTH, mode="hold")
    here.deliver(ANNA, session="Wednesday 19 January")
    here.round()
    here.round(STARTS - 7 * DAY)
    [week] = [reply for reply in here.store.replies(ReplyState.HELD) if reply.purpose == "reminder"]
    here.round(STARTS - DAY)
    [day] = [reply for reply in here.store.replies(ReplyState.HELD) if reply.purpose == "reminder"]
    parked = here.store.reply(week.id)
    assert parked is not None
    assert (parked.state, parked.reason) == (ReplyState.SUPPRESSED, "too_late")
    assert here.store.release([week.id, day.id], here.at) == [day.id]
    here.round(STARTS)  # released, and not sent in time
    assert reminded(here) == []
    assert here.store.release([day.id], here.at) == []


def test_whoever_gives_up_the_place_gets_no_reminder_that_was_held(desk: Any) -> None:
    """And an answer to something else leaves it where it is."""
    here: Desk = desk(sessions=BOTH, mode="hold")
    here.deliver(ANNA, session="Wednesday 19 January")
    here.round()
    here.store.release(None, here.at)
    here.round(STARTS - 7 * DAY)
    [told] = here.sent(to="anna")
    [held] = [reply for reply in here.store.replies(ReplyState.HELD) if reply.purpose == "reminder"]
    here.deliver(ANNA, body="Our topic is also numeracy.", subject=f"Re: {told['Subject']}", answering=str(told["Message-ID"]))
    here.round()
    still = here.store.reply(held.id)
    assert still is not None and still.state is ReplyState.HELD
    here.deliver(ANNA, body="Please take me off the list.", subject=f"Re: {told['Subject']}", answering=str(told["Message-ID"]))
    here.round()
    gone = here.store.reply(held.id)
    assert gone is not None
    assert (gone.state, gone.reason) == (ReplyState.SUPPRESSED, "place_given_up")


def test_an_answer_to_a_reminder_belongs_to_the_registration(desk: Any) -> None:
    here: Desk = desk(sessions=BOTH)
    here.deliver(ANNA, session="Wednesday 19 January")
    here.round()
    here.round(STARTS - DAY)
    reminder = here.sent(to="anna")[-1]
    body = "I can't make the 19th after all, could I come on the 25th instead?"
    here.deliver(ANNA, body=body, subject=f"Re: {reminder['Subject']}", answering=str(reminder["Message-ID"]))
    here.round()
    assert [place.session for _, place in here.store.roster()] == [TUE]
    assert len(list(here.store.registrations())) == 1


def test_a_trouble_half_way_is_made_good_without_a_second_letter(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here: Desk = desk(sessions=BOTH)
    for member in (ANNA, BEN, CARA):
        here.deliver(member, session="Wednesday 19 January")
    here.round()
    genuine, calls = Store.add_reminder, []

    def breaks(self: Store, *args: Any, **options: Any) -> bool:
        calls.append(args)
        if len(calls) == 2:
            raise Temporary("the disk is full")
        return genuine(self, *args, **options)

    monkeypatch.setattr(Store, "add_reminder", breaks)
    here.at = STARTS - 7 * DAY
    with here.store.exclusive():
        report = here.pipeline.round()
    assert report.errors == ["letters: the disk is full"]
    assert [who for who, _ in reminded(here)] == ["anna"]  # and what was written is sent all the same
    here.round()
    assert [who for who, _ in reminded(here)] == ["anna", "ben", "cara"]


def test_mail_from_before_the_go_live_mark_gets_no_reminder(desk: Any) -> None:
    here: Desk = desk(sessions=BOTH)
    here.pipeline.letters.sessions.answering.replies = here.config.replies.model_copy(update={"not_before": here.at + HOUR})  # type: ignore[union-attr]
    here.deliver(ANNA, session="Wednesday 19 January")
    here.deliver(BEN, session="Wednesday 19 January", at=here.at + 2 * HOUR)
    here.round()
    here.round(STARTS - 7 * DAY)
    assert [who for who, _ in reminded(here)] == ["ben"]


def test_a_place_given_by_a_person_is_told_and_reminded_of(desk: Any) -> None:
    """By the real command; a second time it is refused in words."""
    here: Desk = desk(sessions=sessions_yaml(wed=1, reminders="[1d]"))
    here.deliver(ANNA, session="Wednesday 19 January")
    here.deliver(BEN, session="Wednesday 19 January")
    here.round()
    [told] = here.sent(to="anna")
    here.deliver(ANNA, body="Please take me off the list.", subject=f"Re: {told['Subject']}", answering=str(told["Message-ID"]))
    here.round()
    [(ben, _)] = here.store.roster(WED)
    letters = here.pipeline.letters.sessions  # type: ignore[union-attr]
    with here.store.exclusive():
        letters.give_place(here.store, WED, ben.id, here.at, actor="operator")
    here.round()
    news = here.sent(to="ben")[-1]
    assert news["Subject"] == "There is a place for you: EIS action research programme"
    assert "Good news: there is a place for you now" in text_of(news)
    assert [str(place.state) for _, place in here.store.roster(WED)] == ["place"]
    with pytest.raises(Exception, match="has a place in «2022-01-19» already"):
        letters.give_place(here.store, WED, ben.id, here.at, actor="operator")
    here.round(STARTS - DAY)
    assert [who for who, _ in reminded(here)] == ["ben", "ben"]  # the news, then the reminder


def test_a_reminder_that_cannot_be_written_stops_no_other_no_answer_and_no_digest(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours that only one member's letter meets: nobody else waits for it."""
    here: Desk = desk(sessions=BOTH, extra="digest: {to: [coordinator@union.example]}\n")
    for member in (ANNA, BEN):
        here.deliver(member, session="Wednesday 19 January")
    here.round()
    composer = here.pipeline.letters.sessions.answering.composer  # type: ignore[union-attr]
    write = composer.letter

    def letter(template: str, context: Any, to: Any, **given: Any) -> Any:
        if to.address.startswith("anna"):
            raise ValueError(to.address)
        return write(template, context, to, **given)

    monkeypatch.setattr(composer, "letter", letter)
    here.deliver(CARA, at=STARTS - 7 * DAY - HOUR)
    digests = len(here.sent(to="coordinator@"))
    here.at = STARTS - 7 * DAY
    with here.store.exclusive():
        report = here.pipeline.round()
    assert [str(m["To"]).partition("<")[2] for m in here.sent() if str(m["Subject"]).startswith("Reminder")] == ["ben@mailbox.example>"]
    assert here.sent(to="cara")
    assert len(here.sent(to="coordinator@")) == digests + 1
    [error] = report.errors
    assert "ValueError" in error
    assert "anna" not in error.casefold()
    monkeypatch.setattr(composer, "letter", write)
    here.round(STARTS - 7 * DAY + MINUTE)
    assert ("anna", WED) in reminded(here)


def test_a_template_that_is_wrong_is_told_and_the_digest_goes_all_the_same(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here: Desk = desk(sessions=BOTH, extra="digest: {to: [coordinator@union.example]}\n")
    here.deliver(ANNA, session="Wednesday 19 January")
    here.round()

    def letter(*_: Any, **__: Any) -> Any:
        raise ProgrammeError("reminder.txt.j2", 3, "is wrong")

    monkeypatch.setattr(here.pipeline.letters.sessions.answering.composer, "letter", letter)  # type: ignore[union-attr]
    digests = len(here.sent(to="coordinator@"))
    here.deliver(BEN, at=STARTS - 7 * DAY - DAY)
    with pytest.raises(Misconfigured, match=r"reminder\.txt\.j2, line 3"):
        here.round(STARTS - 7 * DAY)
    assert len(here.sent(to="coordinator@")) == digests + 1


@pytest.mark.parametrize("sender", ["Forged <car@union.example>", "Mail system <mailer-daemon@x.example>"])
def test_whose_mail_is_never_answered_is_not_reminded_either(desk: Any, sender: str) -> None:
    """Mail that claims to be ours, or a machine's: it reads like a registration, and a person finds it in the register."""
    here: Desk = desk(sessions=BOTH)
    here.deliver(sender, session="Wednesday 19 January")
    here.deliver(ANNA, session="Wednesday 19 January")
    here.round()
    assert len(here.store.roster(WED)) == 2
    assert len(here.sent()) == 1
    here.round(STARTS - 7 * DAY)
    assert reminded(here) == [("anna", WED)]
