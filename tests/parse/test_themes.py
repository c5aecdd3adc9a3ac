"""Themes: what groups topics, and how mistakes in the file are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailroom.errors import ProgrammeError
from parse.themes import Themes, word_key

PROGRAMME = Path(__file__).parents[2] / "programme"


@pytest.mark.parametrize(
    ("topic", "theme"),
    [
        ("paired reading", "reading"),
        ("word problems in P5", "numeracy"),
        ("Retrieval-practice starters", "memory"),
        ("boys' writing", "writing"),
        ("stories", "reading"),
    ],
)
def test_a_topic_belongs_to_its_theme(topic: str, theme: str) -> None:
    """Plurals, hyphens and capitals make no difference."""
    assert theme in Themes(PROGRAMME / "themes.yaml").of([topic])


def test_a_topic_of_no_theme_has_none() -> None:
    assert Themes(PROGRAMME / "themes.yaml").of(["zebra crossings"]) == ()


def test_a_star_stands_for_any_ending(tmp_path: Path) -> None:
    """Only the last word may be open, and only to the right."""
    path = tmp_path / "themes.yaml"
    path.write_text("themes:\n  - {id: a, label: A, phrases: [outdoor learn*]}\n", encoding="utf-8")
    themes = Themes(path)
    assert themes.of(["outdoor learners"]) == ("a",)
    assert themes.of(["outdoor play"]) == ()


def test_the_key_of_a_plural_is_that_of_its_singular() -> None:
    assert [word_key(word) for word in ("stories", "books", "class", "bus")] == ["story", "book", "cla", "bus"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("themes: []\n", "no themes"),
        ("themes:\n  - {id: a, phrases: [b]}\n", "line 2: each theme needs an id and a label"),
        ("themes:\n  - {id: a, label: A}\n", "needs a list of phrases"),
        ("themes:\n  - {id: a, label: A, phrases: [b], colour: red}\n", "unknown key «colour»"),
        ("themes:\n  - {id: a, label: A, phrases: [b]}\n  - {id: a, label: A, phrases: [c]}\n", "used twice"),
        ("themes:\n  - {id: a, label: A, phrases: [b], words: [on]}\n", "list of words"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "themes.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProgrammeError, match=message):
        Themes(path)
