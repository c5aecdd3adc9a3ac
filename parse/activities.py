"""Which of the programme's activities a member says they have, from inspectable cues.

The four activities are told in a hundred ways, so no rule looks for one of them. Rules
(``programme/rules/activities.yaml``) find cues: who is at it, what they did, how far they are, what they
want next. A table in the same file says how much each cue speaks for or against each activity. A second table
(``programme/words/activities.csv``) does so for words, neighbouring words and pairs of cues. The sums, over the
whole text and over its clearest stretch, are turned into shares, and an activity is taken only when its share
is over a named threshold. Several are taken only where the message falls into parts that each speak clearly for
another one.

Promise: the same text gives the same answer, nothing is taken from quotes, signatures, banners or
disclaimers, and every cue that spoke is a candidate with its evidence, whichever activity won.

What it does badly: irony, stories about other people told without naming them, and plans described
in images with no word of doing, learning or planning in them; the member is then asked.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import chain, pairwise, permutations
from pathlib import Path
from typing import Any, Self

from mailroom.errors import ProgrammeError
from mailroom.model import Address, AliasKind, Candidate, Evidence, ParsedMessage, Reason, Remembered, Slot, ZoneKind
from parse.optionanswers import FEWEST, NUMBER, Listing, Pick, item, listed_by_writer, listings, picked, refused
from parse.phrases import Hit, PhraseMatcherSet
from parse.rulefile import RuleFile, compile_rules, load_rules
from parse.schoolnames import Word, words
from parse.signtable import load_signs, pair_signs, word_lists, word_signs
from parse.textview import TextView
from parse.tickboxes import Box, answered, drawn, tabled, unticked

__all__ = ["ACTIVITIES", "Activities", "ActivityFinder", "Part"]

ACTIVITIES = ("existing_collaborative", "existing_individual", "proposed_collaborative", "learning_collaborative")
NONE = "none"
_SEPARATOR = "split"  # the cue that announces another matter
_ANNOUNCED = "split_announced"  # the cue that says there will be two matters
_MASK = "mask"  # talk of the programme itself: cues within it do not count
_CANCEL = "cancel."  # cues that the rest of the sentence was dropped, or is about somebody else
_TAKES_BACK = "takes_back"  # the cue that what the sentence before says is not so
_DENIAL = "none.not_"  # cues that deny something: what stands within them is not told
_AGAINST = (_CANCEL, "none.")  # cues that a cancelled sentence keeps
_TOPIC = "topic_opens"  # the cue after which learning words belong to the topic
_LEARNING = "learn."
_BACK = frozenset({"it", "this", "that", "them", "these", "those", "we"})  # the topic is what was spoken of before
# Cues that answer a quoted list or question: of an ordinal, the place of the option that it picks.
_ORDINALS = {"answer.1": 0, "answer.2": 1, "answer.3": 2, "answer.4": 3, "answer.last": -1}
_YES = "answer.yes"
_OUTRIGHT = "named."  # cues that name an activity outright
# Cues that name an activity by its place in the programme's own list, which the member has before them.
_LISTED = {f"listed.{place}": name for place, name in enumerate(ACTIVITIES, start=1)}
_NUMBER_SIGN = re.compile(r"\b(no)\.(?= ?\d)", re.IGNORECASE)
_NO_SAY = frozenset({_SEPARATOR, _ANNOUNCED, _MASK, _TOPIC, _TAKES_BACK, *_ORDINALS, *_LISTED, _YES})
# What a form leaves unsaid, besides options not ticked where another one is: headings answered with «no» or «n/a»,
# and our numbered questions that are answered in their own line.
_ANSWERED_NO = re.compile(r"(?im)^[^\n?:]{3,80}[?:]\s*(?:n/?a|no|none|nil|not applicable|nothing|-)[ .]*$")
_ANSWERED_BESIDE = re.compile(
    r"(?m)^[ \t]*\(?\d{1,2}[.):][^\n?]{8,160}\?(?=[ \t]*(?:[-\u2013\u2014=>]+|:)[ \t]*\w)"
)  # «3. Under way, or proposed? - Proposed.»
_MOST_PARTS = 60
_CONFIRMS = re.compile(r"\b(?:that|this|it|so|right|correct|agreed?|ok(?:ay)?|yes|true|happy)\b", re.IGNORECASE)  # unlike «Do you have a topic?»
_STRETCH = 4  # parts, most often sentences, in which an activity is commonly told
_SIGNS = "words/activities.csv"


@dataclass(frozen=True, kw_only=True, slots=True)
class Activities:
    """``activities`` in the fixed order of ``ACTIVITIES``; every cue that spoke among ``candidates``."""

    activities: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    reasons: tuple[Reason, ...] = ()
    shares: Mapping[str, float] | None = None  # how the whole text divides among activities and none

    @property
    def how(self) -> str:
        """Whether an activity is told, in words (``told``), by an ``option`` or question of ours, ``perhaps`` or not at all (``none``)."""
        codes = {reason.code for reason in self.reasons}
        if not codes.isdisjoint(("activity_by_option", "activity_by_yes")):
            return "option"
        return "told" if self.activities else "perhaps" if "activity_unsure" in codes else "none"


_SAYS_SOMETHING = 0.2  # share that most options, which are short, must leave to the activities
_SAY_TOGETHER = 0.35  # and all of them on the average
_NAMED = 0.02  # share among them of the activity that an option names, once each of the others is given to its own option
_PLAIN = 0.65  # the same where there are only two options
_MOST_OPTIONS = 6
_ANSWER_RULE = "answer.option"
_BOX_RULE = "answer.box"
_MOST_BOXES = 24  # of a form
_CORRECTED = re.compile(  # ticks of which one may be wrong
    r"\b(?:(?:tick|cross|box)\w*\b[^.\n]{0,60}\b(?:wrong|mistake|mistaken|error|slip|accident)|(?:wrong|mistake|slip|error)\b[^.\n]{0,40}\b(?:tick|box)\w*)\b",
    re.IGNORECASE,
)
_UNMEANT = re.compile(
    r"(?<![:=?|-] )\bNO\b|\b(?i:oops|slip|not this|by (?:mistake|accident)|(?:ticked|crossed|meant) (?:in error|wrongly)|ignore (?:this|that))\b"
)  # beside one
_YES_WITHIN = 3  # sentences of an answer, in which a yes to a question of ours is looked for
_MOST_QUESTIONS = 12
_PUT_RIGHT = re.compile(
    r"(?: \w+){0,3}[\s.,;\u2026\u2013-]*(?:no|wait|sorry|rather|actually|oops|scratch that|i mean|make that)\b", re.IGNORECASE
)  # «the third... no wait, second»
_INITIAL = re.compile(r"\. ?((?:[A-Z]\. ?)*[A-Z][\w'\u2019-]+)")  # what follows the first letter of a person's name
_SAYS_MORE = 6  # words above an initial, so that it is no answer
_SOON = 24  # characters between what is said first and what puts it right
_BARE = 7  # words of a question that may only ask whether what was said is so
_TAKES_BACK_YES = re.compile(r"\b(?:but|except|not|never|no longer|until|used to)\b|n't\b", re.IGNORECASE)
_OWN = (ZoneKind.OWN, ZoneKind.INLINE_ANSWER)
_QUOTES = (ZoneKind.OWN_QUOTE, ZoneKind.QUOTE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A stretch of text between possible borders, and how often each cue was found there."""

    counts: Mapping[str, float]
    hits: tuple[Hit, ...]
    signs: Mapping[str, float]  # words and pairs of cues that are in the table of signs, and how much each counts
    separated: bool  # a word that announces another matter stands at its start
    announced: bool = False  # «two things»: the parts after this one may be about different matters


def _signs_off(text: str, pick: Pick, names: frozenset[str]) -> bool:
    """«... up for joining a cluster\n\nD», of Donna: an initial as the last line of a letter that says something."""
    line = text.rfind("\n", 0, pick.start) + 1
    alone = not text[line : pick.start].strip() and not text[pick.end :].strip(" .x\n")
    return alone and len(text[:line].split()) > _SAYS_MORE and any(name.startswith(text[pick.start].lower()) for name in names)


def _by_yes(activity: str, yes: Evidence) -> Activities:
    candidate = Candidate(slot=Slot.ACTIVITY, value=activity, strength=1.0, evidence=yes, chosen=True)
    return Activities(activities=(activity,), candidates=(candidate,), reasons=(Reason(code="activity_by_yes"),))


def _number(data: Mapping[str, Any], key: str, file: str) -> float:
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProgrammeError(file, data.get("__line__"), f"settings: «{key}» should be a number")
    return float(value)


def _unsaid(text: str) -> bytearray | None:
    """Which characters stand in what a form leaves unsaid; None where there is no such thing."""
    spans = [*(match.span() for match in _ANSWERED_NO.finditer(text)), *(match.span() for match in _ANSWERED_BESIDE.finditer(text)), *unticked(text)]
    if not spans:
        return None
    unsaid = bytearray(len(text))
    for start, end in spans:
        unsaid[start:end] = b"\1" * (end - start)
    return unsaid


_TAUGHT = 0.95  # how sure a remembered phrase is
_DENIES = frozenset({"not", "no", "never", "nor", "without"})


def _norms(text: str) -> tuple[str, ...]:
    return tuple(word.norm for word in words(text.replace("\u2019", "'")))


def _denied(said: Sequence[Word], at: int) -> bool:
    """«we are not ...»: a no in one of the three words before."""
    return any(word.norm in _DENIES or word.raw.lower().endswith("n't") for word in said[max(0, at - 3) : at])


class ActivityFinder:
    """Reads activities with the rules in ``folder/rules``. Raises ProgrammeError for a mistake there."""

    def __init__(self, folder: Path) -> None:
        path = folder / "rules" / "activities.yaml"
        file = load_rules(path, shown="rules/activities.yaml")
        self.weights = self._weights(file)
        for rule in file.rules:
            if rule.phrase.label not in self.weights and rule.phrase.label not in _NO_SAY:
                raise ProgrammeError(file.file, rule.line, f"rule «{rule.phrase.id}»: there is no cue «{rule.phrase.label}» in the table")
        settings = file.settings.get("settings")
        if not isinstance(settings, dict):
            raise ProgrammeError(file.file, None, "«settings» is missing")
        self.accept = _number(settings, "accept", file.file)
        self.accept_part = _number(settings, "accept_part", file.file)
        self.cancelled = _number(settings, "cancelled", file.file)
        self.accept_border = _number(settings, "accept_border", file.file)
        self.whole = _number(settings, "whole", file.file)
        self.stretch = _number(settings, "stretch", file.file)
        self.doubt = _number(settings, "doubt", file.file)
        self.topic_reaches = _number(settings, "topic_reaches", file.file)
        self.part_ratio = _number(settings, "part_ratio", file.file)
        self.fewest_cues = _number(settings, "fewest_cues", file.file)
        self.needs = self._conditions(settings, "needs", file.file)
        self.ruled_out = self._conditions(settings, "ruled_out", file.file)
        self.zones = {str(k): float(v) for k, v in (settings.get("zones") or {}).items() if k != "__line__"}
        self.matcher: PhraseMatcherSet = compile_rules(file)
        self.signs: Mapping[str, Sequence[float]] = load_signs(folder / _SIGNS, shown=_SIGNS, columns=ACTIVITIES, cues=self.weights)
        self.lists = word_lists(file.lists)
        self._no_options = re.compile(
            rf"(?<![\w&])(?:{'|'.join(map(re.escape, map(str, file.lists.get('no_options', ())))) or '(?!)'})(?![\w&])", re.IGNORECASE
        )
        self.phrases: defaultdict[str, list[tuple[tuple[str, ...], Remembered]]] = defaultdict(list)  # what persons taught, by the first word
        self.every_sign = False  # whether parts keep signs that are not in the table; for fitting

    @staticmethod
    def _weights(file: RuleFile) -> dict[str, dict[str, float]]:
        table = file.settings.get("cues")
        if not isinstance(table, dict):
            raise ProgrammeError(file.file, None, "the table «cues» is missing")
        weights: dict[str, dict[str, float]] = {}
        for cue, row in table.items():
            if cue == "__line__":
                continue
            if not isinstance(row, dict):
                raise ProgrammeError(file.file, table["__line__"], f"cue «{cue}» should be a mapping of activities to weights")
            for key, value in row.items():
                if key in ("__line__", "means"):
                    continue
                if key not in ACTIVITIES or isinstance(value, bool) or not isinstance(value, int | float):
                    raise ProgrammeError(file.file, row["__line__"], f"cue «{cue}»: «{key}: {value}» is no activity with a number")
            weights[cue] = {activity: float(row.get(activity, 0)) for activity in ACTIVITIES}
        if "always" not in weights:
            raise ProgrammeError(file.file, table["__line__"], "the cue «always» (what is added to every text) is missing")
        return weights

    def _conditions(self, settings: Mapping[str, Any], key: str, file: str) -> dict[str, tuple[str, ...]]:
        """For some activities, how cues begin of which a text has to have one, or may have none."""
        conditions: dict[str, tuple[str, ...]] = {}
        for name, cues in (settings.get(key) or {}).items():
            if name == "__line__":
                continue
            if name not in ACTIVITIES or not isinstance(cues, list):
                raise ProgrammeError(file, settings.get("__line__"), f"settings: {key}: «{name}» should be an activity with a list of cues")
            for cue in cues:
                if not any(known.startswith(str(cue)) for known in self.weights):
                    raise ProgrammeError(file, settings.get("__line__"), f"settings: {key}: no cue begins with «{cue}»")
            conditions[name] = tuple(map(str, cues))
        return conditions

    def _may_be(self, name: str, parts: Sequence[Part]) -> bool:
        """Whether the parts say what the activity needs (of a learning group, that it wants to go on to research), and nothing that rules it out."""
        cues = {cue for part in parts for cue in part.counts}
        needed, ruled_out = self.needs.get(name), self.ruled_out.get(name)
        return (needed is None or any(cue.startswith(needed) for cue in cues)) and (ruled_out is None or not any(cue.startswith(ruled_out) for cue in cues))

    def find(self, parsed: ParsedMessage, views: tuple[TextView, ...]) -> Activities:
        """The activities of a message, from the zones whose words are the member's."""
        parts: list[Part] = []
        for view in views:
            if (factor := self._factor(view)) > 0:
                parts += self.parts(view, factor)
        if (answer := self._answer(views, parsed.sender) or self.ticked(views)) is not None:
            return answer
        read = self._taught(views, self.decide(parts))
        return read if read.activities else self._agreed(views) or self._listed(views) or read

    def _factor(self, view: TextView) -> float:
        """What the words of this zone count."""
        return self.zones.get("attachment" if view.where.startswith("attachment:") else view.where, 0.0)

    def _listed(self, views: Sequence[TextView]) -> Activities | None:
        """«Activity: no. 2 on your list»: the one activity that is named by its place, where the words tell none."""
        hits: dict[str, Evidence] = {}
        for view in views:
            if self._factor(view) <= 0:
                continue
            read = view
            if _NUMBER_SIGN.search(view.source):  # whose stop would end the sentence
                read = TextView(_NUMBER_SIGN.sub(r"\1 ", view.source), where=view.where, start=view.start, end=view.end)
            for hit in self.matcher.find(read):
                if hit.phrase.label in _LISTED:
                    start, end = read.to_source(hit.span.start_char, hit.span.end_char)
                    hits[_LISTED[hit.phrase.label]] = Evidence(where=view.where, start=start, end=end, text=view.source[start:end], rule=hit.phrase.id)
        if len(hits) != 1:
            return None
        name, evidence = hits.popitem()
        candidate = Candidate(slot=Slot.ACTIVITY, value=name, strength=1.0, evidence=evidence, chosen=True)
        return Activities(activities=(name,), candidates=(candidate,))

    def remembering(self, aliases: Sequence[Remembered]) -> Self:
        """The same rules with these phrases, and no others."""
        other = copy(self)
        other.phrases = defaultdict(list)
        for alias in aliases:
            if alias.kind is AliasKind.ACTIVITY and alias.means in ACTIVITIES and (norms := _norms(alias.written)):
                other.phrases[norms[0]].append((norms, alias))
        return other

    def _taught(self, views: Sequence[TextView], read: Activities) -> Activities:
        """What a remembered phrase means takes the place of what the cues came to, unless that has it among several."""
        if not self.phrases:
            return read
        found: dict[str, Candidate] = {}
        for view in views:
            if self._factor(view) <= 0:
                continue
            said = words(view.folded)
            for at, word in enumerate(said):
                for norms, alias in self.phrases.get(word.norm, ()):
                    if tuple(one.norm for one in said[at : at + len(norms)]) != norms or _denied(said, at):
                        continue
                    start, end = view.to_source(word.start, said[at + len(norms) - 1].end)
                    evidence = Evidence(where=view.where, start=start, end=end, text=view.source[start:end], rule=alias.rule)
                    found.setdefault(alias.means, Candidate(slot=Slot.ACTIVITY, value=alias.means, strength=_TAUGHT, evidence=evidence, chosen=True))
        if not found or set(found) < set(read.activities):
            return read
        others = tuple(replace(candidate, chosen=candidate.chosen and candidate.value in found) for candidate in read.candidates)
        return Activities(activities=tuple(name for name in ACTIVITIES if name in found), candidates=(*found.values(), *others), shares=read.shares)

    def _answer(self, views: Sequence[TextView], sender: Address | None) -> Activities | None:
        """An answer by letter, number or ordinal to a quoted list of which the options name activities."""
        names = frozenset(word.norm for word in words(sender.name)) if sender else frozenset()
        own = [view for view in views if view.where in _OWN]
        ordinals: dict[int, list[tuple[int, int, int]]] = {}
        for place, quote in enumerate(views):
            if quote.where not in _QUOTES:
                continue
            below = next((view for view in views[place + 1 : place + 2] if view.where in _OWN), None)
            for listing in listings(quote.folded):
                answers = ((view, self._picks(view, listing, ordinals, names)) for view in ([below, *own] if below else own))
                view, picks = next(((view, picks) for view, picks in answers if picks), (None, []))
                if view is None:
                    continue
                options = self._options(listing.options)
                if len(set(filter(None, options))) < min(FEWEST, len(listing.options)):
                    continue
                no = {pick.mark for pick in picks if pick.refused}
                found: dict[str, Candidate] = {}
                for start, end, mark, _ in picks:
                    name = None if mark in no else options[int(mark)]
                    if name and name not in found:
                        a, b = view.to_source(start, end)
                        evidence = Evidence(where=view.where, start=a, end=b, text=view.source[a:b], rule=_ANSWER_RULE)
                        found[name] = Candidate(slot=Slot.ACTIVITY, value=name, strength=1.0, evidence=evidence, chosen=True)
                if 0 < len(found) < min(FEWEST, len(listing.options)):
                    chosen = tuple(name for name in ACTIVITIES if name in found)
                    return Activities(activities=chosen, candidates=tuple(found.values()), reasons=(Reason(code="activity_by_option"),))
        return None

    def ticked(self, views: Sequence[TextView]) -> Activities | None:
        """What is ticked in a form that lists the activities: each of them, where the form is filled in by the member and not corrected."""
        found: dict[str, Candidate] = {}
        for view in views:
            if self._factor(view) <= 0 or _CORRECTED.search(view.folded):
                continue
            forms = ((form, True) for form in chain(drawn(view.folded), tabled(view.folded)))
            for form, boxes in chain(forms, ((form, False) for form in answered(view.folded))):
                for box, name in self._ticked_of(view, form[:_MOST_BOXES], boxes=boxes):
                    if name not in found:
                        start, end = view.to_source(box.start, box.end)
                        evidence = Evidence(where=view.where, start=start, end=end, text=view.source[start:end], rule=_BOX_RULE)
                        found[name] = Candidate(slot=Slot.ACTIVITY, value=name, strength=1.0, evidence=evidence, chosen=True)
        if not 0 < len(found) < len(ACTIVITIES):
            return None
        chosen = tuple(name for name in ACTIVITIES if name in found)
        return Activities(activities=chosen, candidates=tuple(found.values()), reasons=(Reason(code="activity_by_box"),))

    def _ticked_of(self, view: TextView, form: Sequence[Box], *, boxes: bool) -> list[tuple[Box, str]]:
        """The ticked boxes of the stretch of a form that lists the activities most clearly, each with what it names.

        Answers in words («Group? yes. Begun? no.») may be to other questions, and three boxes about something else: there each option has to be
        likelier than the others to be what it is taken for.
        """
        if len(form) < FEWEST or not any(box.ticked for box in form):
            return []
        told = [self._telling(view.folded[box.start : box.end]) for box in form]
        best: tuple[int, float, list[tuple[Box, str | None]]] = (FEWEST - 1, 0.0, [])
        for size in (len(ACTIVITIES), FEWEST) if boxes else (len(ACTIVITIES),):
            for start in range(len(form) - size + 1):
                here = told[start : start + size]
                names = self._divided(here, FEWEST - 1, _NAMED) if boxes else []
                likeliest = [max(ACTIVITIES, key=row.__getitem__) for _, row in here]
                if size == FEWEST and names != likeliest:
                    continue
                if not any(names) and set(likeliest) == set(ACTIVITIES) and sum(share for share, _ in here) >= _SAY_TOGETHER:
                    names = [*likeliest]  # too short to tell much: «individual | proposed»
                rank = (len(set(filter(None, names))), sum(share for share, _ in here))
                if rank > best[:2]:
                    best = (*rank, list(zip(form[start : start + size], names, strict=True)))
        if all(box.ticked for box, _ in best[2]):
            return []
        return [(box, name) for box, name in best[2] if box.ticked and name and not _UNMEANT.search(view.folded, box.start, box.end)]

    def _agreed(self, views: Sequence[TextView]) -> Activities | None:
        """«Aye, that's us.» above our question «are you a group that ...?»: the one activity that the questions of a quote name."""
        quotes = [(place, view) for place, view in enumerate(views) if view.where in _QUOTES]
        yeses = {place: next(self._yeses(view), None) for place, view in enumerate(views) if view.where in _OWN} if quotes else {}
        if not yeses:
            return None
        for place, quote in quotes:
            if (numbered := self._agreed_by_number(quote, [view for view in views if view.where in _OWN])) is not None:
                return numbered
            yes = yeses.get(place + 1, next(iter(yeses.values())))
            if yes is None:
                continue
            named: set[str] = set()
            sentences = [text for text, _ in quote.sentence_texts]
            asked = [place for place, text in enumerate(sentences) if "?" in text][:_MOST_QUESTIONS]
            for question in asked:
                found = self._named_outright(sentences[question])
                if (
                    not found and question and len(sentences[question].split()) <= _BARE and _CONFIRMS.search(sentences[question])
                ):  # «... Is that right?»: of what was said before it
                    found = self._named_outright(sentences[question - 1])
                named |= found
            if len(named) == 1:
                return _by_yes(named.pop(), yes.evidence())
        return None

    def _agreed_by_number(self, quote: TextView, own: Sequence[TextView]) -> Activities | None:
        """«2) yes», below our «2) Are you a group that ...?»"""
        asked = [(match[1], text) for text, _ in quote.sentence_texts if "?" in text and (match := NUMBER.match(text))][:_MOST_QUESTIONS]
        for view in own if asked else ():
            for number, question in asked:
                first, last = item(view.folded, number)
                answer = view.folded[first:last].strip().partition("\n")[0] if first else ""
                if not answer or _TAKES_BACK_YES.search(answer):
                    continue
                said = next((hit for hit in self.matcher.find(TextView(f"{answer}.", where=view.where)) if hit.phrase.label == _YES), None)
                if said is not None and said.span.start_char == 0 and len(named := self._named_outright(question)) == 1:
                    at = view.folded.index(answer, first)
                    start, end = view.to_source(at, at + min(said.span.end_char, len(answer)))
                    evidence = Evidence(where=view.where, start=start, end=end, text=view.source[start:end], rule=said.phrase.id)
                    return _by_yes(named.pop(), evidence)
        return None

    def _named_outright(self, text: str) -> set[str]:
        """What a sentence of ours names: «do you mean the proposed group?»."""
        parts = self.parts(TextView(text, where=ZoneKind.OWN_QUOTE))
        shares = self.shares(parts)
        outright = {name for part in parts for name in ACTIVITIES if f"{_OUTRIGHT}{name}" in part.counts}
        return {name for name in ACTIVITIES if shares[name] >= self.accept or outright == {name}}

    def _yeses(self, view: TextView) -> Iterator[Hit]:
        """A yes in one of the first sentences, which does not take it back."""
        starts = [start for _, start in view.sentence_texts]
        for hit in self.matcher.find(view):
            if hit.phrase.label == _YES and (number := bisect_right(starts, hit.span.start_char)) <= _YES_WITHIN:
                text, start = view.sentence_texts[number - 1]
                if not _TAKES_BACK_YES.search(text, hit.span.end_char - start):
                    yield hit

    def _options(self, options: Sequence[str]) -> list[str | None]:
        """The activity that each option names: none is named twice, and all together are told as well as can be; of two each has to be plain."""
        told = [self._telling(text) for text in options[:_MOST_OPTIONS]]
        fewest, named = (min(FEWEST, len(told) - 1), _NAMED) if len(options) >= FEWEST else (len(options), _PLAIN)
        return [*self._divided(told, fewest, named), *[None] * (len(options) - len(told))]

    def _telling(self, text: str) -> tuple[float, dict[str, float]]:
        """How much of an option's share the activities have, and how they divide it."""
        shares = self.shares(self.parts(TextView(text, where=ZoneKind.OWN_QUOTE)))
        told = max(1 - shares[NONE], 1e-9)
        return told, {name: max(shares[name] / told, 1e-9) for name in ACTIVITIES}

    @staticmethod
    def _divided(told: Sequence[tuple[float, Mapping[str, float]]], fewest: int, named: float) -> list[str | None]:
        """The activities dealt out among options, so many of which have to say something."""
        tells, rows = [share for share, _ in told], [row for _, row in told]
        if sum(share > _SAYS_SOMETHING for share in tells) < fewest or sum(tells) < _SAY_TOGETHER * len(rows):
            return [None] * len(rows)
        names = (*ACTIVITIES, *[None] * max(len(rows) - len(ACTIVITIES), 0))
        best = max(permutations(names, len(rows)), key=lambda order: math.prod(row[name] if name else 0.05 for row, name in zip(rows, order, strict=True)))
        return [name if name and row[name] >= named else None for row, name in zip(rows, best, strict=True)]

    def _picks(self, view: TextView, listing: Listing, ordinals: dict[int, list[tuple[int, int, int]]], names: frozenset[str]) -> list[Pick]:
        """Where the text picks options, by letter, number or ordinal, or all but some; ``mark`` is the place of the option in the list.

        ``names``: the sender's, so that «A. Lennox» below a letter is no option A.
        """
        first, last = item(view.folded, listing.number)
        places = {mark: str(place) for place, mark in enumerate(listing.marks)}
        text = view.folded if first else self._no_options.sub(lambda name: " " * len(name[0]), view.folded)
        found = [pick._replace(mark=places[pick.mark]) for pick in picked(text, listing.marks, first, last)]
        found = [pick for pick in found if not _signs_off(text, pick, names)]
        found = [pick for pick in found if not ((initial := _INITIAL.match(text, pick.end)) and names.intersection(word.norm for word in words(initial[1])))]
        if found and not listed_by_writer(text, found):
            return found
        found = []
        if id(view) not in ordinals:
            hits = (hit for hit in self.matcher.find(view) if hit.phrase.label in _ORDINALS)
            ordinals[id(view)] = [(hit.span.start_char, hit.span.end_char, _ORDINALS[hit.phrase.label]) for hit in hits]
        for start, end, index in ordinals[id(view)]:
            if first <= start < last and index < len(listing.options):
                mark = str(index % len(listing.options))
                found.append(Pick(start, end, mark, refused(view.folded, start, end)))
        put_right = [_PUT_RIGHT.match(view.folded, one.end) is not None and other.start - one.end <= _SOON for one, other in pairwise(found)]
        return [pick for pick, wrong in zip(found, [*put_right, False], strict=False) if not wrong]

    def parts(self, view: TextView, factor: float = 1.0) -> list[Part]:
        """The view cut at sentence ends, semicolons and words that announce another matter, with the hits in each part."""
        unsaid = _unsaid(view.folded)
        found = list(self.matcher.find(view))
        denied = {token for hit in found if hit.phrase.label.startswith(_DENIAL) for token in range(hit.span.start, hit.span.end)}
        silent = denied | {token for hit in found if hit.phrase.label == _MASK for token in range(hit.span.start, hit.span.end)}
        hits = self._unmasked(found, unsaid, denied)
        begins = {start for start, _ in view.bounds}
        if ";" in view.folded:
            tokens = view.tokens
            begins.update(index + 1 for start, end in view.bounds for index in range(start, end - 1) if tokens[index] == ";")
        borders = sorted({*begins, *(h.span.start for h in hits if h.phrase.label == _SEPARATOR)})
        signs: list[dict[str, float]] = [{} for _ in borders]
        for token, sign in self._word_signs(view, unsaid):
            if token in silent:
                continue
            signs[max(bisect_right(borders, token) - 1, 0)][sign] = factor
        inside: list[list[Hit]] = [[] for _ in borders]
        for hit in hits:
            inside[max(bisect_right(borders, hit.span.start) - 1, 0)].append(hit)
        taken_back = [any(hit.phrase.label == _TAKES_BACK for hit in found) for found in inside]
        return [
            self._part(found, border, factor, said, cancelled=back)
            for found, border, said, back in zip(inside, borders, signs, [*taken_back, False][1:], strict=True)
        ]

    def _word_signs(self, view: TextView, unsaid: bytearray | None) -> Iterator[tuple[int, str]]:
        """The words and neighbouring words of the view that count, each with the token that it starts at."""
        known = self.signs
        for sentence in self.matcher.words(view):
            for place, sign in word_signs([word for word, _ in sentence], self.lists):
                if (sign in known or self.every_sign) and not (unsaid and unsaid[view.token_starts[sentence[place][1]]]):
                    yield sentence[place][1], sign

    def _part(self, hits: Sequence[Hit], start: int, factor: float, signs: dict[str, float], *, cancelled: bool) -> Part:
        opened = [h.span.end for h in hits if h.phrase.label == _TOPIC and not _BACK & {t.lower_ for t in h.span.doc[h.span.end : h.span.end + 2]}]
        told = tuple(h for h in hits if h.phrase.label not in _NO_SAY and not (opened and self._of_topic(h, opened)))
        cancelled = cancelled or any(h.phrase.label.startswith(_CANCEL) for h in told)
        say = factor * (self.cancelled if cancelled else 1.0)
        counts: dict[str, float] = {}
        for hit in told:
            label = hit.phrase.label
            counts[label] = counts.get(label, 0.0) + (factor if label.startswith(_AGAINST) else say) * hit.phrase.weight
        signs.update((sign, factor) for sign in pair_signs(counts) if self.every_sign or sign in self.signs)
        separated = any(h.phrase.label == _SEPARATOR and h.span.start <= start + 2 for h in hits)
        return Part(counts=counts, hits=told, signs=signs, separated=separated, announced=any(h.phrase.label == _ANNOUNCED for h in hits))

    def _of_topic(self, hit: Hit, opened: Sequence[int]) -> bool:
        return hit.phrase.label.startswith(_LEARNING) and any(0 <= hit.span.start - end < self.topic_reaches for end in opened)

    @staticmethod
    def _unmasked(hits: list[Hit], unsaid: bytearray | None, denied: set[int]) -> list[Hit]:
        """The hits that count: not those in talk of the programme, in what is denied, nor in what a form leaves unsaid."""
        masked = {token for hit in hits if hit.phrase.label == _MASK for token in range(hit.span.start, hit.span.end)}
        return [
            hit
            for hit in hits
            if hit.phrase.label != _MASK
            and not (unsaid and unsaid[hit.span.start_char])
            and not (masked and masked.issuperset(range(hit.span.start, hit.span.end)))
            and not (denied and not hit.phrase.label.startswith(_AGAINST) and denied.issuperset(range(hit.span.start, hit.span.end)))
        ]

    def _sums(self, parts: Iterable[Part]) -> list[float]:
        """What cues and signs speak for each activity; a cue that comes often counts a little more, a sign once."""
        counts: dict[str, float] = {}
        signs: dict[str, float] = {}
        for part in parts:
            for cue, count in part.counts.items():
                counts[cue] = counts.get(cue, 0.0) + count
            for sign, level in part.signs.items():
                if level > signs.get(sign, 0.0):
                    signs[sign] = level
        rows = [self.signs[sign] if level == 1.0 else [weight * level for weight in self.signs[sign]] for sign, level in signs.items()]
        by_signs = map(sum, zip(*rows, strict=True)) if rows else (0.0 for _ in ACTIVITIES)
        levels = [(self.weights[cue], math.log2(1 + min(count, 3.0))) for cue, count in counts.items()]
        return [total + sum([weights[activity] * level for weights, level in levels]) for total, activity in zip(by_signs, ACTIVITIES, strict=True)]

    def shares(self, parts: Sequence[Part], said: Sequence[Sequence[float]] | None = None) -> dict[str, float]:
        """How the text divides among the activities and none; the shares sum to one. ``said`` is what each part says, if it is known.

        The clearest stretch counts beside the whole: an activity that is told plainly once is told, however long the story round it is.
        """
        said = [self._sums([part]) for part in parts] if said is None else said
        stretches = [said[start : start + _STRETCH] for start in range(max(len(said) - _STRETCH + 1, 1))]
        sums = {NONE: 0.0}
        for place, (activity, whole) in enumerate(zip(ACTIVITIES, self._sums(parts), strict=True)):
            clearest = max(sum([row[place] for row in stretch]) for stretch in stretches)
            sums[activity] = self.whole * (self.weights["always"][activity] + whole) + self.stretch * clearest - self.doubt
        top = max(sums.values())
        powers = {name: math.exp(value - top) for name, value in sums.items()}
        total = sum(powers.values())
        return {name: power / total for name, power in powers.items()}

    def decide(self, parts: Sequence[Part]) -> Activities:
        """One, several or no activities."""
        if not any(part.counts for part in parts):
            return Activities()
        said = [self._sums([part]) for part in parts]
        shares = self.shares(parts, said)
        chosen = self._several(parts, said)
        if not chosen:
            best = max(ACTIVITIES, key=lambda name: shares[name])
            if shares[best] >= self.accept and self._may_be(best, parts):
                chosen = {best: shares[best]}
        activities = tuple(name for name in ACTIVITIES if name in chosen)
        reasons = () if chosen or shares[NONE] > 0.5 else (Reason(code="activity_unsure", detail=", ".join(self._ranked(shares))),)
        return Activities(activities=activities, candidates=self._candidates(parts, {**shares, **chosen}, activities), reasons=reasons, shares=shares)

    @staticmethod
    def _ranked(shares: Mapping[str, float]) -> list[str]:
        return sorted((name for name in ACTIVITIES if shares[name] > 0.15), key=lambda name: -shares[name])

    def _several(self, parts: Sequence[Part], said: Sequence[Sequence[float]]) -> dict[str, float]:
        """Two activities and how sure each is, where a word announces another matter and both sides are clear."""
        parts = parts[:_MOST_PARTS]
        announced = any(part.announced for part in parts)
        if not announced and not any(part.separated for part in parts):
            return {}
        best: tuple[bool, float, dict[str, float]] = (False, 0.0, {})  # a border where another matter is announced goes before one where none is
        for border in range(1, len(parts)):
            here = parts[border].separated
            if not (announced or here or (border + 1 < len(parts) and parts[border + 1].separated) or parts[border - 1].separated):
                continue
            left, right = self.shares(parts[:border], said[:border]), self.shares(parts[border:], said[border : len(parts)])
            first = max(ACTIVITIES, key=lambda name: left[name])
            second = max(ACTIVITIES, key=lambda name: right[name])
            both = min(left[first], right[second])
            apart = left[first] >= self.part_ratio * left[second] and right[second] >= self.part_ratio * right[first]
            sure = both > (self.accept_part if here else self.accept_border)
            told = all(self._enough(half) and self._may_be(name, half) for name, half in ((first, parts[:border]), (second, parts[border:])))
            if first != second and apart and sure and (here, both) > best[:2] and told:
                best = (here, both, {first: left[first], second: right[second]})
        return best[2]

    def _enough(self, parts: Sequence[Part]) -> bool:
        return len({cue for part in parts for cue in part.counts}) >= self.fewest_cues

    def _candidates(self, parts: Sequence[Part], sure: Mapping[str, float], chosen: Sequence[str]) -> tuple[Candidate, ...]:
        """Every cue that spoke for an activity; the strongest for each has the share of the activity as its strength."""
        spoke: list[tuple[Hit, str, float]] = []
        for part in parts:
            for hit in part.hits:
                row = self.weights[hit.phrase.label]
                wanted = [name for name in chosen if row[name] > 0] or [max(ACTIVITIES, key=lambda name: row[name])]
                value = max(wanted, key=lambda name: row[name])
                if row[value] > 0:
                    spoke.append((hit, value, row[value]))
        unspoken = set(chosen) - {value for _, value, _ in spoke}
        spoke += [(hit, name, 1.0) for name in unspoken for part in parts for hit in part.hits]  # only signs spoke for it
        most: dict[str, float] = {}
        for _, value, weight in spoke:
            most[value] = max(most.get(value, 0.0), weight)
        return tuple(
            Candidate(
                slot=Slot.ACTIVITY,
                value=value,
                strength=round(sure[value] * weight / most[value], 3),
                evidence=hit.evidence(),
                chosen=value in chosen,
            )
            for hit, value, weight in spoke
        )
