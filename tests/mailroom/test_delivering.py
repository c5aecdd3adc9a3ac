"""Pace, fate and copies of answers: a real SMTP server that misbehaves by script, a real folder of sent mail, both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email import message_from_bytes
from itertools import count
from typing import Any

import pytest

from ingest.credentials import Password
from ingest.imap import ImapSettings
from ingest.sent import SentFolder
from mailroom.delivering import Delivery, SentPolicy
from mailroom.errors import MailroomError, Misconfigured, Temporary
from mailroom.model import ReplyState
from mailroom.sink import Sink
from notify.pacing import Pace
from notify.smtp import SmtpSender, SmtpSettings
from store import Reply, Store
from tests.fixtures.dovecot import Dovecot
from tests.fixtures.stores import NOW, arrival, record

WAIT = timedelta(minutes=5)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
_users = count(1)


@dataclass
class Round:
    sent_now: int = 0
    paced_until: datetime | None = None


class House:
    """A store with answers, a sender, and the account that holds the folder of sent mail."""

    def __init__(self, store: Store, sink: Sink, dovecot: Dovecot) -> None:
        self.store, self.sink, self.dovecot = store, sink, dovecot
        self.clock = NOW
        self.user = f"sent{next(_users)}"
        self.settings = ImapSettings(host="127.0.0.1", port=dovecot.port, tls="none", user=self.user, credentials=Password(lambda: dovecot.password))
        self.delivery = self.delivers()

    def delivers(self, *, copies: bool = False, folder: str | None = "Sent", pace: Pace | None = None, sent: bool = True, **smtp: Any) -> Delivery:
        box = SentFolder("programme", self.settings, folder=folder, make=copies)
        options = {"host": "127.0.0.1", "port": self.sink.port, "tls": "none", "timeout": 5.0, **smtp}
        self.delivery = Delivery(
            store=self.store,
            open_sender=lambda: SmtpSender(SmtpSettings(**options)),
            pace=pace or Pace(),
            sent=SentPolicy(box=box, copies=copies, wait=WAIT) if sent else None,
            now=lambda: self.clock,
        )
        return self.delivery

    def answers(self, *names: str) -> None:
        """Due answers to these people."""
        first = len(self.store.replies())
        self.store.add_arrivals([arrival(first + n + 1) for n in range(len(names))], NOW)
        made = []
        for message, name in zip(self.store.waiting(limit=len(names)), names, strict=True):
            one = record(message.id, name, recipient=f"{name}@school.example")
            assert one.reply is not None
            content = f"To: {name}@school.example\r\nMessage-ID: {one.reply.message_id}\r\nSubject: Re: Research\r\n\r\nThank you, {name}.\r\n.\r\n".encode()
            made.append(replace(one, reply=replace(one.reply, content=content)))
        self.store.record_many(made, NOW)

    def round(self, after: timedelta = timedelta()) -> Round:
        """One round's deliveries, ``after`` the last; what goes wrong with one step stops no other, as in the pipeline."""
        self.clock += after
        report = Round()
        self.store.recover_sending(self.clock)
        self.errors: list[MailroomError] = []
        for step in (self.delivery.settle, self.delivery.send, self.delivery.copy):
            try:
                step(report, lambda: False)
            except MailroomError as error:
                self.errors.append(error)
        return report

    def one(self, name: str) -> Reply:
        [reply] = [r for r in self.store.replies(limit=1000) if r.recipient == f"{name}@school.example"]
        return reply

    def arrived(self, name: str) -> list[bytes]:
        return [received.content for received in self.sink.to(f"{name}@school.example")]

    def file(self, content: bytes, folder: str = "Sent") -> None:
        """What a provider does by itself with mail that it takes."""
        self.dovecot.append(folder, [content], user=self.user, flags=[b"\\Seen"])

    def in_folder(self, folder: str = "Sent") -> list[tuple[bytes, tuple[bytes, ...], datetime]]:
        with self.dovecot.imap(self.user) as client:
            if not client.folder_exists(folder):
                return []
            client.select_folder(folder, readonly=True)
            found = client.fetch(client.search("ALL") or [0], ["BODY.PEEK[]", "FLAGS", "INTERNALDATE"]).values()
            return [(one[b"BODY[]"], one[b"FLAGS"], one[b"INTERNALDATE"]) for one in found if b"BODY[]" in one]


@pytest.fixture
def house(store: Store, smtp_sink: Sink, dovecot: Dovecot) -> Iterator[House]:
    made = House(store, smtp_sink, dovecot)
    yield made
    dovecot.forget(made.user)


@contextmanager
def away(dovecot: Dovecot) -> Iterator[None]:
    """No IMAP server, for a while."""
    dovecot.stop()
    try:
        yield
    finally:
        dovecot.start()


# --- of unknown fate


def test_what_sent_shows_is_never_delivered_twice(house: House) -> None:
    """The provider took and filed it; only its word was lost with the line."""
    house.answers("anne")
    house.sink.script("anne@school.example", "data drop")
    assert house.round().sent_now == 0
    assert house.one("anne").state is ReplyState.UNKNOWN
    [content] = house.arrived("anne")
    house.file(content)
    house.round(MINUTE)
    reply = house.one("anne")
    assert (reply.state, reply.sent_at, reply.last_error) == (ReplyState.SENT, NOW, "")
    house.round(WAIT)
    assert house.arrived("anne") == [content]


def test_a_provider_that_files_late_is_waited_for(house: House) -> None:
    house.file(b"Subject: another\r\nMessage-ID: <other@union.example>\r\n\r\nx\r\n")
    house.answers("anne", "ben")
    house.sink.script("anne@school.example", "data drop")
    house.round()
    assert house.one("ben").state is ReplyState.SENT  # the next in the queue goes all the same
    for _ in range(4):
        house.round(MINUTE)
        assert house.one("anne").state is ReplyState.UNKNOWN
    house.file(house.arrived("anne")[0])
    house.round(MINUTE)
    assert (house.one("anne").state, len(house.arrived("anne"))) == (ReplyState.SENT, 1)


def test_what_sent_does_not_show_goes_once_more_as_the_same_bytes(house: House) -> None:
    house.file(b"Subject: another\r\nMessage-ID: <other@union.example>\r\n\r\nx\r\n")
    house.answers("anne")
    house.sink.script("anne@school.example", "data early-drop")
    house.round()
    house.round(WAIT - SECOND)
    assert (house.one("anne").state, house.arrived("anne")) == (ReplyState.UNKNOWN, [])
    assert house.round(SECOND).sent_now == 1
    reply = house.one("anne")
    assert (reply.state, reply.attempts, reply.reason) == (ReplyState.SENT, 2, "sent_again")
    assert house.arrived("anne") == [house.store.reply_content(reply.id)]


def test_twice_of_unknown_fate_is_for_a_person(house: House) -> None:
    """Nobody gets the same answer every few hours because a server is slow to say yes."""
    house.file(b"Subject: another\r\n\r\nx\r\n")
    house.answers("anne")
    house.sink.script("anne@school.example", "data drop", "data drop")
    for _ in range(40):
        house.round(MINUTE)
    reply = house.one("anne")
    assert (reply.state, reply.reason, len(house.arrived("anne"))) == (ReplyState.UNKNOWN, "fate_unknown", 2)
    assert len({bytes(content) for content in house.arrived("anne")}) == 1
    house.store.release([reply.id], house.clock, actor="operator")
    house.round()
    assert house.one("anne").state is ReplyState.SENT


def test_a_mailbox_that_is_away_repeats_nothing_and_holds_up_nobody_else(house: House) -> None:
    house.file(b"Subject: another\r\n\r\nx\r\n")
    house.answers("anne")
    house.sink.script("anne@school.example", "data drop")
    house.round()
    house.file(house.arrived("anne")[0])
    house.answers("ben")
    with away(house.dovecot):
        for _ in range(3):
            house.round(WAIT)
            assert house.one("anne").state is ReplyState.UNKNOWN
            assert [type(error) for error in house.errors] == [Temporary]
    assert len(house.arrived("ben")) == 1
    house.round(MINUTE)
    assert (house.one("anne").state, len(house.arrived("anne")), house.errors) == (ReplyState.SENT, 1, [])


def test_a_reply_found_in_sending_is_looked_for_as_well(house: House) -> None:
    """A process was killed between the server's yes and the mark."""
    house.file(b"Subject: another\r\n\r\nx\r\n")
    house.answers("anne", "ben")
    for name in ("anne", "ben"):
        house.store.claim(house.one(name).id, house.clock)
    content = house.store.reply_content(house.one("anne").id)
    assert content is not None
    house.file(content)
    house.round(MINUTE)
    assert (house.one("anne").state, house.one("ben").state) == (ReplyState.SENT, ReplyState.UNKNOWN)
    house.round(WAIT)
    assert (house.arrived("anne"), len(house.arrived("ben"))) == ([], 1)


@pytest.mark.parametrize("name", ["X-Microsoft-Original-Message-ID", "X-Google-Original-Message-ID"])
def test_a_provider_that_replaced_the_message_id_kept_ours(house: House, name: str) -> None:
    house.answers("anne")
    house.sink.script("anne@school.example", "data drop")
    house.round()
    house.file(house.arrived("anne")[0].replace(b"Message-ID: ", b"Message-ID: <its-own@provider.example>\r\n" + name.encode() + b": "))
    house.round(MINUTE)
    assert house.one("anne").state is ReplyState.SENT


def test_where_no_sent_folder_is_known_the_same_bytes_go_again_after_a_while(house: House) -> None:
    house.delivers(sent=False)
    house.answers("anne")
    house.sink.script("anne@school.example", "data drop")
    house.round()
    house.round(MINUTE)
    assert (house.one("anne").state, len(house.arrived("anne"))) == (ReplyState.UNKNOWN, 1)
    house.round(2 * MINUTE)
    assert house.one("anne").state is ReplyState.SENT
    assert len(house.arrived("anne")) == 2
    assert len({bytes(content) for content in house.arrived("anne")}) == 1


def test_a_sent_folder_that_is_not_there_is_said_in_words(house: House) -> None:
    house.delivers(folder=None)
    house.answers("anne")
    house.sink.script("anne@school.example", "data drop")
    house.round()
    house.round(MINUTE)
    [error] = house.errors
    assert isinstance(error, Misconfigured)
    assert "name it in replies.sent_folder.folder" in str(error)
    assert (house.one("anne").state, len(house.arrived("anne"))) == (ReplyState.UNKNOWN, 1)


# --- copies


def test_a_copy_is_put_in_sent_read_with_its_time_and_byte_for_byte(house: House) -> None:
    house.delivers(copies=True)
    house.answers("anne", "ben")
    house.round()
    assert house.errors == []
    copies = {message_from_bytes(content)["To"]: (content, flags, at) for content, flags, at in house.in_folder()}
    for name in ("anne", "ben"):
        content, flags, at = copies[f"{name}@school.example"]
        assert [content] == house.arrived(name)
        assert b"\\Seen" in flags
        assert at == NOW
    house.round(MINUTE)
    assert len(house.in_folder()) == 2


def test_the_folder_is_found_by_its_use_and_by_its_usual_name(house: House) -> None:
    house.delivers(copies=True, folder=None)
    house.file(b"Subject: here\r\n\r\nx\r\n", "Sent Items")
    house.answers("anne")
    house.round()
    assert len(house.in_folder("Sent Items")) == 2
    house.file(b"Subject: marked\r\n\r\nx\r\n", "Gesendet")
    house.answers("ben")
    house.round()
    assert (len(house.in_folder("Gesendet")), len(house.in_folder("Sent Items"))) == (2, 2)


@pytest.mark.parametrize(("folder", "made"), [(None, "Sent"), ("Out/2026", "Out/2026")])
def test_a_folder_that_is_missing_is_made_for_the_first_copy(house: House, folder: str | None, made: str) -> None:
    delivery = house.delivers(copies=True, folder=folder)
    assert delivery.sent is not None
    assert "will be made" in delivery.sent.box.check()[0]
    assert house.in_folder(made) == []
    house.answers("anne")
    house.round()
    assert len(house.in_folder(made)) == 1
    assert "holds 1 messages" in delivery.sent.box.check()[0]


def test_a_copy_that_was_made_before_the_process_died_is_not_made_again(house: House) -> None:
    house.delivers(copies=True)
    house.answers("anne")

    def dies(ids: list[int]) -> None:
        raise Temporary("here the process would be gone")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(house.store, "mark_copied", dies)
        house.round()
    assert (len(house.in_folder()), house.store.copies_waiting()) == (1, 1)
    house.round(MINUTE)
    assert (len(house.in_folder()), house.store.copies_waiting(), house.errors) == (1, 0, [])


def test_a_mailbox_that_is_away_gets_its_copies_later(house: House) -> None:
    house.delivers(copies=True)
    house.answers("anne", "ben")
    with away(house.dovecot):
        assert house.round().sent_now == 2
        assert [type(error) for error in house.errors] == [Temporary]
        house.round(SECOND)
        assert house.errors == []  # not asked again at once
    assert (house.store.copies_waiting(), house.in_folder()) == (2, [])
    house.round(MINUTE)
    assert (house.store.copies_waiting(), len(house.in_folder()), len(house.sink.messages)) == (0, 2, 2)
    assert {at for _, _, at in house.in_folder()} == {NOW}


def test_of_a_batch_that_was_cut_short_only_the_missing_copies_are_made(house: House) -> None:
    house.delivers(copies=True)
    house.answers(*"abcde")
    house.delivery.send(Round(), lambda: False)
    for name in "bd":
        house.file(house.arrived(name)[0])
    house.round()
    assert sorted(content for content, _, _ in house.in_folder()) == sorted(message.content for message in house.sink.messages)
    assert (len(house.sink.messages), house.store.copies_waiting()) == (5, 0)


def test_what_was_found_in_sent_gets_no_copy(house: House) -> None:
    house.delivers(copies=True)
    house.answers("anne")
    house.sink.script("anne@school.example", "data drop")
    house.round()
    house.file(house.arrived("anne")[0])
    house.round(MINUTE)
    assert (house.one("anne").state, len(house.in_folder()), house.store.copies_waiting()) == (ReplyState.SENT, 1, 0)


# --- the pace


def test_what_exceeds_the_pace_stays_due_and_goes_in_the_next_rounds(house: House) -> None:
    house.delivers(pace=Pace(per_minute=4), sent=False)
    house.answers(*"abcdefghij")
    first = house.round()
    assert (first.sent_now, len(house.sink.messages)) == (4, 4)
    assert first.paced_until == NOW + MINUTE
    connections = house.sink.connections
    assert house.round(MINUTE - SECOND).sent_now == 0
    assert house.sink.connections == connections  # not even connected
    assert house.round(SECOND).sent_now == 4
    last = house.round(MINUTE)
    assert (last.sent_now, last.paced_until) == (2, None)
    assert sorted(m.recipients[0][0] for m in house.sink.messages) == list("abcdefghij")


def test_the_next_round_is_asked_for_when_it_is_worth_a_connection(house: House) -> None:
    """When half a minute's worth may go, or as many as there are."""
    house.delivers(pace=Pace(per_minute=6), sent=False)
    house.answers("a", "b")
    house.round()
    house.answers("c", "d")
    house.round(10 * SECOND)
    house.answers("e", "f", "g")
    assert house.round(10 * SECOND).paced_until == NOW + MINUTE  # for g alone
    house.answers("h", "i", "j")
    assert house.round(10 * SECOND).paced_until == NOW + MINUTE + 10 * SECOND  # for three, which is when a, b and c are a minute old


def test_a_restart_forgets_nothing_of_the_pace(house: House) -> None:
    house.delivers(pace=Pace(per_minute=2, per_day=3), sent=False)
    house.answers(*"abcdef")
    house.round()
    house.delivers(pace=Pace(per_minute=2, per_day=3), sent=False)  # another process
    assert house.round(SECOND).sent_now == 0
    assert house.round(MINUTE).sent_now == 1
    assert house.round(MINUTE).sent_now == 0
    assert house.round(timedelta(hours=23)).sent_now == 0
    assert house.round(timedelta(hours=1)).sent_now == 2


def test_one_connection_carries_a_round(house: House) -> None:
    house.answers(*"abcde")
    house.round()
    assert house.sink.connections == 1
    house.answers(*"fg")
    house.round(MINUTE)
    assert house.sink.connections == 2


def test_stopping_leaves_the_rest_due(house: House) -> None:
    house.answers(*"abcde")
    house.delivery.send(Round(), lambda: len(house.sink.messages) >= 2)
    assert [r.state for r in house.store.replies()] == [ReplyState.SENT] * 2 + [ReplyState.DUE] * 3
