"""What a quoted message asks about the sessions, so that «B», «4. the first», «yes, that one» and «both» are understood.

Promise: pure; only the quote is read here, and what it offers is never itself a choice. Linear in the text; of a long
quote only the beginning is read.

What it does badly: of two lists with the same marks in one quote neither is used, unless the answer gives the number of
the question; a «yes» to the second of two questions is nobody's answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from parse.optionanswers import picked
from parse.session_mentions import MentionFinder
from parse.textview import TextView

__all__ = ["Answer", "Question", "QuestionReader"]

_LONGEST_QUOTE = 4000  # characters that are read
_HEADING, _POINT_ANSWER = 40, 60  # characters of a form's heading, and of an answer to a numbered question
_HEADER = re.compile(r"\W*(?:from|sent|date|to|subject|cc)\W*:|.{0,90}\bwrote:", re.I)
_MARK = r"[a-h]|[w-z]|[1-9]|i{1,3}|iv|v"
_BEFORE_OPTION = re.compile(rf"(?:^|[\s:;,/(\[])(?P<mark>{_MARK})\s*[)\].:=-]?\s*[-=]?\s*(?:the\s+|session\s+on\s+|on\s+)?$", re.I)
_POINT = re.compile(r"(?:^|(?<=\s))(?:q\s?)?[(\[]?(?P<mark>[1-9]|i{1,3}|iv|v|vi)[)\].:/]\s+", re.I)
_ANSWERED = re.compile(rf"^\W*(?:q\s?)?(?P<point>[1-9]|i{{1,3}}|iv|vi?)\s*[)\].:/-]*\s+[(\[]?(?P<mark>{_MARK})(?![\w'’])", re.I | re.M)
_LISTED_MARK = r"(?:^|(?<=[\s(\[]))[(\[]?{}\s*[)\].:=]"
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+")
_OPEN_QUESTION = re.compile(r"\W*(?:and |so |but )?(?:which|what|who|how|when|where|why)\b", re.I)


@dataclass(frozen=True, slots=True)
class Answer:
    """A session that the member's words pick or refuse in answer to a quoted question."""

    start: int  # in the folded text
    end: int
    session: str
    refused: bool


@dataclass(frozen=True, slots=True)
class Question:
    """``asks``: a session is asked for; ``last``: by the last thing that the quote says. ``confirms``: the one that «yes» is said to."""

    asks: bool = False
    last: bool = False
    marks: Mapping[str, str] = field(default_factory=dict)  # a session by the mark of its option
    points: frozenset[str] = frozenset()  # numbers of the questions that are about sessions
    alone: bool = False  # the marks stand in no other list of the quote
    confirms: str | None = None
    of_others: bool = False  # it offers a list of other things, and asks for no session: «the second, please» is one of those

    def picks(self, view: TextView) -> Iterator[Answer]:
        """The options that the member names by their marks."""
        text = view.folded[:_LONGEST_QUOTE]
        for match in _ANSWERED.finditer(text) if self.marks and self.points else ():
            session = self.marks.get(match["mark"].lower())
            if match["point"].lower() in self.points and session:
                yield Answer(match.start("mark"), match.end("mark"), session, False)
        if self.marks and self.alone and not self.points:
            for pick in picked(text, list(self.marks)):
                if pick.mark in self.marks:
                    yield Answer(pick.start, pick.end, self.marks[pick.mark], pick.refused)


class QuestionReader:
    """``words``: how a session is asked for; ``back``: what a question says that is about the sentence before it."""

    def __init__(self, mentions: MentionFinder, words: Sequence[str], back: Sequence[str]) -> None:
        self._mentions = mentions
        self._words = _any(words)
        self._back = _any(back)

    def read(self, quotes: Sequence[TextView]) -> Question:
        """What the quotes together ask."""
        lines = [line for quote in quotes for line in quote.folded[:_LONGEST_QUOTE].split("\n") if line.strip() and not _HEADER.match(line)]
        if not lines:
            return Question()
        text = " ".join(line.strip(" >") for line in lines)
        marks: dict[str, str] = {}
        named: set[str] = set()
        for mention in self._mentions.find(text, None, heading=False):
            if len(mention.sessions) == 1:
                session = next(iter(mention.sessions))
                named.add(session)
                if (before := _BEFORE_OPTION.search(text[max(0, mention.start - 24) : mention.start])) is not None:
                    marks.setdefault(before["mark"].lower(), session)
        said = [*(line for line in lines if line.rstrip().endswith((":", "?")) or len(line) < _HEADING), *_SENTENCE_ENDS.split(text)]
        marks = marks if len(set(marks.values())) > 1 else {}
        asks = any(map(self.asks, said))
        return Question(
            asks=asks,
            of_others=not (asks or marks or named) and len({match["mark"].lower() for match in _POINT.finditer(text)}) > 1,
            last=self.asks(lines[-1]) or (text.endswith("?") and self.asks(" ".join(said[-2:]))),
            marks=marks,
            points=frozenset(match["mark"].lower() for match, point in _points(text) if self.asks(point, numbered=True)),
            alone=all(len(re.findall(_LISTED_MARK.format(mark), text, re.I | re.M)) <= 1 for mark in marks),
            confirms=self._confirmed(text) if len(named) == 1 else None,
        )

    def answers(self, question: Question, view: TextView) -> Iterator[Answer]:
        """What the member answers to the question by its number, or by the mark of an option."""
        yield from question.picks(view)
        for match, said in _points(view.folded[:_LONGEST_QUOTE]) if question.points else ():
            if match["mark"].lower() in question.points and len(said) <= _POINT_ANSWER:
                named = [mention.sessions for mention in self._mentions.find(f"the {said.strip()}", None, heading=True)]
                if len(named) == 1 and len(named[0]) == 1:
                    yield Answer(match.start(), match.end() + len(said.rstrip()), next(iter(named[0])), False)

    def asks(self, text: str, *, numbered: bool = False) -> bool:
        """Whether a question, or the heading of a form, is about sessions."""
        found = self._mentions.find(text, None, heading=False)
        named = {session for mention in found if len(mention.sessions) == 1 for session in mention.sessions}
        asked = numbered or "?" in text or text.rstrip().endswith(":") or len(text) < _HEADING
        return (len(named) > 1 or self._words.search(text) is not None) and asked

    def _confirmed(self, text: str) -> str | None:
        """The session of «did you mean the 25th?», and of «You are down for the 25th. Is that right?»

        Of several questions «yes» is said to the first.
        """
        asked = text.count("?")
        if not asked:
            return None
        said = _SENTENCE_ENDS.split(text[: text.index("?") + 1])
        question, before = said[-1], said[-2] if len(said) > 1 else ""
        if _OPEN_QUESTION.match(question):
            return None
        for sentence in (question, before if asked == 1 and self._back.search(question) else ""):
            sessions = {session for mention in self._mentions.find(sentence, None, heading=False) for session in mention.sessions}
            if len(sessions) == 1:
                return next(iter(sessions))
        return None


def _points(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """The numbered questions, each with its number."""
    found = list(_POINT.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    for match, end in zip(found, ends, strict=False):
        yield match, text[match.end() : end]


def _any(phrases: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(phrases, key=len, reverse=True)))})\b", re.I)
