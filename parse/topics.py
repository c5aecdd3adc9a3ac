"""What a member's research is about: the phrase that a coordinator would file it under.

Cues are data (``programme/rules/topics.yaml``): words that introduce a topic, follow it, rule it out or say that
there is none. The phrase beside a cue is cut by ``parse.topicphrase``. Phrases without any cue are found by their
form (a sentence of a few words, a quotation, a question) and by the themes that group topics
(``programme/themes.yaml``). What these recommend is a mark among others for ``parse.topicrank``, which weighs every
phrase of the message and takes the best one where it outweighs saying nothing; the others stay as candidates.

Promise: a topic is always a stretch of the member's own text (subject, own words, inline answers, attachments) or of
a forwarded message, never of a quote or signature; time is linear in the text; only the first part of a very long
text is read.

What it does badly: it has no grammar, only word classes and weights. A topic told only between the lines is missed, a
phrase may run a few words long or short, and of several topics only the best is given.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mailroom.errors import ProgrammeError
from mailroom.model import Candidate, Evidence, ParsedMessage, Reason, Slot, ZoneKind
from parse.phrases import NUMBER_WORDS, Hit, PhraseMatcherSet
from parse.rulefile import RuleFile, compile_rules, load_rules
from parse.textview import TextView
from parse.themes import Themes
from parse.topicphrase import WORD_CLASSES, Phrase, PhraseCutter, TopicText
from parse.topicrank import Cued, Marked, Ranked, best, kinds_of, scope_of, strength, together

__all__ = ["TopicFinder", "Topics"]

_SAYS = ("follows", "leads", "dropped", "dismissed", "elsewhere", "none", "asked", "mention")
_SAID = frozenset(("dropped", "dismissed", "elsewhere", "none", "mention"))  # of a sentence, for the ranker
_EXTRA = ("needs", "line", "nearest", "puts_right")
_SETTINGS = (
    "least_strength",
    "sure",
    "longest_clause",
    "longest_phrase",
    "short_text",
    "fragment",
    "fragment_in_long",
    "colon",
    "colon_in_long",
    "quoted",
    "direct_question",
    "theme",
    "asked",
    "themed",
    "themed_word",
    "pointing",
    "already",
    "ruled_out",
    "elsewhere",
)
_READ = frozenset((ZoneKind.OWN.value, ZoneKind.INLINE_ANSWER.value, ZoneKind.FORWARDED.value, "subject"))
_QUOTED = frozenset((ZoneKind.OWN_QUOTE.value, ZoneKind.QUOTE.value))
_THEME_RULE = "topic.theme"
_LONG_CLAUSE = 5  # tokens; a longer question about a known theme is filed under the theme
_NEAR = 40  # tokens between the mention of a topic and what follows from it
_REACH = 12  # tokens that «not» and «instead of» rule out, at most
_RANKED = 8  # phrases that are kept as candidates
_RANKED_RULE = "topic.ranked"
_SEPARATORS = frozenset((":", ",", "-", "/", "|"))  # of the parts of a subject line


@dataclass(frozen=True, kw_only=True, slots=True)
class Topics:
    """The topic(s), best first; the themes of the chosen ones; all candidates, the chosen ones marked."""

    topics: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """A phrase ``text.doc[start:end]`` before the choice."""

    text: TopicText
    start: int
    end: int
    strength: float
    rule: str
    note: str = ""

    @property
    def value(self) -> str:
        return " ".join(self.text.view.between(self.start, self.end).split())

    @property
    def cued(self) -> Cued:
        return Cued(self.start, self.end, self.strength, self.rule)

    def evidence(self) -> Evidence:
        view, span = self.text.view, self.text.doc[self.start : self.end]
        start, end = view.to_source(span.start_char, span.end_char)
        return Evidence(where=view.where, start=start, end=end, text=view.source[start:end], rule=self.rule)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Read:
    """A text, the phrases that cues, forms and themes recommend, and the tokens that are ruled out."""

    text: TopicText
    found: list[_Found]
    notes: dict[int, str]
    said: list[tuple[int, str]]  # where a sentence says that something is ruled out, over, somebody else's


class TopicFinder:
    """Reads ``rules/topics.yaml`` and ``themes.yaml`` of the programme folder. Raises ProgrammeError."""

    def __init__(self, folder: Path) -> None:
        file = load_rules(folder / "rules" / "topics.yaml", shown="rules/topics.yaml", says=_SAYS, extra=_EXTRA)
        self.rules = file.rules
        self.cues: PhraseMatcherSet = compile_rules(file)
        self.themes = Themes(folder / "themes.yaml")
        self._settings = _numbers(file)
        self._words = _word_classes(file)
        self.cutter = PhraseCutter(self._words, longest_clause=int(self._settings["longest_clause"]), longest_phrase=int(self._settings["longest_phrase"]))
        self._needs_mention = {rule.phrase.id for rule in file.rules if rule.extra.get("needs") == "mention"}
        self._labels_line = {rule.phrase.id for rule in file.rules if rule.extra.get("line")}
        self._over_commas = {rule.phrase.id for rule in file.rules if any("," in pattern for pattern in rule.phrase.patterns)}
        self._puts_right = {rule.phrase.id for rule in file.rules if rule.extra.get("puts_right")}
        self._nearest = {rule.phrase.id: frozenset(str(rule.extra["nearest"]).split()) for rule in file.rules if "nearest" in rule.extra}
        self.weights = _weights(file)
        self._kinds = kinds_of(self._words)

    def find(self, parsed: ParsedMessage, views: tuple[TextView, ...], *, activity: str = "") -> Topics:
        """The topic of the message whose texts these are, subject first (see ``parse.views``).

        ``activity``: how it tells what the member does or plans (``Activities.how``), "" where that is not known.
        """
        reads, marked = self._read(views, activity)
        return self._choose(reads, best(marked, self.weights, _RANKED))

    def marked(self, views: tuple[TextView, ...], *, activity: str = "") -> list[Marked]:
        """The texts with the marks of all phrases that may be the topic: what weights are fitted to."""
        return self._read(views, activity)[1]

    def _read(self, views: tuple[TextView, ...], activity: str) -> tuple[list[_Read], list[Marked]]:
        wanted = [view for view in views if _is_read(view)]
        short = sum(len(view.folded) for view in wanted) <= self._settings["short_text"] * 6  # six characters a word
        reads: list[_Read] = []
        none_said = False
        previous: TextView | None = None
        for view in views:
            if _is_read(view):
                text = TopicText(view, self.themes, short=short and view.where != "subject")
                hits = [hit for hit in self.cues.find(view) if hit.span.end <= len(text.low)]
                answers = view.where == ZoneKind.INLINE_ANSWER and previous is not None and self._asks(previous)
                notes = self._notes(text, hits)
                said = [(hit.span.start, hit.phrase.label) for hit in hits if hit.phrase.label in _SAID]
                reads.append(_Read(text=text, said=said, found=self._in_text(text, hits, notes, answers=answers), notes=notes))
                none_said = none_said or any(hit.phrase.label == "none" for hit in hits)
            previous = view if view.where in _QUOTED else None
        scope = scope_of([read.text for read in reads], self._words["function"], short=short, none_said=none_said, activity=activity)
        return reads, [Marked(read.text, self._words, self._kinds, scope, [item.cued for item in read.found], read.notes, read.said) for read in reads]

    # --- one text

    def _asks(self, quoted: TextView) -> bool:
        """Whether the last sentence of a quote asks for the topic."""
        return any(hit.phrase.label == "asked" for sentence in quoted.sentences[-1:] for hit in self.cues.find_in(quoted, sentence))

    def _in_text(self, text: TopicText, hits: Sequence[Hit], notes: Mapping[int, str], *, answers: bool) -> list[_Found]:
        mentions = [hit.span.end for hit in hits if hit.phrase.label in {"mention", "dropped"} and hit.phrase.id != "topic.not"]
        sentences = [(start, end) for start, end in text.view.bounds if end <= len(text.low)]
        found: list[_Found] = []
        if answers and sentences:
            found += self._found(text, self.cutter.phrase(text, *sentences[0]), "asked", "topic.asked")
        position = 0
        for number, (start, end) in enumerate(sentences):
            mine: list[Hit] = []
            while position < len(hits) and hits[position].span.start < end:
                mine.append(hits[position])
                position += 1
            following = sentences[min(number + 1, len(sentences) - 1)][1]
            found += self._beside_cues(text, start, end, following, mine, mentions)
            found += self._by_form(text, start, end)
        return self._themes_of_questions(text, self._graded(found, notes))

    def _found(self, text: TopicText, phrase: Phrase | None, strength: float | str, rule: str) -> list[_Found]:
        if phrase is None:
            return []
        value = self._settings[strength] if isinstance(strength, str) else strength
        return [_Found(text=text, start=phrase[0], end=phrase[1], strength=value, rule=rule)]

    # --- phrases beside a cue

    def _beside_cues(self, text: TopicText, start: int, end: int, following: int, hits: Sequence[Hit], mentions: Sequence[int]) -> list[_Found]:
        found: list[_Found] = []
        follows: dict[int, list[Hit]] = {}
        depth = _brackets(text, start, end)
        for hit in hits:
            if hit.phrase.label != "follows" or (hit.phrase.id in self._needs_mention and not _mentioned(mentions, hit.span.start)):
                continue
            if hit.phrase.weight >= self._settings["sure"] or not depth[hit.span.start - start]:  # a weak cue in brackets is an aside
                follows.setdefault(hit.span.start, []).append(hit)
        for hit in (hit for group in follows.values() for hit in group):
            at, strength = self._chain(text, hit, follows, end)
            phrase = self._after(text, hit, at, end, following)
            found += self._found(text, phrase, strength, hit.phrase.id)
        for hit in hits:
            if hit.phrase.label == "leads":
                found += self._found(text, self.cutter.before(text, start, hit.span.start), hit.phrase.weight, hit.phrase.id)
        return found

    def _chain(self, text: TopicText, hit: Hit, follows: dict[int, list[Hit]], end: int) -> tuple[int, float]:
        """Where the phrase begins after the last cue of a chain («interested in | finding out about | ...»), and how sure it is."""
        low, front = text.low, self._words["front"]
        at, strength = hit.span.end, hit.phrase.weight
        for place in range(hit.span.start + 1, hit.span.end - 1) if hit.phrase.id in self._nearest else ():
            if low[place] in self._nearest[hit.phrase.id] and self.cutter.phrase(text, place + 1, end) is not None:
                at = place + 1  # «research | on | the effect of sleep on attention», the first of two
                break
        place = at
        while place <= at + 3 and place < end:
            later = [other for other in follows.get(place, ()) if other.span.end > at]
            if later:
                last = max(later, key=lambda other: other.span.end)
                at, strength = last.span.end, max(strength, last.phrase.weight)
                place = at
            elif low[place] in front:
                place += 1
            else:
                break
        return (at - 1 if low[at - 1] in self._words["clause"] else at), strength

    def _after(self, text: TopicText, hit: Hit, at: int, end: int, following: int) -> Phrase | None:
        """The phrase after a cue, over what may stand between: brackets, an adverb, a line break, «the subject:»."""
        low, cut = text.low, self.cutter.phrase
        label = hit.phrase.id in self._labels_line
        if text.word(at) == "(":  # «Topic area (where known): ...»
            at = next((i + 1 for i in range(at, min(at + 8, end)) if low[i].startswith(")")), at)
        if text.word(at) == ",":  # «research, jointly, ...», «investigate, all together, ...»
            second = next((i for i in range(at + 2, min(at + 6, end)) if low[i] == ","), None)
            if second is not None and all(word in self._words["front"] for word in low[at + 1 : second]):
                at = second + 1
        phrase = cut(text, at, end)
        broken = text.word(at) in {",", ";"} and not label and hit.phrase.id not in self._over_commas
        if broken and (phrase is None or low[phrase[0]] not in self._words["clause"] or phrase[0] - at > 4):
            return None  # «research, ...» ends there; «find out, together, whether ...» goes on
        if label and all(not word.strip(" \n.:-=?*()_,") for word in low[at:end]):  # the label alone, its value on the next line
            phrase = cut(text, end, following)
        if phrase is not None and low[phrase[0]] in self._words["labels"]:  # «settled on the subject in a minute: | reading for pleasure»
            mark = next((i for i in range(phrase[0] + 1, end) if low[i] in {":", ","} or text.is_dash(i)), None)
            phrase = None if mark is None else cut(text, mark + 1, end)
        return phrase

    # --- phrases that only their form or a theme recommends

    def _by_form(self, text: TopicText, start: int, end: int) -> list[_Found]:
        low, words, cut = text.low, self._words, self.cutter.phrase
        while start < end and not low[start].strip(" \n*-\u2022.()"):
            start += 1
        while end > start and not low[end - 1].strip():
            end -= 1
        if end <= start:
            return []
        found: list[_Found] = []
        few = "fragment" if text.short else "fragment_in_long"
        # the few words that a sentence is or begins with: «Growth mindset.», «Home visits: what do they change?»
        first = next((i for i in range(start, end) if text.is_stop(i) or low[i] in {",", "("} or low[i] in words["ends"] or text.is_dash(i)), end)
        if (first < end or text.short or text.is_stop(end - 1)) and self._is_fragment(text, start, first):
            found += self._found(text, cut(text, start, first), few, "topic.fragment")
        stated = low[start] in words["clause"] and low[start] not in words["fragment_front"] and low[end - 1] != "?"
        if stated and first - start > 2 and not any(word in words["admin"] for word in low[start:first]):
            found += self._found(text, cut(text, start, first), few, "topic.fragment")
        if low[end - 1] == "?" and not any(word in words["admin"] for word in low[start:end]):
            asks = (i for i in range(min(start + 8, end - 1), start - 1, -1) if low[i] in words["clause"] and low[i] != "if")
            at = next((i for i in asks if i == start or low[i - 1] == ","), None)
            found += self._found(text, None if at is None else cut(text, at, end), "direct_question", "topic.direct-question")
        found += self._parts_of_subject(text, first, end) if text.is_subject else self._marked(text, start, end)
        for hit in text.themes_in(start, end):
            if hit.specific:
                found += self._found(text, self.cutter.around(text, hit, start, end), "theme", _THEME_RULE)
        return found

    def _marked(self, text: TopicText, start: int, end: int) -> list[_Found]:
        """What stands after a colon, and what is quoted."""
        found: list[_Found] = []
        for index in range(start, end - 1):
            if text.low[index] == ":" and index > start:
                found += self._found(text, self.cutter.phrase(text, index + 1, end), "colon" if text.short else "colon_in_long", "topic.colon")
            elif text.low[index] == '"' and (index == start or text.spaced[index - 1] or text.low[index - 1] in {"(", ":"}):
                found += self._found(text, self.cutter.phrase(text, index, end), "quoted", "topic.quoted")
        return found

    def _parts_of_subject(self, text: TopicText, start: int, end: int) -> list[_Found]:
        """The parts of a subject line that may be a topic: «EOI: Anytown Primary - left-handers»."""
        found: list[_Found] = []
        marks = [index for index in range(start, end) if text.low[index] in _SEPARATORS]
        for mark, after in itertools.pairwise([*marks, end]):
            if self._is_fragment(text, mark + 1, after):
                found += self._found(text, self.cutter.phrase(text, mark + 1, after), "fragment_in_long", "topic.fragment")
        return found

    def _is_fragment(self, text: TopicText, start: int, end: int) -> bool:
        """Whether a few words may be a topic: no verb, no name, no greeting, no number of people."""
        low, words = text.low, self._words
        if not 0 < end - start <= self._settings["longest_phrase"]:
            return False
        if low[start] in NUMBER_WORDS or low[start].isdigit() or any(low[start] in words[n] for n in ("fragment_front", "prepositions", "clause", "asking")):
            return False
        if any(word in words["noun_ends"] for word in low[start:end]) or any(word in words["verbs"] for word in low[start : end - 1]):
            return False
        phrase = self.cutter.phrase(text, start, end)
        if phrase is None or any(word in words["no_fragment"] for word in low[slice(*phrase)]):
            return False
        content = [i for i in range(start, end) if low[i] not in words["front"] and low[i][0].isalnum()]
        if text.themed(start, end):
            return True
        if len(content) == 1:  # one word: a name as likely as a topic
            alone = text.short and end < len(low) and text.is_stop(end) and len(low) > 6
            return alone and len(low[content[0]]) > 3 and not text.raw[content[0]].isupper()
        return any(text.raw[i][0].islower() and len(low[i]) > 3 for i in content[1:])

    # --- strength

    def _graded(self, found: Sequence[_Found], notes: Mapping[int, str]) -> list[_Found]:
        """Each phrase weighed by what it is, and by whether it is ruled out or somebody else's."""
        factors = {"topic_elsewhere": self._settings["elsewhere"], "topic_ruled_out": self._settings["ruled_out"], "": 1.0}
        graded: list[_Found] = []
        for item in found:
            note = notes.get(item.start, "")
            graded.append(replace(item, strength=self._quality(item) * factors[note], note=note))
        return graded

    def _notes(self, text: TopicText, hits: Sequence[Hit]) -> dict[int, str]:
        """Tokens that are ruled out or somebody else's."""
        notes: dict[int, str] = {}
        for hit in hits:
            if hit.phrase.label == "elsewhere":
                notes.update(dict.fromkeys(range(hit.span.start, self._sentence_end(text, hit.span.end)), "topic_elsewhere"))
        for hit in hits:
            if hit.phrase.label == "dropped" and not text.is_stop(hit.span.end - 1):
                notes.update(dict.fromkeys(range(hit.span.end, self._clause_end(text, hit.span.end)), "topic_ruled_out"))
        return notes

    def _clause_end(self, text: TopicText, start: int) -> int:
        end = min(len(text.low), start + _REACH)
        stops = (i for i in range(start, end) if text.is_stop(i) or text.low[i] in {",", "but", "so", "yet"} or (i > start + 2 and text.low[i] in {"i", "we"}))
        return next(stops, end)

    def _sentence_end(self, text: TopicText, start: int) -> int:
        stops = (i for i in range(start, min(len(text.low), start + 2 * _REACH)) if text.is_stop(i) or text.low[i] in {"but", "and"})
        return next(stops, start)

    def _quality(self, item: _Found) -> float:
        """A cue's strength, and what the phrase itself adds or takes away."""
        text, words, settings = item.text, self._words, self._settings
        low = text.low[item.start : item.end]
        strength = item.strength
        inside = text.themes_in(item.start, item.end)
        specific = any(hit.specific for hit in inside)
        if inside and item.rule != _THEME_RULE:
            strength += settings["themed" if specific else "themed_word"]
        if low[0] in words["clause"]:
            pointing = self._points(low)
        else:
            raw = text.raw[item.start : item.end]
            name = len(low) > 1 and not text.short and all(word.istitle() or not word.isalpha() for word in raw)
            school = any(word.istitle() and lower in words["posts"] for word, lower in zip(raw, low, strict=True))
            counted = low[0] in NUMBER_WORDS or low[0].isdigit()  # people or times
            pointing = not specific and (name or school or counted)
        if pointing:
            strength *= settings["pointing"]
        return strength - settings["already"] if text.word(item.end) == "already" else strength

    def _points(self, low: Sequence[str]) -> bool:
        """Whether a question only points elsewhere: «how it works», «what we're seeing», «if you have room»."""
        words = self._words
        if len(low) < 2:
            return False
        subject = low[2] if len(low) > 2 and low[1] in words["verbs"] else low[1]
        ends = low[-1] in {"it", "them"} and len(low) <= _LONG_CLAUSE + 1
        ours = low[1] in {"we", "i"} and low[0] in {"what", "if", "whether"}
        return subject in words["pointing"] or ends or ours or "you" in low or "your" in low

    def _themes_of_questions(self, text: TopicText, graded: list[_Found]) -> list[_Found]:
        """In a longer text a long question about a known theme is filed under the theme: it becomes the stronger of the two."""
        if text.short:
            return graded
        by_start: dict[int, int] = {}
        for index, item in enumerate(graded):
            if item.rule == _THEME_RULE and not item.note:
                by_start.setdefault(item.start, index)
        for item in list(graded):
            if item.end - item.start <= _LONG_CLAUSE or text.low[item.start] not in self._words["clause"]:
                continue
            for at in range(item.start + 1, item.end):  # the first theme in it
                if at not in by_start:
                    continue
                index = by_start[at]
                theme = graded[index]
                if theme.end <= item.end and theme.strength < item.strength and (theme.end - theme.start > 1 or theme.end == item.end):
                    graded[index] = replace(theme, strength=item.strength + 0.01)
                    break
        return graded

    # --- the choice

    def _choose(self, reads: Sequence[_Read], ranked: Sequence[Ranked]) -> Topics:
        """The best phrase where it outweighs saying nothing; others, and what is ruled out, stay as candidates."""
        nothing = self.weights["nothing"]
        notes = {id(read.text): read.notes for read in reads}
        scores = [item.score for item in ranked]
        scores[:1] = [together(scores)] if scores else []  # where two phrases share a topic, neither is less of one
        # «The topic is wrong, it should be phonics» needs no weighing.
        items = [replace(item, strength=1.0, note="") for read in reads for item in read.found if item.rule in self._puts_right][:1]
        items += [_candidate(i, strength(score, nothing), notes[id(i.text)].get(i.start, "")) for i, score in zip(ranked, scores, strict=True)]
        items += [replace(item, strength=min(item.strength, 0.3)) for read in reads for item in read.found if item.note]
        items += [replace(item, strength=min(item.strength, 0.1)) for read in reads for item in read.found if not item.note]
        chosen: list[str] = []
        candidates: list[Candidate] = []
        seen: set[str] = set()
        for item in items:
            if item.value.lower() in seen:
                continue
            seen.add(item.value.lower())
            take = not candidates and item.strength >= self._settings["least_strength"]
            if take:
                chosen.append(item.value)
            value = round(max(0.0, min(1.0, item.strength)), 3)
            candidates.append(Candidate(slot=Slot.TOPIC, value=item.value, strength=value, evidence=item.evidence(), chosen=take, note=item.note))
        put_right = bool(items) and items[0].rule in self._puts_right
        cue = ranked[0].cue if chosen and not put_right else None
        guessed = not put_right and (cue is None or cue.rule == _THEME_RULE or cue.strength < self._settings["sure"])
        reasons = (Reason(code="topic_unsure", detail=chosen[0]),) if chosen and guessed else ()
        return Topics(topics=tuple(chosen), themes=self.themes.of(chosen), candidates=tuple(candidates), reasons=reasons)


def _candidate(item: Ranked, value: float, note: str) -> _Found:
    rule = item.cue.rule if item.cue else _RANKED_RULE
    return _Found(text=item.text, start=item.start, end=item.end, strength=value, rule=rule, note=note)


def _is_read(view: TextView) -> bool:
    return view.where in _READ or (view.where.startswith("attachment:") and "BEGIN:VCALENDAR" not in view.source[:200])


def _mentioned(mentions: Sequence[int], position: int) -> bool:
    index = bisect_right(mentions, position)
    return index > 0 and position - mentions[index - 1] <= _NEAR


def _brackets(text: TopicText, start: int, end: int) -> list[bool]:
    """For each token of a sentence, whether it stands in brackets."""
    depth, inside = 0, []
    for word in text.low[start:end]:
        inside.append(depth > 0)
        depth = max(0, depth + (word == "(") - word.startswith(")"))
    return inside


def _section(file: RuleFile, name: str, keys: Iterable[str]) -> tuple[dict[str, Any], int | None]:
    """A section of the file that has exactly these keys."""
    data = file.settings.get(name)
    if not isinstance(data, dict):
        raise ProgrammeError(file.file, None, f"«{name}» should be a mapping")
    line = data.get("__line__")
    for key in sorted(data.keys() - set(keys) - {"__line__"}):
        raise ProgrammeError(file.file, line, f"«{name}» has an unknown key «{key}»")
    for key in keys:
        if key not in data:
            raise ProgrammeError(file.file, line, f"«{name}» lacks «{key}»")
    return data, line


def _word_classes(file: RuleFile) -> dict[str, frozenset[str]]:
    data, line = _section(file, "words", WORD_CLASSES)
    for name in WORD_CLASSES:
        if not isinstance(data[name], str):
            raise ProgrammeError(file.file, line, f"the word class «{name}» should be words separated by spaces, after «|»")
    return {name: frozenset(data[name].lower().split()) for name in WORD_CLASSES}


def _numbers(file: RuleFile) -> dict[str, float]:
    data, line = _section(file, "settings", _SETTINGS)
    for name in _SETTINGS:
        if not isinstance(data[name], int | float) or isinstance(data[name], bool):
            raise ProgrammeError(file.file, line, f"the setting «{name}» should be a number")
    return {name: float(data[name]) for name in _SETTINGS}


def _weights(file: RuleFile) -> dict[str, float]:
    """The table of the ranker: groups of marks, each mark with its weight, as one mapping; and ``nothing``."""
    data = file.settings.get("weights")
    if not isinstance(data, dict):
        raise ProgrammeError(file.file, None, "«weights» should be a mapping")
    table: dict[str, float] = {}
    for group, marks in data.items():
        if group == "__line__":
            continue
        rows = {group: marks} if group == "nothing" else marks
        if not isinstance(rows, dict):
            raise ProgrammeError(file.file, data.get("__line__"), f"«weights»: «{group}» should be a mapping of marks to numbers")
        for mark, value in rows.items():
            if mark == "__line__":
                continue
            if not isinstance(value, int | float) or isinstance(value, bool) or not isinstance(mark, str):
                raise ProgrammeError(
                    file.file, rows.get("__line__", data.get("__line__")), f"«weights»: «{group}» «{mark}» should be a text in quotation marks and a number"
                )
            table[mark if group == "nothing" else f"{group}:{mark}"] = float(value)
    if "nothing" not in table:
        raise ProgrammeError(file.file, data.get("__line__"), "«weights» lacks «nothing»")
    return table
