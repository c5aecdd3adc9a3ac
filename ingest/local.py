"""What a Maildir and a folder of .eml have in common: messages are files, and their names are their identity.

``uid`` is the first 63 bits of the SHA-256 of a key made from the name, ``uidvalidity`` 31 bits of that
of the resolved path of the folder. Two names with the same bits are both kept: the one that was there
first (by modification time) has the plain uid, the others a uid of the next round of hashing.

What it does badly: a file that is overwritten under the same name is not taken again. A file that is
still being written is taken as it is: write it under another name (or in tmp/) and rename it. Files
above the size limit are recognised by their first 64 kB of header only.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from ingest.mailbox import DEFAULT_MAX_SIZE
from mailroom.errors import Misconfigured, Temporary
from mailroom.model import Arrival

__all__ = ["Entry", "Layout", "LocalMailbox", "LocalSession", "move_file", "safe_name", "stable_uid"]

HEADER_LIMIT = 65_536
LOOK_EVERY = 0.5  # seconds between two looks while waiting


@dataclass(frozen=True, slots=True)
class Entry:
    """A message file: the key that its uid is made from, and where it is now."""

    key: bytes
    path: Path


class Layout(Protocol):
    """What tells one kind of local mailbox from another."""

    name: str
    path: Path
    max_size: int
    move_to: str | None

    def verify(self) -> None:
        """Raise Misconfigured where the path is no such mailbox."""
        ...

    def entries(self) -> Iterator[Entry]:
        """All messages, in any order; the same key may come twice."""
        ...

    def watched(self) -> list[Path]:
        """Folders whose modification time changes when a message is added."""
        ...

    def settle(self, entry: Entry) -> None:
        """Move one message to where ``move_to`` says."""
        ...


def stable_uid(key: bytes, attempt: int = 0) -> int:
    """A number above 0 and below 2**63, the same on every machine and for ever."""
    digest = hashlib.sha256(key + b"\0" * attempt).digest()
    return (int.from_bytes(digest[:8], "big") >> 1) or 1


def safe_name(name: str) -> str:
    """``after: move`` as a relative path that stays beside the mailbox."""
    parts = name.split("/")
    if any(part in ("", ".", "..") or part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        raise Misconfigured(f"after: move: “{name}” is no folder name; use letters, digits and “/” for a folder within a folder")
    return name


def move_file(source: Path, target: Path) -> Path:
    """Move without ever overwriting: where the name is taken, a number is added. Returns where it went."""
    target.parent.mkdir(parents=True, exist_ok=True)
    number = 0
    while True:
        free = target if number == 0 else target.with_name(f"{target.stem}-{number}{target.suffix}")
        try:
            os.link(source, free)
            break
        except FileExistsError:
            number += 1
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
                raise
            # No hard links here (another file system): copy, make durable, and only then unlink.
            try:
                with source.open("rb") as taken, free.open("xb") as given:
                    shutil.copyfileobj(taken, given)
                    given.flush()
                    os.fsync(given.fileno())
            except FileExistsError:
                number += 1
                continue
            shutil.copystat(source, free)
            break
    source.unlink()
    return free


class LocalMailbox:
    """The part of a local mailbox that does not depend on how the files lie. Subclasses are a ``Layout``."""

    kind = "folder"

    def __init__(self, name: str, path: Path, *, max_size: int = DEFAULT_MAX_SIZE, move_to: str | None = None) -> None:
        self.name = name
        self.path = Path(path)
        self.max_size = max_size
        self.move_to = safe_name(move_to) if move_to is not None else None

    def verify(self) -> None:
        if not self.path.is_dir():
            raise Misconfigured(f"{self.kind} {self.path}: no such folder; correct the path or create it")
        if not os.access(self.path, os.R_OK | os.X_OK):
            raise Misconfigured(f"{self.kind} {self.path}: may not be read; give the user that runs mailroom access")

    def entries(self) -> Iterator[Entry]:
        raise NotImplementedError

    def watched(self) -> list[Path]:
        raise NotImplementedError

    def settle(self, entry: Entry) -> None:
        raise NotImplementedError

    @contextmanager
    def connect(self) -> Iterator[LocalSession]:
        self.verify()
        session = LocalSession(self)
        try:
            yield session
        finally:
            session.close()

    def check(self) -> tuple[str, ...]:
        self.verify()
        session = LocalSession(self)
        facts = [f"{self.kind} {self.path} holds {len(session.uids())} messages (UIDVALIDITY {session.uidvalidity})"]
        if self.move_to is None:
            facts.append("messages stay where they are")
        elif os.access(self.path, os.W_OK):
            facts.append(f"messages go to “{self.move_to}” once they are stored")
        else:
            raise Misconfigured(f"{self.kind} {self.path}: may not be written, so nothing can be moved; set after: leave, or give access")
        return tuple(facts)


class LocalSession:
    """A listing of the files, and the events that end a wait."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._entries: dict[int, Entry] | None = None
        self._seen: list[int] | None = None
        self._stopped = threading.Event()
        self._closed = False
        self.moves = layout.move_to is not None
        resolved = os.fsencode(layout.path.resolve())
        self.uidvalidity = (int.from_bytes(hashlib.sha256(resolved).digest()[:4], "big") >> 1) or 1

    def uids(self) -> list[int]:
        self._alive()
        self._seen = self._state()  # before the listing: what comes in between is seen as news, not missed
        self._entries = self._list()
        return sorted(self._entries)

    def fetch(self, uids: Sequence[int]) -> Iterator[Arrival]:
        layout = self._layout
        unreadable: list[OSError] = []
        for uid in uids:
            self._alive()
            try:
                read = self._read(uid)
            except OSError as error:
                unreadable.append(error)
                continue
            if read is None:
                continue
            content, changed, size = read
            whole = size <= layout.max_size
            yield Arrival(
                mailbox=layout.name,
                uidvalidity=self.uidvalidity,
                uid=uid,
                internal_date=changed,
                fetched_at=datetime.now(UTC),
                size=size,
                sha256=hashlib.sha256(content).hexdigest() if content else "",
                content=content if whole else None,
            )
        if unreadable:
            raise Temporary(
                f"{len(unreadable)} message(s) of mailbox {layout.name} could not be read; the others were taken. "
                f"First: {unreadable[0].filename}: {unreadable[0].strerror}; check the file's permissions"
            ) from unreadable[0]

    def settle(self, uids: Sequence[int]) -> None:
        self._alive()
        if self._layout.move_to is None:
            return
        for uid in uids:
            # Twice: a reader may rename the file between our listing and our moving it.
            for _ in range(2):
                entry = self._find(uid)
                if entry is None:
                    break
                try:
                    self._layout.settle(entry)
                    break
                except FileNotFoundError:
                    self._entries = None
                except OSError as error:
                    where = f"{entry.path}: could not be moved to “{self._layout.move_to}”"
                    raise Temporary(f"{where}: {error.strerror}; check permissions and free space") from error

    def wait(self, timeout: float) -> bool:
        self._alive()
        until = time.monotonic() + timeout
        if self._seen is None:
            self._seen = self._state()
        while not self._stopped.is_set():
            if (state := self._state()) != self._seen:
                self._seen = state
                return True
            left = until - time.monotonic()
            if left <= 0:
                return False
            self._stopped.wait(min(LOOK_EVERY, left))
            if self._closed:
                self._alive()
        return False

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self._closed = True
        self._stopped.set()

    def _alive(self) -> None:
        if self._closed:
            raise Temporary(f"mailbox {self._layout.name}: the session was closed")

    def _state(self) -> list[int]:
        """Modification times of the folders; a list, because two folders may share one time."""
        times = []
        for folder in self._layout.watched():
            with contextlib.suppress(OSError):
                times.append(folder.stat().st_mtime_ns)
        return times

    def _list(self) -> dict[int, Entry]:
        try:
            return assign_uids(self._layout.entries())
        except OSError as error:
            raise Temporary(f"{error.filename or self._layout.path}: {error.strerror}; check that the folder is there and may be read") from error

    def _find(self, uid: int) -> Entry | None:
        if self._entries is None:
            self._entries = self._list()
        return self._entries.get(uid)

    def _read(self, uid: int) -> tuple[bytes, datetime, int] | None:
        """The bytes (of the header only where the file is too large), its time and its size; None where it has vanished."""
        for _ in range(2):
            entry = self._find(uid)
            if entry is None:
                return None
            try:
                with entry.path.open("rb") as file:
                    status = os.fstat(file.fileno())
                    whole = status.st_size <= self._layout.max_size
                    content = file.read(self._layout.max_size + 1) if whole else _header_section(file.read(HEADER_LIMIT))
            except FileNotFoundError:
                self._entries = None  # moved on, or given a flag, which renames it: look once more
                continue
            size = max(status.st_size, len(content))
            if whole and size > self._layout.max_size:  # it grew while it was read
                content = _header_section(content[:HEADER_LIMIT])
            return content, datetime.fromtimestamp(status.st_mtime, UTC), size if not whole else len(content) if size <= self._layout.max_size else size
        return None


def assign_uids(entries: Iterator[Entry]) -> dict[int, Entry]:
    """One uid for each file, whatever the hash does. Files seen twice while they were renamed count once."""
    wanted: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        wanted[stable_uid(entry.key)].append(entry)
    given: dict[int, Entry] = {}
    contested: list[list[Entry]] = []
    for uid, claimants in wanted.items():
        if len(claimants) == 1:
            given[uid] = claimants[0]
        else:
            contested.append(claimants)
    for claimants in contested:
        for _, _, entry in sorted(_present(claimants), key=lambda found: found[:2]):
            attempt = 0
            while (uid := stable_uid(entry.key, attempt)) in given:
                attempt += 1
            given[uid] = entry
    return given


def _present(entries: list[Entry]) -> Iterator[tuple[int, bytes, Entry]]:
    for entry in {entry.path: entry for entry in entries}.values():
        with contextlib.suppress(FileNotFoundError):
            yield entry.path.stat().st_mtime_ns, os.fsencode(entry.path), entry


def _header_section(content: bytes) -> bytes:
    """Up to the empty line that ends the header, whichever line end the file has."""
    ends = [at + len(mark) for mark in (b"\r\n\r\n", b"\n\n") if (at := content.find(mark)) >= 0]
    return content[: min(ends, default=len(content))]
