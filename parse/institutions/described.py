"""Names without the word for the kind of school, where the kind is told beside them: «Ashmuir, the high school», «We're a special school, Ashmuir».

Promise: only the one listed school that the words fit is given, or those of one name in several councils.

What it does badly: a kind that is told in another sentence is not seen.
"""

from __future__ import annotations

from collections.abc import Collection

from spacy.lang.en.stop_words import STOP_WORDS

from parse.gazetteer import Entry
from parse.institutions.letter import Found, Letter

__all__ = ["Described"]

_REACH = 8  # words behind a name in which its kind may be told
_OF_SCHOOL = {  # what a school is called without its name: «Pinewood, the ASN school in Blackburn», and the kinds of listed school that may be
    "school": ("primary", "secondary", "special"),
    "primary": ("primary",),
    "academy": ("secondary",),
    "secondary": ("secondary",),
}
_KINDS = {"primary": "primary", "infant": "primary", "high": "secondary", "secondary": "secondary", "special": "special", "asn": "special", "asl": "special"}
_ADJECTIVES = 4  # words between «the» and «school»
_ARTICLES = ("the", "a", "an", "our", "my")


class Described:
    """``Described(letter).behind(found)``, ``.before(found, councils)``, ``.forms(found)``."""

    def __init__(self, letter: Letter) -> None:
        self.letter = letter
        self.words = letter.gazetteer.vocabulary.words

    def behind(self, found: Found) -> tuple[Entry, ...]:
        """The one school that is told of in words behind its name: «Pinewood, the ASN school in Blackburn», «Castleview is the special school here»."""
        words, mention, folded = found.text.words, found.mention, found.text.view.folded
        at = mention.last
        if at >= len(words) or not words[mention.first].capital or folded[mention.end : words[at].start].strip(" ") not in ("", ",", "(", "-"):
            return ()
        at += words[at].norm in ("is", "are")
        if at >= len(words) or words[at].norm not in ("the", "a", "an", "our"):
            return ()
        levels: tuple[str, ...] = ()
        kind = ""
        for index in range(at + 1, min(len(words), at + 2 + _ADJECTIVES)):
            word, gap = words[index], folded[words[index - 1].end : words[index].start]
            if gap.strip(" -") or (word.capital and not word.raw.isupper()) or word.norm in STOP_WORDS:
                break
            kind = _KINDS.get(word.norm, kind)
            if word.norm in _OF_SCHOOL and not (index + 1 < len(words) and words[index + 1].norm in ("school", "schools", "teacher", "teachers", "staff")):
                levels = _OF_SCHOOL[word.norm]
                break
        if not levels or (not kind and self.letter.is_town(mention.core)):
            return ()
        return _of_levels(mention.entries, (kind,) if kind else levels)

    def before(self, found: Found, councils: Collection[str]) -> tuple[Entry, ...]:
        """The member's one school whose kind is told before its name: «We're a special school, Langlands», «at the academy in Thornhill, Wallace Hall».

        ``councils``: those that the message states, for namesakes.
        """
        words, mention, folded = found.text.words, found.mention, found.text.view.folded
        at = mention.first - 1
        if at < 1 or not words[mention.first].capital:
            return ()
        mark = folded[words[at].end : mention.start].strip(" ")
        if (
            mark == ""
            and at > 1
            and words[at].norm in ("of", "at", "in")
            and words[at - 1].norm in self.words["part_of_school"]
            and found.role in ("member", "together")
        ):
            kind = _KINDS.get(words[at - 2].norm, "")
            return _of_levels(mention.entries, (kind,)) if kind else ()  # «in the primary department of Sir E Scott»
        if mark == "" and words[at].norm in ("called", "named"):
            at -= 1
        elif mark not in (",", "(", "-", ":"):
            return ()
        place = next((council for council in found.text.councils if council.last == at + 1), None)
        if place is not None and place.first > 1 and words[place.first - 1].norm in ("in", "at", "of", "near"):
            at = place.first - 2  # «at the academy in Thornhill, Wallace Hall»
        if any(other.first <= at < other.last for other in found.text.mentions):
            return ()  # «i teach at ashmuir primary (Moray)»: the kind of another school
        levels = _OF_SCHOOL.get(words[at].norm, ("secondary",) if words[at].norm == "high" else ())
        kind = ""
        for index in range(at - 1, max(-1, at - 2 - _ADJECTIVES), -1):
            word, gap = words[index], folded[words[index].end : words[index + 1].start]
            if not levels or gap.strip(" -") or (word.capital and not word.raw.isupper()):
                return ()
            if word.norm in _ARTICLES:
                break
            kind = kind or _KINDS.get(word.norm, "")
        else:
            return ()
        ours = any(before.norm in self.words["ours"] for before in words[max(0, index - 2) : index])
        if not (ours or word.norm in ("our", "my") or found.role in ("member", "together", "sole")):
            return ()
        levels = (kind,) if kind else levels
        return _of_levels(mention.entries, levels) or _of_levels(tuple(entry for entry in mention.entries if entry.authority in councils), levels)

    def unit(self, found: Found) -> tuple[Entry, ...]:
        """«Aonad na Gàidhlig at Sandbank», «in the Communication Unit at Crosshouse Primary»: the unit that the list has by itself."""
        words, core, keys = found.text.words, found.mention.core, self.letter.gazetteer.keys
        at = found.mention.first - 1
        if at < 2 or words[at].norm not in ("at", "of", "in"):
            return ()
        before = [word.norm for word in words[max(0, at - 4) : at]]
        if before[-2:] == ["gaelic", "unit"] or (before[-1] in ("gaidhlig", "ghaidhlig") and "aonad" in before):
            return tuple(entry for entry, _, forms in keys.get(core, ()) if "gaelic" in forms)
        return tuple(entry for entry, _, forms in keys.get((*core, before[-2]), ()) if before[-1] == "unit" and "unit" in forms)

    def forms(self, found: Found) -> tuple[int, frozenset[str]]:
        """The words for the kind of school behind a name, and where: nothing but councils and small words stands between."""
        words, folded, gazetteer = found.text.words, found.text.view.folded, self.letter.gazetteer
        covered = found.text.council_words
        council = found.mention.core in gazetteer.vocabulary.councils
        at = found.mention.last
        for index in range(at, min(len(words), at + _REACH)):
            gap = folded[words[index - 1].end : words[index].start]
            if "\n\n" in gap or ";" in gap:
                break
            if gazetteer.form(words[index].norm) and (words[index].capital or words[index - 1].norm in ("the", "our", "rc", "junior")):
                if council and "," in gap:
                    break  # «Falkirk, Secondary, Business Education»
                last = index
                while last < len(words) and gazetteer.form(words[last].norm):
                    last += 1
                return index, gazetteer.forms.of([gazetteer.form(word.norm) for word in words[index:last]])
            if index not in covered and (words[index].norm not in self.words["before_kind"] or (index == at and gap == " " and words[index].norm == "in")):
                break
        return 0, frozenset()

    def of_kind(self, entries: tuple[Entry, ...], forms: frozenset[str]) -> tuple[Entry, ...]:
        """Those of the schools that the words for the kind fit."""
        levels = self.letter.gazetteer.forms.level(forms)
        if len(levels) != 1:
            kinds = forms & {*self.letter.gazetteer.vocabulary.distinguishing}  # «Ashmuir, the Gaelic Unit»
            return tuple(entry for entry in entries if kinds and entry.name and kinds <= entry.name.forms)
        return tuple(entry for entry in entries if entry.level in levels)


def _of_levels(entries: tuple[Entry, ...], levels: Collection[str]) -> tuple[Entry, ...]:
    """The schools of these kinds, where all have one name."""
    fitting = tuple(entry for entry in entries if entry.kind == "school" and entry.level in levels)
    return fitting if len({entry.label for entry in fitting}) == 1 else ()
