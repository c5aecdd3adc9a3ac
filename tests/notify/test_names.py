"""First names only where they are sure."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.errors import ProgrammeError
from notify.names import NameRules, first_name, load_names

FILE = Path(__file__).parents[2] / "programme" / "replies" / "salutation.yaml"


RULES = load_names(FILE)


@pytest.fixture(scope="module")
def rules() -> NameRules:
    return RULES


# From an address that says nothing of the order.
SURE = [
    ("Catriona Meikle", "Catriona"),
    ("Nora E. Plymouth", "Nora"),
    ("MCCUBBIN, Wilma (Troqueer)", "Wilma"),
    ("McCubbin, Wilma J", "Wilma"),
    ("VAN DER BERG, Anna", "Anna"),
    ("van der Berg, Anna", "Anna"),
    ("SMITH, Jane", "Jane"),
    ("Smith, Jane (Mrs)", "Jane"),
    ("NicDhòmhnaill, Mòrag", "Mòrag"),
    ("Mac a' Ghobhainn, Seumas", "Seumas"),
    ("WILLIAM GEDDES", "William"),
    ("fiona geddes", "Fiona"),
    ("MARY-JANE SMITH", "Mary-Jane"),
    ("Tracy-Ann Kerr", "Tracy-Ann"),
    ("Kelly-Marie Stott", "Kelly-Marie"),
    ("Seònaid NicAoidh", "Seònaid"),
    ("Mòrag Nic a' Phearsain", "Mòrag"),
    ("Seòras MacIlleathain", "Seòras"),
    ("Iain Mac an t-Saoir", "Iain"),
    ("Màiri-Anna NicDhòmhnaill", "Màiri-Anna"),
    ("Ruaraidh Ó Briain", "Ruaraidh"),
    ("Harpreet Kaur Sandhu", "Harpreet"),
    ("Concetta Di Rollo", "Concetta"),
    ("Łukasz Nowak", "Łukasz"),
    ("Zoë Müller", "Zoë"),
    ("Mrs Ailsa Begg", "Ailsa"),
    ("Dr. Ailsa Begg", "Ailsa"),
    ("Prof. Dr. Ailsa Begg", "Ailsa"),
    ("Ailsa Begg (Perth High)", "Ailsa"),
    ("Ailsa Begg [Teacher]", "Ailsa"),
    ("Ailsa Begg (she/her)", "Ailsa"),
    ("Ailsa Begg FEIS", "Ailsa"),
    ("'Ailsa Begg'", "Ailsa"),
    ("  Ailsa   Begg ", "Ailsa"),
    ("Ailsa B.", "Ailsa"),
    ("Ailsa BEGG", "Ailsa"),
    ("Ailsa McDONALD", "Ailsa"),
    ("Siân O’Neill", "Siân"),
    ("Seumas Mac a' Ghobhainn", "Seumas"),
]

# Of one person or the other, or of no list: the address has to say it.
BY_ADDRESS = [
    ("Ed Gow", "ed.gow@school.example", "Ed"),
    ("Gordon Ross", "gordon.ross@school.example", "Gordon"),
    ("Gordon Ross", "gross@school.example", "Gordon"),
    ("Gordon Ross", "g.ross2@school.example", "Gordon"),
    ("Gordon Ross", "gordonross73@mail.example", "Gordon"),
    ("Gordon Ross", "rgordon@school.example", None),
    ("Gordon Ross", "ross.gordon@school.example", None),
    ("Gordon Ross", "gordon@school.example", None),  # as well «Ross, Gordon» as a family's own domain
    ("Gordon Ross", "gw12rossgordon@glow.example", None),
    ("Gordon Ross", "office@school.example", None),
    ("Smith Jane", "jane.smith@school.example", None),
    ("Smith Jane", "jsmith@school.example", None),
    ("Smith Jane", "smithj@school.example", None),
    ("Smith Jane", "someone@school.example", None),
    ("SMITH JANE", "someone@school.example", None),
    ("Jane Smith", "smith.jane@school.example", None),  # one of the two is the other way round
    ("Jane Smith", "smithj@school.example", "Jane"),
    ("Zhang Wei", "wei.zhang@school.example", None),
    ("Zhang Wei", "someone@school.example", None),
    ("Zhang Wei", "zhang.wei@school.example", "Zhang"),
    ("Nkechi Adeyemi", "nkechi.adeyemi@school.example", "Nkechi"),
    ("Anneke van der Berg", "anneke.vanderberg@school.example", "Anneke"),
    ("Sorcha Ó Briain", "sorcha.obriain@school.example", "Sorcha"),
    ("Denny O'Hare", "denny.ohare@school.example", "Denny"),
    ("Blaithin-Rua Kerr", "blaithin-rua.kerr@school.example", "Blaithin-Rua"),
    ("Thomas James", "someone@school.example", None),
    ("James Thomas", "someone@school.example", None),
    ("James Thomas", "james.thomas@school.example", "James"),
    ("Modern Languages", "modern.languages@school.example", None),
    ("Book Club", "book.club@school.example", None),
    ("Holy Rood", "holy.rood@school.example", None),
    ("Home Economics", "homeeconomics@school.example", None),
    ("North Lanarkshire", "north.lanarkshire@council.example", None),
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
    "Castle Conferences",
    "curriculum-forum owner",
    "Edinburgh Napier",
    "George Heriot's",
    "St Mary's",
    "Sgoil Ghàidhlig Ghlaschu",
    "Bun-sgoil Shlèite",
    "Gordon Schools",
    "Wallace High",
    "Kelso",
    "Art and Design",
    "Support for Learning",
    "Guidance Team",
    "EIS Fife",
    "Robert Owen Centre",
    "Parent Council",
    "Zoom Meetings",
    "Test Test",
    "First Last",
    "Jane's iPhone",
    "Jane & John Smith",
    "Jane and John Smith",
    "Jane/John Smith",
    "Mr & Mrs Smith",
    "Mrs J Smith",
    "Mr J. Smith",
    "SMITH, J",
    "SMITH Jane",
    "McDONALD Jane",
    "O'Hara Jane",
    "Sister Mary Clare",
    "Lord Smith",
    "Cllr Jane Smith",
    "Nguyen Van Anh",
    "Màiri Anna NicDhòmhnaill",
    "John Paul Jones",
    'Jane "JJ" Smith',
    "Jane Smith 😀",
    "Jane Smith 2",
    "jane SMITH",
    "Ailsa\nBcc: x",
    "one two three four five six",
]


@pytest.mark.parametrize(("display", "expected"), SURE)
def test_a_person_s_display_name_gives_the_first_name(rules: NameRules, display: str, expected: str) -> None:
    assert first_name(display, "someone@school.example", rules) == expected


@pytest.mark.parametrize("display", NONE)
def test_no_name_is_better_than_a_wrong_one(rules: NameRules, display: str) -> None:
    assert first_name(display, "someone@school.example", rules) is None


@pytest.mark.parametrize(("display", "address", "expected"), BY_ADDRESS)
def test_the_address_says_which_is_the_first(rules: NameRules, display: str, address: str, expected: str | None) -> None:
    assert first_name(display, address, rules) == expected


@given(display=st.text(max_size=60), address=st.text(max_size=60))
def test_any_display_name_gives_a_word_of_its_own_or_none(display: str, address: str) -> None:
    name = first_name(display, address, RULES)
    assert name is None or (name.casefold() in unicodedata.normalize("NFC", display).casefold() and " " not in name)


def test_a_mistake_in_the_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "salutation.yaml"
    file.write_text("given_names: [[anna], [bea]]\ntitles: [mr]\nparticles: [van]\nnot_people: [no]\nsecond_halves: [ann]\n")
    with pytest.raises(ProgrammeError, match=r"salutation\.yaml, line 4: «not_people»: False is no text"):
        load_names(file)
    file.write_text("given_names: [anna]\ntitles: [mr]\nparticle: [van]\n")
    with pytest.raises(ProgrammeError, match=r"line 3: unknown key «particle»"):
        load_names(file)
    file.write_text("given_names: [anna]\ntitles: [mr]\n")
    with pytest.raises(ProgrammeError, match="«particles» should be a list"):
        load_names(file)
