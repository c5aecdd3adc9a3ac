"""The token file of a delegated set-up: what `mailroom sign-in` got and every refresh renews.

Promises: it is readable by its owner only (0600, from the first octet on); it is replaced as a whole, after the new one is
on the disk, so that a crash leaves the old or the new one; and a refresh token is used by one process at a time, because
providers give a new one for the old and may take a second use of the old for theft. The lock is ``flock`` on a file
beside it, which the kernel releases when a process dies.

What it does badly: the folder must be local; ``flock`` over some network file systems locks nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from mailroom.errors import Misconfigured, Temporary

__all__ = ["Stored", "TokenFile"]

PATIENCE = 60.0  # seconds for another process that is refreshing; a request is given 30
INTERVAL = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """What is in the file. ``issued_for`` names the application that it was given to."""

    issued_for: str
    refresh_token: str = field(repr=False)
    access_token: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime


class TokenFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Stored | None:
        """What was saved last; None where nobody has signed in yet."""
        try:
            with self.path.open(encoding="utf-8") as file:
                if (mode := stat.S_IMODE(os.fstat(file.fileno()).st_mode)) & 0o077:
                    raise Misconfigured(f"token file {self.path}: others may read it (mode {mode:04o}); «chmod 600 {self.path}»")
                said = json.load(file)
            return Stored(
                issued_for=str(said["issued_for"]),
                refresh_token=str(said["refresh_token"]),
                access_token=str(said["access_token"]),
                issued_at=datetime.fromisoformat(said["issued_at"]),
                expires_at=datetime.fromisoformat(said["expires_at"]),
            )
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Misconfigured(f"token file {self.path}: {error.strerror}; it must be readable by the user that mailroom runs as") from error
        except (ValueError, KeyError, TypeError) as error:
            raise Misconfigured(f"token file {self.path}: is not what mailroom writes; move it away and sign in again with «mailroom sign-in»") from error

    def save(self, stored: Stored) -> None:
        """Replace the file as a whole. The caller holds the lock."""
        text = json.dumps(asdict(stored), default=lambda value: value.isoformat(), indent=1)
        folder = self.path.parent
        try:
            descriptor, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=folder)  # made with mode 0600
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self.path)
            except BaseException:
                with contextlib.suppress(OSError):
                    Path(name).unlink()
                raise
            directory = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise Misconfigured(f"token file {self.path}: cannot be written ({error.strerror}); the folder must be writable for mailroom") from error

    @contextmanager
    def locked(self, patience: float = PATIENCE) -> Iterator[None]:
        """Hold it against other processes (and other sources of this one)."""
        path = self.path.with_name(self.path.name + ".lock")
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Misconfigured(f"token file {self.path}: {path.name} beside it cannot be opened ({error.strerror}); the folder must be writable") from error
        try:
            until = time.monotonic() + patience
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise Temporary(f"token file {self.path}: another process has held it for {patience:g} s; tried again later") from None
                    time.sleep(INTERVAL)
            yield
        finally:
            os.close(descriptor)  # the lock file stays: to remove it would let two processes lock two files
