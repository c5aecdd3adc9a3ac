"""Finding: every institution and council that a message names, and what the words around say of each.

Each mention gets a role: the member's own (member), one that takes part as well (together), former,
another's (other), denied, home, or none said. Whose text it stands in is kept beside it. Nothing is
chosen here.

Promise: linear in the text; mentions, and the reach of cues, are bounded by the limits in programme data.

What it does badly: a cue in one sentence does not reach a name in the next.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from spacy.tokens import Span

from mailroom.model import ParsedMessage
from parse.authorities import STRONG, TOWN, Alias
from parse.gazetteer import Entry, Mention
from parse.institutionrules import InstitutionRules
from parse.phrases import Hit
from parse.schoolnames import Word, words
from parse.textview import TextView

__all__ = ["WEIGHT", "Council", "Found", "Place", "Standing", "Text"]


@dataclass(kw_only=True)
class Text:
    """A view with what was found in it."""

    view: TextView
    zone: str  # own, subject, signature, attachment, forwarded, quote
    order: int
    words: list[Word]
    starts: list[int]
    mentions: list[Mention] = field(default_factory=list)
    councils: list[Council] = field(default_factory=list)

    @cached_property
    def sentences(self) -> tuple[tuple[int, int, Span], ...]:
        return tuple((span.start_char, span.end_char, span) for span in self.view.sentences)

    @cached_property
    def sentence_starts(self) -> list[int]:
        return [start for start, _, _ in self.sentences]

    @cached_property
    def lower(self) -> bool:
        """Whether most sentences begin with a small letter, as on a telephone."""
        first = [self.view.folded[start : start + 1] for start, _, _ in self.sentences]
        return 2 * sum(letter.isupper() for letter in first) <= len(first)

    @cached_property
    def tokens(self) -> list[int]:
        return self.view.token_starts

    def sentence(self, at: int) -> int:
        return max(0, bisect_right(self.sentence_starts, at) - 1)

    def word_at(self, character: int) -> int:
        return bisect_left(self.starts, character)


@dataclass(frozen=True, kw_only=True)
class Council:
    """A mention of a council or of a town."""

    first: int
    last: int
    start: int
    end: int
    alias: Alias
    text: str


@dataclass(kw_only=True)
class Found:
    """A mention with its standing."""

    text: Text
    mention: Mention
    role: str
    cue: str
    group: int  # mentions told in one breath («X Primary and Y Academy») share it
    head: bool = False
    listed: bool = False  # a line of a list of schools
    paired: bool = False  # joined by «and» to a school that is named in full
    near: tuple[str, ...] = ()  # councils written right beside it
    sure: tuple[str, ...] = ()  # those of ``near`` that are written as councils, not as towns or initials
    towns: tuple[str, ...] = ()
    doubtful: tuple[Entry, ...] = ()  # listed schools that a misspelling may mean
    spellings: tuple[str, ...] = ()  # where no list knows the name: other ways to spell it that are as likely


@dataclass(kw_only=True)
class Place:
    text: Text
    council: Council
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
WEIGHT = {"own": 4, "subject": 3, "signature": 2, "attachment": 2}
_LIST_GAP = re.compile(
    r"^(?:\s*\([^()\n]{1,60}\))?[\s,;/&()\d\u2013-]*(?:(?:and|or|both|nor|of|plus|with)\b[\s,/&()-]*)?(?:(?:in|of|the|also|her|his|their|at)\b[\s]*)*$", re.I
)
_TURNS = ("institution.member.but", "institution.other.theirs", "institution.together.count")  # outdo a longer cue that ends at the same word
_BULLETS = " \t*-\u2022\u00b7\u2013>.)1234567890"
_SEVERAL = frozenset(
    ["schools", "establishments", "us", "colleges", "both", "primaries", "centres", "message", "places", "following", "departments", "institutions"]
)
_ROLE_RANK = {"denied": 0, "former": 1, "home": 2, "other": 3, "together": 4, "member": 5, "mate": 6, "sole": 5}
_WINDS = frozenset(["north", "south", "east", "west"])
_GREETINGS = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "miss",
        "dr",
        "prof",
        "hi",
        "dear",
        "hello",
        "hey",
        "cheers",
        "thanks",
        "regards",
        "love",
        "yours",
        "ta",
        "wishes",
        "sincerely",
        "faithfully",
    ]
)
_BEHIND_COUNCIL = frozenset(["council", "schools", "school", "primary", "secondary", "teacher", "teachers", "supply", "local", "education"])
_BEFORE_COUNCIL = frozenset(
    [
        "in",
        "at",
        "be",
        "of",
        "for",
        "under",
        "across",
        "from",
        "by",
        "to",
        "within",
        "through",
        "around",
        "outside",
        "both",
        "is",
        "its",
        "authority",
        "la",
        "council",
        "region",
        "area",
        "local",
        "north",
        "south",
        "east",
        "west",
        "the",
        "a",
        "an",
        "our",
        "my",
        "all",
        "via",
        "near",
        "over",
        "into",
        "as",
        "and/or",
        "plus",
    ]
)
_LEADS = frozenset(
    [
        "in",
        "at",
        "of",
        "for",
        "from",
        "and",
        "the",
        "to",
        "or",
        "is",
        "with",
        "near",
        "by",
        "under",
        "north",
        "south",
        "east",
        "west",
        "city",
        "council",
        "schools",
        "school",
        "primary",
        "teacher",
        "teachers",
        "p1",
        "p2",
        "p3",
        "p4",
        "p5",
        "p6",
        "p7",
        "on",
        "my",
        "our",
        "we",
        "i",
    ]
)


class Standing:
    """The mentions of one message with their roles."""

    def __init__(self, finder: InstitutionRules, parsed: ParsedMessage, views: Sequence[TextView]) -> None:
        self.finder, self.parsed = finder, parsed
        self.gazetteer, self.authorities = finder.gazetteer, finder.authorities
        self.texts: list[Text] = []
        budget = finder.limits["mentions"]
        room = finder.limits["characters"]
        for order, view in enumerate(views):
            zone = "attachment" if view.where.startswith("attachment:") else _ZONES.get(str(view.where), "")
            if not zone or (zone == "attachment" and view.where.lower().endswith(".ics")):
                continue
            folded = view.folded[:room]
            room -= len(folded)
            found = words(folded)
            text = Text(view=view, zone=zone, order=order, words=found, starts=[word.start for word in found])
            if budget > 0 and found:
                text.mentions = self.gazetteer.scan(folded, found, limit=budget)
                budget -= len(text.mentions)
            self.texts.append(text)
        names = [parsed.sender.name] if parsed.sender else []
        self.sender_words = {word.norm for name in names for word in words(name)}
        for text in self.texts:
            text.councils = self._councils(text)

    def _councils(self, text: Text) -> list[Council]:
        """Councils and towns, longest first, outside the names of institutions, streets and people."""
        found, aliases, prefixes = text.words, self.authorities.aliases, self.authorities.prefixes
        taken = [
            (mention.start, mention.end)
            for mention in text.mentions
            if mention.kind not in ("bare", "initials") and not (mention.rule == "institution.initials" and not self.lecturer())
        ]
        folded = text.view.folded
        lower = not any(word.capital for word in found[1:]) or (len(found) > 8 and text.lower)
        upper = sum(word.raw.isupper() for word in found) * 10 > 7 * len(found)
        result: list[Council] = []
        index, at = 0, 0
        while index < len(found) and len(result) < self.finder.limits["mentions"]:
            key: tuple[str, ...] = ()
            best: tuple[int, Alias] | None = None
            end = index
            while end < len(found) and end < index + 6:
                if end > index and len(gap := folded[found[end - 1].end : found[end].start]) > 3 + ("\n" in gap):
                    break
                norm = found[end].norm
                if (norm,) not in prefixes and (found[end].capital or lower) and found[end].norm not in self.sender_words:
                    norm = self.authorities.respelt(norm)
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
                if (twin := self._twin(folded, found, index, end)) is not None:
                    result.append(twin)
                result.append(Council(first=index, last=end, start=start_char, end=end_char, alias=alias, text=folded[start_char:end_char]))
            index = end
        return result

    def _twin(self, folded: str, found: list[Word], first: int, end: int) -> Council | None:
        """«East» of «East and South Ayrshire»."""
        if end - first < 2 or first < 2 or found[first].norm not in _WINDS or found[first - 2].norm not in _WINDS or found[first - 1].norm not in ("and", "or"):
            return None
        alias = self.authorities.aliases.get((found[first - 2].norm, *(word.norm for word in found[first + 1 : end])))
        word = found[first - 2]
        if alias is None or "\n\n" in folded[word.end : found[first].start]:
            return None
        return Council(first=first - 2, last=first - 1, start=word.start, end=word.end, alias=alias, text=word.raw)

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
    def _roles(self, text: Text, spans: Sequence[tuple[int, int]], *, homes: bool, soft: Collection[int] = ()) -> list[tuple[str, str]]:
        """(role, rule) for each span, by the cues around it; a list shares its first member's role.

        ``homes``: whether these are places where one may live. ``soft``: starts of spans that may be no names
        at all (initials), over which a cue reaches.
        """
        result: list[tuple[str, str]] = []
        for number, (start, end) in enumerate(spans):
            home = text.sentence(start)
            begin, stop, _ = text.sentences[home]
            if home and text.word_at(start) - text.word_at(begin) == 0 and _broken_line(text.view.folded, begin):
                begin = text.sentences[home - 1][0]  # a name at the start of a narrow line: the cue stands above it
            earlier = next((span for span in reversed(spans[max(0, number - 4) : number]) if span[0] not in soft), None)
            if earlier is not None and text.sentence(earlier[0]) != home:
                earlier = None
            later = next((span for span in spans[number + 1 : number + 5] if span[0] not in soft and span[0] < stop), None)
            role = self._labelled(text, begin, start) or self._role(
                text, start, end, max(begin, earlier[1] if earlier else begin), min(stop, later[0] if later else stop), homes
            )
            if role is None and earlier is not None and _LIST_GAP.match(self._without_councils(text, earlier[1], start)):
                role = result[-1]
            result.append(role or ("", ""))
        return result

    def _labelled(self, text: Text, begin: int, start: int) -> tuple[str, str] | None:
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
        if not hits and (end := folded.rfind(":", line, start)) >= 0:  # «Name: ... / School: ... / Council: ...», all in one line
            hits = list(self._near_cues("label", text, 1 + max(folded.rfind(mark, line, end) for mark in "/|;"), end)) if end - line <= 200 else []
        if not hits:
            return None
        best = min(hits, key=lambda hit: _ROLE_RANK[hit.phrase.label])
        return best.phrase.label, best.phrase.id.partition("#")[0]

    @cached_property
    def said(self) -> frozenset[str]:
        """What the message as a whole says: «joint» (several schools as one project), «proxy» (written for somebody else)."""
        return frozenset(hit.phrase.label for text in self.texts if text.zone in ("own", "subject") for hit in self.finder.cues["message"].find(text.view))

    def _near_cues(self, side: str, text: Text, begin: int, stop: int) -> Iterable[Hit]:
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

    def _role(self, text: Text, start: int, end: int, begin: int, stop: int, homes: bool) -> tuple[str, str] | None:
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
                turn = rule in _TURNS  # «studied at X and teach at Y»: a new clause outdoes the long reach of the old
                rank = (distance, 0 if turn else 1, -length, _ROLE_RANK[hit.phrase.label])
                if best is None or rank < best[0]:
                    best = (rank, (hit.phrase.label, rule))
        return best[1] if best else None

    def _without_councils(self, text: Text, start: int, end: int) -> str:
        gap = text.view.folded[start:end]
        for council in text.councils:
            if start <= council.start and council.end <= end:
                gap = gap.replace(council.text, " ", 1)
        return gap[:200] if len(gap) <= 80 else "x"

    def standing(self) -> tuple[list[Found], list[Place]]:
        founds: list[Found] = []
        places: list[Place] = []
        group = 0
        for text in self.texts:
            if not text.mentions and not text.councils:
                continue
            spans = sorted(
                [(m.start, m.end) for m in text.mentions]
                + [(c.start, c.end) for c in text.councils if not any(m.start <= c.start < m.end for m in text.mentions)]
            )
            schools_only = [(m.start, m.end) for m in text.mentions]
            roles = dict(
                zip(schools_only, self._roles(text, schools_only, homes=False, soft={m.start for m in text.mentions if m.kind == "initials"}), strict=True)
            )
            previous: Found | None = None
            mine: list[Found] = []
            blocks: dict[int, int] = {}
            for mention in text.mentions:
                role, cue = roles[(mention.start, mention.end)]
                if role == "mate":
                    role = "together" if self.said else "other"
                elif cue == "institution.other.theirs" and "proxy" in self.said:
                    role = "together"
                if (
                    not role
                    and "joint" in self.said
                    and previous is not None
                    and previous.role == "member"
                    and text.sentence(previous.mention.start) == text.sentence(mention.start)
                ):
                    role = "together"  # «I teach in two schools: Mondays at X, the rest of the week in Y»
                number = text.sentence(mention.start)
                if (
                    previous is None
                    or text.sentence(previous.mention.start) != number
                    or not _LIST_GAP.match(self._without_councils(text, previous.mention.end, mention.start))
                ):
                    block = self._lines.get(text.order, {}).get(mention.start)
                    if block is None or block not in blocks:
                        group += 1
                    if block is not None:
                        blocks.setdefault(block, group)
                mine_group = blocks.get(self._lines.get(text.order, {}).get(mention.start, 0), group)
                begin = text.sentences[number][0] if text.sentences else 0
                head = text.word_at(mention.start) - text.word_at(begin) <= 1
                listed = mention.start in self._lines.get(text.order, {})
                found = Found(text=text, mention=mention, role=role, cue=cue, group=mine_group, head=head, listed=listed)
                if (
                    previous is not None
                    and previous.group == group
                    and "and" in (joint := text.view.folded[previous.mention.end : mention.start])
                    and len(joint) < 40
                ):
                    named = [one for one in (previous, found) if one.mention.kind != "bare" or one.mention.core in self._named]
                    previous.paired = previous.paired or (bool(named) and previous.mention.kind == "bare")
                    found.paired = bool(named) and mention.kind == "bare"
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
                        owner.sure += council.alias.councils if council.alias.kind == STRONG else ()
                places.append(Place(text=text, council=council, role=role, attached=owner is not None))
            founds.extend(mine)
            del spans
        return founds, places

    @cached_property
    def _named(self) -> frozenset[tuple[str, ...]]:
        return frozenset(mention.core for text in self.texts if text.zone in WEIGHT for mention in text.mentions if mention.kind != "bare")

    @cached_property
    def _lines(self) -> dict[int, dict[int, int]]:
        """Mentions that open the lines of a list under «our schools are:», by text: start -> number of the list."""
        result: dict[int, dict[int, int]] = {}
        for text in self.texts:
            if text.zone != "own" or len(text.mentions) < 2:
                continue
            view, mine = text.view, {}
            heads = {view.to_source(mention.start, mention.end)[0]: mention.start for mention in text.mentions}
            start, stop = view.to_source(0, len(view.folded))  # a view joins lines that may be wrapped
            number, at, intro = 0, start, False
            run: list[int] = []
            for line in [*view.source[start:stop].split("\n"), "."]:
                begin = at + len(line) - len(line.lstrip(_BULLETS))
                at += len(line) + 1
                if begin in heads and len(line) < 90:
                    run.append(heads[begin])
                elif line.strip():
                    if len(run) > 1 and intro:
                        number += 1
                        mine.update(dict.fromkeys(run, number))
                    run = []
                    intro = line.rstrip().endswith(":") and any(word.norm in _SEVERAL for word in words(line[-120:]))
                    if intro:
                        first, last = (bisect_left(view.offsets, offset) for offset in (at - len(line) - 1, at - 1))
                        intro = not any(hit.phrase.label in ("other", "former") for hit in self._near_cues("label", text, first, last))
            result[text.order] = mine
        return result

    def _owner(self, text: Text, council: Council, mine: Sequence[Found]) -> Found | None:
        """The institution that a council or town stands right behind: «X Primary, Denny (Falkirk)»."""
        best: Found | None = None
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

    def lecturer(self) -> bool:
        return any(
            word.norm in ("lecturer", "lecturers", "lecture", "college", "fela", "colleges", "curriculum")
            for text in self.texts
            if text.zone in WEIGHT
            for word in text.words
        )


def _broken_line(folded: str, begin: int) -> bool:
    """Whether the line that starts at ``begin`` goes on from the line above."""
    above = folded[max(0, begin - 120) : begin]
    line = above.rstrip("\n").rpartition("\n")[2].rstrip()
    return above.endswith("\n") and not above.endswith("\n\n") and len(line) > 20 and line[-1:] not in ".!?:;,-"
