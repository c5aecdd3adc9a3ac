"""Councils, their aliases, towns and e-mail domains."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailroom.errors import ProgrammeError
from parse.authorities import Authorities

PROGRAMME = Path(__file__).parents[2] / "programme"
HEADING = "id,aliases,places,support,people,domains\n"


def test_there_are_thirty_two() -> None:
    """The shipped file holds the councils of Scotland."""
    assert len(Authorities.load(PROGRAMME).names) == 32


@pytest.mark.parametrize(
    ("written", "council"),
    [
        ("Edinburgh City Council", "City of Edinburgh"),
        ("Argyll & Bute", "Argyll and Bute"),
        ("Comhairle nan Eilean Siar", "Na h-Eileanan Siar"),
        ("E. Renfrewshire", "East Renfrewshire"),
        ("W Dun", "West Dunbartonshire"),
        ("Clacks", "Clackmannanshire"),
        ("D & G Council", "Dumfries and Galloway"),
        ("Narnia", None),
        ("Oban", None),
    ],
)
def test_named(written: str, council: str | None) -> None:
    """A cell of a list is a council by any of its names; a town is none."""
    assert Authorities.load(PROGRAMME).named(written) == council


def test_domains() -> None:
    """An address below a council's domain is the council's; a stranger's is nobody's."""
    authorities = Authorities.load(PROGRAMME)
    assert authorities.of_domain("fife.gov.uk") == "Fife"
    assert authorities.of_domain("ps.somewhere.fife.gov.uk") == "Fife"
    assert authorities.of_domain("notfife.gov.uk") is None
    assert authorities.of_domain("example.org") is None


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("Fife,Fife Council,,,,\nAngus,Fife Council,,,,\n", r"authorities\.csv, line 3: .*already means Fife"),
        ("Fife,,,,,fife.gov.uk\nAngus,,,,,fife.gov.uk\n", r"authorities\.csv, line 3: .*domain"),
        ("Fife,,,,,\nFife,,,,,\n", r"authorities\.csv, line 3: .*twice"),
        (",x,,,,\n", r"authorities\.csv, line 2: .*empty"),
        ("Fife,a,b,c,d,e,f\n", r"authorities\.csv, line 2: .*cells"),
        ("", r"authorities\.csv, line 1"),
    ],
)
def test_mistakes_name_file_and_line(tmp_path: Path, rows: str, expected: str) -> None:
    """A file that contradicts itself is refused with its line."""
    (tmp_path / "authorities.csv").write_text(HEADING + rows, encoding="utf-8")
    with pytest.raises(ProgrammeError, match=expected):
        Authorities.load(tmp_path)


def test_unknown_council_of_a_town(tmp_path: Path) -> None:
    """A town of a council that is none is refused with its line."""
    (tmp_path / "authorities.csv").write_text(HEADING + "Fife,,,,,\n", encoding="utf-8")
    (tmp_path / "places.csv").write_text("authority,places\nFife,Cupar\nNarnia,Cair Paravel\n", encoding="utf-8")
    with pytest.raises(ProgrammeError, match=r"places\.csv, line 3: .*Narnia"):
        Authorities.load(tmp_path)
