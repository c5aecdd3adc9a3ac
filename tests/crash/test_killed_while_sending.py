"""A process killed with SIGKILL between SMTP, its mark and the copy in Sent, and started again: counted at the sink and in the folder."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from email import message_from_bytes
from typing import Any

import pytest

from mailroom.sink import Sink
from tests.fixtures.commands import Process
from tests.fixtures.dovecot import Dovecot
from tests.fixtures.installation import Installation

PW = "MAILROOM_TEST_PW"
USER = "killed-sending"
MAIL = (
    b"From: Anne Bell <anne@example.com>\r\nTo: car@union.example\r\nSubject: Action research\r\nMessage-ID: <ant@example.com>\r\n"
    b"Date: Mon, 10 Jan 2022 09:30:00 +0000\r\n\r\nI teach at Whinhill Academy in Fife and would like to join a new group on reading.\r\n\r\nAnne\r\n"
)


class Killed:
    """An installation with one message to answer, whose `poll` dies where it is told to."""

    def __init__(self, home: Installation, dovecot: Dovecot, sink: Sink) -> None:
        self.home, self.dovecot, self.sink = home, dovecot, sink

    def poll_and_die(self, moment: str) -> None:
        arguments = [moment, "--config", str(self.home.config), "poll"]
        process = Process("tests.crash.killed_sender", arguments, folder=self.home.home, environment=self.home.environment)
        _, err = process.communicate()
        assert process.returncode == -signal.SIGKILL, err

    def replies(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.loads(self.home.run("replies", "list", "--json").stdout)
        return listed

    def in_sent(self) -> list[bytes]:
        with self.dovecot.imap(USER) as client:
            client.select_folder("Sent", readonly=True)
            found = client.search("ALL")
            return [one[b"BODY[]"] for one in client.fetch(found, ["BODY.PEEK[]"]).values()] if found else []


@pytest.fixture
def killed(installation: Callable[..., Installation], dovecot: Dovecot, smtp_sink: Sink) -> Iterator[Callable[..., Killed]]:
    def make(provider: str, wait: str = "0s") -> Killed:
        dovecot.append("INBOX", [MAIL], user=USER)
        dovecot.append("Sent", [b"Subject: an older one\r\nMessage-ID: <old@union.example>\r\n\r\nx\r\n"], user=USER)
        home = installation(environment={PW: dovecot.password})
        imap = f"imap: {{host: 127.0.0.1, port: {dovecot.port}, tls: none, user: {USER}, password: {{env: {PW}}}}}"
        home.write(mailbox=imap, smtp_port=smtp_sink.port, smtp=f"provider: {provider}", extra=f"  sent_folder: {{mailbox: programme, wait: {wait}}}\n")
        return Killed(home, dovecot, smtp_sink)

    yield make
    dovecot.forget(USER)


def test_between_the_server_s_yes_and_the_mark_with_the_answer_in_sent(killed: Callable[..., Killed]) -> None:
    house = killed("microsoft")
    house.poll_and_die("before:mark_sent")
    [reply] = house.replies()
    assert (reply["state"], len(house.sink.messages)) == ("sending", 1)
    house.dovecot.append("Sent", [house.sink.messages[0].content], user=USER)  # as the provider does
    assert house.home.poll()["replies"]["sent"] == 1
    [reply] = house.replies()
    assert (reply["state"], reply["attempts"], len(house.sink.messages), len(house.in_sent())) == ("sent", 1, 1, 2)


def test_between_the_server_s_yes_and_the_mark_with_nothing_in_sent(killed: Callable[..., Killed]) -> None:
    """It may have been lost, so it goes again: the same bytes under the same Message-ID, and that once."""
    house = killed("microsoft")
    house.poll_and_die("before:mark_sent")
    assert house.home.poll()["replies"]["sent"] == 1
    assert [m.content for m in house.sink.messages] == [house.sink.messages[0].content] * 2
    house.home.poll()
    assert len(house.sink.messages) == 2


def test_while_it_may_still_show_in_sent_nothing_goes_again(killed: Callable[..., Killed]) -> None:
    house = killed("microsoft", wait="1h")
    house.poll_and_die("before:mark_sent")
    told = house.home.poll()["replies"]
    assert (told["unknown"], told["due"], len(house.sink.messages)) == (1, 0, 1)
    [reply] = json.loads(house.home.run("replies", "list", "--state", "unknown", "--json").stdout)
    assert reply["last_error"] == "mailroom was stopped while this was being sent"
    assert "1 of unknown fate" in house.home.run("status").stdout


def test_after_the_claim_and_before_a_byte_left(killed: Callable[..., Killed]) -> None:
    house = killed("microsoft")
    house.poll_and_die("after:claim")
    assert house.sink.messages == []
    assert house.home.poll()["replies"]["sent"] == 1
    assert len(house.sink.messages) == 1


@pytest.mark.parametrize(("moment", "in_sent"), [("after:mark_sent", 1), ("before:mark_copied", 2), ("after:mark_copied", 2)])
def test_around_the_copy_in_sent(killed: Callable[..., Killed], moment: str, in_sent: int) -> None:
    house = killed("other")
    house.poll_and_die(moment)
    assert (len(house.sink.messages), len(house.in_sent())) == (1, in_sent)
    house.home.poll()
    [copy] = [content for content in house.in_sent() if message_from_bytes(content)["Message-ID"] != "<old@union.example>"]
    assert [m.content for m in house.sink.messages] == [copy]
