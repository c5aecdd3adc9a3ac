"""A Maildir: new/ and cur/ as other programs leave them.

The identity of a message is the unique part of its file name, up to the «:» that begins the flags, so
it stays the same when a mail reader moves the file from new/ to cur/ or sets a flag. Nothing is renamed
by reading, and no flag is set. With ``move_to`` a settled message goes to the Maildir++ folder of that
name inside this one, with its flags.

Beyond the limits of ``ingest.local``: sub-folders are mailboxes of their own and are not read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ingest.local import Entry, LocalMailbox, move_file
from mailroom.errors import Misconfigured

__all__ = ["MaildirMailbox"]


class MaildirMailbox(LocalMailbox):
    """The Maildir at ``path``."""

    kind = "Maildir"

    def verify(self) -> None:
        super().verify()
        missing = [name for name in ("cur", "new") if not (self.path / name).is_dir()]
        if missing:
            raise Misconfigured(
                f"Maildir {self.path}: has no {' and no '.join(missing)} inside; correct the path (for a folder of .eml files, use folder: instead of maildir:)"
            )

    def entries(self) -> Iterator[Entry]:
        # new first: a message that moves on to cur meanwhile is then seen twice, which is settled
        # afterwards, and never missed.
        for folder in (self.path / "new", self.path / "cur"):
            with os.scandir(folder) as files:
                for file in files:
                    if not file.name.startswith(".") and file.is_file():
                        yield Entry(os.fsencode(file.name).partition(b":")[0], Path(file.path))

    def watched(self) -> list[Path]:
        return [self.path / "new", self.path / "cur"]

    def settle(self, entry: Entry) -> None:
        folder = self.path / ("." + (self.move_to or "").replace("/", "."))
        for name in ("cur", "new", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        base, colon, flags = entry.path.name.partition(":")
        target, number = folder / entry.path.parent.name / entry.path.name, 0
        while target.exists():  # the same unique part in two Maildirs: not ours to overwrite
            number += 1
            target = target.with_name(f"{base}-{number}{colon}{flags}")
        move_file(entry.path, target)
