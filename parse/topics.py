"""What a member's research is about: the phrase that a coordinator would file it under.

Cues are data (``programme/rules/topics.yaml``): words that introduce a topic, follow it, rule it out or say that
there is none. From a cue this module takes the phrase beside it, ends it where the words of the same file say that
a phrase ends, and cleans it. All phrases are kept as candidates with their evidence; the strongest is the topic.
Themes (``programme/themes.yaml``) group topics and are what a phrase without any cue is recognised by.

Promise: a topic is always a stretch of the member's own text (subject, own words, inline answers, attachments),
never of a quote or signature; time is linear in the text; only the first part of a very long text is read.

What it does badly: it has no grammar, only word classes. A topic that no cue introduces and no theme names is
missed, and a phrase may run a few words long or short.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spacy.tokens import Token

from mailroom.errors import ProgrammeError
from mailroom.model import Candidate, Evidence, ParsedMessage, Reason, Slot, ZoneKind
from parse.phrases import NUMBER_WORDS, Hit, PhraseMatcherSet
from parse.rulefile import compile_rules, load_rules, load_yaml
from parse.textview import TextView, language

__all__ = ["Theme", "TopicFinder", "Topics"]

_SAYS = ("follows", "leads", "dropped", "elsewhere", "none", "asked", "mention")
_WORDS = (
    "labels posts ends noun_ends clause asking front front_phrases back people carriers verbs roles admin pointing prepositions settings times dates no_topic no_fragment".split()
)
_SETTINGS = (
    "least_strength longest_clause longest_phrase fragment fragment_in_long short_text colon colon_in_long quoted direct_question theme themed themed_word repeated pointing".split()
)
_STOPS = frozenset(("\u2610", "\u2611", "\u2612", ";", ":", "!", "?", "...", "\u2026", ".", "):"))
_READ = frozenset((ZoneKind.OWN.value, ZoneKind.INLINE_ANSWER.value, "subject"))
_QUOTED = frozenset((ZoneKind.OWN_QUOTE.value, ZoneKind.QUOTE.value))
_NO_START = frozenset("on at to of as up out off every each".split())  # of a sentence of a few words
_DETERMINERS = frozenset("the a an our my their its of on for more".split())
_JOINTS = frozenset(("-", "'", "'s"))  # between or after words of a phrase of a theme, without meaning there
_LONG_CLAUSE = 5  # tokens
_NEAR = 40  # tokens between the mention of a topic and what follows from it
_MOST_TOKENS = 4000  # of one text; a topic is never so far down


@dataclass(frozen=True, kw_only=True, slots=True)
class Topics:
    """The topic(s), best first; the themes of the chosen ones; all candidates, the chosen ones marked."""

    topics: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Theme:
    id: str
    label: str
    phrases: tuple[str, ...]  # specific: a topic by themselves
    words: tuple[str, ...]  # for grouping only


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """A phrase ``view.doc[start:end]`` before the choice."""

    view: TextView
    start: int
    end: int
    strength: float
    rule: str
    note: str = ""


class _Text:
    """A view's tokens, their small-letter forms and the phrases of themes in it, as far as it is read."""

    __slots__ = ("doc", "low", "short", "themes", "view")

    def __init__(self, view: TextView) -> None:
        self.view, self.doc = view, view.doc
        self.low = [token.lower_ for token in self.doc[:_MOST_TOKENS]]
        self.themes: list[tuple[int, int, int, bool]] = []
        self.short = False


def _dash(text: _Text, index: int) -> bool:
    """A dash between phrases, not a hyphen inside a word."""
    return text.low[index] in {"-", "--"} and index > 0 and bool(text.doc[index - 1].whitespace_)


def _in_brackets(low: Sequence[str], start: int, position: int) -> bool:
    return low[start:position].count("(") > sum(word.startswith(")") for word in low[start:position])


def _is_read(view: TextView) -> bool:
    return view.where in _READ or (view.where.startswith("attachment:") and "BEGIN:VCALENDAR" not in view.source[:200])


def _mentioned(mentions: Sequence[int], position: int) -> bool:
    index = bisect_right(mentions, position)
    return index > 0 and position - mentions[index - 1] <= _NEAR


class TopicFinder:
    """Reads ``rules/topics.yaml`` and ``themes.yaml`` of the programme folder. Raises ProgrammeError."""

    def __init__(self, folder: Path) -> None:
        path = folder / "rules" / "topics.yaml"
        file = load_rules(path, shown="rules/topics.yaml", says=_SAYS, extra=("needs", "line", "nearest"))
        self.rules = file.rules
        self.cues: PhraseMatcherSet = compile_rules(file)
        self.needy = {rule.phrase.id for rule in file.rules if rule.extra.get("needs") == "mention"}
        self.lines = {rule.phrase.id for rule in file.rules if rule.extra.get("line")}
        self.over_commas = {rule.phrase.id for rule in file.rules if any("," in pattern for pattern in rule.phrase.patterns)}
        self.nearest = {rule.phrase.id: frozenset(str(rule.extra["nearest"]).split()) for rule in file.rules if "nearest" in rule.extra}
        self.words = _word_classes(file.settings.get("words"), file.file)
        self.settings = _numbers(file.settings.get("settings"), file.file)
        self.themes = _themes(folder / "themes.yaml")
        self._vocabulary = _vocabulary(self.themes)
        self._dull = frozenset(_key(w) for name in ("no_topic", "people", "no_fragment", "front", "posts", "roles") for w in self.words[name])

    def find(self, parsed: ParsedMessage, views: tuple[TextView, ...]) -> Topics:
        found: list[_Found] = []
        none_said: list[Hit] = []
        short = sum(len(view.folded) for view in views if _is_read(view)) <= self.settings["short_text"] * 6  # six characters a word
        previous: TextView | None = None
        for view in views:
            if _is_read(view):
                asked = previous is not None and view.where == ZoneKind.INLINE_ANSWER and self._asks(previous)
                found += self._in_view(view, none_said, asked=asked, short=short)
            previous = view if view.where in _QUOTED else None
        return self._choose(found, none_said)

    # --- one text

    def _asks(self, quoted: TextView) -> bool:
        """Whether the last sentence of a quote asks for the topic."""
        return any(hit.phrase.label == "asked" for sentence in quoted.sentences[-1:] for hit in self.cues.find_in(quoted, sentence))

    def _in_view(self, view: TextView, none_said: list[Hit], *, asked: bool, short: bool) -> list[_Found]:
        text = _Text(view)
        text.themes = self._vocabulary_hits(text.low)
        text.short = short and view.where != "subject"
        hits = [hit for hit in self.cues.find(view) if hit.span.end <= len(text.low)]
        sentences = [s for s in view.sentences if s.end <= len(text.low)]
        by_label: dict[str, list[Hit]] = {label: [] for label in _SAYS}
        for hit in hits:
            by_label[hit.phrase.label].append(hit)
        none_said += by_label["none"]
        mentions = sorted(hit.span.end for hit in by_label["mention"] + by_label["dropped"] if hit.phrase.id != "topic.not")
        out: list[_Found] = []
        position = 0
        for number, sentence in enumerate(sentences):
            mine: list[Hit] = []
            while position < len(hits) and hits[position].span.start < sentence.end:
                mine.append(hits[position])
                position += 1
            further = sentences[number + 1].end if number + 1 < len(sentences) else sentence.end
            found = self._from_cues(text, sentence.start, sentence.end, further, mine, mentions)
            found += self._without_cue(text, sentence.start, sentence.end)
            out += found
        if asked and sentences and (span := self._phrase(text, sentences[0].start, sentences[0].end)) is not None:
            out.append(_Found(view=view, start=span[0], end=span[1], strength=0.97, rule="topic.asked"))
        dropped = [(hit.span.end, self._clause_end(text.low, hit.span.end)) for hit in by_label["dropped"] if text.low[hit.span.end - 1] not in _STOPS]
        elsewhere = [(hit.span.start, self._sentence_end(text.low, hit.span.end)) for hit in by_label["elsewhere"]]
        graded: list[_Found] = []
        for item in out:
            strength, note = self._quality(text, item), ""
            if any(a <= item.start < b for a, b in dropped):
                strength, note = strength * 0.3, "topic_ruled_out"
            elif any(a <= item.start < b for a, b in elsewhere):
                strength, note = strength * 0.4, "topic_elsewhere"
            graded.append(replace(item, strength=strength, note=note))
        for item in [item for item in graded if not text.short and item.end - item.start > _LONG_CLAUSE and text.low[item.start] in self.words["clause"]]:
            for index, other in enumerate(graded):  # a long question about a known theme is filed under the theme
                if other.rule == "topic.theme" and item.start < other.start and other.end <= item.end and not other.note and other.strength < item.strength and (other.end - other.start > 1 or other.end == item.end):
                    graded[index] = replace(other, strength=item.strength + 0.01)
                    break
        return graded

    def _quality(self, text: _Text, item: _Found) -> float:
        """A cue's strength, and what the phrase itself adds or takes away."""
        low, words, settings = text.low[item.start : item.end], self.words, self.settings
        strength = item.strength
        inside = [specific for start, end, _, specific in text.themes if item.start <= start and end <= item.end]
        if inside and item.rule != "topic.theme":
            strength += settings["themed"] if any(inside) else settings["themed_word"]
        if low[0] in words["clause"]:
            subject = 2 if low[1:2] and low[1] in words["verbs"] and len(low) > 2 else 1
            if low[1:2] and (low[subject] in words["pointing"] or (low[-1] in {"it", "them"} and len(low) <= _LONG_CLAUSE + 1) or "you" in low or "your" in low):
                strength *= settings["pointing"]
            elif low[0] == "what" and low[1:2] in (["we"], ["i"]):
                strength *= settings["pointing"]
            elif low[0] in {"if", "whether"} and low[1:2] in (["we"], ["i"]):
                strength *= settings["pointing"]
        elif len(low) > 1 and not any(inside) and all(t.is_title or not t.is_alpha for t in text.doc[item.start : item.end]) and not text.short:
            strength *= settings["pointing"]  # a name
        elif any(t.is_title and t.lower_ in words["posts"] for t in text.doc[item.start : item.end]) and not any(inside):
            strength *= settings["pointing"]  # a school
        elif (low[0] in NUMBER_WORDS or low[0].isdigit()) and not any(inside):
            strength *= settings["pointing"]  # people or times counted
        if text.low[item.end : item.end + 1] == ["already"]:
            strength -= 0.15
        return strength

    def _clause_end(self, low: Sequence[str], start: int) -> int:
        for index in range(start, min(len(low), start + 12)):
            if low[index] in _STOPS or low[index] in {",", "but", "so", "yet"} or "\n" in low[index] or (index > start + 2 and low[index] in {"i", "we"}):
                return index
        return min(len(low), start + 12)

    def _sentence_end(self, low: Sequence[str], start: int) -> int:
        return next((i for i in range(start, min(len(low), start + 25)) if low[i] in _STOPS or low[i] in {"but", "and"} or "\n" in low[i]), start)

    def _from_cues(self, text: _Text, start: int, end: int, further: int, hits: Sequence[Hit], mentions: Sequence[int]) -> list[_Found]:
        out: list[_Found] = []
        low, words = text.low, self.words
        follows = [hit for hit in hits if hit.phrase.label == "follows" and (hit.phrase.id not in self.needy or _mentioned(mentions, hit.span.start))]
        for hit in follows:
            if hit.phrase.weight < 0.5 and _in_brackets(low, start, hit.span.start):
                continue  # an aside
            at, strength = hit.span.end, hit.phrase.weight
            for place in range(hit.span.start + 1, hit.span.end - 1) if hit.phrase.id in self.nearest else ():
                if low[place] in self.nearest[hit.phrase.id] and self._phrase(text, place + 1, end) is not None:
                    at = place + 1
                    break
            for other in follows:  # «interested in | finding out about | ...»: the topic begins after the last cue of a chain
                if other.span.end > at and 0 <= other.span.start - at <= 3 and all(w in words["front"] for w in low[at : other.span.start]):
                    at, strength = other.span.end, max(strength, other.phrase.weight)
            if low[at - 1] in words["clause"]:
                at -= 1
            if low[at : at + 1] == ["("]:  # «Topic area (where known): ...»
                at = next((i + 1 for i in range(at, min(at + 8, end)) if low[i].startswith(")")), at)
            if low[at : at + 1] == [","] and low[at + 2 : at + 3] == [","] and low[at + 1] in words["front"]:  # «research, jointly, ...»
                at += 3
            if low[at : at + 1] in ([","], [";"]) and hit.phrase.id not in self.lines and hit.phrase.weight < 0.9:
                span = self._phrase(text, at, end)  # «find out, together, whether ...» goes on; «research, ...» does not
                if hit.phrase.id not in self.over_commas and (span is None or low[span[0]] not in words["clause"] or span[0] - at > 4):
                    continue
            limit = end
            if hit.phrase.id in self.lines and all(not w.strip(" \n.:-=?*()_,") for w in low[at:end]):  # a label alone, its value on the next line
                at, limit = end, further
            span = self._phrase(text, at, limit)
            if span is not None and low[span[0]] in words["labels"]:  # «settled on the subject in a minute: | reading for pleasure»
                colon = next((i for i in range(span[0] + 1, limit) if low[i] in {":", ","} or _dash(text, i)), None)
                span = None if colon is None else self._phrase(text, colon + 1, limit)
            out += self._found(text, span, strength, hit.phrase.id)
        for hit in hits:
            if hit.phrase.label == "leads":
                out += self._found(text, self._phrase(text, self._lead_start(low, start, hit.span.start), hit.span.start), hit.phrase.weight, hit.phrase.id)
        return out

    def _found(self, text: _Text, span: tuple[int, int] | None, strength: float, rule: str) -> list[_Found]:
        return [] if span is None else [_Found(view=text.view, start=span[0], end=span[1], strength=strength, rule=rule)]

    def _lead_start(self, low: Sequence[str], start: int, end: int) -> int:
        """Where a phrase that ends before ``end`` begins: the clause's start, or after the last word that ends phrases."""
        words = self.words
        index = end
        while index > start and (low[index - 1] == "," or low[index - 1] in words["back"]):
            index -= 1
        first = start
        while first < end and (low[first] in words["front"]):
            first += 1
        if first < end and low[first] in words["clause"] and end - first < 20:
            return first
        for back in range(index - 1, start - 1, -1):
            word = low[back]
            if word == "'s" and back > start and low[back - 1] in words["pointing"] | words["noun_ends"]:
                return back + 1  # «it's | punctuality (that) we want»
            if word in _STOPS or word == "," or word in words["ends"] or (word in words["noun_ends"] and word not in {"who", "that", "than", "'s"}):
                return back + 1
            if index - back > self.settings["longest_phrase"] + 4:
                return back
        return start

    def _without_cue(self, text: _Text, start: int, end: int) -> list[_Found]:
        """Phrases that only their form or a theme recommends."""
        low, words, settings = text.low, self.words, self.settings
        out: list[_Found] = []
        while start < end and not low[start].strip(" \n*-\u2022.()"):
            start += 1
        last = end
        while last > start and not low[last - 1].strip(" \n"):
            last -= 1
        if last <= start:
            return out
        ended = low[last - 1] in _STOPS
        # a sentence of a few words: «Growth mindset.», or its beginning: «Home visits: what do they change?»
        cut = next((i for i in range(start, last) if low[i] in _STOPS or low[i] in {",", "("} or low[i] in words["ends"] or _dash(text, i)), last)
        if 0 < cut - start <= settings["longest_phrase"] and (ended or cut < last or text.short) and self._fragment(text, start, cut):
            out += self._found(text, self._phrase(text, start, cut), settings["fragment" if text.short else "fragment_in_long"], "topic.fragment")
        if text.view.where == "subject":
            for index in range(cut, last):
                if low[index] in {":", ",", "-", "/", "|"} and index + 1 < last:
                    after = next((i for i in range(index + 1, last) if low[i] in {":", ",", "-", "/", "|", "("}), last)
                    if self._fragment(text, index + 1, after):
                        out += self._found(text, self._phrase(text, index + 1, after), settings["fragment_in_long"], "topic.fragment")
        for first, after, _, specific in text.themes:
            if specific and start <= first and after <= last:
                out += self._found(text, self._around(text, first, after, start, last), settings["theme"], "topic.theme")
        for index in range(start, last):
            word = low[index]
            if word == ":" and index + 1 < last and index > start and text.view.where != "subject":
                out += self._found(text, self._phrase(text, index + 1, last), settings["colon" if text.short else "colon_in_long"], "topic.colon")
            elif text.view.where == "subject":
                continue
            elif word == '"' and index + 2 < last and (index == start or text.doc[index - 1].whitespace_ or low[index - 1] in {"(", ":"}):
                out += self._found(text, self._phrase(text, index, last), settings["quoted"], "topic.quoted")
        if low[start] in {"how", "why", "whether", "hoo"} and low[last - 1] != "?" and cut - start > 2 and not any(w in words["admin"] for w in low[start:cut]):
            out += self._found(text, self._phrase(text, start, cut), settings["fragment" if text.short else "fragment_in_long"], "topic.fragment")
        if low[last - 1] == "?" and not any(w in words["admin"] for w in low[start:last]):
            asks = next((i for i in range(min(start + 8, last - 1), start - 1, -1) if low[i] in words["clause"] and low[i] != "if" and (i == start or low[i - 1] == ",")), None)
            if asks is not None:
                out += self._found(text, self._phrase(text, asks, last), settings["direct_question"], "topic.direct-question")
        return out

    def _fragment(self, text: _Text, start: int, end: int) -> bool:
        """Whether a few words may be a topic: no verb, no name, no greeting, no number of people."""
        low, words = text.low, self.words
        span = self._phrase(text, start, end)
        if span is None or any(w in words["no_fragment"] for w in low[span[0] : span[1]]):
            return False
        if any(w in words["noun_ends"] for w in low[start:end]) or any(w in words["verbs"] for w in low[start : end - 1]):
            return False
        if low[start] in _NO_START or low[start] in words["prepositions"] or low[start] in words["clause"] or low[start] in words["asking"] or low[start] in NUMBER_WORDS or low[start].isdigit():
            return False
        content = [i for i in range(start, end) if low[i] not in words["front"] and low[i][0].isalnum()]
        if not content:
            return False
        themed = self._themed(text, start, end)
        if len(content) == 1:
            stopped = low[end : end + 1] and low[end] in _STOPS
            return themed or bool(stopped and text.short and len(text.low) > 6 and len(low[content[0]]) > 3 and not text.doc[content[0]].is_upper)
        return themed or any(text.doc[i].text[0].islower() and len(low[i]) > 3 for i in content[1:])

    def _around(self, text: _Text, first: int, after: int, start: int, last: int) -> tuple[int, int] | None:
        """The noun phrase around a phrase of a theme, or None where it is part of a post, a course or a meeting."""
        low, words = text.low, self.words
        begin = first
        if after == first + 1 and first > start and text.doc[first].text[0].isupper() and low[first - 1] not in {'"', "(", ":"}:
            return None  # «Maths at the Grammar»
        if low[first].endswith("ing") and first > start and (low[first - 1] in words["noun_ends"] or low[first - 1] in {"and", ","}):
            return None  # a verb: «we have been counting»
        while begin > start and first - begin < 4:
            word = low[begin - 1]
            if word == "-" and begin - 2 >= start and not text.doc[begin - 2].whitespace_:  # «pupil-led ...»
                begin -= 2
                continue
            if text.doc[begin - 1].is_title and begin - 1 > start:
                break
            closed = any(word in words[name] for name in ("front", "ends", "noun_ends", "prepositions", "verbs", "clause", "people", "back", "roles"))
            verbal = word.endswith(("ed", "ing")) and (begin - 2 < start or low[begin - 2] not in _DETERMINERS)
            if closed or verbal or not word[0].isalpha() or (begin - 2 >= start and low[begin - 2] in words["noun_ends"]):
                break
            begin -= 1
        end = self._phrase_end(text, after - 1, last, clause=False)
        end = end if end <= after + 6 else after
        if end > after and low[after] not in {"of", "in", "for", "and", "through", "as", "on", "to"}:  # at most one noun more: «bereavement lessons in ...»
            ends = after + 1 >= last or low[after + 1] in words["prepositions"] or not low[after + 1][0].isalnum() or low[after + 1] in words["ends"]
            end = after + 1 if ends and not low[after].endswith("ed") else after
        nearby = low[max(start, begin - 2) : begin] + low[after : min(after + 2, last)]
        if any(word in words["roles"] for word in nearby) or any(word in words["roles"] for word in low[begin:first]):
            return None
        return self._clean(text, begin, end)

    # --- the phrase

    def _phrase(self, text: _Text, start: int, limit: int) -> tuple[int, int] | None:
        """The phrase that begins at or soon after ``start``: where it begins once cleaned, and where it ends."""
        low, words = text.low, self.words
        limit = min(limit, len(low), start + 60)
        start = self._skip_front(low, start, limit)
        if start >= limit:
            return None
        if low[start] == '"':
            closing = next((i for i in range(start + 2, min(limit, start + 22)) if low[i] == '"'), None)
            if closing is not None:
                colon = next((i for i in range(start + 1, closing) if low[i] == ":"), None)
                return self._clean(text, self._skip_front(low, (colon or start) + 1, closing), closing)
            start = self._skip_front(low, start + 1, limit)
            if start >= limit:
                return None
        clause = low[start] in words["clause"]
        if not clause and (low[start] in words["noun_ends"] or low[start] in words["ends"] or (low[start] in {"every", "each", "last", "next"} and low[start + 1 : start + 2] and low[start + 1] in words["times"])):
            return None
        end = self._phrase_end(text, start, limit, clause=clause)
        if low[start] in {"whether", "if", "does", "do"}:
            verb = next((i for i in range(start + 2, end) if low[i] in words["verbs"] or low[i] == "("), None)
            if verb is not None:
                first = self._skip_front(low, start + 1, verb)
                if first < verb and low[first] not in words["people"] and not any(w in {"who", "we"} for w in low[first:verb]):
                    start, end = first, verb
        return self._clean(text, start, end)

    def _themed(self, text: _Text, start: int, end: int) -> bool:
        return any(start <= first and after <= end and specific for first, after, _, specific in text.themes)

    def _skip_front(self, low: Sequence[str], start: int, limit: int) -> int:
        words = self.words
        while start < limit and low[start] != '"':
            for length in (4, 3, 2):
                if "-".join(low[start : start + length]) in words["front_phrases"] and start + length < limit:
                    start += length
                    break
            else:
                if (low[start] in words["front"] and low[start] not in words["clause"]) or not low[start].strip(" \n"):
                    start += 1
                else:
                    break
        return start

    def _phrase_end(self, text: _Text, start: int, limit: int, *, clause: bool) -> int:
        low, words = text.low, self.words
        end, depth = start + 1, 0
        longest = self.settings["longest_clause"] if clause else self.settings["longest_phrase"]
        while end < limit and end - start <= longest:
            word = low[end]
            if "\n" in word or word in _STOPS or _dash(text, end):
                break
            if word == "(" and clause and self._goes_on(text, end, limit):
                depth += 1
            elif word == ")" and depth:
                depth -= 1
            elif word in {"(", ")"} or (word == '"' and not clause):
                break
            elif not depth and self._ends_at(text, start, end, limit, clause=clause):
                break
            if not clause and (word == "who" or (word in {"that", "in", "which", "to"} and low[end - 1] in words["carriers"])):
                clause, longest = True, self.settings["longest_clause"]
            end += 1
        return end

    def _goes_on(self, text: _Text, opening: int, limit: int) -> bool:
        """Whether a clause goes on after the bracket: «how apprentices (joiners mostly) estimate»."""
        closing = next((i for i in range(opening + 1, min(opening + 8, limit)) if text.low[i] == ")"), None)
        return closing is not None and closing + 1 < limit and text.doc[closing + 1].text[0].islower()

    def _ends_at(self, text: _Text, start: int, end: int, limit: int, *, clause: bool) -> bool:
        low, words = text.low, self.words
        word = low[end]
        following = low[end + 1] if end + 1 < limit else ""
        if word == "," or word in words["ends"]:
            return True
        if word in {"last", "next", "this", "each", "every"} and following in words["times"]:
            return True
        if word == "as" and following in {"a", "an"}:
            return False
        if not clause and word in words["noun_ends"]:
            return not (word == "who" or (word in {"that", "which"} and low[end - 1] in words["carriers"]))
        if word in {"and", "or", "&"} and (following in words["noun_ends"] or following in words["ends"] or following in words["clause"]):
            return not (clause and (following in {"it", "they", "who"} or end - start == 1))
        if clause or word not in words["prepositions"]:
            return False
        if end - start >= 2 and ((word == "with" and low[end - 1] not in words["people"]) or (word in {"for", "among", "amongst", "in"} and following in words["people"])):
            return True
        return end - start >= 2 and self._is_setting(low, end + 1, limit)

    def _is_setting(self, low: Sequence[str], index: int, limit: int) -> bool:
        for word in low[index : min(limit, index + 2)]:
            if word in self.words["settings"]:
                return True
            if word not in {"the", "a", "an", "last"}:
                return False
        return False

    def _clean(self, text: _Text, start: int, end: int) -> tuple[int, int] | None:
        low, words = text.low, self.words
        while end > start and (low[end - 1] in words["back"] or not low[end - 1].strip(" \n.,;:!?-\"'")):
            end -= 1
        if end <= start or (low[end - 1] in words["posts"] and low[start] not in words["clause"] and not self._themed(text, start, end)) or low[start] in words["prepositions"] or low[start] in words["dates"]:
            return None
        content = [w for w in low[start:end] if w[0].isalnum() and (len(w) > 2 or w.isalpha())]
        if not content or all(w in words["no_topic"] or w in words["front"] or w in words["noun_ends"] or w in words["settings"] or w.isdigit() for w in content):
            return None
        return start, end

    # --- the choice

    def _choose(self, found: Sequence[_Found], none_said: Sequence[Hit]) -> Topics:
        if none_said:
            found = [replace(item, strength=item.strength * 0.5) for item in found]
        counts = Counter(key for view in {id(item.view): item.view for item in found}.values() for key in _keys(view.doc[:_MOST_TOKENS]))
        found = [replace(item, strength=item.strength + self._repeated(item, counts)) for item in found]
        ranked = sorted(enumerate(found), key=lambda pair: (-pair[1].strength, pair[0]))
        chosen: list[str] = []
        candidates: list[Candidate] = []
        seen: set[str] = set()
        for _, item in ranked:
            evidence = _evidence(item)
            value = " ".join(view_text(item).split())
            if value.lower() in seen:
                continue
            seen.add(value.lower())
            take = not chosen and item.strength >= self.settings["least_strength"]
            if take:
                chosen.append(value)
            candidates.append(Candidate(slot=Slot.TOPIC, value=value, strength=round(item.strength, 3), evidence=evidence, chosen=take, note=item.note))
        return Topics(topics=tuple(chosen), themes=self.themes_of(chosen), candidates=tuple(candidates))

    def _repeated(self, item: _Found, counts: Counter[str]) -> float:
        """What is spoken of again and again is likelier the topic."""
        keys = [_key(w) for w in _keys(item.view.doc[item.start : item.end])]
        words = [key for key in keys if len(key) > 3 and key not in self._dull]
        if not words or len(words) > 4:
            return 0.0
        return self.settings["repeated"] * min(3, max(counts[key] for key in words) - 1)

    def themes_of(self, topics: Iterable[str]) -> tuple[str, ...]:
        """Ids of the themes that the topics belong to, in the order of the file."""
        hit = {
            theme for topic in topics for _, _, theme, _ in self._vocabulary_hits([token.lower_ for token in language().make_doc(topic)])
        }
        return tuple(theme.id for index, theme in enumerate(self.themes) if index in hit)

    def _vocabulary_hits(self, low: Sequence[str]) -> list[tuple[int, int, int, bool]]:
        """Phrases and words of themes: first token, token after the last, index of the theme, whether specific."""
        places = [index for index, word in enumerate(low) if word not in _JOINTS]
        keys = [_key(low[index]) for index in places]
        out: list[tuple[int, int, int, bool]] = []
        for at, key in enumerate(keys):
            for rest, stem, theme, specific in self._vocabulary.get(key, ()):
                last = at + len(rest)
                if last >= len(keys) or tuple(keys[at + 1 : last + 1 - stem]) != rest[: len(rest) - stem]:
                    continue
                if stem and not (keys[last].startswith(rest[-1]) if rest else True):
                    continue
                out.append((places[at], places[last] + 1, theme, specific))
        return out


def view_text(item: _Found) -> str:
    return item.view.doc[item.start : item.end].text


def _evidence(item: _Found) -> Evidence:
    span = item.view.doc[item.start : item.end]
    start, end = item.view.to_source(span.start_char, span.end_char)
    return Evidence(where=item.view.where, start=start, end=end, text=item.view.source[start:end], rule=item.rule)


def _keys(tokens: Iterable[Token]) -> list[str]:
    return [_key(token.lower_) for token in tokens if token.is_alpha]


def _key(word: str) -> str:
    """A word folded so that a plural equals its singular."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word.rstrip("s") if len(word) > 3 else word


_Entry = tuple[tuple[str, ...], int, int, bool]  # further words, 1 where the last is only a beginning, theme, specific


def _vocabulary(themes: Sequence[Theme]) -> dict[str, list[_Entry]]:
    entries: dict[str, list[_Entry]] = {}
    for index, theme in enumerate(themes):
        for phrases, specific in ((theme.phrases, True), (theme.words, False)):
            for phrase in phrases:
                keys = [_key(token.lower_) for token in language().make_doc(phrase.rstrip("*")) if token.lower_ not in _JOINTS]
                stem = int(phrase.endswith("*") and len(keys) > 1)
                entries.setdefault(keys[0], []).append((tuple(keys[1:]), stem, index, specific))
    return entries


def _word_classes(data: Any, file: str) -> dict[str, frozenset[str]]:
    if not isinstance(data, dict):
        raise ProgrammeError(file, None, "«words» should be a mapping of word classes")
    line = data.get("__line__")
    classes: dict[str, frozenset[str]] = {}
    for name in _WORDS:
        entry = data.get(name)
        if not isinstance(entry, str):
            raise ProgrammeError(file, line, f"«words» needs the class «{name}»: words separated by spaces, after «|»")
        classes[name] = frozenset(entry.lower().split())
    for name in data.keys() - set(_WORDS) - {"__line__"}:
        raise ProgrammeError(file, line, f"«words» has an unknown class «{name}»")
    return classes


def _numbers(data: Any, file: str) -> dict[str, float]:
    if not isinstance(data, dict):
        raise ProgrammeError(file, None, "«settings» should be a mapping")
    line = data.get("__line__")
    for name in data.keys() - set(_SETTINGS) - {"__line__"}:
        raise ProgrammeError(file, line, f"unknown setting «{name}»")
    values: dict[str, float] = {}
    for name in _SETTINGS:
        value = data.get(name)
        if not isinstance(value, int | float):
            raise ProgrammeError(file, line, f"the setting «{name}» should be a number")
        values[name] = float(value)
    return values


def _themes(path: Path) -> tuple[Theme, ...]:
    data = load_yaml(path)
    themes: list[Theme] = []
    for item in data.get("themes") or []:
        line = item.get("__line__") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(item.get("id"), str) or not isinstance(item.get("label"), str):
            raise ProgrammeError(path.name, line, "each theme needs an id and a label (texts)")
        phrases = item.get("phrases")
        if not isinstance(phrases, list) or not phrases or not all(isinstance(p, str) and p.strip() for p in phrases):
            raise ProgrammeError(path.name, line, f"theme «{item['id']}» needs a list of phrases")
        if item["id"] in {theme.id for theme in themes}:
            raise ProgrammeError(path.name, line, f"theme id «{item['id']}» is used twice")
        words = item.get("words") or []
        if not isinstance(words, list) or not all(isinstance(w, str) and w.strip() for w in words):
            raise ProgrammeError(path.name, line, f"theme «{item['id']}»: «words» should be a list of words")
        themes.append(Theme(id=item["id"], label=item["label"], phrases=tuple(phrases), words=tuple(words)))
    if not themes:
        raise ProgrammeError(path.name, 1, "there are no themes")
    return tuple(themes)
