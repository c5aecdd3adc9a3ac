"""What the words around each institution and council say of it.

Each mention gets a role: the member's own (member), one that takes part as well (together), former,
another's (other), denied, home, or none said. Whose text it stands in is kept beside it. Nothing is
chosen here.

Promise: linear in the text; the reach of cues is bounded by the limits in programme data.

What it does badly: a cue in one sentence does not reach a name in the next.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property

from parse.authorities import STRONG, TOWN
from parse.gazetteer import Mention
from parse.institutions.gaps import AND_ME, DAYS_GAP, LIST_GAP, MARKED, NEXT_PERSON, THEN_GAP, TO_GAP, years_over
from parse.institutions.letter import Council, Found, Letter, Place, Text
from parse.phrases import Hit
from parse.schoolnames import words

__all__ = ["PUT_RIGHT", "Standing"]

PUT_RIGHT = "institution.put-right"  # «it's Ashmuir, not Elmbank»
_WHO_FROM = re.compile(r"\W*(?:(?:hi|hello|hiya|hullo|hey|dear all|good \w+)\b[^\w\n]*)?(?P<who>\w[\w'-]*(?: \w[\w'-]*)?) (?:here )?(?:from|at|of) $", re.I)
_BRACKET = re.compile(r"\s*\([^()\n]{1,60}\)")
_THAT_IS = re.compile(r"\s*[(,\u2013-]\s*(?:that's|that is|that being|i\.?e\.?,?|aka|short for|or|=)?\s*(?:the )?", re.I)
_AND_AGAIN = re.compile(r"\s*[.;!\n]\s*(?:oh,? )?(?:and|also|plus|ditto|likewise)\s+(?:so (?:is|are|does|do)\s+)?", re.I)
# Rules that outdo a longer cue that ends at the same word, and those that outdo every other one.
_TURNS = frozenset(
    f"institution.{name}"
    for name in (
        "member.but",
        "member.now",
        "member.ours",
        "member.appointed",
        "member.posted",
        "member.colleagues",
        "member.me-at",
        "member.staffroom",
        "member.i-and",
        "together.kin",
        "together.kin-there",
        "other.theirs",
        "other.house",
        "other.parent",
        "other.meet",
        "other.meeting-place",
        "other.occasion",
        "other.copied",
        "sole.base",
        "sole.but-based",
        "together.count",
        "together.as-well",
        "together.days",
        "together.partner",
        "former.then",
        "former.called",
        "former.career",
        "former.mentored",
        "former.until",
        "former.years-and",
        "former.started",
        "other.colleagues",
        "other.speakers",
        "together.counterpart",
        "together.named",
        "together.up-with",
        "other.and-here",
        "member.no-its",
    )
)
_TAKEN_BACK = "institution.not.taken-back"
_FINAL = frozenset(
    (
        "institution.member.here-at",
        "institution.not.yet",
        "institution.not.part",
        _TAKEN_BACK,
        "institution.member.where",
        "institution.former.before-that",
        "institution.together.with-me",
        "institution.together.not-only",
    )
)
_AFTER = "institution.other.after"
_FAMILY, _LEFT = "institution.not.family", "institution.not.left"
_HAVE_WRITTEN = "institution.other.colleagues"
_SHOUTS = 5  # sentences of a word or a mark that may stand before what takes a name back
_AS_WELL, _TEACH_AT = "institution.together.as-well", "institution.member.teach-at"
_MEET = "institution.other.meet"
_AT_START = "institution.member.at-start"
_AND_I = "institution.together.and-i"
_NOT_PART, _NOT_YET = "institution.not.part", "institution.not.yet"
_OTHERS_NAMED = re.compile(r"\b(?:and|plus|with|others?|&)\b.*\b(?:folk|people|others|colleagues|teachers|staff|primaries|schools|secondaries)\b", re.I | re.S)
_MATE, _I_AM = "institution.together.mate", "institution.member.i-am"
_COUNT, _SHORT_GAP = "institution.together.count", 24
_PUTS_RIGHT = frozenset(("its", "is", "be", "read", "say", "said", "thats", "was", "mean", "meant"))
_NOT = re.compile(r"\s*[,;(-]?\s*(?:and |it's |its |it is )?not (?:the |at |in )?", re.I)
_KIN, _COUNTERPART = "institution.together.kin", "institution.together.counterpart"
_SHARED = frozenset(("joint", "several", "proxy"))  # said of the whole message: somebody else's school may count
_COUNTED = "institution.together.counted-label"
_MOVED = "institution.member.moved"
_ME, _ME_AT, _EACH, _PAIRING = "institution.member.me", "institution.member.me-at", "institution.together.each", "institution.together.pairing"
_OF_THEM = frozenset(("institution.other.people", "institution.other.after", _MATE))  # give way where each of several is told with a school
_PEOPLE, _THEIRS_IS = "institution.other.people", "institution.other.theirs"
_THE_ONE = "institution.other.the-one"
_LONGEST_ASKED = 8  # words of a question that labels its line
_PREPOSITIONS = (" at", " in")
_NEAR = ("near", "beside", "outside", "nearby", "next to")
_ONE_IN = re.compile(
    r"[\s,(:;.\u2013-]*(?:(?:i\.?e\.?|that is|that's|being)[\s,]*)?(?:the|that)(?: (?:one|school|primary))? "
    r"(?:up |down |over )?(?:in|at|from|near|of|by|under|beside|outside)\s+",
    re.IGNORECASE,
)
# A sentence, and no label: «They are out of the pool, and I'll be quick: ...»
_SPOKEN = re.compile(r"(?:,(?: and| but| so)?|\b(?:before|since|while|as|if|when)) (?:i|we|he|she|they|you)\b", re.I)
_NEW_START = re.compile(r":|\b[A-Za-z0-9]\. ")
_BULLETS = " \t*-\u2022\u00b7\u2013>.)1234567890"
_BULLET = re.compile(r"\s*(?:[*\u2022\u00b7\u2013>-]+|\(?(?:\d{1,2}|[a-h]|i{1,3}|iv)[.)])\s+")
_ROLE_RANK = {"denied": 0, "former": 1, "home": 2, "other": 3, "together": 4, "member": 5, "mate": 6, "sole": 5}


class Standing:
    """``Standing(letter).read()``: the mentions of one message with their roles."""

    def __init__(self, letter: Letter) -> None:
        self.letter = letter
        self._group = 0  # the last one given

    def read(self) -> tuple[list[Found], list[Place]]:
        founds: list[Found] = []
        places: list[Place] = []
        for text in self.letter.texts:
            if text.mentions or text.councils:
                mine = self._institutions(text)
                places.extend(self._councils(text, mine))
                founds.extend(mine)
        return founds, places

    def roles(self, text: Text, spans: Sequence[tuple[int, int]]) -> list[str]:
        """What the words around say of other stretches of the text, as if they were names."""
        return [role for role, _ in self._roles(text, spans)]

    def _institutions(self, text: Text) -> list[Found]:
        spans = [(mention.start, mention.end) for mention in text.mentions]
        soft = {mention.start for mention in text.mentions if mention.kind == "initials" or self._is_word(text, mention)}
        places = {mention.start for mention in text.mentions if mention.kind == "bare"}  # of these one may live in
        roles = self._roles(text, spans, homes=places, soft=soft)
        lines = self._lines.get(text.order, {})
        blocks: dict[int, int] = {}  # number of the list -> group
        mine: list[Found] = []
        for mention, (said, told) in zip(text.mentions, roles, strict=True):
            previous = mine[-1] if mine else None
            number = text.sentence(mention.start)
            same_sentence = previous is not None and text.sentence(previous.mention.start) == number
            role, cue = self._settled(said, told, previous if same_sentence else None), told
            if told == _COUNTERPART and self._told_of(text, mention):
                role = "other"
            if cue == _AFTER and len(mine) == 1 and same_sentence and not mine[0].role and self._is_next(text, mine[0], mention.start):
                role = cue = ""  # said behind a letter's first two («Ashmuir and Elmbank share a ...»), it is not said of the second alone
            again = previous is not None and not same_sentence and bool(_AND_AGAIN.fullmatch(text.view.folded, previous.mention.end, mention.start))
            if again and previous is not None and not role:
                role = previous.role  # «Please register Ashmuir High. And Elmbank Primary.»
            in_short = same_sentence and previous is not None and previous.mention.kind in ("initials", "bare") and not role
            if in_short and previous is not None and _THAT_IS.fullmatch(text.view.folded, previous.mention.end, mention.start):
                role, cue = previous.role, previous.cue  # «at KGS (that's Kirkwall Grammar)»
            beside = (
                previous is not None
                and same_sentence
                and not _is_neighbours(text, (previous.mention.start, previous.mention.end), (mention.start, mention.end))
            )
            if previous is None or not (again or (beside and LIST_GAP.match(self._without_councils(text, previous.mention.end, mention.start)))):
                block = lines.get(mention.start)
                if block is None or block not in blocks:
                    self._group += 1
                if block is not None:
                    blocks.setdefault(block, self._group)
            group = blocks.get(lines.get(mention.start, 0), self._group)
            begin = text.sentences[number][0] if text.sentences else 0
            head = text.word_at(mention.start) - text.word_at(begin) <= 1
            found = Found(text=text, mention=mention, role=role, cue=cue, group=group, head=head, listed=mention.start in lines, seat=self._seat(text, mention))
            if previous is not None and same_sentence and role == "denied" and not previous.role and self._put_right(previous, found):
                previous.role, previous.cue = "member", PUT_RIGHT
            if previous is not None and previous.group == self._group:
                self._pair(previous, found, [one for one in mine if one.group == self._group])
            mine.append(found)
            if cue == _HAVE_WRITTEN:  # «colleagues at Ashmuir and at Elmbank have written to ask»
                for one in mine:
                    one.role = role if one.group == found.group else one.role
        return mine

    @staticmethod
    def _is_word(text: Text, mention: Mention) -> bool:
        """«my base and my kettle are at Ashmuir», where there is a Kettle Primary: a word in small letters among others in large ones."""
        return mention.kind == "bare" and not text.lower and not text.words[mention.first].capital

    @staticmethod
    def _put_right(one: Found, other: Found) -> bool:
        """«It's Ashmuir, not Elmbank», where ``other`` is denied."""
        gap = one.text.view.folded[one.mention.end : other.mention.start]
        return one.word_before in _PUTS_RIGHT and _NOT.fullmatch(gap) is not None

    def _seat(self, text: Text, mention: Mention) -> str:
        """«Four of us at Ashmuir have been researching», «Ashmuir, where four of us are»: whether those who do it are there."""
        if text.zone != "own":
            return ""
        begin, stop = text.sentences[text.sentence(mention.start)]
        first, last = text.word_at(mention.start), text.word_at(mention.end)
        before = {hit.phrase.label for hit in self._near_cues("seat-before", text, begin, mention.start) if text.word_at(hit.span.end_char) == first}
        after = {hit.phrase.label for hit in self._near_cues("seat-after", text, mention.end, stop) if text.word_at(hit.span.start_char) <= last}
        if "seat" in before | after or ("seat-of" in before and "seat-doing" in after):
            return "seat"
        return "group" if "seat-of" in before else ""

    def _told_of(self, text: Text, mention: Mention) -> bool:
        """«My counterpart at Elmbank gave me this address»."""
        cues = self._near_cues("after", text, mention.end, text.sentences[text.sentence(mention.start)][1])
        return any(hit.phrase.id.startswith(f"{_AFTER}#") and text.word_at(hit.span.start_char) <= text.word_at(mention.end) for hit in cues)

    def _is_next(self, text: Text, previous: Found, start: int) -> bool:
        return previous.mention.kind != "bare" and LIST_GAP.match(self._without_councils(text, previous.mention.end, start)) is not None

    def _settled(self, role: str, cue: str, previous: Found | None) -> str:
        """The role in the light of what the message as a whole says; ``previous``: the institution before in the same sentence."""
        said = self.letter.said & _SHARED
        if role == "mate" and cue == _COUNTERPART and "persons" in self.letter.said:
            role = "together"
        elif role == "mate":
            role = "together" if said and (cue != _KIN or self.letter.of_several) else "other"
        elif cue == _THEIRS_IS and ("proxy" in said or {"joint", "persons"} <= self.letter.said):
            role = "together"
        if not role and "joint" in said and previous is not None and previous.role == "member":
            role = "together"  # «I teach in two schools: Mondays at X, the rest of the week in Y»
        return role

    def _pair(self, previous: Found, found: Found, beside: Sequence[Found]) -> None:
        """«Reston Primary, Ayton and Swinton»: marks names without a form as told together with one in full; ``beside``: those of the list before ``found``."""
        joint = found.text.view.folded[previous.mention.end : found.mention.start]
        if found.bracketed:
            return  # «Ashmuir Primary (Fife) and Elmbank High (Falkirk)»
        if "and" in joint.lower() and len(joint) < 40 and any(one.mention.kind != "bare" or one.mention.core in self.letter.named for one in (*beside, found)):
            for one in (*beside, found):
                one.paired = one.paired or one.mention.kind == "bare"
            of_council = any(one.start <= previous.mention.start and found.mention.end <= one.end for one in found.text.councils)  # Perth and Kinross
            if found.mention.kind == "bare" and not of_council and len(beside) > 1 and beside[0].mention.kind == "school":
                councils = {entry.authority for entry in beside[0].mention.entries}
                for one in (*beside[1:], found):  # «Ashmuir High School, Macmerry and Elphinstone»: no towns
                    one.listed = one.listed or bool(councils & {entry.authority for entry in one.mention.entries})

    def _councils(self, text: Text, mine: Sequence[Found]) -> list[Place]:
        places: list[Place] = []
        roles = self._roles(
            text, [(council.start, council.end) for council in text.councils], homes={council.start for council in text.councils}, councils=True
        )
        for council, (cued, cue) in zip(text.councils, roles, strict=True):
            role = ("" if self.letter.said & _SHARED else "other") if cued == "mate" else cued
            owner = self._owner(text, council, mine)
            if owner is not None and owner.cue == _THE_ONE:
                owner = self._so_described(owner, mine)
            if (
                cue == _THE_ONE
                and owner is not None
                and (owner.mention.start > council.start or _ONE_IN.match(text.view.folded[owner.mention.end : council.start]))
            ):
                role = ""  # «Ashmuir Primary, the one in Elmbank»
            elif (
                role == "other"
                and cue == _PEOPLE
                and owner is not None
                and owner.mention.end <= council.start
                and self._without_councils(text, owner.mention.end, council.start).strip(" ,(") in _NEAR
            ):
                role = owner.role  # «Ashmuir Primary near Elmbank, Fife Council»
            if owner is not None and role in ("", "member", "together"):
                role = owner.role
                if council.alias.kind == TOWN:
                    owner.towns += council.alias.councils
                else:
                    owner.near += council.alias.councils
                    owner.sure += council.alias.councils if council.alias.kind == STRONG else ()
            if role in ("", "other") and self._another_one(text, council):
                role = "denied"
            places.append(Place(text=text, council=council, role=role, attached=owner is not None))
        return places

    @staticmethod
    def _so_described(place: Found, mine: Sequence[Found]) -> Found:
        """«Ashmuir Primary. The one near Elmbank, under Fife»: the school of which a name only tells where it is; else that name."""
        before = [found for found in mine if found.mention.end <= place.mention.start]
        gap = place.text.view.folded[before[-1].mention.end : place.mention.start] if before else ""
        return before[-1] if _ONE_IN.fullmatch(gap) else place

    def _another_one(self, text: Text, council: Council) -> bool:
        """«My old partner is at the Ashmuir one»: the namesake that is not the member's."""
        found = text.words
        if council.last >= len(found) or found[council.last].norm not in ("one", "namesake") or found[max(0, council.first - 1)].norm != "the":
            return False
        begin, _ = text.sentences[text.sentence(council.start)]
        return any(word.norm in self.letter.gazetteer.vocabulary.words["theirs"] for word in found[text.word_at(begin) : council.first])

    def _roles(
        self, text: Text, spans: Sequence[tuple[int, int]], *, homes: Collection[int] = (), soft: Collection[int] = (), councils: bool = False
    ) -> list[tuple[str, str]]:
        """(role, rule) for each span, by the cues around it; a list shares its first member's role.

        ``homes``: starts of the spans that are places where one may live; ``councils``: whether all are councils and towns. ``soft``: starts of
        spans that may be no names at all (initials, words), over which a cue reaches.
        """
        result: list[tuple[str, str]] = []
        lines = self._lines.get(text.order, {})
        for number, (start, end) in enumerate(spans):
            home = text.sentence(start)
            begin, stop = text.sentences[home]
            if home and text.word_at(start) - text.word_at(begin) == 0 and _broken_line(text.view.folded, begin):
                begin = text.sentences[home - 1][0]  # a name at the start of a narrow line: the cue stands above it
            earlier = next((span for span in reversed(spans[max(0, number - 4) : number]) if span[0] not in soft), None)
            if earlier is not None and text.sentence(earlier[0]) != home:
                earlier = None
            later = next((span for span in spans[number + 1 : number + 5] if span[0] not in soft and span[0] < stop), None)
            if start in lines:
                begin = max(begin, start)  # what the line above says is not said of this one
            low, high = max(begin, earlier[1] if earlier else begin), min(stop, later[0] if later else stop)
            role = self._labelled(text, begin, start)
            if role is None or role[0] == "member":
                told = self._role(text, start, end, low, high, start in homes)  # «School: Ashmuir Academy (previously of Elmbank High)»
                role = told if role is None or (told is not None and told[0] in ("former", "denied")) else role
            if role is None and not councils and earlier is None and self._introduced(text, begin, start):
                role = ("member", _EACH)
            if role is not None and role[1] == _COUNT and earlier is not None and result[-1][0] == "other" and start - earlier[1] <= _SHORT_GAP:
                role = result[-1]  # «an adviser from Ashmuir and another from Elmbank»
            apposed = earlier is not None and _is_neighbours(text, earlier, (start, end))
            if earlier is not None and not apposed and (role is None or role[1] in (*_OF_THEM, _ME, _TEACH_AT)):
                gap = self._without_councils(text, earlier[1], start)
                role = self._from_before(gap, result[-1], role, doing=not councils and self._doing(text, end))
            if not councils and text.zone in ("own", "attachment"):
                role = (
                    self._marked(text, end)
                    or (("former", "institution.years") if years_over(text.view.folded, end) else None)
                    or role
                    or self._denied_next(text, start, end, [span[0] for span in spans[number + 1 :]], first=not number)
                )
            result.append(role or ("", ""))
        if not councils:
            self._those_before_me(text, spans, result)
        return result

    def _those_before_me(self, text: Text, spans: Sequence[tuple[int, int]], roles: list[tuple[str, str]]) -> None:
        """«Jo at Ashmuir High, Isla at Elmbank and me at Fairlea»: those who are told before the writer in one list take part as well."""
        last = 0  # place of the name that those before it stand in a list with
        for place in range(len(spans) - 1, 0, -1):
            gap = self._without_councils(text, spans[place - 1][1], spans[place][0])
            if roles[place - 1][0] not in ("", "together", "other", "mate"):
                last = 0
            elif AND_ME.match(gap) and roles[place][0] in ("", "member", "together") and text.sentence(spans[place - 1][0]) == text.sentence(spans[place][0]):
                roles[place - 1], last = ("together", _EACH), place - 1
                roles[place] = ("member", _ME)
            elif last == place and NEXT_PERSON.match(gap) and text.sentence(spans[place - 1][0]) == text.sentence(spans[place][0]):
                roles[place - 1], last = ("together", _EACH), place - 1

    def _doing(self, text: Text, end: int) -> bool:
        """«... and our neighbours at Elmbank have been researching it»."""
        last, stop = text.word_at(end), text.sentences[text.sentence(end - 1)][1]
        cues = self._near_cues("seat-after", text, end, stop)
        return any(hit.phrase.label == "seat-doing" and text.word_at(hit.span.start_char) <= last for hit in cues)

    def _from_before(self, gap: str, before: tuple[str, str], role: tuple[str, str] | None, *, doing: bool) -> tuple[str, str] | None:
        """What a name takes from the one ``before`` it over the ``gap`` between them; else the ``role`` that it has.

        ``doing``: whether those at it are told behind the name to do something, so that they do it with those at the one before.
        """
        if role is None and (LIST_GAP.match(gap) or (before[0] == "former" and THEN_GAP.match(gap))):
            return before
        if (role is None or role[1] in (_PEOPLE, _ME, _TEACH_AT)) and before[0] == "member" and DAYS_GAP.match(gap):
            return "together", _EACH
        if role is None and before[0] == "former" and TO_GAP.match(gap):
            return "member", _MOVED
        beside_me = doing or "persons" in self.letter.said or before[1] in (_ME, _ME_AT)
        colleague = role is not None and role[1] in (_PEOPLE, _MATE) and "and" in gap and beside_me
        if before[0] in ("member", "together") and (colleague or self._each_their_own(before[1], role)) and NEXT_PERSON.match(gap):
            return "together", _EACH
        return role

    def _introduced(self, text: Text, begin: int, start: int) -> bool:
        """«Hannah from Ashmuir Primary and Jo from Elmbank», where the letter is Hannah's."""
        opening = _WHO_FROM.match(text.view.folded[begin:start])
        return opening is not None and any(word.norm in self.letter.sender_words for word in words(opening["who"]))

    def _marked(self, text: Text, end: int) -> tuple[str, str] | None:
        """The role that a mark behind the name in a list gives: in or out."""
        source = text.view.source
        at = text.view.to_source(end - 1, end)[1]
        line = source.find("\n", at)
        mark = MARKED.match(source[at : min(len(source) if line < 0 else line, at + 60)])
        return (("denied" if mark["out"] else "member"), "institution.marked") if mark else None

    def _denied_next(self, text: Text, start: int, end: int, later: Sequence[int], *, first: bool) -> tuple[str, str] | None:
        """«Elmbank and Fairlea came to see it. They aren't part of this.»

        ``later``: names of the next sentence that «they» may mean; ``first``: whether no name stands before, so that «they» may be people.
        """
        number = text.sentence(start)
        stop = text.sentences[min(number + 1, len(text.sentences) - 1)][1]
        begin, last = bisect_left(text.tokens, end), bisect_left(text.tokens, stop)
        for hit in self.letter.rules.cues["next"].find_between(text.view, begin, last):
            rule = hit.phrase.id.partition("#")[0]
            if (rule in (_FAMILY, _LEFT) or not first) and not any(text.sentence(at) > number and at < hit.span.start_char for at in later):
                return "denied", rule
        return None

    def _each_their_own(self, cue: str, role: tuple[str, str] | None) -> bool:
        """Whether the next person's school takes part, too: «me (Ashmuir High) and Jo (Elmbank)», but not «I'm at Ashmuir High and Jo at Elmbank ...»."""
        return cue in (_ME, _ME_AT, _EACH, _PAIRING) or (role is None and bool(self.letter.said & {"joint", "persons"}))

    def _labelled(self, text: Text, begin: int, start: int) -> tuple[str, str] | None:
        """The role that the label of a form's line or a table's row gives to all that stands in it."""
        folded = text.view.folded
        line = folded.rfind("\n", 0, start) + 1
        asked = folded[line:begin].rstrip()  # «Where do you live? Ashmuir», in a line of its own
        if not asked.endswith("?") or len(words(asked)) > _LONGEST_ASKED or text.sentence(line) + 1 != text.sentence(begin):
            line, asked = max(begin, line), ""
        end = line + len(asked) - 1 if asked else folded.find(":", line, start)
        source_start, source_end = text.view.to_source(line, start)
        tab = text.view.source.find("\t", source_start, source_end)
        if tab >= 0:
            until = bisect_left(text.view.offsets, tab)
            end = until if end < 0 else min(end, until)
        if end < 0 or end - line > 90 or _SPOKEN.search(folded, line, end):
            return None
        hits = list(self._near_cues("label", text, line, end + 1))
        if not hits and (end := folded.rfind(":", line, start)) >= 0:  # «Name: ... / School: ... / Council: ...», all in one line
            cell = max(line, 1 + max(folded.rfind(mark, line, end) for mark in "/|;"))
            hits = list(self._near_cues("label", text, cell, end + 1)) if end - line <= 200 else []
        if not hits:
            return None
        counted = [hit for hit in hits if hit.phrase.id.partition("#")[0] == _COUNTED] if self.letter.said & {*_SHARED, "several"} else []
        best = min(counted or [hit for hit in hits if hit.phrase.id.partition("#")[0] != _COUNTED], key=lambda hit: _ROLE_RANK[hit.phrase.label], default=None)
        if best is None:
            return None
        return best.phrase.label, best.phrase.id.partition("#")[0]

    def _near_cues(self, side: str, text: Text, begin: int, stop: int) -> Iterable[Hit]:
        first, last = bisect_left(text.tokens, begin), bisect_left(text.tokens, stop)
        if last <= first:
            return ()
        reach = self.letter.rules.limits["reach"]
        if side == "before":
            first = max(first, last - reach)
        else:
            last = min(last, first + reach)
        return self.letter.rules.cues[side].find_between(text.view, first, last)

    def _role(self, text: Text, start: int, end: int, begin: int, stop: int, homes: bool) -> tuple[str, str] | None:
        """The nearest cue's role, the longer cue's where two end alike."""
        bracket = _BRACKET.match(text.view.folded, end, stop)  # «at Ashmuir High (Fife) until Friday»
        first, last = text.word_at(start), text.word_at(end)
        behind = (bracket.end(), text.word_at(bracket.end())) if bracket else (stop, last)
        best: tuple[tuple[int, bool, bool, int, int], tuple[str, str]] | None = None
        sides: list[tuple[str, int, int, str]] = [("before", begin, start, ""), ("after", end, stop, "")]
        number = text.sentence(start)
        if not text.view.folded[end:stop].strip(" .?!\u2026\u2013-\n)") and number + 1 < len(text.sentences):
            sides.append(("after", stop, _next_words_end(text, number), _TAKEN_BACK))  # where only what takes the name back is told of it
        for side, low, high, only in sides:
            for hit in self._near_cues(side, text, low, high):
                rule = hit.phrase.id.partition("#")[0]
                if only and rule != only:
                    continue
                distance = first - text.word_at(hit.span.end_char)
                if side == "after":
                    distance = text.word_at(hit.span.start_char) - (behind[1] if hit.span.start_char >= behind[0] else last)
                if distance > self.letter.rules.within[rule] or (hit.phrase.label == "home" and not homes):
                    continue
                between = text.view.folded[end : hit.span.start_char]
                if rule == _NOT_YET and hit.span.text.lower().startswith("who") and _OTHERS_NAMED.search(between):
                    continue  # «me at Ashmuir, plus folk from four other primaries who'll write in by themselves»
                if rule == _AND_I and not self._of_somebody(text, first):
                    continue  # «I teach at Ashmuir and I have been doing an enquiry»
                if rule == _NOT_PART and ";" in text.view.folded[end : hit.span.start_char]:
                    continue  # «I write for Ashmuir; the nursery isn't part of this»
                if side == "before" and self._of_a_bracket(text.view.folded, hit, start):
                    continue  # «at Ashmuir (she's a cousin) and at Elmbank High»
                if side == "before" and hit.span.text.lower().endswith(_PREPOSITIONS) and text.view.folded[hit.span.end_char : start].startswith(","):
                    continue  # «thirty years in, Ashmuir High»
                if rule == _I_AM and (homes or text.view.folded[start:end].endswith("'s")):
                    continue  # «I'm Isla», «on paper I'm Ashmuir High's»
                if rule == _ME and ("," in text.view.folded[hit.span.end_char : start] or ("," in hit.span.text and "(" not in hit.span.text)):
                    continue  # «it was me, Isla and Jo», unlike «from me (Music, Ashmuir High)»
                if rule == _MEET and not text.view.folded[start:end].endswith("'s"):
                    continue  # «we meet in Ashmuir High's library», unlike «our group meets in Ashmuir High»
                if rule == _AS_WELL and (best is None or best[1][1] != _TEACH_AT):
                    continue  # «please add Ashmuir High as well», unlike «there's an Ashmuir High as well»
                if rule == _AT_START and hit.span.start_char - text.sentences[text.sentence(start)][0] > 6:
                    continue  # «works in Denny at Ashmuir High»
                if rule in _FINAL:
                    return hit.phrase.label, rule
                if hit.phrase.label == "denied" and side == "before" and _NEW_START.search(text.view.folded, hit.span.end_char, start):
                    continue  # «the college, not the campus: Ashmuir College», «it's A, not C. Ashmuir Primary»
                length = text.word_at(hit.span.end_char) - text.word_at(hit.span.start_char)
                turn = rule in _TURNS or hit.phrase.label == "denied"  # «studied at X and teach at Y»: a new clause outdoes the long reach of the old
                firm = hit.phrase.label in ("denied", "sole")
                rank = (distance, not turn, not firm, -length, _ROLE_RANK[hit.phrase.label])
                if best is None or rank < best[0]:
                    best = (rank, (hit.phrase.label, rule))
        return best[1] if best else None

    def _of_somebody(self, text: Text, first: int) -> bool:
        """«Jo at» Ashmuir, «my colleague from» Elmbank: whether a person other than the writer is named right before the word ``first``."""
        if first < 2 or text.words[first - 1].norm not in ("at", "from", "in", "of"):
            return False
        who = text.words[first - 2]
        told = who.capital and who.norm not in ("i", "im", "ive", "we", "were", "weve") and who.norm not in self.letter.gazetteer.vocabulary.never_named
        return (told or who.norm in self.letter.gazetteer.vocabulary.words["people"]) and who.norm not in self.letter.sender_words

    def _of_a_bracket(self, folded: str, hit: Hit, start: int) -> bool:
        """Whether a cue belongs to a bracket that is closed before ``start``, in whole or by its beginning: «(..., before anyone asks) at Ashmuir»."""
        reaches_out = any(letter.isalpha() for letter in hit.span.text.rpartition(")")[2])  # unlike «(information only) Ashmuir»
        return _in_closed_bracket(folded, hit.span.end_char, start) or (reaches_out and _in_closed_bracket(folded, hit.span.start_char, start))

    def _without_councils(self, text: Text, start: int, end: int) -> str:
        gap = text.view.folded[start:end]
        for council in text.councils:
            if start <= council.start and council.end <= end:
                gap = re.sub(rf"(?:\bin )?{re.escape(council.text)}", " ", gap, count=1)
        return gap[:200] if len(gap) <= 80 else "far from one another"

    @cached_property
    def _lines(self) -> dict[int, dict[int, int]]:
        """Mentions that open the lines of a list under «our schools are:», by text: start -> number of the list."""
        result: dict[int, dict[int, int]] = {}
        for text in self.letter.texts:
            if text.zone != "own" or len(text.mentions) < 2:
                continue
            view, mine = text.view, {}
            heads = {view.to_source(mention.start, mention.end)[0]: mention.start for mention in text.mentions}
            start, stop = view.to_source(0, len(view.folded))  # a view joins lines that may be wrapped
            number, at, bullets = 0, start, 0
            run: list[int] = []
            above: tuple[int, int] | None = None  # the last line that no school opens
            full = {mention.start for mention in text.mentions if mention.kind == "school"}
            for line in [*view.source[start:stop].split("\n"), "."]:
                bullet = _BULLET.match(line)
                begin = at + (bullet.end() if bullet else len(line) - len(line.lstrip(_BULLETS)))
                at += len(line) + 1
                if begin in heads and len(line) < 90:
                    run.append(heads[begin])
                    bullets += bullet is not None
                elif line.strip():
                    if len(run) > 1 and self._is_list(text, above, bulleted=bullets == len(run) and full.issuperset(run)):
                        number += 1
                        mine.update(dict.fromkeys(run, number))
                    run, bullets, above = [], 0, (at - len(line) - 1, at - 1)
            result[text.order] = mine
        return result

    def _is_list(self, text: Text, above: tuple[int, int] | None, *, bulleted: bool) -> bool:
        """Whether lines that schools open are a list of those that take part: by bullets or by the line ``above``, unless that says whose they are."""
        if above is None:
            return bulleted
        line = text.view.source[slice(*above)]
        if not bulleted and not (
            line.rstrip().endswith(":") and any(word.norm in self.letter.gazetteer.vocabulary.words["heads_list"] for word in words(line[-120:]))
        ):
            return False
        first, last = (bisect_left(text.view.offsets, offset) for offset in above)
        return not any(hit.phrase.label in ("other", "former") for hit in self._near_cues("label", text, first, last))

    def _owner(self, text: Text, council: Council, mine: Sequence[Found]) -> Found | None:
        """The institution that a council or town stands right behind: «X Primary, Denny (Falkirk)»."""
        best: Found | None = None
        for found in mine:
            if found.mention.end <= council.start:
                town = found.mention.kind == "bare" and found.mention.core in self.letter.authorities.aliases
                if best is None or not town or len(words(self._without_councils(text, best.mention.end, found.mention.start))) > 2:
                    best = found  # in «X High in Gourock, Inverclyde» the council is told of X High, though Gourock has a school too
            elif found.mention.start >= council.end:
                gap = text.view.folded[council.end : found.mention.start]
                if gap.strip(" ") in ("", ":", "'s") or (
                    gap.strip(" ") in (".", ",") and text.opens(council.start) and (gap[:1] == "," or text.opens(found.mention.start))
                ):
                    return found
                break
        if best is None:
            return None
        gap = self._without_councils(text, best.mention.end, council.start)
        if text.sentence(best.mention.start) != text.sentence(council.start):
            gap = gap.strip(" \t")
            return best if gap in ("\n", ",\n", "") or (gap == "." and text.opens(council.start)) else None
        return best if len(words(gap)) <= 3 and not re.search(r"[.;!?]\s", gap) else None


def _next_words_end(text: Text, number: int) -> int:
    """Where the sentence behind this one ends that has more than a word: «Ashmuir?? NO!! That was last year.»"""
    last = min(len(text.sentences), number + _SHOUTS) - 1
    after = number + 1
    while after < last and text.word_at(text.sentences[after][1]) - text.word_at(text.sentences[after][0]) <= 1:
        after += 1
    return text.sentences[after][1]


def _is_neighbours(text: Text, one: tuple[int, int], other: tuple[int, int]) -> bool:
    """«Ashmuir High, Elmbank Primary's big neighbour»: tells what the one is, and is no list; «Ashmuir, St Mary's, Elmbank» is one."""
    folded = text.view.folded
    if folded[one[1] : other[0]].strip() != "," or not folded[other[0] : other[1]].endswith("'s"):
        return False
    behind = text.words[text.word_at(other[1]) : text.word_at(other[1]) + 1]
    return bool(behind) and folded[other[1] : behind[0].start] == " " and behind[0].raw.islower() and behind[0].norm not in ("and", "or", "plus", "in", "at")


def _in_closed_bracket(folded: str, at: int, start: int) -> bool:
    """Whether ``at`` stands inside a bracket that is closed before ``start``."""
    closed = folded.find(")", at, start)
    return closed >= 0 and folded.find("(", at, closed) < 0 and folded.rfind("(", max(0, at - 60), at) > folded.rfind(")", max(0, at - 60), at)


def _broken_line(folded: str, begin: int) -> bool:
    """Whether the line that starts at ``begin`` goes on from the line above."""
    above = folded[max(0, begin - 120) : begin]
    line = above.rstrip("\n").rpartition("\n")[2].rstrip()
    return above.endswith("\n") and not above.endswith("\n\n") and len(line) > 20 and line[-1:] not in ".!?:;,-"
