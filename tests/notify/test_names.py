"""First names only where they are sure."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailroom.errors import ProgrammeError
from notify.names import NameRules, first_name, load_names

FILE = Path(__file__).parents[2] / "programme" / "replies" / "salutation.yaml"


@pytest.fixture(scope="module")
def rules() -> NameRules:
    return load_names(FILE)


SURE = [
    ("Catriona Meikle", "Catriona"),
    ("Nora E. Plymouth", "Nora"),
    ("MCCUBBIN, Wilma (Troqueer)", "Wilma"),
    ("McCubbin, Wilma J", "Wilma"),
    ("VAN DER BERG, Anna", "Anna"),
    ("van der Berg, Anna", "Anna"),
    ("WILLIAM GEDDES", "William"),
    ("fiona geddes", "Fiona"),
    ("MARY-JANE SMITH", "Mary-Jane"),
    ("Tracy-Ann Kerr", "Tracy-Ann"),
    ("Seònaid NicAoidh", "Seònaid"),
    ("Harpreet Kaur Sandhu", "Harpreet"),
    ("Concetta Di Rollo", "Concetta"),
    ("Mrs Ailsa Begg", "Ailsa"),
    ("Dr. Ailsa Begg", "Ailsa"),
    ("Ailsa Begg (Perth High)", "Ailsa"),
    ("'Ailsa Begg'", "Ailsa"),
    ("  Ailsa   Begg ", "Ailsa"),
    ("Siân O’Neill", "Siân"),
    ("Seumas Mac a' Ghobhainn", "Seumas"),
    ("Ed Gow", "Ed"),
]

NONE = [
    "",
    "Support",
    "Catriona",  # one word may be a family name or a user name
    "Gus & Trish",
    "Gus and Trish Bell",
    "Office 365",
    "Office 365 Out of Office",
    "Microsoft Outlook",
    "MAILER-DAEMON",
    "The Douglas Ewart Enquiries",
    "ThinkSchool Weekly",
    "Troqueer Primary",
    "Head Teacher",
    "PE Department",
    "Mrs Begg",
    "Miss K Begg",
    "K. Begg",
    "J D Begg",
    "JD Begg",
    "Mac Donald Iain",
    "Ni Bhriain Aoife",
    "van Dijk Anna",
    "Lesley Ann Turnbull",  # Lesley, or Lesley Ann?
    "Turnbull, Lesley Ann",
    "Ailsa Begg, Perth Academy",
    "Ailsa Begg, BEd",
    "Begg, A",
    "Begg, Mrs A",
    "Ailsa Begg via Docs",
    "Ailsa (Ali) Begg",
    "ailsa.begg@school.example",
    "Ailsa Begg - Perth",
    "Ailsa Begg | EIS rep",
    "abegg73",
    "Анна Петрова",
    "Xz Qrt",
    "Ailsa\nBcc: x",
    "one two three four five six",
]


@pytest.mark.parametrize(("display", "expected"), SURE)
def test_a_person_s_display_name_gives_the_first_name(rules: NameRules, display: str, expected: str) -> None:
    assert first_name(display, "someone@school.example", rules) == expected


@pytest.mark.parametrize("display", NONE)
def test_no_name_is_better_than_a_wrong_one(rules: NameRules, display: str) -> None:
    assert first_name(display, "someone@school.example", rules) is None


def test_an_address_in_the_other_order_makes_the_name_unsure(rules: NameRules) -> None:
    assert first_name("Zhang Wei", "wei.zhang@school.example", rules) is None
    assert first_name("Zhang Wei", "zhang.wei@school.example", rules) == "Zhang"


def test_a_mistake_in_the_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "salutation.yaml"
    file.write_text("titles: [mr]\nparticles: [van]\nnot_people: [no]\nsecond_halves: [ann]\n")
    with pytest.raises(ProgrammeError, match=r"salutation\.yaml, line 3: «not_people»: False is no text"):
        load_names(file)
    file.write_text("titles: [mr]\nparticle: [van]\n")
    with pytest.raises(ProgrammeError, match=r"line 2: unknown key «particle»"):
        load_names(file)
    file.write_text("titles: [mr]\n")
    with pytest.raises(ProgrammeError, match="«particles» should be a list"):
        load_names(file)
