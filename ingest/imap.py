"""An IMAP mailbox: UID commands only, opened read-only unless messages are to be moved.

Promises, beyond those of ``ingest.mailbox``:

* Every wait for the server has a time limit (``timeout`` for each silence, ``deadline`` for a whole
  command, so that a server that drips one octet at a time is no way round it).
* The size of a message is asked before its body; bodies come in batches bounded in number and octets.
* Certificates are verified; there is no switch to turn that off, only ``ca_file`` to trust one's own.
* Moving uses MOVE (RFC 6851), else COPY and UID EXPUNGE (RFC 4315) of exactly our messages. Where the
  server has neither, mailroom refuses ``after: move``: a plain EXPUNGE would remove other people's mail.

What it does badly: without MOVE, a process killed between COPY and EXPUNGE leaves a second copy in the
target folder. A server that understates RFC822.SIZE can send more than ``max_size`` before we notice.
A message that makes the server drop the line is not told apart from a bad line.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from imapclient import IMAPClient, SocketTimeout, exceptions

from ingest.credentials import Credentials
from ingest.faults import explain
from ingest.mailbox import DEFAULT_MAX_SIZE
from mailroom.errors import MailroomError, Misconfigured, Temporary
from mailroom.model import Arrival

__all__ = ["ImapMailbox", "ImapSession", "ImapSettings"]

log = logging.getLogger(__name__)

SIZES_AT_ONCE = 500  # uids on one command line: at most 5.5 kB, below the 8 kB of RFC 7162 section 4
SEARCH_AT_ONCE = 80_000  # uids in one SEARCH answer: imaplib gives up on lines above 1 MB
REISSUE_IDLE = 240.0  # seconds; a line that has died silently is noticed, and no server's 29 minutes run out
HEADER_LIMIT = 65_536  # octets of header that identify a message whose body is not fetched
MOVE_ATTEMPTS = 5
HIGHEST_UID = 2**32 - 1


@dataclass(frozen=True, kw_only=True)
class ImapSettings:
    """Where the mailbox is and how much is asked of it at once."""

    host: str
    user: str
    credentials: Credentials
    port: int = 993
    tls: Literal["none", "starttls", "implicit"] = "implicit"
    ca_file: Path | None = None
    folder: str = "INBOX"
    max_size: int = DEFAULT_MAX_SIZE
    timeout: float = 30.0  # seconds of silence
    deadline: float = 600.0  # seconds for one whole command
    batch_count: int = 100
    batch_bytes: int = 16_000_000


class ImapMailbox:
    """A folder of an IMAP account; ``move_to`` names the folder for settled messages, None leaves them."""

    def __init__(self, name: str, settings: ImapSettings, *, move_to: str | None = None) -> None:
        self.name = name
        self.settings = settings
        self.move_to = move_to

    @contextmanager
    def connect(self) -> Iterator[ImapSession]:
        session = ImapSession(self.name, self.settings, move_to=self.move_to)
        try:
            yield session
            session.logout()
        finally:
            session.close()

    def check(self) -> tuple[str, ...]:
        settings = self.settings
        session = ImapSession(self.name, settings, move_to=self.move_to, read_only=True)
        try:
            encryption = {"none": "not encrypted", "starttls": "encrypted by STARTTLS", "implicit": "encrypted"}[settings.tls]
            facts = [
                f"connected to {session.where} as {settings.user}, {encryption}",
                f"folder “{settings.folder}” holds {session.exists} messages (UIDVALIDITY {session.uidvalidity})",
                "new mail is announced by the server (IDLE)" if session.has("IDLE") else "the server has no IDLE: new mail is seen at the next poll",
            ]
            if self.move_to is None:
                facts.append("the mailbox is opened read-only; messages stay where they are")
            else:
                made = "" if session.folder_exists(self.move_to) else " (will be made)"
                how = "MOVE" if session.has("MOVE") else "COPY and UID EXPUNGE"
                facts.append(f"messages go to folder “{self.move_to}”{made} once they are stored, by {how}")
            session.logout()
            return tuple(facts)
        finally:
            session.close()


class ImapSession:
    """One logged-in connection with the folder open."""

    def __init__(self, name: str, settings: ImapSettings, *, move_to: str | None, read_only: bool = False) -> None:
        self.where = f"{settings.host}:{settings.port}"
        self.exists = 0
        self.uidvalidity = 0
        self.moves = move_to is not None
        self._name = name
        self._settings = settings
        self._move_to = move_to
        self._target_made = False
        self._stopped = threading.Event()
        self._closed = threading.Event()
        self._overdue = False
        self._socket: socket.socket | None = None
        self._client: Any = None
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_write.setblocking(False)
        self._watching = threading.Lock()
        try:
            self._open(read_only or move_to is None)
        except BaseException:
            self.close()
            raise

    # --- opening and closing

    def _log_in(self) -> None:
        settings = self._settings
        context = self._tls_context() if settings.tls != "none" else None
        self._client = client = IMAPClient(
            settings.host,
            port=settings.port,
            ssl=settings.tls == "implicit",
            ssl_context=context,
            timeout=SocketTimeout(connect=settings.timeout, read=settings.timeout),
        )
        client.normalise_times = False
        self._socket = client.socket()
        if settings.tls == "starttls":
            client.starttls(context)
            self._socket = client.socket()
        settings.credentials.login(client, settings.user)

    def _open(self, read_only: bool) -> None:
        settings = self._settings
        with self._operation():
            self._log_in()
            selected = self._client.select_folder(settings.folder, readonly=read_only)
        self.uidvalidity = int(selected.get(b"UIDVALIDITY", 0))
        self.exists = int(selected.get(b"EXISTS", 0))
        self._take_news()
        if not self.uidvalidity:
            raise Misconfigured(f"{self.where}: folder “{settings.folder}” has no UIDVALIDITY, so messages cannot be told apart; use another folder or server")
        if self._move_to is not None:
            if not (self.has("MOVE") or self.has("UIDPLUS")):
                raise Misconfigured(f"{self.where}: the server has neither MOVE nor UIDPLUS, so messages cannot be moved safely; set after: leave")
            if self._move_to == settings.folder:
                raise Misconfigured(f"{self.where}: after: move names the folder “{settings.folder}” that is polled; name another one")

    def _tls_context(self) -> ssl.SSLContext:
        ca_file = self._settings.ca_file
        try:
            return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured(f"imap.ca_file {ca_file}: cannot be read as certificates in PEM form ({error}); correct the path or the file") from error

    def logout(self) -> None:
        """Say goodbye where the line still works; a failure here is no one's loss."""
        if not self._closed.is_set():
            with contextlib.suppress(MailroomError), self._operation():
                self._client.logout()

    def stop(self) -> None:
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._wake_write.send(b"x")

    def close(self) -> None:
        self._closed.set()
        self.stop()
        self._hang_up()
        if self._client is not None:
            with contextlib.suppress(Exception):
                self._client.shutdown()
        with self._watching:  # a thread that polls the reading end has been woken, and lets go of it
            self._wake_read.close()
            self._wake_write.close()

    def _hang_up(self) -> None:
        """Make whatever read is under way return; the plain socket layer, because TLS would first be polite."""
        line = self._socket
        if line is not None:
            with contextlib.suppress(OSError, ValueError):
                socket.socket.shutdown(line, socket.SHUT_RDWR)

    def _alive(self) -> None:
        if self._closed.is_set():
            raise Temporary(f"{self.where}: the session was closed")

    @contextmanager
    def _operation(self) -> Iterator[None]:
        """One command under the deadline, its faults put into words."""
        settings = self._settings
        self._alive()
        watchdog = threading.Timer(settings.deadline, self._time_is_up)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield
        except MailroomError:
            raise
        except Exception as error:
            if self._closed.is_set():
                raise Temporary(f"{self.where}: the session was closed") from error
            if self._overdue:
                raise Temporary(f"{self.where}: not finished in {settings.deadline:g} s; the server or the line is too slow") from error
            raise explain(error, where=self.where, user=settings.user, folder=settings.folder) from error
        finally:
            watchdog.cancel()

    def _time_is_up(self) -> None:
        self._overdue = True
        self._hang_up()

    # --- asking

    def has(self, capability: str) -> bool:
        with self._operation():
            return bool(self._client.has_capability(capability))

    def folder_exists(self, folder: str) -> bool:
        with self._operation():
            return bool(self._client.folder_exists(folder))

    def uids(self) -> list[int]:
        # NOOP first: a server may tell of new mail only between two commands.
        with self._operation():
            self._client.noop()
        self._take_news()
        if self.exists <= SEARCH_AT_ONCE:
            found = self._search("ALL")
        else:
            found = []
            with self._operation():
                uidnext = int(self._client.folder_status(self._settings.folder, ["UIDNEXT"])[b"UIDNEXT"])
            for low in range(1, uidnext, SEARCH_AT_ONCE):
                found += self._search("UID", f"{low}:{min(low + SEARCH_AT_ONCE - 1, uidnext - 1)}")
            # Numbers on both ends: «n:*» would always give the last message, even one below n.
            found += self._search("UID", f"{uidnext}:{HIGHEST_UID}")
        return sorted(set(found))

    def _search(self, *criteria: str) -> list[int]:
        with self._operation():
            return [int(uid) for uid in self._client.search(list(criteria))]

    def _take_news(self) -> bool:
        """Whether the server has told of new mail since we last asked. imaplib heaps up what is said in passing; here it ends."""
        untagged = self._client._imap.untagged_responses
        if counts := untagged.pop("EXISTS", None):
            self.exists = int(counts[-1])
        for said in ("EXPUNGE", "RECENT", "FETCH", "OK"):
            untagged.pop(said, None)
        return bool(counts)

    # --- fetching

    def fetch(self, uids: Sequence[int]) -> Iterator[Arrival]:
        settings = self._settings
        unreadable: dict[int, MailroomError] = {}
        for some in _slices(uids, SIZES_AT_ONCE):
            heads = self._fetch_each(some, ["RFC822.SIZE", "INTERNALDATE"], unreadable)
            present = [uid for uid in some if uid in heads]
            for batch in _batches(present, lambda uid: _size(heads[uid]), settings):  # noqa: B023 - used before the next round
                yield from self._fetch_batch(batch, heads, unreadable)
        if unreadable:
            first = next(iter(unreadable.values()))
            listed = ", ".join(str(uid) for uid in list(unreadable)[:20])
            raise Temporary(
                f"{len(unreadable)} message(s) of mailbox {self._name} could not be fetched (UID {listed}); the others were taken. First: {first}"
            ) from first

    def _fetch_batch(self, batch: list[int], heads: dict[int, Any], unreadable: dict[int, MailroomError]) -> Iterator[Arrival]:
        max_size = self._settings.max_size
        large = [uid for uid in batch if _size(heads[uid]) > max_size]
        small = [uid for uid in batch if _size(heads[uid]) <= max_size]
        bodies = self._fetch_each(small, ["BODY.PEEK[]"], unreadable)
        headers = self._fetch_each(large, [f"BODY.PEEK[HEADER]<0.{HEADER_LIMIT}>"], unreadable)
        for uid in batch:
            size, content, identity = _size(heads[uid]), None, b""
            if uid in headers:
                identity = _part(headers.pop(uid), b"BODY[HEADER]")
            elif uid in bodies:
                # NIL, which some servers send for a message they cannot build, is an empty message: it
                # is taken, without a digest (two of them are not the same message), and a person sees it.
                content = identity = _part(bodies.pop(uid), b"BODY[]")
                size = len(content)
                if size > max_size:
                    content, identity = None, _header_section(identity)
            else:
                continue
            now = datetime.now(UTC)
            yield Arrival(
                mailbox=self._name,
                uidvalidity=self.uidvalidity,
                uid=uid,
                internal_date=_instant(heads[uid].get(b"INTERNALDATE"), now),
                fetched_at=now,
                size=size,
                sha256=hashlib.sha256(identity).hexdigest() if identity else "",
                content=content,
            )

    def _fetch_each(self, uids: list[int], items: list[str], unreadable: dict[int, MailroomError]) -> dict[int, Any]:
        """FETCH of all; where the server says no to all together, one by one, so that one bad message harms only itself."""
        if not uids:
            return {}
        try:
            with self._operation():
                try:
                    answers = self._client.fetch(uids, items)
                except exceptions.IMAPClientAbortError:
                    raise
                except exceptions.IMAPClientError as refusal:
                    raise _Refused from refusal
        except _Refused as refused:
            if len(uids) == 1:
                settings = self._settings
                unreadable[uids[0]] = explain(refused.__cause__ or refused, where=self.where, user=settings.user, folder=settings.folder)
                return {}
            answers = {}
            for uid in uids:
                answers.update(self._fetch_each([uid], items, unreadable))
        # A vanished message has no answer, or one with flags only.
        wanted = b"RFC822.SIZE" if items[0] == "RFC822.SIZE" else b"BODY["
        return {uid: answer for uid, answer in answers.items() if any(key.startswith(wanted) for key in answer)}

    # --- settling

    def settle(self, uids: Sequence[int]) -> None:
        if self._move_to is None or not uids:
            return
        if not self._target_made:
            if not self.folder_exists(self._move_to):
                with self._operation():
                    # Another session may have made it between the two commands.
                    try:
                        self._client.create_folder(self._move_to)
                    except exceptions.IMAPClientError:
                        if not self._client.folder_exists(self._move_to):
                            raise
            self._target_made = True
        for some in _slices(uids, SIZES_AT_ONCE):
            for attempt in range(MOVE_ATTEMPTS):
                with self._operation():
                    try:
                        self._move(some, self._move_to)
                        break
                    except exceptions.IMAPClientAbortError:
                        raise
                    except exceptions.IMAPClientError as error:
                        # Someone else took one of them from under us (RFC 5530): look again, move the rest.
                        if "[EXPUNGEISSUED]" not in str(error) or attempt + 1 == MOVE_ATTEMPTS:
                            raise

    def _move(self, uids: list[int], target: str) -> None:
        client = self._client
        client.noop()
        listed = ",".join(map(str, uids))
        if client.has_capability("MOVE"):
            if there := client.search(["UID", listed]):
                client.move(there, target)
            return
        # Without UNDELETED a round that was cut short after COPY would copy the same messages again.
        if there := client.search(["UID", listed, "UNDELETED"]):
            client.copy(there, target)
            client.add_flags(there, [b"\\Deleted"], silent=True)
        client.uid_expunge(uids)

    # --- waiting

    def wait(self, timeout: float) -> bool:
        until = time.monotonic() + timeout
        idle = self.has("IDLE")
        if self._stopped.is_set():
            return False
        with self._operation():
            self._client.noop()
        if self._take_news():
            return True
        if not idle:
            if not self._stopped.wait(max(0.0, until - time.monotonic())):
                return True
            self._alive()
            return False
        while (left := until - time.monotonic()) > 0 and not self._stopped.is_set():
            self._idle(min(left, REISSUE_IDLE))
            if self._take_news():
                return True
        self._alive()
        return False

    def _idle(self, timeout: float) -> None:
        """One IDLE. Responses are read only after DONE, in blocking mode, where an EOF is an error.

        imapclient's ``idle_check`` reads from a non-blocking socket, cannot tell «nothing yet» from «line
        dropped» there, and takes both for silence. Here the socket is only watched.
        """
        client = self._client
        with self._operation():
            # Not client.idle(): it takes news that comes before the answer for an error.
            imap = client._imap
            client._idle_tag = tag = imap._command("IDLE")
            while imap._get_response() is not None:
                if imap.tagged_commands.get(tag):
                    raise Temporary(f"{self.where}: the server refused IDLE")
            waiting = client.socket()
        if "EXISTS" not in imap.untagged_responses and not self._buffered():
            self._watch(waiting, timeout)
        with self._operation():
            client.idle_done()

    def _buffered(self) -> bool:
        """Whether something came in the same packet as the answer to IDLE: no poll would tell of it."""
        client = self._client
        with self._operation():
            line = client.socket()
            line.setblocking(False)
            try:
                imap = client._imap
                return bool((getattr(imap, "_file", None) or imap.file).peek(1))
            except (BlockingIOError, ssl.SSLWantReadError):
                return False
            finally:
                line.settimeout(self._settings.timeout)

    def _watch(self, line: socket.socket, timeout: float) -> None:
        """Until the line is readable (or dead), time is over, or ``stop`` is called."""
        with self._watching:
            if self._closed.is_set():
                return
            poller = select.poll()
            poller.register(line, select.POLLIN)
            poller.register(self._wake_read, select.POLLIN)
            poller.poll(timeout * 1000)


class _Refused(MailroomError):
    """The server answered NO or BAD to a FETCH; the line itself is in order."""


def _slices(uids: Sequence[int], length: int) -> Iterator[list[int]]:
    for start in range(0, len(uids), length):
        yield list(uids[start : start + length])


def _batches(uids: Sequence[int], size: Callable[[int], int], settings: ImapSettings) -> Iterator[list[int]]:
    """Runs of uids within both limits; a message larger than the byte limit is a batch of its own."""
    batch: list[int] = []
    octets = 0
    for uid in uids:
        cost = min(size(uid), HEADER_LIMIT) if size(uid) > settings.max_size else size(uid)
        if batch and (len(batch) >= settings.batch_count or octets + cost > settings.batch_bytes):
            yield batch
            batch, octets = [], 0
        batch.append(uid)
        octets += cost
    if batch:
        yield batch


def _size(head: Any) -> int:
    return int(head.get(b"RFC822.SIZE") or 0)


def _part(answer: Any, name: bytes) -> bytes:
    for key, value in answer.items():
        if key.startswith(name):
            return value if isinstance(value, bytes) else b""
    return b""


def _header_section(content: bytes) -> bytes:
    """The header with the empty line that ends it, as BODY[HEADER] gives it."""
    end = content.find(b"\r\n\r\n")
    return content[: HEADER_LIMIT if end < 0 else min(end + 4, HEADER_LIMIT)]


def _instant(value: Any, otherwise: datetime) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    return otherwise
