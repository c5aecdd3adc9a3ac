"""The words of a text in which names are looked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailroom.model import Remembered
from parse.gazetteer.entries import Entry, Mention
from parse.schoolnames import Word

__all__ = ["Passage"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """A text and its words. ``lower``, ``upper``: written without capitals, or all in capitals."""

    text: str
    words: Sequence[Word]
    lower: bool
    upper: bool

    @classmethod
    def of(cls, text: str, words: Sequence[Word]) -> Passage:
        lower = not any(word.capital for word in words[1:]) if len(words) > 3 else False
        upper = not lower and sum(word.raw.isupper() for word in words) * 10 > 7 * len(words) and len(words) > 3
        return cls(text=text, words=words, lower=lower, upper=upper)

    def gap(self, left: int) -> str:
        """What stands between word ``left`` and the next."""
        return self.text[self.words[left].end : self.words[left + 1].start]

    def near(self, left: int) -> bool:
        """Whether word ``left`` and the next may belong to one name: nothing but space, hyphen or a dot between."""
        words = self.words
        gap = self.gap(left)
        if "\n" in gap:
            line = self.text.rfind("\n", 0, words[left].end) + 1
            return gap.strip(" -") == "\n" and words[left].end - line > 38
        if "." in gap and len(words[left].norm) > 4:
            return False  # the end of a sentence, not of an abbreviation
        return len(gap) < 5 and not gap.strip(" -.'") and " -" not in gap

    def goes_on(self, left: int) -> bool:
        """Whether word ``left`` has others before it in its line: «Robert Douglas⏎Memorial». A line of one word is a greeting or a signature."""
        line = self.text.rfind("\n", 0, self.words[left].end) + 1
        return self.words[left].start > line

    def opens(self, first: int) -> bool:
        """Whether word ``first`` begins a sentence or a line."""
        start = self.words[first].start
        return self.text[max(0, start - 80) : start].rstrip(" ")[-1:] in ("", ".", "!", "?", "\n")

    def mention(
        self,
        first: int,
        last: int,
        *,
        kind: str,
        rule: str,
        core: tuple[str, ...],
        entries: tuple[Entry, ...] = (),
        forms: frozenset[str] = frozenset(),
        weak: bool = False,
        opens: int | None = None,
        remembered: tuple[Remembered, ...] = (),
    ) -> Mention:
        """The words ``[first, last)`` as a mention; ``opens``: the word at which its text begins, where that is not the first."""
        start, end = self.words[first if opens is None else opens].start, self.words[last - 1].end
        text = self.text[start:end]
        return Mention(
            first=first,
            last=last,
            start=start,
            end=end,
            kind=kind,
            rule=rule,
            entries=entries,
            core=core,
            forms=forms,
            text=text,
            weak=weak,
            remembered=remembered,
        )
