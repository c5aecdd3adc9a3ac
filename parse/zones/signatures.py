"""Where an automatic signature begins: a delimiter, the HTML's word, or its form.

A job title under a typed name is worth less than an answer lost: without a good reason lines stay the
sender's own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from mailroom.model import ZoneKind
from parse.zones.additions import Additions
from parse.zones.lines import EMAIL, RULE_LINE, WORD, Line, looks_like_field
from parse.zones.people import PERSONAL, Sender, is_name_line, plain, same_first
from parse.zones.rules import ZoneRules

_PHONE = re.compile(r"(?<![\w.])(?:\+\d{1,3}[\s().-]{0,3}|\(?0)\d[\d\s().-]{6,18}\d")
_URL = re.compile(r"https?://\S{3}|www\.\S{3}|(?<![\w@])[\w-]{2,40}\.(?:sch|gov|ac|org|co)\.uk(?!\w)", re.IGNORECASE)
_POSTCODE = re.compile(r"(?<![A-Za-z0-9])[A-Z]{1,2}\d{1,2}[A-Z]?(?:\s\d[A-Z]{2})(?![A-Za-z0-9])|[,\s][A-Z]{1,2}\d{1,2}$")
_SEPARATED = re.compile(r"\s[|\u00b7\u2022/]{1,2}\s|\s{2,}[|\u00b7]\s{0,4}|[^\s/]\s?\|\s?[^\s]")
_HANDLE = re.compile(r"(?<!\w)[@#]\w{3,40}")
_PRONOUN = re.compile(r"\b(?:he/him|she/her|they/them|he/they|she/they)\b", re.IGNORECASE)
_POSTSCRIPT = re.compile(r"\s*(?:p\.?\s?p?\.?\s?s\b\.?|ps\b|nb\b|n\.b\.|edit:|update:|correction)", re.IGNORECASE)
_ROWS = 3  # of a form, so that no signature is meant
_DELIMITER = re.compile(r"\s*(?:--|\u2014|\u2013)\s*$")


class Signatures:
    """One body while what ends the sender's own words is being labelled."""

    def __init__(self, rules: ZoneRules, lines: Sequence[Line], sender: Sender, additions: Additions, signed: Collection[int]) -> None:
        self.rules, self.lines, self.sender, self.additions = rules, lines, sender, additions
        self.signed = signed  # lines that the HTML calls a signature
        self._weights: dict[int, int] = {}

    def tail(self, segment: list[int], *, alone: bool) -> None:
        """Label what ends a segment of own lines: tagline, disclaimer, signature."""
        lines = self.lines
        own = list(segment)
        marked = [index for index in own if index in self.signed]
        if marked and (len(marked) < len(own) or all(self._weight(i) > -2 for i in own)) and sum(len(lines[i].text) for i in marked) < 1_500:
            for index in marked:
                lines[index].kind = self._kind_in_signature(index)
            own = [index for index in own if index not in self.signed]
        # What a program appended last goes first.
        own = [index for index in own if not (index in own[-14:] and self.additions.tagline(index))]
        rules: list[int] = []
        while own:
            text = lines[own[-1]].text
            if RULE_LINE.match(text) and len(own) > 1:
                rules.append(own.pop())
            else:
                break
        cut = self._delimited(own)
        if cut is None:
            shorter = self.additions.disclaimers(own)
            while shorter[int(alone) :] and len(shorter) < len(own) and RULE_LINE.match(lines[shorter[-1]].text):
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
        if len(text) < 140 and self.rules.cues["tagline"].found(text):
            return ZoneKind.TAGLINE
        return ZoneKind.DISCLAIMER if self.rules.cues["disclaimer"].found(text) else ZoneKind.SIGNATURE

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
            named = bool(after) and is_name_line(self.lines[after[0]].text, self.sender.names)
            if after and len(after) <= 12 and (prose * 3 <= len(after) or (named and prose <= 2)):
                return first
        return None

    def _formed(self, own: list[int]) -> int | None:
        """Position where an undelimited signature begins, by its form: the best reason wins, then the earliest."""
        best: tuple[int, int] | None = None
        low = max(1, len(own) - 14)
        for position in range(len(own) - 1, low - 1, -1):
            ruled = RULE_LINE.match(self.lines[own[position]].text) is not None
            if ruled or own[position - 1] != own[position] - 1:  # a rule, a blank line, or another's words, above
                reason = self._reason(own, position)
                if reason and (best is None or reason >= best[0]):
                    best = (reason, position)
        if best is None and own and self._follows_tagline(own[0]) and self._weight(own[0]) > -2 and is_name_line(self.lines[own[0]].text, self.sender.names):
            return 0  # nothing was typed at all
        return best[1] if best is not None else self._glued(own, low)

    def _reason(self, own: list[int], position: int) -> int:
        """How good a reason there is to see a signature from this line on; 0 for none."""
        lines = self.lines
        block = [lines[index].text for index in own[position:]]
        head, above = block[0], lines[own[position - 1]].text
        if _POSTSCRIPT.match(head) or self.sender.closes(head) or (looks_like_field(head) and sum(map(self._answers, block)) >= _ROWS):
            return 0
        signed = self._signed_above(own, position)
        name = is_name_line(head, self.sender.names) or (signed > 0 and same_first(head, above))
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
        if RULE_LINE.match(head) and len(head) >= 5 and (signed or self.sender.is_closing(above)):
            return 3 if known >= 2 else 0
        if any(weight <= -2 for weight in weights):
            return 0
        if signed == 2 and self._follows_tagline(own[position]) and all(weight >= 0 for weight in weights):
            return 3
        if signed:
            return 3 if weights[0] >= 1 and all(weight >= 0 for weight in weights) and (signed == 2 or known >= 2) else 0
        if name and self.sender.is_closing(above):
            return 2 if strong or (len(block) >= 2 and known >= 2) or len(block) >= 4 else 0
        if name:
            card = strong and len(_SEPARATED.findall(head)) >= 2 and _PHONE.search(head) is not None
            return 1 if card or (strong and len(block) >= 2) or (len(block) >= 3 and known >= 2) else 0
        return 1 if strong >= 2 and weights[0] >= 1 and all(weight >= 0 for weight in weights) else 0

    def _answers(self, text: str) -> bool:
        """«What: a group of four», unlike «Tel: 01234 567890»: a row of a form that the sender filled in."""
        return looks_like_field(text) and text.partition(":")[0].strip().casefold() not in self.rules.contacts

    def _signed_above(self, own: list[int], position: int) -> int:
        """Whether the sender has signed by hand before this line: 2 surely, 1 perhaps, 0 no."""
        lines = self.lines
        above = own[position - 1]
        if any(lines[index].kind is ZoneKind.TAGLINE for index in range(above + 1, own[position])):
            return 2  # a program has begun to append
        text = lines[above].text
        signed = 0 if self._is_row(above) else self.sender.signoff(text)
        if signed == 1 and position == 1:
            signed = 0  # a greeting
        if signed < 2:
            # «... see you there. Lewis»: a name at the end of the last sentence
            last = re.split(r"[.!?]\s", text[-120:])[-1]
            words = [plain(word) for word in WORD.findall(last)]
            if last != text and (self.sender.signoff(last) == 2 or (len(words) <= 8 and sum(word in self.sender.names for word in words) >= 2)):
                return 2
            last = text[-60:].rpartition(",")[2]
            if 0 < len(last.split()) <= 3 and self.sender.signoff(last) == 2:
                return 2
        if signed < 2:
            # a typed name with a line or two of job and school below it, one paragraph up
            for number in range(position - 2, max(-1, position - 5), -1):
                if own[number] != own[number + 1] - 1:
                    break
                # (a name with pronouns or the like at it was not typed)
                if self.sender.signoff(lines[own[number]].text) == 2 and not self.sender.closes(lines[own[number]].text) and self._weight(own[number]) < 1:
                    return 2
        return signed

    def _follows_tagline(self, index: int) -> bool:
        for number in range(index - 1, max(-1, index - 5), -1):
            if self.lines[number].text:
                return self.lines[number].kind is ZoneKind.TAGLINE
        return False

    def _speaks(self, own: list[int], position: int) -> bool:
        """Whether a later paragraph of the block is a sentence of the sender's (a postscript)."""
        for number in range(position + 1, len(own)):
            if own[number - 1] != own[number] - 1:
                text = self.lines[own[number]].text
                habit = self.rules.cues["habits"].found(text) or self.rules.cues["disclaimer"].found(text)
                if _POSTSCRIPT.match(text) or (PERSONAL.search(text) and not habit and not self._is_motto(text)):
                    return True
        return False

    def _glued(self, own: list[int], low: int) -> int | None:
        """A block that follows a typed name without a blank line, with a telephone or the like in it."""
        lines = self.lines
        for position in range(low, len(own) - 1):
            above = lines[own[position - 1]].text
            if own[position] != own[position - 1] + 1 or self._is_row(own[position - 1]) or not self.sender.signoff(above):
                continue
            weights = [self._weight(index) for index in own[position:]]
            if all(weight >= 0 for weight in weights) and sum(weight >= 2 for weight in weights) >= 1 and len(weights) >= 2:
                return position
        return None

    def _is_row(self, index: int) -> bool:
        """Whether a line is a row of a form, «Surname | Hill», «Name: A Hill»: there the name was asked for, nobody signed."""
        line = self.lines[index]
        return "\t" in line.raw.strip() or _SEPARATED.search(line.text) is not None or looks_like_field(line.text)

    def _weight(self, index: int) -> int:
        """How much a line looks like one of a signature: 2 certainly, 1 likely, 0 may be, -1 hardly, -2 no."""
        if index not in self._weights:
            self._weights[index] = self._weigh(self.lines[index].text)
        return self._weights[index]

    def _weigh(self, text: str) -> int:
        if self.rules.cues["habits"].found(text):
            return 1
        if self.rules.cues["disclaimer"].found(text):
            return 1
        words = WORD.findall(text)
        lowered = [word.casefold() for word in words]
        if text.endswith("?") and not self._is_motto(text):
            return -2
        contact = (
            ("0" in text and _PHONE.search(text))
            or ("." in text and _URL.search(text))
            or ("@" in text and EMAIL.search(text))
            or (not text.isalpha() and _POSTCODE.search(text))
        )
        personal = PERSONAL.search(text) is not None
        if contact and len(text) <= 140 and not personal:
            return 2 if len(words) <= 14 else 0
        label = text.partition(":")[0].casefold()
        if ":" in text and label in self.rules.contacts and len(text) < 80:
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
        if len(words) <= 8 and capitals * 2 >= len(words) and not self.rules.letters.isdisjoint(words):
            return 2
        likely = any(word in self.rules.titles for word in lowered) or any(word in self.rules.places for word in lowered)
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
