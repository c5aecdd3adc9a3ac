"""Listed names in a text: at which words one begins, and all listed institutions that it may mean there."""

from __future__ import annotations

from rapidfuzz.distance import OSA
from spacy.lang.en.stop_words import STOP_WORDS

from parse.gazetteer.entries import Entry, Mention
from parse.gazetteer.index import LOOSE, MAIN, Index
from parse.gazetteer.passage import Passage
from parse.gazetteer.wordlists import ARTICLES, BELONGS_BEHIND, DIRECTIONS, GREETING, PLURAL, TEACHERS, TITLES

__all__ = ["ListedNames"]

_ONLY = frozenset("local wee big only one".split())  # noqa: SIM905 - «the local high school in Wick»
_SECONDARY = frozenset({"high", "academy", "secondary", "grammar", "school"})


class ListedNames:
    """``ListedNames(index).at(passage, 3, 0)``: the listed name that begins at word 3, or None."""

    def __init__(self, index: Index) -> None:
        self.index, self.vocabulary, self.forms, self.keys = index, index.vocabulary, index.forms, index.keys

    def at(self, passage: Passage, index: int, free: int) -> Mention | None:
        found = passage.words
        if not self._may_begin(passage, index) or (index and found[index - 1].norm in TITLES and passage.near(index - 1)):  # as with most words
            return None
        key: tuple[str, ...] = ()
        best: Mention | None = None
        bare: Mention | None = None
        end = index
        variants = self.vocabulary.saint_short
        while end < len(found) and end < index + 8:
            if end > index and not passage.near(end - 1):
                gap = passage.gap(end - 1)
                wrapped = gap.strip(" ") == "\n" and (*key, found[end].norm) in self.index.prefixes and passage.goes_on(end - 1)
                if not wrapped and ("\n" in gap or gap.strip(" ,.'(") or len(gap) > 4):
                    break
            norm = found[end].norm
            if norm not in self.index.core_words and found[end].raw.endswith("'s") and self._owns((*key, norm[:-1])):
                norm = norm[:-1]  # «SRUC's Barony campus», «Polly from Flora Ashmuir's»
            if key[-1:] == ("st",):
                norm = variants.get(norm, norm)
            joined = (found[index].norm + norm,) if end == index + 1 else ()
            key = (*key, norm)
            joined = () if key in self.keys else joined
            end += 1
            for candidate in (key, joined):
                if candidate and candidate in self.keys:
                    mention = self._mention(passage, index, end, candidate, free)
                    if mention is None:
                        continue
                    if mention.kind == "bare":
                        bare = mention if candidate is key or bare is None or bare.last < mention.last else bare
                    elif best is None or mention.last > best.last or (mention.last == best.last and candidate is key):
                        best = mention
            if key not in self.index.prefixes and end > index + 1:
                break
        return best or bare

    def _owns(self, name: tuple[str, ...]) -> bool:
        """Of schools only a name of several words is taken for one in the possessive: «Gordon's» is a man's."""
        return name in self.index.college_names or (len(name) > 1 and name in self.keys)

    def _may_begin(self, passage: Passage, index: int) -> bool:
        norm, first_words = passage.words[index].norm, self.index.first_words
        if norm in first_words or norm == "st" or norm.removesuffix("s") in first_words:  # «SRUC's»
            return True
        return index + 1 < len(passage.words) and (norm + passage.words[index + 1].norm,) in self.keys  # «Park View» for «Parkview»

    def _mention(self, passage: Passage, first: int, end: int, key: tuple[str, ...], free: int) -> Mention | None:
        """What the name ``[first, end)`` means together with the form words behind it, if it is one here."""
        found, known = passage.words, self.keys[key]
        if any(entry.kind == "college" for entry, _, _ in known):
            return self._college(passage, first, end, key)
        known = [item for item in known if item[1] not in LOOSE] or known  # «Park View» is not «Parkview» where both are listed
        last = self.index.form_run(passage, end)
        forms = self.forms.of([self.index.form(word.norm) for word in found[end:last]])
        full = tuple(entry for entry, how, _ in known if how == "full")
        if not forms and self.forms.of(key) and full:  # a name that is all form, or has none
            return passage.mention(first, end, kind="school", rule="institution.exact", entries=full, core=key)
        if self._common_words(passage, first, end, last, key, forms):
            return None
        entries, rule = self.index.fitting([(entry, mine) for entry, _, mine in known], forms)
        if any(how == "alias" for entry, how, _ in known if entry in entries) and rule == "institution.exact":
            rule = "institution.alias"
        if not entries:
            return None
        if not forms:
            return self._bare(passage, first, end, key, entries)
        if self._goes_on(passage, last):
            return None
        if longer := self._slipped(passage, first, last, free, key, forms):
            return longer
        if self.longer_name(passage, first, free):
            return None
        last, narrowed = self._qualified(passage, last, entries)
        return passage.mention(first, last, kind="school", rule=rule, entries=narrowed, core=key, forms=forms)

    def _college(self, passage: Passage, first: int, end: int, key: tuple[str, ...]) -> Mention | None:
        found = passage.words
        colleges = [(entry, how) for entry, how, _ in self.keys[key] if entry.kind == "college"]
        how = colleges[0][1]
        if how == "support" and not (found[first].raw.isupper() if end - first == 1 else found[first].capital):
            return None
        if how != "support" and not found[first].capital and (end - first < 2 or not ("college" in key or (passage.lower and "uhi" in key))):
            return None
        rule = {"full": "institution.exact", "alias": "institution.alias", "support": "institution.initials"}[how]
        return passage.mention(first, end, kind="college", rule=rule, entries=tuple(entry for entry, _ in colleges), core=key)

    def _common_words(self, passage: Passage, first: int, end: int, last: int, key: tuple[str, ...], forms: frozenset[str]) -> bool:
        """Whether the words are no name here, but common ones: «a central primary», «moray primary teacher»."""
        found, vocabulary = passage.words, self.vocabulary
        place = key in vocabulary.councils or key in vocabulary.towns
        if not (found[first].capital or passage.lower):
            if not forms:
                if not self._telling(key, 1) or place or len("".join(key)) < 6:
                    return True
            elif not (forms & MAIN and (self._telling(key, len(forms)) or (first > 0 and found[first - 1].norm in ("at", "from")))):
                return True
        if forms and place and (passage.upper or not found[end].capital) and self.generic(passage, first, last):
            return True
        small = last > end and found[first].capital and not found[end].capital and found[end].norm not in ("ps", "hs")
        article = first > 0 and found[first - 1].norm in ARTICLES and passage.near(first - 1)
        return small and not passage.lower and end - first == 1 and article  # «a Moray primary»

    def _bare(self, passage: Passage, first: int, end: int, key: tuple[str, ...], entries: tuple[Entry, ...]) -> Mention | None:
        """A name without a form word."""
        word = passage.words[first]
        if self._bare_refused(passage, first, end, key) or all(how == "short" for _, how, _ in self.keys[key]):
            return None
        exact = tuple(entry for entry in entries if entry.name is not None and not entry.name.forms and entry.name.core == key)
        if exact and len(key) > 1 and word.capital:
            return passage.mention(first, end, kind="school", rule="institution.exact", entries=exact, core=key)
        short = len(key) == 1 and word.raw.isupper() and len(key[0]) <= 6 and not passage.upper
        known = [item for item in self.keys[key] if item[1] not in LOOSE] or self.keys[key]
        if short and any(how == "alias" for _, how, _ in known):
            return passage.mention(first, end, kind="school", rule="institution.alias", entries=exact or entries, core=key)
        return passage.mention(first, end, kind="bare", rule="institution.bare", entries=exact or entries, core=key)

    def _goes_on(self, passage: Passage, last: int) -> bool:
        """«Aberdeen School for the Deaf», «Royal School of Dunkeld»: another name."""
        if passage.upper:
            return False
        behind = passage.words[last : last + 3]
        norms = [word.norm for word in behind]
        if norms[:2] == ["for", "the"]:
            return len(behind) > 2 and behind[2].capital
        return norms[:1] == ["of"] and len(behind) > 1 and behind[1].capital and (norms[1],) not in self.vocabulary.councils

    def _slipped(self, passage: Passage, first: int, last: int, free: int, key: tuple[str, ...], forms: frozenset[str]) -> Mention | None:
        """«Vivtoria Park Primary» is a slip for Victoria Park, not Park Primary with a word before it."""
        found = passage.words
        hits: dict[tuple[str, ...], tuple[Entry, ...]] = {}
        begin = first
        for longer in self.index.longer_keys.get(key, ()):
            extra = len(longer) - len(key)
            start = first - extra
            if start < free or any(found[at].norm in STOP_WORDS and found[at].norm != "our" for at in (start,)):
                continue
            written, meant = " ".join(word.norm for word in found[start:first]), " ".join(longer[:extra])
            if len(written) < 3 or OSA.distance(written, meant, score_cutoff=1) > 1 or not all(passage.near(at) for at in range(start, first)):
                continue
            entries, rule = self.index.fitting([(entry, mine) for entry, _, mine in self.keys[longer]], forms)
            if entries and rule == "institution.exact":
                hits[longer] = entries
                begin = min(begin, start)
        if len({entry for entries in hits.values() for entry in entries}) == 0:
            return None
        sure = len(hits) == 1
        entries = tuple(dict.fromkeys(entry for several in hits.values() for entry in several))
        kind, rule = ("school", "institution.fuzzy") if sure else ("unlisted", "institution.doubtful")
        return passage.mention(begin, last, kind=kind, rule=rule, entries=entries, core=next(iter(hits)), forms=forms)

    def _telling(self, key: tuple[str, ...], forms: int) -> bool:
        """Whether a name in small letters can only be a name: «wick high school», but not «a central primary»."""
        vocabulary = self.vocabulary
        return not all((forms < 2 and norm in vocabulary.never_bare) or norm in vocabulary.never_named or norm in STOP_WORDS for norm in key)

    def generic(self, passage: Passage, first: int, last: int) -> bool:
        """«moray primary teacher» tells of a council and a sector, «at moray primary» of a school."""
        found = passage.words
        after = found[last].norm if last < len(found) else ""
        before = found[first - 1].norm if first else ""
        if tuple(word.norm for word in found[first:last] if word.norm not in self.forms.words) not in self.vocabulary.councils:
            return before in ARTICLES
        several = sum(word.norm in self.forms.words for word in found[first:last]) > 1 or found[last - 1].norm not in (
            "primary",
            "secondary",
            "school",
            "nursery",
        )
        return before in ARTICLES or after in TEACHERS or (not several and before not in ("at", "from", "of", "in"))

    def _bare_refused(self, passage: Passage, first: int, end: int, key: tuple[str, ...]) -> bool:
        found = passage.words
        if all(norm in self.vocabulary.never_bare or norm in STOP_WORDS or len(norm) < 3 for norm in key):
            whole = len(key) > 1 and key[0] not in DIRECTIONS and key[0] != "the" and all(word.capital for word in found[first:end])
            before = found[first - 1].norm if first else ""
            if not (whole and not passage.upper) and not ((before in ("at", "its") or first == 0) and key[0] not in DIRECTIONS and self._ends(passage, end)):
                return True  # but «I'm at King's Park», «I'm at Marr.», «It's Grove, in Dundee»
        return end < len(found) and found[end].norm in BELONGS_BEHIND and passage.near(end - 1)  # not «Reston. Council: ...»

    def _ends(self, passage: Passage, end: int) -> bool:
        """Whether nothing that belongs to a name follows: «at Marr.», «at Marr in Troon»."""
        found = passage.words
        if not found[end - 1].capital or passage.upper or passage.lower:
            return False
        return end >= len(found) or passage.gap(end - 1) != " " or found[end].norm in ("in", "and", "for", "since", "where")

    def longer_name(self, passage: Passage, first: int, free: int) -> bool:
        """Whether the word before belongs to the name: «North Kirkhill Primary» is not «Kirkhill Primary»."""
        text, found, upper = passage.text, passage.words, passage.upper
        if first == 0 or first <= free - 1 or not passage.near(first - 1) or passage.gap(first - 1).strip() == "-":
            return False
        before = found[first - 1]
        if before.norm in DIRECTIONS and (before.capital or not found[first].capital or upper):
            return before.norm not in ("over", "our", "new", "middle", "old") or (before.capital and not upper)
        if upper or not before.capital or before.norm in STOP_WORDS or before.norm in self.vocabulary.never_named or before.raw.endswith("'s"):
            return False
        if first > 1 and found[first - 2].norm in GREETING:
            return False  # «Hi Rob Kirkhill Primary here»
        if before.raw.isupper() or first - 1 == 0 or any(c.isdigit() for c in before.norm):
            return False
        sentence_start = text[: before.start].rstrip(" ")[-1:] in ("", ".", "!", "?", "\n", ":", ";", '"', "(", "-", ",")
        return not sentence_start

    def _qualified(self, passage: Passage, last: int, entries: tuple[Entry, ...]) -> tuple[int, tuple[Entry, ...]]:
        """«..., Coatbridge» or «(Milton)» right behind the name."""
        text, found = passage.text, passage.words
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

    def of_town(self, passage: Passage, index: int) -> Mention | None:
        """«the high school in Wick», where the list has a Wick High School."""
        found = passage.words
        last = self.index.form_run(passage, index)
        forms = self.forms.of([self.index.form(word.norm) for word in found[index:last]])
        if not (forms & {"high", "academy", "grammar", "primary", "secondary"}) or index == 0 or last >= len(found):
            return None
        if found[index - 1].norm not in ("the", "our") and not (index > 1 and found[index - 1].norm in _ONLY and found[index - 2].norm in ("the", "our")):
            return None
        begin = last  # of the town
        if passage.gap(last - 1).strip(" ") != ",":  # «the Academy, Peterhead»
            begin += found[begin].norm in ("here", "up", "over", "down", "out", "round", "through", "doon", "oot")
            if begin + 1 >= len(found) or found[begin].norm not in ("in", "at", "on", "of") or not all(passage.near(at) for at in range(index - 1, begin + 1)):
                return None
            begin += 1
        ahead = tuple(word.norm for word in found[begin : begin + 4])
        if any(ahead[:count] in self.vocabulary.councils for count in (2, 3, 4)):
            return None  # «the Primary, West Lothian» is no West Primary
        for end in (begin + 2, begin + 1):
            core = ahead[: end - begin]
            if core and (found[begin].capital or core in self.vocabulary.towns) and (core in self.keys or core in self.index.town_schools):
                known = [
                    (entry, mine)
                    for entry, how, mine in self.keys.get(core, ())
                    if how == "short" or (how == "core" and entry.name is not None and entry.name.core == core)
                ]
                if forms <= _SECONDARY and (sole := self.index.town_schools.get(core)):
                    return passage.mention(index, min(end, len(found)), kind="school", rule="institution.bare", entries=(sole,), core=core, forms=forms)
                entries, rule = self.index.fitting(known, forms)
                # «the high school in Forres» is Forres Academy, where no other secondary has the name
                only = forms <= _SECONDARY and len({entry.label for entry, _ in known if entry.level == "secondary"}) == 1
                if entries and (rule == "institution.exact" or only):
                    stop = min(end, len(found))
                    return passage.mention(index, stop, kind="school", rule="institution.bare", entries=entries, core=core, forms=forms)
        return None

    def several(self, passage: Passage, index: int) -> list[Mention]:
        """«Alva, Tillicoultry and Menstrie primaries»: each of them."""
        text, found, lower = passage.text, passage.words, passage.lower
        spelled, form = PLURAL[found[index].norm]
        names: list[tuple[int, int]] = []
        last = index
        if not index or "\n" in passage.gap(index - 1):
            return []  # «Ashmuir, Elmbank.⏎Primaries that declined: ...»
        while last > 0 and len(names) < 8:
            first = last
            while first > 0 and first > last - 4 and (found[first - 1].capital or lower) and (first == last or passage.near(first - 1)):
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
        if len(names) < 2 or tuple(word.norm for word in found[names[-1][0] : names[0][1]]) in self.vocabulary.councils:
            return []  # «both Argyll and Bute primaries»
        mentions: list[Mention] = []
        for first, last in reversed(names):
            core = tuple(word.norm for word in found[first:last])
            known = [(entry, mine) for entry, how, mine in self.keys.get(core, ()) if how not in LOOSE and entry.kind == "school"]
            entries, rule = self.index.fitting(known, frozenset(form)) if known else ((), "")
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
