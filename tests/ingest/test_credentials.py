"""Logging in by token on a real Dovecot, which asks our own token endpoint whether the token is good."""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.credentials import Bearer
from ingest.imap import ImapMailbox, ImapSettings
from mailroom.config import OAuth2Config, Secret
from mailroom.errors import Misconfigured, Temporary
from mailroom.oauth import TokenSources, mailbox_login
from mailroom.oauth.source import TokenSource
from mailroom.service import Listener
from tests.fixtures.dovecot import Dovecot, dovecot_server, needs_dovecot
from tests.fixtures.token_endpoint import CLIENT, SECRET, TokenEndpoint

MAIL = b"Subject: hello\r\n\r\nHello\r\n"


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(token_endpoint: TokenEndpoint) -> Iterator[Dovecot]:
    needs_dovecot()
    with dovecot_server(introspection_url=f"{token_endpoint.url}/introspect") as server:
        yield server


@pytest.fixture
def source(token_endpoint: TokenEndpoint, tmp_path: Path, clock: Clock) -> TokenSource:
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    config = OAuth2Config(provider="other", client_id=CLIENT, client_secret=Secret(file=tmp_path / "secret"), token_endpoint=f"{token_endpoint.url}/token")
    return TokenSources(clock).of(mailbox_login("programme", "car", config))


def mailbox(server: Dovecot, source: TokenSource, **changes: Any) -> ImapMailbox:
    settings = ImapSettings(
        **{
            "host": server.host,
            "port": server.port,
            "tls": "none",
            "user": "car",
            "credentials": Bearer(source, server.host, server.port),
            "timeout": 10,
            **changes,
        }
    )
    return ImapMailbox("programme", settings)


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_each_mechanism_logs_in_and_reads(token_endpoint: TokenEndpoint, source: TokenSource, mechanism: str) -> None:
    needs_dovecot()
    with dovecot_server(introspection_url=f"{token_endpoint.url}/introspect", mechanisms=[mechanism.lower()]) as server:
        server.append("INBOX", [MAIL])
        with mailbox(server, source).connect() as session:
            (arrival,) = session.fetch(session.uids())
        assert arrival.content == MAIL
        assert f"method={mechanism}," in server.log()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_it_works_over_tls(server: Dovecot, source: TokenSource, tls: str) -> None:
    box = mailbox(server, source, tls=tls, port=server.tls_port if tls == "implicit" else server.port, ca_file=server.ca_file)
    assert any("connected to" in fact for fact in box.check())
    assert "method=OAUTHBEARER, " in server.log()


def test_one_token_serves_many_logins(server: Dovecot, source: TokenSource, token_endpoint: TokenEndpoint) -> None:
    for _ in range(3):
        with mailbox(server, source).connect():
            pass
    assert token_endpoint.grants("client_credentials") == 1


def test_a_token_near_its_end_is_not_used(server: Dovecot, source: TokenSource, token_endpoint: TokenEndpoint, clock: Clock) -> None:
    box = mailbox(server, source)
    with box.connect():
        pass
    token_endpoint.revoke_all()
    clock.ahead = timedelta(minutes=56)
    with box.connect():
        pass
    assert token_endpoint.grants("client_credentials") == 2
    assert "auth failed" not in server.log()


def test_a_refused_token_is_replaced_at_once(server: Dovecot, source: TokenSource, token_endpoint: TokenEndpoint, clock: Clock) -> None:
    """Revoked while it should have been good for long: one refusal, a new token, in, over the same connection."""
    box = mailbox(server, source)
    with box.connect():
        pass
    token_endpoint.revoke_all()
    clock.ahead = timedelta(minutes=10)
    with box.connect() as session:
        assert session.uids() == []
    assert token_endpoint.grants("client_credentials") == 2
    assert [token_endpoint.takes("car", token) for token in token_endpoint.introspected] == [False, False, True]


def test_a_server_that_refuses_every_token_says_what_to_mend(server: Dovecot, source: TokenSource, token_endpoint: TokenEndpoint, clock: Clock) -> None:
    token_endpoint.user = "somebody-else"
    with pytest.raises(
        Misconfigured, match=r"^127\.0\.0\.1:\d+: refuses the token for car \(.*status invalid_token\); see that user names the mailbox"
    ) as raised:
        mailbox(server, source).check()
    assert token_endpoint.grants("client_credentials") == 1  # a new one would fare no better
    assert source.current() not in str(raised.value)
    clock.ahead = timedelta(minutes=10)
    with pytest.raises(Misconfigured, match="refuses the token for car"):
        mailbox(server, source).check()
    assert token_endpoint.grants("client_credentials") == 2


def test_an_expired_secret_stops_the_login_in_words(server: Dovecot, source: TokenSource, token_endpoint: TokenEndpoint) -> None:
    token_endpoint.refuse("invalid_client", "the secret has expired", status=401)
    with pytest.raises(Misconfigured, match="client_id or its secret is refused"):
        mailbox(server, source).check()
    assert mailbox(server, source).check()  # and recovers, when it is mended


def test_an_endpoint_that_is_away_is_temporary(server: Dovecot, source: TokenSource, token_endpoint: TokenEndpoint) -> None:
    token_endpoint.silent = True
    with pytest.raises(Temporary, match="token endpoint cannot be reached"):
        mailbox(server, source).check()


def test_a_server_without_the_mechanisms_is_told(dovecot: Dovecot, source: TokenSource, token_endpoint: TokenEndpoint) -> None:
    with pytest.raises(Misconfigured, match=r"offers no login by OAuth2.*imap\.password"):
        mailbox(dovecot, source).check()
    assert token_endpoint.requests == []


@pytest.mark.parametrize("words", ["[UNAVAILABLE] Temporary authentication failure.", "[LIMIT] Too many connections"])
def test_a_server_in_trouble_costs_no_token(source: TokenSource, token_endpoint: TokenEndpoint, clock: Clock, words: str, talking: Callable[..., int]) -> None:
    source.current()
    clock.ahead = timedelta(minutes=10)
    port = talking(f"{{tag}} NO {words}\r\n")
    with pytest.raises(Temporary, match="just now"):
        Talk(source, port).check()
    assert token_endpoint.grants("client_credentials") == 1


@pytest.mark.parametrize(("mechanism", "answer"), [("XOAUTH2", b"\r\n"), ("OAUTHBEARER", b"AQ==\r\n")])
def test_the_challenge_is_answered_and_its_reason_told(source: TokenSource, talking: Callable[..., int], mechanism: str, answer: bytes) -> None:
    """RFC 7628 section 3.2.3: only after an answer does the server say no."""
    heard: list[bytes] = []
    challenge = base64.b64encode(b'{"status":"insufficient_scope","scope":"mail.read"}').decode()
    with pytest.raises(Misconfigured, match=r"not good for this .*insufficient_scope, scope mail\.read"):
        Talk(source, talking(f"+ {challenge}\r\n", "{tag} NO no\r\n", mechanism=mechanism, heard=heard)).check()
    assert heard == [answer]


def test_a_line_that_drops_in_the_middle_is_temporary(source: TokenSource, talking: Callable[..., int]) -> None:
    with pytest.raises(Temporary, match="closed the connection"):
        Talk(source, talking("")).check()


def test_a_mailbox_that_does_not_open_is_told_from_a_refused_token(source: TokenSource, talking: Callable[..., int]) -> None:
    """Exchange takes the token, and only then says that the mailbox is not ours."""
    port = talking("{tag} OK in\r\n", "{tag} BAD User is authenticated but not connected.\r\n")
    with pytest.raises(Misconfigured, match="FullAccess"):
        Talk(source, port).check()


class Talk(ImapMailbox):
    def __init__(self, source: TokenSource, port: int) -> None:
        settings = ImapSettings(host="127.0.0.1", port=port, tls="none", user="car", credentials=Bearer(source, "127.0.0.1", port), timeout=5)
        super().__init__("programme", settings)


@pytest.fixture
def talking() -> Iterator[Callable[..., int]]:
    """A server of few words: capability, then for each further command the next answer; after the last it hangs up."""
    import contextlib
    import socket

    with contextlib.ExitStack() as stack:

        def start(*answers: str, mechanism: str = "XOAUTH2", heard: list[bytes] | None = None) -> int:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve() -> None:
                connection, _ = listener.accept()
                with connection, connection.makefile("rwb") as wire:
                    wire.write(b"* OK ready\r\n")
                    wire.flush()
                    left = list(answers)
                    while line := wire.readline():
                        tag, command = line.decode().split()[:2]
                        if command.upper() == "CAPABILITY":
                            wire.write(f"* CAPABILITY IMAP4rev1 AUTH={mechanism}\r\n{tag} OK done\r\n".encode())
                        else:
                            if command.upper() == "AUTHENTICATE":
                                wire.write(b"+ \r\n")
                                wire.flush()
                                wire.readline()
                            if not (answer := left.pop(0) if left else ""):
                                return
                            wire.write(answer.format(tag=tag).encode())
                            if heard is not None and answer.startswith("+ "):
                                wire.flush()
                                heard.append(wire.readline())
                                wire.write(left.pop(0).format(tag=tag).encode())
                        wire.flush()

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            stack.callback(thread.join, 10)
            return int(listener.getsockname()[1])

        yield start


def _rings(server: Dovecot, rung: threading.Event) -> bool:
    """Whether mail makes it ring; what comes before it listens does not, so there is more than one."""
    for _ in range(20):
        server.append("INBOX", [MAIL])
        if rung.wait(1):
            rung.clear()
            return True
    return False


def test_a_listener_whose_session_ends_listens_again_with_a_new_token(
    server: Dovecot, source: TokenSource, token_endpoint: TokenEndpoint, clock: Clock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token expires while IDLE is on; the server ends the session; the next login is by a token that is good."""
    monkeypatch.setattr("mailroom.service.BACK_OFF", (0.01,))
    rung = threading.Event()
    listener = Listener(mailbox(server, source), rung.set)
    with caplog.at_level(logging.WARNING):
        listener.start()
        try:
            assert _rings(server, rung)
            token_endpoint.revoke_all()
            clock.ahead = timedelta(hours=2)
            server.restart()
            assert rung.wait(20)  # it rings when it is back, for mail may have come meanwhile
            rung.clear()
            assert _rings(server, rung)
        finally:
            listener.close()
            listener.join(10)
    assert token_endpoint.grants("client_credentials") == 2
    assert "auth failed" not in server.log()
