"""Taking names of schools apart."""

from __future__ import annotations

import pytest

from parse.schoolnames import Forms, fold, take_apart, words

FORMS = Forms(
    words={
        "primary": ("primary",),
        "high": ("high",),
        "academy": ("academy",),
        "school": ("school",),
        "community": ("community",),
        "rc": ("rc",),
        "secondary": ("secondary",),
        "ps": ("primary", "school"),
    },
    levels={"primary": "primary", "high": "secondary", "academy": "secondary", "secondary": "secondary"},
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("St. Mary's", "saint marys"),
        ("R.C. Primary", "Roman Catholic primary"),
        ("R C Primary", "RC Primary"),
        ("Ghàidhlig", "ghaidhlig"),
        ("St James's", "St James'"),
        ("Argyll & Bute", "Argyll and Bute"),
        ("Na h-Eileanan", "na h eileanan"),
    ],
)
def test_spellings_fold_alike(one: str, other: str) -> None:
    """Two spellings of a name give the same words."""
    assert [word.norm for word in words(one)] == [word.norm for word in words(other)]


def test_words_keep_offsets() -> None:
    """A word's offsets slice back to it, also for a form of two words."""
    text = "At St. Mary's  Roman Catholic Primary"
    assert [text[word.start : word.end] for word in words(text)] == ["At", "St", "Mary's", "Roman Catholic", "Primary"]


def test_fold_keeps_no_sign() -> None:
    """Apostrophes, dots and accents are gone."""
    assert fold("P.S.") == "ps"
    assert fold("Mòr") == "mor"


@pytest.mark.parametrize(
    ("name", "core", "qualifier"),
    [
        ("St Mary's Primary School - Largs", ("st", "marys"), ("largs",)),
        ("St Mary's Primary School (Bathgate)", ("st", "marys"), ("bathgate",)),
        ("St Mary's Primary School, Hamilton", ("st", "marys"), ("hamilton",)),
        ("St Monica's (Milton) Primary School", ("st", "monicas"), ("milton",)),
        ("Sandwick High School - Secondary", ("sandwick",), ()),
        ("Community School of Auchterarder (Primary)", ("auchterarder",), ()),
        ("The Mary Russell School", ("mary", "russell"), ()),
        ("St Bride's RC Primary School", ("st", "brides"), ()),
    ],
)
def test_take_apart(name: str, core: tuple[str, ...], qualifier: tuple[str, ...]) -> None:
    """Core and qualifier of the usual ways to write an official name."""
    found = take_apart(name, FORMS)
    assert (found.core, found.qualifier) == (core, qualifier)


def test_level_in_brackets_is_a_form() -> None:
    """«(Primary)» behind an academy's name says which department it is."""
    assert "primary" in take_apart("Breadalbane Academy (Primary)", FORMS).forms
