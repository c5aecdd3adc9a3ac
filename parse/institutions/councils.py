"""Where a text names a council or a town: longest first, outside the names of institutions, streets and people."""

from __future__ import annotations

from parse.authorities import STRONG, TOWN, Alias
from parse.institutions.letter import Council, Letter, Text
from parse.schoolnames import Word

__all__ = ["CouncilNames"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WINDS = _words("north south east west")
_GREETINGS = _words("mr mrs ms miss dr prof hi dear hello hey cheers thanks regards love yours ta wishes sincerely faithfully")
_BEHIND_COUNCIL = _words("council schools school primary secondary teacher teachers supply local education")
_BEFORE_COUNCIL = _words(
    "in at be of for under across from by to within through around outside both is its authority la council region area local north south east west "
    "the a an our my all via near over into as and/or plus"
)
_STREET = _words("university college street road avenue uni coll campus lane place crescent drive terrace")
_LANDMARKS = _words("loch station harbour pier castle bridge beach cross links golf airport ferry bay burn hill hills law firth moor glen shore esplanade high")
_LEADS = _words(
    "in at of for from and the to or is with near by under north south east west city council schools school primary teacher teachers p1 p2 p3 p4 p5 "
    "p6 p7 on my our we i its thats were im mine ours here yes no aye sorry ach oh ah well but so this"
)


class CouncilNames:
    """``CouncilNames(letter).find(text)``."""

    def __init__(self, letter: Letter) -> None:
        self.letter = letter
        self._schools_end: set[int] = set()  # where the names of schools end in the text at hand

    def find(self, text: Text) -> list[Council]:
        """Councils and towns, longest first, outside the names of institutions, streets and people."""
        found, aliases, prefixes = text.words, self.letter.authorities.aliases, self.letter.authorities.prefixes
        taken = [
            (mention.start, mention.end) for mention in text.mentions if mention.kind not in ("bare", "initials") and self.letter.may_name_college(mention)
        ]
        folded = text.view.folded
        self._schools_end = {mention.end for mention in text.mentions if mention.kind in ("school", "unlisted")}
        lower = not any(word.capital for word in found[1:]) or (len(found) > 8 and text.lower)
        upper = sum(word.raw.isupper() for word in found) * 10 > 7 * len(found)
        result: list[Council] = []
        index, at = 0, 0
        while index < len(found) and len(result) < self.letter.rules.limits["mentions"]:
            key: tuple[str, ...] = ()
            best: tuple[int, Alias] | None = None
            end = index
            while end < len(found) and end < index + 6:
                if end > index and len(gap := folded[found[end - 1].end : found[end].start]) > 3 + ("\n" in gap):
                    break
                norm = found[end].norm
                if (norm,) not in prefixes and (found[end].capital or lower) and found[end].norm not in self.letter.sender_words:
                    norm = self.letter.authorities.respelt(norm)
                if end == index and found[end].raw.endswith("'s") and (norm[:-1],) in aliases:
                    norm = norm[:-1]  # «Fife's»
                key = (*key, norm)
                if key not in prefixes:
                    break
                end += 1
                if key in aliases:
                    best = (end, aliases[key])
            if best is None:
                index += 1
                continue
            end, alias = best
            start_char, end_char = found[index].start, found[end - 1].end
            while at < len(taken) and taken[at][1] <= start_char:
                at += 1
            inside = at < len(taken) and taken[at][0] < end_char
            if alias.kind == TOWN and end - index > 1 and key[end - index - 1].endswith("s") and found[end - 1].raw.endswith("'s"):
                inside = True  # «I'm at St Andrew's» tells of a school, and not of the town of St Andrews
            if not inside and self._stands(folded, found, index, end, alias, lower=lower, upper=upper, zone=text.zone):
                result.extend(self._twins(folded, found, index, end))
                result.append(Council(first=index, last=end, start=start_char, end=end_char, alias=alias, text=folded[start_char:end_char]))
            index = end
        return result

    def _twins(self, folded: str, found: list[Word], first: int, end: int) -> list[Council]:
        """«East» of «East and South Ayrshire», «North» and «East» of «North, East and South Ayrshire»."""
        twins: list[Council] = []
        if end - first < 2 or found[first].norm not in _WINDS:
            return twins
        at = first
        while at > 0:
            joined = at > 1 and found[at - 1].norm in ("and", "or")
            left = at - 1 - joined
            word, gap = found[left], folded[found[left].end : found[at].start]
            alias = self.letter.authorities.aliases.get((word.norm, *(word.norm for word in found[first + 1 : end])))
            if word.norm not in _WINDS or alias is None or "\n\n" in gap or not (joined or gap.strip() in (",", "/")):
                break
            twins.insert(0, Council(first=left, last=left + 1, start=word.start, end=word.end, alias=alias, text=word.raw))
            at = left
        return twins

    def _stands(self, folded: str, found: list[Word], first: int, end: int, alias: Alias, *, lower: bool, upper: bool, zone: str) -> bool:
        """Whether the words mean the place, and no street, person or university."""
        before = found[first - 1] if first and "\n" not in (gap := folded[found[first - 1].end : found[first].start]) and not gap.strip(" ") else None
        after = (
            found[end]
            if end < len(found) and not folded[found[end - 1].end : found[end].start].strip(" ") and "\n" not in folded[found[end - 1].end : found[end].start]
            else None
        )
        single = end - first == 1
        word = found[first]
        landmark = after is not None and alias.kind == TOWN and after.norm in _LANDMARKS  # «two minutes from Haymarket station»
        if after is not None and not landmark and (after.norm in _STREET or after.norm in self.letter.rules.not_council):
            return False
        the_borders = before is not None and before.norm in ("the", "scottish")
        if single and word.norm in ("borders", "highlands", "highland") and not word.capital and not the_borders and not (lower and _stands_last(folded, word)):
            return False
        if before is not None and before.norm == "of" and first > 1 and found[first - 2].norm in ("university", "uni", "college", "bishop", "diocese", "duke"):
            return False
        if not single:
            return True
        if alias.initials and (not (word.raw.isupper() or "." in word.raw) or (after is not None and after.norm in self.letter.gazetteer.forms.levels)):
            return False  # «the RC high school»
        if not word.capital and ((not lower and alias.kind != STRONG) or (alias.kind == TOWN and not (lower and self._behind_school(folded, word)))):
            return False
        if landmark:
            return word.norm not in self.letter.sender_words
        if not (alias.person or alias.kind == TOWN) or (after is not None and after.norm in _BEHIND_COUNCIL):
            return True
        left = found[first - 1] if first else None
        if left is not None and left.norm in _GREETINGS:
            return False
        if before is not None and before.norm == "were" and before.raw != "were" and _stands_last(folded, word):
            return True  # «We're Angus.»
        return not self._of_person(found, first, before, after, alias, upper=upper) and not (alias.person and zone == "own" and _signs_off(folded, word))

    def _behind_school(self, folded: str, word: Word) -> bool:
        """«newton primary, dunblane»: a town in small letters right behind a school."""
        return len(folded[max(0, word.start - 3) : word.start].rstrip(" ,(")) + max(0, word.start - 3) in self._schools_end

    def _of_person(self, found: list[Word], first: int, before: Word | None, after: Word | None, alias: Alias, *, upper: bool) -> bool:
        """Whether a place's name is part of a person's, or of another name."""
        if found[first].norm in self.letter.sender_words and not (before is not None and before.norm in ("in", "for", "under", "across")):
            return True
        for beside in (before, after):
            if beside is not None and beside.capital and not upper and not beside.raw.isupper() and beside.norm not in _LEADS:
                return True
        if not alias.person or before is None or before.norm in _BEFORE_COUNCIL:
            return False
        return not (before.norm in ("and", "or") and first > 1 and (found[first - 2].norm,) in self.letter.authorities.aliases)


def _stands_last(folded: str, word: Word) -> bool:
    """Whether the word ends its line or sentence."""
    return folded[word.end : word.end + 2].strip(" )")[:1] in ("", "\n", ".", "!", ";", ",")


def _signs_off(folded: str, word: Word) -> bool:
    """Whether the word stands alone in one of the last lines."""
    line_start = folded.rfind("\n", 0, word.start) + 1
    line_end = folded.find("\n", word.end)
    line = folded[line_start : line_end if line_end >= 0 else len(folded)].strip(" .,!-x")
    return line == word.raw and word.start > 0 and len(folded) - word.end < 60
