"""The decision table: every row with something that would also hold below it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mailroom.errors import ProgrammeError
from mailroom.model import Candidate, Evidence, Extraction, Kind, Outcome, Reason, RuleHit, Slot
from mailroom.reasons import REASONS
from parse.decide import TABLE, Policy, decide, load_policy

PROGRAMME = Path(__file__).parents[2] / "programme"
POLICY = Policy(
    accept={"institution": 0.5, "authority": 0.5, "activity": 0.5}, review=frozenset({"authority_conflict"}), ask={"institution": ("institution_shared",)}
)


def candidate(slot: Slot, value: str, strength: float = 0.9, *, chosen: bool = True) -> Candidate:
    evidence = Evidence(where="own", start=0, end=1, text="x", rule="test")
    return Candidate(slot=slot, value=value, strength=strength, evidence=evidence, chosen=chosen)


SCHOOL = (
    candidate(Slot.INSTITUTION, "Wick High School"),
    candidate(Slot.AUTHORITY, "Highland"),
    candidate(Slot.ACTIVITY, "existing_individual"),
)
COMPLETE = Extraction(
    kind=Kind.EXPRESSION_OF_INTEREST,
    institutions=("Wick High School",),
    institution_type="school",
    authorities=("Highland",),
    activities=("existing_individual",),
    candidates=SCHOOL,
)


def test_complete_registration_is_registered() -> None:
    """Institution, authority and activity, each surely known."""
    decision = decide(COMPLETE, POLICY)
    assert (decision.outcome, decision.missing, decision.template) == (Outcome.REGISTERED, (), "registered")


def test_words_of_letters_that_needed_a_person_hold_back_what_is_complete_and_nothing_else() -> None:
    """Whoever lacks something is asked: that keeps nobody waiting."""
    unlike = (Reason(code="reads_like_review", detail="0.60: «behalf»"),)
    assert decide(replace(COMPLETE, reasons=unlike), POLICY).outcome is Outcome.REVIEW
    assert decide(replace(COMPLETE, activities=(), reasons=unlike), POLICY).outcome is Outcome.ASK_MEMBER


@pytest.mark.parametrize("kind", [Kind.BOUNCE, Kind.AUTO_REPLY])
def test_machine_is_ignored_whatever_it_quotes(kind: Kind) -> None:
    """A machine that repeats a complete registration still gets no answer."""
    decision = decide(replace(COMPLETE, kind=kind), POLICY)
    assert (decision.outcome, decision.template) == (Outcome.IGNORE, None)


@pytest.mark.parametrize("code", ["bulk_mail", "spam"])
def test_bulk_mail_is_ignored_before_it_counts_as_unrelated(code: str) -> None:
    """Both rows hold; the upper one decides."""
    assert decide(Extraction(kind=Kind.UNRELATED, reasons=(Reason(code=code),)), POLICY).outcome is Outcome.IGNORE
    assert decide(Extraction(kind=Kind.UNRELATED), POLICY).outcome is Outcome.REVIEW


@pytest.mark.parametrize("kind", [Kind.ENQUIRY, Kind.WITHDRAWAL, Kind.UNRELATED])
def test_what_is_no_registration_goes_to_a_person(kind: Kind) -> None:
    """Complete fields do not register who does not want to be."""
    assert decide(replace(COMPLETE, kind=kind), POLICY).outcome is Outcome.REVIEW


@pytest.mark.parametrize("code", ["on_behalf", "forwarded", "complaint", "safeguarding", "data_request", "perhaps_automatic", "authority_conflict"])
def test_reason_sends_a_complete_registration_to_a_person(code: str) -> None:
    """Each of these outweighs that everything is known."""
    decision = decide(replace(COMPLETE, reasons=(Reason(code=code),)), POLICY)
    assert (decision.outcome, decision.template) == (Outcome.REVIEW, "review")


def test_question_beats_missing_fields() -> None:
    """Who asks is answered by a person, who can ask back."""
    assert decide(Extraction(kind=Kind.EXPRESSION_OF_INTEREST, asks_question=True), POLICY).outcome is Outcome.REVIEW


def test_missing_fields_are_asked_for_and_no_others() -> None:
    """What is missing is named in a fixed order, with its reason."""
    decision = decide(replace(COMPLETE, authorities=(), activities=()), POLICY)
    assert (decision.outcome, decision.missing) == (Outcome.ASK_MEMBER, ("authority", "activity"))
    assert [reason.code for reason in decision.reasons] == ["decided_something_missing", "missing_authority", "missing_activity"]


def test_college_needs_no_authority() -> None:
    """Colleges carry no council."""
    college = replace(
        COMPLETE,
        institutions=("Borders College",),
        institution_type="college",
        authorities=(),
        candidates=(candidate(Slot.INSTITUTION, "Borders College"), *SCHOOL[2:]),
    )
    assert decide(college, POLICY).outcome is Outcome.REGISTERED


@pytest.mark.parametrize("slot", [Slot.INSTITUTION, Slot.AUTHORITY, Slot.ACTIVITY])
def test_doubt_never_registers(slot: Slot) -> None:
    """A value below its threshold, or without evidence that was chosen, is asked for."""
    others = tuple(c for c in SCHOOL if c.slot is not slot)
    value = next(c.value for c in SCHOOL if c.slot is slot)
    for doubtful in ((candidate(slot, value, 0.49),), (candidate(slot, value, chosen=False),), ()):
        decision = decide(replace(COMPLETE, candidates=(*others, *doubtful)), POLICY)
        assert (decision.outcome, decision.missing) == (Outcome.ASK_MEMBER, (slot.value,))


def test_policys_doubtful_reasons_leave_their_field_open() -> None:
    """A shared name is asked about though a value was found."""
    decision = decide(replace(COMPLETE, reasons=(Reason(code="institution_shared"),)), POLICY)
    assert (decision.outcome, decision.missing) == (Outcome.ASK_MEMBER, ("institution",))


def test_every_row_that_was_tried_is_recorded() -> None:
    """The decision explains itself: rows above say that they missed, the last one that it hit."""
    decision = decide(replace(COMPLETE, kind=Kind.ENQUIRY), POLICY)
    names = [row.id for row in TABLE]
    tried = names[: names.index("enquiry") + 1]
    assert decision.rules == tuple(RuleHit(rule=name, hit=name == "enquiry") for name in tried)


def test_each_row_has_a_reason_in_plain_words() -> None:
    """The coordinator reads why, whichever row decided."""
    for row in TABLE:
        assert f"decided_{row.id.replace('-', '_')}" in REASONS


def test_the_programmes_policy_names_known_reasons() -> None:
    """A misspelt code would silently never match."""
    policy = load_policy(PROGRAMME)
    for code in (*policy.review, *(code for codes in policy.ask.values() for code in codes)):
        assert code in REASONS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("accept: {institution: 2, authority: 0.5, activity: 0.5}\n", "number from 0 to 1"),
        ("accept: {institution: 0.5, authority: 0.5}\n", "activity"),
        ("accept: {institution: 0.5, authority: 0.5, activity: 0.5}\nreveiw: []\n", "unknown key «reveiw»"),
        ("accept: {institution: 0.5, authority: 0.5, activity: 0.5}\nreads_like_review: often\n", "«reads_like_review» should be a number from 0 to 1"),
        ("accept: {institution: 0.5, authority: 0.5, activity: 0.5}\nask: {school: [x]}\n", "«ask: school»"),
    ],
)
def test_mistake_in_the_policy_is_named(tmp_path: Path, text: str, words: str) -> None:
    """A wrong key or number stops with its name, before any mail is read."""
    (tmp_path / "decision.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ProgrammeError, match=words):
        load_policy(tmp_path)
