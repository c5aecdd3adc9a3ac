"""Which schools, colleges and councils a member takes part for: one, several or none, never a guess.

Finding and choosing are apart. Finding gives every mention in every zone with all that it may mean.
Choosing weighs whose words a mention stands in (own words before subject before signature before
attachments; quotes and forwarded text never) and what the words around it say (taught there, left it,
a neighbour's, denied, home), then settles namesakes by what the whole message says of council, town,
postcode and e-mail domain. What stays open is said: options and a reason, and the field is empty.

Promise: every candidate, also the losing ones, keeps its span; work is linear in the text, and bounded.

What it does badly: it reads sentence by sentence, so «my old school. Ashmuir Primary.» is not seen as
a former school; and a second school that takes part is only seen as such where the words say so.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from spacy.tokens import Span

from mailroom.errors import ProgrammeError
from mailroom.model import Candidate, Evidence, ParsedMessage, Reason, Slot
from parse.authorities import PLACE, STRONG, SUPPORT, TOWN, Alias, Authorities
from parse.gazetteer import Entry, Gazetteer, Mention, Vocabulary, load_colleges
from parse.phrases import Hit, Phrase, PhraseMatcherSet
from parse.rulefile import RuleFile, compile_rules, load_rules
from parse.schoolnames import Forms, School, Word, fold, words
from parse.textview import TextView

__all__ = ["InstitutionFinder", "Institutions", "School"]

SIDES = ("before", "after", "label", "message")
ROLES = ("member", "together", "joint", "proxy", "mate", "former", "other", "denied", "home")


@dataclass(frozen=True, kw_only=True, slots=True)
class Institutions:
    """What was read of institution and council; the fields are those of ``Extraction``."""

    institutions: tuple[str, ...] = ()
    institution_type: str | None = None
    authorities: tuple[str, ...] = ()
    authority_options: tuple[str, ...] = ()
    institution_options: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    reasons: tuple[Reason, ...] = ()


@dataclass(kw_only=True)
class _Text:
    """A view with what was found in it."""

    view: TextView
    zone: str  # own, subject, signature, attachment, forwarded, quote
    order: int
    words: list[Word]
    starts: list[int]
    mentions: list[Mention] = field(default_factory=list)
    councils: list[_Council] = field(default_factory=list)

    @cached_property
    def sentences(self) -> tuple[tuple[int, int, Span], ...]:
        return tuple((span.start_char, span.end_char, span) for span in self.view.sentences)

    @cached_property
    def sentence_starts(self) -> list[int]:
        return [start for start, _, _ in self.sentences]

    @cached_property
    def tokens(self) -> list[int]:
        return [token.idx for token in self.view.doc]

    def sentence(self, at: int) -> int:
        return max(0, bisect_right(self.sentence_starts, at) - 1)

    def word_at(self, character: int) -> int:
        return bisect_left(self.starts, character)


@dataclass(frozen=True, kw_only=True)
class _Council:
    """A mention of a council or of a town."""

    first: int
    last: int
    start: int
    end: int
    alias: Alias
    text: str


@dataclass(kw_only=True)
class _Found:
    """A mention with its standing."""

    text: _Text
    mention: Mention
    role: str
    cue: str
    group: int  # mentions told in one breath («X Primary and Y Academy») share it
    head: bool = False
    near: tuple[str, ...] = ()  # councils written right beside it
    towns: tuple[str, ...] = ()
    doubtful: tuple[Entry, ...] = ()  # listed schools that a misspelling may mean


@dataclass(kw_only=True)
class _Place:
    text: _Text
    council: _Council
    role: str
    attached: bool


_ZONES = {
    "own": "own",
    "inline_answer": "own",
    "subject": "subject",
    "signature": "signature",
    "forwarded": "forwarded",
    "quote": "quote",
    "own_quote": "quote",
}
_WEIGHT = {"own": 4, "subject": 3, "signature": 2, "attachment": 2}
_POSTCODE = re.compile(r"\b([A-Z]{1,2}\d{1,2}[A-Z]?)\s?(\d[A-Z]{2})\b")
_LIST_GAP = re.compile(r"^[\s,;/&()\d\u2013-]*(?:(?:and|or|both|nor|of|plus|with)\b[\s,/&()-]*)?(?:(?:in|the|also|her|his|their|at)\b[\s]*)*$", re.I)
_ROLE_RANK = {"denied": 0, "former": 1, "home": 2, "other": 3, "together": 4, "member": 5, "mate": 6}


class InstitutionFinder:
    """Reads institutions and councils with the data of one programme folder and, if given, lists of schools.

    The gazetteer is built at the first message, not at construction.
    """

    def __init__(self, folder: Path, schools: Sequence[School] = ()) -> None:
        self.folder = folder
        self.schools = schools
        self.rules: RuleFile = load_rules(folder / "institutions.yaml", says=ROLES, extra=("side", "within"))
        self.authorities = Authorities.load(folder)
        self.colleges = load_colleges(folder)
        self._read_settings()

    def _read_settings(self) -> None:
        file, settings = self.rules.file, self.rules.settings

        def section(name: str) -> dict[str, object]:
            value = settings.get(name)
            if not isinstance(value, dict):
                raise ProgrammeError(file, None, f"the section «{name}» is missing or no mapping")
            return {str(key): item for key, item in value.items() if key != "__line__"}

        levels = {form: str(level) for form, level in section("levels").items()}
        spellings: dict[str, tuple[str, ...]] = {}
        forms = section("forms")
        for form, several in forms.items():
            for spelling in _texts(several, file, f"forms: {form}"):
                if spelling in spellings:
                    raise ProgrammeError(file, None, f"forms: «{spelling}» is there twice")
                spellings[fold(spelling)] = (form,)
        for spelling, several in section("abbreviations").items():
            parts = tuple(_texts(several, file, f"abbreviations: {spelling}"))
            if unknown := [part for part in parts if part not in forms]:
                raise ProgrammeError(file, None, f"abbreviations: {spelling}: «{unknown[0]}» is no form")
            spellings[fold(spelling)] = parts
        if unknown := [form for form in levels if form not in forms]:
            raise ProgrammeError(file, None, f"levels: «{unknown[0]}» is no form")
        self.vocabulary = Vocabulary(
            forms=Forms(words=spellings, levels=levels),
            never_bare=frozenset(map(fold, _texts(settings.get("never_bare"), file, "never_bare"))),
            never_named=frozenset(map(fold, _texts(settings.get("never_named"), file, "never_named"))),
            distinguishing=tuple(_texts(settings.get("distinguishing"), file, "distinguishing")),
            councils=frozenset(key for key, alias in self.authorities.aliases.items() if alias.kind != TOWN),
            towns=frozenset(key for key, alias in self.authorities.aliases.items() if alias.kind == TOWN),
            saint_short={key: str(value) for key, value in section("saint_short").items()},
        )
        self.not_council = frozenset(map(fold, _texts(settings.get("not_council_before"), file, "not_council_before")))
        self.strengths = {key: _number(value, file, f"strengths: {key}") for key, value in section("strengths").items()}
        self.thresholds = {key: _number(value, file, f"thresholds: {key}") for key, value in section("thresholds").items()}
        self.limits = {key: int(_number(value, file, f"limits: {key}")) for key, value in section("limits").items()}
        for rule in self.rules.rules:
            if rule.extra.get("side") not in SIDES:
                raise ProgrammeError(file, rule.line, f"rule «{rule.phrase.id}»: «side» should be one of {', '.join(SIDES)}")

    @cached_property
    def gazetteer(self) -> Gazetteer:
        return Gazetteer(self.schools, self.colleges, self.vocabulary)

    @cached_property
    def cues(self) -> dict[str, PhraseMatcherSet]:
        """Cues by side. Each pattern is searched by itself: a far one must not hide a near one."""
        compile_rules(self.rules)  # names the line of a pattern that cannot be read
        phrases: dict[str, list[Phrase]] = {side: [] for side in SIDES}
        for rule in self.rules.rules:
            for number, pattern in enumerate(rule.phrase.patterns):
                phrases[str(rule.extra["side"])].append(Phrase(id=f"{rule.phrase.id}#{number}", label=rule.phrase.label, patterns=(pattern,)))
        return {side: PhraseMatcherSet(several, self.rules.lists) for side, several in phrases.items()}

    @cached_property
    def within(self) -> dict[str, int]:
        return {rule.phrase.id: int(rule.extra.get("within", 4)) for rule in self.rules.rules}

    # ------------------------------------------------------------------ finding
    def find(self, parsed: ParsedMessage, views: tuple[TextView, ...]) -> Institutions:
        return _Message(self, parsed, views).read()


def _texts(value: object, file: str, key: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ProgrammeError(file, None, f"«{key}» should be a list of texts (words such as on, no, yes need quotation marks)")
    return list(value)


def _number(value: object, file: str, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProgrammeError(file, None, f"«{key}» should be a number")
    return float(value)


class _Message:
    """One reading: texts, mentions, roles, choice."""

    def __init__(self, finder: InstitutionFinder, parsed: ParsedMessage, views: Sequence[TextView]) -> None:
        self.finder, self.parsed = finder, parsed
        self.gazetteer, self.authorities = finder.gazetteer, finder.authorities
        self.reasons: list[Reason] = []
        self.candidates: list[Candidate] = []
        self.undecided: list[_Found] = []
        self.texts: list[_Text] = []
        budget = finder.limits["mentions"]
        room = finder.limits["characters"]
        for order, view in enumerate(views):
            zone = "attachment" if view.where.startswith("attachment:") else _ZONES.get(str(view.where), "")
            if not zone or (zone == "attachment" and view.where.lower().endswith(".ics")):
                continue
            folded = view.folded[:room]
            room -= len(folded)
            found = words(folded)
            text = _Text(view=view, zone=zone, order=order, words=found, starts=[word.start for word in found])
            if budget > 0 and found:
                text.mentions = self.gazetteer.scan(folded, found, limit=budget)
                budget -= len(text.mentions)
            self.texts.append(text)
        names = [parsed.sender.name] if parsed.sender else []
        self.sender_words = {word.norm for name in names for word in words(name)}
        for text in self.texts:
            text.councils = self._councils(text)

    def _councils(self, text: _Text) -> list[_Council]:
        """Councils and towns, longest first, outside the names of institutions, streets and people."""
        found, aliases, prefixes = text.words, self.authorities.aliases, self.authorities.prefixes
        taken = [
            (mention.start, mention.end)
            for mention in text.mentions
            if mention.kind not in ("bare", "initials") and not (mention.rule == "institution.initials" and not self._lecturer())
        ]
        folded = text.view.folded
        lower = not any(word.capital for word in found[1:])
        upper = sum(word.raw.isupper() for word in found) * 10 > 7 * len(found)
        result: list[_Council] = []
        index, at = 0, 0
        while index < len(found) and len(result) < self.finder.limits["mentions"]:
            key: tuple[str, ...] = ()
            best: tuple[int, Alias] | None = None
            end = index
            while end < len(found) and end < index + 6:
                if end > index and len(gap := folded[found[end - 1].end : found[end].start]) > 3 + ("\n" in gap):
                    break
                norm = found[end].norm
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
            if not inside and self._council_stands(folded, found, index, end, alias, lower=lower, upper=upper, zone=text.zone):
                result.append(_Council(first=index, last=end, start=start_char, end=end_char, alias=alias, text=folded[start_char:end_char]))
            index = end
        return result

    def _council_stands(self, folded: str, found: list[Word], first: int, end: int, alias: Alias, *, lower: bool, upper: bool, zone: str) -> bool:
        before = found[first - 1] if first and "\n" not in (gap := folded[found[first - 1].end : found[first].start]) and not gap.strip(" ") else None
        after = (
            found[end]
            if end < len(found) and not folded[found[end - 1].end : found[end].start].strip(" ") and "\n" not in folded[found[end - 1].end : found[end].start]
            else None
        )
        single = end - first == 1
        word = found[first]
        if after is not None and after.norm in (
            "university",
            "college",
            "street",
            "road",
            "avenue",
            "uni",
            "coll",
            "campus",
            "lane",
            "place",
            "crescent",
            "drive",
            "terrace",
        ):
            return False
        if after is not None and after.norm in self.finder.not_council:
            return False
        if (
            single
            and word.norm in ("borders", "highlands", "highland")
            and not word.capital
            and not (before is not None and before.norm in ("the", "scottish"))
        ):
            return False
        if before is not None and before.norm == "of" and first > 1 and found[first - 2].norm in ("university", "uni", "college", "bishop", "diocese", "duke"):
            return False
        if not single:
            return True
        if alias.initials and not (word.raw.isupper() or "." in word.raw):
            return False
        if not word.capital and not lower and alias.kind != STRONG:
            return False
        if not word.capital and alias.kind == TOWN:
            return False
        if alias.person or alias.kind == TOWN:
            if after is not None and after.norm in _BEHIND_COUNCIL:
                return True
            if word.norm in self.sender_words and not (before is not None and before.norm in ("in", "for", "under", "across")):
                return False
            left = found[first - 1] if first else None
            if left is not None and left.norm in _GREETINGS:
                return False
            if before is not None and before.capital and not upper and not before.raw.isupper() and before.norm not in _LEADS:
                return False
            if after is not None and after.capital and not upper and not after.raw.isupper() and after.norm not in _LEADS:
                return False
            if (
                alias.person
                and before is not None
                and before.norm not in _BEFORE_COUNCIL
                and not (before.norm in ("and", "or") and first > 1 and (found[first - 2].norm,) in self.authorities.aliases)
            ):
                return False
            line_start = folded.rfind("\n", 0, word.start) + 1
            line_end = folded.find("\n", word.end)
            line = folded[line_start : line_end if line_end >= 0 else len(folded)].strip(" .,!-x")
            if line == word.raw and alias.person and zone == "own" and first > 0 and len(folded) - word.end < 60:
                return False  # a sign-off
        return True

    # ------------------------------------------------------------------ roles
    def _roles(self, text: _Text, spans: Sequence[tuple[int, int]], *, homes: bool) -> list[tuple[str, str]]:
        """(role, rule) for each span, by the cues around it; a list shares its first member's role.

        ``homes``: whether these are places where one may live.
        """
        result: list[tuple[str, str]] = []
        for number, (start, end) in enumerate(spans):
            home = text.sentence(start)
            begin, stop, _ = text.sentences[home]
            earlier = spans[number - 1] if number and text.sentence(spans[number - 1][0]) == home else None
            later = spans[number + 1] if number + 1 < len(spans) and spans[number + 1][0] < stop else None
            role = self._labelled(text, begin, start) or self._role(
                text, start, end, max(begin, earlier[1] if earlier else begin), min(stop, later[0] if later else stop), homes
            )
            if role is None and earlier is not None and _LIST_GAP.match(self._without_councils(text, earlier[1], start)):
                role = result[-1]
            result.append(role or ("", ""))
        return result

    def _labelled(self, text: _Text, begin: int, start: int) -> tuple[str, str] | None:
        """The role that the label of a form's line or a table's row gives to all that stands in it."""
        folded = text.view.folded
        line = max(begin, folded.rfind("\n", 0, start) + 1)
        end = folded.find(":", line, start)
        source_start, source_end = text.view.to_source(line, start)
        tab = text.view.source.find("\t", source_start, source_end)
        if tab >= 0:
            until = bisect_left(text.view.offsets, tab)
            end = until if end < 0 else min(end, until)
        if end < 0 or end - line > 90:
            return None
        hits = list(self._near_cues("label", text, line, end))
        if not hits:
            return None
        best = min(hits, key=lambda hit: _ROLE_RANK[hit.phrase.label])
        return best.phrase.label, best.phrase.id.partition("#")[0]

    @cached_property
    def said(self) -> frozenset[str]:
        """What the message as a whole says: «joint» (several schools as one project), «proxy» (written for somebody else)."""
        return frozenset(hit.phrase.label for text in self.texts if text.zone in ("own", "subject") for hit in self.finder.cues["message"].find(text.view))

    def _near_cues(self, side: str, text: _Text, begin: int, stop: int) -> Iterable[Hit]:
        doc = text.view.doc
        first, last = bisect_left(text.tokens, begin), bisect_left(text.tokens, stop)
        if last <= first:
            return ()
        reach = self.finder.limits["reach"]
        if side == "before":
            first = max(first, last - reach)
        else:
            last = min(last, first + reach)
        return self.finder.cues[side].find_in(text.view, doc[first:last])

    def _role(self, text: _Text, start: int, end: int, begin: int, stop: int, homes: bool) -> tuple[str, str] | None:
        """The nearest cue's role, the longer cue's where two end alike."""
        first, last = text.word_at(start), text.word_at(end)
        best: tuple[tuple[int, int, int, int], tuple[str, str]] | None = None
        for side, low, high in (("before", begin, start), ("after", end, stop)):
            for hit in self._near_cues(side, text, low, high):
                rule = hit.phrase.id.partition("#")[0]
                distance = first - text.word_at(hit.span.end_char) if side == "before" else text.word_at(hit.span.start_char) - last
                if distance > self.finder.within[rule] or (hit.phrase.label == "home" and not homes):
                    continue
                length = text.word_at(hit.span.end_char) - text.word_at(hit.span.start_char)
                turn = rule == "institution.member.but"  # «studied at X and teach at Y»: a new clause outdoes the long reach of the old
                rank = (distance, 0 if turn else 1, -length, _ROLE_RANK[hit.phrase.label])
                if best is None or rank < best[0]:
                    best = (rank, (hit.phrase.label, rule))
        return best[1] if best else None

    def _without_councils(self, text: _Text, start: int, end: int) -> str:
        gap = text.view.folded[start:end]
        for council in text.councils:
            if start <= council.start and council.end <= end:
                gap = gap.replace(council.text, " ", 1)
        return gap[:200] if len(gap) <= 80 else "x"

    # ------------------------------------------------------------------ reading
    def read(self) -> Institutions:
        founds, places = self._standing()
        stated = self._stated(places)
        chosen = self._choose(founds, stated)
        return self._resolve(founds, chosen, places, stated)

    def _standing(self) -> tuple[list[_Found], list[_Place]]:
        founds: list[_Found] = []
        places: list[_Place] = []
        group = 0
        for text in self.texts:
            if not text.mentions and not text.councils:
                continue
            spans = sorted(
                [(m.start, m.end) for m in text.mentions]
                + [(c.start, c.end) for c in text.councils if not any(m.start <= c.start < m.end for m in text.mentions)]
            )
            schools_only = [(m.start, m.end) for m in text.mentions]
            roles = dict(zip(schools_only, self._roles(text, schools_only, homes=False), strict=True))
            previous: _Found | None = None
            mine: list[_Found] = []
            for mention in text.mentions:
                role, cue = roles[(mention.start, mention.end)]
                if role == "mate":
                    role = "together" if self.said else "other"
                if not role and "joint" in self.said and previous is not None and previous.role == "member" and text.sentence(previous.mention.start) == text.sentence(mention.start):
                    role = "together"  # «I teach in two schools: Mondays at X, the rest of the week in Y»
                number = text.sentence(mention.start)
                if (
                    previous is None
                    or text.sentence(previous.mention.start) != number
                    or not _LIST_GAP.match(self._without_councils(text, previous.mention.end, mention.start))
                ):
                    group += 1
                begin = text.sentences[number][0] if text.sentences else 0
                head = text.word_at(mention.start) - text.word_at(begin) <= 1
                found = _Found(text=text, mention=mention, role=role, cue=cue, group=group, head=head)
                mine.append(found)
                previous = found
            council_roles = dict(
                zip([(c.start, c.end) for c in text.councils], self._roles(text, [(c.start, c.end) for c in text.councils], homes=True), strict=True)
            )
            for council in text.councils:
                role, _ = council_roles[(council.start, council.end)]
                if role == "mate":
                    role = "" if self.said else "other"
                owner = self._owner(text, council, mine)
                if owner is not None and role in ("", "member", "together"):
                    role = owner.role
                    if council.alias.kind == TOWN:
                        owner.towns += council.alias.councils
                    else:
                        owner.near += council.alias.councils
                places.append(_Place(text=text, council=council, role=role, attached=owner is not None))
            founds.extend(mine)
            del spans
        return founds, places

    def _owner(self, text: _Text, council: _Council, mine: Sequence[_Found]) -> _Found | None:
        """The institution that a council or town stands right behind: «X Primary, Denny (Falkirk)»."""
        best: _Found | None = None
        for found in mine:
            if found.mention.end <= council.start:
                best = found
            elif found.mention.start >= council.end:
                gap = text.view.folded[council.end : found.mention.start]
                if gap.strip(" ") in ("", ":", "'s", "'s ") or gap == " ":
                    return found
                break
        if best is None:
            return None
        gap = self._without_councils(text, best.mention.end, council.start)
        if text.sentence(best.mention.start) != text.sentence(council.start) and gap.strip(" \t") not in ("\n", ",\n", ".", ""):
            return None
        return best if len(words(gap)) <= 3 and not re.search(r"[.;!?]\s", gap) else None

    # ------------------------------------------------------------------ councils
    def _stated(self, places: Sequence[_Place]) -> dict[str, list[_Place]]:
        """Councils named as the member's own, by zone; nicknames and initials only with support."""
        strong = {council for place in places if place.council.alias.kind in (STRONG, PLACE, TOWN) for council in place.council.alias.councils}
        stated: dict[str, list[_Place]] = defaultdict(list)
        for place in places:
            alias = place.council.alias
            if place.role in ("home", "former", "other", "denied") or place.text.zone not in _WEIGHT or alias.kind == TOWN:
                continue
            if alias.kind == SUPPORT and not (place.attached or alias.councils[0] in strong or self._council_behind(place)):
                continue
            stated[place.text.zone].append(place)
        return stated

    def _council_behind(self, place: _Place) -> bool:
        found, council = place.text.words, place.council
        if council.last < len(found) and found[council.last].norm in ("council", "schools"):
            return True
        line = place.text.view.folded.rfind("\n", 0, council.start) + 1
        before = [word.norm for word in found[max(0, council.first - 4) : council.first] if word.start >= line]
        if {"council", "la", "authority", "employer"} & set(before):
            return True
        return len(found) <= 4 and place.text.zone == "own" and council.text.isupper()  # «NLC, sorry!» is an answer

    # ------------------------------------------------------------------ choosing
    def _choose(self, founds: list[_Found], stated: dict[str, list[_Place]]) -> list[_Found]:
        councils = {council for several in stated.values() for place in several for council in place.council.alias.councils}
        tries = self.finder.limits["fuzzy"]
        limits = self.finder.thresholds
        for found in founds:
            mention = found.mention
            if mention.kind == "unlisted" and tries > 0 and found.text.zone in _WEIGHT:
                tries -= 1
                found.mention = self.gazetteer.second_chance(
                    mention,
                    councils | set(found.near) | set(found.towns),
                    score=limits["fuzzy_score"],
                    score_council=limits["fuzzy_score_council"],
                    margin=limits["fuzzy_margin"],
                )
        founds[:] = [found for found in founds if not (found.mention.weak and found.mention.kind == "unlisted")]
        for found in founds:
            if found.mention.rule == "institution.doubtful":
                found.doubtful, found.mention = found.mention.entries, replace(found.mention, rule="institution.unlisted", entries=())
        named = {found.mention.core for found in founds if found.mention.kind in ("school", "unlisted", "college")}
        usable = [
            found
            for found in founds
            if found.text.zone in _WEIGHT
            and found.role not in ("former", "other", "denied", "home")
            and (found.mention.kind != "bare" or found.mention.core in named or self._bare_counts(found))
            and (found.mention.kind != "initials" or self._initials_count(found, councils))
            and (found.mention.kind != "college" or found.mention.rule != "institution.initials" or self._lecturer())
        ]
        refused = {found.mention.core for found in founds if found.role in ("former", "other", "denied") and found.text.zone == "own"}
        own = [found for found in usable if found.text.zone == "own"]
        usable = [
            found for found in usable if found.text.zone == "own" or found.mention.core not in refused or any(o.mention.core == found.mention.core for o in own)
        ]
        own_named = [found for found in own if found.mention.kind != "bare" or found.mention.core not in named] or own
        if any(found.mention.kind == "school" for found in own_named):
            own_named = [found for found in own_named if found.mention.kind != "initials"]
        positive = [found for found in own_named if found.role in ("member", "together")]
        if positive:
            groups = {found.group for found in positive}
            chosen = positive + [found for found in own_named if found.role == "" and found.group in groups]
            neutral = [found for found in own_named if found.role == "" and found.group not in groups]
            if neutral and all(found.role == "together" for found in positive):
                chosen += self._of_neutral(neutral, [])  # the partner is told of, and one's own without ado
        elif own_named:
            chosen = self._of_neutral(own_named, [found for found in usable if found.text.zone in ("subject", "signature")])
        else:
            chosen = []
            for zone in ("subject", "signature", "attachment"):
                chosen = [found for found in usable if found.text.zone == zone and (found.mention.kind != "bare" or zone == "subject")]
                if chosen:
                    better = [found for found in usable if found.text.zone in ("signature", "attachment") and found.mention.kind != "bare"]
                    if zone == "subject" and all(found.mention.kind == "bare" for found in chosen) and better:
                        continue
                    break
            cores = {found.mention.core for found in chosen}
            if len(cores) > 1:
                positive = [found for found in chosen if found.role == "member"]
                chosen = positive or [found for found in chosen if found.group == chosen[0].group]
        listed = [found for found in chosen if found.mention.entries]
        if listed and len(listed) < len(chosen):
            chosen = [
                found
                for found in chosen
                if found.mention.entries or found.role in ("member", "together") or any(found.group == other.group for other in listed)
            ]
        return chosen

    def _bare_counts(self, found: _Found) -> bool:
        """A name without its form counts behind «at» and the like, before «here», or beside the council or town that has it."""
        mention = found.mention
        if found.cue == "institution.member.label" and len({entry.label for entry in mention.entries}) == 1:
            return found.text.zone in ("own", "attachment") and mention.core not in self.gazetteer.vocabulary.councils
        if found.text.zone != "own" or mention.core in self.authorities.aliases:
            return False
        if sum(entry.authority in (*found.near, *found.towns) for entry in mention.entries) == 1:
            return True
        if len({entry.label for entry in mention.entries}) != 1:
            return False
        before = found.text.words[mention.first - 1].norm if mention.first else ""
        after = found.text.words[mention.last].norm if mention.last < len(found.text.words) else ""
        if after == "here":
            return True
        return found.role == "member" and before in ("at", "from", "of", "here")

    def _initials_count(self, found: _Found, councils: Collection[str]) -> bool:
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

    def _lecturer(self) -> bool:
        return any(
            word.norm in ("lecturer", "lecturers", "lecture", "college", "fela", "colleges", "curriculum")
            for text in self.texts
            if text.zone in _WEIGHT
            for word in text.words
        )

    def _of_neutral(self, own: list[_Found], elsewhere: list[_Found]) -> list[_Found]:
        """Several schools named without a word on whose they are: the ones told first and alone."""
        cores = {found.mention.core for found in own}
        if len(cores) == 1:
            return own
        backed = [found for found in own if any(other.mention.core == found.mention.core for other in elsewhere)]
        if backed:
            groups = {found.group for found in backed}
            return [found for found in own if found.group in groups]
        heads = [found for found in own if found.head]
        if not heads:
            first = [found for found in own if found.group == own[0].group]
            if "joint" in self.said:
                number = own[0].text.sentence(own[0].mention.start)
                return [found for found in own if found.text is own[0].text and found.text.sentence(found.mention.start) == number]
            if len({found.mention.core for found in first}) < len(cores):
                self.undecided = own
                return []
            return first
        return [found for found in own if found.group == heads[0].group]

    # ------------------------------------------------------------------ resolving
    def _resolve(self, founds: list[_Found], chosen: list[_Found], places: list[_Place], stated: dict[str, list[_Place]]) -> Institutions:
        groups = self._entities(chosen)
        institutions: list[str] = []
        authorities: list[str] = []
        authority_options: list[str] = []
        institution_options: list[str] = []
        kinds: set[str] = set()
        refused = {council for place in places if place.role == "denied" for council in place.council.alias.councils} - {
            council for several in stated.values() for place in several for council in place.council.alias.councils
        }
        multiple = len(groups) > 1
        for entity in groups:
            best = max(entity, key=lambda found: (_WEIGHT[found.text.zone], found.role == "member", found.mention.kind != "bare"))
            if best.mention.kind == "college":
                entry = best.mention.entries[0]
                kinds.add("college")
                institutions.append(entry.label)
                self._candidate(best, entry.label, best.mention.rule, chosen=True)
                continue
            kinds.add("school")
            entries, councils = self._narrow(entity, stated, places, refused, multiple)
            if not entries and best.doubtful:
                labels = list(dict.fromkeys(entry.label for entry in best.doubtful))
                institution_options.extend(labels)
                self._candidate(best, labels[0], "institution.fuzzy", chosen=False, note="institution_doubtful")
                self.reasons.append(Reason(code="institution_doubtful", detail=f"{best.mention.text} | {' | '.join(labels[:5])}"))
                authorities.extend(councils)
                continue
            if not entries:
                label = _tidy(best.mention.text, self.finder.vocabulary.saint_short)
                if "college" in best.mention.forms and self._lecturer():
                    kinds = kinds - {"school"} | {"college"}
                institutions.append(label)
                self._candidate(best, label, "institution.unlisted", chosen=True, note="institution_unlisted")
                self.reasons.append(Reason(code="institution_unlisted", detail=label))
                authorities.extend(councils)
                continue
            labels = list(dict.fromkeys(entry.label for entry in entries))
            bases = list(dict.fromkeys(entry.name.base if entry.name else entry.label for entry in entries))
            found_councils = list(dict.fromkeys(entry.authority for entry in entries))
            strength = self.finder.strengths[best.mention.rule]
            levels = {entry.level for entry in entries}
            if len(bases) > 1 and len({entry.name.core for entry in entries if entry.name}) == 1 and len(levels - {"special"}) == 1 and best.mention.forms:
                bases = [_common_name(entries, levels)]  # «Kirkhill School» here, «Kirkhill Primary» there: one name, several councils
            if len(bases) > 1:
                institution_options.extend(labels)
                for label in labels[:10]:
                    self._candidate(best, label, best.mention.rule, chosen=False, note="institution_ambiguous")
                self.reasons.append(Reason(code="institution_ambiguous", detail=" | ".join(labels[:10])))
                if len(found_councils) == 1 and found_councils[0]:
                    authorities.append(found_councils[0])
                continue
            if strength < self.finder.thresholds["accept"] or (best.mention.rule == "institution.form-differs" and not set(councils) & set(found_councils)):
                institution_options.extend(labels)
                self._candidate(best, labels[0], best.mention.rule, chosen=False, note="institution_doubtful")
                self.reasons.append(Reason(code="institution_doubtful", detail=f"{best.mention.text} | {labels[0]}"))
                authorities.extend(councils)
                continue
            same_place = len(found_councils) == 1 and len(labels) > 1
            name = labels[0] if len(labels) == 1 else bases[0]
            institutions.append(name)
            self._candidate(best, name, best.mention.rule, chosen=True)
            if same_place and len({entry.name.qualifier for entry in entries if entry.name}) > 1:
                institution_options.extend(labels)
                self.reasons.append(Reason(code="institution_shared", detail=" | ".join(labels)))
            if len(found_councils) == 1:
                if found_councils[0]:
                    authorities.append(found_councils[0])
            else:
                authority_options.extend(council for council in found_councils if council)
                self.reasons.append(Reason(code="authority_ambiguous", detail=f"{name}: {' | '.join(found_councils)}"))
        if not groups:
            authorities.extend(self._councils_alone(stated))
            if self.undecided:
                names = [found.mention.entries[0].label if found.mention.entries else found.mention.text for found in self.undecided]
                institution_options.extend(dict.fromkeys(names[:10]))
                self.reasons.append(Reason(code="institution_several", detail=" | ".join(dict.fromkeys(names[:10]))))
                kinds.add("school")
        kind = next(iter(kinds)) if len(kinds) == 1 else ("school" if kinds else self._generic_type())
        chosen_councils = list(dict.fromkeys(authorities))
        self._council_candidates(places, stated, chosen_councils)
        proven = {candidate.value for candidate in self.candidates if candidate.chosen and candidate.slot is Slot.AUTHORITY}
        for council in chosen_councils:
            if council not in proven and groups:
                self._implied(next((f for group in groups for f in group if any(e.authority == council for e in f.mention.entries)), groups[0][0]), council)
        self._losers(founds, chosen)
        return Institutions(
            institutions=tuple(dict.fromkeys(institutions)),
            institution_type=kind,
            authorities=tuple(chosen_councils),
            authority_options=tuple(council for council in dict.fromkeys(authority_options) if council not in chosen_councils or multiple),
            institution_options=tuple(dict.fromkeys(institution_options)),
            candidates=tuple(self.candidates[: self.finder.limits["candidates"]]),
            reasons=tuple(dict.fromkeys(self.reasons)),
        )

    def _entities(self, chosen: Sequence[_Found]) -> list[list[_Found]]:
        """Mentions that mean the same institution, in order of first mention."""
        groups: list[list[_Found]] = []
        for found in sorted(chosen, key=lambda f: (f.mention.kind == "bare", f.text.order, f.mention.start)):
            for group in groups:
                if any(_same(found.mention, other.mention) for other in group):
                    group.append(found)
                    break
            else:
                if found.mention.kind == "bare" and any(found.mention.core == other.mention.core for group in groups for other in group):
                    continue
                groups.append([found])
        return groups

    def _narrow(
        self, entity: Sequence[_Found], stated: dict[str, list[_Place]], places: Sequence[_Place], refused: Collection[str], multiple: bool
    ) -> tuple[list[Entry], list[str]]:
        """The listed schools that are left when the whole message has been asked, and the councils stated for it."""
        entries: list[Entry] = []
        for found in entity:
            mine = list(found.mention.entries)
            if mine:
                entries = [entry for entry in entries if entry in mine] or (entries if entries else mine)
        near = list(dict.fromkeys(council for found in entity for council in found.near))
        own = list(dict.fromkeys(c for zone in ("own", "subject", "attachment") for place in stated.get(zone, ()) for c in place.council.alias.councils))
        signature = list(dict.fromkeys(c for place in stated.get("signature", ()) for c in place.council.alias.councils))
        # councils beside the name first, then those stated anywhere in the member's words, then the signature's
        said = near or (own if not multiple else [c for c in own if any(entry.authority == c for entry in entries)] or own) or signature
        if not entries:
            if not said:
                said = self._towns(entity, places)
            if near and signature and not set(near) & set(signature) and not multiple:
                self.reasons.append(Reason(code="authority_conflict", detail=f"{near[0]} | {signature[0]}"))
            if len(said) > 1 and not near:
                places = [place for place in places if place.council.alias.kind != PLACE] or places
                attached = [
                    place for place in places if place.attached and place.text.zone in _WEIGHT and place.role not in ("home", "former", "other", "denied")
                ]
                said = list(dict.fromkeys(c for place in attached or places for c in place.council.alias.councils if c in said)) or said
            return [], said
        possible = {entry.authority for entry in entries}
        if len(possible) > 1:
            entries = [entry for entry in entries if entry.authority not in refused] or entries
            possible = {entry.authority for entry in entries}
        if said and not set(said) & possible:
            if len(possible) == 1 or len({entry.label for entry in entries}) == 1:
                self.reasons.append(
                    Reason(code="authority_conflict", detail=f"{entries[0].label}: {' | '.join(sorted(possible))}; written: {' | '.join(said)}")
                )
            return entries, said
        if len(possible) > 1 or said:
            agreed = [council for council in said if council in possible]
            other = [council for council in signature if council in possible and council not in agreed]
            if near and other and not multiple and len(possible) > 1:
                self.reasons.append(Reason(code="authority_conflict", detail=f"{agreed[0] if agreed else ''} | {other[0]}"))
                return [entry for entry in entries if entry.authority in (*agreed, *other)], said
            if not near and not multiple and agreed and other and len(possible) > 1:
                self.reasons.append(Reason(code="authority_conflict", detail=f"{agreed[0]} | {other[0]}"))
                return [entry for entry in entries if entry.authority in (*agreed, *other)], said
            if agreed:
                entries = [entry for entry in entries if entry.authority in agreed]
            if signature and not set(signature) & possible and not multiple:
                self.reasons.append(Reason(code="authority_conflict", detail=f"{entries[0].authority} | {signature[0]}"))
        if len(entries) > 1:
            entries = self._by_support(entity, entries, places)
        return entries, said

    def _by_support(self, entity: Sequence[_Found], entries: list[Entry], places: Sequence[_Place]) -> list[Entry]:
        """Namesakes told apart by postcode, town and e-mail domain, in that order."""
        for text in self.texts:
            if text.zone in _WEIGHT:
                for match in _POSTCODE.finditer(text.view.folded[:20_000]):
                    same = [entry for entry in entries if entry.school and entry.school.postcode.replace(" ", "").upper() == match[1] + match[2]]
                    if same:
                        return same
        names = list(self._town_words(places))
        said = [entry for entry in entries if entry.name and entry.name.qualifier and entry.name.qualifier in names]
        if said:
            return said
        towns = self._towns(entity, places)
        if same := [entry for entry in entries if entry.authority in towns]:
            return same
        if (
            self.parsed.sender
            and (council := self.authorities.of_domain(self.parsed.sender.domain))
            and (same := [entry for entry in entries if entry.authority == council])
        ):
            self._domain_candidate(council)
            return same
        return entries

    def _town_words(self, places: Sequence[_Place]) -> list[tuple[str, ...]]:
        return [
            tuple(word.norm for word in place.text.words[place.council.first : place.council.last])
            for place in places
            if place.role not in ("home", "former", "other", "denied") and place.text.zone in _WEIGHT
        ]

    def _towns(self, entity: Sequence[_Found], places: Sequence[_Place]) -> list[str]:
        near = [council for found in entity for council in found.towns if council]
        if near:
            return list(dict.fromkeys(near))
        return list(
            dict.fromkeys(
                council
                for place in places
                if place.council.alias.kind == TOWN
                and place.role not in ("home", "former", "other", "denied")
                and place.text.zone in ("own", "signature", "subject")
                and (place.attached or place.text.zone == "signature" or place.role == "member")
                for council in place.council.alias.councils
                if council
            )
        )

    def _councils_alone(self, stated: dict[str, list[_Place]]) -> list[str]:
        for zone in ("own", "subject", "signature", "attachment"):
            councils = list(dict.fromkeys(council for place in stated.get(zone, ()) for council in place.council.alias.councils))
            if len(councils) == 1:
                return councils
            if councils:
                sure = list(dict.fromkeys(c for place in stated[zone] if place.role == "member" for c in place.council.alias.councils))
                if len(sure) == 1:
                    return sure
                self.reasons.append(Reason(code="authority_several", detail=" | ".join(councils)))
                return []
        if self.parsed.sender and (council := self.authorities.of_domain(self.parsed.sender.domain)):
            self._domain_candidate(council)
            return [council]
        return []

    def _generic_type(self) -> str | None:
        for text in self.texts:
            if text.zone in ("own", "subject", "signature"):
                for word in text.words:
                    if word.norm in ("lecturer", "lecturers", "college", "fela"):
                        return "college"
                    if word.norm in ("primary", "school", "secondary", "nursery", "academy"):
                        return "school"
        return None

    # ------------------------------------------------------------------ evidence
    def _evidence(self, text: _Text, start: int, end: int, rule: str) -> Evidence:
        begin, stop = text.view.to_source(start, end)
        return Evidence(where=str(text.view.where), start=begin, end=stop, text=text.view.source[begin:stop], rule=rule)

    def _candidate(self, found: _Found, value: str, rule: str, *, chosen: bool, note: str = "", slot: Slot = Slot.INSTITUTION) -> None:
        evidence = self._evidence(found.text, found.mention.start, found.mention.end, rule)
        self.candidates.append(Candidate(slot=slot, value=value, strength=self.finder.strengths[rule], evidence=evidence, chosen=chosen, note=note))

    def _implied(self, found: _Found, council: str) -> None:
        self._candidate(found, council, "authority.implied", chosen=True, note="authority_implied", slot=Slot.AUTHORITY)

    def _domain_candidate(self, council: str) -> None:
        value = next(iter(self.parsed.header_values("From")), "")
        domain = self.parsed.sender.domain if self.parsed.sender else ""
        at = value.lower().find(domain)
        if domain and at >= 0:
            evidence = Evidence(where="header:From", start=at, end=at + len(domain), text=value[at : at + len(domain)], rule="authority.domain")
            self.candidates.append(
                Candidate(
                    slot=Slot.AUTHORITY,
                    value=council,
                    strength=self.finder.strengths["authority.domain"],
                    evidence=evidence,
                    chosen=True,
                    note="authority_from_domain",
                )
            )

    def _council_candidates(self, places: Sequence[_Place], stated: dict[str, list[_Place]], chosen: Collection[str]) -> None:
        counted = {id(place) for several in stated.values() for place in several}
        done: set[str] = set()
        for place in places:
            alias = place.council.alias
            rule = {STRONG: "authority.alias", PLACE: "authority.place", SUPPORT: "authority.support", TOWN: "authority.town"}[alias.kind]
            for council in alias.councils:
                if not council:
                    continue
                takes = council in chosen and (id(place) in counted or alias.kind == TOWN) and council not in done
                if takes:
                    done.add(council)
                note = (
                    ""
                    if takes
                    else (f"mentioned_{place.role}" if place.role in ("former", "other", "denied") else "mentioned_home" if place.role == "home" else "")
                )
                self.candidates.append(
                    Candidate(
                        slot=Slot.AUTHORITY,
                        value=council,
                        strength=self.finder.strengths[rule],
                        evidence=self._evidence(place.text, place.council.start, place.council.end, rule),
                        chosen=takes,
                        note=note,
                    )
                )

    def _losers(self, founds: Sequence[_Found], chosen: Sequence[_Found]) -> None:
        taken = {id(found) for found in chosen}
        for found in founds:
            if id(found) in taken:
                continue
            mention = found.mention
            value = mention.entries[0].label if mention.entries else _tidy(mention.text, self.finder.vocabulary.saint_short)
            if found.text.zone in ("quote", "forwarded"):
                note = "mentioned_in_quote" if found.text.zone == "quote" else "mentioned_in_forwarded"
            else:
                note = f"mentioned_{found.role}" if found.role in ("former", "other", "denied") else "mentioned_in_passing"
            self._candidate(found, value, mention.rule, chosen=False, note=note)


_GREETINGS = frozenset(
    (
        "mr mrs ms miss dr prof hi dear hello hey cheers thanks regards love yours ta wishes sincerely faithfully "
    ).split()
)
_BEHIND_COUNCIL = frozenset(["council", "schools", "school", "primary", "secondary", "teacher", "teachers", "supply", "local", "education"])
_BEFORE_COUNCIL = frozenset(
    [
        "in", "at", "of", "for", "under", "across", "from", "by", "to", "within", "through", "around", "outside", "both", "is", "its",
        "authority", "la", "council", "region", "area", "local", "north", "south", "east", "west", "the", "a", "an", "our", "my", "all",
        "via", "near", "over", "into", "as", "and/or", "plus",
    ]
)
_LEADS = frozenset(
    [
        "in", "at", "of", "for", "from", "and", "the", "to", "or", "is", "with", "near", "by", "under", "north", "south", "east", "west",
        "city", "council", "schools", "school", "primary", "teacher", "teachers", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "on", "my",
        "our", "we", "i",
    ]
)


def _same(one: Mention, other: Mention) -> bool:
    if one.entries and other.entries:
        return bool({entry.index for entry in one.entries} & {entry.index for entry in other.entries})
    if one.core == other.core:
        return not (one.forms and other.forms) or bool(one.forms & other.forms - {"school"}) or one.forms <= {"school", "rc"} or other.forms <= {"school", "rc"}
    return False


def _common_name(entries: Sequence[Entry], levels: Collection[str]) -> str:
    """The name that most of the namesakes have."""
    bases = [entry.name.base for entry in entries if entry.name]
    if "primary" in levels:
        bases = [base for base in bases if "rimary" in base] or bases
    return max(dict.fromkeys(bases), key=lambda base: (bases.count(base), -len(base)))


_EXPAND = {
    "ps": "Primary School",
    "hs": "High School",
    "chs": "Community High School",
    "acad": "Academy",
    "prim": "Primary",
    "sec": "Secondary",
    "gs": "Grammar School",
}


def _tidy(text: str, saints: Mapping[str, str]) -> str:
    """The written name with white space and the usual abbreviations put right."""
    pieces = [_EXPAND.get(piece.lower().replace(".", ""), piece) for piece in text.split()]
    for index in range(1, len(pieces)):
        if fold(pieces[index - 1]) == "st" and (long := saints.get(fold(pieces[index]))):
            pieces[index] = (long[:-1] + "'s" if long.endswith("s") else long).capitalize()
    plain = " ".join(pieces)
    return re.sub(r"(?<=\w)'S\b", "'s", plain.title()) if plain.isupper() or text.islower() else plain
