"""Names that are in no list but have the form of a school's name.

What it does badly: a name in small letters that is in no list is only found after «at», «in» or «from».
"""

from __future__ import annotations

from dataclasses import replace

from spacy.lang.en.stop_words import STOP_WORDS

from parse.gazetteer.entries import Entry, Mention
from parse.gazetteer.index import LOOSE, MAIN, Index
from parse.gazetteer.listed import ListedNames
from parse.gazetteer.passage import Passage
from parse.gazetteer.wordlists import ARTICLES, DIRECTIONS, GAELIC, GAELIC_LEVELS, INNER

__all__ = ["UnlistedNames"]

_WHOLE = {("our", "lady"), ("all", "saints")}  # with these two words a name begins
_BEFORE_NAMES = DIRECTIONS | {"high"}  # «High Ashmuir Primary»
_SUBJECTS = frozenset({"grammar"})
_SMALL = frozenset({"school", "special", "unit", "centre", "learning", "community", "nursery", "rc", "junior", "campus", "gaelic"})


class UnlistedNames:
    """``UnlistedNames(index).at(passage, 3, 0)``: the name whose form word stands at word 3, or None."""

    def __init__(self, index: Index, listed: ListedNames) -> None:
        self.index, self.vocabulary, self.forms, self.keys = index, index.vocabulary, index.forms, index.keys
        self.listed = listed

    def at(self, passage: Passage, index: int, free: int) -> Mention | None:
        """``free``: the first word that belongs to no name before."""
        found, lower = passage.words, passage.lower
        if found[index].norm in GAELIC:
            return self._gaelic(passage, index)
        last = self.index.form_run(passage, index)
        if last == index and index > 0:
            last = index + 1
        forms = self.forms.of([self.index.form(word.norm) for word in found[index:last]])
        if last == index or not self._tells(forms, capital=found[index].capital):
            return None
        if forms <= _SUBJECTS and not found[index].capital and not lower:
            return None  # «our knowledge of BSL grammar»
        weak = not lower and not found[index].capital and index > free and not found[index - 1].capital
        first = self._begin(passage, index, free, weak=weak)
        core = tuple(word.norm for word in found[first:index] if word.norm != "rc")
        if not core and not self.index.by_authority and (told := self._told_behind(passage, index, last, free, forms)):
            return told
        after = [word for word in found[last : last + 3] if word.norm != "the"]
        goes_on = len(after) > 1 and after[1].capital and not passage.upper
        if not core and found[index].capital and len(forms) > 1 and goes_on and after[0].norm == "of":
            stop = next(number for number in range(last, len(found)) if found[number] is after[1]) + 1
            # «High School of Ashmuir»
            return passage.mention(index, stop, kind="unlisted", rule="institution.unlisted", core=(after[1].norm,), forms=forms)
        if not core or core == ("st",) or all(norm in self.vocabulary.never_bare and norm in ("the", "old", "new") for norm in core):
            return None
        if all(self.index.form(norm) for norm in core):
            return None  # «Ashmuir, the Community School»
        if lower and first > 0 and found[first - 1].norm not in ("at", "from", "of", "in", "for"):
            weak = True
        if len(core) > 3 and (lower or passage.upper or weak):
            return None
        if weak and not forms & MAIN:
            return None
        if (weak or lower) and len(forms) > 1:  # «from mayfield primary school», «newmilns ps, east ayrshire»
            weak = not (passage.opens(first) or found[first - 1].norm in ("at", "from", "of"))
        elif weak and core in self.vocabulary.towns and found[first - 1].norm in ("at", "from"):
            weak = False  # «at girvan primary»: of a town, and so a name
        if self._common_words(passage, first, index, last, core, forms):
            return None
        if goes_on and after[0].norm in ("for", "of") and not any(c.isdigit() for c in after[1].norm):
            return None  # «School for the Deaf», «School of Education»
        if self.index.by_authority and core[0] not in DIRECTIONS:
            for cut in range(1, len(core)):  # «Rob Kirkhill Primary School»: a listed name, or a longer one in no list?
                tail, _ = self.index.fitting([(entry, mine) for entry, how, mine in self.keys.get(core[cut:], ()) if how not in LOOSE], forms)
                if tail:
                    rule = "institution.doubtful"
                    return passage.mention(first, last, opens=first + cut, kind="unlisted", rule=rule, entries=tail, core=core, forms=forms)
        if 0 < free == first and passage.near(first - 1):
            return None  # what is left of the name before
        return passage.mention(first, last, kind="unlisted", rule="institution.unlisted", core=core, forms=forms, weak=weak)

    def _told_behind(self, passage: Passage, index: int, last: int, free: int, forms: frozenset[str]) -> Mention | None:
        """«I'm at Ashmuir (the Academy)», «I teach at Ashmuir, the academy.». Only asked where no list of schools is given."""
        found = passage.words
        first = index - 2
        if (
            first <= free
            or found[index - 1].norm != "the"
            or not forms & {"academy", "high", "grammar", "primary"}
            or passage.gap(first).strip(" ") not in ("(", ",")
        ):
            return None
        if not found[first].capital or found[first].norm in self.vocabulary.never_named or found[first - 1].norm not in ("at", "from"):
            return None
        if passage.text[found[last - 1].end : found[last - 1].end + 1] not in ("", ")", ",", ".", ";", "!", "?", "\n"):
            return None
        mention = passage.mention(first, last, kind="unlisted", rule="institution.unlisted", core=(found[first].norm,), forms=forms)
        return replace(mention, text=f"{found[first].raw} {' '.join(word.raw.capitalize() for word in found[index:last])}")

    def _tells(self, forms: frozenset[str], *, capital: bool) -> bool:
        """Whether these form words may end a school's name at all."""
        if not (forms & (MAIN - {"campus", "infant"}) or "school" in forms or {"community", "campus"} <= forms):
            return False
        return capital or not ("college" in forms or (len(forms) < 2 and forms <= _SMALL))

    def _common_words(self, passage: Passage, first: int, index: int, last: int, core: tuple[str, ...], forms: frozenset[str]) -> bool:
        """Whether the words tell of schools in general: «a Glasgow City primary», «Active Schools», «Glasgow primary teachers»."""
        found, vocabulary = passage.words, self.vocabulary
        if not found[index].capital:
            if not passage.lower and not (forms & MAIN) and len(forms) < 2:
                return True
            if first > 0 and found[first - 1].norm in ARTICLES and not ("school" in forms and forms & MAIN and len(core) > 1):
                return True
        place = core in vocabulary.councils or core in vocabulary.towns
        if place and (passage.upper or not found[index].capital) and self.listed.generic(passage, first, last):
            return True
        if any(word.norm == "schools" for word in found[index:last]):
            return True
        return core in vocabulary.councils and forms <= {"primary", "secondary", "nursery", "special"}

    def _begin(self, passage: Passage, index: int, free: int, *, weak: bool) -> int:
        """The first word of the name whose form stands at ``index``."""
        found, never = passage.words, self.vocabulary.never_named
        first = index
        while first > free and first > index - 7 and passage.near(first - 1) and "\n" not in passage.gap(first - 1):
            step = self._step(passage, first, index, free, weak=weak)
            if step == first:
                break
            first = step
        if first > free and (found[first - 1].norm, found[first].norm) in _WHOLE and passage.near(first - 1):
            first -= 1
        while first < index and (
            (
                found[first].norm in never
                and not (found[first].norm in _BEFORE_NAMES and first + 1 < index)
                and (found[first].norm, found[first + 1].norm) not in _WHOLE
            )
            or found[first].norm in ("and", "of")
        ):
            first += 1
        saint = next((at for at in range(first + 2, index - 1) if found[at].norm == "st" and found[at - 1].norm != "and"), None)
        if saint is not None:
            return saint  # «Gillian Baxter St Lucy's Primary»
        of = next((at for at in range(first + 2, index) if found[at].norm == "of"), None)
        if of is not None and found[first].norm not in DIRECTIONS and found[first + 1].norm not in INNER:
            return of + 1  # «Colin Baxter of Ashmuir Primary»
        return first

    def _step(self, passage: Passage, first: int, index: int, free: int, *, weak: bool) -> int:
        """The name that begins at ``first`` with one more word to the left, or ``first`` where that is no part of it."""
        found, never = passage.words, self.vocabulary.never_named
        lower, upper = passage.lower, passage.upper
        word = found[first - 1]
        if "." in passage.gap(first - 1) and word.raw.lower() != "st" and len(word.raw) > 2:
            return first
        if word.norm == "and" and self._place_before(passage, first - 1):
            return first
        if word.norm in ("rc", "st"):
            return first - 1
        if (
            word.norm == "high"
            and word.capital
            and first < index
            and found[index].norm in ("primary", "ps")
            and (passage.opens(first - 1) or found[max(0, first - 2)].norm in ("at", "in", "from"))
        ):
            return first - 1  # «at High Ashmuir Primary»
        if self.index.form(word.norm) and word.norm not in ("learning", "centre", "community", "college"):
            return first
        if word.norm == "college" and found[first].norm == "st":
            return first  # «School / College: St Ninian's High» in a table
        common = (
            (word.norm in never or word.norm in STOP_WORDS or ("'" in word.raw and word.raw.partition("'")[0].lower() in STOP_WORDS))
            and not (word.norm in DIRECTIONS and word.capital and not upper and first < index)
            and not (len(word.norm) == 1 and word.capital and first > 1 and found[first - 2].norm == "st")
        )
        if word.norm in INNER and first < index and first - 1 > free and not (word.norm in ("a", "an", "in", "on", "by") and not found[first].capital):
            if word.norm == "of" and not found[first].capital and first > 2 and found[first - 3].norm in ("at", "from"):
                named = found[first - 2].norm not in never and found[first - 2].norm not in STOP_WORDS
                return first - 2 if named and passage.near(first - 2) else first  # «at vale of leven academy»
            back = first - 2
            while back > free and found[back].norm in ("of", "the", "na", "nan") and not found[back].capital and passage.near(back - 1):
                back -= 1  # «Our Lady of the Rosary»
            before = found[back]
            plain = (before.norm not in never and before.norm not in STOP_WORDS) or (len(before.norm) == 1 and first > 2 and found[first - 3].norm == "st")
            joins = word.norm not in ("in", "on", "a", "by") and not upper and not lower and before.capital and plain and passage.near(first - 2)
            return back + 1 if joins else first
        if common or (not word.capital and not lower and not weak) or any(character.isdigit() for character in word.norm):
            return first
        return first - 1

    def _place_before(self, passage: Passage, joiner: int) -> bool:
        """«in Shotts and Coatbridge High»: a town, and then a school."""
        found = passage.words
        return (
            joiner > 1
            and found[joiner - 2].norm in ("in", "at", "from", "near")
            and ((found[joiner - 1].norm,) in self.vocabulary.towns or (found[joiner - 1].norm,) in self.vocabulary.councils)
        )

    def _gaelic(self, passage: Passage, index: int) -> Mention | None:
        """«Bun-sgoil Lacasdail», «Sgoil an Rubha»: the form comes first."""
        found = passage.words
        last = index + 1
        while last < len(found) and last < index + 3 and found[last].norm in ("sgoil", "ghaidhlig") and passage.near(last - 1):
            last += 1
        if not any(word.norm.endswith("sgoil") for word in found[index:last]):
            return None
        begin = last
        while last < len(found) and last < begin + 6 and passage.near(last - 1):
            word = found[last]
            if last > begin and ("." in passage.gap(last - 1) or word.norm in ("i", "am")):
                break  # «Sgoil Ashmuir am Beinn na Faoghla» tells where it is
            if word.capital or (word.norm in ("na", "nan", "an", "a", "nam", "am", "loch") and last + 1 < len(found) and found[last + 1].capital):
                last += 1
            else:
                break
        core = tuple(word.norm for word in found[begin:last])
        if not core or not found[last - 1].capital:
            return None
        forms = frozenset({"gaelic", "school"})
        english = next((self.vocabulary.gaelic[core[:end]] for end in range(len(core), 0, -1) if core[:end] in self.vocabulary.gaelic), None)
        level = next((level for start, level in GAELIC_LEVELS.items() if found[index].norm.startswith(start)), "")
        if english is not None and (entries := self._in_english(english, level)):
            return passage.mention(index, last, kind="school", rule="institution.alias", entries=entries, core=english, forms=frozenset({"school"}))
        return passage.mention(index, last, kind="unlisted", rule="institution.unlisted", core=core, forms=forms)

    def _in_english(self, place: tuple[str, ...], level: str) -> tuple[Entry, ...]:
        """«Sgoil Lìonail» is Lionel School, where the list has no school of the Gaelic name; ``level``: what «Bun-» or «Àrd-» says."""
        known = [entry for entry, how, _ in self.keys.get(place, ()) if how in ("core", "full") and entry.kind == "school"]
        known = self.index.gaelic.get(place, known)  # «Sgoil Ghàidhlig Ghlaschu»
        return tuple(dict.fromkeys(entry for entry in known if not level or entry.level == level))
