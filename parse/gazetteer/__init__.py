"""All names of schools and colleges, and where a text has one of them.

Finding is one step and choosing is another: ``Gazetteer.scan`` gives every mention with all listed
schools that it may mean, and names that are in no list but have the form of a school's name. Which of
them is the member's own is decided in ``parse.institutions``.

Promise: work grows linearly with the text, whatever is in it: one look-up per word in a table of word
sequences (``index``), no pattern per name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from copy import copy
from typing import Self

from mailroom.model import Remembered
from parse.gazetteer.campuses import Campuses
from parse.gazetteer.entries import College, Entry, Mention, Vocabulary, load_colleges
from parse.gazetteer.index import Index
from parse.gazetteer.listed import ListedNames
from parse.gazetteer.misspelt import Misspelt
from parse.gazetteer.passage import Passage
from parse.gazetteer.remembered import RememberedNames
from parse.gazetteer.unlisted import UnlistedNames
from parse.gazetteer.wordlists import GAELIC, PLURAL
from parse.schoolnames import School, Word

__all__ = ["College", "Entry", "Gazetteer", "Mention", "School", "Vocabulary", "load_colleges"]

_ADDRESS = re.compile(r"(?:@|://|www\.)[\w.-]*\Z")  # searched in the 60 characters before a word


class Gazetteer(Index):
    """Listed schools and colleges, and names with the form of one, in a text."""

    def __init__(self, schools: Sequence[School], colleges: Sequence[College], vocabulary: Vocabulary) -> None:
        super().__init__(schools, colleges, vocabulary)
        self.listed = ListedNames(self)
        self.unlisted = UnlistedNames(self, self.listed)
        self.campus_names = Campuses(self)
        self.misspelt = Misspelt(self)
        self.remembered = RememberedNames(self, self.listed)

    def remembering(self, aliases: Sequence[Remembered]) -> Self:
        """The same names, and these. The tables are shared."""
        other = copy(self)
        other.remembered = RememberedNames(self, self.listed, aliases)
        return other

    def scan(self, text: str, words: Sequence[Word], *, limit: int, without: Collection[int] = ()) -> list[Mention]:
        """Every mention in reading order; mentions do not overlap. ``without``: remembered aliases that do not hold here."""
        mentions: list[Mention] = []
        passage = Passage.of(text, self._put_right(words))
        found = passage.words
        free = 0  # the first word behind the last name with a form: no name begins before it
        index, count = 0, len(found)
        while index < count and len(mentions) < limit:
            mention = self._address_at(passage, index) or self.listed.at(passage, index, free) or self._initials_at(passage, index)
            if (taught := self.remembered.at(passage, index, free, without)) is not None and not _outdoes(mention, taught):
                mention = taught
            form = self.form(found[index].norm)
            mention = mention or self.campus_names.at(passage, index)
            if mention is None and (form or found[index].norm in GAELIC):
                mention = self.unlisted.at(passage, index, free)
            if mention is None and found[index].norm in PLURAL and (several := self.listed.several(passage, index)):
                while mentions and mentions[-1].last > several[0].first:
                    mentions.pop()
                mentions += several
                index = free = index + 1
                continue
            if mention is None and form:
                mention = self.listed.of_town(passage, index)
            if mention is None:
                index += 1
                continue
            while mentions and mentions[-1].last > mention.first:
                mentions.pop()
            mentions.append(mention)
            index = mention.last
            free = free if mention.kind == "bare" else mention.last
        return self._in_short(passage, mentions, limit)

    def _in_short(self, passage: Passage, mentions: list[Mention], limit: int) -> list[Mention]:
        """With the names of schools of no list where they are only repeated: «I'm at Ashmuir Academy ... leave Ashmuir out»."""
        vocabulary = self.vocabulary
        full = {mention.core for mention in mentions if mention.kind == "unlisted" and not mention.entries}
        full -= {core for core in full if core in vocabulary.towns or core in vocabulary.councils or all(norm in vocabulary.never_bare for norm in core)}
        if not full or passage.lower or passage.upper:
            return mentions
        found, firsts = passage.words, {core[0] for core in full}
        taken = {index for mention in mentions for index in range(mention.first, mention.last)}
        again = [
            passage.mention(index, index + len(core), kind="bare", rule="institution.bare", entries=(), core=core)
            for index, word in enumerate(found)
            if word.norm in firsts and word.capital
            for core in full
            if tuple(one.norm for one in found[index : index + len(core)]) == core and taken.isdisjoint(range(index, index + len(core)))
        ]
        return sorted([*mentions, *again[: max(0, limit - len(mentions))]], key=lambda mention: mention.first)

    def _address_at(self, passage: Passage, index: int) -> Mention | None:
        """«office@ashmuirprimary.example», «www.ashmuirprimary.example»."""
        word = passage.words[index]
        if word.norm not in self.addresses or not _ADDRESS.search(passage.text, max(0, word.start - 60), word.start):
            return None
        entries = tuple(self.addresses[word.norm])
        return passage.mention(index, index + 1, kind="school", rule="institution.address", entries=entries, core=(word.norm,))

    def _initials_at(self, passage: Passage, index: int) -> Mention | None:
        word = passage.words[index]
        if word.norm not in self.initials or not word.raw.isupper() or passage.upper or word.norm in self.vocabulary.never_named:
            return None
        entries = tuple(self.initials[word.norm])
        return passage.mention(index, index + 1, kind="initials", rule="institution.initials", entries=entries, core=(word.norm,))

    def _put_right(self, found: Sequence[Word]) -> Sequence[Word]:
        """«Wick Hihg School»: a slip in a word too short to be told by itself; «Wick High's library»."""
        for index in range(1, len(found)):
            if found[index].norm in PLURAL and "'" in found[index].raw:
                found = [*found[:index], found[index]._replace(norm=found[index].norm.removesuffix("s")), *found[index + 1 :]]
            word = found[index - 1]
            if found[index].norm == "school" and word.norm not in self.forms.words and self.is_high(word.norm):
                found = [*found[: index - 1], word._replace(norm="high"), *found[index:]]
        return found


def _outdoes(mention: Mention | None, taught: Mention) -> bool:
    """Whether a listed name, written in full, stands where a remembered one begins."""
    return mention is not None and mention.rule == "institution.exact" and mention.kind in ("school", "college") and mention.last >= taught.last
