"""The coordinator's digest through the real pipeline: once a day, only with news, on the days when the clocks change too."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from ingest.folder import FolderMailbox
from mailroom.engine import InProcessEngine
from mailroom.errors import Temporary
from mailroom.model import MessageState, ReplyState
from mailroom.service import serve_pipeline
from mailroom.sink import Sink
from notify.compose import text_of_html
from notify.digest import is_digest
from notify.links import LinkError, verified
from tests.fixtures.installation import Installation
from tests.fixtures.sessions import Desk, members, open_desk, page_of, sessions_yaml, text_of

ANNA, BEN, CARA = members("Anna", "Ben", "Cara")
TO = "coordinator@union.example"
DIGEST = f"digest: {{to: [{TO}]}}\n"
MONDAY = datetime(2022, 1, 10, 7, 30, tzinfo=UTC)  # half past seven in the UK
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
def desk(tmp_path: Path, smtp_sink: Sink) -> Iterator[Any]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(open_desk(tmp_path, smtp_sink, **{"extra": DIGEST, **options}))


def digests(desk: Desk) -> list[EmailMessage]:
    return desk.sent(to="coordinator@")


def test_a_day_has_one_digest_at_its_hour_and_a_day_without_news_has_none(desk: Any) -> None:
    here: Desk = desk()
    here.deliver(ANNA, session="Wednesday 19 January", at=MONDAY - 3 * MINUTE)
    here.round(MONDAY - MINUTE)
    assert digests(here) == []
    for moment in (MONDAY, MONDAY + MINUTE, MONDAY + DAY - MINUTE):
        here.round(moment)
        assert len(digests(here)) == 1
    here.round(MONDAY + DAY)
    here.deliver(BEN, at=MONDAY + DAY + MINUTE)  # after Tuesday's hour, which had nothing to tell: it is Wednesday's news
    here.round()
    assert len(digests(here)) == 1
    here.round(MONDAY + 2 * DAY)
    first, second = digests(here)
    assert "Anna Rae, Glenmarnoch Academy: registered" in text_of(first)
    assert "Anna" not in text_of(second)
    assert "Ben Rae, Glenmarnoch Academy: registered" in text_of(second)
    assert "what is new since 11 January 2022, 07:30" in text_of(second)
    assert first["Subject"] == "mailroom: 1 new registration"


def test_it_marks_itself_as_automatic_and_what_answers_it_is_never_answered(desk: Any) -> None:
    """Neither the coordinator's thanks nor an absence; nor the digest itself, forwarded into the mailbox by a rule."""
    here: Desk = desk()
    here.deliver(ANNA, at=MONDAY - MINUTE)
    here.round(MONDAY)
    [digest] = digests(here)
    assert digest["Auto-Submitted"] == "auto-generated"
    assert digest["From"] == "Action Research <car@union.example>"
    assert here.sink.messages[-1].sender == ""
    assert is_digest(here.store.secret(), str(digest["Message-ID"]))
    before = len(here.sent())
    here.deliver(f"Coordinator <{TO}>", body="Thanks, I'll ring her.", subject=f"Re: {digest['Subject']}", answering=str(digest["Message-ID"]))
    (here.folder / "box" / "looped.eml").write_bytes(bytes(digest))
    here.round(MONDAY + MINUTE)
    assert len(here.sent()) == before
    reasons = {m.sender_address: [r.code for r in here.store.message(m.id).readings[-1].reading.decision.reasons] for m in here.store.messages()}  # type: ignore[union-attr]
    assert "no_answer_digest" in reasons[TO]


def test_what_the_coordinator_answers_to_it_is_no_registration_and_changes_none(desk: Any) -> None:
    """Also where it reads like one: it is a note for a person."""
    here: Desk = desk()
    here.deliver(ANNA, at=MONDAY - MINUTE)
    here.round(MONDAY)
    [digest] = digests(here)
    before = list(here.store.registrations())
    words = "Please register Anna's colleague: Una Weir, Glenmarnoch Academy in South Ayrshire, with a research group on fractions. Put Anna down for the 25th."
    here.deliver(f"Coordinator <{TO}>", body=words, subject=f"Re: {digest['Subject']}", answering=str(digest["Message-ID"]))
    here.round()
    assert list(here.store.registrations()) == before
    [note] = here.store.messages(limit=1)
    assert (note.state, note.reason) == (MessageState.REVIEW, "no_answer_digest")
    assert len(here.sent(to="coordinator@")) == 1


def test_it_tells_once_who_has_withdrawn(desk: Any) -> None:
    here: Desk = desk()
    here.deliver(ANNA, at=MONDAY - MINUTE)
    here.round(MONDAY)
    [told] = here.sent(to="anna")
    here.deliver(ANNA, body="Please take me off the list.", subject=f"Re: {told['Subject']}", answering=str(told["Message-ID"]))
    for day in (1, 2):
        here.round(MONDAY + day * DAY)
    first, second = digests(here)
    assert "Have withdrawn" not in text_of(first)
    assert "Have withdrawn (please mend the lists that you keep elsewhere)\n- Anna Rae, Glenmarnoch Academy\n" in text_of(second)
    assert "For you to look at" not in text_of(second)
    assert second["Subject"] == "mailroom: 1 withdrawn"


def test_what_waits_still_makes_no_digest_but_is_counted_in_each(desk: Any) -> None:
    here: Desk = desk()
    here.deliver(ANNA, body="Is cover paid for the training?", at=MONDAY - MINUTE)
    for day in (0, 1):
        here.round(MONDAY + day * DAY)
    here.deliver(BEN, at=MONDAY + DAY + MINUTE)
    here.round(MONDAY + 2 * DAY)
    first, second = digests(here)
    assert "Still waiting" not in text_of(first)
    assert "Still waiting for you\n- 1 message that was told of before.\n  mailroom messages list" in text_of(second)


def test_the_words_of_a_stranger_who_guesses_its_name_are_answered_as_ever(desk: Any) -> None:
    here: Desk = desk()
    here.round(MONDAY)
    here.deliver(ANNA, answering=f"<mailroom.digest.20220110-0.{'0' * 40}@union.example>")
    here.round()
    assert len(here.sent(to="anna")) == 1


@pytest.mark.parametrize(
    ("at", "day", "before", "on"),
    [
        ("07:30", "2022-03-27", "2022-03-27T06:29", "2022-03-27T06:30"),  # the clocks went forward an hour ago
        ("01:30", "2022-03-27", "2022-03-27T01:29", "2022-03-27T01:30"),  # a time that this day has not: half past two by its clocks
        ("01:30", "2022-10-30", "2022-10-30T00:29", "2022-10-30T00:30"),  # a time that it has twice: the first, and not again
        ("07:30", "2022-10-30", "2022-10-30T07:29", "2022-10-30T07:30"),
        ("23:55", "2022-06-30", "2022-06-30T22:54", "2022-06-30T22:55"),
        ("00:00", "2022-07-01", "2022-06-30T22:59", "2022-06-30T23:00"),
    ],
)
def test_on_the_days_when_the_clocks_change_it_comes_once_and_at_its_hour(desk: Any, at: str, day: str, before: str, on: str) -> None:
    here: Desk = desk(extra=f'digest: {{to: [{TO}], at: "{at}"}}\n')
    hour = datetime.fromisoformat(on).replace(tzinfo=UTC)
    here.round(hour - DAY)  # yesterday's, whatever it had to tell
    here.deliver(ANNA, at=datetime.fromisoformat(before).replace(tzinfo=UTC))
    here.round()
    assert digests(here) == []
    for moment in (hour, hour + timedelta(minutes=30), hour + timedelta(hours=1), hour + timedelta(hours=1, minutes=1)):
        here.round(moment)
        assert len(digests(here)) == 1
    last = here.store.last_digest()
    assert last is not None and last.name == day


def test_down_at_its_hour_it_comes_when_mailroom_is_back_that_day_and_one_day_s_news_are_not_lost(desk: Any) -> None:
    here: Desk = desk()
    here.deliver(ANNA, at=MONDAY - MINUTE)
    here.round(MONDAY + timedelta(hours=14))
    assert len(digests(here)) == 1
    here.deliver(BEN, at=MONDAY + timedelta(hours=15))
    here.round()
    here.round(MONDAY + 4 * DAY)  # three days away
    assert len(digests(here)) == 2
    assert "Ben Rae" in text_of(digests(here)[1])


def test_killed_between_the_note_and_the_mail_the_same_bytes_go_out(desk: Any) -> None:
    """The server is away at first; then the process ends between SMTP and its mark."""
    here: Desk = desk()
    here.deliver(ANNA, at=MONDAY - MINUTE)
    here.at = MONDAY - MINUTE
    here.round()
    here.at = MONDAY
    with here.store.exclusive():
        here.pipeline.letters.write(here.at)  # type: ignore[union-attr]
    [waiting] = [reply for reply in here.store.replies(ReplyState.DUE) if reply.purpose == "digest"]
    content = here.store.claim(waiting.id, here.at)  # durable as «sending», and the process is gone
    here.round(MONDAY + timedelta(hours=8))
    received = [message.content for message in here.sink.messages if TO in message.recipients]
    assert received[-1:] == [content]
    here.round(MONDAY + timedelta(hours=9))
    assert len([message for message in here.sink.messages if TO in message.recipients]) == len(received)
    assert [reply.purpose for reply in here.store.replies(limit=100)].count("digest") == 1


def test_in_hold_mode_the_digest_goes_and_says_what_is_held(desk: Any) -> None:
    here: Desk = desk(mode="hold")
    here.deliver(ANNA, at=MONDAY - 2 * MINUTE)
    here.deliver(BEN, body="Is cover paid for the training?", at=MONDAY - MINUTE)
    here.round(MONDAY)
    [digest] = here.sent()
    text = text_of(digest)
    assert digest["Subject"] == "mailroom: 1 new registration, 1 for you, 2 answers held"
    assert "- 2 are held until you release them.\n  mailroom replies list --state held" in text
    assert re.search(r"- Ben Rae: A person should answer: .+\.\n  mailroom explain \d+\n", text)
    assert re.search(r"- Anna Rae, Glenmarnoch Academy: registered\n  mailroom explain R-[A-Z2-7]{16}\n", text)
    here.round(MONDAY + DAY)  # nothing new, but two answers still wait for somebody
    again = text_of(here.sent()[-1])
    assert "2 are held until you release them." in again
    assert "Anna" not in again + str(here.sent()[-1]["Subject"])


def test_with_a_desk_each_line_has_a_link_for_reading_that_ends(desk: Any) -> None:
    here: Desk = desk(extra=DIGEST + "desk: {url: https://desk.union.example/m, links_valid: 2d}\n")
    here.deliver(ANNA, at=MONDAY - 2 * MINUTE)
    here.deliver(BEN, body="Is cover paid for the training?", at=MONDAY - MINUTE)
    here.round(MONDAY)
    [digest] = digests(here)
    links = re.findall(r"https://desk\.union\.example/m/look/(\S+)", text_of(digest))
    assert sorted(links) == sorted(re.findall(r'href="https://desk\.union\.example/m/look/([^"]+)"', page_of(digest)))
    [registration] = here.store.registrations()
    opened = {verified(here.store.secret(), token, now=MONDAY + DAY) for token in links}
    [asks] = [message.id for message in here.store.messages() if message.sender_address == "ben@mailbox.example"]
    assert opened == {registration.id, f"message-{asks}"}
    with pytest.raises(LinkError):
        verified(here.store.secret(), links[0], now=MONDAY + 2 * DAY)


def test_no_address_subject_or_word_of_a_member_stands_in_it_and_no_name_where_none_is_wished(desk: Any) -> None:
    for wished in (True, False):
        here: Desk = desk(extra=f"digest: {{to: [{TO}], names: {str(wished).lower()}}}\n", mode="hold")
        here.deliver(ANNA, subject="Quite private", body="Is cover paid? My daughter is ill.", at=MONDAY - 2 * MINUTE)
        here.deliver(BEN, at=MONDAY - MINUTE)
        here.round(MONDAY)
        digest = digests(here)[-1]
        whole = text_of(digest) + page_of(digest) + str(digest["Subject"])
        for private in ("mailbox.example", "private", "daughter", "cover paid"):
            assert private not in whole
        for name in ("Anna", "Ben", "Glenmarnoch"):
            assert (name in whole) is wished
        break_up = here.folder / "mailroom.db"
        here.store.close()
        break_up.unlink()
        (here.folder / "box" / "0001.eml").unlink()
        (here.folder / "box" / "0002.eml").unlink()


def test_it_tells_of_a_mailbox_that_is_away_of_refused_answers_and_of_a_freed_place(desk: Any, monkeypatch: pytest.MonkeyPatch, smtp_sink: Sink) -> None:
    here: Desk = desk(sessions=sessions_yaml(wed=1))
    smtp_sink.script("cara@mailbox.example", "rcpt 550")
    begin = MONDAY - DAY - 30 * MINUTE  # before Sunday's hour
    here.deliver(ANNA, session="Wednesday 19 January", at=begin + 2 * MINUTE)
    here.deliver(BEN, session="Wednesday 19 January")
    here.deliver(CARA, session="Tuesday 25 January")
    here.round()
    [told] = here.sent(to="anna")
    here.deliver(ANNA, body="Please take me off the list.", subject=f"Re: {told['Subject']}", answering=str(told["Message-ID"]))
    here.round()

    def away(self: FolderMailbox) -> Any:
        raise Temporary("mailbox programme: no connection (Connection refused)")

    monkeypatch.setattr(FolderMailbox, "connect", away)
    here.at = MONDAY
    with here.store.exclusive():
        assert here.pipeline.round().errors
    text = text_of(digests(here)[-1])
    assert "- The mailbox «programme» could not be polled since 9 January 2022, 07:02: mailbox programme: no connection (Connection refused)" in text
    assert re.search(r"- Answer \d+ was given up\. .+\n  mailroom explain R-", text)
    assert "- Wednesday 19 January 2022, 14:00–15:30: 1 free, and 1 on the waiting list.\n  mailroom sessions 2022-01-19" in text
    assert text.index("What is wrong") < text.index("New registrations")


def test_a_long_list_is_cut_and_counted(desk: Any) -> None:
    here: Desk = desk(mode="hold")
    for number in range(60):
        here.deliver(f"Member {number} <m{number}@mailbox.example>", body="Is cover paid for the training?", at=MONDAY - DAY + number * MINUTE)
    here.round(MONDAY)
    text = text_of(digests(here)[-1])
    assert text.count("mailroom explain") == 50
    assert "- and 10 more: mailroom messages list" in text


def test_the_command_previews_and_sends_at_once(desk: Any, smtp_sink: Sink) -> None:
    """By the real clock: a preview notes nothing, one that is sent is where the next begins."""
    here: Desk = desk(extra=f'digest: {{to: [{TO}, second@union.example], at: "00:00"}}\n')
    here.deliver(ANNA, at=datetime.now(UTC) - MINUTE)
    run = Installation(here.folder)
    with here.store.exclusive():
        [mailbox] = here.pipeline.mailboxes
        with mailbox.connect() as session:
            here.pipeline.take(mailbox.name, session, session.uids())
        here.pipeline.process(mailbox.name, _report())
    shown = run.run("digest", "--preview", "--html", str(here.folder / "digest.html")).stdout
    assert shown.startswith("Subject: mailroom: 1 new registration")
    assert "Anna Rae, Glenmarnoch Academy" in (here.folder / "digest.html").read_text(encoding="utf-8")
    assert here.store.last_digest() is None
    assert json.loads(run.run("digest", "--now", "--json").stdout) == {"told": True}
    assert [m.recipients for m in smtp_sink.messages if "union.example" in m.recipients[0]] == [(TO,), ("second@union.example",)]
    assert run.run("digest", "--preview").stdout == "There is nothing to tell.\n"
    assert json.loads(run.run("digest", "--now", "--json").stdout) == {"told": False}
    assert run.run("digest", ok=False).returncode == 2


def test_run_keeps_the_hour_also_where_mail_is_looked_for_seldom(desk: Any, smtp_sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """A round every hour; the clock is looked at in between, and rings when the digest is due."""
    monkeypatch.setattr("mailroom.service.CLOCK", timedelta(seconds=0.2))
    here: Desk = desk()
    here.deliver(ANNA, at=MONDAY - MINUTE)
    config = here.config.model_copy(update={"mailboxes": tuple(box.model_copy(update={"every": timedelta(hours=1)}) for box in here.config.mailboxes)})
    engine = InProcessEngine()
    thread = threading.Thread(target=serve_pipeline, args=(here.pipeline, config), kwargs={"signals": False, "engine": engine}, daemon=True)
    thread.start()
    try:
        assert engine.first_beat.wait(60)
        assert smtp_sink.wait_for(1, timeout=60)  # Anna's answer, by the first round
        assert digests(here) == []
        here.at = MONDAY
        assert smtp_sink.wait_for(2, timeout=60)
    finally:
        engine.stop()
        thread.join(timeout=60)
    assert len(digests(here)) == 1


def test_without_a_digest_section_the_command_says_what_to_write(desk: Any) -> None:
    here: Desk = desk(extra="")
    done = Installation(here.folder).run("digest", "--preview", ok=False)
    assert (done.returncode, "add «digest: {to: [coordinator@...]}»" in done.stderr) == (1, True)


def _report() -> Any:
    from mailroom.pipeline import RoundReport

    return RoundReport()


def test_at_an_employer_s_address_its_first_words_name_neither_programme_nor_member(desk: Any) -> None:
    """The coordinator's mailbox may be the council's, whose screens show subject and preview to whoever passes."""
    here: Desk = desk(extra=f"digest: {{to: [coordinator@fife.gov.uk, {TO}]}}\n")
    here.deliver(ANNA, at=MONDAY - 3 * MINUTE)
    here.deliver(BEN, body="Is cover paid for the training?", at=MONDAY - 2 * MINUTE)
    here.round(MONDAY)
    [at_work], [at_home] = here.sent(to="coordinator@fife"), here.sent(to=TO)
    for text in (text_of(at_work), "\n".join(text_of_html(page_of(at_work)))):
        shown = " ".join(text.split())[:300]
        assert shown.startswith("What is new since the beginning")
        assert not re.search(r"(?i)Anna|Ben|Rae|Glenmarnoch|EIS|Institute|research|programme", shown), shown
        assert "Anna Rae, Glenmarnoch Academy: registered" in text
    assert at_work["Subject"] == "mailroom: 1 new registration, 1 for you"
    assert text_of(at_home).startswith("Collaborative Action Research Programme: what is new since the beginning")
    assert at_work["Message-ID"] != at_home["Message-ID"]
