"""A folder of .eml files, with the folders in it.

The identity of a message is its path below the folder. Bytes are taken exactly as they are in the file,
whichever line end it has; its modification time stands for the time of arrival. Names that begin with a
dot are left alone, because editors and copying programs keep unfinished files under such names. With
``move_to`` a settled file goes to a folder of that name beside this one, under the same relative path.

Beyond the limits of ``ingest.local``: symbolic links to folders are not followed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ingest.local import Entry, LocalMailbox, move_file
from mailroom.errors import Misconfigured

__all__ = ["FolderMailbox"]


class FolderMailbox(LocalMailbox):
    """All .eml files under ``path``."""

    def verify(self) -> None:
        super().verify()
        if self.move_to is not None:
            beside, itself = self.path.resolve().parent / self.move_to, self.path.resolve()
            if beside == itself or itself in beside.parents:
                raise Misconfigured(f"folder {self.path}: after: move names the folder itself (“{self.move_to}”); name another one")

    def _walk(self) -> Iterator[tuple[Path, list[str]]]:
        for folder, folders, files in os.walk(self.path, onerror=_raise):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            yield Path(folder), files

    def entries(self) -> Iterator[Entry]:
        for folder, files in self._walk():
            for name in files:
                path = folder / name
                if name.lower().endswith(".eml") and not name.startswith(".") and path.is_file():
                    yield Entry(os.fsencode(path.relative_to(self.path).as_posix()), path)

    def watched(self) -> list[Path]:
        return [folder for folder, _ in self._walk()]

    def settle(self, entry: Entry) -> None:
        # resolve(): «.» has no sibling by name.
        beside = self.path.resolve().parent / (self.move_to or "")
        move_file(entry.path, beside / entry.path.relative_to(self.path))


def _raise(error: OSError) -> None:
    raise error
