"""Names without the word for the kind of school, and initials: where they mean the school."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise

from parse.gazetteer import Entry, Mention
from parse.institutions.counted import tells_place
from parse.institutions.described import Described
from parse.institutions.letter import PASSED_OVER, STAGE, WEIGHT, Found, Letter
from parse.institutions.standing import PUT_RIGHT
from parse.institutions.stated import Stated

__all__ = ["BareNames"]

_TAKING_PART = {"member": ("from", "of", "here", "between", "both"), "together": ("from", "of", "here", "between", "both")}
_WORKS = tuple(f"institution.member.{rule}" for rule in ("i-work", "but", "now", "currently"))  # «I teach in Hythehill», but not «we met in Hythehill»
_EXPLAINED = "institution.member.explained"  # «That's Our Lady's, for the uninitiated»
_THIS_IS = "institution.member.this-is"
_PRESENTED = 7  # words of name and subject before a school
_LEVELS = ("primary", "secondary")
_MOVED = ("institution.member.i-work", "institution.member.moved")
_NO_SHORT_ANSWER = 120  # words of a letter that is no mere answer to our question


class BareNames:
    """``BareNames(letter).count(found, alone=True)``; what counts is narrowed to the schools that fit."""

    def __init__(self, letter: Letter) -> None:
        self.letter = letter
        self.words = letter.gazetteer.vocabulary.words
        self.answering = {*self.words["answering"], *self.words["addressed"]}
        self.described = Described(letter)
        self.colleges: set[tuple[str, ...]] = set()  # places of a college that a lecturer may mean
        self.asked_in: set[str] = set()  # councils that our letter speaks of
        self.counted: set[int] = set()  # groups that hold a name without its form that counts
        self.in_subject: set[tuple[str, ...]] = set()  # names without their form that are no towns
        self.spoken: set[tuple[str, ...]] = set()  # the same in the member's own words

    def tell(self, founds: Sequence[Found], stated: Stated) -> None:
        """Makes schools, in place, of the names whose kind is told right behind them: «Ashmuir, the high school», «Ashmuir. Primary, not High.»"""
        taken: set[tuple[int, int]] = set()
        self.asked_in = {council for place in stated.places if place.text.zone == "quote" for council in place.council.alias.councils}
        asked = {found.mention.core: found.mention.entries for found in founds if found.text.view.where == "own_quote" and found.mention.kind == "school"}
        whole = [found.mention for found in founds if found.mention.kind == "school" and found.text.zone in WEIGHT and found.role not in PASSED_OVER]
        for before, found in zip([None, *founds], founds, strict=False):
            mention = found.mention
            if mention.kind in ("bare", "school") and found.role not in PASSED_OVER and (entries := self.described.unit(found)):
                found.mention = replace(mention, kind="school", entries=entries, forms=frozenset({"unit"}))
            if found.mention.kind != "bare" or found.text.zone not in ("own", "subject"):
                continue
            if found.text.words[mention.first].capital and not self._is_town(found):
                (self.spoken if found.text.zone == "own" else self.in_subject).add(mention.core)
            if stated.passes_over(found):
                continue
            if before is not None and before.mention.kind == "school" and self._is_town(found) and not found.listed and tells_place(before, found):
                continue  # «the rest in Ashmuir Academy, Kilmarnock»
            if self.letter.only_lecturer and (college := self.letter.gazetteer.campuses.get(mention.core)):
                self._of_college(found, college)
                continue
            if (
                mention.core in asked
                and found.text.zone == "own"
                and (self._opens(found) or found.cue == "institution.together.not-only" or (found.role and not self._is_town(found)))
            ):
                found.answer, found.role = True, found.role or "member"
                found.mention = mention = replace(mention, entries=asked[mention.core] or mention.entries)
            if before is not None and before.mention.kind == "bare" and before.role not in PASSED_OVER and tells_place(before, found):
                forms = self.described.forms(found)[1]  # «St Mary's in Largs, the primary»
                if forms and (entries := self.described.of_kind(before.mention.entries, forms)):
                    before.mention = replace(before.mention, kind="school", entries=entries, forms=forms)
                continue
            if entries := self.described.behind(found):
                found.mention = replace(mention, kind="school", entries=entries)
                continue
            if entries := self.described.before(found, stated.everywhere()):
                found.mention, found.role = replace(mention, kind="school", entries=entries), found.role or "member"
                continue
            at, forms = self.described.forms(found)
            if (found.text.order, at) in taken and self._is_town(found):
                continue  # «St David's, Dalkeith (the high school)»: it is told of St David's
            if found.cue == "institution.together.count" and not found.bracketed and (entries := self._beside_partner(found, founds)):
                found.mention = replace(mention, kind="school", entries=entries)
                continue
            if forms and (entries := self.described.of_kind(mention.entries, forms)):
                found.mention = replace(mention, kind="school", entries=entries, forms=forms)
                taken.add((found.text.order, at))
                continue
            found.mention = self._as_in_full(mention, whole)

    def _beside_partner(self, found: Found, founds: Sequence[Found]) -> tuple[Entry, ...]:
        """«Two of us from Kirkwall Grammar and one from Stromness»: the school of the same council, and if need be of the same kind."""
        partner = next(
            (other for other in reversed(founds) if other.text is found.text and other.mention.kind == "school" and other.mention.last <= found.mention.first),
            None,
        )
        if (
            partner is None
            or len({entry.authority for entry in partner.mention.entries}) != 1
            or partner.text.sentence(partner.mention.start) != found.text.sentence(found.mention.start)
        ):
            return ()
        mine = [entry for entry in found.mention.entries if any(entry.authority == other.authority for other in partner.mention.entries)]
        alike = [entry for entry in mine if any(entry.level == other.level for other in partner.mention.entries)]
        entries = tuple(mine if len({entry.label for entry in mine}) == 1 else alike)
        return entries if len({entry.label for entry in entries}) == 1 else ()

    def _as_in_full(self, mention: Mention, whole: Sequence[Mention]) -> Mention:
        """«St Roch's» under a subject with St Roch's Secondary: of the schools of that name, the one that the letter names in full."""
        entries = {entries for other in whole if other.core == mention.core and (entries := tuple(e for e in mention.entries if e in other.entries))}
        return replace(mention, entries=entries.pop()) if len(entries) == 1 else mention

    def _of_college(self, found: Found, colleges: Sequence[Entry]) -> None:
        """«I lecture at Cardonald»: the one college that has the place."""
        if len(colleges) == 1 and found.role and found.word_before in ("at", "from"):
            found.mention = replace(found.mention, kind="college", rule="institution.campus", entries=tuple(colleges))
        self.colleges.update(place for college in colleges for place in college.campuses)

    def _opens(self, found: Found) -> bool:
        """«Yes, Baldragon still»: the name opens the sentence, but for a word of assent."""
        return found.head and not self._longer(found)

    def count(self, found: Found, *, alone: bool) -> bool:
        """Whether a name without its form means the school: «at Gourdon», «P5, Gourdon», «Gourdon, Aberdeenshire», «Gourdon here».

        ``alone``: no school is named in full. A town is only a school behind «at» or where a class stands before it.
        """
        mention, before = found.mention, found.word_before
        vocabulary = self.letter.gazetteer.vocabulary
        if mention.core in self.letter.campuses | self.colleges or (mention.core in self.letter.gazetteer.college_places and not self.letter.tells_of_school):
            return False
        capital = found.text.words[mention.first].capital or found.text.lower or len(mention.core) > 1
        told_at = before == "at" or (before == "in" and {entry.authority for entry in mention.entries} & {*found.near, *found.towns})
        if mention.core in vocabulary.councils or not (capital or (found.role == "member" and told_at and len(mention.core[0]) > 6)):
            return False
        if found.role != "sole" and before not in ("at", "from", "school") and all(norm in self.letter.sender_words for norm in mention.core):
            return False  # «Isla here»
        behind = found.text.words[mention.last : mention.last + 4]
        if before == "from" and any(one.norm == "to" and other.capital for one, other in pairwise(behind)):
            return False  # «eleven schools a week, from Strathyre down to Cowie»
        if found.cue == _THIS_IS and not {word.norm for word in found.text.words[max(0, mention.first - 3) : mention.first]} & self.letter.sender_words:
            return False  # «it's cold at Banton», unlike «it's Denise at Banton»
        if (found.listed or found.answer) and found.text.zone == "own":
            return True
        if found.paired and not all(norm in vocabulary.never_bare for norm in mention.core):
            return True
        stage = self.letter.stage
        if stage and not found.role and mention.entries and all(entry.level in _LEVELS and entry.level != stage for entry in mention.entries):
            return False  # «Ann Reid, P7, Ashmuir», where the list has only a high school of that name
        if any(set(mention.core) < set(core) for core in self._longer_names):
            return False  # «five of us at the Abbey», signed «Ashmuir Abbey College»
        if len(mention.core) == 1 and mention.core in self._surnamed:
            return False  # «sign me up with Isla Wren ... Isla would like»
        fitting = self.letter.of_stage(mention.entries)
        beside = tuple(entry for entry in fitting if entry.authority in (*found.near, *found.towns))
        if len({entry.label for entry in beside}) == 1 and found.near:
            fitting = beside
        if len(told := self._told_by_town(found, fitting)) == 1:
            fitting = beside = told
        single = len({entry.label for entry in fitting}) == 1
        if found.cue == "institution.member.label" and single:
            found.mention = replace(mention, entries=fitting)
            return found.text.zone in ("own", "attachment")
        if found.text.zone == "subject" and alone and single and (self._is_subject(found) or self._opens_subject(found)):
            found.mention = replace(mention, entries=fitting)
            return True
        if found.text.zone != "own" or self._longer(found):
            return False
        counts = (
            (single and self.opens_letter(found))
            or self._introduced(found, single=single, alone=alone)
            or (single and (found.role == "sole" or self._answers(found) or (found.cue == _EXPLAINED and len(mention.core) > 1)))
        )
        if alone and not counts and len({entry.label for entry in beside}) == 1 and self._placed(found):
            counts = single = True
        if not counts and before in ("and", "plus") and found.group in self.counted:
            counts = True  # «at Ferryhill and Harlaw»
        if (
            alone
            and not counts
            and single
            and (self._is_fragment(found) or self._presents(found) or self._is_sole(found) or self._is_bracketed(found) or self._is_put(found))
        ):
            counts = True
        if counts and not single and not alone:
            return False
        if counts:
            self.counted.add(found.group)
            found.mention = replace(mention, entries=fitting)
        return counts

    @cached_property
    def _longer_names(self) -> frozenset[tuple[str, ...]]:
        """The names of colleges and schools that the letter tells in full, in more words than one."""
        return frozenset(
            mention.core
            for text in self.letter.texts
            if text.zone in WEIGHT
            for mention in text.mentions
            if mention.kind in ("college", "school") and len(mention.core) > 1 and "and" not in mention.core
        )

    @staticmethod
    def _told_by_town(found: Found, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        """«Our Lady's in Cumbernauld»: the namesakes that the list tells apart by the town right behind."""
        behind = tuple(word.norm for word in found.text.words[found.mention.last : found.mention.last + 4])
        if not behind or behind[0] not in ("in", "at", "of"):
            return ()
        return tuple(one for one in entries if one.name and one.name.qualifier and behind[1 : 1 + len(one.name.qualifier)] == one.name.qualifier)

    @cached_property
    def _surnamed(self) -> frozenset[tuple[str, ...]]:
        """Names of schools in one word that are somebody's first name here: with a word in capitals behind them and a word for company before."""
        found: set[tuple[str, ...]] = set()
        vocabulary = self.letter.gazetteer.vocabulary
        for text in self.letter.texts:
            for mention in text.mentions:
                if mention.kind != "bare" or len(mention.core) > 1 or not 0 < mention.first <= mention.last < len(text.words):
                    continue
                before, behind = text.words[mention.first - 1], text.words[mention.last]
                gap = text.view.folded[mention.end : behind.start]
                plain = behind.capital and not behind.raw.isupper() and gap == " " and behind.norm not in vocabulary.forms.words
                if plain and before.norm in ("with", "and", "&", "plus") and behind.norm not in vocabulary.never_named:
                    found.add(mention.core)
        return frozenset(found)

    def _introduced(self, found: Found, *, single: bool, alone: bool) -> bool:
        """Whether the words around say that a school is meant."""
        mention, words = found.mention, found.text.words
        norm, gap = found.word_before, self._gap_before(found)
        if gap.strip(" ") == "," and single and (self._of_teacher(found) or norm in self.letter.sender_words):
            return True
        if norm in ("is", "are", "still", "now", "school", "college") and found.cue == "institution.member.school-is":
            return True
        if gap == " " and norm == "at" and found.role in ("member", "together"):
            return True
        if single and found.cue in (PUT_RIGHT, "institution.member.no-its") and not self._is_town(found):
            return True
        if single and found.cue in ("institution.together.pairing", "institution.member.heads"):
            return True
        if self._is_town(found):
            return single and self._starts(found) and mention.last < len(words) and words[mention.last].norm == "here"
        if found.cue in ("institution.member.here", "institution.member.where") or (mention.last < len(words) and words[mention.last].norm == "here"):
            return True
        if not single:
            return False
        if norm in ("in", "for", "the") and found.role == "member" and (self._named_so(found) or (alone and norm == "in" and found.cue in _WORKS)):
            return True
        if found.cue == "institution.member.now":
            return True
        return gap == " " and (norm in _TAKING_PART.get(found.role, ()) or (norm in ("to", "into") and found.cue in _MOVED))

    def _named_so(self, found: Found) -> bool:
        """«in St Ninian's, Kirkintilloch», «I teach in the Nicolson»: names that no place has."""
        mention, words = found.mention, found.text.words
        if mention.core[0] == "st" or mention.last - mention.first > len(mention.core):
            return True
        return mention.first > 1 and words[mention.first - 1].norm == "the" and words[mention.first - 2].norm in ("in", "at")

    def _longer(self, found: Found) -> bool:
        """«Calderwood Loddge» is more than Calderwood, and «Loch nan Eala» more than Eala."""
        mention, words = found.mention, found.text.words
        if mention.last < len(words):
            follows = words[mention.last]
            gap = found.text.view.folded[mention.end : follows.start]
            name = follows.capital and not follows.raw.isupper() and not STAGE.fullmatch(follows.norm.removesuffix("s"))
            if gap in (" ", "-") and name and (follows.norm,) not in self.letter.authorities.aliases:
                return True
        return self._gap_before(found) == "-" or found.word_before in ("nan", "nam", "an", "na")

    def _of_teacher(self, found: Found) -> bool:
        """«P5, Gourdon», «Early years teacher, Gourdon», «Primary 1 and nursery, Gourdon»: a class or a post stands before the comma."""
        words, first = found.text.words, found.mention.first
        norm = words[first - 1].norm if first else ""
        before = words[first - 2].norm if first > 1 else ""
        return bool(STAGE.fullmatch(norm)) or norm in self.words["posts"] or (before in ("primary", "class", "stage") and norm.isdigit())

    def opens_letter(self, found: Found) -> bool:
        """«Banton, P3. Me and the P3 teacher at Ashmuir Primary ...»: the letter begins with the name, and a class stands behind it."""
        behind = found.text.words[found.mention.last : found.mention.last + 1]
        if not behind or found.role or self._is_town(found) or not self._starts(found) or found.text.sentence(found.mention.start) > 2:
            return False
        gap = found.text.view.folded[found.mention.end : behind[0].start]
        return gap.strip(" ") in (",", "(", "-", "\u2013") and STAGE.fullmatch(behind[0].norm) is not None

    def _placed(self, found: Found) -> bool:
        """«Gourdon, Aberdeenshire»: with the council beside it a name may stand for the school; a town only where it is told as one."""
        return not self._is_town(found) or self._starts(found) or found.word_before in ("its", "is", "school")

    def _is_fragment(self, found: Found) -> bool:
        """«Gourdon. Existing group, three of us.»: the name stands by itself where a letter begins."""
        text, end = found.text, found.mention.end
        if self._is_town(found) or not self._starts(found) or text.sentence(found.mention.start) > 2:
            return False
        known = self.letter.gazetteer.vocabulary.never_bare
        return text.view.folded[end : end + 1] in (".", ",", ";", ":", "\n", "!", "") and not all(norm in known for norm in found.mention.core)

    def _presents(self, found: Found) -> bool:
        """«Ann Reid, chemistry, Gourdon. Two of us want ...»: a letter that begins with the writer's name, what is taught, and where."""
        text, number = found.text, found.text.sentence(found.mention.start)
        begin, stop = text.sentences[number]
        first = text.word_at(begin)
        if number > 1 or self._is_town(found) or found.role or found.mention.first - first > _PRESENTED or first >= found.mention.first:
            return False
        told = text.words[first].norm in self.letter.sender_words and self._gap_before(found) == ", "
        return told and not text.view.folded[found.mention.end : stop].strip(" .!,\n")

    def _is_sole(self, found: Found) -> bool:
        """A name that is no town's, where the message names no school in full: in the subject too, behind «at» with no name beside it, or signed with."""
        core, word = found.mention.core, found.text.words[found.mention.first]
        if core not in self.spoken or not word.capital or word.raw.endswith("'s") or found.role not in ("", "member", "together"):
            return False
        if self.in_subject & self.spoken == {core}:
            return True
        before, gap = found.word_before, self._gap_before(found)
        if before == "the" and gap == " " and found.mention.first > 1:
            before = found.text.words[found.mention.first - 2].norm  # «here at the Nicolson»
        if gap == " " and before == "at" and not (self.spoken | self.in_subject) - {core}:
            return True
        if core[0] == "st" and gap == ", " and found.text.view.folded[found.mention.end : found.mention.end + 1] in (".", "\n", ""):
            return len(self.spoken) == 1  # «three from Modern Languages, St Ninian's.»
        return before in self.letter.sender_words and gap.strip(" ") in ("\n", ",\n", "(") and len(self.spoken) == 1

    def _is_subject(self, found: Found) -> bool:
        """«St Thomas of Aquin's, Edinburgh»: a subject that says nothing but the name and its place, above a letter that names no school."""
        covered = found.text.council_words | {*range(found.mention.first, found.mention.last)}
        rest = [
            word.norm
            for index, word in enumerate(found.text.words)
            if index not in covered and word.norm not in self.answering and word.norm not in ("re", "fw", "fwd")
        ]
        return not rest and not self.spoken and not self._is_town(found) and found.text.words[found.mention.first].capital

    def _opens_subject(self, found: Found) -> bool:
        """«P6 Banton (North Lanarkshire) - new group»: a class stands before the name, or it opens the subject and its council stands behind."""
        text, first = found.text, found.mention.first
        if self._others_spoken(found) or self._is_town(found) or self._longer(found) or not text.words[first].capital:
            return False
        if first and STAGE.fullmatch(found.word_before):
            return self._gap_before(found).strip(" ") in ("", ",")
        council = next((one for one in text.councils if one.first >= found.mention.last), None)
        if council is None or not found.near or any(word.norm not in ("re", "fw", "fwd") for word in text.words[:first]):
            return False
        return text.view.folded[council.end :].lstrip(" )")[:1] in ("", "-", "\u2013", ":", ",", "/", ";")

    def _is_put(self, found: Found) -> bool:
        """«Oh and it's Banton.», «from the Banton P7s»: the only name told, in a clause of its own or with a class behind it."""
        if self._is_town(found) or found.role not in ("", "member", "together") or self._others_spoken(found):
            return False
        text, mention = found.text, found.mention
        if all(norm in self.letter.gazetteer.vocabulary.never_bare for norm in mention.core) or not text.words[mention.first].capital:
            return False
        behind = text.words[mention.last] if mention.last < len(text.words) else None
        if behind is not None and STAGE.fullmatch(behind.norm.removesuffix("s")) and text.view.folded[mention.end : behind.start] == " ":
            return found.role == "member" or self._comes_from(found)
        before = [word.norm for word in text.words[max(0, mention.first - 2) : mention.first]]
        if before[-1:] != ["its"] and before not in (["it", "is"], ["school", "is"], ["we", "are"]) and before[-1:] not in (["schools"], ["were"]):
            return False
        return self._is_clause(found)

    def _comes_from(self, found: Found) -> bool:
        """«Hello from the Banton P7s», «Trish, Banton P7s»: the one who writes, unlike «we played the Banton P7s»."""
        text, first = found.text, found.mention.first
        norms = [word.norm for word in text.words[max(0, first - 3) : first]]
        if norms[-1:] == ["the"]:
            del norms[-1]
        if norms[-1:] in (["from"], ["of"]):
            who = norms[-2] if len(norms) > 1 else ""
            return who in self.letter.sender_words or who in self.words["answering"] or (text.opens(text.words[first - len(norms)].start) and len(norms) == 1)
        return norms[-1:] != [] and (norms[-1] in self.letter.sender_words or norms[-1] == "here") and self._gap_before(found).strip(" ") == ","

    def _others_spoken(self, found: Found) -> bool:
        """Whether other names without their form are told, but for the sender's own."""
        return any(core != found.mention.core and not all(norm in self.letter.sender_words for norm in core) for core in self.spoken)

    def _is_bracketed(self, found: Found) -> bool:
        """«It is the wee school on the hill (Banton)», «all else the same (Webster's, the three of us)»; a town only behind «school»."""
        folded, end = found.text.view.folded, found.mention.end
        if folded[max(0, found.mention.start - 1) : found.mention.start] != "(" or folded[end : end + 1] not in (")", ",", ";"):
            return False
        if self._is_town(found):
            return found.word_before in self.words["one_school"]
        begin, stop = found.text.sentences[found.text.sentence(found.mention.start)]
        norms = {word.norm for word in found.text.words[found.text.word_at(begin) : found.text.word_at(stop)]}
        replies = any(text.zone == "quote" for text in self.letter.texts)
        return (
            len(self.spoken) == 1
            and found.role in ("", "member", "together")
            and norms.isdisjoint(self.words["bygone"])
            and (replies or not norms.isdisjoint(self.words["of_our_school"]))
        )

    def _answers(self, found: Found) -> bool:
        """«And it's Banton.», where our letter below asks which school: nothing else of the clause but small words."""
        if not self.letter.asked_for_school or found.role not in ("", "member", "together"):
            return False
        if len(found.text.words) > _NO_SHORT_ANSWER or (found.bracketed and self._is_town(found)):
            return False  # also «P3 at Gargieston (Kilmarnock)»
        mention = found.mention
        if all(norm in self.letter.gazetteer.vocabulary.never_bare for norm in mention.core):
            told = {*found.near, *found.towns, *self.asked_in}  # «It's Grove, in Dundee», not «It's Victoria»
            if not any(entry.authority in told for entry in mention.entries):
                return False
        return self._is_clause(found)

    def _is_clause(self, found: Found) -> bool:
        """Whether the name and small words are all of its clause: «And it's Banton.»"""
        text, mention = found.text, found.mention
        after = text.view.folded[mention.end : mention.end + 1]
        behind = text.words[mention.last].norm if mention.last < len(text.words) else ""
        if after not in ("", "\n", ".", ",", ";", "!", ")", "(", "-") and behind not in ("in", "here", "still", "and", "please", "thanks", "by"):
            return False
        index = mention.first
        while index > 0:
            gap = text.view.folded[text.words[index - 1].end : text.words[index].start]
            if gap.strip(" ,") or text.opens(text.words[index].start):
                return True
            index -= 1
            if text.words[index].norm not in self.answering and text.words[index].norm not in self.letter.sender_words:
                return False
        return True

    def _is_town(self, found: Found) -> bool:
        return self.letter.is_town(found.mention.core)

    def _gap_before(self, found: Found) -> str:
        first = found.mention.first
        return found.text.view.folded[found.text.words[first - 1].end : found.mention.start] if first else ""

    def _starts(self, found: Found) -> bool:
        return found.mention.start == found.text.sentences[found.text.sentence(found.mention.start)][0]

    @staticmethod
    def _initials_open(found: Found) -> bool:
        """«QMA, Ayr. South Ayrshire Council.»: three letters or more by themselves, where a letter begins."""
        text, mention = found.text, found.mention
        behind = text.view.folded[mention.end : mention.end + 1]
        return found.head and mention.last - mention.first == 1 and len(mention.text) > 2 and text.sentence(mention.start) <= 2 and behind in {*",.;:\n", ""}

    def initials_count(self, found: Found, councils: Collection[str]) -> bool:
        """Initials name a school where the message names the council and the council has one such school."""
        if found.text.zone not in ("own", "subject"):
            return False
        here = set(found.near or councils)
        fitting = [entry for entry in found.mention.entries if entry.authority in here]
        before = found.text.words[found.mention.first - 1].norm if found.mention.first else ""
        told = found.near or (found.role == "member" and before in ("at", "from", "of", "in")) or self._initials_open(found)
        if len(fitting) != 1 or not told:
            return False
        found.mention = replace(found.mention, entries=tuple(fitting))
        return True
