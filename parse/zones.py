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

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from mailroom.errors import ProgrammeError
from mailroom.model import Address, Zone, ZoneKind
from parse.cues import LOOK, CueSet, cue_regex
from parse.html import Mark, MarkKind
from parse.rulefile import RuleFile, load_rules

__all__ = ["SAYS", "Envelope", "Zoner"]

SAYS = ("original", "forwarded", "banner", "banner_word", "banner_more", "tagline", "disclaimer", "stub", "habits")
_LISTS = (
    *("own_names", "own_addresses", "header_from", "header_date", "header_to", "header_subject", "header_other"),
    *("wrote", "wrote_openers", "days_and_months", "closings", "titles", "places", "contacts"),
)
_FOLDED = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " ", "\u202f": " ", "\uff1a": ":", "\u2013": "-", "\u2014": "-"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """What the header says that zones depend on."""

    sender: Address | None = None
    recipients: tuple[Address, ...] = ()
    subject: str = ""
    is_reply: bool = False  # In-Reply-To or References present


@dataclass(slots=True)
class _Line:
    start: int  # of the first character that is not white space, in the body
    end: int
    depth: int  # of quoting
    text: str  # folded, without quote signs
    raw: str
    kind: ZoneKind | None = None


@dataclass(frozen=True, slots=True)
class _Opener:
    """Lines [first, last] that introduce another message."""

    last: int
    kind: ZoneKind
    prefixed: bool  # its text carries quote signs; otherwise all that follows belongs to it


_QUOTE_SIGNS = re.compile(r"[ \t]{0,3}>[> \t]*")
_RULE_LINE = re.compile(r"[\s*_\-=~\u2014\u2013\u2500#.]{3,}$")
_TIME = re.compile(r"(?<!\d)\d{1,2}[:.h]\d{2}(?!\d)")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|(?<!\d)\d{1,2}[./-]\d{1,2}[./-]\d{2}(?!\d)")
_EMAIL = re.compile(r"[\w.+'-]{1,64}@[\w-]{1,63}\.[\w.-]{1,100}")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_FORWARD_SUBJECT = re.compile(r"\s*(?:\[[^\]]{1,30}\]\s*)?(?:fw|fwd|wg|tr|rv|i|enc|doorst|vs|vb|pd)\s?:", re.IGNORECASE)
_REPLY_SUBJECT = re.compile(r"\s*(?:\[[^\]]{1,30}\]\s*)?(?:re|aw|sv|antw|odp|rif|r|res|ynt|vá|atb)(?:\[\d+\])?\s?:", re.IGNORECASE)
_PHONE = re.compile(r"(?<![\w.])(?:\+\d{1,3}[\s().-]{0,3}|\(?0)\d[\d\s().-]{6,18}\d")
_URL = re.compile(r"https?://\S{3}|www\.\S{3}|(?<![\w@])[\w-]{2,40}\.(?:sch|gov|ac|org|co)\.uk(?!\w)", re.IGNORECASE)
_POSTCODE = re.compile(r"(?<![A-Za-z0-9])[A-Z]{1,2}\d{1,2}[A-Z]?(?:\s\d[A-Z]{2})(?![A-Za-z0-9])|[,\s][A-Z]{1,2}\d{1,2}$")
_SEPARATED = re.compile(r"\s[|\u00b7\u2022/]{1,2}\s|\s{2,}[|\u00b7]\s{0,4}|[^\s/]\s?\|\s?[^\s]")
_HANDLE = re.compile(r"(?<!\w)[@#]\w{3,40}")
_PRONOUN = re.compile(r"\b(?:he/him|she/her|they/them|he/they|she/they)\b", re.IGNORECASE)
_PERSONAL = re.compile(r"(?<![\w'/])(?:I|(?i:i'm|i've|i'd|i'll|we|we're|we've|we'd|we'll|you|your|me|my|us|our|please|thanks|thank))(?![\w'/])")
_POSTSCRIPT = re.compile(r"\s*(?:p\.?\s?p?\.?\s?s\b\.?|ps\b|nb\b|n\.b\.|edit:|update:|correction)", re.IGNORECASE)
_ITEM = re.compile(r"\s*(?:[-*+\u2022\u00b7\u25cf\u25aa\u2013o]|\(?(?:\d{1,2}|[A-Za-z])[.)])\s")
_BRACKETED = re.compile(r"\s?\([^()]{0,80}\)")
_DELIMITER = re.compile(r"\s*(?:--|\u2014|\u2013)\s*$")


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
        path = (folder or Path(__file__).resolve().parent.parent / "programme") / "zones.yaml"
        self.rules: RuleFile = load_rules(path, says=SAYS)
        lists = self.rules.lists
        for name in _LISTS:
            if name not in lists:
                raise ProgrammeError(self.rules.file, None, f"the list «{name}» is missing under «lists»")
        self.cues: dict[str, CueSet] = {}
        for meaning in SAYS:
            patterns: list[str] = []
            for rule in self.rules.rules:
                if rule.phrase.label == meaning:
                    for pattern in rule.phrase.patterns:
                        try:
                            re.compile(cue_regex(pattern))
                        except (ValueError, re.error) as error:
                            raise ProgrammeError(rule.file, rule.line, f"rule «{rule.phrase.id}»: pattern «{pattern}» cannot be read ({error})") from error
                        patterns.append(pattern)
            self.cues[meaning] = CueSet(patterns)
        self._roles = {
            label.casefold(): role
            for role in ("other", "subject", "to", "date", "from")  # «from» last: where two languages disagree, it wins
            for label in lists[f"header_{role}"]
        }
        words = {name: frozenset(word.casefold() for word in lists[name]) for name in _LISTS}
        self._wrote = re.compile(r"(?<!\w)(?:" + "|".join(re.escape(w) for w in sorted(words["wrote"], key=len, reverse=True)) + r")(?!\w)", re.IGNORECASE)
        self._openers = tuple(sorted(words["wrote_openers"], key=len, reverse=True))
        self._dates = words["days_and_months"]
        self._closings = words["closings"]
        self._titles = frozenset(word.rstrip("*") for word in words["titles"])
        self._places = words["places"]
        self._contacts = words["contacts"]
        self._own_names = tuple(name.casefold() for name in [*lists["own_names"], *own_names] if name.strip())
        self._own_addresses = frozenset(address.casefold() for address in [*lists["own_addresses"], *own_addresses])
        solid = [_solid(line) for line in own_lines]
        self._own_lines = frozenset(line for line in solid if len(line) >= 12)
        self._own_text = "\n".join(solid)

    # --- the whole

    def zones(self, body: str, *, marks: Sequence[Mark] = (), envelope: Envelope | None = None) -> tuple[Zone, ...]:
        """Label every line of ``body``. ``marks`` are what the message's HTML says of stretches of it."""
        reading = _Reading(self, body, tuple(marks), envelope or Envelope())
        reading.structure()
        reading.own_words()
        return reading.spans()

    def is_stub(self, text: str) -> bool:
        """Whether a plain part says no more than that there is an HTML part."""
        folded = _fold(text)
        return not folded or (len(folded) < 200 and self.cues["stub"].found(folded))

    # --- small questions about one line

    def role(self, line: str) -> tuple[str, str] | None:
        """(role, value) of a line like «Sent: Tuesday», or None."""
        name, colon, value = line[:400].lstrip("*_| \t").partition(":")
        if not colon or len(name) > 25:
            return None
        role = self._roles.get(name.strip("*_ \t").casefold())
        return (role, value.strip("*_ \t")) if role is not None else None

    def is_own_line(self, text: str) -> bool:
        for candidate in {text, _ITEM.sub("", text, count=1)}:  # «2. Which school ...?»
            solid = _solid(candidate)
            if solid in self._own_lines or (len(solid) >= 40 and solid in self._own_text):
                return True
        return False


def _fold(text: str) -> str:
    return " ".join(text.translate(_FOLDED).split())


def _solid(text: str) -> str:
    """Letters and digits only, without case: what is left of a line however it was wrapped and quoted."""
    return "".join(character for character in text.casefold() if character.isalnum())


class _Reading:
    """One body while its lines are being labelled."""

    def __init__(self, zoner: Zoner, body: str, marks: tuple[Mark, ...], envelope: Envelope) -> None:
        self.z, self.body, self.envelope = zoner, body, envelope
        self.lines = _lines(body)
        self.heads: set[int] = set()
        self.signed: set[int] = set()
        self._weights: dict[int, int] = {}
        self.is_reply = envelope.is_reply or _REPLY_SUBJECT.match(envelope.subject) is not None
        self._memo = -1  # last line of a heading that the sender wrote about this very message
        self._apply(marks)
        name = envelope.sender.name if envelope.sender else ""
        self.names = [_plain(word) for word in _WORD.findall(name.translate(_FOLDED))]
        local = envelope.sender.local_part if envelope.sender else ""
        self.local_names = {word.casefold() for word in _WORD.findall(local) if len(word) > 2}
        recipients = envelope.recipients
        self.own_names = list(zoner._own_names)
        self.own_addresses = set(zoner._own_addresses)
        if len(recipients) == 1:  # what came to one mailbox only, and quotes that mailbox, quotes us
            self.own_addresses.add(recipients[0].address.casefold())
            if len(recipients[0].name) > 5:
                self.own_names.append(recipients[0].name.casefold())

    def _apply(self, marks: tuple[Mark, ...]) -> None:
        if not marks:
            return
        index = 0
        position = {}
        for number, line in enumerate(self.lines):
            if line.text:
                position[number] = line.start
        numbers = list(position)
        starts = [position[number] for number in numbers]
        from bisect import bisect_left

        for mark in marks[:500]:
            index = bisect_left(starts, mark.start)
            covered = []
            while index < len(starts) and starts[index] < mark.end:
                covered.append(numbers[index])
                index += 1
            if not covered:
                continue
            if mark.kind is MarkKind.QUOTE:
                for number in covered:
                    self.lines[number].depth += 1
            elif mark.kind is MarkKind.HEAD:
                self.heads.add(covered[0])
            else:
                self.signed.update(covered)

    # --- structure: other people's messages

    def structure(self) -> None:
        lines = self.lines
        depth_kinds: dict[int, ZoneKind] = {}
        rest: ZoneKind | None = None
        self._banner([number for number, line in enumerate(lines[:60]) if line.text and not line.depth])
        index = 0
        own_seen = False
        while index < len(lines):
            line = lines[index]
            if line.kind is not None or (not line.text and not line.raw.strip()):
                index += 1
                continue
            opener = self._opener(index, own_seen, rest is not None)
            if opener is not None:
                for number in range(index, opener.last + 1):
                    lines[number].kind = opener.kind
                depth = line.depth
                depth_kinds = {level: kind for level, kind in depth_kinds.items() if level <= depth}
                depth_kinds[depth + 1] = opener.kind
                if not opener.prefixed:
                    if depth == 0:
                        rest = opener.kind
                    else:
                        depth_kinds[depth] = opener.kind
                index = opener.last + 1
                continue
            if line.depth:
                above = lines[index - 1].kind if index and lines[index - 1].depth else None
                if not line.text and above is not None:
                    line.kind = above
                else:
                    known = [level for level in depth_kinds if level <= line.depth]
                    line.kind = depth_kinds[max(known)] if known else rest or ZoneKind.QUOTE
                    if len(depth_kinds) > 1:
                        depth_kinds = {level: kind for level, kind in depth_kinds.items() if level <= line.depth}
            elif rest is not None:
                line.kind = rest
            else:
                own_seen = True
            index += 1
        self._mend_wrapped_quotes()
        self._recognise_own()

    def _opener(self, index: int, own_seen: bool, in_rest: bool) -> _Opener | None:
        lines = self.lines
        line = lines[index]
        text = line.text
        marked = index in self.heads
        # Separators, with or without a header block below.
        following = self._next(index)
        separator: str | None = None
        if len(text) < 90:
            if self.z.cues["forwarded"].found(text):
                separator = "forwarded"
            elif self.z.cues["original"].found(text):
                separator = "original"
            elif _RULE_LINE.match(text) and len(text) >= 5 and following is not None:
                separator = "rule"
        if separator is not None and following is not None:
            block = self._header_block(following, separated=True)
            if block is not None:
                last, fields = block
                kind = ZoneKind.FORWARDED if separator == "forwarded" else self._kind_of(fields)
                return _Opener(last=last, kind=kind, prefixed=self._prefixed(last, line.depth))
            if separator != "rule":
                kind = ZoneKind.FORWARDED if separator == "forwarded" else self._kind_of({})
                return _Opener(last=index, kind=kind, prefixed=self._prefixed(index, line.depth))
            return None
        if ":" in text and index > self._memo:
            block = self._header_block(index, separated=marked or in_rest)
            if block is not None:
                last, fields = block
                if marked or own_seen or in_rest or line.depth or not self._is_memo(fields):
                    kind = self._kind_of(fields)
                    if not own_seen and not in_rest and kind is ZoneKind.QUOTE and not self.is_reply:
                        kind = ZoneKind.FORWARDED
                    return _Opener(last=last, kind=kind, prefixed=self._prefixed(last, line.depth))
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
        first = self.z.role(self.lines[index].text)
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
            found = self.z.role(line.text)
            if found is not None:
                if found[0] != "other" and found[0] in fields:
                    break
                fields[found[0]] = found[1]
                last, blanks = number, 0
            elif blanks:
                break
            elif _looks_like_field(line.text):
                other += 1
                if other > 1:
                    return None  # a form of the member's own, not a heading
            else:
                continued += 1
                if continued > 6 or fields.keys() >= {"from", "subject", "to"} or fields.keys() >= {"from", "subject", "date"}:
                    break
                last = number
        if "from" not in fields:
            return None
        has_date = _is_date(fields.get("date", ""), self.z._dates)
        has_address = _EMAIL.search(fields["from"]) is not None
        others = sum(role in fields for role in ("to", "subject")) + has_date
        needed = 1 if separated else 2 if has_date or has_address else 4
        if not fields["from"] or others < needed:
            return None
        return last, fields

    def _is_memo(self, fields: dict[str, str]) -> bool:
        """A heading that the sender wrote about this very message, at its top."""
        if _FORWARD_SUBJECT.match(self.envelope.subject) or _EMAIL.search(fields.get("from", "")) is not None:
            return False
        words = {_plain(word) for word in _WORD.findall(fields.get("from", "").translate(_FOLDED))}
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
        address = _EMAIL.search(folded)
        if address is not None and address[0] in self.own_addresses:
            return True
        if any(own in folded for own in self.own_addresses):
            return True
        return any(name in folded for name in self.own_names)

    def _intro(self, index: int, marked: bool) -> _Opener | None:
        """«On ... wrote:» and its sisters, on one line or wrapped over up to four."""
        lines = self.lines
        line = lines[index]
        text = line.text
        lowered = text[:20].casefold()
        opens = any(lowered.startswith(opener) and not lowered[len(opener) : len(opener) + 1].isalpha() for opener in self.z._openers)
        if not marked and not opens and not (text.rstrip("*_- ").endswith(":") or "@" in text or text[:1].isdigit() or self.z._wrote.search(text[-40:])):
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
            if not tail.endswith((":", "wrote", "\uff1a")):
                continue
            prefixed = self._prefixed(number, line.depth)
            if self._is_intro(joined, opens, prefixed, marked):
                kind = ZoneKind.OWN_QUOTE if self._is_ours(joined) else ZoneKind.QUOTE
                return _Opener(last=number, kind=kind, prefixed=prefixed)
        if marked:  # the HTML says so, whatever the language
            kind = ZoneKind.OWN_QUOTE if self._is_ours(text) else ZoneKind.QUOTE
            return _Opener(last=index, kind=kind, prefixed=self._prefixed(index, line.depth))
        return None

    def _is_intro(self, text: str, opens: bool, prefixed: bool, marked: bool) -> bool:
        if marked:
            return True
        wrote = self.z._wrote.search(text) is not None
        address = _EMAIL.search(text) is not None
        year, time = _YEAR.search(text) is not None, _TIME.search(text) is not None
        words = text.casefold().replace(".", " ").replace(",", " ").split()
        dated = year or time or any(word[:3] in self.z._dates or word in self.z._dates for word in words[:6])
        if prefixed:
            return (wrote and (opens or dated or address)) or (address and dated) or (wrote and len(words) <= 8) or (opens and year and time)
        if not (wrote or address):
            return False
        if wrote and address and (dated or opens):
            return True
        if address and ((year and time) or (wrote and len(words) <= 8)):
            return True
        return wrote and opens and (year or time if self.is_reply else year and time)

    def _mend_wrapped_quotes(self) -> None:
        """A quoted line that some program wrapped leaves its last words without a quote sign."""
        for index in range(1, len(self.lines) - 1):
            line, above, below = self.lines[index], self.lines[index - 1], self.lines[index + 1]
            if line.kind is None and line.text and above.depth and below.depth and above.text and below.text:
                room = 80 if len(above.text) >= 70 else 40
                if len(above.text) >= 60 and len(line.text) <= room and line.text[:1].islower() and above.text[-1] not in ".?!:;":
                    line.kind = above.kind

    def _recognise_own(self) -> None:
        """Quotes that hold our own lines are quotes of ours; pasted lines of ours are no own words."""
        if not self.z._own_lines:
            return
        index = 0
        lines = self.lines
        pasted: list[_Line] = []
        while index < len(lines):
            line = lines[index]
            if not line.text:
                index += 1
                continue
            if line.kind is None:
                if len(line.text) >= 20 and self.z.is_own_line(line.text):
                    pasted.append(line)
                index += 1
                continue
            block = []
            kind = line.kind
            while index < len(lines) and (not lines[index].text or lines[index].kind is kind):
                if lines[index].text:
                    block.append(lines[index])
                index += 1
            if kind in (ZoneKind.QUOTE, ZoneKind.OWN_QUOTE):
                ours = [len(item.text) >= 12 and self.z.is_own_line(item.text) for item in block]
                if kind is ZoneKind.QUOTE and sum(ours) * 2 >= len(block) and any(hit and len(item.text) >= 20 for item, hit in zip(block, ours, strict=True)):
                    kind = ZoneKind.OWN_QUOTE
                    for item in block:
                        item.kind = kind
                if kind is ZoneKind.OWN_QUOTE and sum(ours) >= 3:
                    self._answers(block, ours)
        if len(pasted) >= 3:
            for line in pasted:
                line.kind = ZoneKind.OWN_QUOTE

    def _answers(self, block: list[_Line], ours: list[bool]) -> None:
        """What stands unprefixed under a question of ours, and is none of our lines, was typed there.

        Items below a question are the choices that we offered, and a heading begins what we had understood:
        of all things those must not pass for the answer.
        """
        asked = direct = False
        previous: _Line | None = None
        for line, known in zip(block, ours, strict=True):
            parted = previous is None or self.body.count("\n", previous.end, line.start) > 1
            item = previous is not None and _ITEM.match(previous.raw) is not None
            previous = line
            if known or line.depth or line.text.endswith(":"):
                asked = direct = known and "?" in line.text
            elif asked and _ITEM.match(line.raw):
                direct = False
            elif asked and (direct or ((parted or not item) and not _looks_like_field(line.text))):
                line.kind, direct = ZoneKind.INLINE_ANSWER, True

    # --- the sender's words: banner, tagline, disclaimer, signature

    def own_words(self) -> None:
        lines = self.lines
        typed = [index for index, line in enumerate(lines) if line.kind is None and line.text]
        if not typed:
            return
        segments = self._segments()
        for number, segment in enumerate(segments):
            before_quote = number == 0 and len(segments) > 1
            if number == len(segments) - 1 or before_quote:
                self._tail(segment, alone=len(segments) == 1)
        for index in [*typed[:3], *typed[-14:]]:
            if lines[index].kind is None:
                self._tagline(index)
        quoted = [index for index, line in enumerate(lines) if line.kind in (ZoneKind.QUOTE, ZoneKind.OWN_QUOTE)]
        for segment in segments[1:]:
            if quoted and quoted[-1] > segment[-1]:
                for index in segment:
                    if lines[index].kind is None:
                        lines[index].kind = ZoneKind.INLINE_ANSWER

    def _segments(self) -> list[list[int]]:
        """Runs of the sender's lines, parted by other people's."""
        segments: list[list[int]] = []
        parted = True
        for index, line in enumerate(self.lines):
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

    def _banner(self, typed: list[int]) -> None:
        lines = self.lines
        more, word = self.z.cues["banner_more"], self.z.cues["banner_word"]

        def is_strong(text: str) -> bool:
            if len(text) > 600 or _is_letter(text):
                return False
            return self.z.cues["banner"].found(text) or (word.found(text) and (text.startswith(("[EXT", "[ext", "[Ext")) or more.found(text)))

        top = typed[:12]
        reach = 0  # lines of ``top`` that belong to the banner
        seen = False
        for position, index in enumerate(top):
            text = lines[index].text
            if is_strong(text):
                seen, reach = True, position + 1
                continue
            above = lines[top[position - 1]].text if position else ""
            adjacent = position == reach and position > 0
            if seen and adjacent and (_RULE_LINE.match(text) or (not _is_letter(text) and (more.found(text) or word.found(text)))):
                reach = position + 1
                continue
            together = adjacent and top[position - 1] == index - 1
            if seen and together and len(above) >= 55 and above[-1:] not in ".!?*]" and text[:1].islower():
                reach = position + 1
                continue
            may_begin = not seen and position < 3 and (more.found(text) or word.found(text) or _RULE_LINE.match(text))
            if not may_begin or not any(is_strong(lines[i].text) for i in top[position + 1 : position + 3]):
                break
        if reach < len(typed) or reach < sum(bool(line.text) for line in lines):
            for index in top[:reach]:
                lines[index].kind = ZoneKind.BANNER

    def _tagline(self, index: int) -> bool:
        """Label a line that a program adds, where it stands alone or at an edge of its paragraph."""
        lines = self.lines
        line = lines[index]
        if not line.text or len(line.text) > 140 or not self.z.cues["tagline"].found(line.text):
            return False
        if index and lines[index - 1].text and index + 1 < len(lines) and lines[index + 1].text:
            return False
        line.kind = ZoneKind.TAGLINE
        return True

    def _tail(self, segment: list[int], *, alone: bool) -> None:
        """Label what ends a segment of own lines: tagline, disclaimer, signature."""
        lines = self.lines
        own = list(segment)
        marked = [index for index in own if index in self.signed]
        if marked and (len(marked) < len(own) or all(self._weight(i) > -2 for i in own)) and sum(len(lines[i].text) for i in marked) < 1_500:
            for index in marked:
                lines[index].kind = self._kind_in_signature(index)
            own = [index for index in own if index not in self.signed]
        # What a program appended last goes first.
        own = [index for index in own if not (index in own[-14:] and self._tagline(index))]
        rules: list[int] = []
        while own:
            text = lines[own[-1]].text
            if _RULE_LINE.match(text) and len(own) > 1:
                rules.append(own.pop())
            else:
                break
        cut = self._delimited(own)
        if cut is None:
            shorter = self._disclaimers(own)
            while shorter[int(alone) :] and len(shorter) < len(own) and _RULE_LINE.match(lines[shorter[-1]].text):
                lines[shorter.pop()].kind = ZoneKind.DISCLAIMER
            own = shorter
            cut = self._formed(own)
        if cut is not None:
            for index in own[cut:]:
                lines[index].kind = self._kind_in_signature(index)
        for index in rules:
            above = next((lines[i].kind for i in range(index - 1, max(-1, index - 5), -1) if lines[i].text), None)
            lines[index].kind = ZoneKind.DISCLAIMER if above is ZoneKind.DISCLAIMER else ZoneKind.SIGNATURE

    def _kind_in_signature(self, index: int) -> ZoneKind:
        text = self.lines[index].text
        if len(text) < 140 and self.z.cues["tagline"].found(text):
            return ZoneKind.TAGLINE
        return ZoneKind.DISCLAIMER if self.z.cues["disclaimer"].found(text) else ZoneKind.SIGNATURE

    def _delimited(self, own: list[int]) -> int | None:
        """Position of the standard delimiter, where what follows may well be a signature."""
        for position in range(len(own) - 1, max(-1, len(own) - 40), -1):
            index = own[position]
            if not _DELIMITER.match(self.lines[index].text):
                continue
            after = own[position + 1 :]
            exact = self.lines[index].raw.rstrip("\r") == "-- "
            first = position
            while first and _DELIMITER.match(self.lines[own[first - 1]].text):
                first -= 1
            if exact and len(after) <= 30:
                return first
            prose = sum(self._weight(i) < 0 for i in after)
            named = bool(after) and _is_name_line(self.lines[after[0]].text, self.names)
            if after and len(after) <= 12 and (prose * 3 <= len(after) or (named and prose <= 2)):
                return first
        return None

    def _disclaimers(self, own: list[int]) -> list[int]:
        """Take disclaimers off the end; the paragraph they stand in goes with them."""
        lines = self.lines
        cue = self.z.cues["disclaimer"]
        own = list(own)
        while len(own) > 1:
            # the last paragraph, joined: cues may be split by a wrap
            start = len(own) - 1
            while start > 0 and own[start - 1] == own[start] - 1 and len(own) - start < 25:
                start -= 1
            hit = None
            for position in range(start, len(own)):
                text = lines[own[position]].text
                pair = text if position + 1 >= len(own) else f"{text} {lines[own[position + 1]].text}"[:LOOK]
                if cue.found(text) or (len(text) > 55 and cue.found(pair) and not (position + 1 < len(own) and cue.found(lines[own[position + 1]].text))):
                    hit = position
                    break
            if hit is None:
                return own
            # A wrapped disclaimer begins above its first cue.
            while hit > max(start, 1):
                above = lines[own[hit - 1]].text
                if len(above) < 60 or above[-1] in ".!?" or _is_name_line(above, self.names):
                    break
                hit -= 1
            if hit == 0:
                return own
            tail = own[hit:]
            if any(not cue.found(lines[i].text) and _is_letter(lines[i].text) and len(lines[i].text) < 45 for i in tail[1:]):
                return own
            for index in tail:
                lines[index].kind = ZoneKind.DISCLAIMER
            own = own[:hit]
        return own

    def _formed(self, own: list[int]) -> int | None:
        """Position where an undelimited signature begins, by its form: the best reason wins, then the earliest."""
        best: tuple[int, int] | None = None
        low = max(1, len(own) - 14)
        for position in range(len(own) - 1, low - 1, -1):
            ruled = _RULE_LINE.match(self.lines[own[position]].text) is not None
            if ruled or own[position - 1] != own[position] - 1:  # a rule, a blank line, or another's words, above
                reason = self._reason(own, position)
                if reason and (best is None or reason >= best[0]):
                    best = (reason, position)
        if best is None and own and self._follows_tagline(own[0]) and self._weight(own[0]) > -2 and _is_name_line(self.lines[own[0]].text, self.names):
            return 0  # nothing was typed at all
        return best[1] if best is not None else self._glued(own, low)

    def _reason(self, own: list[int], position: int) -> int:
        """How good a reason there is to see a signature from this line on; 0 for none."""
        lines = self.lines
        block = [lines[index].text for index in own[position:]]
        head, above = block[0], lines[own[position - 1]].text
        if _POSTSCRIPT.match(head) or self._closes(head):
            return 0
        signed = self._signed_above(own, position)
        name = _is_name_line(head, self.names) or (signed > 0 and _same_first(head, above))
        weights = [self._weight(index) for index in own[position:]]
        strong = sum(weight >= 2 for weight in weights)
        known = sum(weight >= 1 for weight in weights)
        if signed and name:
            # Below a typed name, a block headed by the full name is automatic, whatever mottoes it ends with.
            if sum(weight <= -2 for weight in weights) > 2 or self._speaks(own, position):
                return 0
            if len(block) == 1:
                return 4 if strong or (signed == 2 and (known or len(head) > len(above))) else 0
            return 4 if signed == 2 or known else 0
        if _RULE_LINE.match(head) and len(head) >= 5 and (signed or self._is_closing(above)):
            return 3 if known >= 2 else 0
        if any(weight <= -2 for weight in weights):
            return 0
        if signed:
            return 3 if weights[0] >= 1 and all(weight >= 0 for weight in weights) and (signed == 2 or known >= 2) else 0
        if name and self._is_closing(above):
            return 2 if strong or (len(block) >= 2 and known >= 2) or len(block) >= 4 else 0
        if name:
            return 1 if (strong and len(block) >= 2) or (len(block) >= 3 and known >= 2) else 0
        return 1 if strong >= 2 and weights[0] >= 1 and all(weight >= 0 for weight in weights) else 0

    def _signed_above(self, own: list[int], position: int) -> int:
        """Whether the sender has signed by hand before this line: 2 surely, 1 perhaps, 0 no."""
        lines = self.lines
        above = own[position - 1]
        if any(lines[index].kind is ZoneKind.TAGLINE for index in range(above + 1, own[position])):
            return 2  # a program has begun to append
        text = lines[above].text
        signed = self._signoff(text)
        if signed == 1 and position == 1:
            signed = 0  # a greeting
        if signed < 2:
            # «... see you there. Lewis»: a name at the end of the last sentence
            last = re.split(r"[.!?]\s", text[-120:])[-1]
            words = [_plain(word) for word in _WORD.findall(last)]
            if last != text and (self._signoff(last) == 2 or (len(words) <= 8 and sum(word in self.names for word in words) >= 2)):
                return 2
            last = text[-60:].rpartition(",")[2]
            if 0 < len(last.split()) <= 3 and self._signoff(last) == 2:
                return 2
        if signed < 2:
            # a typed name with a line or two of job and school below it, one paragraph up
            for number in range(position - 2, max(-1, position - 5), -1):
                if own[number] != own[number + 1] - 1:
                    break
                if self._signoff(lines[own[number]].text) == 2 and not self._closes(lines[own[number]].text):
                    return 2
        return signed

    def _follows_tagline(self, index: int) -> bool:
        for number in range(index - 1, max(-1, index - 5), -1):
            if self.lines[number].text:
                return self.lines[number].kind is ZoneKind.TAGLINE
        return False

    def _closes(self, text: str) -> bool:
        """Whether a line begins with a closing phrase."""
        lowered = [word.casefold() for word in _WORD.findall(text[:80])]
        return any(" ".join(lowered[:cut]) in self.z._closings for cut in range(1, min(5, len(lowered)) + 1))

    def _speaks(self, own: list[int], position: int) -> bool:
        """Whether a later paragraph of the block is a sentence of the sender's (a postscript)."""
        for number in range(position + 1, len(own)):
            if own[number - 1] != own[number] - 1:
                text = self.lines[own[number]].text
                habit = self.z.cues["habits"].found(text) or self.z.cues["disclaimer"].found(text)
                if _POSTSCRIPT.match(text) or (_PERSONAL.search(text) and not habit and not self._is_motto(text)):
                    return True
        return False

    def _glued(self, own: list[int], low: int) -> int | None:
        """A block that follows a typed name without a blank line, with a telephone or the like in it."""
        lines = self.lines
        for position in range(low, len(own) - 1):
            above = lines[own[position - 1]].text
            if own[position] != own[position - 1] + 1 or not self._signoff(above):
                continue
            weights = [self._weight(index) for index in own[position:]]
            if all(weight >= 0 for weight in weights) and sum(weight >= 2 for weight in weights) >= 1 and len(weights) >= 2:
                return position
        return None

    def _weight(self, index: int) -> int:
        """How much a line looks like one of a signature: 2 certainly, 1 likely, 0 may be, -1 hardly, -2 no."""
        if index not in self._weights:
            self._weights[index] = self._weigh(self.lines[index].text)
        return self._weights[index]

    def _weigh(self, text: str) -> int:
        if self.z.cues["habits"].found(text):
            return 1
        if self.z.cues["disclaimer"].found(text):
            return 1
        words = _WORD.findall(text)
        lowered = [word.casefold() for word in words]
        if text.endswith("?") and not self._is_motto(text):
            return -2
        contact = (
            ("0" in text and _PHONE.search(text))
            or ("." in text and _URL.search(text))
            or ("@" in text and _EMAIL.search(text))
            or (not text.isalpha() and _POSTCODE.search(text))
        )
        personal = _PERSONAL.search(text) is not None
        if contact and len(text) <= 140 and not personal:
            return 2 if len(words) <= 14 else 0
        label = text.partition(":")[0].casefold()
        if ":" in text and label in self.z._contacts and len(text) < 80:
            return 2
        if self._is_motto(text):
            return 1
        if len(text) > 140 or (personal and len(words) > 4):
            return -2
        if personal:
            return -1
        if _SEPARATED.search(text) or _PRONOUN.search(text):
            return 2
        if _HANDLE.search(text) and len(words) <= 8:
            return 1
        capitals = sum(word[0].isupper() for word in words)
        likely = any(word in self.z._titles for word in lowered) or any(word in self.z._places for word in lowered)
        if likely and len(words) <= 16 and capitals * 2 >= len(words) and not text.endswith(("?", "!")):
            return 1
        if text.endswith((".", "!")) and len(words) > 4 and capitals * 2 < len(words):
            return -2 if len(words) > 12 else -1
        if len(words) > 12:
            return -2
        return 0

    @staticmethod
    def _is_motto(text: str) -> bool:
        return len(text) <= 200 and text[:1] in "\"'\u201c\u2018\u00ab*" and len(text) > 12

    def _is_closing(self, text: str) -> bool:
        lowered = text.casefold().strip(" ,.!-*x:)(;\u2026")
        return lowered in self.z._closings or (lowered + " x").strip() in self.z._closings

    def _signoff(self, text: str) -> int:
        """2 for the sender's typed name (initials, a first name with kisses, behind a closing), 1 for any name, 0 for none."""
        stripped = _BRACKETED.sub("", text[:120]).rstrip(" ,.!)(\u2026*~-") or text[:120]
        words = _WORD.findall(stripped[:100])
        if not words or len(stripped) > 60 or self._is_closing(text):
            return 0
        lowered = [word.casefold() for word in words]
        while len(lowered) > 1 and set(lowered[-1]) == {"x"}:
            lowered.pop()
        for cut in range(min(5, len(words) - 1), 0, -1):
            if " ".join(lowered[:cut]) in self.z._closings:
                return self._named(lowered[cut:], words[cut:]) or int(len(lowered) == cut)
        if len(self.names) > 1 and self.names[-1] in lowered and len(words) <= 8 and all(word[0].isupper() or word in ("and", "agus") for word in words):
            return 2
        return self._named(lowered, words) if len(words) <= 5 else 0

    def _named(self, lowered: list[str], words: list[str]) -> int:
        if not lowered:
            return 0
        lowered = [_plain(word) for word in lowered]
        names = [*self.names, *self.local_names]
        hits = sum(any(_is_short_for(word, name) for name in names) for word in lowered)
        if hits and hits * 2 >= len(lowered):
            return 2
        initials = "".join(name[0] for name in self.names)
        compact = "".join(lowered)
        if len(compact) <= 4 and initials and (compact in initials or initials.startswith(compact)):
            return 2
        capital = all(word[0].isupper() for word in words)
        return int(capital and 1 <= len(words) <= 3 and not any(word in self.z._titles or word in self.z._places for word in lowered))

    # --- out

    def spans(self) -> tuple[Zone, ...]:
        zones: list[Zone] = []
        for line in self.lines:
            if line.end <= line.start:
                continue
            kind = line.kind or ZoneKind.OWN
            if zones and zones[-1].kind is kind:
                zones[-1] = Zone(kind=kind, start=zones[-1].start, end=line.end)
            else:
                zones.append(Zone(kind=kind, start=line.start, end=line.end))
        return tuple(zones)


def _is_short_for(word: str, name: str) -> bool:
    """«Cat» or «C» for Catriona, but also «Catherine-Anne» for Catherine."""
    if len(word) == 1 or len(name) < 3:
        return name.startswith(word)
    return name.startswith(word) or word.startswith(name)


def _lines(body: str) -> list[_Line]:
    lines: list[_Line] = []
    offset = 0
    for raw in body.split("\n"):
        stripped = raw.strip()
        start = offset + len(raw) - len(raw.lstrip()) if stripped else offset
        end = start + len(stripped)
        depth = 0
        text = raw
        signs = _QUOTE_SIGNS.match(raw)
        if signs is not None:
            depth = signs[0].count(">")
            text = raw[signs.end() :]
        lines.append(_Line(start=start, end=end, depth=depth, text=_fold(text), raw=raw))
        offset += len(raw) + 1
    return lines


def _looks_like_field(text: str) -> bool:
    name, colon, _ = text.partition(":")
    return bool(colon) and 0 < len(name) <= 25 and name[:1].isalpha() and "@" not in name and "<" not in name and len(name.split()) <= 3


def _is_date(value: str, dates: frozenset[str]) -> bool:
    if not value:
        return False
    words = value.casefold().replace(",", " ").split()
    return _YEAR.search(value) is not None or _TIME.search(value) is not None or any(word[:3] in dates for word in words[:3])


def _is_letter(text: str) -> bool:
    """Whether a line that holds a banner's words is a person's sentence all the same."""
    return re.search(r"(?<![\w'])(?:i|i'm|i've|we|we're|our|my)(?![\w'])", text, re.IGNORECASE) is not None


def _is_name_line(text: str, names: Sequence[str]) -> bool:
    """The sender's name, alone or with titles, letters, pronouns or a job around it."""
    words = _WORD.findall(text[:80])
    if not words or not names:
        return False
    plain = [_plain(word) for word in words[:6]]
    places = [place for place, word in enumerate(plain[:5]) if word in names]
    if not places:
        return False
    surname = names[-1]
    whole = len(places) >= 2 or (surname in plain[:5] and len(surname) > 1)
    alone = plain[0] == names[0] and (len(names) == 1 or len(words) <= 2)
    if not whole and not alone:
        return False
    if any(len(word) > 4 or _PERSONAL.fullmatch(word) or not word[0].isupper() for word in words[: places[0]]):
        return False
    last = words[places[-1]]
    remainder = text[text.find(last) + len(last) :].strip()
    if not remainder or remainder[0] in "|(/*\u00b7\u2022":
        return True
    following = _WORD.findall(remainder)
    if remainder[0] in ",-:.":
        return not following or sum(word[0].isupper() for word in following) * 2 >= len(following)
    return all(word[0].isupper() for word in following)


def _plain(word: str) -> str:
    """A name without case and accents: people drop them in one place and not in another."""
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _same_first(head: str, above: str) -> bool:
    """«Mairi Ross» below «Mairi»: a name line, though the From field names somebody else."""
    one, two = _WORD.findall(head[:60]), _WORD.findall(above[:60])
    return bool(one and two) and one[0] == two[-1 if len(two) > 1 and two[0] != one[0] else 0] and one[0][0].isupper() and len(one) >= 2 and one[1][0].isupper()
