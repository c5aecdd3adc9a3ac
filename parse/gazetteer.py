"""All names of schools and colleges, and where a text has one of them.

Finding is one step and choosing is another: ``Gazetteer.scan`` gives every mention with all listed
schools that it may mean, and names that are in no list but have the form of a school's name. Which of
them is the member's own is decided in ``parse.institutions``.

Promise: work grows linearly with the text, whatever is in it: one look-up per word in a table of word
sequences, no pattern per name. The table for 2,500 schools is built in well under half a second.

What it does badly: a name in small letters that is in no list is only found after «at», «in» or «from».
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from rapidfuzz import process
from rapidfuzz.distance import OSA
from spacy.lang.en.stop_words import STOP_WORDS

from mailroom.errors import ProgrammeError
from parse.authorities import read_rows, split
from parse.schoolnames import Forms, Name, School, Word, fold, take_apart, words

__all__ = ["College", "Entry", "Gazetteer", "Mention", "School", "load_colleges"]


@dataclass(frozen=True, kw_only=True, slots=True)
class College:
    name: str
    aliases: tuple[str, ...]
    support: tuple[str, ...]  # initials that need a lecturer or a college's address beside them
    campuses: tuple[str, ...]
    domains: tuple[str, ...]


def load_colleges(folder: Path) -> tuple[College, ...]:
    """``colleges.csv``. Raises ProgrammeError with file and line."""
    file = "colleges.csv"
    found: list[College] = []
    seen: dict[tuple[str, ...], str] = {}
    for line, row in read_rows(folder / file, ("name", "aliases", "support", "campuses", "domains")):
        if not row["name"]:
            raise ProgrammeError(file, line, "the name is empty")
        for text in [row["name"], *split(row["aliases"]), *split(row["support"])]:
            key = tuple(word.norm for word in words(text))
            if key in seen:
                raise ProgrammeError(file, line, f"«{text}» already means {seen[key]}")
            seen[key] = row["name"]
        found.append(
            College(
                name=row["name"],
                aliases=tuple(split(row["aliases"])),
                support=tuple(split(row["support"])),
                campuses=tuple(split(row["campuses"])),
                domains=tuple(domain.lower() for domain in split(row["domains"])),
            )
        )
    return tuple(found)


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """A listed institution; ``name`` is None for colleges."""

    index: int
    label: str
    authority: str
    kind: str  # school, college
    school: School | None = None
    name: Name | None = None
    level: str = ""


@dataclass(frozen=True, kw_only=True)
class Mention:
    """A stretch of words that names, or has the form of, an institution."""

    first: int  # word offsets
    last: int
    start: int  # character offsets into the folded text
    end: int
    kind: str  # school, college, unlisted, bare, initials
    rule: str
    entries: tuple[Entry, ...] = ()
    core: tuple[str, ...] = ()
    forms: frozenset[str] = frozenset()
    text: str = ""
    weak: bool = False  # small letters only: counts where a list knows a name like it


def _mention_of(
    text: str,
    found: Sequence[Word],
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
) -> Mention:
    """The words ``[first, last)`` as a mention; ``opens``: the word at which its text begins, where that is not the first."""
    start, end = found[first if opens is None else opens].start, found[last - 1].end
    return Mention(first=first, last=last, start=start, end=end, kind=kind, rule=rule, entries=entries, core=core, forms=forms, text=text[start:end], weak=weak)


_MAIN = frozenset({"primary", "infant", "high", "academy", "secondary", "grammar", "institute", "college", "campus"})
_LONG_FORMS = ("primary", "academy", "secondary", "grammar", "community", "gaelic", "nursery", "school", "college")
_PLURAL = {"primaries": ("Primary School", ("primary", "school")), "academies": ("Academy", ("academy",)), "highs": ("High School", ("high", "school"))}
_JOINERS = frozenset({"and"})
_INNER = frozenset({"of", "the", "na", "nan", "an", "a", "am", "and", "st", "mo", "de", "on", "in", "le", "by", "o"})
_DIRECTIONS = frozenset(
    [
        "north",
        "south",
        "east",
        "west",
        "new",
        "old",
        "upper",
        "lower",
        "nether",
        "over",
        "mid",
        "middle",
        "easter",
        "wester",
        "little",
        "great",
        "st",
        "our",
        "lady",
        "inner",
        "outer",
    ]
)
_ARTICLES = frozenset(
    [
        "a",
        "an",
        "the",
        "our",
        "my",
        "every",
        "all",
        "some",
        "other",
        "many",
        "several",
        "two",
        "three",
        "four",
        "five",
        "few",
        "most",
        "this",
        "that",
        "your",
        "their",
    ]
)
_GREETING = frozenset({"hi", "dear", "hello", "hey", "morning", "afternoon", "evening", "thanks", "cheers", "regards", "wishes"})
_GAELIC = frozenset({"sgoil", "bunsgoil", "bun", "ard", "ardsgoil"})


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Word lists that the scan needs, from ``institutions.yaml``."""

    forms: Forms
    never_bare: Collection[str]
    never_named: Collection[str]
    distinguishing: Collection[str]
    no_form: Collection[str] = ()  # words that look like a misspelt form word and are none
    saint_short: Mapping[str, str] = field(default_factory=dict)
    councils: Collection[tuple[str, ...]] = ()  # «moray primary teacher» names no school
    towns: Collection[tuple[str, ...]] = ()


class Gazetteer:
    """Listed schools and colleges, looked up by the words of their names."""

    def __init__(self, schools: Sequence[School], colleges: Sequence[College], vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.forms = vocabulary.forms
        self.entries: list[Entry] = []
        self.keys: dict[tuple[str, ...], list[tuple[Entry, str, frozenset[str]]]] = {}  # entry, how it was named, its forms by that name
        self.prefixes: set[tuple[str, ...]] = set()
        self.by_authority: defaultdict[str, list[Entry]] = defaultdict(list)
        self.postcodes: defaultdict[str, list[Entry]] = defaultdict(list)
        self.college_domains: dict[str, Entry] = {}
        self._slips: dict[str, str] = {}
        self._heads: dict[int, tuple[str, ...]] = {}
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
        entry = Entry(index=len(self.entries), label=college.name, authority="", kind="college")
        self.entries.append(entry)
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
        if school.postcode:
            self.postcodes[school.postcode.replace(" ", "").upper()].append(entry)
        self._name_keys(name, entry, "core")
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
        for cut in range(2, len(name.full)):
            if name.full[cut] == "and" and name.full[cut - 1] in self.forms.words and name.full[0] not in self.forms.words:
                head = [norm for norm in name.full[:cut] if norm not in self.forms.words]  # «Greyhope School and Community Hub»
                self._key(tuple(head), entry, how, self.forms.of(name.full[:cut]))
                self._heads[entry.index] = tuple(head)
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
        if len(core) == 2 and core[0] != "st" and len(core[0]) + len(core[1]) >= 7:
            self._key(("".join(core),), entry, "variant", forms)
        if core[0] == "st" and len(core) >= 2 and core[1].endswith("s") and len(core[1]) > 4:
            self._key(("st", core[1][:-1], *core[2:]), entry, "variant", forms)  # «St Andrew Primary»
        if any(norm in self.forms.words for norm in name.qualifier):  # «Bun-sgoil Taobh na Pàirce (Parkside Primary)»
            self._key(tuple(norm for norm in name.qualifier if norm not in self.forms.words), entry, how, forms)
        if name.qualifier and name.qualifier != core:
            self._key((*core, *name.qualifier), entry, how, forms)

    def _initials(self, name: Name, entry: Entry) -> None:
        letters = "".join(norm[0] for norm in name.core if norm not in ("of", "the", "and"))
        school = entry.school
        if school is None:
            return
        endings = {"s"} if not name.forms & _MAIN else set()
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

    # ------------------------------------------------------------------ finding
    def scan(self, text: str, found: Sequence[Word], *, limit: int) -> list[Mention]:
        """Every mention in reading order; mentions do not overlap."""
        mentions: list[Mention] = []
        found = self._put_right(found)
        lower = not any(word.capital for word in found[1:]) if len(found) > 3 else False
        upper = not lower and sum(word.raw.isupper() for word in found) * 10 > 7 * len(found) and len(found) > 3
        free = 0
        index, count = 0, len(found)
        while index < count and len(mentions) < limit:
            mention = self._listed(text, found, index, free, lower=lower, upper=upper)
            if (
                mention is None
                and found[index].norm in self.initials
                and found[index].raw.isupper()
                and not upper
                and found[index].norm not in self.vocabulary.never_named
            ):
                word = found[index]
                mention = Mention(
                    first=index,
                    last=index + 1,
                    start=word.start,
                    end=word.end,
                    kind="initials",
                    rule="institution.initials",
                    entries=tuple(self.initials[word.norm]),
                    core=(word.norm,),
                    text=word.raw,
                )
            if mention is None and (self._form(found[index].norm) or found[index].norm in _GAELIC):
                mention = self._unlisted(text, found, index, free, lower=lower, upper=upper)
            if mention is None and found[index].norm in _PLURAL and (several := self._several(text, found, index, lower=lower)):
                while mentions and mentions[-1].last > several[0].first:
                    mentions.pop()
                mentions += several
                index = free = index + 1
                continue
            if mention is None and self._form(found[index].norm):
                mention = self._of_town(text, found, index)
            if mention is None:
                index += 1
                continue
            while mentions and mentions[-1].last > mention.first:
                mentions.pop()
            mentions.append(mention)
            index = mention.last
            free = free if mention.kind == "bare" else mention.last
        return mentions

    def _put_right(self, found: Sequence[Word]) -> Sequence[Word]:
        """«Wick Hihg School»: a slip in a word too short to be told by itself."""
        for index in range(1, len(found)):
            word = found[index - 1]
            if found[index].norm == "school" and word.norm not in self.forms.words and self.is_high(word.norm):
                found = [*found[: index - 1], replace(word, norm="high"), *found[index:]]
        return found

    def is_high(self, norm: str) -> bool:
        """Whether this is «high» with one slip, and no other word that stands before «School»."""
        return 3 <= len(norm) <= 5 and norm not in self._core_words and norm not in STOP_WORDS and OSA.distance(norm, "high", score_cutoff=1) <= 1

    @cached_property
    def _core_words(self) -> frozenset[str]:
        return frozenset(norm for key in self.keys for norm in key)

    def _several(self, text: str, found: Sequence[Word], index: int, *, lower: bool) -> list[Mention]:
        """«Alva, Tillicoultry and Menstrie primaries»: each of them."""
        spelled, form = _PLURAL[found[index].norm]
        names: list[tuple[int, int]] = []
        last = index
        while last > 0 and len(names) < 8:
            first = last
            while first > 0 and first > last - 4 and (found[first - 1].capital or lower) and (first == last or self._near(text, found, first - 1)):
                norm = found[first - 1].norm
                if norm in STOP_WORDS or norm in self.vocabulary.never_named or norm in self.forms.words:
                    break
                first -= 1
            if first == last:
                break
            if lower:
                key = next((at for at in range(first, last) if tuple(word.norm for word in found[at:last]) in self.keys), None)
                if key is None:
                    break
                first = key
            names.append((first, last))
            joiner = first - 1 if first and found[first - 1].norm in ("and", "plus", "or") else first
            gap = text[found[joiner - 1].end : found[first].start] if joiner else ""
            if not joiner or (joiner == first and gap.strip() not in (",", "/")) or len(gap) > 8:
                break
            last = joiner
        if len(names) < 2:
            return []
        mentions: list[Mention] = []
        for first, last in reversed(names):
            core = tuple(word.norm for word in found[first:last])
            known = [(entry, mine) for entry, how, mine in self.keys.get(core, ()) if how != "variant" and entry.kind == "school"]
            entries, rule = self._fitting(known, frozenset(form)) if known else ((), "")
            start, end = found[first].start, found[last - 1].end
            mentions.append(
                Mention(
                    first=first,
                    last=last,
                    start=start,
                    end=end,
                    kind="school" if entries else "unlisted",
                    rule=rule or "institution.unlisted",
                    entries=entries,
                    core=core,
                    forms=frozenset(form),
                    text=f"{text[start:end]} {spelled}",
                )
            )
        return mentions

    def _of_town(self, text: str, found: Sequence[Word], index: int) -> Mention | None:
        """«the high school in Wick», where the list has a Wick High School."""
        last = self._form_run(text, found, index)
        forms = self.forms.of([self._form(word.norm) for word in found[index:last]])
        if not (forms & {"high", "academy", "grammar"}) or index == 0 or found[index - 1].norm not in ("the", "our") or last + 1 >= len(found):
            return None
        if found[last].norm not in ("in", "at") or not all(self._near(text, found, at) for at in range(index - 1, last + 1)):
            return None
        for end in (last + 3, last + 2):
            core = tuple(word.norm for word in found[last + 1 : end])
            if core and core in self.keys and found[last + 1].capital:
                known = [(entry, mine) for entry, how, mine in self.keys[core] if how == "core" and entry.name is not None and entry.name.core == core]
                entries, rule = self._fitting(known, forms)
                if entries and rule == "institution.exact":
                    stop = min(end, len(found))
                    return _mention_of(text, found, index, stop, kind="school", rule="institution.bare", entries=entries, core=core, forms=forms)
        return None

    def _gap(self, text: str, found: Sequence[Word], left: int) -> str:
        return text[found[left].end : found[left + 1].start]

    def _near(self, text: str, found: Sequence[Word], left: int) -> bool:
        """Whether word ``left`` and the next may belong to one name: nothing but space, hyphen or a dot between."""
        gap = self._gap(text, found, left)
        if "\n" in gap:
            line = text.rfind("\n", 0, found[left].end) + 1
            return gap.strip(" -") == "\n" and found[left].end - line > 38
        if "." in gap and len(found[left].norm) > 4:
            return False  # the end of a sentence, not of an abbreviation
        return len(gap) < 5 and not gap.strip(" -.'") and " -" not in gap

    def _form(self, norm: str) -> str:
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
        forms = self.forms.words.get(self._form(norm), ())
        long = forms[0] if len(forms) == 1 else ""
        if len(norm) < 4 or not long or (long != norm and OSA.distance(norm, long) > 2):
            return ""
        if norm == long:
            return piece
        return long.upper() if piece.isupper() else long.capitalize() if piece[:1].isupper() else long

    def _form_run(self, text: str, found: Sequence[Word], start: int) -> int:
        """The end of the run of form words at ``start``; «Primary School and Nursery» is one run."""
        index = start
        while index < len(found) and index < start + 8:
            if index > start or start > 0:
                gap = self._gap(text, found, index - 1)
                bracket = gap.strip(" ") == "(" and text[found[index].end : found[index].end + 1] == ")"
                bracket = bracket or (index == start and gap.strip(" ") == ")" and "(" in text[found[max(0, start - 3)].start : found[start - 1].start])
                if not bracket and (not self._near(text, found, index - 1) or (index > start and "." in gap and len(found[index - 1].norm) > 5)):
                    break
            word = found[index]
            if self._form(word.norm):
                if index > start and word.norm == "school" and found[index - 1].norm == "academy":
                    break  # «Bathgate Academy School taking part ...»: the next cell of a table
                index += 1
            elif (
                word.norm in _JOINERS
                and index > start
                and index + 1 < len(found)
                and self._form(found[index + 1].norm)
                and found[index + 1].capital == found[start].capital
            ):
                index += 1
            else:
                break
        return index

    def _listed(self, text: str, found: Sequence[Word], index: int, free: int, *, lower: bool, upper: bool) -> Mention | None:
        key: tuple[str, ...] = ()
        best: Mention | None = None
        bare: Mention | None = None
        end = index
        variants = self.vocabulary.saint_short
        while end < len(found) and end < index + 8:
            if end > index and not self._near(text, found, end - 1):
                gap = self._gap(text, found, end - 1)
                if "\n" in gap or gap.strip(" ,.'(") or len(gap) > 4:
                    break
            norm = found[end].norm
            if key[-1:] == ("st",):
                norm = variants.get(norm, norm)
            joined = (found[index].norm + norm,) if end == index + 1 else ()
            key = (*key, norm)
            end += 1
            for candidate in (key, joined):
                if candidate and candidate in self.keys:
                    mention = self._mention(text, found, index, end, candidate, free, lower=lower, upper=upper)
                    if mention is None:
                        continue
                    if mention.kind == "bare":
                        bare = mention
                    elif best is None or mention.last > best.last or (mention.last == best.last and candidate is key):
                        best = mention
            if key not in self.prefixes and end > index + 1:
                break
        return best or bare

    def _mention(self, text: str, found: Sequence[Word], first: int, end: int, key: tuple[str, ...], free: int, *, lower: bool, upper: bool) -> Mention | None:
        known = self.keys[key]
        colleges = [entry for entry, _, _ in known if entry.kind == "college"]
        if colleges:
            how = next(how for entry, how, _ in known if entry.kind == "college")
            if how == "support" and not (found[first].raw.isupper() if end - first == 1 else found[first].capital):
                return None
            rule = {"full": "institution.exact", "alias": "institution.alias", "support": "institution.initials"}[how]
            if how != "support" and not found[first].capital and (end - first < 2 or "college" not in key):
                return None
            return _mention_of(text, found, first, end, kind="college", rule=rule, entries=tuple(colleges), core=key)
        known = [item for item in known if item[1] != "variant"] or known  # «Park View» is not «Parkview» where both are listed
        full = tuple(entry for entry, how, _ in known if how == "full")
        last = self._form_run(text, found, end)
        forms = self.forms.of([self._form(word.norm) for word in found[end:last]])
        if not forms and self.forms.of(key) and full:  # a name that is all form, or has none
            return _mention_of(text, found, first, end, kind="school", rule="institution.exact", entries=full, core=key)
        capital = found[first].capital or lower
        if not capital and not forms:
            if not self._telling(key, 1) or key in self.vocabulary.towns or key in self.vocabulary.councils or len("".join(key)) < 6:
                return None
        elif not capital and not (forms & _MAIN and (self._telling(key, len(forms)) or (first > 0 and found[first - 1].norm in ("at", "from")))):
            return None
        place = key in self.vocabulary.councils or key in self.vocabulary.towns
        if forms and place and (upper or not found[end].capital) and self._generic(found, first, last):
            return None
        small = last > end and found[first].capital and not found[end].capital and found[end].norm not in ("ps", "hs")
        if small and not lower and end - first == 1 and first > 0 and found[first - 1].norm in _ARTICLES:
            return None  # «a Moray primary»: a town and a kind of school
        entries, rule = self._fitting([(entry, mine) for entry, _, mine in known], forms)
        if any(how == "alias" for entry, how, _ in known if entry in entries) and rule == "institution.exact":
            rule = "institution.alias"
        if not entries:
            return None
        if not forms:
            if self._bare_refused(found, first, end, key):
                return None
            exact = tuple(entry for entry in entries if entry.name is not None and not entry.name.forms and entry.name.core == key)
            if exact and len(key) > 1 and found[first].capital:
                return _mention_of(text, found, first, end, kind="school", rule="institution.exact", entries=exact, core=key)
            kind = (
                "school"
                if any(how == "alias" and len(key) == 1 and found[first].raw.isupper() and len(key[0]) <= 6 for _, how, _ in known) and not upper
                else "bare"
            )
            return _mention_of(
                text, found, first, end, kind=kind, rule="institution.alias" if kind == "school" else "institution.bare", entries=exact or entries, core=key
            )
        behind = found[last : last + 3]
        if [word.norm for word in behind[:2]] == ["for", "the"] and len(behind) > 2 and behind[2].capital and not upper:
            return None  # «Aberdeen School for the Deaf»
        if (
            [word.norm for word in behind[:1]] == ["of"]
            and len(behind) > 1
            and behind[1].capital
            and not upper
            and (behind[1].norm,) not in self.vocabulary.councils
        ):
            return None  # «Royal School of Dunkeld»
        if longer := self._slipped(text, found, first, last, free, key, forms):
            return longer
        if self._longer_name(text, found, first, free, upper=upper):
            return None
        last, narrowed = self._qualified(text, found, last, entries)
        return _mention_of(text, found, first, last, kind="school", rule=rule, entries=narrowed, core=key, forms=forms)

    @cached_property
    def _longer_keys(self) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
        """Names that end with another name: «victoria park» for «park»."""
        result: defaultdict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
        for key in self.keys:
            for cut in range(1, len(key)):
                if key[cut:] in self.keys:
                    result[key[cut:]].append(key)
        return dict(result)

    def _slipped(self, text: str, found: Sequence[Word], first: int, last: int, free: int, key: tuple[str, ...], forms: frozenset[str]) -> Mention | None:
        """«Vivtoria Park Primary» is a slip for Victoria Park, not Park Primary with a word before it."""
        hits: dict[tuple[str, ...], tuple[Entry, ...]] = {}
        begin = first
        for longer in self._longer_keys.get(key, ()):
            extra = len(longer) - len(key)
            start = first - extra
            if start < free or any(found[at].norm in STOP_WORDS and found[at].norm != "our" for at in (start,)):
                continue
            written, meant = " ".join(word.norm for word in found[start:first]), " ".join(longer[:extra])
            if len(written) < 3 or OSA.distance(written, meant, score_cutoff=1) > 1 or not all(self._near(text, found, at) for at in range(start, first)):
                continue
            entries, rule = self._fitting([(entry, mine) for entry, _, mine in self.keys[longer]], forms)
            if entries and rule == "institution.exact":
                hits[longer] = entries
                begin = min(begin, start)
        if len({entry for entries in hits.values() for entry in entries}) == 0:
            return None
        sure = len(hits) == 1
        entries = tuple(dict.fromkeys(entry for several in hits.values() for entry in several))
        return _mention_of(
            text,
            found,
            begin,
            last,
            kind="school" if sure else "unlisted",
            rule="institution.fuzzy" if sure else "institution.doubtful",
            entries=entries,
            core=next(iter(hits)),
            forms=forms,
        )

    def _telling(self, key: tuple[str, ...], forms: int) -> bool:
        """Whether a name in small letters can only be a name: «wick high school», but not «a central primary»."""
        vocabulary = self.vocabulary
        return not all((forms < 2 and norm in vocabulary.never_bare) or norm in vocabulary.never_named or norm in STOP_WORDS for norm in key)

    def _generic(self, found: Sequence[Word], first: int, last: int) -> bool:
        """«moray primary teacher» tells of a council and a sector, «at moray primary» of a school."""
        after = found[last].norm if last < len(found) else ""
        before = found[first - 1].norm if first else ""
        if tuple(word.norm for word in found[first:last] if word.norm not in self.forms.words) not in self.vocabulary.councils:
            return before in _ARTICLES
        several = sum(word.norm in self.forms.words for word in found[first:last]) > 1 or found[last - 1].norm not in (
            "primary",
            "secondary",
            "school",
            "nursery",
        )
        return (
            before in _ARTICLES
            or after in ("teacher", "teachers", "staff", "teaching", "sector", "probationer", "probationers", "practitioner", "practitioners", "schools")
            or (not several and before not in ("at", "from", "of", "in"))
        )

    def _bare_refused(self, found: Sequence[Word], first: int, end: int, key: tuple[str, ...]) -> bool:
        if all(norm in self.vocabulary.never_bare or norm in STOP_WORDS or len(norm) < 3 for norm in key):
            return True
        return end < len(found) and found[end].norm in (
            "street",
            "road",
            "avenue",
            "lane",
            "drive",
            "place",
            "house",
            "council",
            "university",
            "college",
            "crescent",
            "terrace",
            "way",
            "area",
            "direction",
            "side",
            "town",
            "village",
            "based",
            "library",
            "church",
            "hall",
            "hospital",
            "cluster",
        )

    def _longer_name(self, text: str, found: Sequence[Word], first: int, free: int, *, upper: bool) -> bool:
        """Whether the word before belongs to the name: «North Kirkhill Primary» is not «Kirkhill Primary»."""
        if first == 0 or first <= free - 1 or not self._near(text, found, first - 1) or self._gap(text, found, first - 1).strip() == "-":
            return False
        before = found[first - 1]
        if before.norm in _DIRECTIONS and (before.capital or not found[first].capital or upper):
            return before.norm not in ("over", "our", "new", "middle", "old") or (before.capital and not upper)
        if upper or not before.capital or before.norm in STOP_WORDS or before.norm in self.vocabulary.never_named or before.raw.endswith("'s"):
            return False
        if first > 1 and found[first - 2].norm in _GREETING:
            return False  # «Hi Rob Kirkhill Primary here»
        if before.raw.isupper() or first - 1 == 0 or any(c.isdigit() for c in before.norm):
            return False
        sentence_start = text[: before.start].rstrip(" ")[-1:] in ("", ".", "!", "?", "\n", ":", ";", '"', "(", "-", ",")
        return not sentence_start

    def _fitting(self, entries: Iterable[tuple[Entry, frozenset[str]]], forms: frozenset[str]) -> tuple[tuple[Entry, ...], str]:
        """The entries that the form words fit best, and the rule that says how well."""
        levels = self.forms.level(forms)
        main = forms & _MAIN
        ranked: defaultdict[int, list[Entry]] = defaultdict(list)
        for entry, mine in entries:
            if entry.name is None:
                continue
            if "campus" in forms and "campus" not in mine:
                continue
            if levels and entry.level in ("primary", "secondary") and entry.level not in levels:
                continue
            if main and main <= mine:
                rank = 40
            elif levels == {"primary"}:
                rank = 40 if entry.level == "primary" else 20
            elif main:
                rank = 20 if mine & (_MAIN - {"primary"}) else 30
                if entry.level == "special" and "secondary" not in mine:
                    rank = 20
            else:
                rank = 40 if not mine & _MAIN else 30
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

    def _qualified(self, text: str, found: Sequence[Word], last: int, entries: tuple[Entry, ...]) -> tuple[int, tuple[Entry, ...]]:
        """«..., Coatbridge» or «(Milton)» right behind the name."""
        if len(entries) < 2:
            return last, entries
        after = tuple(word.norm for word in found[last : last + 4])
        for entry in entries:
            if (
                entry.name is not None
                and (qualifier := entry.name.qualifier)
                and (after[: len(qualifier)] == qualifier or (after[:1] == ("in",) and after[1 : 1 + len(qualifier)] == qualifier))
            ):
                gap = text[found[last - 1].end : found[last].start]
                if len(gap) <= 4 and "\n" not in gap and "." not in gap:
                    same = tuple(other for other in entries if other.name is not None and other.name.qualifier == qualifier)
                    return last + len(qualifier) + (after[:1] == ("in",)), same
        return last, entries

    # ------------------------------------------------------------------ names in no list
    def _unlisted(self, text: str, found: Sequence[Word], index: int, free: int, *, lower: bool, upper: bool) -> Mention | None:
        if found[index].norm in _GAELIC:
            return self._gaelic(text, found, index)
        last = self._form_run(text, found, index)
        if last == index and index > 0:
            last = index + 1
        forms = self.forms.of([self._form(word.norm) for word in found[index:last]])
        if (
            last == index
            or not (forms & (_MAIN - {"campus", "infant"}) or "school" in forms or {"community", "campus"} <= forms)
            or ("college" in forms and not found[index].capital)
        ):
            return None
        if (
            not found[index].capital
            and forms <= {"school", "special", "unit", "centre", "learning", "community", "nursery", "rc", "junior", "campus", "gaelic"}
            and len(forms) < 2
        ):
            return None
        first = index
        never = self.vocabulary.never_named
        weak = not lower and not found[index].capital and index > free and not found[index - 1].capital
        while first > free and first > index - 7 and self._near(text, found, first - 1) and "\n" not in self._gap(text, found, first - 1):
            word = found[first - 1]
            if first - 1 > 0 and "." in self._gap(text, found, first - 1) and word.norm != "st" and len(word.norm) > 2:
                break
            if word.norm == "and" and self._place_before(found, first - 1):
                break
            if word.norm in ("rc", "st"):
                first -= 1
                continue
            if self._form(word.norm) and word.norm not in ("learning", "centre", "community", "college"):
                break
            common = (
                (word.norm in never or word.norm in STOP_WORDS)
                and not (word.norm in _DIRECTIONS and word.capital and not upper and first < index)
                and not (len(word.norm) == 1 and word.capital and first > 1 and found[first - 2].norm == "st")
            )
            if word.norm in _INNER and first < index and first - 1 > free and not (word.norm in ("a", "an", "in", "on", "by") and not found[first].capital):
                back = first - 2
                while back > free and found[back].norm in ("of", "the", "na", "nan") and not found[back].capital and self._near(text, found, back - 1):
                    back -= 1  # «Our Lady of the Rosary»
                before = found[back]
                plain = (before.norm not in never and before.norm not in STOP_WORDS) or (len(before.norm) == 1 and first > 2 and found[first - 3].norm == "st")
                if word.norm not in ("in", "on", "a", "by") and not upper and not lower and before.capital and plain and self._near(text, found, first - 2):
                    first = back + 1
                    continue
                break
            if common or (not word.capital and not lower and not weak):
                break
            if any(character.isdigit() for character in word.norm) or (len(word.norm) < 2 and common):
                break
            first -= 1
        if first > free and found[first].norm == "lady" and found[first - 1].norm == "our":
            first -= 1
        while first < index and (
            (
                found[first].norm in never
                and not (found[first].norm in _DIRECTIONS and first + 1 < index)
                and not (found[first].norm == "our" and found[first + 1].norm == "lady")
            )
            or found[first].norm in ("and", "of")
        ):
            first += 1
        core = tuple(word.norm for word in found[first:index] if word.norm != "rc")
        after = [word for word in found[last : last + 3] if word.norm != "the"]
        if not core and found[index].capital and len(forms) > 1 and len(after) > 1 and after[0].norm == "of" and after[1].capital and not upper:
            stop = next(number for number in range(last, len(found)) if found[number] is after[1]) + 1
            # «High School of Ashmuir»
            return _mention_of(text, found, index, stop, kind="unlisted", rule="institution.unlisted", core=(after[1].norm,), forms=forms)
        if not core or core == ("st",) or all(norm in self.vocabulary.never_bare and norm in ("the", "old", "new") for norm in core):
            return None
        if (lower or upper) and len(core) > 3:
            return None
        if lower and first > 0 and found[first - 1].norm not in ("at", "from", "of", "in", "for"):
            weak = True
        if weak and (len(core) > 3 or not forms & _MAIN):
            return None
        if (weak or lower) and len(forms) > 1:  # «from mayfield primary school», «newmilns ps, east ayrshire»
            start_of = not text[: found[first].start].rstrip(" ") or text[: found[first].start].rstrip(" ")[-1] in ".!?\n"
            weak = not (start_of or found[first - 1].norm in ("at", "from", "of"))
        if not found[index].capital and not lower and not (forms & _MAIN) and len(forms) < 2:
            return None
        if not found[index].capital and first > 0 and found[first - 1].norm in _ARTICLES and not (forms & {"school"} and forms & _MAIN and len(core) > 1):
            return None  # «a Glasgow City primary»
        if (core in self.vocabulary.councils or core in self.vocabulary.towns) and (upper or not found[index].capital) and self._generic(found, first, last):
            return None
        if len(after) > 1 and after[0].norm in ("for", "of") and after[1].capital and not upper and not any(c.isdigit() for c in after[1].norm):
            return None  # «School for the Deaf», «School of Education»
        if any(word.norm == "schools" for word in found[index:last]):
            return None  # «Active Schools»
        if core in self.vocabulary.councils and forms <= {"primary", "secondary", "nursery", "special"}:
            return None  # «Glasgow primary teachers»
        if self.by_authority and core[0] not in _DIRECTIONS:
            for cut in range(1, len(core)):  # «Rob Kirkhill Primary School»: a listed name, or a longer one in no list?
                tail, _ = self._fitting([(entry, mine) for entry, how, mine in self.keys.get(core[cut:], ()) if how != "variant"], forms)
                if tail:
                    rule = "institution.doubtful"
                    return _mention_of(text, found, first, last, opens=first + cut, kind="unlisted", rule=rule, entries=tail, core=core, forms=forms)
        if 0 < free == first and self._near(text, found, first - 1):
            return None  # what is left of the name before
        return _mention_of(text, found, first, last, kind="unlisted", rule="institution.unlisted", core=core, forms=forms, weak=weak)

    def _place_before(self, found: Sequence[Word], joiner: int) -> bool:
        """«in Shotts and Coatbridge High»: a town, and then a school."""
        return (
            joiner > 1
            and found[joiner - 2].norm in ("in", "at", "from", "near")
            and ((found[joiner - 1].norm,) in self.vocabulary.towns or (found[joiner - 1].norm,) in self.vocabulary.councils)
        )

    def _gaelic(self, text: str, found: Sequence[Word], index: int) -> Mention | None:
        """«Bun-sgoil Lacasdail», «Sgoil an Rubha»: the form comes first."""
        last = index + 1
        while last < len(found) and last < index + 3 and found[last].norm in ("sgoil", "ghaidhlig") and self._near(text, found, last - 1):
            last += 1
        if not any(word.norm.endswith("sgoil") for word in found[index:last]):
            return None
        begin = last
        while last < len(found) and last < begin + 6 and self._near(text, found, last - 1):
            word = found[last]
            if last > begin and "." in self._gap(text, found, last - 1):
                break
            if word.capital or (word.norm in ("na", "nan", "an", "a", "nam", "am", "loch") and last + 1 < len(found) and found[last + 1].capital):
                last += 1
            else:
                break
        core = tuple(word.norm for word in found[begin:last])
        if not core or not found[last - 1].capital:
            return None
        return _mention_of(text, found, index, last, kind="unlisted", rule="institution.unlisted", core=core, forms=frozenset({"gaelic", "school"}))

    # ------------------------------------------------------------------ second chance
    def second_chance(
        self, mention: Mention, councils: Collection[str], *, beside: bool, before: Sequence[str], score: float, score_council: float, margin: float
    ) -> Mention:
        """The mention with the listed schools that its spelling must mean; if it may mean several, those, as doubtful.

        ``beside``: whether one of the councils stands right beside the name, so that a school elsewhere is no sure answer.
        ``before``: the words before the name, which may belong to it.
        """
        if not self.by_authority:
            return mention
        if any(one == "st" and len(norm.rstrip("s")) == 1 for one, norm in zip(mention.core, mention.core[1:], strict=False)):
            short = self._shortened(mention, councils)
            return replace(mention, kind="school", rule="institution.initials", entries=short) if short else mention
        whole = self._whole(mention, before)
        if len(whole) > 1 and len(local := [entry for entry in whole if entry.authority in councils]) == 1:
            whole = local
        if len({entry.label for entry in whole}) == 1 and (not beside or whole[0].authority in councils):
            return replace(mention, kind="school", rule="institution.fuzzy", entries=tuple(whole))
        doubtful: tuple[Entry, ...] = tuple(whole)
        for pool, least, here in ((self._pool(councils), score_council, True), (self._everything, score, False)):
            if not pool:
                continue
            near, sure = self._nearest(mention, pool, least / 100, margin / 100, here=here)
            if sure and (here or not beside):
                return replace(mention, kind="school", rule="institution.fuzzy", entries=near)
            doubtful = doubtful or near
        return replace(mention, rule="institution.doubtful", entries=doubtful) if doubtful else mention

    def _shortened(self, mention: Mention, councils: Collection[str]) -> tuple[Entry, ...]:
        """«St A and St B's High School»: letters for words, only within the councils that the message names."""
        found: list[Entry] = []
        for council in councils:
            for entry in self.by_authority.get(council, ()):
                core = entry.name.core if entry.name is not None else ()
                if len(core) == len(mention.core) and all(
                    one == other or (len(one.rstrip("s")) == 1 and other[0] == one[0]) for one, other in zip(mention.core, core, strict=True)
                ):
                    found.append(entry)
        entries, rule = self._fitting([(entry, entry.name.forms) for entry in found if entry.name], mention.forms)
        return entries if len({entry.label for entry in entries}) == 1 and rule != "institution.form-differs" else ()

    @cached_property
    def _full_names(self) -> dict[str, list[Entry]]:
        """All words of each listed name, with and without «school» at the end."""
        names: defaultdict[str, list[Entry]] = defaultdict(list)
        for several in self.by_authority.values():
            for entry in several:
                full = entry.name.full if entry.name is not None else ()
                for norms in {full, full[:-1] if full[-1:] == ("school",) else full}:
                    if len(" ".join(norms)) > 9:
                        names[" ".join(norms)].append(entry)
        return dict(names)

    def _whole(self, mention: Mention, before: Sequence[str]) -> list[Entry]:
        """Listed schools whose whole name, form words and all, is one letter away: «High Blanyre Primary School»."""
        mine = [word.norm for word in words(mention.text)]
        for count in range(len(before), -1, -1):
            wanted = " ".join([*before[len(before) - count :], *mine])
            hits = [key for key, _, _ in process.extract(wanted, self._full_names.keys(), scorer=OSA.distance, limit=5, score_cutoff=1)]
            if hits:
                return list(dict.fromkeys(entry for key in hits for entry in self._full_names[key]))
        return []

    def _pool(self, councils: Collection[str]) -> dict[str, list[Entry]]:
        pool: defaultdict[str, list[Entry]] = defaultdict(list)
        for council in councils:
            for entry in self.by_authority.get(council, ()):
                if entry.name is not None and entry.name.core:
                    core = entry.name.core
                    pool[" ".join(core)].append(entry)
                    if entry.index in self._heads:
                        pool[" ".join(self._heads[entry.index])].append(entry)
                    while core and core[0] in _GAELIC:
                        core = core[1:]
                        if core:
                            pool[" ".join(core)].append(entry)
        return pool

    @cached_property
    def _everything(self) -> dict[str, list[Entry]]:
        return self._pool(self.by_authority.keys())

    def _nearest(self, mention: Mention, pool: Mapping[str, list[Entry]], least: float, margin: float, *, here: bool) -> tuple[tuple[Entry, ...], bool]:
        """(the nearest schools, whether one slip of the pen in one name explains what was written).

        One letter off and the only such name of its kind is sure; two letters off only where the name is long
        and the runner-up far. ``here``: the pool is that of the council named, so that a short name may do.
        """
        wanted = " ".join(mention.core)
        if len(wanted) < 3:
            return (), False
        fitting: list[tuple[int, float, tuple[Entry, ...]]] = []
        others: list[tuple[int, tuple[Entry, ...]]] = []
        for key, distance, _ in process.extract(wanted, pool.keys(), scorer=OSA.distance, limit=12, score_cutoff=3):
            likeness = 1 - distance / max(len(key), len(wanted))
            if distance > 1 and (likeness < least - margin or key[0] != wanted[0] or not _same_words(mention.core, key.split())):
                continue
            entries, rule = self._fitting([(entry, entry.name.forms) for entry in pool[key] if entry.name], mention.forms)
            alike = tuple(entry for entry in entries if entry.name and entry.name.forms - {"rc"} == mention.forms - {"rc"})
            if alike and not mention.forms & _MAIN:
                entries = alike  # «Dycw School»: the one that is called School, not the academy
            plain = mention.forms & _MAIN or not any(e.name and e.name.forms & _MAIN - {"primary"} for e in entries)
            if entries and rule == "institution.exact" and plain:
                fitting.append((int(distance), likeness, entries))
            elif distance <= 1:
                others.append((int(distance), entries or tuple(pool[key])))
        if not fitting:
            return tuple(entry for _, several in others for entry in several), False
        best, likeness, entries = fitting[0]
        rivals = [several for distance, like, several in fitting[1:] if distance <= 1 or (best > 1 and likeness - like < margin)]
        enough = (len(wanted) > 4 or here) if best <= 1 else likeness >= least and not others
        if enough and not rivals:
            return entries, True
        return tuple(entry for distance, like, several in fitting if distance <= 1 or like >= least for entry in several), False


def _same_words(written: Sequence[str], listed: Sequence[str]) -> bool:
    """A misspelling changes letters within words: no word is added, dropped or exchanged for another."""
    if len(written) != len(listed):
        one, other = "".join(written), "".join(listed)
        return OSA.distance(one, other, score_cutoff=1) <= 1
    return all(
        one == other or (len(one) > 3 and OSA.normalized_similarity(one, other) >= 0.6 and OSA.distance(one, other) <= 1 + len(one) // 5)
        for one, other in zip(written, listed, strict=True)
    )
