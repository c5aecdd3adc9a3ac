"""A body as lines, and what each of them may turn out to hold: the forms that all zone readers share.

Every line keeps its place in the body, so that a label on a line is a span of the source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailroom.model import Address, ZoneKind

FOLDED = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " ", "\u202f": " ", "\uff1a": ":", "\u2013": "-", "\u2014": "-"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """What the header says that zones depend on."""

    sender: Address | None = None
    recipients: tuple[Address, ...] = ()
    subject: str = ""
    is_reply: bool = False  # In-Reply-To or References present


@dataclass(slots=True)
class Line:
    start: int  # of the first character that is not white space, in the body
    end: int
    depth: int  # of quoting
    text: str  # folded, without quote signs
    raw: str
    kind: ZoneKind | None = None


_QUOTE_SIGNS = re.compile(r"[ \t]{0,3}>[> \t]*")
RULE_LINE = re.compile(r"[\s*_\-=~\u2014\u2013\u2500#.]{3,}$")
EMAIL = re.compile(r"[\w.+'-]{1,64}@[\w-]{1,63}\.[\w.-]{1,100}")
WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_FIRST_PERSON = re.compile(
    r"(?<![\w'])(?:i|i'm|i've|we|we're|my|our(?! (?:organi[sz]ation|network|e-?mail|mail|systems?|council|company|domain|server)\b))(?![\w'])",
    re.IGNORECASE,
)
_NO_ALNUM = re.compile(r"[\W_]+")
ITEM = re.compile(r"\s*(?:[-*+\u2022\u00b7\u25cf\u25aa\u2013o]|\(?(?:\d{1,2}|[A-Za-z])[.)])\s")


def fold(text: str) -> str:
    return " ".join(text.translate(FOLDED).split())


def solid(text: str) -> str:
    """Letters and digits only, without case: what is left of a line however it was wrapped and quoted."""
    return _NO_ALNUM.sub("", text.casefold())


def read_lines(body: str) -> list[Line]:
    lines: list[Line] = []
    offset = 0
    for raw in body.split("\n"):
        stripped = raw.strip()
        start = offset + len(raw) - len(raw.lstrip()) if stripped else offset
        end = start + len(stripped)
        depth = 0
        text = raw
        signs = _QUOTE_SIGNS.match(raw)
        if signs is not None and not stripped.endswith("<<"):  # «>>> look here <<<» is decoration
            depth = signs[0].count(">")
            text = raw[signs.end() :]
        lines.append(Line(start=start, end=end, depth=depth, text=fold(text), raw=raw))
        offset += len(raw) + 1
    return lines


def looks_like_field(text: str) -> bool:
    name, colon, _ = text.partition(":")
    return bool(colon) and 0 < len(name) <= 25 and name[:1].isalpha() and "@" not in name and "<" not in name and len(name.split()) <= 3


def is_letter(text: str) -> bool:
    """Whether a line that holds a banner's words is a person's sentence all the same."""
    return _FIRST_PERSON.search(text) is not None
