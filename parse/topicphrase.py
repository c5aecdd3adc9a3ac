"""Where a topic's phrase begins and ends: word classes in place of a grammar.

From a place in a text a ``PhraseCutter`` skips what only leads up to a phrase («something to do with the»), goes on
to where a phrase ends (punctuation, «because», a pronoun, «with my S2s», «since August») and cleans both ends. The
word classes are programme data (``words`` in ``rules/topics.yaml``).

Promise: no phrase is longer than the settings say, so that each cut takes bounded time.

What it does badly: a verb that is in no class does not end a noun phrase, so that some run on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parse.textview import TextView
from parse.themes import ThemeHit, Themes

__all__ = ["WORD_CLASSES", "PhraseCutter", "TopicText"]

WORD_CLASSES = (
    "admin",
    "asking",
    "back",
    "carriers",
    "clause",
    "common",
    "dates",
    "determiners",
    "ends",
    "fragment_front",
    "front",
    "front_phrases",
    "function",
    "labels",
    "no_fragment",
    "no_topic",
    "noun_ends",
    "people",
    "pointing",
    "posts",
    "prepositions",
    "questions",
    "research",
    "roles",
    "settings",
    "subjects",
    "theme_goes_on",
    "times",
    "times_front",
    "verbs",
    "yes_no",
)
_STOPS = frozenset(("|", "\u2610", "\u2611", "\u2612", ";", ":", "!", "?", "...", "\u2026", ".", "):"))
_HAVE = frozenset(("have", "'ve", "has", "had", "'d"))  # never right before a verb in -ing
_MOST_TOKENS = 4000  # of one text; a topic is never so far down
_FARTHEST = 60  # tokens from a cue to where its phrase must have ended

Words = Mapping[str, frozenset[str]]
Phrase = tuple[int, int]


class TopicText:
    """A view's tokens, their small-letter forms and the themes in it, as far as it is read."""

    def __init__(self, view: TextView, themes: Themes, *, short: bool) -> None:
        self.view, self.doc, self.short = view, view.doc, short
        self.is_subject = view.where == "subject"
        self.raw = view.tokens[:_MOST_TOKENS]
        ends = [start + len(token) for start, token in zip(view.token_starts, self.raw, strict=False)]
        self.spaced = [view.folded[end : end + 1] == " " for end in ends]
        self.low = [word.lower() for word in self.raw]
        self.themes = themes.hits(self.low)
        self._starting: dict[int, list[ThemeHit]] = {}
        for hit in self.themes:
            self._starting.setdefault(hit.start, []).append(hit)

    def themes_in(self, start: int, end: int) -> list[ThemeHit]:
        return [hit for at in range(start, end) for hit in self._starting.get(at, ()) if hit.end <= end]

    def themed(self, start: int, end: int) -> bool:
        """Whether a phrase that is a topic by itself stands there."""
        return any(hit.specific for hit in self.themes_in(start, end))

    def is_stop(self, index: int) -> bool:
        return self.low[index] in _STOPS or "\n" in self.low[index]

    def is_dash(self, index: int) -> bool:
        """A dash between phrases, not a hyphen inside a word."""
        return self.low[index] in {"-", "--"} and index > 0 and self.spaced[index - 1]

    def word(self, index: int) -> str:
        """The token in small letters, "" beyond the end."""
        return self.low[index] if 0 <= index < len(self.low) else ""


class PhraseCutter:
    def __init__(self, words: Words, *, longest_clause: int, longest_phrase: int) -> None:
        self.words = words
        self.longest_clause, self.longest_phrase = longest_clause, longest_phrase

    def phrase(self, text: TopicText, start: int, limit: int) -> Phrase | None:
        """The phrase that begins at or soon after ``start``, cleaned; None where there is none."""
        low, words = text.low, self.words
        limit = min(limit, len(low), start + _FARTHEST)
        start = self.skip_front(low, start, limit)
        if start < limit and low[start] == '"':
            closing = next((i for i in range(start + 2, min(limit, start + 22)) if low[i] == '"'), None)
            if closing is not None:  # what is quoted is the phrase, or what follows a colon inside it («Belonging: pupils who ...»)
                colon = next((i for i in range(start + 1, closing) if low[i] == ":"), start)
                first = self.skip_front(low, colon + 1, closing)
                said = first < closing and low[first] in words["noun_ends"] and low[first] not in words["clause"]  # "we should stop reading"
                return None if said else self.clean(text, first, closing)
            start = self.skip_front(low, start + 1, limit)
        if start >= limit:
            return None
        clause = low[start] in words["clause"]
        if not clause and (low[start] in words["noun_ends"] or low[start] in words["ends"]):
            return None
        if low[start] in words["times_front"] and text.word(start + 1) in words["times"]:
            return None
        end = self.phrase_end(text, start, limit, clause=clause)
        if low[start] in words["yes_no"]:
            start, end = self._subject(text, start, end)
        return self.clean(text, start, end)

    def _subject(self, text: TopicText, start: int, end: int) -> Phrase:
        """«whether | background music | affects ...»: the subject of the question, unless it is people in general."""
        low, words = text.low, self.words
        verb = next((i for i in range(start + 2, end) if low[i] in words["verbs"] or low[i] == "("), None)
        if verb is None:
            return start, end
        first = self.skip_front(low, start + 1, verb)
        if first >= verb or low[first] in words["people"] or "who" in low[first:verb] or "we" in low[first:verb]:
            return start, end
        return first, verb

    def skip_front(self, low: Sequence[str], start: int, limit: int) -> int:
        words = self.words
        while start < limit and low[start] != '"':
            length = next((n for n in (4, 3, 2) if start + n < limit and "-".join(low[start : start + n]) in words["front_phrases"]), 0)
            if not length and ((low[start] in words["front"] and low[start] not in words["clause"]) or not low[start].strip()):
                length = 1
            if not length:
                break
            start += length
        return start

    def phrase_end(self, text: TopicText, start: int, limit: int, *, clause: bool) -> int:
        low, words = text.low, self.words
        end, depth = start + 1, 0
        longest = self.longest_clause if clause else self.longest_phrase
        while end < limit and end - start <= longest:
            word = low[end]
            if text.is_stop(end) or text.is_dash(end):
                break
            if word == "(" and clause and self._goes_on(text, end, limit):
                depth += 1
            elif word == ")" and depth:
                depth -= 1
            elif word in {"(", ")"} or (word == '"' and not clause) or (not depth and self._ends_at(text, start, end, limit, clause=clause)):
                break
            if not clause and (word == "who" or (word in {"that", "in", "which", "to"} and low[end - 1] in words["carriers"])):
                clause, longest = True, self.longest_clause
            end += 1
        return end

    def _goes_on(self, text: TopicText, opening: int, limit: int) -> bool:
        """Whether a clause goes on after the bracket: «how apprentices (joiners mostly) estimate»."""
        closing = next((i for i in range(opening + 1, min(opening + 8, limit)) if text.low[i] == ")"), None)
        return closing is not None and closing + 1 < limit and text.raw[closing + 1][0].islower()

    def _ends_at(self, text: TopicText, start: int, end: int, limit: int, *, clause: bool) -> bool:
        low, words = text.low, self.words
        word, before = low[end], low[end - 1]
        after = low[end + 1] if end + 1 < limit else ""
        if word == "," or word in words["ends"]:
            return True
        if word in words["times_front"] and after in words["times"]:
            return True
        if word == "as" and after in {"a", "an"}:  # «singing as a way into speaking»
            return False
        if not clause and word in words["noun_ends"]:
            return not (word == "who" or (word in {"that", "which"} and before in words["carriers"]))
        if word in {"and", "or", "&"} and any(after in words[name] for name in ("noun_ends", "ends", "clause")):
            return not (clause and (after in {"it", "they", "who"} or end - start == 1))
        if clause or word not in words["prepositions"] or end - start < 2:
            return False
        if word == "with":  # «paired reading | with my S1s»
            return before not in words["people"] or self._is_setting(low, end + 1, limit)
        return (word in {"for", "among", "amongst", "in"} and after in words["people"]) or self._is_setting(low, end + 1, limit)

    def _is_setting(self, low: Sequence[str], index: int, limit: int) -> bool:
        for word in low[index : min(limit, index + 2)]:
            if word in self.words["settings"]:
                return True
            if word not in {"the", "a", "an", "last"}:
                return False
        return False

    def clean(self, text: TopicText, start: int, end: int) -> Phrase | None:
        """The phrase without loose ends; None where what is left is no topic: a post, a date, words without meaning."""
        low, words = text.low, self.words
        while end > start and (low[end - 1] in words["back"] or not low[end - 1].strip(" \n.,;:!?-\"'")):
            end -= 1
        if end <= start or low[start] in words["prepositions"] or low[start] in words["dates"]:
            return None
        post = low[end - 1] in words["posts"] and low[start] not in words["clause"]
        if post and not any(hit.specific and hit.end == end for hit in text.themes_in(start, end)):  # «the chess club», but «a breakfast club»
            return None
        content = [word for word in low[start:end] if word[0].isalnum() and (len(word) > 2 or word.isalpha())]
        empty = ("no_topic", "front", "noun_ends", "settings")
        if all(word.isdigit() or any(word in words[name] for name in empty) for word in content):
            return None
        return start, end

    def before(self, text: TopicText, start: int, end: int) -> Phrase | None:
        """The phrase that leads up to ``end``, in a sentence that begins at ``start``."""
        low, words = text.low, self.words
        start = max(start, end - _FARTHEST)
        last = end
        while last > start and (low[last - 1] == "," or low[last - 1] in words["back"]):
            last -= 1
        first = next((i for i in range(start, end) if low[i] not in words["front"]), end)
        if first < end and low[first] in words["clause"] and end - first < 20:
            return self.phrase(text, first, end)
        for at in range(last - 1, start - 1, -1):
            word = low[at]
            held = word in {"who", "that", "than", "'s"}  # inside a phrase as often as before one
            its = word == "'s" and at > start and (low[at - 1] in words["pointing"] or low[at - 1] in words["noun_ends"])
            if its or text.is_stop(at) or word == "," or word in words["ends"] or (word in words["noun_ends"] and not held):
                return self.phrase(text, at + 1, end)
            if last - at > self.longest_phrase + 4:
                return self.phrase(text, at, end)
        return self.phrase(text, start, end)

    def around(self, text: TopicText, hit: ThemeHit, start: int, limit: int) -> Phrase | None:
        """The noun phrase around a phrase of a theme; None where it is a name, a verb, a post or a course."""
        low, words = text.low, self.words
        first, after = hit.start, hit.end
        if after == first + 1 and first > start and text.raw[first][0].isupper() and low[first - 1] not in {'"', "(", ":"}:
            return None  # «Maths at the Grammar»
        verb = low[first].endswith("ing") and first > start and (low[first - 1] in words["noun_ends"] or low[first - 1] in {"and", ","})
        if verb and low[first - 1] not in _HAVE:
            return None  # «we have been counting», but «we have had coaching»
        begin = first
        while begin > start and first - begin < 4:
            if low[begin - 1] == "-" and begin - 2 >= start and not text.spaced[begin - 2]:  # «pupil-led ...»
                begin -= 2
            elif self._adjective(text, start, begin - 1):
                begin -= 1
            else:
                break
        end = self.phrase_end(text, after - 1, limit, clause=False)
        end = end if end <= after + 6 else after
        if end > after and low[after] not in words["theme_goes_on"]:  # at most one noun more: «bereavement lessons in ...»
            following = text.word(after + 1) if after + 1 < limit else ""
            ends = not following[:1].isalnum() or following in words["prepositions"] or following in words["ends"]
            end = after + 1 if ends and not low[after].endswith("ed") else after
        if any(word in words["roles"] for word in (*low[max(start, begin - 2) : first], *low[after : min(after + 2, limit)])):
            return None
        return self.clean(text, begin, end)

    def _adjective(self, text: TopicText, start: int, at: int) -> bool:
        """Whether the word belongs to the noun phrase right of it, as far as classes can tell."""
        low, words = text.low, self.words
        word, before = low[at], low[at - 1] if at > start else ""
        if (text.raw[at].istitle() and at > start) or not word[0].isalpha() or before in words["noun_ends"]:
            return False
        if any(word in words[name] for name in ("front", "ends", "noun_ends", "prepositions", "verbs", "clause", "people", "back", "roles")):
            return False
        return not word.endswith(("ed", "ing")) or before in words["determiners"]
