"""The whole stage: bytes to a Reading, as every command and the poll use it."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailroom.model import Kind, Outcome
from mailroom.reasons import REASONS
from parse import reader as reader_module
from parse.reader import Reader, check_programme, rules_version
from parse.report import report
from parse.schoolnames import School
from tests.fixtures.letters import letter as mail

PROGRAMME = Path(__file__).parents[2] / "programme"
SCHOOLS = (School(name="Wick High School", authority="Highland", sector="secondary"), School(name="Forres Academy", authority="Moray", sector="secondary"))


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(PROGRAMME, SCHOOLS, own_addresses=["car@union.example"])


COMPLETE = mail(
    "Hi Rob,\n\nFive of us at Wick High School, Highland, have been researching our own marking together since 2020 "
    "and meet every month to compare notes. Please count us in. I'm booked on the 25th.\n\nAnn\n"
)


def test_complete_message_is_registered(reader: Reader) -> None:
    """Every field that is in the words is in the reading."""
    reading = reader.read(COMPLETE)
    found = reading.extraction
    assert reading.decision.outcome is Outcome.REGISTERED
    assert (found.kind, found.institutions, found.authorities) == (Kind.EXPRESSION_OF_INTEREST, ("Wick High School",), ("Highland",))
    assert (found.activities, found.sessions) == (("existing_collaborative",), ("2022-01-25",))


def test_question_goes_to_a_person_with_its_fields(reader: Reader) -> None:
    """A registration that also asks keeps what was read."""
    reading = reader.read(COMPLETE.replace(b"Ann\r\n", b"Is there a fee for the training?\r\n\r\nAnn\r\n"))
    assert (reading.decision.outcome, reading.extraction.kind) == (Outcome.REVIEW, Kind.EXPRESSION_OF_INTEREST)
    assert reading.extraction.institutions == ("Wick High School",)


def test_machine_is_ignored_and_not_searched_for_schools(reader: Reader) -> None:
    """What no person wrote is evidence of nothing."""
    reading = reader.read(mail("I am out of the office. Wick High School, Highland", "Automatic reply: Hello", Auto_Submitted="auto-replied"))
    assert (reading.decision.outcome, reading.decision.template) == (Outcome.IGNORE, None)
    assert reading.extraction.institutions == ()


def test_reading_is_deterministic_and_names_its_rules(reader: Reader) -> None:
    """The same bytes and rules give an equal reading; other rules another version."""
    assert reader.read(COMPLETE) == reader.read(COMPLETE)
    assert reader.rules_version == Reader(PROGRAMME, SCHOOLS).rules_version != Reader(PROGRAMME, SCHOOLS[:1]).rules_version


def test_every_candidate_slices_back_and_every_chosen_value_has_one(reader: Reader) -> None:
    """No value without evidence, no evidence that is not in the source."""
    reading = reader.read(COMPLETE)
    for candidate in reading.extraction.candidates:
        if not candidate.evidence.where.startswith("header:"):
            assert reading.parsed.slice(candidate.evidence) == candidate.evidence.text
    chosen = {candidate.value for candidate in reading.extraction.candidates if candidate.chosen}
    assert {*reading.extraction.institutions, *reading.extraction.activities, *reading.extraction.sessions} <= chosen


def test_every_reason_has_plain_words(reader: Reader) -> None:
    """A code that the coordinator cannot look up is worth nothing."""
    for body in ("Can I join?", "Please delete my personal data.", "I must withdraw from the programme.", "Sign me up.", ""):
        reading = reader.read(mail(body))
        for reason in (*reading.extraction.reasons, *reading.decision.reasons):
            assert reason.code in REASONS


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=2000))
def test_bad_mail_never_raises(reader: Reader, content: bytes) -> None:
    """Any bytes at all give a reading, and nothing but a complete registration is registered."""
    assert reader.read(content).decision.outcome is not Outcome.REGISTERED


def test_arrival_stands_in_for_a_missing_date(reader: Reader) -> None:
    """«Tomorrow» in a message without Date is counted from when it arrived."""
    content = mail("Sign me up. See you at the training tomorrow.").replace(b"Date: Thu, 13 Jan 2022 10:00:00 +0000\r\n", b"")
    assert reader.read(content, received_at=datetime(2022, 1, 18, 9, tzinfo=UTC)).extraction.sessions == ("2022-01-19",)


def test_programme_as_shipped_has_no_mistake() -> None:
    """``check`` has nothing to say on the shipped data."""
    assert check_programme(PROGRAMME, SCHOOLS) == []


def test_mistakes_in_several_files_are_all_listed(tmp_path: Path) -> None:
    """Who mends one mistake should know of the next."""
    folder = tmp_path / "programme"
    shutil.copytree(PROGRAMME, folder)
    (folder / "decision.yaml").write_text("accept: nothing\n", encoding="utf-8")
    (folder / "rules" / "questions.yaml").write_text("asks_at: 1\nquestion_mark: 1\nrules:\n  - id: a\n    says: shouts\n    patterns: [x]\n", encoding="utf-8")
    assert sorted(error.file for error in check_programme(folder, SCHOOLS)) == ["decision.yaml", "rules/questions.yaml"]


CORPUS = Path(__file__).parents[1] / "corpus"
KINDS = [json.loads(line) for name in ("kinds.jsonl", "kinds_aside.jsonl") for line in (CORPUS / name).read_text(encoding="utf-8").splitlines()]


def test_there_are_kinds_of_every_sort() -> None:
    """The table below covers each kind several times."""
    assert {kind.value for kind in Kind} == {case["kind"] for case in KINDS}
    assert len(KINDS) >= 120


@pytest.mark.parametrize("case", KINDS, ids=lambda case: case["id"])
def test_kind_and_who_is_answered(reader: Reader, case: dict[str, str]) -> None:
    """Machines are never answered and persons never ignored."""
    headers = {"From": case["from"], **case["headers"]}  # type: ignore[dict-item]
    reading = reader.read(mail(case["body"], case["subject"], **headers))
    assert reading.extraction.kind.value == case["kind"]
    wanted = {"person": {"registered", "ask_member"}}.get(case["outcome"], {case["outcome"]})
    assert reading.decision.outcome.value in wanted


def test_report_has_the_keys_of_extract(reader: Reader) -> None:
    """The JSON line's form is a promise to machines."""
    line = report("one", reader.read(COMPLETE), zones=True)
    assert list(line) == [
        *("id", "kind", "outcome", "institutions", "authorities", "activities", "topics", "sessions", "missing", "evidence", "reasons", "zones")
    ]
    assert all({"field", "value", "where", "start", "end", "text", "rule", "strength"} <= item.keys() for item in line["evidence"])
    assert json.loads(json.dumps(line)) == line
    assert {zone["kind"] for zone in line["zones"]} >= {"own"}
    assert "zones" not in report("one", reader.read(COMPLETE))


def test_report_puts_chosen_evidence_first(reader: Reader) -> None:
    """Whoever reads only the first lines reads what counted."""
    flags = [item.get("chosen", True) for item in report("one", reader.read(COMPLETE))["evidence"]]
    assert flags == sorted(flags, reverse=True)
    assert flags[0]


def test_version_depends_on_the_code_of_every_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of the parts that are folders of their own."""
    code = tmp_path / "parse"
    shutil.copytree(Path(reader_module.__file__).parent, code)
    monkeypatch.setattr(reader_module, "__file__", str(code / "reader.py"))
    before = rules_version(PROGRAMME)
    with (code / "zones" / "lines.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert rules_version(PROGRAMME) != before
