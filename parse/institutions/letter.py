"""One message as the reading of institutions sees it: its texts with the names in them, and what it says as a whole.

Promise: mentions are bounded, over the whole message, by the limits in programme data.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

from mailroom.model import ParsedMessage
from parse.authorities import Alias
from parse.gazetteer import Entry, Mention
from parse.gazetteer.wordlists import GAELIC_LEVELS
from parse.institutions.rules import InstitutionRules
from parse.schoolnames import Word, words
from parse.textview import TextView

__all__ = ["OF_LECTURERS", "PASSED_OVER", "POSSESSIVE", "STAGE", "WEIGHT", "Council", "Found", "Letter", "Place", "Text"]


@dataclass(kw_only=True)
class Text:
    """A view with what was found in it."""

    view: TextView
    zone: str  # own, subject, signature, attachment, forwarded, quote
    order: int
    words: list[Word]
    starts: list[int]
    mentions: list[Mention] = field(default_factory=list)
    councils: list[Council] = field(default_factory=list)

    @cached_property
    def sentences(self) -> tuple[tuple[int, int], ...]:
        """First character, and the one after the last, of each sentence."""
        return tuple((start, start + len(text)) for text, start in self.view.sentence_texts)

    @cached_property
    def sentence_starts(self) -> list[int]:
        return [start for start, _ in self.sentences]

    @cached_property
    def lower(self) -> bool:
        """Whether most sentences begin with a small letter, as on a telephone."""
        first = [self.view.folded[start : start + 1] for start, _ in self.sentences]
        return 2 * sum(letter.isupper() for letter in first) <= len(first)

    @cached_property
    def tokens(self) -> list[int]:
        return self.view.token_starts

    @property
    def council_words(self) -> set[int]:
        """The words that are part of a council's or a town's name."""
        return {index for council in self.councils for index in range(council.first, council.last)}

    def sentence(self, at: int) -> int:
        return max(0, bisect_right(self.sentence_starts, at) - 1)

    def opens(self, at: int) -> bool:
        """Whether a sentence begins at this character."""
        return at in self.sentence_starts

    def word_at(self, character: int) -> int:
        return bisect_left(self.starts, character)


@dataclass(frozen=True, kw_only=True)
class Council:
    """A mention of a council or of a town."""

    first: int
    last: int
    start: int
    end: int
    alias: Alias
    text: str


@dataclass(kw_only=True)
class Found:
    """A mention with its standing."""

    text: Text
    mention: Mention
    role: str
    cue: str
    group: int  # mentions told in one breath («X Primary and Y Academy») share it
    head: bool = False
    listed: bool = False  # a line of a list of schools
    paired: bool = False  # joined by «and» to a school that is named in full
    seat: str = ""  # whether the words around tell of those who do the research there: "seat", or "group" where their deeds are told elsewhere
    answer: bool = False  # a name in short that our own letter, quoted below, has in full
    near: tuple[str, ...] = ()  # councils written right beside it
    sure: tuple[str, ...] = ()  # those of ``near`` that are written as councils, not as towns or initials
    towns: tuple[str, ...] = ()
    doubtful: tuple[Entry, ...] = ()  # listed schools that a misspelling may mean
    spellings: tuple[str, ...] = ()  # where no list knows the name: other ways to spell it that are as likely

    @property
    def sentence(self) -> tuple[int, int]:
        """(number of the text, number of the sentence in it) that the mention stands in."""
        return self.text.order, self.text.sentence(self.mention.start)

    @property
    def word_before(self) -> str:
        """The norm of the word before the mention, or ""."""
        return self.text.words[self.mention.first - 1].norm if self.mention.first else ""

    @property
    def bracketed(self) -> bool:
        """Whether the name is all that a bracket holds."""
        folded = self.text.view.folded
        return folded[max(0, self.mention.start - 1) : self.mention.start] == "(" and folded.startswith(")", self.mention.end)


@dataclass(kw_only=True)
class Place:
    """A council with its standing."""

    text: Text
    council: Council
    role: str
    attached: bool  # to an institution


_ZONES = {
    "own": "own",
    "inline_answer": "own",
    "subject": "subject",
    "signature": "signature",
    "forwarded": "forwarded",
    "quote": "quote",
    "own_quote": "quote",
}
OF_LECTURERS = ("institution.initials", "institution.campus")  # rules that name a college only where a lecturer writes
POSSESSIVE = ("'s", "s'", "\u2019s", "s\u2019")  # «Elmbank's»: how a mention of a school ends that is told something of
PASSED_OVER = ("home", "former", "other", "denied")  # roles that say: not the member's own
WEIGHT = {"own": 4, "subject": 3, "signature": 2, "attachment": 2}
_SHORT = 3  # letters of «and», «of», «the»
STAGE = re.compile(r"(?:class |stage )?([ps])[1-7](?:[ps]?[1-7])?s?")


class Letter:
    """The texts of one message, with the institutions that they name; their councils come from ``councils``."""

    def __init__(
        self, rules: InstitutionRules, parsed: ParsedMessage, views: Sequence[TextView], *, without: Collection[int] = (), forwarded: bool = False
    ) -> None:
        """``without``: remembered aliases that are not to count. ``forwarded``: what is passed on is the member's own, and the covering note is not."""
        self.rules, self.parsed = rules, parsed
        self.gazetteer, self.authorities = rules.gazetteer, rules.authorities
        self._words = rules.gazetteer.vocabulary.words
        names = [parsed.sender.name] if parsed.sender else []
        self.sender_words = {word.norm for name in names for word in words(name)}
        self.texts: list[Text] = []
        budget = rules.limits["mentions"]
        room = rules.limits["characters"]
        for order, view in enumerate(views):
            zone = "attachment" if view.where.startswith("attachment:") else _ZONES.get(str(view.where), "")
            if forwarded and zone in ("own", "subject", "signature", "forwarded"):
                zone = "own" if zone == "forwarded" else ""
            if not zone or (zone == "attachment" and view.where.lower().endswith(".ics")):
                continue
            folded = view.folded[:room]
            room -= len(folded)
            found = words(folded)
            text = Text(view=view, zone=zone, order=order, words=found, starts=[word.start for word in found])
            if budget > 0 and found:
                text.mentions = self.gazetteer.scan(folded, found, limit=budget, without=without)
                budget -= len(text.mentions)
                text.mentions = [self._without_sender(text, mention) if mention.kind == "unlisted" else mention for mention in text.mentions]
            self.texts.append(text)

    def _without_sender(self, text: Text, mention: Mention) -> Mention:
        """«Jo Baxter Ashmuir Academy»: the member's full name is no part of a school's that no list has."""
        core = mention.core
        if (
            len(core) < 3
            or not self.sender_words.issuperset(core[:2])
            or len(self.sender_words) < 2
            or [w.norm for w in text.words[mention.first :][:2]] != [*core[:2]]
        ):
            return mention
        word = text.words[mention.first + 2]
        return replace(mention, first=mention.first + 2, start=word.start, core=core[2:], text=text.view.folded[word.start : mention.end])

    @cached_property
    def said(self) -> frozenset[str]:
        """What the message as a whole says: «joint» (several schools as one project), «proxy» (written for somebody else).

        Joint work counts as «joint»; «joint-work» stands beside it where nothing else says so, because it is perhaps one school's.
        """
        said = {hit.phrase.label for text in self.texts if text.zone in ("own", "subject") for hit in self.rules.cues["message"].find(text.view)}
        return frozenset(said - {"joint-work"} if "joint" in said else said | ({"joint"} if "joint-work" in said else set()))

    @property
    def of_several(self) -> bool:
        """Whether more than joint work is said: that several schools, and not only colleagues, are at it together."""
        return "joint" in self.said and "joint-work" not in self.said

    @cached_property
    def asked_for_school(self) -> bool:
        """Whether a letter that is quoted asks which school or college it is."""
        return any(next(iter(self.rules.cues["quote"].find(text.view)), None) is not None for text in self.texts if text.zone == "quote")

    @cached_property
    def campuses(self) -> frozenset[tuple[str, ...]]:
        """Places of the colleges that are named: «our team at Langside», signed with the college."""
        return frozenset(
            place for text in self.texts if text.zone in WEIGHT for mention in text.mentions for entry in mention.entries for place in entry.campuses
        )

    @cached_property
    def tells_of_school(self) -> bool:
        """Whether there is talk of pupils, so that a name that a school shares with a college is the school's."""
        return bool(self.stage) or any(word.norm in self._words["of_schools"] for text in self.texts if text.zone in WEIGHT for word in text.words)

    @cached_property
    def _norms(self) -> frozenset[str]:
        return frozenset(word.norm for text in self.texts if text.zone in WEIGHT for word in text.words)

    @cached_property
    def lecturer(self) -> bool:
        """Whether there is a word of colleges anywhere, so that initials may be a college's."""
        return not (self._norms.isdisjoint(self._words["lecturers"]) and self._norms.isdisjoint(self._words["of_colleges"]))

    def may_name_college(self, mention: Mention) -> bool:
        """Whether initials or a place name a college: «FVC» of a lecturer or beside «Forth Valley», «SLC» where no school of that council is named."""
        if mention.kind != "college" or mention.rule not in OF_LECTURERS:
            return True
        alias = self.authorities.aliases.get(mention.core)
        if alias is None:
            spelt = {word.norm for entry in mention.entries for word in words(entry.label) if len(word.norm) > _SHORT} - {"college"}
            return self.lecturer or (len(mention.core) == 1 and spelt <= self._norms)
        return self.lecturer and self._councils_of_schools.isdisjoint(alias.councils)

    @cached_property
    def _councils_of_schools(self) -> frozenset[str]:
        """The councils of the schools that are named in full."""
        named = (mention for text in self.texts if text.zone in WEIGHT for mention in text.mentions if mention.kind == "school")
        return frozenset(entry.authority for mention in named for entry in mention.entries)

    @cached_property
    def only_lecturer(self) -> bool:
        """Whether a lecturer writes who says nothing of a school, so that «at Langside» is the college there."""
        return (
            not self._norms.isdisjoint(self._words["lecturers"])
            and self._norms.isdisjoint(("primary", "secondary", "nursery", "school", "academy"))
            and not self.stage
        )

    @cached_property
    def department(self) -> str:
        """primary or secondary: the end of the building that the member says to be in."""
        cues = self.rules.cues["stage"]
        said = {hit.phrase.label for text in self.texts if text.zone in ("own", "subject", "signature") for hit in cues.find(text.view)}
        levels = [level for level in ("primary", "secondary") if level in said and f"not-{level}" not in said]
        return levels[0] if len(levels) == 1 else ""

    @cached_property
    def stage(self) -> str:
        """primary or secondary, where the member says so, or the classes told of are all of one kind."""
        if self.department:
            return self.department
        levels: set[str] = set()
        for text in self.texts:
            if text.zone in ("own", "subject", "signature"):
                for word in text.words:
                    if match := STAGE.fullmatch(word.norm):
                        levels.add("primary" if match[1] == "p" else "secondary")
                levels |= {  # «san àrd-sgoil»
                    GAELIC_LEVELS[one.norm] for one, other in pairwise(text.words) if one.norm in GAELIC_LEVELS and other.norm == "sgoil" and not one.capital
                }
                levels |= {
                    one.norm for one, other in pairwise(text.words) if one.norm in ("primary", "secondary") and other.norm in ("teacher", "teachers", "sector")
                }
        return next(iter(levels)) if len(levels) == 1 else ""

    def of_stage(self, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        if not self.stage:
            return entries
        fitting = tuple(entry for entry in entries if entry.level == self.stage)
        return fitting or tuple(entry for entry in entries if entry.name and self.stage in entry.name.forms) or entries  # a special school's secondary

    def is_town(self, core: tuple[str, ...]) -> bool:
        """Whether a name is that of a town that is more than its school."""
        alias = self.authorities.aliases.get(core)
        return alias is not None and not alias.village

    @cached_property
    def named(self) -> frozenset[tuple[str, ...]]:
        """The names that stand somewhere with the word for the kind of school."""
        return frozenset(mention.core for text in self.texts if text.zone in WEIGHT for mention in text.mentions if mention.kind != "bare")
