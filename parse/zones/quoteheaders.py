"""Where another message begins: «On ... wrote:», a block of From:, Sent:, To:, Subject: lines, a separator.

An opener is believed for its form, never for one word: a name of a field before a colon is also how members
write «From: Wallace High School». How much is asked of it falls where other signs speak for it: quote signs
below, a separator above, the HTML's own word, a quote already open.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mailroom.model import ZoneKind
from parse.zones.lines import EMAIL, FOLDED, RULE_LINE, WORD, Envelope, Line, fold, looks_like_field
from parse.zones.people import plain
from parse.zones.rules import ZoneRules

_STAMP = re.compile(r"(?:\w{3}, )?\d{1,2} \w{3} \d{4} \d\d:\d\d(?::\d\d)? [+-]\d{4}")  # RFC 5322
_TIME = re.compile(r"(?<!\d)\d{1,2}[:.h]\d{2}(?!\d)")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|(?<!\d)\d{1,2}[./-]\d{1,2}[./-]\d{2}(?!\d)")
_FORWARD_SUBJECT = re.compile(r"\s*(?:\[[^\]]{1,30}\]\s*)?(?:fw|fwd|wg|tr|rv|i|enc|doorst|vs|vb|pd)\s?:", re.IGNORECASE)
_REPLY_SUBJECT = re.compile(r"\s*(?:\[[^\]]{1,30}\]\s*)?(?:re|aw|sv|antw|odp|rif|r|res|ynt|vá|atb)(?:\[\d+\])?\s?:", re.IGNORECASE)


_SHARED = re.compile(r"(?<=\S)(?:[ \t]+|[ \t]*-{2,}[ \t]*)(?=On[ \t]+(?:\w{3,9}[.,]?[ \t]+){0,2}\d)")


def part_shared(lines: list[Line], rules: ZoneRules) -> None:
    """Part lines on which the sender's last words and the intro of the quote below stand together."""
    for index in range(len(lines) - 2, -1, -1):
        line = lines[index]
        if line.depth or not line.text.endswith(":") or len(line.raw) > 1_000 or not (lines[index + 1].depth or not lines[index + 1].text):
            continue
        following = next((lines[number] for number in range(index + 1, min(index + 4, len(lines))) if lines[number].text), None)
        if following is None or not following.depth or rules.wrote.search(line.text[-40:]) is None:
            continue
        found = _SHARED.search(line.raw)
        if found is not None and (_TIME.search(line.raw, found.end()) or _YEAR.search(line.raw, found.end())) and not line.text.startswith("On "):
            offset = line.end - len(line.raw.strip()) - (len(line.raw) - len(line.raw.lstrip()))  # of the raw line, in the body
            head, tail = line.raw[: found.start()], line.raw[found.end() :]
            start = offset + found.start() + len(found[0]) - len(found[0].lstrip())  # dashes belong to the intro
            rest = Line(start=start, end=line.end, depth=0, text=fold(tail), raw=tail)
            lines[index : index + 1] = [Line(start=line.start, end=offset + found.start(), depth=0, text=fold(head), raw=head), rest]


@dataclass(frozen=True, slots=True)
class Opener:
    """Lines [first, last] that introduce another message."""

    last: int
    kind: ZoneKind
    prefixed: bool  # its text carries quote signs; otherwise all that follows belongs to it


class QuoteHeaders:
    """The openers of one body."""

    def __init__(self, rules: ZoneRules, lines: Sequence[Line], envelope: Envelope, heads: Collection[int], names: Sequence[str]) -> None:
        self.rules, self.lines, self.envelope, self.heads, self.names = rules, lines, envelope, heads, names
        self.is_reply = envelope.is_reply or _REPLY_SUBJECT.match(envelope.subject) is not None
        self._memo = -1  # last line of a heading that the sender wrote about this very message
        recipients = envelope.recipients
        self.own_names = list(rules.own_names)
        self.own_addresses = set(rules.own_addresses)
        if len(recipients) == 1:  # what came to one mailbox only, and quotes that mailbox, quotes us
            self.own_addresses.add(recipients[0].address.casefold())
            if len(recipients[0].name) > 5:
                self.own_names.append(recipients[0].name.casefold())

    def opener(self, index: int, own_seen: bool, in_rest: bool) -> Opener | None:
        lines = self.lines
        line = lines[index]
        text = line.text
        marked = index in self.heads
        # Separators, with or without a header block below.
        following = self._next(index)
        separator: str | None = None
        if len(text) < 90:
            if self.rules.cues["forwarded"].found(text):
                separator = "forwarded"
            elif self.rules.cues["original"].found(text):
                separator = "original"
            elif RULE_LINE.match(text) and len(text) >= 5 and following is not None and text[0] not in "*#":  # those end a disclaimer
                separator = "rule"
        if separator is not None and following is not None:
            block = self._header_block(following, separated=True)
            if block is not None:
                last, fields = block
                kind = ZoneKind.FORWARDED if separator == "forwarded" else self._kind_of(fields)
                return Opener(last=last, kind=kind, prefixed=self._prefixed(last, line.depth))
            if separator != "rule":
                kind = ZoneKind.FORWARDED if separator == "forwarded" else self._kind_of({})
                return Opener(last=index, kind=kind, prefixed=self._prefixed(index, line.depth))
            return None
        if ":" in text and index > self._memo:
            block = self._header_block(index, separated=marked or in_rest)
            if block is not None:
                last, fields = block
                if marked or own_seen or in_rest or line.depth or not self._is_memo(fields):
                    kind = self._kind_of(fields)
                    if not own_seen and not in_rest and kind is ZoneKind.QUOTE and not self.is_reply:
                        kind = ZoneKind.FORWARDED
                    return Opener(last=last, kind=kind, prefixed=self._prefixed(last, line.depth))
                self._memo = last
        return self._intro(index, marked)

    def _next(self, index: int) -> int | None:
        for number in range(index + 1, min(index + 4, len(self.lines))):
            if self.lines[number].text:
                return number
        return None

    def _prefixed(self, last: int, depth: int) -> bool:
        for number in range(last + 1, min(last + 8, len(self.lines))):
            if self.lines[number].text or self.lines[number].depth > depth:
                return self.lines[number].depth > depth
        return False

    def _header_block(self, index: int, *, separated: bool) -> tuple[int, dict[str, str]] | None:
        """(last line, role -> value) of a block of quoted header fields that begins at this line."""
        first = self.rules.role(self.lines[index].text)
        if first is None or first[0] == "other":
            return None
        depth = self.lines[index].depth
        fields: dict[str, str] = {}
        last, other, continued, blanks = index, 0, 0, 0
        for number in range(index, min(index + 16, len(self.lines))):
            line = self.lines[number]
            if not line.text:
                blanks += 1
                if blanks > 1:
                    break
                continue
            if line.depth != depth:
                break
            found = self.rules.role(line.text)
            if found is not None:
                if found[0] != "other" and found[0] in fields:
                    break
                fields[found[0]] = found[1]
                last, blanks = number, 0
            elif blanks:
                break
            elif looks_like_field(line.text):
                other += 1
                if other > 1:
                    return None  # a form of the member's own, not a heading
            else:
                continued += 1
                if continued > 6 or fields.keys() >= {"from", "subject", "to"} or fields.keys() >= {"from", "subject", "date"}:
                    break
                last = number
        if "from" not in fields:  # a date that only machines write will do
            return (last, fields) if _STAMP.match(fields.get("date", "")) and EMAIL.search(fields.get("to", "")) else None
        has_date = _is_date(fields.get("date", ""), self.rules.dates)
        has_address = EMAIL.search(fields["from"]) is not None
        others = sum(role in fields for role in ("to", "subject")) + has_date
        needed = 1 if separated else 2 if has_date or has_address else 4
        if not fields["from"] or others < needed:
            return None
        return last, fields

    def _is_memo(self, fields: dict[str, str]) -> bool:
        """A heading that the sender wrote about this very message, at its top."""
        if _FORWARD_SUBJECT.match(self.envelope.subject) or EMAIL.search(fields.get("from", "")) is not None:
            return False
        words = {plain(word) for word in WORD.findall(fields.get("from", "").translate(FOLDED))}
        return bool(words & set(self.names)) or "to" not in fields

    def _kind_of(self, fields: dict[str, str]) -> ZoneKind:
        """Quote of ours, quote, or forwarded, by what a header block says."""
        sender = fields.get("from", "")
        forward = _FORWARD_SUBJECT.match(self.envelope.subject) is not None
        if not forward and sender and self._is_ours(sender):
            return ZoneKind.OWN_QUOTE
        if forward:
            return ZoneKind.FORWARDED
        if sender and not self.is_reply:
            folded = sender.casefold()
            known = any(a.address.casefold() in folded or (a.name and a.name.casefold() in folded) for a in self.envelope.recipients)
            own = bool(self.names) and all(name in folded for name in self.names)
            if not known and not own:
                return ZoneKind.FORWARDED
        return ZoneKind.QUOTE

    def _is_ours(self, text: str) -> bool:
        folded = text.casefold()
        address = EMAIL.search(folded)
        if address is not None and address[0] in self.own_addresses:
            return True
        if any(own in folded for own in self.own_addresses):
            return True
        return any(name in folded for name in self.own_names)

    def _intro(self, index: int, marked: bool) -> Opener | None:
        """«On ... wrote:» and its sisters, on one line or wrapped over up to four."""
        lines = self.lines
        line = lines[index]
        text = line.text
        dashed = text.startswith("--")
        lowered = text[:40].lstrip("-*_ ")[:20].casefold()
        opens = any(lowered.startswith(opener) and not lowered[len(opener) : len(opener) + 1].isalpha() for opener in self.rules.openers)
        if not marked and not opens and not (text.rstrip("*_- ").endswith(":") or "@" in text or text[:1].isdigit() or self.rules.wrote.search(text[-40:])):
            return None
        joined = ""
        for number in range(index, min(index + 4, len(lines))):
            if not lines[number].text or lines[number].depth != line.depth or (number > index and number - 1 in self.heads):
                if number == index + 1 and not lines[number].text and marked:
                    continue
                break
            if number > index and number in self.heads:
                break
            joined = f"{joined} {lines[number].text}".strip()
            if len(joined) > 400:
                break
            tail = joined.rstrip("*_- ")
            ended = tail.endswith((":", "\uff1a"))
            if not ended and self.rules.wrote_last.search(tail[-30:]) is None and not (tail.endswith(">") and text[:1].isdigit()):
                continue
            prefixed = self._prefixed(number, line.depth)
            if not ended and not prefixed and not dashed:
                continue
            if self._is_intro(joined, opens, prefixed, marked):
                kind = ZoneKind.OWN_QUOTE if self._is_ours(joined) else ZoneKind.QUOTE
                return Opener(last=number, kind=kind, prefixed=prefixed)
        if marked:  # the HTML says so, whatever the language
            kind = ZoneKind.OWN_QUOTE if self._is_ours(text) else ZoneKind.QUOTE
            return Opener(last=index, kind=kind, prefixed=self._prefixed(index, line.depth))
        return None

    def _is_intro(self, text: str, opens: bool, prefixed: bool, marked: bool) -> bool:
        if marked:
            return True
        wrote = self.rules.wrote.search(text) is not None
        address = EMAIL.search(text) is not None
        year, time = _YEAR.search(text) is not None, _TIME.search(text) is not None
        words = text.casefold().replace(".", " ").replace(",", " ").split()
        dated = year or time or any(word[:3] in self.rules.dates or word in self.rules.dates for word in words[:6])
        if prefixed:
            return (wrote and (opens or dated or address)) or (address and (dated or opens)) or (wrote and len(words) <= 8) or (opens and year and time)
        if not (wrote or address):
            return False
        if wrote and address and (dated or opens):
            return True
        if address and ((year and time) or (wrote and len(words) <= 8)):
            return True
        if wrote and self.is_reply and year and time and len(words) <= 10:
            return True
        return wrote and opens and (year or time if self.is_reply else year and time)


def _is_date(value: str, dates: frozenset[str]) -> bool:
    if not value:
        return False
    words = value.casefold().replace(",", " ").split()
    return _YEAR.search(value) is not None or _TIME.search(value) is not None or any(word[:3] in dates for word in words[:3])
