"""A message's text with the phrases marked that values rest on.

``marked`` cuts a text at every edge of a mark and escapes each piece by itself, so that nothing that a member or a
machine wrote can become mark-up; the result is the one kind of ``Markup`` that the templates print as it is. Each
mark carries its field's name, or the key that picks it, as text: nothing depends on seeing colours. Marks may overlap
and lie in each other; the innermost gives the colour.

What it does badly: two marks of one field that overlap look like one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

from mailroom.printing import printable

__all__ = ["Mark", "marked"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A phrase ``[start, end)`` of the source ``where`` that speaks for a value of ``field``.

    ``chosen``: the value is what the register has, or what was read. ``tag`` is the word, or the key, that stands
    before the phrase; "" where the same was said of a phrase before.
    """

    field: str
    where: str
    start: int
    end: int
    tag: str
    chosen: bool = True


def marked(source: str, start: int, end: int, marks: Iterable[Mark]) -> Markup:
    """``source[start:end]`` as HTML, every mark that touches it shown. The text itself is whole and unchanged."""
    spans = sorted((mark for mark in marks if mark.start < end and mark.end > start and mark.start < mark.end), key=lambda m: (m.start, -m.end, m.field))
    cuts = sorted({start, end, *(edge for mark in spans for edge in (mark.start, mark.end) if start < edge < end)})
    pieces: list[Markup] = []
    for left, right in pairwise(cuts):
        text = escape(printable(source[left:right]))
        over = [mark for mark in spans if mark.start <= left and mark.end >= right]
        if not over:
            pieces.append(text)
            continue
        inner = over[-1]
        opened = [mark for mark in over if max(mark.start, start) == left]
        pieces.append(Markup('<mark class="{}{}">{}{}</mark>').format(inner.field, "" if inner.chosen else " other", Markup().join(_tags(opened)), text))
    return Markup().join(pieces)


def _tags(opened: Sequence[Mark]) -> Iterable[Markup]:
    for mark in opened:
        if mark.tag:
            kind = "tag" if mark.chosen else "tag key"
            yield Markup('<span class="{}">{}<span class="hidden">: </span></span>').format(kind, mark.tag)
