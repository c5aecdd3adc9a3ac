"""Whose words each stretch of a body is. Nothing is cut: every line gets a label.

A body is read line by line. Structure first: where a quoted or forwarded message begins (an intro such as
«On ... wrote:», a block of From:, Sent:, To:, Subject: lines, a separator), which lines carry quote signs,
what the HTML says of itself (marks). What is left is the sender's: a gateway's banner at its top, a
tagline, a disclaimer and an automatic signature at its end are told apart by form and by the cues of
``programme/zones.yaml``; the rest are own words.

Promise: zones are in reading order, do not overlap, and cover every character that is not white space.
Never raises on any text; linear in it. In doubt a line is own words: losing a member's answer is worse
than keeping a job title.

What it does badly: answers typed into an unprefixed Outlook quote are only found under lines of our own
mail; a one-line signature without a typed name above it passes for a typed one; lines quoted with
anything but «>» count as own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from pathlib import Path

from mailroom.model import Zone, ZoneKind
from parse.html import Mark, MarkKind
from parse.rulefile import RuleFile
from parse.zones.additions import Additions
from parse.zones.lines import Envelope, Line, fold, read_lines
from parse.zones.people import Sender
from parse.zones.quoteheaders import QuoteHeaders, part_shared
from parse.zones.quotes import Quotes
from parse.zones.rules import SAYS, ZoneRules
from parse.zones.signatures import Signatures

__all__ = ["SAYS", "Envelope", "Zoner"]

_MARKS = 500  # that a page may set; what is beyond is not looked at


class Zoner:
    """The cues of ``zones.yaml``, compiled; ``zones`` labels a body.

    own_lines: lines of our own templates and page; a quote of them is a quote of our own mail whoever
    seems to have sent it. own_names, own_addresses: of our mailboxes, besides those in the file.
    """

    def __init__(
        self,
        folder: Path | None = None,
        own_lines: Collection[str] = (),
        *,
        own_names: Collection[str] = (),
        own_addresses: Collection[str] = (),
    ) -> None:
        self._knowledge = ZoneRules(folder, own_lines, own_names=own_names, own_addresses=own_addresses)
        self.rules: RuleFile = self._knowledge.file

    def know_own(self, lines: Collection[str]) -> None:
        """These are the lines of our templates from now on."""
        self._knowledge.know_own(lines)

    def zones(self, body: str, *, marks: Sequence[Mark] = (), envelope: Envelope | None = None) -> tuple[Zone, ...]:
        """Label every line of ``body``. ``marks`` are what the message's HTML says of stretches of it."""
        lines = read_lines(body)
        part_shared(lines, self._knowledge)
        envelope = envelope or Envelope()
        heads, signed = _apply(marks, lines)
        sender = Sender(self._knowledge, envelope)
        additions = Additions(self._knowledge, lines, sender)
        additions.banner([number for number, line in enumerate(lines[:60]) if line.text and not line.depth])
        Quotes(self._knowledge, body, lines, QuoteHeaders(self._knowledge, lines, envelope, heads, sender.names)).structure()
        _own_words(lines, additions, Signatures(self._knowledge, lines, sender, additions, signed))
        return _spans(lines)

    def is_stub(self, text: str) -> bool:
        """Whether a plain part says no more than that there is an HTML part."""
        folded = fold(text)
        return not folded or (len(folded) < 200 and self._knowledge.cues["stub"].found(folded))


def _apply(marks: Sequence[Mark], lines: Sequence[Line]) -> tuple[set[int], set[int]]:
    """Deepen what the HTML quotes; the lines where it begins a quoted message, and those it calls a signature."""
    heads: set[int] = set()
    signed: set[int] = set()
    numbers = [number for number, line in enumerate(lines) if line.text] if marks else []
    starts = [lines[number].start for number in numbers]
    for mark in marks[:_MARKS]:
        index = bisect_left(starts, mark.start)
        covered = []
        while index < len(starts) and starts[index] < mark.end:
            covered.append(numbers[index])
            index += 1
        if not covered:
            continue
        if mark.kind is MarkKind.QUOTE:
            for number in covered:
                lines[number].depth += 1
        elif mark.kind is MarkKind.HEAD:
            heads.add(covered[0])
        else:
            signed.update(covered)
    return heads, signed


def _own_words(lines: Sequence[Line], additions: Additions, signatures: Signatures) -> None:
    """What is left is the sender's: its ends may be signatures, and what stands among quotes answers them."""
    typed = [index for index, line in enumerate(lines) if line.kind is None and line.text]
    if not typed:
        return
    segments = _segments(lines)
    for number, segment in enumerate(segments):
        before_quote = number == 0 and len(segments) > 1
        if number == len(segments) - 1 or before_quote:
            signatures.tail(segment, alone=len(segments) == 1)
    for index in [*typed[:3], *typed[-14:]]:
        if lines[index].kind is None:
            additions.tagline(index)
    quoted = [index for index, line in enumerate(lines) if line.kind in (ZoneKind.QUOTE, ZoneKind.OWN_QUOTE)]
    for segment in segments[1:]:
        if quoted and quoted[-1] > segment[-1]:
            for index in segment:
                if lines[index].kind is None:
                    lines[index].kind = ZoneKind.INLINE_ANSWER


def _segments(lines: Sequence[Line]) -> list[list[int]]:
    """Runs of the sender's lines, parted by other people's."""
    segments: list[list[int]] = []
    parted = True
    for index, line in enumerate(lines):
        if not line.text:
            continue
        if line.kind is None:
            if parted:
                segments.append([])
            segments[-1].append(index)
            parted = False
        else:
            parted = parted or line.kind in (ZoneKind.QUOTE, ZoneKind.OWN_QUOTE, ZoneKind.FORWARDED)
    return segments


def _spans(lines: Sequence[Line]) -> tuple[Zone, ...]:
    zones: list[Zone] = []
    for line in lines:
        if line.end <= line.start:
            continue
        kind = line.kind or ZoneKind.OWN
        if zones and zones[-1].kind is kind:
            zones[-1] = Zone(kind=kind, start=zones[-1].start, end=line.end)
        else:
            zones.append(Zone(kind=kind, start=line.start, end=line.end))
    return tuple(zones)
