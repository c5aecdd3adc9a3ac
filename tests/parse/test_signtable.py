"""The table of signs is read with its mistakes named, and signs are found as it writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailroom.errors import ProgrammeError
from parse.signtable import load_signs, pair_signs, word_lists, word_signs

HEADER = "sign,one,other\n"


def load(folder: Path, text: str) -> dict[str, tuple[float, ...]]:
    (folder / "signs.csv").write_text(text, encoding="utf-8")
    return load_signs(folder / "signs.csv", shown="signs.csv", columns=("one", "other"), cues={"who.we", "how.each"})


def test_rows_are_read_by_the_names_of_their_columns(tmp_path: Path) -> None:
    """Remarks and empty lines are passed over, an empty weight is none, and columns may stand in any order."""
    assert load(tmp_path, "# a remark\nother,sign,one\n\n0.5,we compare,\n-1,how.each & who.we,2\n") == {
        "we compare": (0.0, 0.5),
        "how.each & who.we": (2.0, -1.0),
    }


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("", None, "columns should be sign, one, other"),
        ("sign,one\n", 1, "columns should be"),
        (HEADER + "we,1\n", 2, "2 columns where 3"),
        (HEADER + "we,1,2\nwe,1,2\n", 3, "twice"),
        (HEADER + "# we\nwe,1,much\n", 3, "should be a number"),
        (HEADER + "how.each & who.us,1,2\n", 2, "who.us"),
    ],
)
def test_mistakes_name_file_and_line(tmp_path: Path, text: str, line: int | None, complaint: str) -> None:
    with pytest.raises(ProgrammeError, match=complaint) as error:
        load(tmp_path, text)
    assert (error.value.file, error.value.line) == ("signs.csv", line)


def test_a_missing_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProgrammeError, match="cannot be read"):
        load_signs(tmp_path / "none.csv", shown="none.csv", columns=("one",), cues=())


def test_words_of_a_sentence() -> None:
    """Words, neighbours, words a little apart, and each by its list; numbers alike."""
    lists = word_lists({"verb": ["compare|share", "look at"], "thing": ["share", "logs"]})
    assert list(word_signs(["we", "share", "12", "logs"], lists)) == [
        *((0, "we"), (1, "share"), (2, "0"), (3, "logs")),
        *((0, "we share"), (1, "share 0"), (2, "0 logs")),
        *((0, "we ... 0"), (0, "we ... logs"), (1, "share ... logs")),
        *((0, "we {verb}"), (1, "{verb}")),
        *((0, "we {verb} {number}"), (1, "{verb} {number}"), (2, "{number}")),
        *((1, "{verb} {number} {thing}"), (2, "{number} {thing}"), (3, "{thing}")),
    ]


def test_words_as_they_begin() -> None:
    """A longer word also stands for all that begin as it does, alone and beside others."""
    assert list(word_signs(["we", "compared", "us", "weekly"], {})) == [
        *((0, "we"), (1, "compared"), (2, "us"), (3, "weekly")),
        *((0, "we compared"), (1, "compared us"), (2, "us weekly")),
        *((1, "compa~"), (3, "weekl~")),
        *((0, "we compa~"), (1, "compa~ us"), (2, "us weekl~")),
        *((0, "we ... us"), (0, "we ... weekly"), (0, "we ... weekl~"), (1, "compared ... weekly"), (1, "compa~ ... weekl~")),
    ]


def test_pairs_of_cues() -> None:
    """Each two cues of a sentence, in one order."""
    assert list(pair_signs({"who.we": 1.0, "how.each": 0.3, "a.b": 1.0})) == ["a.b & how.each", "a.b & who.we", "how.each & who.we"]
