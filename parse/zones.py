"""Whose words each stretch of a body is."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from mailroom.model import Zone, ZoneKind

__all__ = ["Zoner"]

_INTRO = re.compile(r"\s*On .{6,200}wrote:\s*$")
_ORIGINAL = re.compile(r"\s*(?:-{3,}\s*Original Message\s*-{3,}|_{20,})\s*$", re.IGNORECASE)
_FORWARD = re.compile(r"\s*(?:-{3,}\s*Forwarded message\s*-{3,}|Begin forwarded message:)\s*$", re.IGNORECASE)
_HEADER = re.compile(r"\s*\*?(From|Sent|Date|To|Subject|Cc)\*?:\s")


class Zoner:
    """First form: replies and forwards at the bottom, quoted lines, the standard signature delimiter."""

    def __init__(self, folder: Path | None = None, own_lines: Collection[str] = ()) -> None:
        self.folder, self.own_lines = folder, frozenset(own_lines)

    def zones(self, body: str) -> tuple[Zone, ...]:
        lines = body.split("\n")
        kinds: list[ZoneKind] = []
        rest: ZoneKind | None = None
        signature = False
        for index, line in enumerate(lines):
            if rest is None:
                following = lines[index + 1 : index + 4]
                if _FORWARD.match(line):
                    rest = ZoneKind.FORWARDED
                elif (_ORIGINAL.match(line) or line.startswith("From:")) and sum(bool(_HEADER.match(x)) for x in [line, *following]) >= 2:
                    rest = ZoneKind.QUOTE
            if rest is not None:
                kinds.append(rest)
            elif line.startswith(">") or _INTRO.match(line):
                kinds.append(ZoneKind.QUOTE)
                signature = False
            elif line.rstrip() == "--" or signature:
                signature = True
                kinds.append(ZoneKind.SIGNATURE)
            elif re.match(r"\s*(Sent from|Get Outlook for) ", line):
                kinds.append(ZoneKind.TAGLINE)
            else:
                kinds.append(ZoneKind.OWN)
        return _spans(lines, kinds)


def _spans(lines: Sequence[str], kinds: Sequence[ZoneKind]) -> tuple[Zone, ...]:
    zones: list[Zone] = []
    offset = 0
    for line, kind in zip(lines, kinds, strict=True):
        if line.strip():
            start = offset + len(line) - len(line.lstrip())
            end = offset + len(line.rstrip())
            if zones and zones[-1].kind is kind:
                zones[-1] = Zone(kind=kind, start=zones[-1].start, end=end)
            else:
                zones.append(Zone(kind=kind, start=start, end=end))
        offset += len(line) + 1
    return tuple(zones)
