"""What only IMAP has: encryption, logging in, UIDVALIDITY, IDLE, moving, and lines that break."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import tracemalloc
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import ingest.imap
from ingest.credentials import Password
from ingest.imap import ImapMailbox, ImapSettings
from mailroom.errors import Misconfigured, Temporary
from tests.fixtures.certificates import make_certificates
from tests.fixtures.dovecot import Dovecot, dovecot_server, needs_dovecot


def mail(subject: str, body: str = "Hello") -> bytes:
    return f"Subject: {subject}\r\n\r\n{body}\r\n".encode()


def settings(server: Dovecot, **changes: Any) -> ImapSettings:
    given: dict[str, Any] = {
        "host": server.host,
        "port": server.port,
        "tls": "none",
        "user": "car",
        "timeout": 10,
        "credentials": Password(lambda: server.password),
    }
    return ImapSettings(**{**given, **changes})


def mailbox(server: Dovecot, move_to: str | None = None, **changes: Any) -> ImapMailbox:
    return ImapMailbox("programme", settings(server, **changes), move_to=move_to)


@pytest.fixture
def user() -> str:
    """A mailbox that no other test touches."""
    return f"imap-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def own_server() -> Iterator[Dovecot]:
    """A Dovecot that a test may kill."""
    needs_dovecot()
    with dovecot_server() as server:
        yield server


@contextmanager
def scripted_server(*answers: bytes, drip: bytes = b"") -> Iterator[int]:
    """Greets, gives the answers to one command each, then drips for ever; without answers it is silent."""
    over = threading.Event()

    def serve(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            line, _ = listening.accept()
            with line, line.makefile("rb") as file:
                if not answers:
                    over.wait(10)
                    return
                line.sendall(b"* OK ready\r\n")
                tag = b""
                for answer in answers:
                    if not (command := file.readline()):
                        return
                    tag = tag if command == b"DONE\r\n" else command.split()[0]
                    line.sendall(answer.replace(b"TAG", tag))
                file.readline()
                while drip and not over.wait(0.02):
                    line.sendall(drip)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        over.set()
    thread.join(10)


# --- encryption


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_encrypted_with_own_authority(dovecot: Dovecot, user: str, tls: str) -> None:
    """Both kinds of TLS work with the authority named in ca_file, by address and by name."""
    dovecot.append("INBOX", [mail("one")], user=user)
    port = dovecot.tls_port if tls == "implicit" else dovecot.port
    for host in ("127.0.0.1", "localhost"):
        with mailbox(dovecot, host=host, port=port, tls=tls, ca_file=dovecot.ca_file, user=user).connect() as session:
            assert [a.content for a in session.fetch(session.uids())] == [mail("one")]
            assert "TLS" in session._client.socket().version()


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("ca", ["system", "other"])
def test_unknown_authority_is_refused(dovecot: Dovecot, tmp_path: Path, tls: str, ca: str) -> None:
    """A certificate of an authority that we do not trust is Misconfigured, and the words name ca_file."""
    ca_file = None if ca == "system" else make_certificates(tmp_path).ca_file
    port = dovecot.tls_port if tls == "implicit" else dovecot.port
    with pytest.raises(Misconfigured, match=r"certificate is refused .*imap\.ca_file"):
        mailbox(dovecot, port=port, tls=tls, ca_file=ca_file).check()


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_bad_ca_file(dovecot: Dovecot, tmp_path: Path, content: bytes | None) -> None:
    """A ca_file that is missing or no PEM is named."""
    path = tmp_path / "own-ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"own-ca\.pem"):
        mailbox(dovecot, tls="starttls", ca_file=path).check()


def test_tls_where_the_port_speaks_none(dovecot: Dovecot) -> None:
    """Implicit TLS on the plain port is Misconfigured with the two ways out."""
    with pytest.raises(Misconfigured, match=r"starttls.*993"):
        mailbox(dovecot, tls="implicit", ca_file=dovecot.ca_file).check()


def test_password_over_a_plain_line_is_refused_in_words() -> None:
    """A server that takes no password unencrypted: the words say what to set, and none is sent."""

    def reveal() -> str:
        raise AssertionError("the password was about to be sent")

    with scripted_server(b"* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\nTAG OK done\r\n") as port:
        box = ImapMailbox("programme", ImapSettings(host="127.0.0.1", port=port, tls="none", user="car", timeout=5, credentials=Password(reveal)))
        with pytest.raises(Misconfigured, match=r"imap\.tls to starttls"):
            box.check()


# --- logging in and opening


def test_wrong_password(dovecot: Dovecot) -> None:
    """Misconfigured, naming the user and the key to mend, and never the password."""
    with pytest.raises(Misconfigured, match=r"car; correct imap\.user") as caught:
        mailbox(dovecot, credentials=Password(lambda: "wrong-secret")).check()
    assert "wrong-secret" not in str(caught.value) + repr(mailbox(dovecot).settings)


def test_password_beyond_ascii() -> None:
    """A password that LOGIN cannot carry goes by AUTHENTICATE PLAIN."""
    needs_dovecot()
    with dovecot_server(password="crùbag-às") as server:
        assert mailbox(server).check()


def test_password_with_quotes() -> None:
    """Quotes and backslashes in a password arrive as they are."""
    needs_dovecot()
    with dovecot_server(password='a"b\\c') as server:
        assert mailbox(server).check()


def test_password_is_asked_for_at_each_login(dovecot: Dovecot) -> None:
    """A password that was changed works from the next connection on."""
    known = ["wrong", dovecot.password]
    box = mailbox(dovecot, credentials=Password(lambda: known.pop(0)))
    with pytest.raises(Misconfigured):
        box.check()
    assert box.check()


def test_unknown_folder(dovecot: Dovecot) -> None:
    """Misconfigured, naming the folder."""
    with pytest.raises(Misconfigured, match="no folder “Programe”"):
        mailbox(dovecot, folder="Programe").check()


def test_folder_name_beyond_ascii(dovecot: Dovecot, user: str) -> None:
    """A folder with a Gaelic name, and one to move to, work like any other."""
    dovecot.append("Pròiseact", [mail("one")], user=user)
    with mailbox(dovecot, folder="Pròiseact", move_to="Dèanta/2022", user=user).connect() as session:
        session.settle(session.uids())
        assert session.uids() == []
    assert "1 messages" in mailbox(dovecot, folder="Dèanta/2022", user=user).check()[1]


def test_connection_refused(dovecot: Dovecot) -> None:
    """No server on the port: Temporary, for servers restart, and the port is named."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Temporary, match=f"127.0.0.1:{port}: connection refused"):
        mailbox(dovecot, port=port).check()


def test_silent_server_is_given_up(dovecot: Dovecot) -> None:
    """A server that never greets ends in Temporary after the time limit."""
    with scripted_server() as port, pytest.raises(Temporary, match="no answer in time"):
        mailbox(dovecot, port=port, timeout=0.2).check()


def test_dripping_server_is_given_up(dovecot: Dovecot) -> None:
    """A server that never falls silent and never finishes ends at the deadline."""
    answers = (b"* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n", b"TAG OK [CAPABILITY IMAP4rev1] in\r\n")
    with scripted_server(*answers, drip=b"* 1 EXISTS\r\n") as port, pytest.raises(Temporary, match=r"not finished in 0\.3 s"):
        mailbox(dovecot, port=port, deadline=0.3).check()


def test_not_a_mail_server(dovecot: Dovecot) -> None:
    """Something that is not IMAP is an error in words, not a traceback of a library."""
    with scripted_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port, pytest.raises(Temporary, match=f"127.0.0.1:{port}"):
        mailbox(dovecot, port=port, timeout=1).check()


# --- listing and fetching


def test_new_uidvalidity_after_recreation(dovecot: Dovecot, user: str) -> None:
    """A folder that was deleted and made again with the same mail has another UIDVALIDITY and the same digests."""
    box = mailbox(dovecot, folder="Programme", user=user)
    seen = []
    for again in (False, True):
        if again:
            dovecot.recreate("Programme", user=user)
        dovecot.append("Programme", [mail("one"), mail("two")], user=user)
        with box.connect() as session:
            seen.append((session.uidvalidity, [a.sha256 for a in session.fetch(session.uids())]))
    assert seen[0][0] != seen[1][0]
    assert seen[0][1] == seen[1][1]


def test_inbox_can_be_recreated_too(dovecot: Dovecot, user: str) -> None:
    """The test server's own promise: INBOX is empty and has another UIDVALIDITY."""
    dovecot.append("INBOX", [mail("one")], user=user)
    box = mailbox(dovecot, user=user)
    with box.connect() as session:
        before = session.uidvalidity
    dovecot.recreate("INBOX", user=user)
    with box.connect() as session:
        assert session.uidvalidity != before
        assert session.uids() == []


def test_listing_in_windows(dovecot: Dovecot, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing too long for one answer is put together from several; no message is named that is not there («n:*»)."""
    dovecot.append("INBOX", [mail(str(n)) for n in range(20)], user=user)
    with dovecot.imap(user) as other:
        other.select_folder("INBOX")
        other.delete_messages([1, 2, 3, 9, 10, 19, 20])
        other.expunge()
    box = mailbox(dovecot, user=user)
    with box.connect() as session:
        plain = session.uids()
    monkeypatch.setattr(ingest.imap, "SEARCH_AT_ONCE", 4)
    with box.connect() as session:
        assert session.uids() == plain == [*range(4, 9), *range(11, 19)]
        dovecot.append("INBOX", [mail("new")], user=user)
        assert session.uids() == [*plain, 21]


def test_vanished_in_the_middle_of_a_fetch(dovecot: Dovecot, user: str) -> None:
    """A message that goes while others are being handed over is skipped."""
    dovecot.append("INBOX", [mail(str(n)) for n in range(6)], user=user)
    with mailbox(dovecot, user=user, batch_count=2).connect() as session, dovecot.imap(user) as other:
        arrivals = session.fetch(session.uids())
        taken = [next(arrivals)]
        other.select_folder("INBOX")
        other.delete_messages([5, 6])
        other.expunge()
        taken += arrivals
        assert [a.uid for a in taken] == [1, 2, 3, 4]


OPENING = (
    b"* CAPABILITY IMAP4rev1 IDLE\r\nTAG OK done\r\n",
    b"TAG OK in\r\n",
    b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7]\r\nTAG OK [READ-ONLY] open\r\n",
)


def test_unreadable_message_harms_only_itself() -> None:
    """Where the server refuses a batch, its messages are asked for one by one; the bad one is told at the end, by UID."""

    def head(uid: int) -> bytes:
        return b'* %d FETCH (UID %d RFC822.SIZE 5 INTERNALDATE "19-Jan-2022 14:00:00 +0000")\r\n' % (uid, uid)

    def body(uid: int) -> bytes:
        return b"* %d FETCH (UID %d BODY[] {5}\r\n\r\nm%d\n)\r\nTAG OK done\r\n" % (uid, uid, uid)

    refusal = b"TAG NO [SERVERBUG] Internal error\r\n"
    answers = (*OPENING, head(1) + head(2) + head(3) + b"TAG OK done\r\n", refusal, body(1), refusal, body(3))
    with scripted_server(*answers) as port:
        box = ImapMailbox("programme", ImapSettings(host="127.0.0.1", port=port, tls="none", user="car", timeout=5, credentials=Password(str)))
        taken = []
        with box.connect() as session, pytest.raises(Temporary, match=r"1 message.*UID 2.*Internal error"):
            for arrival in session.fetch([1, 2, 3]):
                taken.append((arrival.uid, arrival.content))
    assert taken == [(1, b"\r\nm1\n"), (3, b"\r\nm3\n")]


def test_message_without_a_body_is_taken() -> None:
    """NIL for a body is an empty message without a digest; an INTERNALDATE that is missing is now."""
    answers = (*OPENING, b"* 1 FETCH (UID 1 RFC822.SIZE 5)\r\nTAG OK done\r\n", b"* 1 FETCH (UID 1 BODY[] NIL)\r\nTAG OK done\r\n")
    with scripted_server(*answers) as port:
        box = ImapMailbox("programme", ImapSettings(host="127.0.0.1", port=port, tls="none", user="car", timeout=5, credentials=Password(str)))
        with box.connect() as session:
            (arrival,) = session.fetch([1])
    assert (arrival.content, arrival.size, arrival.sha256) == (b"", 0, "")
    assert arrival.internal_date == arrival.fetched_at


def test_server_killed_in_the_middle_of_a_fetch(own_server: Dovecot) -> None:
    """Temporary at once; after its restart everything is taken, under the same identities."""
    own_server.append("INBOX", [mail(str(n)) for n in range(9)])
    box = mailbox(own_server, batch_count=1)
    with box.connect() as session:
        arrivals = session.fetch(session.uids())
        first = next(arrivals)
        own_server.kill()
        with pytest.raises(Temporary, match=str(own_server.port)):
            list(arrivals)
    with pytest.raises(Temporary, match="refused"):
        box.check()
    own_server.start()
    with box.connect() as session:
        again = list(session.fetch(session.uids()))
    assert len(again) == 9
    assert (again[0].uid, again[0].uidvalidity, again[0].sha256) == (first.uid, first.uidvalidity, first.sha256)


def test_long_mailbox_in_bounded_memory(dovecot: Dovecot, user: str) -> None:
    """Ten thousand messages of 4 kB, 40 MB in all, are handed over with less than 8 MB held at once."""
    body = "x" * 76 + "\r\n"
    dovecot.append("INBOX", [mail(str(n), body * 50) for n in range(10_000)], user=user)
    with mailbox(dovecot, user=user, batch_bytes=1_000_000).connect() as session:
        uids = session.uids()
        tracemalloc.start()
        try:
            count = octets = 0
            for arrival in session.fetch(uids):
                count, octets = count + 1, octets + arrival.size
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert count == len(uids) == 10_000
    assert octets > 39_000_000
    assert peak < 8_000_000


def test_batches_are_bounded_in_number_and_octets() -> None:
    """No batch is above either limit, except that of one message; order is kept and nothing lost."""
    limits = ImapSettings(host="h", user="u", credentials=Password(str), batch_count=3, batch_bytes=100, max_size=1000)
    sizes = {1: 10, 2: 10, 3: 10, 4: 10, 5: 95, 6: 10, 7: 500, 8: 1, 9: 5_000}
    batches = list(ingest.imap._batches(list(sizes), sizes.__getitem__, limits))
    assert [uid for batch in batches for uid in batch] == list(sizes)
    for batch in batches:
        assert len(batch) <= 3
        assert len(batch) == 1 or sum(sizes[uid] for uid in batch) <= 100


# --- waiting


def test_push_is_seen_in_under_a_second(dovecot: Dovecot, user: str) -> None:
    """The server's announcement ends the wait, encrypted or not."""
    for options in ({}, {"port": dovecot.tls_port, "tls": "implicit", "ca_file": dovecot.ca_file}):
        with mailbox(dovecot, user=user, **options).connect() as session, dovecot.imap(user) as other:
            session.uids()
            delivered: list[float] = []

            def deliver(other: Any = other, delivered: list[float] = delivered) -> None:
                other.append("INBOX", mail("now"))
                delivered.append(time.monotonic())

            threading.Timer(0.1, deliver).start()
            assert session.wait(20) is True
            assert time.monotonic() - delivered[0] < 1


@pytest.mark.parametrize("tls", ["none", "implicit"])
def test_dropped_line_ends_a_wait(own_server: Dovecot, tls: str) -> None:
    """The server's death during IDLE is Temporary at once, not silence."""
    options = {} if tls == "none" else {"port": own_server.tls_port, "tls": "implicit", "ca_file": own_server.ca_file}
    with mailbox(own_server, **options).connect() as session:
        session.uids()
        threading.Timer(0.1, own_server.kill).start()
        begun = time.monotonic()
        with pytest.raises(Temporary):
            session.wait(30)
        assert time.monotonic() - begun < 5


def test_orderly_shutdown_ends_a_wait(own_server: Dovecot) -> None:
    """A server that says BYE during IDLE is Temporary too."""
    with mailbox(own_server).connect() as session:
        session.uids()
        threading.Timer(0.1, own_server.stop).start()
        with pytest.raises(Temporary):
            session.wait(30)


def test_close_ends_a_fetch_under_way(dovecot: Dovecot) -> None:
    """``close`` from another thread ends a read that waits for the server."""
    with scripted_server(*OPENING, drip=b" ") as port, mailbox(dovecot, port=port).connect() as session:
        threading.Timer(0.1, session.close).start()
        with pytest.raises(Temporary, match="closed"):
            list(session.fetch([1]))


def test_news_before_the_answer_to_idle(dovecot: Dovecot) -> None:
    """A server may tell of new mail before it answers IDLE; that is news, not an error."""
    answers = (*OPENING, b"* CAPABILITY IMAP4rev1 IDLE\r\nTAG OK done\r\n", b"TAG OK noop\r\n", b"* 4 EXISTS\r\n+ idling\r\n", b"TAG OK done\r\n")
    with scripted_server(*answers) as port, mailbox(dovecot, port=port, timeout=2).connect() as session:
        begun = time.monotonic()
        assert session.wait(30) is True
        assert time.monotonic() - begun < 5


# --- moving


def limited(capability: str) -> Any:
    needs_dovecot()
    return dovecot_server(capability=capability)


def test_moving_without_move_takes_only_our_messages() -> None:
    """By COPY and UID EXPUNGE: what somebody else has marked deleted stays, and a round cut short is finished without a second copy."""
    with limited("IMAP4rev1 UIDPLUS LITERAL+ IDLE") as server:
        server.append("INBOX", [mail("ours"), mail("somebody's"), mail("copied before")])
        server.append("Processed", [mail("copied before")])
        with server.imap() as other:
            other.select_folder("INBOX")
            other.delete_messages([2, 3])
        box = mailbox(server, move_to="Processed")
        assert any("COPY and UID EXPUNGE" in fact for fact in box.check())
        with box.connect() as session:
            session.settle([1, 3])
            assert session.uids() == [2]
        with mailbox(server, folder="Processed").connect() as session:
            assert sorted(a.content or b"" for a in session.fetch(session.uids())) == [mail("copied before"), mail("ours")]


def test_moving_is_refused_where_it_is_not_safe() -> None:
    """Neither MOVE nor UIDPLUS: Misconfigured before anything is touched, at check and at connect; leaving works."""
    with limited("IMAP4rev1 LITERAL+") as server:
        server.append("INBOX", [mail("one")])
        box = mailbox(server, move_to="Processed")
        with pytest.raises(Misconfigured, match="neither MOVE nor UIDPLUS"):
            box.check()
        with pytest.raises(Misconfigured, match="after: leave"), box.connect():
            pass
        with mailbox(server).connect() as session:
            session.settle(session.uids())
            assert session.uids() == [1]


def test_waiting_without_idle_is_a_plain_wait() -> None:
    """A server without IDLE: the time is waited out and something may have come; ``stop`` ends it with False."""
    with limited("IMAP4rev1 LITERAL+") as server, mailbox(server).connect() as session:
        assert session.wait(0.05) is True
        threading.Timer(0.05, session.stop).start()
        assert session.wait(30) is False


def test_moving_into_the_polled_folder_is_refused(dovecot: Dovecot, user: str) -> None:
    """It would be taken for new mail for ever."""
    with pytest.raises(Misconfigured, match="name another"), mailbox(dovecot, user=user, move_to="INBOX").connect():
        pass


def test_read_only_unless_moving(dovecot: Dovecot, user: str) -> None:
    """The folder is opened by EXAMINE where messages are left, and by check in any case: \\Recent is still there afterwards."""
    dovecot.append("INBOX", [mail("one")], user=user)
    with mailbox(dovecot, user=user).connect() as session:
        list(session.fetch(session.uids()))
    mailbox(dovecot, user=user, move_to="Processed").check()
    with dovecot.imap(user) as other:
        assert other.folder_status("INBOX", ["RECENT"])[b"RECENT"] == 1
        assert not other.folder_exists("Processed")
