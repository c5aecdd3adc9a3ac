"""What machines add to a message: a gateway's banner, a client's tagline, an organisation's disclaimer."""

from __future__ import annotations

from collections.abc import Sequence

from mailroom.model import ZoneKind
from parse.cues import LOOK
from parse.zones.lines import RULE_LINE, Line, is_letter
from parse.zones.people import Sender, is_name_line
from parse.zones.rules import ZoneRules


class Additions:
    """One body while what was added by machines is being labelled."""

    def __init__(self, rules: ZoneRules, lines: Sequence[Line], sender: Sender) -> None:
        self.rules, self.lines, self.sender = rules, lines, sender

    def banner(self, typed: list[int]) -> None:
        lines = self.lines
        more, word = self.rules.cues["banner_more"], self.rules.cues["banner_word"]

        def is_strong(text: str) -> bool:
            if len(text) > 600 or is_letter(text):
                return False
            return self.rules.cues["banner"].found(text) or (word.found(text) and (text.startswith(("[EXT", "[ext", "[Ext")) or more.found(text)))

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
            if seen and adjacent and (RULE_LINE.match(text) or (not is_letter(text) and (more.found(text) or word.found(text)))):
                reach = position + 1
                continue
            together = adjacent and top[position - 1] == index - 1
            if seen and together and len(above) >= 55 and above[-1:] not in ".!?*]" and text[:1].islower():
                reach = position + 1
                continue
            may_begin = not seen and position < 3 and (more.found(text) or word.found(text) or RULE_LINE.match(text))
            if not may_begin or not any(is_strong(lines[i].text) for i in top[position + 1 : position + 3]):
                break
        if reach < len(typed) or reach < sum(bool(line.text) for line in lines):
            for index in top[:reach]:
                lines[index].kind = ZoneKind.BANNER

    def tagline(self, index: int) -> bool:
        """Label a line that a program adds, where it stands alone or at an edge of its paragraph."""
        lines = self.lines
        line = lines[index]
        if not line.text or len(line.text) > 140 or not self.rules.cues["tagline"].found(line.text):
            return False
        if index and lines[index - 1].text and index + 1 < len(lines) and lines[index + 1].text:
            return False
        line.kind = ZoneKind.TAGLINE
        return True

    def disclaimers(self, own: list[int]) -> list[int]:
        """Take disclaimers off the end; the paragraph they stand in goes with them."""
        lines = self.lines
        cue = self.rules.cues["disclaimer"]
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
                if len(above) < 60 or above[-1] in ".!?" or is_name_line(above, self.sender.names):
                    break
                hit -= 1
            if hit == 0:
                return own
            tail = own[hit:]
            if any(not cue.found(lines[i].text) and is_letter(lines[i].text) and len(lines[i].text) < 45 for i in tail[1:]):
                return own
            for index in tail:
                lines[index].kind = ZoneKind.DISCLAIMER
            own = own[:hit]
        return own
