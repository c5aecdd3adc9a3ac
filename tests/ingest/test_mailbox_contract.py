"""What every mailbox promises, on each of them: Dovecot, pymap, a Maildir and a folder of .eml."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest
from imapclient import IMAPClient

from ingest.credentials import Password
from ingest.folder import FolderMailbox
from ingest.imap import ImapMailbox, ImapSettings
from ingest.mailbox import Mailbox, Session
from ingest.maildir import MaildirMailbox
from mailroom.errors import Temporary
from tests.fixtures.dovecot import needs_dovecot
from tests.fixtures.pymap_server import pymap_server

WHEN = datetime(2022, 1, 19, 14, 0, tzinfo=UTC)


def mail(subject: str, body: str = "Hello") -> bytes:
    return f"From: anne@school.example\r\nSubject: {subject}\r\n\r\n{body}\r\n".encode()


class Place(Protocol):
    """A mailbox's home, as its owner and the mail server reach it."""

    def mailbox(self, **options: Any) -> Mailbox: ...
    def put(self, *contents: bytes) -> None: ...
    def contents(self, folder: str | None = None) -> list[bytes]: ...
    def remove_one(self, subject: bytes) -> None: ...
    def mark_read(self) -> None: ...
    def traces(self) -> Any: ...


class ImapPlace:
    def __init__(self, host: str, port: int, user: str, password: str, put: Callable[[tuple[bytes, ...]], None]) -> None:
        self.host, self.port, self.user, self.password, self._put = host, port, user, password, put

    def mailbox(self, **options: Any) -> Mailbox:
        move_to = options.pop("move_to", None)
        settings = ImapSettings(host=self.host, port=self.port, tls="none", user=self.user, credentials=Password(lambda: self.password), timeout=10, **options)
        return ImapMailbox("programme", settings, move_to=move_to)

    def put(self, *contents: bytes) -> None:
        self._put(contents)

    def _client(self, folder: str = "INBOX") -> Any:
        client = IMAPClient(self.host, port=self.port, ssl=False, timeout=10)
        client.login(self.user, self.password)
        client.select_folder(folder)
        return client

    def contents(self, folder: str | None = None) -> list[bytes]:
        with self._client(folder or "INBOX") as client:
            return [answer[b"BODY[]"] for _, answer in sorted(client.fetch(client.search("ALL"), ["BODY.PEEK[]"]).items())]

    def remove_one(self, subject: bytes) -> None:
        with self._client() as client:
            found = client.search(["SUBJECT", subject.decode()])
            assert len(found) == 1
            client.delete_messages(found)
            client.expunge()

    def mark_read(self) -> None:
        with self._client() as client:
            client.add_flags(client.search("ALL"), [b"\\Seen", b"\\Flagged"])

    def traces(self) -> Any:
        with self._client() as client:
            flags = client.get_flags(client.search("ALL"))
            return {uid: set(some) - {b"\\Recent"} for uid, some in flags.items()}


class MaildirPlace:
    def __init__(self, path: Path) -> None:
        self.path, self.count = path, 0
        for name in ("cur", "new", "tmp"):
            (path / name).mkdir(parents=True)

    def mailbox(self, **options: Any) -> Mailbox:
        return MaildirMailbox("programme", self.path, **options)

    def put(self, *contents: bytes) -> None:
        for content in contents:
            self.count += 1
            written = self.path / "tmp" / f"17375{self.count:05}.M{self.count}.host"
            written.write_bytes(content)
            os.utime(written, (WHEN.timestamp(), WHEN.timestamp()))
            written.rename(self.path / "new" / written.name)

    def _files(self, folder: Path) -> list[Path]:
        return sorted([*(folder / "new").iterdir(), *(folder / "cur").iterdir()], key=lambda path: path.name)

    def contents(self, folder: str | None = None) -> list[bytes]:
        return [path.read_bytes() for path in self._files(self.path / f".{folder}" if folder else self.path)]

    def remove_one(self, subject: bytes) -> None:
        next(path for path in self._files(self.path) if subject in path.read_bytes()).unlink()

    def mark_read(self) -> None:
        for path in self._files(self.path):
            path.rename(self.path / "cur" / (path.name.partition(":")[0] + ":2,FS"))

    def traces(self) -> Any:
        return [path.relative_to(self.path) for path in self._files(self.path)]


class FolderPlace:
    def __init__(self, path: Path) -> None:
        self.path, self.count = path, 0
        path.mkdir(parents=True)

    def mailbox(self, **options: Any) -> Mailbox:
        return FolderMailbox("programme", self.path, **options)

    def put(self, *contents: bytes) -> None:
        for content in contents:
            self.count += 1
            path = self.path / ("sub" if self.count % 2 else ".") / f"{self.count:05}.eml"
            path.parent.mkdir(exist_ok=True)
            written = path.with_suffix(".part")
            written.write_bytes(content)
            os.utime(written, (WHEN.timestamp(), WHEN.timestamp()))
            written.rename(path)

    def contents(self, folder: str | None = None) -> list[bytes]:
        root = self.path.parent / folder if folder else self.path
        return [path.read_bytes() for path in sorted(root.rglob("*.eml"), key=lambda path: path.name)]

    def remove_one(self, subject: bytes) -> None:
        next(path for path in self.path.rglob("*.eml") if subject in path.read_bytes()).unlink()

    def mark_read(self) -> None:
        """A file has no such thing."""

    def traces(self) -> Any:
        return sorted((path.name, path.stat().st_mtime_ns) for path in self.path.rglob("*.eml"))


@pytest.fixture(params=["dovecot", "pymap", "maildir", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        match request.param:
            case "dovecot":
                needs_dovecot()
                server = request.getfixturevalue("dovecot")
                user = f"contract-{uuid.uuid4().hex[:8]}"
                yield ImapPlace(server.host, server.port, user, server.password, lambda some: server.append("INBOX", some, user=user, dates=[WHEN] * len(some)))
            case "pymap":
                embedded = stack.enter_context(pymap_server())
                yield ImapPlace(
                    embedded.host, embedded.port, embedded.user, embedded.password, lambda some: [embedded.deliver(one, WHEN) for one in some] and None
                )
            case "maildir":
                yield MaildirPlace(tmp_path / "Maildir")
            case _:
                yield FolderPlace(tmp_path / "mail")


def taken(session: Session) -> list[bytes | None]:
    return [arrival.content for arrival in session.fetch(session.uids())]


def test_is_a_mailbox(place: Place) -> None:
    """The shapes fit the protocols, and the name is the one that was given."""
    mailbox = place.mailbox()
    assert isinstance(mailbox, Mailbox)
    assert mailbox.name == "programme"
    with mailbox.connect() as session:
        assert isinstance(session, Session)
        assert session.moves is False
    with place.mailbox(move_to="Processed").connect() as session:
        assert session.moves is True


def test_empty_mailbox_has_nothing(place: Place) -> None:
    """Nothing there is nothing found, and fetching nothing or what never was gives nothing."""
    with place.mailbox().connect() as session:
        assert session.uids() == []
        assert list(session.fetch([])) == []
        assert list(session.fetch([1, 4242])) == []


def test_bytes_come_back_exactly(place: Place) -> None:
    """Eight-bit, NUL-free binary, long lines and missing headers come back as they were, each with its digest and size."""
    contents = [
        mail("one"),
        b"Subject: latin\r\n\r\n\xa3100 caf\xe9\r\n",
        b"\r\nNo header at all\r\n",
        b"Subject: long\r\n\r\n" + b"x" * 200_000 + b"\r\n",
        b"Message-ID: <a@x>\r\nMessage-ID: <b@x>\r\n\r\nTwo ids\r\n",
    ]
    place.put(*contents)
    with place.mailbox().connect() as session:
        arrivals = list(session.fetch(session.uids()))
    assert sorted(a.content or b"" for a in arrivals) == sorted(contents)
    for arrival in arrivals:
        assert arrival.content is not None
        assert arrival.sha256 == hashlib.sha256(arrival.content).hexdigest()
        assert arrival.size == len(arrival.content)
        assert arrival.mailbox == "programme"


def test_time_of_arrival_is_the_servers(place: Place) -> None:
    """``internal_date`` is timezone-aware and when the mailbox got it, whatever Date: says."""
    place.put(b"Date: Mon, 1 Jan 2035 00:00:00 +0000\r\n\r\nx\r\n")
    with place.mailbox().connect() as session:
        (arrival,) = session.fetch(session.uids())
    assert arrival.internal_date == WHEN
    assert arrival.internal_date.utcoffset() is not None
    assert arrival.fetched_at.utcoffset() is not None


def test_uids_are_ascending_and_stable(place: Place) -> None:
    """A second connection sees the same identity for the same bytes."""
    place.put(*(mail(f"number {n}") for n in range(7)))
    with place.mailbox().connect() as session:
        first = {a.uid: a.sha256 for a in session.fetch(session.uids())}
        assert session.uids() == sorted(first)
        validity = session.uidvalidity
    place.put(mail("a later one"))
    with place.mailbox().connect() as session:
        second = {a.uid: a.sha256 for a in session.fetch(session.uids())}
        assert session.uidvalidity == validity
    assert first.items() < second.items()
    assert all(0 < uid < 2**63 for uid in second)


def test_mail_that_was_read_is_still_listed(place: Place) -> None:
    """What a person has read or flagged keeps its uid and is taken like any other."""
    place.put(mail("one"), mail("two"))
    with place.mailbox().connect() as session:
        before = session.uids()
    place.mark_read()
    with place.mailbox().connect() as session:
        assert session.uids() == before
        assert len(taken(session)) == 2


@pytest.mark.parametrize("move_to", [None, "Processed"])
def test_fetching_leaves_no_trace(place: Place, move_to: str | None) -> None:
    """No flag, name or time is changed by listing and fetching, also where the mailbox is opened for writing."""
    place.put(mail("one"), mail("two"))
    before = place.traces()
    with place.mailbox(move_to=move_to).connect() as session:
        assert len(taken(session)) == 2
    assert place.traces() == before


def test_order_asked_is_order_given(place: Place) -> None:
    """Arrivals come in the order of the uids that were asked for."""
    place.put(*(mail(f"number {n}") for n in range(5)))
    with place.mailbox().connect() as session:
        wanted = session.uids()[::-1]
        assert [a.uid for a in session.fetch(wanted)] == wanted


def test_vanished_message_is_left_out(place: Place) -> None:
    """A message that somebody removes between listing and fetching is skipped, and the rest is there."""
    place.put(mail("first"), mail("second"), mail("third"))
    with place.mailbox().connect() as session:
        uids = session.uids()
        place.remove_one(b"second")
        contents = [a.content for a in session.fetch(uids)]
        assert len(contents) == 2
        assert not any(b"second" in (content or b"") for content in contents)
        assert len(session.uids()) == 2


def test_new_mail_is_seen_in_an_open_session(place: Place) -> None:
    """``uids`` is what is there now, not what was there when the session was opened."""
    place.put(mail("one"))
    with place.mailbox().connect() as session:
        before = session.uids()
        place.put(mail("two"))
        after = session.uids()
        assert set(before) < set(after)
        assert len(after) == 2


def test_large_message_is_left_and_told(place: Place) -> None:
    """Above the limit there is no content, but a size and a digest that knows it again; its neighbours are taken."""
    large = mail("large", "y" * 5000)
    place.put(mail("before"), large, mail("after"))
    with place.mailbox(max_size=1000).connect() as session:
        arrivals = list(session.fetch(session.uids()))
    (without,) = [a for a in arrivals if a.content is None]
    assert len(arrivals) == 3
    assert without.size == len(large)
    assert without.sha256 == hashlib.sha256(large.partition(b"Hello")[0].partition(b"\r\n\r\n")[0] + b"\r\n\r\n").hexdigest()


def test_message_of_exactly_the_limit_is_taken(place: Place) -> None:
    """The limit itself still counts as small enough."""
    content = mail("exact")
    place.put(content)
    with place.mailbox(max_size=len(content)).connect() as session:
        assert taken(session) == [content]
    with place.mailbox(max_size=len(content) - 1).connect() as session:
        assert taken(session) == [None]


def test_settle_leaves_by_default(place: Place) -> None:
    """Without a folder to move to, settling changes nothing."""
    place.put(mail("one"))
    before = place.traces()
    with place.mailbox().connect() as session:
        session.settle(session.uids())
    assert place.traces() == before


def test_settle_moves_what_it_is_told(place: Place) -> None:
    """Only the settled messages go, into a folder that is made; the other stays; doing it again is harmless."""
    place.put(mail("first"), mail("second"), mail("third"))
    with place.mailbox(move_to="Processed").connect() as session:
        done = [a.uid for a in session.fetch(session.uids()) if b"second" not in (a.content or b"")]
        session.settle(done)
        session.settle(done)
        session.settle([])
        assert len(session.uids()) == 1
    assert place.contents() == [mail("second")]
    assert sorted(place.contents("Processed")) == sorted([mail("first"), mail("third")])


def test_settle_in_two_sessions(place: Place) -> None:
    """Two processes that settle the same messages move each of them once."""
    place.put(*(mail(f"number {n}") for n in range(6)))
    mailbox = place.mailbox(move_to="Processed")
    with mailbox.connect() as one, mailbox.connect() as other:
        uids = one.uids()
        assert other.uids() == uids
        one.settle(uids[:4])
        other.settle(uids[2:])
        assert one.uids() == other.uids() == []
    assert len(place.contents("Processed")) == 6


def test_wait_ends_when_mail_comes(place: Place) -> None:
    """New mail ends a wait long before its time."""
    with place.mailbox().connect() as session:
        session.uids()
        threading.Timer(0.05, place.put, [mail("new")]).start()
        assert session.wait(30) is True
        assert len(session.uids()) == 1


def test_wait_tells_of_an_arrival_once(place: Place) -> None:
    """A listener that only waits, and leaves the fetching to another session, does not spin."""
    with place.mailbox().connect() as session:
        assert session.wait(0.01) is False
        place.put(mail("new"))
        assert session.wait(30) is True
        assert session.wait(0.6) is False


def test_wait_knows_what_came_before_it(place: Place) -> None:
    """Mail that comes between listing and waiting is not slept over."""
    with place.mailbox().connect() as session:
        session.uids()
        place.put(mail("in between"))
        assert session.wait(30) is True


def test_wait_in_vain(place: Place) -> None:
    """Nothing came: False, also right after mail was taken, so that a caller does not spin."""
    place.put(mail("old"))
    with place.mailbox().connect() as session:
        assert len(taken(session)) == 1
        assert session.wait(0.05) is False


def test_stop_ends_a_wait_and_every_later_one(place: Place) -> None:
    """``stop`` from another thread ends waiting at once; fetching still works."""
    place.put(mail("one"))
    with place.mailbox().connect() as session:
        session.uids()
        threading.Timer(0.05, session.stop).start()
        assert session.wait(30) is False
        assert session.wait(30) is False
        assert len(taken(session)) == 1
        session.stop()


def test_closed_session_says_so(place: Place) -> None:
    """After ``close``, which may be called twice, every operation is Temporary."""
    place.put(mail("one"))
    with place.mailbox().connect() as session:
        uids = session.uids()
        session.close()
        session.close()
        for operation in (session.uids, lambda: list(session.fetch(uids)), lambda: session.wait(30)):
            with pytest.raises(Temporary, match="closed"):
                operation()


def test_close_ends_a_wait(place: Place) -> None:
    """``close`` from another thread ends waiting at once."""
    with place.mailbox().connect() as session:
        session.uids()
        threading.Timer(0.05, session.close).start()
        with pytest.raises(Temporary, match="closed"):
            session.wait(30)


def test_check_tells_and_touches_nothing(place: Place) -> None:
    """``check`` counts the messages and says what will be done with them, and changes nothing."""
    place.put(mail("one"), mail("two"))
    before = place.traces()
    facts = place.mailbox().check()
    assert any("2 messages" in fact for fact in facts)
    assert any("Processed" in fact for fact in place.mailbox(move_to="Processed").check())
    assert place.traces() == before
