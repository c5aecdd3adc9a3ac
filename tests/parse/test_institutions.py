"""The reader of institutions and councils, on messages written for it."""

from __future__ import annotations

import csv
import io
import time
from functools import cache
from pathlib import Path

import pytest
import yaml

from mailroom.errors import ProgrammeError
from mailroom.model import Address, Attachment, ParsedMessage, Slot, Zone, ZoneKind
from mailroom.reasons import REASONS
from parse.authorities import Authorities
from parse.institutions import InstitutionFinder, Institutions
from parse.schoolnames import School
from parse.textview import TextView
from parse.views import views

PROGRAMME = Path(__file__).parents[2] / "programme"
DATA = yaml.safe_load((Path(__file__).parent / "institution_cases.yaml").read_text(encoding="utf-8"))
ZONES = (("own", ZoneKind.OWN), ("signature", ZoneKind.SIGNATURE), ("quote", ZoneKind.QUOTE), ("asked", ZoneKind.OWN_QUOTE), ("forwarded", ZoneKind.FORWARDED))


@cache
def listed() -> tuple[School, ...]:
    authorities = Authorities.load(PROGRAMME)
    return tuple(
        School(
            name=row["name"],
            authority=authorities.named(row["authority"]) or "",
            sector=row["sector"].lower(),
            postcode=row["postcode"],
            aliases=tuple(filter(None, row["aliases"].split("|"))),
        )
        for row in csv.DictReader(io.StringIO(DATA["schools"]))
    )


@cache
def finder(with_list: bool) -> InstitutionFinder:
    return InstitutionFinder(PROGRAMME, listed() if with_list else ())


def message(case: dict[str, str]) -> ParsedMessage:
    body, zones = "", []
    for key, kind in ZONES:
        if text := case.get(key):
            zones.append(Zone(kind=kind, start=len(body), end=len(body) + len(text)))
            body += text + "\n\n"
    address = case.get("sender", "kim.bell@example.org")
    sender = Address(name=case.get("sender_name", "Kim Bell"), address=address)
    attachments = (Attachment(filename="form.txt", content_type="text/plain", size=1, text=case["attachment"]),) if "attachment" in case else ()
    return ParsedMessage(
        message_ids=(),
        in_reply_to=(),
        references=(),
        sender=sender,
        from_addresses=(sender,),
        reply_to=(),
        recipients=(),
        subject=case.get("subject", ""),
        sent_at=None,
        return_path=None,
        headers=(("From", f"{sender.name} <{address}>"),),
        body=body,
        zones=tuple(zones),
        attachments=attachments,
        content_types=(),
        report=None,
        calendar_method=None,
        defects=(),
    )


def read(case: dict[str, str], *, with_list: bool = True) -> Institutions:
    parsed = message(case)
    return finder(with_list).find(parsed, views(parsed))


@pytest.mark.parametrize("case", DATA["cases"], ids=lambda case: case["id"])
def test_case(case: dict[str, object]) -> None:
    """Each message gives exactly the institutions, councils and options that its case names."""
    result = read(case, with_list=case.get("list", True))  # type: ignore[arg-type]
    assert list(result.institutions) == case["institutions"]
    assert list(result.authorities) == case["authorities"]
    if "authority_options" in case:
        assert set(result.authority_options) == set(case["authority_options"])  # type: ignore[call-overload]
    if "institution_options" in case:
        assert set(result.institution_options) == set(case["institution_options"])  # type: ignore[call-overload]
    codes = {reason.code for reason in result.reasons}
    assert set(case.get("reasons", ())) <= codes  # type: ignore[call-overload]
    assert not set(case.get("reasons_not", ())) & codes  # type: ignore[call-overload]
    assert codes <= REASONS.keys()


@pytest.mark.parametrize("template", DATA["own_contexts"])
@pytest.mark.parametrize(("school", "council"), [("Hythehill Primary School", "Moray"), ("Auchenharvie Academy", "North Ayrshire")])
def test_own_school(template: str, school: str, council: str) -> None:
    """However the member says it, the school is read as the member's own, with its council."""
    result = read({"own": template.replace("{A}", school).replace("{a}", council)})
    assert (result.institutions, result.authorities) == ((school,), (council,))


@pytest.mark.parametrize("template", DATA["other_contexts"])
def test_other_school(template: str) -> None:
    """A second school, whatever it is there for, is not the member's."""
    result = read({"own": template.replace("{A}", "Hythehill Primary School").replace("{B}", "Auchenharvie Academy")})
    assert (result.institutions, result.authorities) == (("Hythehill Primary School",), ("Moray",))


@pytest.mark.parametrize("case", DATA["cases"], ids=lambda case: case["id"])
def test_evidence(case: dict[str, object]) -> None:
    """Every candidate's evidence slices back to its text, and every chosen value has a chosen candidate."""
    parsed = message(case)  # type: ignore[arg-type]
    result = finder(bool(case.get("list", True))).find(parsed, views(parsed))
    for candidate in result.candidates:
        assert parsed.slice(candidate.evidence) == candidate.evidence.text
        assert candidate.evidence.text
    chosen = {(candidate.slot, candidate.value) for candidate in result.candidates if candidate.chosen}
    assert {(Slot.INSTITUTION, value) for value in result.institutions} | {(Slot.AUTHORITY, value) for value in result.authorities} <= chosen


def test_options_and_choice_exclude_each_other() -> None:
    """A council that is chosen is no longer offered."""
    for case in DATA["cases"]:
        result = read(case, with_list=case.get("list", True))
        assert not set(result.authorities) & set(result.authority_options)


def test_losing_candidates_are_kept() -> None:
    """A former school stays as a candidate that was not chosen, with a note that says why."""
    result = read({"own": "I was at Harris Academy until October and am now at Grove Academy."})
    lost = [candidate for candidate in result.candidates if candidate.value == "Harris Academy"]
    assert [candidate.chosen for candidate in lost] == [False]
    assert lost[0].note == "mentioned_former"


def test_cues_match_their_examples() -> None:
    """Every cue rule matches its examples and none of its counter-examples."""
    reader = finder(False)
    for rule in reader.rules.rules:
        matcher = reader.cues[str(rule.extra["side"])]

        def hits(text: str, matcher: object = matcher, wanted: str = rule.phrase.id) -> bool:
            return any(hit.phrase.id.partition("#")[0] == wanted for hit in matcher.find(TextView(text, where="own")))  # type: ignore[attr-defined]

        assert rule.match, rule.phrase.id
        assert rule.not_match, rule.phrase.id
        for text in rule.match:
            assert hits(text), f"{rule.phrase.id} should match «{text}»"
        for text in rule.not_match:
            assert not hits(text), f"{rule.phrase.id} should not match «{text}»"


def test_hostile_text_stays_bounded() -> None:
    """A hundred thousand candidate names cost no more than the limits say, and end in an answer."""
    text = "I teach at Portobello High School. " + "Glenmarnoch Primary School, Fife and " * 20_000
    result = read({"own": text})
    limits = finder(True).limits
    assert len([candidate for candidate in result.candidates if candidate.slot is Slot.INSTITUTION]) <= limits["mentions"]
    assert len(result.candidates) <= limits["candidates"]


@pytest.mark.parametrize("row", ["1" * 60, "\t" * 60, "1 " * 30, "-" * 60, "\t1" * 30])
def test_a_row_of_figures_behind_a_name_is_read_at_once(row: str) -> None:
    """Marks in a table («Portobello High School  0  out») are looked for without trying each way to divide what stands before them."""
    start = time.process_time()
    result = read({"own": f"I teach at Portobello High School {row}x"})
    assert result.institutions == ("Portobello High School",)
    assert time.process_time() - start < 10


def test_mistake_in_settings_names_file_and_key(tmp_path: Path) -> None:
    """A threshold that is no number is a ProgrammeError that says where."""
    for file in PROGRAMME.glob("*.csv"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    text = (PROGRAMME / "institutions.yaml").read_text(encoding="utf-8").replace("  accept: 0.6", "  accept: high", 1)
    (tmp_path / "institutions.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ProgrammeError, match=r"institutions\.yaml.*accept"):
        InstitutionFinder(tmp_path)


def test_mistake_in_a_cue_names_its_line(tmp_path: Path) -> None:
    """A rule without a side is a ProgrammeError with file and line."""
    for file in PROGRAMME.glob("*.csv"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    text = (PROGRAMME / "institutions.yaml").read_text(encoding="utf-8").replace("    side: before\n", "    side: beside\n", 1)
    (tmp_path / "institutions.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ProgrammeError, match=r"institutions\.yaml, line \d+: .*side"):
        InstitutionFinder(tmp_path)
