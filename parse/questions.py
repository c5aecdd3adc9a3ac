"""Whether a person must answer something.

Each sentence of the member's own words is looked at by itself: the cues in it («could you tell me», «our
question is», words of our scheme, words of the classroom), the cues in the sentences beside it (a question
that the next sentence answers needs nobody else's answer) and its form (does it end with a question mark,
what does it open with). What each cue weighs was fitted to labelled texts and stands in two readable tables
of ``rules/questions.yaml``, one for sentences with a question mark and one for the others. Beside the cues count the
sentence's words and neighbouring words (``words/questions.csv``): no cue knows «camera», «captions» or «our findings».
The sum gives a probability, and a sentence that reaches ``asks_at`` is a question to a person.

Complaints, safeguarding and requests about personal data need a person whether or not they ask; each has
its own reason code. A rule of weight 1 tells one alone; lighter ones («a girl», «her stepfather», «I've told nobody»)
tell it together, where those of a few sentences (``together``) weigh 1.

Promise: only the member's own words are read; linear in the text.

What it does badly: a wish that is only hinted at («the ferry is £90») is found by luck; irony is not understood.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailroom.errors import ProgrammeError
from mailroom.model import Candidate, Evidence, ParsedMessage, Reason, Slot, ZoneKind
from parse.phrases import Hit
from parse.rulefile import compile_rules, load_rules
from parse.signtable import load_signs, plain_signs
from parse.textview import TextView

__all__ = ["QuestionFinder", "Questions", "Sentence", "sentence_signs", "starts_like_a_reply"]

CONCERNS = ("complaint", "safeguarding", "data_request")
LABELS = ("cue", *CONCERNS)
TABLES = ("questions", "statements")
_SIGNS = "words/questions.csv"
_WORDINGS = 3  # of one rule in one sentence that are looked at
_SUFFICES = 1.0 - 1e-9  # weights of a concern's rules
READ = {ZoneKind.OWN, ZoneKind.INLINE_ANSWER, "subject"}
_NO_ANSWER = (  # «No worries», «no rush»
    "idea|doubt|problems?|one|other|more|matter|word|sign|need|rush|hurry|worries|worry|bother|pressure|hassle|harm|offence|stress|fuss|trouble|names?|promises"
)
_ANSWER = re.compile(rf"(?:n/?a|yes|no|none|nil|y|n|x|-+)\b(?! (?:{_NO_ANSWER})\b)", re.I)
_TO_US = re.compile(r"\W*(?:(?:and|so|but)\b\W*)?(?:(?:can|could|may|might|should|must)\s+(?:i|we)|would\s+you)\b", re.I)  # what no form asks a member
_AUXILIARY = "do|does|did|is|are|am|was|were|can|could|will|would|shall|should|may|might|must|has|have|had"
_WH = "what|how|why|which|who|whom|whose|when|where|whit|whaur"
_FIRST = re.compile(r"\W*(?:(?:and|so|but|also|or|oh|right|hi|hello|hiya|then|now|well|ok|please|pls|sorry|just)\b[\s,.!:]*)*(\w+(?:'\w+)?)", re.I)
_LATE = re.compile(rf"(?:[,:;(]\s*|\s-+\s|\b(?:and|so|but|or)\s+)(?:{_AUXILIARY}|{_WH}|any)\b", re.I)
_THANKS = re.compile(r"(?:ta|thx|cheers|(?:many )?thanks|thank you|regards|please)\b[^.!]{0,24}[.!]?", re.I)  # beside a question: no answer
_LATE_INVERTED = re.compile(  # «I'm a lecturer, is this for schools only», without its mark; «it's grand, is it not» echoes
    r",\s*(?:and\s+|so\s+|but\s+)?(?:is|are|am|can|could|do|does|did|will|would|should|must|may)\s+"
    r"(?:i|we|you|it|this|that|there|they|he|she|my|our|anyone|anybody|somebody|someone)\s+(?!not\b)\w+",
    re.I,
)
_NUMBERED, _DASHED = re.compile(r"\s*\(?\d{1,2}[.):]"), re.compile(r"(?:[-\u2013\u2014=>]+|:)\s*\w")
_ARROW = re.compile(r"(?:[-=\u2013\u2014]+>+|>>+|[\u2192\u21d2\u00bb])\s*\w")  # «Topic? --> creative writing»
_BOX = re.compile(r"[\u2610-\u2612\u25a1]|\[[ xX]?\]")  # a form's choices
_WORD = re.compile(r"[A-Za-z]{2,}")
_LOST = re.compile(r"(?<!\S)\?+(?!\S)|\w\?+\w|\ufffd")  # standing alone or within a word
_REPLY = re.compile(r"\s*(?:re|aw|sv|antw)\s*(?:\[\d+\])?\s*:", re.I)
_VERB = re.compile(rf"\b(?:{_AUXILIARY}|'s|'m|'re|'ve|'ll|'d)\b|n't\b|'(?:s|m|re|ve|ll|d)\b", re.I)
_REQUEST = re.compile(r"\W*(?:(?:and|so|but|also)\b\W*)?(?:please|pls|plz|kindly|tell|send|ring|call|phone|let|give|advise|confirm|explain)\s+\w", re.I)
_OPENS = re.compile(rf"\W*(?:and|so|but|also|if|any|{_AUXILIARY}|{_WH})\b", re.I)
_LONGEST_LABEL, _FEWEST_LABELS = 15, 3  # words before the mark; lines of a form
_JOINED = re.compile(r"(?<=[\w)] )(?:What|Which|Where|When|Who|How|Why|Is|Are|Do|Does|Did|Have|Has|Can|Could|May|Will|Would|Any)\b[^.?!]{0,120}\?")
_LIST_LABEL = re.compile(r"\s*[\u2022\u00b7*\u2013-]+\s*[^:?]{1,60}:\s+\S")  # «- do I want a biscuit: yes»
_QUOTED_ON = re.compile(r"[\"'\u2019\u201d]\s+[a-z]")
_OURS_TO_ASK = r"\W*(?:(?:our|my|the|working|research|proposed)\s+)"
_TOPIC_LABEL = re.compile(
    rf"{_OURS_TO_ASK}*(?:topic|focus|subject|theme|research questions?|questions? we)\b|{_OURS_TO_ASK}+questions?(?=\s*:)",
    re.I,
)
_LONGEST_HEADING = 8  # words
_LONGEST_QUOTE = 600  # characters of a paragraph in which a quotation is looked for
_UNMARKED = re.compile(
    r"\W*(?:(?:and|also|but|so|just|(?:hi|hello|hiya) there(?!\s+(?:is|are) (?:an?|the|no|some|any|\w+s)\b)|hi|hello|hiya|ps|p\.s\.)\b[ ,.!-]*)*"
    r"(?:(?:can|could|do|does|is|are|am|will|would|dae|daes)\s+(?=\S+\s+\S+\s)"
    r"(?:i|we|you|u|there|it|the|this|that|they|anyone|someone|anybody|somebody|either|neither|both|each|my|our|all|any|an?|his|her|their|your|teachers|lecturers|instructors|folk|people|supply|retired|members|probationers|students|nursery|colleges)\b"
    r"|did (?:i|we|you|u|it|my|they|anyone)\b"
    r"|(?:what|whit|where|whaur)'s\s+an?\s+\w+"
    r"|(?:when|where|who|what|how|which|why|whats|wheres|whens|hows|whit)\s+(?:else\s+)?"
    r"(?:do|does|is|are|can|could|will|would|should|shall|much|many|long|if|time|happens|dae)\b)"
    r"(?!.*(?:[!:]$|\bis (?:an?|the)\b.* that\b|,\s+(?:i|we|it|that)\b))",
    re.I,
)
_PRONOUN = "i|we|you|it|they|he|she|there|that|this|these|those|everyone|everybody|nobody|both|all|some|most|few|many|mine|ours"
_VERBS_OF = {  # an auxiliary and its forms: «is there?», «there are not»
    **dict.fromkeys(("is", "are", "am", "was", "were", "'s", "'m", "'re"), "be"),
    **dict.fromkeys(("do", "does", "did", "dae", "daes"), "do"),
    **dict.fromkeys(("has", "have", "had", "'ve", "hae"), "have"),
    **dict.fromkeys(("can", "could", "may", "might"), "can"),
    **dict.fromkeys(("will", "would", "'ll", "'d", "wid", "wull", "shall", "should", "must"), "will"),
}
_ASCII = re.I | re.ASCII  # «ı» is no i, nor «ſ» an s: what is found is looked up
_HELPERS = "|".join(sorted(_VERBS_OF, key=len, reverse=True))
_HELPER = re.compile(rf"(?<!\w)(?!')(?:{_HELPERS})(?=n't\b|nae\b|na\b|\b)|'(?:s|m|re|ve|ll|d)\b", _ASCII)
_TOO = r"too|indeed|so|either|now|yet|still|though|after all|of course"
_LEFT_OUT = re.compile(  # «there is not, and», «so it does.», «I've looked: it was.»
    rf"\b(?:{_PRONOUN})(?:\s+|(?='))({_HELPERS})(?:n't|nae|na|\s+not)?(?:\s+(?:{_TOO}))?\s*(?=[.!,;:)]|$)", _ASCII
)
_SO_DO_I = re.compile(rf"(?:^|[.!,;:]\s*|\band\s+)(?:so|nor|neither)\s+({_HELPERS})\s+\w+", _ASCII)
_TAG = re.compile(rf"[,-]\s*(?:(?:{_AUXILIARY})(?:n't|\s+not)?\s+(?:{_PRONOUN})|eh|no|right|aye|innit|huh|ken)\s*\?\W*$", re.I)
_NEGATED = rf"(?:{_AUXILIARY}|ca|wo|sha)n't|(?:{_AUXILIARY})\s+(?:{_PRONOUN})\s+(?:not|no|nae)"
_OPENS_NEGATED = re.compile(rf"\W*(?:(?:and|but|so|well|oh)\b\W*)*(?:{_NEGATED})\b", re.I)
_LONGEST_FILLING = 9  # words
# Cues of a neighbour that change what a sentence means.
NEXT = (
    *("calm.answer", "calm.joking", "calm.nobody-knows", "calm.settled", "calm.is-it-ok", "calm.register"),
    *("research.named", "research.ours", "research.does-it", "past.", "some:"),
)
BEFORE = ("research.named", "research.asked-of-others", "some:ask", "some:hint", "some:about", "some:research")
OURS = frozenset(("about.money", "about.deadlines", "about.rules", "about.papers", "about.scheme"))  # what a private letter does not ask about
_NOT_A_NAME = ("calm.answer", "calm.joking")
RESEARCHES = frozenset(("research.named", "research.led-in"))
FAMILIES = ("ask", "hint", "calm", "about", "research")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """A sentence of the member's and what was seen in it; ``marked``: whether it is a question in form; ``signs``: its words."""

    start: int
    end: int
    marked: bool
    cues: frozenset[str]
    signs: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Questions:
    """``concerns`` are the reason codes of what needs a person although nothing is asked."""

    asks: bool = False
    concerns: tuple[str, ...] = ()
    asked: tuple[Evidence, ...] = ()
    about_us: bool = False
    candidates: tuple[Candidate, ...] = ()
    reasons: tuple[Reason, ...] = ()


class QuestionFinder:
    """Reads with ``folder/rules/questions.yaml`` and ``folder/words/questions.csv``. Raises ProgrammeError for bad data."""

    def __init__(self, folder: Path) -> None:
        file = load_rules(folder / "rules" / "questions.yaml", shown="rules/questions.yaml", says=LABELS)
        self._rules = compile_rules(file)
        try:
            self.asks_at = float(file.settings["asks_at"])
        except (KeyError, TypeError, ValueError):
            raise ProgrammeError(file.file, 1, "«asks_at» should be a number") from None
        if not 0 < self.asks_at < 1:
            raise ProgrammeError(file.file, 1, "«asks_at» should lie between 0 and 1")
        self._few, self._many = _lengths(file.settings.get("lengths"), file.file)
        self._together = _together(file.settings.get("together"), file.file)
        self.tables = {name: _table(file.settings.get(name), name, file.file) for name in TABLES}
        signs = load_signs(folder / _SIGNS, shown=_SIGNS, columns=TABLES, cues=())
        self.signs = {table: {sign: row[place] for sign, row in signs.items() if row[place]} for place, table in enumerate(TABLES)}

    def sentences(self, view: TextView) -> tuple[list[Sentence], list[Candidate]]:
        """The sentences of a view with their cues, and the concerns in it."""
        spans = [(start, start + len(text)) for text, start in view.sentence_texts]
        starts = [start for start, _ in spans]
        own: list[set[str]] = [set() for _ in spans]
        said: list[list[str]] = [[] for _ in spans]
        for words in self._rules.words(view):
            said[bisect_right(starts, view.token_starts[words[0][1]]) - 1] += [word for word, _ in words]
        worries: dict[str, list[tuple[int, Hit]]] = {}
        for hit in self._rules.find(view):
            at = bisect_right(starts, hit.span.start_char) - 1
            if hit.phrase.label in CONCERNS:
                worries.setdefault(hit.phrase.label, []).append((at, hit))
            else:
                own[at].add(hit.phrase.id)
        concerns = [_concern(hit) for hits in worries.values() for hit in self._weighty(hits)]
        texts = [text.strip() for text, _ in view.sentence_texts]
        marked = [_asks(view, text, end) for (_, end), text in zip(spans, texts, strict=True)]
        for cues, text, asks, (start, _) in zip(own, texts, marked, spans, strict=True):
            cues.update(_form(text, marked=asks))
            if _within_quotes(view.folded, start):
                cues.add("form:quotes")
            cues.update(f"some:{family}" for family in FAMILIES if any(cue.startswith(family + ".") for cue in cues))
            if not {"some:about", "some:ask", "some:hint"} & cues:
                cues.add("none:about-us")
                if not {"who.you", "who.me"} & cues:
                    cues.add("none:of-us")
        filled_in = _filled_in(view)
        announced = theirs = False
        found: list[Sentence] = []
        worded = [index for index, text in enumerate(texts) if _WORD.search(text)]
        signed = _signed(worded, texts, own)
        named_after = _named_after(worded[:signed], marked, own)
        for at, index in enumerate(worded):
            start, end = spans[index]
            cues = {cue for cue in own[index] if not cue.startswith("some:")}
            if at + 1 < signed:
                after = worded[at + 1]
                cues.update(f"next:{cue}" for cue in own[after] if cue.startswith(NEXT))
                cues.add("next:question" if marked[after] else "next:" + _size(texts[after]))
                if marked[index] and marked[after] and named_after[at]:
                    cues.add("next:research.named")  # «Can it be taught? How would you tell? We have settled on that as our question.»
                if marked[index] and not marked[after]:
                    cues.update(f"next:{way}" for way in _ways_to_answer(texts[index], texts[after]))
            if at:
                before = worded[at - 1]
                told = {cue for cue in own[before] if cue.startswith(BEFORE)}
                cues.update(f"before:{cue}" for cue in (told - {"some:about"} if "research.named" in told else told))  # «Topic area:» is no matter of ours
                if _is_label(texts[before]):
                    cues.add("before:topic-label")
                cues.update(["before:question"] if marked[before] else ["before:colon"] if texts[before].endswith(":") else [])
            if at and theirs and marked[index]:
                cues.add("after:of-research")  # the second and third question of a list that is the enquiry's own
            theirs = (theirs and marked[index]) or not RESEARCHES.isdisjoint(own[index]) or "before:topic-label" in cues or _is_label(texts[index])
            if announced:
                cues.add("after:announced")
            announced = announced or (_announces(own[index]) and not _is_label(texts[index]))
            if marked[index] and bisect_left(filled_in, start) < bisect_left(filled_in, end):
                cues.add("form:filled-in")
            if marked[index]:
                cues.update(_asides(texts[index], idle="none:about-us" in own[index]))
                mark = view.folded.find("?", start, end)
                if mark >= 0 and _within_quotes(view.folded, mark):
                    cues.add("form:mark-in-quotes")
                if mark >= 0 and _within_brackets(view.folded, mark):
                    cues.add("form:bracketed")
            if at + 1 == signed and signed > 1 and view.where != "subject":
                cues.add("form:last")
            if _stands_alone(view.folded, start, end) and signed > self._few:
                cues.add("form:alone")
            if view.where == "subject":
                cues.add("form:subject")
            elif len(worded) <= self._few:
                cues.add("form:of-few")
            elif len(worded) >= self._many:
                cues.add("form:of-many")
                if at and at + 1 < signed and "\n" not in view.folded[spans[worded[at - 1]][1] : spans[worded[at + 1]][0]]:
                    cues.add("form:amid")  # of its paragraph
            found.append(Sentence(start=start, end=end, marked=marked[index], cues=frozenset(cues), signs=sentence_signs(said[index])))
        return found, concerns

    def _weighty(self, hits: Sequence[tuple[int, Hit]]) -> list[Hit]:
        """The hits of one concern that suffice, alone or with others of the same few sentences; each rule speaks once there."""
        heard: Counter[tuple[int, str]] = Counter()
        few: list[tuple[int, Hit]] = []
        for at, hit in sorted(hits, key=lambda one: one[0]):
            heard[at, hit.phrase.id] += 1
            if heard[at, hit.phrase.id] <= _WORDINGS:  # a sentence that says one thing a thousand times is no dearer than one that says it thrice
                few.append((at, hit))
        places = [at for at, _ in few]
        kept: dict[Hit, None] = {}
        for first in dict.fromkeys(places):
            near = _once_said(hit for _, hit in few[bisect_left(places, first) : bisect_left(places, first + self._together)])
            weights: dict[str, float] = {}
            for hit in near:
                weights[hit.phrase.id] = hit.phrase.weight
            if math.fsum(weights.values()) >= _SUFFICES:
                kept.update((hit, None) for hit in near if hit.phrase.weight > 0)
        return list(kept)

    def probability(self, sentence: Sentence) -> float:
        """How likely it is that somebody must answer this."""
        name = TABLES[0] if sentence.marked else TABLES[1]
        table, signs = self.tables[name], self.signs[name]
        total = table.get("always", 0.0) + math.fsum(table.get(cue, 0.0) for cue in sentence.cues) + math.fsum(signs.get(sign, 0.0) for sign in sentence.signs)
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, total))))

    def find(self, parsed: ParsedMessage, views: Sequence[TextView]) -> Questions:
        candidates: list[Candidate] = []
        concerns: list[str] = []
        reasons: list[Reason] = []
        about_us = False
        for view in views:
            if view.where not in READ or (view.where == "subject" and starts_like_a_reply(parsed.subject)):
                continue  # the subject of a reply is the question that was answered
            sentences, worries = self.sentences(view)
            for worry in worries:
                candidates.append(worry)
                if worry.value not in concerns:
                    concerns.append(worry.value)
                    reasons.append(Reason(code=worry.value, detail=worry.evidence.text[:80]))
            for sentence in sentences:
                sure = self.probability(sentence)
                chosen = sure >= self.asks_at
                if chosen or sentence.marked:
                    candidates.append(_candidate(view, sentence, sure, chosen=chosen))
                about_us = about_us or (chosen and not OURS.isdisjoint(sentence.cues))
        asked = [c for c in candidates if c.chosen and c.value == "asks"]
        if asked:
            reasons.append(Reason(code="asks_question", detail=" ".join(asked[0].evidence.text.split())[:120]))
        return Questions(
            asks=bool(asked),
            asked=tuple(c.evidence for c in asked),
            about_us=about_us,
            concerns=tuple(concerns),
            candidates=tuple(candidates),
            reasons=tuple(reasons),
        )


def sentence_signs(words: Sequence[str]) -> frozenset[str]:
    """The words and neighbouring words of a sentence, a number as «0», and the two that it begins with («^ can i»)."""
    spoken = [word for word in words if word[:1].isalnum() or word[:1] == "'"]
    opening = plain_signs(spoken[:2])[-1:]  # both together, or the only one
    return frozenset((*plain_signs(spoken), *(f"^ {begun}" for begun in opening)))


def starts_like_a_reply(subject: str) -> bool:
    return _REPLY.match(subject) is not None


def _table(data: Any, name: str, file: str) -> Mapping[str, float]:
    if not isinstance(data, dict):
        raise ProgrammeError(file, 1, f"«{name}» should be a table of weights")
    weights: dict[str, float] = {}
    for cue, weight in data.items():
        if cue == "__line__":
            continue
        if isinstance(weight, bool) or not isinstance(weight, int | float):
            raise ProgrammeError(file, data.get("__line__", 1), f"«{name}: {cue}» should be a number")
        weights[str(cue)] = float(weight)
    return weights


def _lengths(data: Any, file: str) -> tuple[int, int]:
    few, many = (data.get(key) for key in ("few", "many")) if isinstance(data, dict) else (None, None)
    if not isinstance(few, int) or not isinstance(many, int) or not 0 < few < many:
        raise ProgrammeError(file, 1, "«lengths» should say how many sentences are «few» and how many «many»")
    return few, many


def _together(data: Any, file: str) -> int:
    if isinstance(data, bool) or not isinstance(data, int) or data < 1:
        raise ProgrammeError(file, 1, "«together» should be a number of sentences")
    return data


def _form(text: str, *, marked: bool) -> list[str]:
    """Signs of a sentence's form."""
    signs = ["form:" + _size(text)]
    first = _FIRST.match(text)
    word = first[1].lower() if first else ""
    if re.fullmatch(_AUXILIARY, word.split("'")[0].removesuffix("n")):
        signs.append("form:opens-verb")
    elif re.fullmatch(_WH, word.split("'")[0]):
        signs.append("form:opens-wh")
    elif word in ("if", "whether"):
        signs.append("form:opens-if")
    elif word in ("any", "anyone", "anybody", "anything"):
        signs.append("form:opens-any")
    elif word in ("i", "we", "i'm", "i've", "i'd", "we're", "we've", "we'd", "my", "our", "me", "us"):
        signs.append("form:opens-me")
    elif _REQUEST.match(text):
        signs.append("form:opens-request")
    else:
        signs.append("form:opens-other")
    if marked and "?" not in text:
        signs.append("form:no-mark")
    if marked and not signs[-1].endswith(("-verb", "-wh")) and _LATE.search(text):
        signs.append("form:asks-late")
    if not marked and _LATE_INVERTED.search(text):
        signs.append("form:late-inverted")
    if '"' in text or re.match(r"\s*'", text) or re.search(r"\s'\w", text):
        signs.append("form:quotes")
    if text.endswith(":"):
        signs.append("form:colon")
    if _BOX.search(text):
        signs.append("form:box")
    return signs


def _named_after(worded: Sequence[int], marked: Sequence[bool], own: Sequence[set[str]]) -> list[bool]:
    """For each of the sentences ``worded``: whether the next one after it that is no question says that a row of questions is the enquiry's."""
    found: list[bool] = []
    named = False
    for index in reversed(worded):
        found.append(named)
        if not marked[index]:
            named = "research.these" in own[index]
    return found[::-1]


def _signed(worded: Sequence[int], texts: Sequence[str], own: Sequence[set[str]]) -> int:
    """How many sentences come before the name that a letter ends with: «Aileen Gourlay» answers no question above it, «Me.» does, «(Joking.)» takes it back."""
    end = len(worded)
    while end > 1 and _is_signature(texts[worded[end - 1]]) and not any(cue.startswith(_NOT_A_NAME) for cue in own[worded[end - 1]]):
        end -= 1
    return end


def _is_signature(text: str) -> bool:
    return _size(text) == "fragment" and "?" not in text and not _OPENS.match(text)


def _is_label(text: str) -> bool:
    """«Our topic:», «Research questions»; «The focus would be talk.» is a sentence."""
    said = text.endswith((".", "!")) and _VERB.search(text) is not None
    return _TOPIC_LABEL.match(text) is not None and len(text.split()) <= _LONGEST_HEADING and not said


def _within_quotes(text: str, at: int) -> bool:
    """Whether a quotation is open there that began in the same paragraph."""
    begin = text.rfind("\n\n", max(0, at - _LONGEST_QUOTE), at)
    return (begin >= 0 or at <= _LONGEST_QUOTE) and text.count('"', begin + 1, at) % 2 == 1


def _within_brackets(text: str, at: int) -> bool:
    """The same of a bracket, in a paragraph of any length."""
    begin = max(0, at - _LONGEST_QUOTE)
    begin = max(begin, text.rfind("\n\n", begin, at))
    return text.count("(", begin, at) > text.count(")", begin, at)


def _announces(cues: set[str]) -> bool:
    """«One matter I must ask first»; «we have one question» may be the enquiry's own."""
    return "ask.announces" in cues or "ask.several" in cues or ("hint.a-question" in cues and "some:research" not in cues)


def _ways_to_answer(question: str, after: str) -> list[str]:
    """How the sentence after a question answers it, by its form alone."""
    ways = []
    first, second = _FIRST.match(question), _FIRST.match(after)
    opening = first[1].lower().split("'")[0] if first else ""
    asks_what = re.fullmatch(_WH, opening) is not None
    if asks_what and second is not None and opening == second[1].lower():
        ways.append("same-opening")  # «When do we begin? When somebody shows us how.»
    asked = {_VERBS_OF[found[0].lower()] for found in _HELPER.finditer(question)}
    if asks_what and not asked:
        asked = {"do"}  # «Who minds? I do.»
    said = {_VERBS_OF[found[1].lower()] for pattern in (_LEFT_OUT, _SO_DO_I) for found in pattern.finditer(after)}
    if asked & said:
        ways.append("echoes")  # «Is there a bonnier place? There is not, and ...»
    verbless = len(after.split()) <= _LONGEST_FILLING and not (_VERB.search(after) or _OPENS.match(after) or _REQUEST.match(after))
    if verbless and (asks_what or not asked):
        ways.append("fills-in")  # «When do we meet? Mondays, after the bell.»
    return ways


def _asides(question: str, *, idle: bool) -> list[str]:
    """Signs of a question that wants no answer; ``idle``: it holds no word of ours."""
    signs = []
    if _TAG.search(question):
        signs.append("form:tag")
    if _OPENS_NEGATED.match(question):
        signs.append("form:opens-negated")
    return signs + [f"{sign}-idle" for sign in signs if idle]


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a sentence is a paragraph of its own."""
    return "\n\n" in text[max(0, start - 4) : start + 2] and (text[end : end + 4].strip() == "" or "\n\n" in text[max(0, end - 2) : end + 3])


def _filled_in(view: TextView) -> list[int]:
    """The question marks of a form that was filled in: whole lines that ask, each with its answer beside or below it.

    One or two such lines may be chance; where there are more, the questions are ours and the answers the member's.
    """
    lines = [(line, at) for line, at in zip(view.folded.split("\n"), _line_starts(view.folded), strict=True)]
    marks: list[int] = []
    labels = 0
    for number, (line, at) in enumerate(lines):
        mark = line.find("?")
        if mark < 0 or len(line[:mark].split()) > _LONGEST_LABEL or not line[:1].strip():
            continue
        beside = line[mark + 1 :].strip()
        below = lines[number + 1][0].strip() if number + 1 < len(lines) else ""
        if (beside and "?" not in beside) or (not beside and below and "?" not in below):
            labels += 1
        joined = [found.end() - 1 for found in _JOINED.finditer(line)]  # short lines of a form, made one by a mail program
        if beside or (below and "?" not in below):
            marks += [at + where for where in (mark, *joined) if line[where + 1 :].strip() or where == mark]
    return sorted(marks) if labels >= _FEWEST_LABELS else []


def _line_starts(text: str) -> list[int]:
    return [0, *(index + 1 for index, letter in enumerate(text) if letter == "\n")]


def _size(text: str) -> str:
    """«fragment»: a few words without a verb."""
    words = len(text.split())
    if words <= 6 and not _VERB.search(text) and not _REQUEST.match(text):
        return "fragment"
    return "short" if words <= 6 else "long" if words > 25 else "middling"


def _once_said(hits: Iterable[Hit]) -> list[Hit]:
    """The heaviest first, without those whose words a heavier one has told."""
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: -abs(hit.phrase.weight)):
        if not any(hit.span.start_char < other.span.end_char and other.span.start_char < hit.span.end_char for other in kept):
            kept.append(hit)
    return kept


def _concern(hit: Hit) -> Candidate:
    strength = round(min(1.0, hit.phrase.weight), 2)
    return Candidate(slot=Slot.QUESTION, value=hit.phrase.label, strength=strength, evidence=hit.evidence(), chosen=True)


def _candidate(view: TextView, sentence: Sentence, sure: float, *, chosen: bool) -> Candidate:
    start, end = view.to_source(sentence.start, sentence.end)
    rule = "question.mark" if sentence.marked else "question.statement"
    evidence = Evidence(where=view.where, start=start, end=end, text=view.source[start:end], rule=rule)
    note = "" if chosen else "question_needs_no_answer"
    return Candidate(slot=Slot.QUESTION, value="asks", strength=round(sure, 2), evidence=evidence, chosen=chosen, note=note)


def _asks(view: TextView, text: str, end: int) -> bool:
    """Whether this has the form of a question: its mark, or, on a phone, only a question's first words."""
    if "?" in text:
        if _QUOTED_ON.match(view.folded[end - 1 : end + 4].lstrip("?")) or _QUOTED_ON.match(view.folded[end : end + 4]):
            return False  # «they keep a "what would you say?" notebook»
        last = text[text.rfind("\n") + 1 :]  # a form's answers have no stops: «FIFE, Topic?» stands on two lines
        return _legible(text) and not _heading(view, last if last[:1].isupper() else text, end)
    return _UNMARKED.match(text) is not None and not _LIST_LABEL.match(text) and not _BOX.search(text)


def _legible(text: str) -> bool:
    """Whether a question mark may be one: unreadable mail is full of them, in place of what was lost."""
    words = _WORD.findall(text)
    return bool(words) and len(_LOST.findall(text)) <= len(words)


def _heading(view: TextView, text: str, end: int) -> bool:
    """A form's label («Group already researching?») is short, opens like no question, and has its answer beside it."""
    beside = view.folded[end : end + 40].split("\n")[0].strip()
    if (
        (_ANSWER.match(beside) and not _TO_US.match(text))
        or _ARROW.match(beside)
        or (_DASHED.match(beside) and _NUMBERED.match(view.folded, view.folded.rfind("\n", 0, end) + 1))
    ):
        return True  # «3. Is your group under way, or proposed? - Proposed.»
    words = len(text.split())
    short = words == 1 or (words <= 6 and not _OPENS.match(text))
    return short and beside != "" and "?" not in beside and not _THANKS.fullmatch(beside)
