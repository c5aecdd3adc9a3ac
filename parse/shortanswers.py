"""A short answer, read in the light of the question: «(b)», «the second one», «Fife», «yes, that one».

Two things are found in the member's own words (never in a quote): *cues*, phrases of
``programme/rules/answers.yaml`` that matter only inside a conversation (also, instead, wrong, thanks ...),
and *values*, choices among what our last question offered. A quote of that question tells which of its
points an answer typed under it is about, and nothing more.

Promise: pure; never raises on any text. A value always has the member's own characters as its evidence. What
could mean two choices gives none.

What it does badly: an option that is paraphrased («the one where we learn first») is left to the rules for
activities; two letters for a question that has one answer are nobody's choice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mailroom.errors import ProgrammeError
from mailroom.model import Candidate, Evidence, ParsedMessage, Remembered, Slot, ZoneKind
from parse.authorities import Authorities
from parse.rulefile import compile_rules, load_rules
from parse.schoolnames import words
from parse.textview import TextView
from parse.views import views

__all__ = ["SAYS", "Answered", "Asked", "Option", "ShortAnswers"]

SAYS = (
    *("also", "instead", "moved", "wrong", "thanks", "right", "later", "requests", "others", "withdraws", "returns", "unsure"),
    *("asks_institution", "asks_authority", "asks_activity"),
)
_LISTS = ("lead", "tail", "not_a_name", "affirms", "neither", "first", "second", "third", "fourth", "fifth", "last")
_ASKS = {"asks_institution": Slot.INSTITUTION, "asks_authority": Slot.AUTHORITY, "asks_activity": Slot.ACTIVITY}
_OWN = (ZoneKind.OWN, ZoneKind.INLINE_ANSWER)
_QUOTES = (ZoneKind.QUOTE, ZoneKind.OWN_QUOTE)
_SURE, _AS_WRITTEN = 0.9, 0.6
_LONGEST_ANSWER = 120  # characters of a line that is still a short answer
_MOST_LINES = 200  # of an answer; what comes after is no answer to a question
_SEVERAL = (Slot.ACTIVITY,)  # «it may be more than one»


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    value: str  # what the register keeps
    label: str  # what the question said


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One point of our question: what it was about and what it offered, in its order; () for an open question."""

    slot: Slot
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """``cues``: each phrase found, by what it says. ``only_courtesy``: nothing but thanks, greeting and name was written."""

    candidates: tuple[Candidate, ...]
    cues: Mapping[str, tuple[Evidence, ...]]
    sentences: tuple[Evidence, ...]  # of the member's own words
    neither: bool
    only_courtesy: bool

    def says(self, *labels: str) -> bool:
        return any(self.cues.get(label) for label in labels)

    def beside(self, label: str, evidence: Evidence) -> bool:
        """Whether a phrase of that label stands in the sentence of ``evidence``."""
        for sentence in self.sentences:
            if sentence.where == evidence.where and sentence.start <= evidence.start < sentence.end:
                return any(sentence.where == cue.where and sentence.start <= cue.start < sentence.end for cue in self.cues.get(label, ()))
        return False


@dataclass(frozen=True, slots=True)
class _Item:
    """A piece of the member's words that may answer: ``number`` of the point it names, ``about`` the point quoted above it."""

    view: TextView
    start: int  # in the folded text
    text: str
    number: int | None
    about: Slot | None


class ShortAnswers:
    """Reads with ``folder/rules/answers.yaml``. Raises ProgrammeError for bad data."""

    def __init__(self, folder: Path) -> None:
        file = load_rules(folder / "rules" / "answers.yaml", shown="rules/answers.yaml", says=SAYS)
        for name in _LISTS:
            if not file.lists.get(name):
                raise ProgrammeError(file.file, None, f"the list «{name}» is missing")
        self._rules = compile_rules(file)
        self._councils = self._listed_councils = Authorities.load(folder)
        lists = {name: tuple(sorted((_plain(word) for word in file.lists[name]), key=len, reverse=True)) for name in _LISTS}
        self._lead = re.compile(rf"(?:{'|'.join(map(re.escape, lists['lead']))})(?![\w'])[\s,.:;!-]*", re.IGNORECASE)
        self._tail = re.compile(rf"[\s,.:;!-]+(?:{'|'.join(map(re.escape, lists['tail']))})[\s,.:;!-]*$", re.IGNORECASE)
        self._not_a_name = frozenset(lists["not_a_name"])
        self._yes, self._neither = frozenset(lists["affirms"]), frozenset(lists["neither"])
        ordinals = (("first", 0), ("second", 1), ("third", 2), ("fourth", 3), ("fifth", 4), ("last", -1))
        self._correction = (Asked(slot=Slot.AUTHORITY),)
        self._ordinals = {word: place for name, place in ordinals for word in lists[name]}

    def remembering(self, aliases: Sequence[Remembered]) -> Self:
        """The same, with the local names of councils that persons taught, and no others."""
        other = copy(self)
        other._councils = self._listed_councils.remembering(aliases)
        return other

    def read(self, parsed: ParsedMessage, asked: Sequence[Asked] = ()) -> Answered:
        texts = views(parsed)
        own = [view for view in texts if view.where in _OWN]
        cues: dict[str, list[Evidence]] = {}
        for view in own:
            for hit in self._rules.find(view):
                if hit.phrase.label not in _ASKS:
                    cues.setdefault(hit.phrase.label, []).append(hit.evidence())
        sentences = tuple(_evidence(view, span.start_char, span.end_char, "sentence") for view in own for span in view.sentences)
        if not asked and (cues.get("instead") or cues.get("wrong")):
            asked = self._correction  # «It should say Fife, not Angus»: an answer to what we said, not to what we asked
        items = list(self._items(parsed, texts, asked))
        candidates, neither = self._choices(items, asked, parsed, [cue for label in ("instead", "wrong") for cue in cues.get(label, ())])
        return Answered(
            candidates=tuple(candidates),
            cues={label: tuple(found) for label, found in cues.items()},
            sentences=sentences,
            neither=neither,
            only_courtesy=self._courtesy(parsed, sentences, cues, asked=bool(asked) and asked is not self._correction),
        )

    # --- the pieces of an answer

    def _items(self, parsed: ParsedMessage, texts: Sequence[TextView], asked: Sequence[Asked]) -> Iterator[_Item]:
        about: Slot | None = None
        for view in texts:
            if view.where in _QUOTES:
                found = [(hit.evidence().start, _ASKS[hit.phrase.label]) for hit in self._rules.find(view) if hit.phrase.label in _ASKS]
                about = max(found)[1] if found else about
            if view.where not in _OWN:
                continue
            here = about if view.where == ZoneKind.INLINE_ANSWER else None
            for start, end in _lines(view):
                line = view.folded[start:end]
                if len(asked) > 1 and (marks := [m for m in _NUMBERED.finditer(line) if int(m[1]) <= len(asked)]):
                    bounds = [*(m.start() for m in marks), len(line)]
                    for mark, stop in zip(marks, bounds[1:], strict=True):
                        yield self._item(view, start + mark.end(), start + stop, int(mark[1]), here)
                else:
                    yield self._item(view, start, end, None, here)

    @staticmethod
    def _item(view: TextView, start: int, end: int, number: int | None, about: Slot | None) -> _Item:
        while end > start and view.folded[end - 1].isspace():
            end -= 1
        return _Item(view, start, view.folded[start:end], number, about)

    def _bare(self, text: str) -> str:
        """Without what stands around a short answer and says nothing."""
        text = text.strip(" \n\t,.;:!-")
        while match := self._lead.match(text):
            if match.end() >= len(text):
                break
            text = text[match.end() :].strip()
        while match := self._tail.search(text):
            if match.start() == 0:
                break
            text = text[: match.start()].strip()
        return text

    # --- the choices

    def _choices(self, items: Sequence[_Item], asked: Sequence[Asked], parsed: ParsedMessage, corrections: Sequence[Evidence]) -> tuple[list[Candidate], bool]:
        found: list[Candidate] = []
        neither = False
        with_options = [point for point in asked if point.options]
        loose: list[_Item] = []
        for item in items:
            point = None
            if item.number is not None:
                point = asked[item.number - 1] if item.number else None
            elif item.about is not None:
                point = next((one for one in asked if one.slot is item.about), None)
            if point is not None:
                found += self._point(point, item, parsed, alone=True)
                neither = neither or self._says_neither(item)
            else:
                loose.append(item)
        short = [item for item in loose if len(item.text) <= _LONGEST_ANSWER]
        bare = [(item, choice) for item in short if (choice := _choice(self._bare(item.text), self._ordinals)) is not None]
        if len(with_options) == 1:
            for item, _ in bare:
                found += self._point(with_options[0], item, parsed, alone=len(asked) == 1)
        elif len(bare) == len(with_options) > 1:
            for point, (item, _) in zip(with_options, bare, strict=True):
                found += self._point(point, item, parsed, alone=False)
        taken = {id(item) for item, _ in bare}
        content = [item for item in loose if id(item) not in taken and item.text.strip()][:_MOST_LINES]
        for item in content:
            neither = neither or self._says_neither(item)
            for point in asked:
                found += self._point(point, item, parsed, alone=len(asked) == 1 and self._alone(item, content, parsed))
        return _settled(found, asked, corrections), neither

    def _says_neither(self, item: _Item) -> bool:
        head = _plain(re.split(r"[,.;:!?\n-]", item.text, maxsplit=1)[0])
        return head in self._neither or _plain(item.text) in self._neither

    def _alone(self, item: _Item, content: Sequence[_Item], parsed: ParsedMessage) -> bool:
        """Whether the other lines are greeting, thanks and name only."""
        return all(other is item or self._says_nothing(other.text, parsed) for other in content)

    def _says_more(self, clause: Evidence, parsed: ParsedMessage, kind: Sequence[Evidence]) -> bool:
        """«The first one you listed, thank you»: a clause of several words without anything of courtesy in it."""
        held = any(cue.where == clause.where and cue.start < clause.end and clause.start < cue.end for cue in kind)
        return not held and len(_plain(clause.text).split()) > 2 and not self._says_nothing(clause.text, parsed)

    def _says_nothing(self, text: str, parsed: ParsedMessage) -> bool:
        plain = _plain(text)
        names = set(_plain(parsed.sender.name).split()) if parsed.sender is not None else set()
        others = [word for word in plain.split() if word not in names]
        rest = " ".join(others)
        return not rest or len(rest) == 1 or rest in self._not_a_name or rest in _GREETED or (others[0] in _GREETING and len(others) < 4)

    def _point(self, point: Asked, item: _Item, parsed: ParsedMessage, *, alone: bool) -> list[Candidate]:
        text = item.text
        if len(text) > _LONGEST_ANSWER:
            return []
        bare = self._bare(text)
        if point.options:
            choice = _choice(bare, self._ordinals, numbers=alone)
            if choice is not None:
                chosen = [point.options[place] for place in choice if -len(point.options) <= place < len(point.options)]
                if len(chosen) == len(choice) and (len(chosen) == 1 or point.slot in _SEVERAL):
                    return [self._candidate(point.slot, option.value, item, bare or text, "answer.choice") for option in chosen]
                return []
            if len(point.options) == 1 and alone and (_plain(text) in self._yes or _plain(_first_clause(text)) in self._yes):
                return [self._candidate(point.slot, point.options[0].value, item, text, "answer.yes")]
            named = _named(point.options, text, by_word=point.slot not in _SEVERAL)
            if not named and point.slot is Slot.AUTHORITY and (council := self._council(bare)):  # by its town
                named = [(option, bare) for option in point.options if option.value == council]
            if named or not (point.slot is Slot.AUTHORITY and self._says_neither(item)):
                return [self._candidate(point.slot, option.value, item, said, "answer.label") for option, said in named]
            bare = self._bare(re.split(r"[,.;:!-]", text, maxsplit=1)[-1])
        if point.slot is Slot.AUTHORITY:
            council = self._council(bare)
            return [self._candidate(point.slot, council, item, bare, "answer.council")] if council else []
        if point.slot is Slot.INSTITUTION and alone and self._is_name(bare, parsed):
            return [self._candidate(point.slot, bare, item, bare, "answer.name", strength=_AS_WRITTEN)]
        return []

    def _council(self, text: str) -> str | None:
        if (whole := self._named(text)) is not None:
            return whole
        denied = re.match(r"not (?:in )?(.+?)(?:[,;.]\s*(?:but |it's |it is )?|\s+but\s+)(.+)$", text, re.IGNORECASE) or re.match(
            r"(?P<said>.+?)[,;.(]?\s*\bnot (?:in )?(?P<other>.+)$", text, re.IGNORECASE
        )
        if denied is None:
            return None
        said = denied.groupdict().get("said") or denied[2]
        return self._named(self._bare(said))

    def _named(self, text: str) -> str | None:
        """A council, or the one council of a town: whoever is asked for the one may well say the other."""
        if (council := self._councils.named(text)) is not None:
            return council
        alias = self._councils.aliases.get(tuple(word.norm for word in words(text)))
        return alias.councils[0] if alias is not None and len(alias.councils) == 1 else None

    def _is_name(self, text: str, parsed: ParsedMessage) -> bool:
        """A bare name with a capital, and nothing that a person writes for another reason."""
        parts = text.split()
        if not 1 <= len(parts) <= 6 or not all(re.fullmatch(r"[^\W\d_][\w'’.-]*", part) for part in parts):
            return False
        if self._says_nothing(text, parsed) or _plain(text) in self._yes or _plain(text) in self._neither or self._councils.named(text):
            return False
        return all(part[0].isupper() or part.lower() in _SMALL for part in parts)

    def _candidate(self, slot: Slot, value: str, item: _Item, said: str, rule: str, *, strength: float = _SURE) -> Candidate:
        offset = item.text.find(said)
        start, length = (offset, len(said)) if said and offset >= 0 else (0, len(item.text))
        evidence = _evidence(item.view, item.start + start, item.start + start + length, rule)
        return Candidate(slot=slot, value=value, strength=strength, evidence=evidence, chosen=True)

    def _courtesy(self, parsed: ParsedMessage, sentences: Sequence[Evidence], cues: Mapping[str, Sequence[Evidence]], *, asked: bool) -> bool:
        """Whether every sentence is thanks, «that is right», a greeting or a name. Where an answer is awaited, so must each of its clauses be."""
        kind = [cue for label in ("thanks", "right") for cue in cues.get(label, ())]
        for sentence in sentences:
            text = sentence.text.strip()
            if (len(_plain(text)) > 1 and self._says_nothing(text.strip(" ,.!-"), parsed)) or _plain(text) in self._yes or not _plain(text):
                continue
            held = any(cue.where == sentence.where and sentence.start <= cue.start < sentence.end for cue in kind)
            if not held or "?" in text or len(text.split()) > 14:
                return False
            if asked and any(self._says_more(clause, parsed, kind) for clause in _clauses(sentence)):
                return False
        return bool(sentences)


_NUMBERED = re.compile(r"(?:(?<=\s)|^)\(?(?:q(?:uestion)?\s?)?([1-9])\s?[.):]\s+(?=\S)", re.IGNORECASE)
_LETTERS = re.compile(r"[(\[\"']?([a-h])[)\]\"'.:]*(?:\s*(?:,|and|&|\+|/)\s*[(\[\"']?([a-h])[)\]\"'.:]*)*", re.IGNORECASE)
_LETTER = re.compile(r"(?<![\w'])([a-h])(?![\w'])", re.IGNORECASE)
_LETTER_AND_LABEL = re.compile(r"[(\[]?([a-h])(?:\s?[)\].:]+|\s+[-–—])\s*\S.*", re.IGNORECASE | re.DOTALL)
_LETTER_AT_END = re.compile(r":\s*[(\[]?([a-h])[)\].]*$", re.IGNORECASE)
_GREETING = frozenset({"hi", "hello", "hiya", "hey", "dear", "morning", "good"})
_GREETED = frozenset({"there", "all", "team", "everyone", "folks"})
_SMALL = frozenset({"of", "the", "and", "na", "an", "nan", "nam", "a", "for", "in", "de", "on"})


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w']+", " ", text.replace("\u2019", "'").casefold()).split())


def _first_clause(text: str) -> str:
    return re.split(r"[.;!?\n]", text, maxsplit=1)[0]


def _lines(view: TextView) -> Iterator[tuple[int, int]]:
    """Lines of the folded text; a full stop parts answers too, unless it follows a letter or number that marks a point."""
    start = 0
    for match in re.finditer(r"\n|(?<=[\w)][.!?])\s+(?=[A-Z(0-9]|[a-h][.)]*(?:\s|$))", view.folded):
        if view.folded[match.start()] != "\n" and re.search(r"(?:^|\s)\(?\w{1,2}[.)]$", view.folded[max(start, match.start() - 5) : match.start()]):
            continue
        yield start, match.start()
        start = match.end()
    yield start, len(view.folded)


def _choice(text: str, ordinals: Mapping[str, int], *, numbers: bool = False) -> list[int] | None:
    """The places that a choice names («b», «(a) and (d)», «the second one», with ``numbers`` «2»), or None for other words."""
    plain = _plain(text)
    if _LETTERS.fullmatch(text):
        return sorted({ord(letter.lower()) - ord("a") for letter in _LETTER.findall(text)})
    if match := _LETTER_AND_LABEL.fullmatch(text):
        return [ord(match[1].lower()) - ord("a")]
    if match := _LETTER_AT_END.search(text):
        return [ord(match[1].lower()) - ord("a")]
    word = plain.removeprefix("the ")
    if word in ordinals:
        return [ordinals[word]]
    if numbers and re.fullmatch(r"\d", plain):
        return [int(plain) - 1] if plain != "0" else None
    return None


def _named(options: Sequence[Option], text: str, *, by_word: bool) -> list[tuple[Option, str]]:
    """The options whose label stands in the text, or (``by_word``) a word that no other label has; denied ones are left out."""
    folded = text.casefold().replace("\u2019", "'")
    spans: list[tuple[int, int, Option]] = []
    for option in options:
        label = option.label.casefold().replace("\u2019", "'").rstrip(". ")
        for match in re.finditer(rf"(?<!\w){re.escape(label)}(?!\w)", folded):
            spans.append((match.start(), match.end(), option))
    spans = [one for one in spans if not any(o is not one and o[0] <= one[0] and one[1] <= o[1] and o[1] - o[0] > one[1] - one[0] for o in spans)]
    if by_word:
        for option in options:
            if any(option is one[2] for one in spans):
                continue
            others = {word for other in options if other is not option for word in _plain(other.label).split()}
            for word in _plain(option.label).split():
                if len(word) > 3 and word not in others and word not in _TELLS_NOTHING:
                    found = ((m.start(), m.end()) for m in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", folded))
                    spans += [(*at, option) for at in found if not any(o[0] <= at[0] and at[1] <= o[1] for o in spans)]
    said = [(start, end, option) for start, end, option in spans if not _DENIED.search(folded[:start])]
    return [(option, text[start:end]) for start, end, option in said]


_DENIED = re.compile(
    r"(?:\bnot|n't|\bno|\bneither|\bnor|\brather than|\bthan|\binstead of|\bused to be|\bnot the"
    r"|\bnear|\bbeside|\bnext to|\bclose to|\bnot far from|\boutside|\bacross from)\s+(?:in\s+|the\s+|at\s+)*$"
)
_TELLS_NOTHING = frozenset(
    ("school", "primary", "secondary", "high", "college", "academy", "council", "city", "north", "south", "east", "west", "area", "saint")
)


def _clauses(sentence: Evidence) -> Iterator[Evidence]:
    start = 0
    for match in re.finditer(r"[,;:(\n-]+\s*|$", sentence.text):
        if text := sentence.text[start : match.start()]:
            yield Evidence(where=sentence.where, start=sentence.start + start, end=sentence.start + match.start(), text=text, rule="clause")
        start = match.end()


def _settled(found: Sequence[Candidate], asked: Sequence[Asked], corrections: Sequence[Evidence]) -> list[Candidate]:
    """One value for a point that has one; two that differ are nobody's choice, unless the last one takes back the others."""
    kept: list[Candidate] = []
    for point in asked:
        mine = [candidate for candidate in found if candidate.slot is point.slot]
        last = max((c.evidence.start for c in mine), default=0)
        between = [cue.start for cue in corrections if cue.where in _OWN and cue.start <= last]
        if between and point.slot not in _SEVERAL:  # «Fife. Actually no, Dundee.»
            after = [c for c in mine if c.evidence.start >= max(between)]
            mine = after if len({c.value for c in after}) == 1 else mine
        values = list(dict.fromkeys(candidate.value for candidate in mine))
        if len(values) == 1 or point.slot in _SEVERAL:
            kept += [next(c for c in mine if c.value == value) for value in values]
    return kept


def _evidence(view: TextView, start: int, end: int, rule: str) -> Evidence:
    first, last = view.to_source(start, end)
    return Evidence(where=view.where, start=first, end=last, text=view.source[first:last], rule=rule)
