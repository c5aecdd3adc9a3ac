"""Whether a person must answer something.

A question is asked of the programme: a sentence with a question mark, or words that ask («could you let
me know», «I wonder if»), which is not the enquiry's own question («does it help?»), nor politeness
(«can you count me in?»), nor rhetoric («what's not to like?»). Complaints, safeguarding and requests
about personal data need a person whether or not they ask; each has its own reason code.

The words are in ``rules/questions.yaml``; each rule adds to or takes from a sentence's score, and the
sentence is a question when the score reaches ``asks_at`` in that file.

Promise: only the member's own words are read; linear in the text.

What it does badly: a question put as a plain statement («I can't find the form») is only found where a
rule knows its words; irony is not understood.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mailroom.errors import ProgrammeError
from mailroom.model import Candidate, Evidence, ParsedMessage, Reason, Slot, ZoneKind
from parse.rulefile import compile_rules, load_rules
from parse.textview import TextView

__all__ = ["QuestionFinder", "Questions"]

CONCERNS = ("complaint", "safeguarding", "data_request")
LABELS = ("asks", "opens", "unmarked", "to_us", "research", "polite", "settled", "answers", *CONCERNS)
READ = {ZoneKind.OWN, ZoneKind.INLINE_ANSWER, "subject"}
_ANSWER = re.compile(r"(?:n/?a|yes|no|none|nil|y|n|x|-+)\b(?! (?:idea|doubt|problem))", re.I)
_OPENS = re.compile(
    r"\W*(?:and|so|but|also|do|does|did|is|are|am|can|could|will|would|should|may|might|must|what|how|why|which|who|when|where|if|any|has|have|was|were)\b",
    re.I,
)
_BOX = re.compile(r"[\u2610-\u2612\u25a1]|\[[ xX]?\]")  # a form's choices
_WORD = re.compile(r"[A-Za-z]{2,}")
_LOST = re.compile(r"(?<!\S)\?+(?!\S)|\w\?+\w|\ufffd")  # standing alone or within a word
_REPLY = re.compile(r"\s*(?:re|aw|sv|antw)\s*(?:\[\d+\])?\s*:", re.I)
# «Our enquiry: does sketching first help?» names its question.
_NAMED = re.compile(
    r"(?:[:;(\"]\s*|\s-\s|\b(?:i\.e\.|as in|which is to say|namely|that is),?\s+)(?:\w+,?\s+)?"
    r"(?:do|does|did|is|are|can|could|will|would|what|how|why|which|who|when|where|if|whether)\b",
    re.I,
)


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
    """Reads with ``folder/rules/questions.yaml``. Raises ProgrammeError for bad data."""

    def __init__(self, folder: Path) -> None:
        file = load_rules(folder / "rules" / "questions.yaml", shown="rules/questions.yaml", says=LABELS)
        self._rules = compile_rules(file)
        try:
            self._asks_at = float(file.settings["asks_at"])
            self._mark = float(file.settings["question_mark"])
            self._research = -self._mark - 0.3
        except (KeyError, TypeError, ValueError):
            raise ProgrammeError(file.file, 1, "«asks_at» and «question_mark» should be numbers") from None

    def find(self, parsed: ParsedMessage, views: Sequence[TextView]) -> Questions:
        candidates: list[Candidate] = []
        concerns: list[str] = []
        reasons: list[Reason] = []
        of_us = False
        for view in views:
            if view.where not in READ or (view.where == "subject" and _REPLY.match(parsed.subject)):
                continue  # the subject of a reply is the question that was answered
            sentences = view.sentences
            starts = [sentence.start_char for sentence in sentences]
            scores: dict[int, dict[str, float]] = {}
            first: dict[int, str] = {}
            about_us: set[int] = set()
            ours: dict[int, int] = {}  # where in a sentence the last word about us stands
            for hit in self._rules.find(view):
                index = bisect_right(starts, hit.span.start_char) - 1
                label = hit.phrase.label
                if label in CONCERNS:
                    if label not in concerns:
                        concerns.append(label)
                        reasons.append(Reason(code=label, detail=hit.evidence().text[:80]))
                    candidates.append(Candidate(slot=Slot.QUESTION, value=label, strength=1.0, evidence=hit.evidence(), chosen=True))
                    continue
                best = scores.setdefault(index, {})
                if hit.phrase.id == "question.of-our-rules":
                    about_us.add(index)
                if hit.phrase.id == "question.of-our-rules" or hit.span[0].lower_ in ("you", "your", "yours"):
                    ours[index] = hit.span.start_char
                # The strongest rule of each label speaks, so that saying a thing twice does not count twice.
                if abs(hit.phrase.weight) > abs(best.get(label, 0.0)):
                    best[label] = hit.phrase.weight
                    if label in ("asks", "unmarked"):
                        first[index] = hit.phrase.id
            carried = 0.0
            for index, sentence in enumerate(sentences):
                text = sentence.text.strip()
                marked = "?" in text and _legible(text) and not _heading(view, text, sentence.end_char)
                score = dict(scores.get(index, {}))
                score.pop("answers", None)
                score.pop("unmarked" if marked or _BOX.search(text) else "opens", None)
                if marked and "answers" in scores.get(index + 1, {}):
                    score["settled"] = -1.0  # asked and answered
                named = _NAMED.search(sentence.text) if marked else None
                if named and ours.get(index, -1) < sentence.start_char + named.start():
                    score["research"] = min(score.get("research", 0.0), self._research)
                if marked:
                    score["mark"] = self._mark
                total = sum(score.values()) + (carried if marked else 0.0)
                # «Topic: ...» and a first research question speak for the questions that follow.
                leads = (marked and total < self._asks_at) or (not marked and (text.endswith(":") or len(text) < 60))
                carried = self._research if text and leads and (score.get("research") or (carried and marked)) else carried if not text else 0.0
                if total >= self._asks_at and (marked or score.keys() & {"asks", "unmarked"}):
                    of_us = of_us or index in about_us
                    candidates.append(self._candidate(view, sentence.start_char, sentence.end_char, total, first.get(index, "question.mark"), chosen=True))
                elif marked:
                    candidates.append(self._candidate(view, sentence.start_char, sentence.end_char, total, "question.mark", chosen=False))
        asked = [c for c in candidates if c.chosen and c.value == "asks"]
        if asked:
            reasons.append(Reason(code="asks_question", detail=" ".join(asked[0].evidence.text.split())[:120]))
        return Questions(
            asks=bool(asked),
            asked=tuple(c.evidence for c in asked),
            about_us=of_us,
            concerns=tuple(concerns),
            candidates=tuple(candidates),
            reasons=tuple(reasons),
        )

    @staticmethod
    def _candidate(view: TextView, start: int, end: int, score: float, rule: str, *, chosen: bool) -> Candidate:
        source_start, source_end = view.to_source(start, end)
        evidence = Evidence(where=view.where, start=source_start, end=source_end, text=view.source[source_start:source_end], rule=rule)
        return Candidate(
            slot=Slot.QUESTION,
            value="asks",
            strength=round(max(0.0, min(1.0, score)), 2),
            evidence=evidence,
            chosen=chosen,
            note="" if chosen else "question_needs_no_answer",
        )


def _legible(text: str) -> bool:
    """Whether a question mark may be one: unreadable mail is full of them, in place of what was lost."""
    words = _WORD.findall(text)
    return bool(words) and len(_LOST.findall(text)) <= len(words)


def _heading(view: TextView, text: str, end: int) -> bool:
    """A form's label («Group already researching?») is short, opens like no question, and has its answer beside it."""
    beside = view.folded[end : end + 40].split("\n")[0].strip()
    if _ANSWER.match(beside):
        return True
    words = len(text.split())
    return (words == 1 or (words <= 6 and not _OPENS.match(text))) and beside != "" and "?" not in beside
