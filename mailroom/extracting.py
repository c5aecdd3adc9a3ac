"""`mailroom extract`: from .eml files to JSON lines, with no store and no mailbox."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mailroom.config import data_folder
from mailroom.errors import MailroomError
from mailroom.longlived import long_lived

if TYPE_CHECKING:
    from mailroom.config import Config
    from parse.reader import Reader

__all__ = ["extract_lines", "messages_in", "open_reader"]


def messages_in(paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """(id, bytes) of each message."""
    for path in map(Path, paths):
        if str(path) == "-":
            yield "-", sys.stdin.buffer.read()
        elif path.is_dir():
            for file in sorted(p for p in path.rglob("*.eml") if p.is_file()):
                yield file.stem, file.read_bytes()
        else:
            yield path.stem, path.read_bytes()


def open_reader(*, schools: Sequence[str] = (), programme: Path | None = None, config: Config | None = None) -> Reader:
    """A Reader as the options or, where they say nothing, the settings have it; without either, as shipped."""
    lists = [Path(s) for s in schools] or (list(config.programme.schools) if config else [])
    folder = programme or (config.programme.folder if config else None) or data_folder() / "programme"
    with long_lived():
        from mailroom.programme import load_knowledge, reader_for

        return reader_for(load_knowledge(folder, lists), config.replies if config else None)


def extract_lines(
    paths: Sequence[str], *, schools: Sequence[str] = (), programme: Path | None = None, config: Config | None = None, zones: bool = False
) -> Iterator[str]:
    for path in map(Path, paths):
        if str(path) != "-" and not path.exists():
            raise MailroomError(f"{path}: there is no such file or folder")
    from parse.report import report

    reader = open_reader(schools=schools, programme=programme, config=config)
    for name, content in messages_in(paths):
        yield json.dumps(report(name, reader.read(content), zones=zones), ensure_ascii=False)
