"""Sending, against a real SMTP server that misbehaves by script: each outcome is told apart."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mailroom.errors import Misconfigured, Temporary
from mailroom.sink import Sink
from notify.smtp import Deferred, Refused, Sent, SmtpSender, SmtpSettings, Unknown
from tests.fixtures.certificates import Certificates, make_certificates
from tests.fixtures.smtp_sink import server_context

ANNA = "anna@school.example"
MAIL = b"Subject: Re: your message\r\n\r\n.starts with a dot\r\n..two\r\nlast\r\n"


def settings(sink: Sink, **changes: Any) -> SmtpSettings:
    return SmtpSettings(**{"host": "127.0.0.1", "port": sink.port, "tls": "none", "timeout": 5.0, **changes})


def test_a_message_arrives_byte_for_byte_from_the_null_sender(smtp_sink: Sink) -> None:
    with SmtpSender(settings(smtp_sink)) as sender:
        outcome = sender.send(ANNA, MAIL)
    assert outcome == Sent(response="250 2.0.0 kept")
    (received,) = smtp_sink.messages
    assert (received.sender, received.recipients, received.content) == ("", (ANNA,), MAIL)
    assert smtp_sink.commands[0].startswith("MAIL FROM:<>")


def test_an_envelope_sender_is_used_where_one_is_set(smtp_sink: Sink) -> None:
    with SmtpSender(settings(smtp_sink, envelope_sender="car@union.example")) as sender:
        sender.send(ANNA, MAIL)
    assert smtp_sink.messages[0].sender == "car@union.example"


def test_line_ends_are_made_those_of_mail(smtp_sink: Sink) -> None:
    with SmtpSender(settings(smtp_sink)) as sender:
        assert isinstance(sender.send(ANNA, b"Subject: x\n\n.a\nno line end"), Sent)
    assert smtp_sink.messages[0].content == b"Subject: x\r\n\r\n.a\r\nno line end\r\n"


@pytest.mark.parametrize(
    ("step", "outcome", "kept"),
    [
        ("rcpt 450", Deferred(code=450, error="4.0.0 scripted"), 0),
        ("rcpt 550", Refused(code=550, error="5.0.0 scripted"), 0),
        ("rcpt 421", Deferred(code=421, error="4.0.0 scripted"), 0),
        ("data 451", Deferred(code=451, error="4.0.0 scripted"), 0),
        ("data 554", Refused(code=554, error="5.0.0 scripted"), 0),
        ("rcpt drop", Deferred, 0),
        ("data drop", Unknown, 1),
        ("data stall", Unknown, 1),
    ],
)
def test_each_failure_has_its_own_outcome_and_the_next_message_goes(smtp_sink: Sink, step: str, outcome: Any, kept: int) -> None:
    smtp_sink.script(ANNA, step)
    with SmtpSender(settings(smtp_sink, final_timeout=0.3, timeout=0.3 if "stall" in step else 5.0)) as sender:
        got = sender.send(ANNA, MAIL)
        assert (got == outcome) if not isinstance(outcome, type) else isinstance(got, outcome)
        assert len(smtp_sink.messages) == kept
        assert isinstance(sender.send("ben@school.example", MAIL), Sent)
        assert isinstance(sender.send(ANNA, MAIL), Sent)


def _half_reader(ready: list[int], done: threading.Event) -> threading.Thread:
    """A server that says 354, takes a little of the message and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))
    ready.append(listener.getsockname()[1])

    def serve() -> None:
        with closing(listener):
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as wire:
                wire.write(b"220 half.example\r\n")
                wire.flush()
                for line in iter(wire.readline, b""):
                    wire.write(b"354 go on\r\n" if line.upper().startswith(b"DATA") else b"250 ok\r\n")
                    wire.flush()
                    if line.upper().startswith(b"DATA"):
                        connection.recv(10)
                        break
        done.set()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def test_a_drop_before_the_final_dot_is_no_unknown() -> None:
    """The message was not complete, so no server can have taken it: it is simply tried again."""
    ready: list[int] = []
    done = threading.Event()
    thread = _half_reader(ready, done)
    with SmtpSender(SmtpSettings(host="127.0.0.1", port=ready[0], tls="none", timeout=5.0)) as sender:
        outcome = sender.send(ANNA, b"Subject: x\r\n\r\n" + b"x" * 60 + b"\r\n" * 8_000_000)
    thread.join(5)
    assert done.is_set()
    assert isinstance(outcome, Deferred)
    assert outcome.code is None


def test_a_server_that_takes_its_time_over_a_message_is_waited_for(smtp_sink: Sink) -> None:
    """RFC 5321 section 4.5.3.2.6: giving up early is what makes members see an answer twice."""
    smtp_sink.script(ANNA, "data slow")
    with SmtpSender(settings(smtp_sink, timeout=0.3)) as sender:
        assert isinstance(sender.send(ANNA, MAIL), Sent)
        assert isinstance(sender.send(ANNA, MAIL), Sent)
    assert [message.connection for message in smtp_sink.messages] == [1, 1]


def test_one_connection_carries_many_messages_and_is_renewed(smtp_sink: Sink) -> None:
    with SmtpSender(settings(smtp_sink, per_connection=3)) as sender:
        for _ in range(7):
            assert isinstance(sender.send(ANNA, MAIL), Sent)
    assert [message.connection for message in smtp_sink.messages] == [1, 1, 1, 2, 2, 2, 3]


def test_a_connection_that_the_server_closed_meanwhile_is_opened_again(smtp_sink: Sink) -> None:
    with SmtpSender(settings(smtp_sink)) as sender:
        assert isinstance(sender.send(ANNA, MAIL), Sent)
        smtp_sink.script(ANNA, "rcpt drop")
        assert isinstance(sender.send(ANNA, MAIL), Sent)
    assert [message.connection for message in smtp_sink.messages] == [1, 2]


@pytest.mark.parametrize("step", ["421", "554", "drop", "ehlo 421"])
def test_no_connection_is_temporary_and_says_the_server_s_code(smtp_sink: Sink, step: str) -> None:
    smtp_sink.script_connections(step)
    sender = SmtpSender(settings(smtp_sink))
    with pytest.raises(Temporary, match=step.removeprefix("ehlo ") if step != "drop" else "no connection"):
        sender.connect()
    with sender:
        assert isinstance(sender.send(ANNA, MAIL), Sent)


def test_nobody_listening_is_temporary() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Temporary, match=f"127.0.0.1:{port}"), SmtpSender(SmtpSettings(host="127.0.0.1", port=port, tls="none", timeout=2.0)) as sender:
        sender.send(ANNA, MAIL)


def test_a_server_that_never_greets_is_temporary(smtp_sink: Sink) -> None:
    smtp_sink.script_connections("stall")
    with pytest.raises(Temporary, match="no connection"), SmtpSender(settings(smtp_sink, timeout=0.3)) as sender:
        sender.send(ANNA, MAIL)


def test_a_refused_null_sender_says_which_setting_mends_it(make_smtp_sink: Callable[..., Sink]) -> None:
    sink = make_smtp_sink(refuse_null_sender=True)
    with pytest.raises(Misconfigured, match=r"envelope_sender"), SmtpSender(settings(sink)) as sender:
        sender.send(ANNA, MAIL)
    with SmtpSender(settings(sink, envelope_sender="car@union.example")) as sender:
        assert isinstance(sender.send(ANNA, MAIL), Sent)


@pytest.mark.parametrize("recipient", ["seònaid@school.example", "a@b.example\r\nRCPT TO:<c@d.example>", "nobody"])
def test_an_address_that_cannot_be_sent_to_never_reaches_the_server(smtp_sink: Sink, recipient: str) -> None:
    with SmtpSender(settings(smtp_sink)) as sender:
        outcome = sender.send(recipient, MAIL)
    assert isinstance(outcome, Refused)
    assert outcome.code is None
    assert smtp_sink.commands == []


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_tls_and_login(make_smtp_sink: Callable[..., Sink], smtp_certificates: Certificates, tls: str, host: str) -> None:
    sink = make_smtp_sink(tls=tls, users={"car": "s3cret"})
    with SmtpSender(settings(sink, host=host, tls=tls, ca_file=smtp_certificates.ca_file, user="car", password="s3cret")) as sender:
        assert isinstance(sender.send(ANNA, MAIL), Sent)
        assert isinstance(sender.send(ANNA, MAIL), Sent)
    assert [(message.user, message.encrypted) for message in sink.messages] == [("car", True)] * 2


def test_a_password_beyond_ascii(make_smtp_sink: Callable[..., Sink]) -> None:
    sink = make_smtp_sink(users={"càr": "pàss wörd"})
    with SmtpSender(settings(sink, user="càr", password="pàss wörd")) as sender:
        assert isinstance(sender.send(ANNA, MAIL), Sent)


@pytest.mark.parametrize(("user", "password"), [("car", "wrong"), ("càr", "wrong")])
def test_a_refused_login_is_misconfigured_and_shows_no_password(make_smtp_sink: Callable[..., Sink], user: str, password: str) -> None:
    sink = make_smtp_sink(users={"car": "s3cret"})
    with pytest.raises(Misconfigured, match="refuses the login") as caught, SmtpSender(settings(sink, user=user, password=password)) as sender:
        sender.send(ANNA, MAIL)
    assert password not in str(caught.value)
    assert password not in repr(settings(sink, user=user, password=password))


def test_a_login_that_the_server_does_not_offer(smtp_sink: Sink) -> None:
    with pytest.raises(Misconfigured, match="offers no login"), SmtpSender(settings(smtp_sink, user="car", password="x")) as sender:
        sender.send(ANNA, MAIL)


def test_a_server_that_wants_a_login_we_have_not_got(make_smtp_sink: Callable[..., Sink]) -> None:
    sink = make_smtp_sink(users={"car": "s3cret"})
    with pytest.raises(Misconfigured, match="530"), SmtpSender(settings(sink)) as sender:
        sender.send(ANNA, MAIL)


@pytest.mark.parametrize(
    "step",
    [
        "data 554 5.2.252 SendAsDenied; car@union.example not allowed to send as programme@union.example",
        "data 550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        "rcpt 553 5.7.1 <programme@union.example>: Sender address rejected: not owned by user car",
    ],
)
def test_an_address_that_we_may_not_send_as_stops_all_and_kills_no_answer(smtp_sink: Sink, step: str) -> None:
    """It would be met by every answer: trying the next would only lose that one too."""
    smtp_sink.script(ANNA, step)
    with SmtpSender(settings(smtp_sink)) as sender, pytest.raises(Misconfigured, match=r"may not send as the address in replies\.from \(55"):
        sender.send(ANNA, MAIL)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_an_unknown_authority_is_refused(make_smtp_sink: Callable[..., Sink], tls: str) -> None:
    with pytest.raises(Misconfigured, match="ca_file"), SmtpSender(settings(make_smtp_sink(tls=tls), tls=tls)) as sender:
        sender.send(ANNA, MAIL)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_certificate_of_another_host_is_refused(make_smtp_sink: Callable[..., Sink], tmp_path: Path, tls: str) -> None:
    other = make_certificates(tmp_path, host="mail.other.example")
    sink = make_smtp_sink(tls=tls, context=server_context(other))
    with pytest.raises(Misconfigured, match="certificate is refused"), SmtpSender(settings(sink, tls=tls, ca_file=other.ca_file)) as sender:
        sender.send(ANNA, MAIL)
    assert sink.messages == []


def test_a_server_without_starttls_is_not_talked_to_in_the_clear(smtp_sink: Sink) -> None:
    with pytest.raises(Misconfigured, match="offers no STARTTLS"), SmtpSender(settings(smtp_sink, tls="starttls")) as sender:
        sender.send(ANNA, MAIL)
    assert smtp_sink.commands == []


def test_tls_where_the_server_speaks_plain_says_what_may_be_meant(smtp_sink: Sink) -> None:
    with pytest.raises(Misconfigured, match="does not speak TLS"), SmtpSender(settings(smtp_sink, tls="implicit", timeout=2.0)) as sender:
        sender.send(ANNA, MAIL)


def test_a_ca_file_that_is_not_there(smtp_sink: Sink, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"none\.pem"), SmtpSender(settings(smtp_sink, tls="implicit", ca_file=tmp_path / "none.pem")) as sender:
        sender.send(ANNA, MAIL)
