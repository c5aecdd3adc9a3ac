"""Names without the word for the kind of school, and initials: where they mean the school."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from parse.institutions.letter import STAGE, Found, Letter

__all__ = ["BareNames"]


class BareNames:
    """``BareNames(letter).count(found, alone=True)``; what counts is narrowed to the schools that fit."""

    def __init__(self, letter: Letter) -> None:
        self.letter = letter
        self.counted: set[int] = set()  # groups that hold a name without its form that counts

    def count(self, found: Found, *, alone: bool) -> bool:
        """Whether a name without its form means the school: «at Gourdon», «P5, Gourdon», «Gourdon, Aberdeenshire», «Gourdon here».

        ``alone``: no school is named in full. A town is only a school behind «at» or where a class stands before it.
        """
        mention = found.mention
        vocabulary = self.letter.gazetteer.vocabulary
        if mention.core in vocabulary.councils or not (found.text.words[mention.first].capital or found.text.lower or len(mention.core) > 1):
            return False
        if found.listed and found.text.zone == "own":
            return True
        if found.paired and not all(norm in vocabulary.never_bare for norm in mention.core):
            return True
        fitting = self.letter.of_stage(mention.entries)
        beside = [entry for entry in fitting if entry.authority in (*found.near, *found.towns)]
        if len({entry.label for entry in beside}) == 1 and found.near:
            fitting = tuple(beside)
        single = len({entry.label for entry in fitting}) == 1
        if found.cue == "institution.member.label" and single:
            found.mention = replace(mention, entries=fitting)
            return found.text.zone in ("own", "attachment")
        words, folded = found.text.words, found.text.view.folded
        if mention.last < len(words):
            follows = words[mention.last]
            gap = folded[mention.end : follows.start]
            if gap == " " and follows.capital and not follows.raw.isupper() and (follows.norm,) not in self.letter.authorities.aliases:
                return False  # «Calderwood Loddge» is more than Calderwood
        if found.text.zone != "own":
            return False
        before = words[mention.first - 1] if mention.first else None
        gap = folded[before.end : mention.start] if before is not None else ""
        norm = before.norm if before is not None else ""
        if gap == "-" or norm in ("nan", "nam", "an", "na"):
            return False  # the end of a longer name
        town = mention.core in self.letter.authorities.aliases
        introduced = gap.strip(" ") == "," and single and (bool(STAGE.fullmatch(norm)) or norm in self.letter.sender_words)
        introduced = introduced or (norm in ("is", "still", "now") and found.cue == "institution.member.school-is")
        here = found.cue == "institution.member.here" or (mention.last < len(words) and words[mention.last].norm == "here")
        counts = introduced or (gap == " " and norm == "at" and found.role in ("member", "together"))
        if not town:
            counts = counts or here or (gap == " " and norm in ("from", "of", "here") and found.role in ("member", "together") and single)
        if alone and not counts and len({entry.label for entry in beside}) == 1 and (not town or self._starts(found) or norm in ("its", "is", "school")):
            counts = single = True
        if not counts and norm in ("and", "plus") and found.group in self.counted:
            counts = True  # «at Ferryhill and Harlaw»
        if counts and not single and not alone:
            return False
        if counts:
            self.counted.add(found.group)
            found.mention = replace(mention, entries=fitting)
        return counts

    def _starts(self, found: Found) -> bool:
        return found.mention.start == found.text.sentences[found.text.sentence(found.mention.start)][0]

    def initials_count(self, found: Found, councils: Collection[str]) -> bool:
        """Initials name a school where the message names the council and the council has one such school."""
        if found.text.zone not in ("own", "subject"):
            return False
        here = set(found.near or councils)
        fitting = [entry for entry in found.mention.entries if entry.authority in here]
        before = found.text.words[found.mention.first - 1].norm if found.mention.first else ""
        if len(fitting) != 1 or not (found.near or (found.role == "member" and before in ("at", "from", "of", "in"))):
            return False
        found.mention = replace(found.mention, entries=tuple(fitting))
        return True
