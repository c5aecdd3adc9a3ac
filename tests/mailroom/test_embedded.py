"""The embedded IMAP server, met by an ordinary client."""

from __future__ import annotations

import select
import threading
from datetime import UTC, datetime

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from mailroom.embedded import EmbeddedImap, embedded_imap

WHEN = datetime(2022, 1, 19, 14, 0, tzinfo=UTC)


def client(server: EmbeddedImap) -> IMAPClient:
    made = IMAPClient(server.host, port=server.port, ssl=False, timeout=10)
    made.normalise_times = False
    return made


def test_serves_what_it_was_given() -> None:
    """Bytes and times of arrival come back as they were; the wrong password does not get in."""
    contents = [b"Subject: one\r\n\r\n\xe9\r\n", b"Subject: two\r\n\r\nx\r\n"]
    with embedded_imap([(content, WHEN) for content in contents], "car", "secret") as server:
        with client(server) as line, pytest.raises(LoginError):
            line.login("car", "wrong")
        with client(server) as line:
            line.login(server.user, server.password)
            line.select_folder("INBOX", readonly=True)
            answers = line.fetch(line.search("ALL"), ["BODY.PEEK[]", "INTERNALDATE"])
    assert [answer[b"BODY[]"] for answer in answers.values()] == contents
    assert {answer[b"INTERNALDATE"] for answer in answers.values()} == {WHEN}


def test_delivery_is_pushed() -> None:
    """A client in IDLE hears of a delivery without asking."""
    with embedded_imap() as server, client(server) as line:
        line.login(server.user, server.password)
        line.select_folder("INBOX")
        line.idle()
        threading.Timer(0.05, server.deliver, [b"Subject: new\r\n\r\nx\r\n"]).start()
        # Not idle_check: it takes half a line, which the server writes piece by piece, for a broken one.
        select.select([line.socket()], [], [], 20)
        assert (1, b"EXISTS") in line.idle_done()[1]


def test_two_at_once_and_again() -> None:
    """Servers do not know of each other, and nothing is kept after the end."""
    with embedded_imap([(b"\r\nx\r\n", WHEN)]) as one, embedded_imap() as other:
        assert one.port != other.port
        for server, count in ((one, 1), (other, 0)):
            with client(server) as line:
                line.login(server.user, server.password)
                assert line.select_folder("INBOX")[b"EXISTS"] == count


def test_ends_while_a_client_is_connected() -> None:
    """The end of the context does not wait for clients, and their line is closed."""
    with embedded_imap() as server:
        line = client(server)
        line.login(server.user, server.password)
        line.select_folder("INBOX")
        line.idle()
    with pytest.raises((IMAPClient.AbortError, OSError)):
        line.idle_done()
    line.shutdown()
