"""Listed schools and colleges, looked up by the words of their names.

Promise: one look-up per word in a table of word sequences, no pattern per name. The table for 2,500 schools is
built in well under half a second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property

from rapidfuzz.distance import OSA
from spacy.lang.en.stop_words import STOP_WORDS

from parse.gazetteer.entries import College, Entry, Vocabulary
from parse.gazetteer.passage import Passage
from parse.gazetteer.wordlists import GAELIC
from parse.schoolnames import Name, School, fold, take_apart, words

__all__ = ["LOOSE", "MAIN", "Index"]

MAIN = frozenset({"primary", "infant", "high", "academy", "secondary", "grammar", "institute", "college", "campus"})
LOOSE = frozenset({"variant", "short"})  # spellings of ours, which give way to a name that is listed so
_LONG_FORMS = ("primary", "academy", "secondary", "grammar", "community", "gaelic", "nursery", "school", "college")
_JOINERS = frozenset({"and"})
_CUT = {"street": "st", "road": "rd", "avenue": "ave", "park": "pk", "mount": "mt", "drive": "dr", "crescent": "cres", "junction": "jct"}


class Index:
    """The table of names, and what a name with certain words for the kind of school may mean."""

    def __init__(self, schools: Sequence[School], colleges: Sequence[College], vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.forms = vocabulary.forms
        self.entries: list[Entry] = []
        self.keys: dict[tuple[str, ...], list[tuple[Entry, str, frozenset[str]]]] = {}  # entry, how it was named, its forms by that name
        self.prefixes: set[tuple[str, ...]] = set()
        self.by_authority: defaultdict[str, list[Entry]] = defaultdict(list)
        self.college_domains: dict[str, Entry] = {}
        self.college_places: set[tuple[str, ...]] = set()  # «Newbattle», that a school may be called as well
        self.campuses: defaultdict[tuple[str, ...], list[Entry]] = defaultdict(list)  # the colleges that a place or a short name may mean
        self.addresses: defaultdict[str, list[Entry]] = defaultdict(list)  # «lochaberhigh»
        self._slips: dict[str, str] = {}
        self.gaelic: defaultdict[tuple[str, ...], list[Entry]] = defaultdict(list)  # names behind «Ardsgoil» and «Bunsgoil»
        self.heads: dict[int, tuple[str, ...]] = {}
        self.initials: defaultdict[str, list[Entry]] = defaultdict(list)
        for college in colleges:
            self._add_college(college)
        for school in schools:
            self._add_school(school)

    # ------------------------------------------------------------------ building
    def _key(self, key: tuple[str, ...], entry: Entry, how: str, forms: frozenset[str] = frozenset()) -> None:
        if not key:
            return
        known = self.keys.get(key)
        if known is None:
            self.keys[key] = [(entry, how, forms)]
            for length in range(1, len(key) + 1):
                self.prefixes.add(key[:length])
        elif all(other is not entry or mine != forms for other, _, mine in known):
            known.append((entry, how, forms))

    def _add_college(self, college: College) -> None:
        campuses = frozenset(tuple(word.norm for word in words(campus)) for campus in (*college.campuses, *college.short))
        entry = Entry(index=len(self.entries), label=college.name, authority="", kind="college", campuses=campuses)
        self.entries.append(entry)
        for place in campuses:
            for name in {place, *((short, *place[1:]) for short in self.vocabulary.nicknames.get(place[0], ()))}:
                self.campuses[name].append(entry)
        core = [word.norm for word in words(college.name)]
        self.college_places.update({tuple(core[:1])} if len(core) > 2 and core[-1] == "college" else set())
        for text, how in [(college.name, "full"), *((alias, "alias") for alias in college.aliases), *((alias, "support") for alias in college.support)]:
            self._key(tuple(word.norm for word in words(text)), entry, how)
        for domain in college.domains:
            self.college_domains[domain] = entry

    def _add_school(self, school: School) -> None:
        name = take_apart(school.name, self.forms)
        sector = school.sector.lower()
        level = sector if sector in ("primary", "secondary", "special") else ""
        if not level:
            levels = self.forms.level(name.forms)
            level = next(iter(levels)) if len(levels) == 1 else ""
        entry = Entry(index=len(self.entries), label=school.name, authority=school.authority, kind="school", school=school, name=name, level=level)
        self.entries.append(entry)
        self.by_authority[school.authority].append(entry)
        self._name_keys(name, entry, "core")
        for address in self._addresses(name):
            self.addresses[address].append(entry)
        for alias in school.aliases:
            if alias.isupper() and len(alias) <= 7 and alias.isalpha():
                self._key((alias.lower(),), entry, "alias")
            else:
                self._name_keys(take_apart(alias, self.forms), entry, "alias")
        if len(name.core) + len(name.forms - {"rc"}) >= 3 and name.core:
            self._initials(name, entry)

    def _name_keys(self, name: Name, entry: Entry, how: str) -> None:
        core, forms = name.core, name.forms
        if not core:
            self._key(name.full, entry, "full", forms)
            return
        for at in range(1, len(name.full) - 1):
            if name.full[at] == "of" and name.full[at - 1] in self.forms.words:
                self._key((*name.full[:at], *name.full[at + 1 :]), entry, "full", forms)  # «the Royal School, Dunkeld»
        for cut in range(2, len(name.full)):
            if name.full[cut] == "and" and name.full[cut - 1] in self.forms.words and name.full[0] not in self.forms.words:
                head = [norm for norm in name.full[:cut] if norm not in self.forms.words]  # «Greyhope School and Community Hub»
                self._key(tuple(head), entry, how, self.forms.of(name.full[:cut]))
                self.heads[entry.index] = tuple(head)
        if any(norm in self.forms.words for norm in core):  # «Royal School of Dunkeld»
            self._key(name.full, entry, "full", forms)
            if core == name.full:
                return
        self._key(core, entry, how, forms)
        plain = list(name.full)
        while plain and (plain[-1] in self.forms.words or plain[-1] == "and"):
            plain.pop()
        if tuple(plain) != core or not forms:
            self._key(name.full, entry, "full", forms)
        for spelling in self._other_spellings(core):
            self._key(spelling, entry, "short", forms)
        if len(core) == 2 and core[0] != "st" and len(core[0]) + len(core[1]) >= 7:
            self._key(("".join(core),), entry, "variant", forms)
        if core[0] == "st" and len(core) >= 2 and core[1].endswith("s") and len(core[1]) > 4:
            self._key(("st", core[1][:-1], *core[2:]), entry, "variant", forms)  # «St Andrew Primary»
        if any(norm in self.forms.words for norm in name.qualifier):  # «Bun-sgoil Taobh na Pàirce (Parkside Primary)»
            self._key(tuple(norm for norm in name.qualifier if norm not in self.forms.words), entry, how, forms | self.forms.of(name.qualifier))
        if core[0] in GAELIC and len(core) > 1:
            self.gaelic[core[1:]].append(entry)  # «Ardsgoil Glasgow Gaelic Secondary School»
        if name.qualifier and name.qualifier != core:
            self._key((*core, *name.qualifier), entry, how, forms)

    def _other_spellings(self, core: tuple[str, ...]) -> list[tuple[str, ...]]:
        """«Lorne St Primary», «Killie Academy»: words cut short, and places by the name that they go by at home."""
        found: list[tuple[str, ...]] = []
        if len(core) > 1 and (core[-1] in _CUT or core[0] == "mount"):
            found.append(tuple(_CUT.get(norm, norm) if index in (0, len(core) - 1) else norm for index, norm in enumerate(core)))
        for short in self.vocabulary.nicknames.get(core[0], ()):
            found.append((short, *core[1:]))
        return found

    def _addresses(self, name: Name) -> set[str]:
        """How the name is written together in an e-mail or web address: only with the word for its kind."""
        core = "".join(name.core)
        if len(core) < 3:
            return set()
        kinds = {kind for kind in ("primary", "high", "academy", "secondary", "grammar") if kind in name.forms}
        endings = {ending for kind in kinds for ending in (kind, f"{kind}school", f"{kind}sch")}
        endings |= {"ps"} if "primary" in kinds and len(core) > 4 else set()
        endings |= {"hs"} if "high" in kinds and len(core) > 4 else set()
        return {core + ending for ending in endings or ({"school"} if "school" in name.forms else set())}

    def _initials(self, name: Name, entry: Entry) -> None:
        letters = "".join(norm[0] for norm in name.core if norm not in ("of", "the", "and"))
        school = entry.school
        if school is None:
            return
        endings = {"s"} if not name.forms & MAIN else set()
        if "primary" in name.forms or entry.level == "primary":
            endings.add("ps")
        if "high" in name.forms:
            endings |= {"hs", "chs"} if "community" in name.forms else {"hs"}
        if "academy" in name.forms:
            endings.add("a")
        if "secondary" in name.forms:
            endings |= {"s", "ss"}
        if "grammar" in name.forms:
            endings |= {"gs"}
        for ending in endings:
            if 3 <= len(letters + ending) <= 6:
                self.initials[letters + ending].append(entry)

    # ------------------------------------------------------------------ looking up
    def is_high(self, norm: str) -> bool:
        """Whether this is «high» with one slip, and no other word that stands before «School»."""
        return 3 <= len(norm) <= 5 and norm not in self.core_words and norm not in STOP_WORDS and OSA.distance(norm, "high", score_cutoff=1) <= 1

    @cached_property
    def core_words(self) -> frozenset[str]:
        return frozenset(norm for key in self.keys for norm in key)

    @cached_property
    def town_schools(self) -> dict[tuple[str, ...], Entry]:
        """The one secondary of a town: «the high school in Duns» is Berwickshire High School."""
        listed = {(entry.label, entry.authority): entry for entry in self.entries}
        return {town: listed[school] for town, school in self.vocabulary.town_schools.items() if school in listed}

    @cached_property
    def first_words(self) -> frozenset[str]:
        """The words that listed names begin with."""
        return frozenset(key[0] for key in self.keys)

    @cached_property
    def college_names(self) -> frozenset[tuple[str, ...]]:
        return frozenset(key for key, several in self.keys.items() if several[0][0].kind == "college")

    @cached_property
    def longer_keys(self) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
        """Names that end with another name: «victoria park» for «park»."""
        result: defaultdict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
        for key in self.keys:
            for cut in range(1, len(key)):
                if key[cut:] in self.keys:
                    result[key[cut:]].append(key)
        return dict(result)

    def form(self, norm: str) -> str:
        """The form word that this is, also with one slip of the pen in it; "" for any other word."""
        if norm in self.forms.words:
            return norm
        if len(norm) < 5 or norm in self.vocabulary.no_form:
            return ""
        if norm not in self._slips:
            if len(self._slips) > 20_000:
                self._slips.clear()
            self._slips[norm] = next((long for long in _LONG_FORMS if abs(len(norm) - len(long)) < 2 and OSA.distance(norm, long, score_cutoff=1) <= 1), "")
        return self._slips[norm]

    def spelt(self, piece: str) -> str:
        """A form word, misspelt or not, as it is spelt («Priamry» is «Primary»); "" for other words and for abbreviations."""
        norm = fold(piece)
        forms = self.forms.words.get(self.form(norm), ())
        long = forms[0] if len(forms) == 1 else ""
        if len(norm) < 4 or not long or (long != norm and OSA.distance(norm, long) > 2):
            return ""
        if norm == long:
            return piece
        return long.upper() if piece.isupper() else long.capitalize() if piece[:1].isupper() else long

    def form_run(self, passage: Passage, start: int) -> int:
        """The end of the run of form words at ``start``; «Primary School and Nursery» is one run."""
        text, found = passage.text, passage.words
        index = start
        while index < len(found) and index < start + 8:
            if index > start or start > 0:
                gap = passage.gap(index - 1)
                bracket = gap.strip(" ") == "(" and text[found[index].end : found[index].end + 1] == ")"
                bracket = bracket or (index == start and gap.strip(" ") == ")" and "(" in text[found[max(0, start - 3)].start : found[start - 1].start])
                whole = found[index - 1].norm in self.forms.levels or len(found[index - 1].norm) > 5  # no abbreviation: the full stop ends a sentence
                if not bracket and (not passage.near(index - 1) or (index > start and "." in gap and whole)):
                    break
            word = found[index]
            if self.form(word.norm):
                if index > start and word.norm == "school" and found[index - 1].norm == "academy":
                    break  # «Bathgate Academy School taking part ...»: the next cell of a table
                index += 1
            elif (
                word.norm in _JOINERS
                and index > start
                and index + 1 < len(found)
                and self.form(found[index + 1].norm)
                and found[index + 1].capital == found[start].capital
            ):
                index += 1
            else:
                break
        return index

    def fitting(self, entries: Sequence[tuple[Entry, frozenset[str]]], forms: frozenset[str]) -> tuple[tuple[Entry, ...], str]:
        """The entries that the form words fit best, and the rule that says how well."""
        if "campus" in forms and forms & (MAIN - {"campus"}) and not any("campus" in mine for _, mine in entries):
            forms -= {"campus", "community"}  # «Ashmuir Academy Community Campus» is what the building is called
        levels = self.forms.level(forms)
        main = forms & MAIN
        ranked: defaultdict[int, list[Entry]] = defaultdict(list)
        for entry, mine in entries:
            if entry.name is None:
                continue
            if "campus" in forms and "campus" not in mine:
                continue
            of_all_ages = entry.name.part and main and main <= mine  # «Sandwick Junior High» has a primary department too
            if not main and {"nursery", "school"} <= forms and mine & (MAIN - {"primary"}):
                continue  # «Brae Nursery School» is not Brae High
            if levels and entry.level in ("primary", "secondary") and entry.level not in levels and not of_all_ages:
                continue
            if main and main <= mine:
                rank = 40
            elif levels == {"primary"}:
                rank = 40 if entry.level == "primary" else 20
            elif main:
                rank = 20 if mine & (MAIN - {"primary"}) else 30
                if entry.level == "special" and "secondary" not in mine:
                    rank = 20
            else:
                rank = 40 if not mine & MAIN else 30
            for word in self.vocabulary.distinguishing:
                if (word in mine) != (word in forms):
                    rank -= 5
            ranked[rank].append(entry)
        if not ranked:
            return (), ""
        top = max(ranked)
        if not main and top >= 30:  # «Girvan School» may be the primary or the academy
            return tuple(dict.fromkeys(entry for rank, several in ranked.items() for entry in several if rank >= 25)), "institution.exact"
        return tuple(dict.fromkeys(ranked[top])), "institution.exact" if top >= 25 else "institution.form-differs"
