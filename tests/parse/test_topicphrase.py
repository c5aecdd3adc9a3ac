"""Cutting a topic's phrase: where it begins, where it ends, what is no topic."""

from __future__ import annotations

from pathlib import Path

import pytest

from parse.textview import TextView
from parse.topicphrase import PhraseCutter, TopicText
from parse.topics import TopicFinder

FINDER = TopicFinder(Path(__file__).parents[2] / "programme")
CUTTER: PhraseCutter = FINDER.cutter


def cut(text: str) -> str | None:
    """The phrase that the text begins with."""
    read = TopicText(TextView(text, where="own"), FINDER.themes, short=True)
    phrase = CUTTER.phrase(read, 0, len(read.low))
    return None if phrase is None else read.doc[slice(*phrase)].text


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("the use of puppets in P3", "use of puppets"),
        ("something to do with handwriting, because it worries us", "handwriting"),
        ("paired reading with my S1s since August", "paired reading"),
        ("estimation and we have begun", "estimation"),
        ("whether background music helps", "background music"),
        ("whether children use a dictionary", "whether children use a dictionary"),
        ("how joiners (the younger ones) estimate", "how joiners (the younger ones) estimate"),
        ("learners who leave early", "learners who leave early"),
        ('"Room to talk", which we like', "Room to talk"),
        ('"Belonging: pupils who arrive late"', "pupils who arrive late"),
        ("singing as a way into speaking", "singing as a way into speaking"),
        ("homework - a sore point", "homework"),
    ],
)
def test_a_phrase_is_cut(text: str, phrase: str) -> None:
    assert cut(text) == phrase


@pytest.mark.parametrize("text", ["", "the", "Wednesday 19 January", "last term", "is late", "the chess club", "our own project", "P4 and P5"])
def test_what_is_no_topic_gives_none(text: str) -> None:
    """Dates, posts, classes and words without meaning."""
    assert cut(text) is None


def test_a_phrase_can_be_read_backwards_from_a_cue() -> None:
    """«..., so phone calls | are our theme»: from the last word that ends phrases."""
    read = TopicText(TextView("We all fear them, so phone calls home are our theme", where="own"), FINDER.themes, short=True)
    phrase = CUTTER.before(read, 0, read.low.index("are"))
    assert phrase is not None
    assert read.doc[slice(*phrase)].text == "phone calls home"


def test_a_theme_inside_a_post_is_no_topic() -> None:
    """«Lead for outdoor learning», «numeracy lead»: a member's post, not the research."""
    read = TopicText(TextView("I am the outdoor learning lead", where="own"), FINDER.themes, short=True)
    hit = next(hit for hit in read.themes if hit.specific)
    assert CUTTER.around(read, hit, 0, len(read.low)) is None


def test_no_phrase_is_longer_than_the_settings_say() -> None:
    longest = cut("number " * 100)
    assert longest is not None
    assert len(longest.split()) <= CUTTER.longest_phrase + 1
