"""The sentences of the reply templates, to be changed by a person who knows no template language.

A passage is a line of a text template, or what stands between two tags of an HTML one, without the code around it;
what is filled in is shown as ``{a name}``. The same sentence in ``NAME.txt.j2`` and in ``NAME.html.j2``, or in two
answers, is one passage, so that both parts of a mail always say the same.

Promises. A change never touches code: what is written into a template is text, escaped for HTML, with the
passage's own places to fill in and no others. A passage that a newer template no longer has takes its change with
it, and ``edited`` says which those were.

What it does badly: it offers what stands in both parts only; words inside code (``"A question" if ...``) are the
operator's to change, in the file.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mailroom.errors import MailroomError

__all__ = ["Passage", "edited", "passages", "worded"]

LONGEST = 2000
_CODE = re.compile(r"((?:<strong>)?\{\{.*?\}\}(?:</strong>)?|\{%.*?%\}|\{#.*?#\})", re.DOTALL)  # what is filled in may be bold in HTML
_FILL = ("{{", "<strong>{{")
_CUT_TEXT = re.compile(r"\n")
_CUT_HTML = re.compile(r"<!--.*?-->|<[^<>]*>|\n", re.DOTALL)
_STRINGS = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_NAME = re.compile(r"[a-z_][\w.]*")
_WORD = re.compile(r"[^\W\d_]{2,}")
_PLACE = re.compile(r"\{[^{}\n]*\}")
_FEWEST_WORDS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """``text`` has its places to fill in as ``{a name}``; ``answers`` are the templates that say it, also by what they include."""

    id: str
    text: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Run:
    """Text and code in turn, ``[start, end)`` of a source; ``fills`` is the code of each place."""

    start: int
    end: int
    text: str
    fills: tuple[str, ...]

    @property
    def id(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


def passages(files: Mapping[str, str], order: tuple[str, ...] = ()) -> tuple[Passage, ...]:
    """What may be changed, in the order in which the answers (``order`` first) say it."""
    in_html = {run.id for name, source in files.items() if name.endswith(".html.j2") for run in _runs(name, source)}
    said_by = _said_by(files)
    found: dict[str, Passage] = {}
    plain = [name for name in files if name.endswith(".txt.j2")]
    answers = [name for name in plain if not name.startswith("_")]
    rank = {f"{name}.txt.j2": position for position, name in enumerate(order)}
    for answer in sorted(answers, key=lambda name: (rank.get(name, len(rank)), name)):
        for run in _in_order(answer, files, frozenset()):
            if run.id in in_html and run.id not in found:
                found[run.id] = Passage(id=run.id, text=run.text, answers=said_by[run.id])
    return tuple(found.values())


def _in_order(name: str, files: Mapping[str, str], above: frozenset[str]) -> Iterator[_Run]:
    """The runs of a template and of what it includes, as they are read."""
    source = files[name]
    pieces: list[tuple[int, _Run | str]] = [(run.start, run) for run in _runs(name, source)]
    pieces += [(match.start(), match[1]) for match in _INCLUDE.finditer(source) if match[1] in files and match[1] not in above]
    for _, piece in sorted(pieces, key=lambda one: one[0]):
        if isinstance(piece, str):
            yield from _in_order(piece, files, above | {name})
        else:
            yield piece


_INCLUDE = re.compile(r"\{%-?\s*(?:include|extends)\s*[\"']([^\"']+)[\"']")


def _said_by(files: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    said: dict[str, list[str]] = {}
    for name in files:
        if name.endswith(".txt.j2") and not name.startswith("_"):
            for run in _in_order(name, files, frozenset()):
                answers = said.setdefault(run.id, [])
                if (answer := name.removesuffix(".txt.j2")) not in answers:
                    answers.append(answer)
    return {id: tuple(answers) for id, answers in said.items()}


def worded(passage: Passage, given: str) -> str:
    """The new words of a passage as they are kept. Raises MailroomError, in words for the person, where they cannot be."""
    text = " ".join(given.split())
    if not text:
        raise MailroomError("A sentence cannot be empty: the answer would have a hole there. Write what it should say instead.")
    if len(text) > LONGEST:
        raise MailroomError(f"That is {len(text)} characters long; {LONGEST} is the most for one passage.")
    allowed = _PLACE.findall(passage.text)
    used = _PLACE.findall(text)
    for place in used:
        if place not in allowed:
            known = ", ".join(allowed) if allowed else "none in this sentence"
            raise MailroomError(f"There is nothing called {place} to fill in here; there is {known}.")
        if used.count(place) > 1:
            raise MailroomError(f"{place} stands there twice; once is enough.")
    if rest := re.search(r"[{}]", _PLACE.sub("", text)):
        raise MailroomError(f"A single «{rest[0]}» cannot stand in an answer: curly brackets mark what is filled in.")
    return text


def edited(files: Mapping[str, str], changes: Mapping[str, str]) -> tuple[dict[str, str], frozenset[str]]:
    """The templates with these changes (new words by a passage's id), and the ids of those that no template has any more."""
    left = set(changes)
    out = {}
    for name, source in files.items():
        pieces, at = [], 0
        for run in _runs(name, source):
            if (text := changes.get(run.id)) is None:
                continue
            left.discard(run.id)
            pieces += [source[at : run.start], _written(run, text, as_html=name.endswith(".html.j2"))]
            at = run.end
        out[name] = "".join([*pieces, source[at:]])
    return out, frozenset(left)


def _written(run: _Run, text: str, *, as_html: bool) -> str:
    code = dict(zip(_PLACE.findall(run.text), run.fills, strict=True))
    pieces = re.split(f"({_PLACE.pattern})", text)
    return "".join(code[piece] if piece in code else html.escape(piece, quote=False) if as_html else piece for piece in pieces)


def _runs(name: str, source: str) -> Iterator[_Run]:
    """Sentences of a template with what they fill in, in their order."""
    as_html = name.endswith(".html.j2")
    cut = _CUT_HTML if as_html else _CUT_TEXT
    parts: list[tuple[int, str]] = []  # of the run that is gathered: where, and text or code
    at = 0
    for piece in [*_CODE.split(source), "{%end%}"]:
        if piece.startswith(_FILL):
            parts.append((at, piece))
        elif piece.startswith(("{%", "{#")):
            yield from _run(parts, as_html=as_html)
            parts = []
        else:
            begin = 0
            for edge in cut.finditer(piece):
                parts.append((at + begin, piece[begin : edge.start()]))
                yield from _run(parts, as_html=as_html)
                parts, begin = [], edge.end()
            parts.append((at + begin, piece[begin:]))
        at += len(piece)


def _run(parts: list[tuple[int, str]], *, as_html: bool) -> Iterator[_Run]:
    """The run that these parts make, if it is one that a person would change: blanks at its edges, signs of a list and the head's label aside."""
    whole = "".join(text for _, text in parts)
    lead = re.match(r"\s*(?:[-*•]\s+|Subject:\s*|Calendar:.*)?", whole)
    assert lead is not None  # noqa: S101 - everything is optional
    begin, end = lead.end(), len(whole.rstrip())
    if not parts or begin >= end:
        return
    first = parts[0][0]
    inner = whole[begin:end]
    shown: list[str] = []
    fills: list[str] = []
    names: list[str] = []
    for piece in _CODE.split(inner):
        if piece.startswith(_FILL):
            place = _place(piece, names)
            names.append(place)
            shown.append(place)
            fills.append(piece)
        else:
            shown.append(html.unescape(piece) if as_html else piece)
    text = "".join(shown)
    words = _WORD.findall(_PLACE.sub(" ", text))
    if len(words) >= _FEWEST_WORDS and not re.search(r"[{}]", _PLACE.sub("", text)) and text == " ".join(text.split()):
        yield _Run(first + begin, first + end, text, tuple(fills))


def _place(code: str, taken: list[str]) -> str:
    """What a place is called: the choices that it has, else the last name in it."""
    inner = re.sub(r"\|\s*unbroken\b", "", code.removeprefix("<strong>").removesuffix("</strong>")[2:-2].strip(" -"))
    choices = [text for one, other in _STRINGS.findall(inner) if _WORD.search(text := one or other)]  # «; » is no choice
    if choices:
        name = " / ".join(choice.strip() for choice in choices)
    else:
        names = _NAME.findall(inner.split("|")[0])
        name = names[0].rpartition(".")[2].replace("_", " ") if names else "filled in"
    name = name.replace("{", "(").replace("}", ")")
    number, made = 1, f"{{{name}}}"
    while made in taken:
        number += 1
        made = f"{{{name} {number}}}"
    return made
