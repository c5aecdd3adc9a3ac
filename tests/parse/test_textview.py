"""TextView: what rules see, and the way back to what the member wrote."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parse.textview import TextView

WRAPPED = "This is a paragraph that some mail program has wrapped at seventy\ncharacters or so, and it goes on."


@pytest.mark.parametrize(
    ("source", "folded"),
    [
        ("St Joseph\u2019s \u201cP6\u201d", 'St Joseph\'s "P6"'),
        ("a\u00a0b\t c  d", "a b c d"),
        ("P6\u2013P7 \u2014 both", "P6-P7 - both"),
        ("zero\u200bwidth and soft\u00adhyphen", "zerowidth and softhyphen"),
        ("one \n\n  two", "one\ntwo"),
        (WRAPPED, WRAPPED.replace("\n", " ")),
        ("short\nlines", "short\nlines"),
        ("A line that is long enough to have been wrapped by some mail program\n- but a list begins", None),
        ("A line that is long enough to have been wrapped by some mail program\nTopic: spelling", None),
        ("A line that is long enough to have been wrapped\tby some mail program or\nother", None),
        ("word " * 30 + "and no program wraps as wide as that\ndown for Tuesday", None),
        (
            "\u2022\tTraining: one of us on the Wednesday, though the other had wanted the\nsecond day",
            "\u2022 Training: one of us on the Wednesday, though the other had wanted the second day",
        ),
        ("", ""),
    ],
)
def test_folding(source: str, folded: str | None) -> None:
    """None: every line end stays one."""
    view = TextView(source, where="own")
    if folded is None:
        assert view.folded.count("\n") == source.count("\n")
    else:
        assert view.folded == folded


def test_a_stretch_of_the_source() -> None:
    view = TextView("before  the\u00a0 words  after", where="own", start=8, end=18)
    assert view.folded == "the words"
    start = view.folded.index("words")
    assert view.source[slice(*view.to_source(start, start + 5))] == "words"


def test_sentences_end_at_stops_and_lines() -> None:
    view = TextView("One here. Two there!\nThree\n\n- four", where="own")
    assert [sentence.text.strip() for sentence in view.sentences] == ["One here.", "Two there!", "Three", "- four"]


TEXT = st.text(alphabet=st.sampled_from("abcé.,-> \n\t\u00a0\u200b\u00ad\u2019\u201c\u2013e\u0301A:1)"), max_size=200)


@given(TEXT)
def test_every_folded_stretch_leads_back(source: str) -> None:
    """What a folded stretch points to folds to that stretch again."""
    view = TextView(source, where="own")
    assert len(view.offsets) == len(view.folded) + 1
    assert view.offsets == sorted(view.offsets)
    for position, character in enumerate(view.folded):
        start, end = view.to_source(position, position + 1)
        written = source[start:end]
        assert len(written) == 1
        assert (character in " \n") == (written in " \n\t\u00a0")
    if view.folded:
        start, end = view.to_source(0, len(view.folded))
        words = "".join(TextView(source[start:end], where="own").folded.split())
        assert words == "".join(view.folded.split())


@pytest.mark.parametrize(
    "source", ["a" * 200_000, "(" * 50_000, "\n" * 200_000, "word " * 40_000, "a\n" * 100_000, "\u200b" * 200_000, " \u200b" * 100_000, WRAPPED * 2_000]
)
def test_folding_is_linear(source: str) -> None:
    started = time.process_time()
    view = TextView(source, where="own")
    assert len(view.folded) <= len(source) * 1.01
    assert len(view.doc) <= len(source) * 1.01
    assert time.process_time() - started < 2


def test_narrow_wrap_is_known_by_its_whole_paragraph() -> None:
    """A phone's fifty columns are joined; a block of short lines is not."""
    lines = (
        "We have been meeting to talk about how pupils",
        "read in class and to keep a diary of what they",
        "say to each other when nobody else listens,",
        "and it works.",
    )
    wrapped = "\n".join(lines)
    assert "\n" not in TextView(wrapped, where="own").folded
    block = "Kenneth Boyd\nPrincipal Teacher of Mathematics and Numeracy\nStrathallan Bridge High School\nPerth"
    assert TextView(block, where="own").folded == block


def test_long_word_is_split_for_the_tokeniser_and_maps_back() -> None:
    source = "x" * 450 + " end"
    view = TextView(source, where="own")
    assert view.folded == " ".join(("x" * 200, "x" * 200, "x" * 50, "end"))
    assert [view.to_source(i, i + 1) for i in (0, 199, 201, 401, 402, 452)] == [(0, 1), (199, 200), (200, 201), (399, 400), (400, 401), (450, 451)]


TWICE = """We are four teachers in the early years who have looked at sleep, each
in
our own room, and who would be glad to show what we found out about the
Monday
naps. Nobody else is with us yet. Do say if that is enough for you, and
I
will send the rest."""


def test_wrapped_twice() -> None:
    """A comb of long and short lines, wrapped by two programs, is one paragraph."""
    assert "\n" not in TextView(TWICE, where="own").folded


def test_lines_below_a_wrapped_one_stay_lines() -> None:
    """The last line of a paragraph ends it, where nothing says that the sentence goes on."""
    text = "We have been meeting once a month since last January to talk about maths\nand spelling\nUna Weir\nKyle Primary"
    assert TextView(text, where="own").folded.split("\n")[1:] == ["Una Weir", "Kyle Primary"]
