"""Marked text: nothing lost, nothing alive, whatever stands in it and however the marks lie."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st
from lxml import html

from desk.evidence import Mark, marked
from mailroom.printing import printable

FIELDS = st.sampled_from(["institution", "authority", "activity", "topic", "session"])


@st.composite
def texts_with_marks(draw: st.DrawFn) -> tuple[str, int, int, list[Mark]]:
    text = draw(st.text(alphabet="aé<>&\"'\n \t\u202e\x00﷽", min_size=1, max_size=40))
    edges = st.integers(0, len(text))
    start, end = sorted((draw(edges), draw(edges)))
    marks = [
        Mark(field=field, where="own", start=min(a, b), end=max(a, b), tag=tag, chosen=chosen)
        for field, a, b, tag, chosen in draw(st.lists(st.tuples(FIELDS, edges, edges, st.sampled_from(["", "School", "3"]), st.booleans()), max_size=6))
    ]
    return text, start, end, marks


@given(texts_with_marks())
@example(("<script>alert(1)</script>", 0, 25, [Mark(field="topic", where="own", start=3, end=10, tag="Topic")]))
def test_the_text_is_whole_and_nothing_in_it_is_mark_up(case: tuple[str, int, int, list[Mark]]) -> None:
    text, start, end, marks = case
    shown = str(marked(text, start, end, marks))
    without_ours = re.sub(r'</?mark(?: class="[a-z]+(?: other)?")?>|<span class="tag(?: key)?">[A-Za-z0-9]+<span class="hidden">: </span></span>', "", shown)
    assert "<" not in without_ours
    read = html.fromstring(f"<div>{without_ours}</div>").text_content() if without_ours else ""
    assert read == printable(text[start:end])


def test_every_phrase_is_marked_with_its_field_and_says_so() -> None:
    text = "I teach at Portobello High in Edinburgh"
    marks = [
        Mark(field="institution", where="own", start=11, end=26, tag="School"),
        Mark(field="authority", where="own", start=30, end=39, tag="2", chosen=False),
    ]
    found = html.fromstring(f"<div>{marked(text, 0, len(text), marks)}</div>").findall("mark")
    assert [(one.get("class"), one.text_content()) for one in found] == [("institution", "School: Portobello High"), ("authority other", "2: Edinburgh")]


def test_a_phrase_within_a_phrase_keeps_both_words() -> None:
    text = "the Wednesday session please"
    marks = [Mark(field="question", where="own", start=0, end=28, tag="Question"), Mark(field="session", where="own", start=4, end=13, tag="Session")]
    found = html.fromstring(f"<div>{marked(text, 0, len(text), marks)}</div>").findall("mark")
    assert [one.get("class") for one in found] == ["question", "session", "question"]
    assert [one.text_content() for one in found] == ["Question: the ", "Session: Wednesday", " session please"]
