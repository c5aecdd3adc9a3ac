"""Sending with a login by token: both mechanisms, a token that has run out, refusals told apart, against a real SMTP server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from mailroom.errors import MailroomError, Misconfigured, Temporary
from mailroom.sasl import Challenge
from mailroom.sink import Sink
from notify.smtp import Sent, SmtpSender, SmtpSettings

ANNA = "anna@school.example"
MAIL = b"Subject: x\r\n\r\nx\r\n"


class Purse:
    """Tokens in order; what was asked of it is kept. A refusal is Misconfigured with what it was told."""

    def __init__(self, *tokens: str) -> None:
        self.left, self.now, self.challenges = list(tokens[1:]), tokens[0], list[Challenge | None]()

    def current(self) -> str:
        return self.now

    def instead_of(self, refused: str) -> str | None:
        assert refused == self.now
        if not self.left:
            return None
        self.now = self.left.pop(0)
        return self.now

    def refusal(self, protocol: str, *, where: str, user: str, said: str, challenge: Challenge | None) -> MailroomError:
        self.challenges.append(challenge)
        return Misconfigured(f"{protocol} {where} {user}: {said}")


def settings(sink: Sink, purse: Purse, **changes: Any) -> SmtpSettings:
    return SmtpSettings(**{"host": "127.0.0.1", "port": sink.port, "tls": "none", "timeout": 5.0, "user": "car@union.example", "tokens": purse, **changes})


def taking(*good: str, refusal: str = "535 5.7.8 Authentication credentials invalid") -> Callable[[str, str], str]:
    return lambda user, token: "" if user == "car@union.example" and token in good else refusal


@pytest.mark.parametrize(("offered", "used"), [(["XOAUTH2"], "XOAUTH2"), (["OAUTHBEARER"], "OAUTHBEARER"), (["OAUTHBEARER", "XOAUTH2"], "OAUTHBEARER")])
def test_each_mechanism_logs_in(make_smtp_sink: Callable[..., Sink], offered: list[str], used: str) -> None:
    sink = make_smtp_sink(bearer=taking("t1"), mechanisms=offered)
    with SmtpSender(settings(sink, Purse("t1"))) as sender:
        assert isinstance(sender.send(ANNA, MAIL), Sent)
    assert sink.logins == [used]
    assert sink.messages[0].user == "car@union.example"


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_it_works_over_tls(make_smtp_sink: Callable[..., Sink], smtp_certificates: Any, tls: str) -> None:
    sink = make_smtp_sink(bearer=taking("t1"), tls=tls)
    with SmtpSender(settings(sink, Purse("t1"), tls=tls, ca_file=smtp_certificates.ca_file)) as sender:
        assert isinstance(sender.send(ANNA, MAIL), Sent)
    assert sink.messages[0].encrypted


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("refusal", ["535 5.7.8 Authentication credentials invalid", "454 4.7.0 Temporary authentication failure"])
def test_an_old_token_is_replaced_and_the_login_repeated_at_once(make_smtp_sink: Callable[..., Sink], mechanism: str, refusal: str) -> None:
    sink = make_smtp_sink(bearer=taking("new", refusal=refusal), mechanisms=[mechanism])
    purse = Purse("old", "new")
    with SmtpSender(settings(sink, purse)) as sender:
        assert isinstance(sender.send(ANNA, MAIL), Sent)
    assert sink.logins == [mechanism] * 2
    assert sink.answers == [b"" if mechanism == "XOAUTH2" else b"\x01"]
    assert (sink.connections, purse.left, purse.challenges) == (1, [], [])


def test_a_token_that_is_refused_when_new_is_misconfigured(make_smtp_sink: Callable[..., Sink]) -> None:
    sink, purse = make_smtp_sink(bearer=taking(refusal="535 5.7.3 Authentication unsuccessful")), Purse("old", "new")
    with pytest.raises(Misconfigured, match=r"^smtp SMTP server 127\.0\.0\.1:\d+ car@union\.example: 535 5\.7\.3 Authentication unsuccessful$"):
        SmtpSender(settings(sink, purse)).connect()
    assert sink.logins == ["OAUTHBEARER"] * 2
    assert purse.challenges == [Challenge(status="invalid_token", scope="mail")]


def test_a_server_in_trouble_is_temporary_however_new_the_token(make_smtp_sink: Callable[..., Sink]) -> None:
    sink = make_smtp_sink(bearer=taking(refusal="454 4.7.0 Temporary authentication failure"))
    with pytest.raises(Temporary, match="454"):
        SmtpSender(settings(sink, Purse("t1"))).connect()


def test_a_server_that_hangs_up_on_a_token_is_temporary(make_smtp_sink: Callable[..., Sink]) -> None:
    sink = make_smtp_sink(bearer=taking(refusal="drop"))
    with pytest.raises(Temporary, match="no connection"):
        SmtpSender(settings(sink, Purse("t1"))).connect()


def test_a_server_without_the_mechanisms_is_told(make_smtp_sink: Callable[..., Sink]) -> None:
    sink = make_smtp_sink(users={"car": "s3cret"})
    with pytest.raises(Misconfigured, match="offers no login by OAuth2"):
        SmtpSender(settings(sink, Purse("t1"))).connect()


def test_a_login_that_ran_out_between_two_messages_is_renewed(make_smtp_sink: Callable[..., Sink]) -> None:
    """530 in a session that was logged in: nothing of the message was taken; connect, log in, send."""
    sink, purse = make_smtp_sink(bearer=taking("t1", "t2")), Purse("t1")
    with SmtpSender(settings(sink, purse)) as sender:
        assert isinstance(sender.send(ANNA, MAIL), Sent)
        sink.log_out()
        purse.now = "t2"
        assert isinstance(sender.send("ben@school.example", MAIL), Sent)
    assert [message.connection for message in sink.messages] == [1, 2]


def test_a_fresh_login_that_is_denied_is_no_loop(make_smtp_sink: Callable[..., Sink]) -> None:
    sink = make_smtp_sink(bearer=taking("t1"))
    with SmtpSender(settings(sink, Purse("t1"))) as sender:
        sink.log_out()
        with pytest.raises(Misconfigured, match="530"):
            sender.send(ANNA, MAIL)
    assert sink.connections == 1


@pytest.mark.parametrize(
    "words",
    [
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
        "550 5.7.30 Basic authentication is not supported for Client Submission.",
    ],
)
def test_a_provider_that_takes_no_password_any_more_is_told_so(words: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener, listener.accept()[0] as connection, connection.makefile("rwb", buffering=0) as wire:
            wire.write(b"220 here\r\n")
            while line := wire.readline():
                wire.write(b"250-here\r\n250 AUTH PLAIN XOAUTH2\r\n" if line.upper().startswith(b"EHLO") else f"{words}\r\n".encode())

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    with pytest.raises(Misconfigured, match=r"takes no password \(5.*set replies\.smtp\.oauth2 in place of password"):
        SmtpSender(SmtpSettings(host="127.0.0.1", port=listener.getsockname()[1], tls="none", user="car", password="x", timeout=5)).connect()
    server.join(10)


def test_no_token_is_in_the_repr_of_the_settings(make_smtp_sink: Callable[..., Sink]) -> None:
    assert "t1" not in repr(settings(make_smtp_sink(bearer=taking("t1")), Purse("t1")))
