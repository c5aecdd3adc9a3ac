"""The sender as a person: how the name is typed below a letter, and how it heads a signature."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from parse.zones.lines import FOLDED, WORD, Envelope
from parse.zones.rules import ZoneRules

_BRACKETED = re.compile(r"\s?\([^()]{0,80}\)")
PERSONAL = re.compile(r"(?<![\w'/])(?:I|(?i:i'm|i've|i'd|i'll|we|we're|we've|we'd|we'll|you|your|me|my|us|our|please|thanks|thank))(?![\w'/])")


class Sender:
    """Names of who sent the message, by the From field."""

    def __init__(self, rules: ZoneRules, envelope: Envelope) -> None:
        self.rules = rules
        name = envelope.sender.name if envelope.sender else ""
        self.names = [plain(word) for word in WORD.findall(name.translate(FOLDED))]
        local = envelope.sender.local_part if envelope.sender else ""
        self.local_names = {word.casefold() for word in WORD.findall(local) if len(word) > 2}

    def is_closing(self, text: str) -> bool:
        lowered = text.casefold().strip(" ,.!-*x:)(;\u2026")
        return lowered in self.rules.closings or (lowered + " x").strip() in self.rules.closings

    def closes(self, text: str) -> bool:
        """Whether a line begins with a closing phrase."""
        lowered = [word.casefold() for word in WORD.findall(text[:80])]
        return any(" ".join(lowered[:cut]) in self.rules.closings for cut in range(1, min(5, len(lowered)) + 1))

    def signoff(self, text: str) -> int:
        """2 for the sender's typed name (initials, a first name with kisses, behind a closing), 1 for any name, 0 for none."""
        stripped = _BRACKETED.sub("", text[:120]).rstrip(" ,.!)(\u2026*~-") or text[:120]
        words = WORD.findall(stripped[:100])
        if not words or len(stripped) > 60 or self.is_closing(text):
            return 0
        lowered = [word.casefold() for word in words]
        while len(lowered) > 1 and set(lowered[-1]) == {"x"}:
            lowered.pop()
        for cut in range(min(5, len(words) - 1), 0, -1):
            if " ".join(lowered[:cut]) in self.rules.closings:
                return self._named(lowered[cut:], words[cut:]) or int(len(lowered) == cut)
        if len(self.names) > 1 and self.names[-1] in lowered and len(words) <= 8 and all(word[0].isupper() or word in ("and", "agus") for word in words):
            return 2
        return self._named(lowered, words) if len(words) <= 5 else 0

    def _named(self, lowered: list[str], words: list[str]) -> int:
        if not lowered:
            return 0
        lowered = [plain(word) for word in lowered]
        names = [*self.names, *self.local_names]
        hits = sum(any(_is_short_for(word, name) for name in names) for word in lowered)
        if hits and hits * 2 >= len(lowered):
            return 2
        initials = "".join(name[0] for name in self.names)
        compact = "".join(lowered)
        if len(compact) <= 4 and initials and (compact in initials or initials.startswith(compact)):
            return 2
        capital = all(word[0].isupper() for word in words)
        return int(capital and 1 <= len(words) <= 3 and not any(word in self.rules.titles or word in self.rules.places for word in lowered))


def _is_short_for(word: str, name: str) -> bool:
    """«Cat» or «C» for Catriona, but also «Catherine-Anne» for Catherine."""
    if len(word) == 1 or len(name) < 3:
        return name.startswith(word)
    return name.startswith(word) or word.startswith(name)


def is_name_line(text: str, names: Sequence[str]) -> bool:
    """The sender's name, alone or with titles, letters, pronouns or a job around it."""
    words = WORD.findall(text[:80])
    if not words or not names:
        return False
    bare = [plain(word) for word in words[:6]]
    places = [place for place, word in enumerate(bare[:5]) if word in names]
    if not places:
        return False
    surname = names[-1]
    whole = len(places) >= 2 or (surname in bare[:5] and len(surname) > 1)
    alone = bare[0] == names[0] and (len(names) == 1 or len(words) <= 2)
    if not whole and not alone:
        return False
    if any(len(word) > 4 or PERSONAL.fullmatch(word) or not word[0].isupper() for word in words[: places[0]]):
        return False
    last = words[places[-1]]
    remainder = text[text.find(last) + len(last) :].strip()
    if not remainder or remainder[0] in "|(/*\u00b7\u2022":
        return True
    following = WORD.findall(remainder)
    if remainder[0] in ",-:.":
        return not following or sum(word[0].isupper() for word in following) * 2 >= len(following)
    return all(word[0].isupper() for word in following)


def plain(word: str) -> str:
    """A name without case and accents: people drop them in one place and not in another."""
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def same_first(head: str, above: str) -> bool:
    """«Mairi Ross» below «Mairi»: a name line, though the From field names somebody else."""
    one, two = WORD.findall(head[:60]), WORD.findall(above[:60])
    return bool(one and two) and one[0] == two[-1 if len(two) > 1 and two[0] != one[0] else 0] and one[0][0].isupper() and len(one) >= 2 and one[1][0].isupper()
