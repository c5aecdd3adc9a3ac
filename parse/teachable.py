"""What a correction could teach: which of the member's words stood for what a person put right, and whether they may.

``Teachable(reader).suggest(reading, slot, value)`` gives aliases to offer, the likeliest first: names that were read and not
known, initials that fit, words that look like the name, a place that no list has, the address's domain, the clause that
spoke of an activity. ``refusal`` says in words why something cannot be remembered, ``caution`` what to think of first.

Promise: pure. What is refused: two letters, words that members use otherwise, the names of councils and towns, and whatever would
gainsay a listed name where it is to hold.

What it does badly: it looks for words near the value's own; a nickname that shares no letter with the school is only found behind
«at», «from» or «in».
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rapidfuzz.distance import OSA
from spacy.lang.en.stop_words import STOP_WORDS

from mailroom.model import AliasKind, ParsedMessage, Reading, Remembered, Slot, ZoneKind
from parse.activities import ACTIVITIES
from parse.authorities import PLACE, STRONG, SUPPORT, TOWN
from parse.gazetteer import Entry
from parse.gazetteer.remembered import are_initials
from parse.reader import Reader
from parse.schoolnames import Word, take_apart, words
from parse.textview import TextView
from parse.views import views

__all__ = ["Suggestion", "Teachable", "key_of"]

MOST = 3  # offers for one field
LONGEST = 8  # words of a name
LONGEST_PHRASE, SHORTEST_PHRASE = 20, 3
_OWN = frozenset({"subject", ZoneKind.OWN, ZoneKind.INLINE_ANSWER, ZoneKind.SIGNATURE})
_TYPED = frozenset({ZoneKind.OWN, ZoneKind.INLINE_ANSWER})
_PASSED = frozenset({"mentioned_former", "mentioned_other", "mentioned_denied", "mentioned_home", "mentioned_in_quote", "mentioned_in_forwarded"})
_LEADS = frozenset({"at", "from", "in", "for", "of", "to", "near", "outside"})
_SMALL = frozenset({"of", "the", "and", "for"})
_DOMAIN = re.compile(r"(?=.{4,190}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")
_CLAUSE = re.compile(r"[,;:()\n]| - |\b(?:and|but|because|although|which|who)\b")


def key_of(kind: AliasKind, written: str) -> str:
    """The words as they are compared: without case, accents and dots."""
    if kind is AliasKind.DOMAIN:
        return written.strip().lower().lstrip("@")
    return " ".join(word.norm for word in _words(written))


def _words(text: str) -> list[Word]:
    return words(text.replace("\u2019", "'"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """``written`` may stand for a value. ``council``: where it should hold, "" everywhere."""

    kind: AliasKind
    written: str
    means: str
    council: str = ""
    stands_in: str = ""

    def remembered(self, number: int = 0) -> Remembered:
        return Remembered(id=number, kind=self.kind, written=self.written, means=self.means, council=self.council, stands_in=self.stands_in)


class Teachable:
    """What the rules of ``reader`` could be taught."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.rules, self.gazetteer, self.authorities = reader.institutions, reader.gazetteer, reader.authorities
        self.vocabulary = self.rules.vocabulary
        self._taught = frozenset(alias.id for alias in reader.aliases)

    # --- what cannot be remembered

    def refusal(self, wish: Suggestion) -> str:
        """Why not, in words; "" where nothing stands in the way."""
        if not wish.written.strip() or not wish.means.strip():
            return "write the member's words, and what they mean"
        if wish.council and wish.council not in self.authorities.names:
            return f"«{wish.council}» is no council that the programme knows"
        if wish.stands_in and wish.stands_in not in self.authorities.names:
            return f"«{wish.stands_in}» is no council that the programme knows"
        checks = {
            AliasKind.INSTITUTION: self._not_an_institution,
            AliasKind.AUTHORITY: self._not_a_council,
            AliasKind.DOMAIN: self._not_a_domain,
            AliasKind.ACTIVITY: self._not_a_phrase,
        }
        return checks[wish.kind](wish)

    def _not_an_institution(self, wish: Suggestion) -> str:
        said = _words(wish.written)
        if reason := self._too_common(said, wish.written):
            return reason
        key = tuple(word.norm for word in said)
        where = f" in {wish.council}" if wish.council else ""
        if wish.council and wish.stands_in and wish.council != wish.stands_in:
            return f"{wish.means} is in {wish.stands_in}, so its name cannot hold in {wish.council} only"
        alias = self.authorities.aliases.get(key)
        if alias is not None and not alias.remembered:
            return f"«{wish.written}» is the name of a {'town' if alias.kind == TOWN else 'council or its town'}; people write it for other reasons"
        mine = self._of_name(wish.means, wish.stands_in or wish.council)
        if len({entry.authority for entry in mine}) > 1:
            return f"several councils have a {wish.means}; say which one"
        named = [entry for entry in self._exactly(wish.written) if not wish.council or entry.authority in (wish.council, "")]
        if others := _labels(entry for entry in named if entry not in mine):
            return f"«{wish.written}» is the name of {others}{where}"
        if named:
            return f"«{wish.written}» is in the list, and is read without being remembered"
        if are_initials(wish.written) and not wish.council and (others := _labels(e for e in self.gazetteer.initials.get(key[0], ()) if e not in mine)):
            return f"«{wish.written}» may also mean {others}; remember it for one council"
        return ""

    def _not_a_council(self, wish: Suggestion) -> str:
        said = _words(wish.written)
        if wish.means not in self.authorities.names:
            return f"«{wish.means}» is no council that the programme knows"
        if reason := self._too_common(said, wish.written):
            return reason
        known = self.authorities.aliases.get(tuple(word.norm for word in said))
        if known is not None and known.kind in (STRONG, PLACE, SUPPORT) and not known.remembered:
            if known.councils != (wish.means,):
                return f"«{wish.written}» means {known.councils[0]} already"
            if known.kind != SUPPORT:
                return f"«{wish.written}» is known as {wish.means} already"
        if entries := [entry for entry in self._exactly(wish.written) if entry.kind == "college" or (entry.name and entry.name.forms)]:
            return f"«{wish.written}» is the name of {_labels(entries)}"
        return ""

    def _not_a_domain(self, wish: Suggestion) -> str:
        domain = key_of(AliasKind.DOMAIN, wish.written)
        if not _DOMAIN.fullmatch(domain):
            return f"«{wish.written}» is no domain of e-mail addresses"
        if domain in self.rules.shared_domains:
            return f"anybody may have an address at {domain}"
        if council := self.authorities.domains.get(domain):
            return f"everybody who works for {council} has an address at {domain}"
        if entry := self.gazetteer.college_domains.get(domain):
            return f"{domain} is known as {entry.label}'s already"
        known = (*self.authorities.domains, *self.gazetteer.college_domains, *self.rules.shared_domains)
        if below := next((one for one in sorted(known) if one.endswith(f".{domain}")), ""):
            return f"{below} is a part of {domain}, so others than this school write from there"
        mine = self._of_name(wish.means, wish.stands_in)
        if len({entry.authority for entry in mine}) > 1:
            return f"several councils have a {wish.means}; say which one"
        return ""

    def _not_a_phrase(self, wish: Suggestion) -> str:
        said = _words(wish.written)
        if wish.means not in ACTIVITIES:
            return f"«{wish.means}» is no activity of the programme"
        if len(said) < SHORTEST_PHRASE or len({word.norm for word in said} - STOP_WORDS) < 2:
            return "a phrase needs three words or more, two of them telling ones, or it is read where nobody means it"
        if len(said) > LONGEST_PHRASE:
            return f"a phrase of more than {LONGEST_PHRASE} words will not be written again; shorten it to what tells the activity"
        return ""

    def _too_common(self, said: Sequence[Word], written: str) -> str:
        if not said or len("".join(word.norm for word in said)) < 3:
            return f"«{written}» is too short: two letters mean too many things"
        if len(said) > LONGEST:
            return f"a name has at most {LONGEST} words"
        vocabulary, forms = self.vocabulary, self.vocabulary.forms.words
        formed = any(word.norm in forms for word in said)  # «Park Academy» can only be a school, «Park» can be anything
        common = [
            word.norm in STOP_WORDS or word.norm in vocabulary.never_named or word.norm in forms or (not formed and word.norm in vocabulary.never_bare)
            for word in said
        ]
        if all(common) or all(word.norm.isdigit() for word in said):
            return f"«{written}» is written for other things as well"
        return ""

    def caution(self, wish: Suggestion) -> str:
        """What to think of first, in words; "" where nothing speaks against it."""
        key = tuple(word.norm for word in _words(wish.written))
        if wish.kind is AliasKind.INSTITUTION:
            mine = self._of_name(wish.means, wish.stands_in or wish.council)
            if are_initials(wish.written) and (
                others := _labels(e for e in self.gazetteer.initials.get(key[0], ()) if e not in mine and e.authority == wish.council)
            ):
                return f"they are also the initials of {others}"
            if not mine:
                return f"{wish.means} is in no list of schools, so look first whether it is spelt right"
            if not wish.council and len(key) == 1:
                return "one word, and everywhere: whoever writes it with a capital letter is taken to mean this school"
        if wish.kind is AliasKind.DOMAIN:
            if council := self.authorities.of_domain(key_of(AliasKind.DOMAIN, wish.written)):
                return f"it is a part of {council}'s addresses: if others than this school write from there, they are taken to work at it too"
            return "whoever writes from there, and names no school, is taken to work at this one"
        if wish.kind is AliasKind.AUTHORITY and (known := self.authorities.aliases.get(key)) is not None and known.kind == TOWN:
            return f"a town of that name is in {' or '.join(filter(None, known.councils))}"
        return ""

    def _exactly(self, written: str) -> list[Entry]:
        """The listed institutions whose name, or a name that a list gives them, these words are as a whole."""
        text = " ".join(written.replace("\u2019", "'").split())
        said = words(text)
        key = tuple(word.norm for word in said)
        full = [entry for entry, how, _ in self.gazetteer.keys.get(key, ()) if how in ("full", "alias", "support", "core")]
        mentions = self.gazetteer.scan(text, said, limit=4, without=self._taught)
        whole = [m for m in mentions if m.first == 0 and m.last == len(said) and m.rule in ("institution.exact", "institution.alias")]
        return list(dict.fromkeys((*full, *(entry for mention in whole for entry in mention.entries))))

    def _of_name(self, name: str, council: str) -> list[Entry]:
        plain = name.casefold()
        found = [entry for entry in self.gazetteer.entries if entry.label.casefold() == plain]
        return [entry for entry in found if entry.authority in (council, "")] if council else found

    def placed(self, wish: Suggestion) -> Suggestion:
        """With the institution's council, where it was not said and follows from the list or from where the words are to hold."""
        if wish.kind not in (AliasKind.INSTITUTION, AliasKind.DOMAIN) or wish.stands_in:
            return wish
        places = {entry.authority for entry in self._of_name(wish.means, wish.council)}
        return replace(wish, stands_in=next(iter(places)) if len(places) == 1 else wish.council)

    # --- what could be

    def suggest(self, reading: Reading, slot: Slot, value: str, *, council: str = "") -> list[Suggestion]:
        """What ``reading``'s message could teach when ``slot`` is put right to ``value``; ``council``: the one that goes with an institution."""
        makers = {Slot.INSTITUTION: self._institutions, Slot.AUTHORITY: self._councils, Slot.ACTIVITY: self._phrases}
        if slot not in makers:
            return []
        found: list[Suggestion] = []
        seen: set[tuple[AliasKind, str]] = set()
        for wish in makers[slot](reading, value, council):
            key = (wish.kind, key_of(wish.kind, wish.written))
            if wish.kind is AliasKind.DOMAIN and found:
                continue  # the name is enough, and an address says less
            if key not in seen and not self.refusal(wish):
                found.append(wish)
            seen.add(key)
        return found[:MOST]

    def _institutions(self, reading: Reading, name: str, council: str) -> Iterator[Suggestion]:
        listed = self._of_name(name, council)
        places = {entry.authority for entry in listed}
        stands_in = next(iter(places)) if len(places) == 1 else council
        known = Suggestion(kind=AliasKind.INSTITUTION, written=name, means=name, stands_in=stands_in)
        unlisted = not listed and bool(take_apart(name, self.vocabulary.forms).core)
        as_written = unlisted and any(c.slot is Slot.INSTITUTION and c.value == name for c in reading.extraction.candidates)
        if as_written:
            yield known
        for written in () if as_written else self._names(reading, name):
            # Initials and single words mean other things elsewhere; a whole name is the school's own.
            scope = "" if take_apart(written, self.vocabulary.forms).forms and not are_initials(written) else stands_in
            yield Suggestion(kind=AliasKind.INSTITUTION, written=written, means=name, council=scope, stands_in=stands_in)
        if unlisted:
            yield known
        sender = reading.parsed.sender
        if sender is not None and sender.domain:
            yield Suggestion(kind=AliasKind.DOMAIN, written=sender.domain, means=name, stands_in=stands_in)

    def _names(self, reading: Reading, name: str) -> Iterator[str]:
        """What the member wrote for the school: the likeliest first."""
        apart = take_apart(name, self.vocabulary.forms)
        letters = _initials_of(name)
        said = [
            " ".join(c.evidence.text.split())
            for c in reading.extraction.candidates
            if c.slot is Slot.INSTITUTION and c.evidence.where in _OWN and c.note not in _PASSED
        ]
        passed = {key_of(AliasKind.INSTITUTION, c.evidence.text) for c in reading.extraction.candidates if c.slot is Slot.INSTITUTION and c.note in _PASSED}
        tokens = [(word, before) for word, before in _capitals(reading.parsed) if word.norm not in passed]
        yield from (written for written in said if are_initials(written) and key_of(AliasKind.INSTITUTION, written) in letters)
        yield from (word.raw for word, _ in tokens if are_initials(word.raw) and word.norm in letters)
        yield from (written for written in said if not are_initials(written))
        if len(apart.core) > 1:
            yield from _runs(reading.parsed, apart.core)
        else:
            yield from (word.raw for word, _ in tokens if not are_initials(word.raw) and any(_alike(word.norm, core) for core in apart.core))
        yield from (written for written in said if are_initials(written))
        yield from (word.raw for word, before in tokens if are_initials(word.raw) and before in _LEADS)
        yield from (word.raw for word, before in tokens if before == "at")

    def _councils(self, reading: Reading, council: str, _: str) -> Iterator[Suggestion]:
        for candidate in reading.extraction.candidates:
            if candidate.slot is Slot.AUTHORITY and candidate.evidence.where in _OWN and candidate.note not in _PASSED:
                yield Suggestion(kind=AliasKind.AUTHORITY, written=" ".join(candidate.evidence.text.split()), means=council)
        schools = {
            word.norm
            for c in reading.extraction.candidates
            if c.slot is Slot.INSTITUTION
            for word in _words(c.evidence.text)
        }  # fmt: skip
        for word, before in _capitals(reading.parsed):
            if before in ("in", "for") and word.norm not in schools and not are_initials(word.raw):
                yield Suggestion(kind=AliasKind.AUTHORITY, written=word.raw, means=council)

    def _phrases(self, reading: Reading, activity: str, _: str) -> Iterator[Suggestion]:
        """The clauses of the member's own words that spoke of an activity, the plainest first; none that names where somebody works."""
        spoke = [c for c in reading.extraction.candidates if c.slot is Slot.ACTIVITY and c.evidence.where in _TYPED]
        places = {c.evidence.text for c in reading.extraction.candidates if c.slot in (Slot.INSTITUTION, Slot.AUTHORITY)}
        for candidate in sorted(spoke, key=lambda c: (c.value != activity, -c.strength))[:2]:
            clause = _clause(reading.parsed.body, candidate.evidence.start, candidate.evidence.end)
            if not any(place in clause for place in places):
                yield Suggestion(kind=AliasKind.ACTIVITY, written=clause, means=activity)


def _labels(entries: Iterator[Entry] | Sequence[Entry]) -> str:
    names = list(dict.fromkeys(f"{entry.label} ({entry.authority})" if entry.authority else entry.label for entry in entries))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _initials_of(name: str) -> frozenset[str]:
    """«phs», and without small words."""
    norms = [word.norm for word in _words(name.partition(" - ")[0])]
    return frozenset({"".join(norm[0] for norm in norms), "".join(norm[0] for norm in norms if norm not in _SMALL)})


def _alike(one: str, other: str) -> bool:
    """«porty» and «portobello», «portobelo»: four letters from the start, or all but two."""
    return one == other or (len(one) >= 4 and (one[:4] == other[:4] or (len(one) > 5 and OSA.distance(one, other, score_cutoff=2) <= 2)))


def _runs(parsed: ParsedMessage, core: Sequence[str]) -> Iterator[str]:
    """Where the member's text has two or more words of a longer name one behind the other, the longest first."""
    found: list[tuple[int, str]] = []
    for view in views(parsed):
        if view.where not in _OWN:
            continue
        said, at = words(view.folded), 0
        while at < len(said):
            longest = 0
            for begin in range(len(core)):
                length = 0
                while begin + length < len(core) and at + length < len(said) and _alike(said[at + length].norm, core[begin + length]):
                    length += 1
                longest = max(longest, length)
            if longest > 1:
                found.append((longest, view.folded[said[at].start : said[at + longest - 1].end]))
            at += max(1, longest)
    yield from (" ".join(text.split()) for _, text in sorted(found, key=lambda run: -run[0]))


def _capitals(parsed: ParsedMessage) -> Iterator[tuple[Word, str]]:
    """Words with a capital letter in the member's own text that open no sentence, each with the word before it."""
    for view in views(parsed):
        if view.where not in _OWN:
            continue
        said = words(view.folded)
        opens = set(_openings(view))
        for at, word in enumerate(said):
            if (word.raw.isupper() and len(word.norm) > 2) or (word.capital and word.start not in opens and len(word.norm) > 2):
                yield word, said[at - 1].norm if at else ""


def _openings(view: TextView) -> Iterator[int]:
    for span in view.sentences:
        yield span.start_char


def _clause(body: str, start: int, end: int) -> str:
    """The clause around ``body[start:end]``, of at most twelve words, in one line."""
    left = body[max(0, start - 200) : start]
    right = body[end : end + 200]
    for mark in (".", "!", "?"):
        left, right = left.rpartition(mark)[2], right.partition(mark)[0]
    cuts = list(_CLAUSE.finditer(left))
    left = left[cuts[-1].end() :] if cuts else left
    cut = _CLAUSE.search(right)
    right = right[: cut.start()] if cut else right
    middle = body[start:end].split()
    room = max(0, 12 - len(middle))
    before, after = left.split(), right.split()
    before = before[max(0, len(before) - max(room - len(after), room // 2)) :] if room else []
    after = after[: max(0, room - len(before))]
    return " ".join([*before, *middle, *after])
