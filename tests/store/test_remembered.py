"""What corrections taught: remembered once, forgotten and kept, counted where it helped, and a case for each correction."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailroom.errors import MailroomError
from mailroom.model import AliasKind, MessageState, Reading, Remembered, alias_of_rule
from store import AliasDraft, FieldValue, Record, Registration, RegistrationState, RegistrationUpdate, Store
from store.remembered import keep_case, note_uses
from tests.fixtures.stores import NOW, arrival, draft, reading

PHS = AliasDraft(
    kind=AliasKind.INSTITUTION, written="PHS", key="phs", means="Portobello High School", council="City of Edinburgh", stands_in="City of Edinburgh"
)
FIELDS = ("institution", "authority", "activity", "topic", "session")


def read_by(alias: int, *, chosen: bool = True, name: str = "ant") -> Reading:
    """A reading whose school rests on a remembered alias."""
    plain = reading(name)
    [candidate] = plain.extraction.candidates
    evidence = dataclasses.replace(candidate.evidence, rule=f"remembered.{alias}")
    candidate = dataclasses.replace(candidate, evidence=evidence, chosen=chosen)
    return dataclasses.replace(plain, extraction=dataclasses.replace(plain.extraction, candidates=(candidate,)))


def registered(store: Store, uid: int = 1, state: RegistrationState = RegistrationState.REVIEW) -> Registration:
    store.add_arrivals([arrival(uid)], NOW)
    [message] = store.waiting()
    assert store.record(message.id, reading(f"m{uid}"), MessageState.REVIEW, draft(state=state), now=NOW)
    record = store.message(message.id)
    assert record is not None
    return record.registrations[0]


def mended(registration: Registration, state: RegistrationState | None = None, **values: str | None) -> RegistrationUpdate:
    """What a person makes of it: a value of theirs for each field that is named, none where it is None."""
    kept = [value for value in registration.values if value.field not in values]
    given_now = [FieldValue(field=field, value=value, person="m.reid") for field, value in values.items() if value is not None]
    return RegistrationUpdate(
        registration_id=registration.id,
        revision=registration.revision,
        state=state or registration.state,
        values=(*kept, *given_now),
        missing=registration.missing,
    )


def corrected(store: Store, registration: Registration, state: RegistrationState | None = None, **values: str | None) -> Registration:
    assert store.correct(mended(registration, state, **values), NOW, actor="m.reid")
    after = store.registration(registration.id)
    assert after is not None
    return after


def test_an_alias_is_remembered_with_who_and_when_and_is_in_the_history(store: Store) -> None:
    registration = registered(store)
    number = store.remember(dataclasses.replace(PHS, registration_id=registration.id), NOW, actor="m.reid")
    assert number is not None
    [one] = store.aliases()
    assert one.remembered == Remembered(
        id=number, kind=AliasKind.INSTITUTION, written="PHS", means=PHS.means, council="City of Edinburgh", stands_in="City of Edinburgh"
    )
    assert (one.made_at, one.made_by, one.registration_id, one.forgotten_at, one.hits) == (NOW, "m.reid", registration.id, None, 0)
    record = store.message(registration.messages[0])
    assert record is not None
    event = record.history[-1]
    assert (event.event, event.actor, event.after) == (
        "alias.remembered",
        "m.reid",
        {"alias": number, "kind": "institution", "written": "PHS", "means": PHS.means, "council": "City of Edinburgh"},
    )


def test_the_same_words_have_one_meaning_in_a_council(store: Store) -> None:
    """Said again it changes nothing; another meaning is refused there, and possible elsewhere or once it is forgotten."""
    number = store.remember(PHS, NOW, actor="m.reid")
    assert number is not None
    assert store.remember(PHS, NOW, actor="somebody") is None
    other = dataclasses.replace(PHS, means="Pentland High School")
    with pytest.raises(MailroomError, match="remembered as Portobello High School already; forget that first"):
        store.remember(other, NOW, actor="m.reid")
    perth = dataclasses.replace(PHS, means="Perth High School", council="Perth and Kinross", stands_in="Perth and Kinross")
    assert store.remember(perth, NOW, actor="m.reid") is not None
    assert store.forget(number, NOW, actor="m.reid")
    assert store.remember(other, NOW, actor="m.reid") is not None
    assert {one.means for one in store.remembered()[1]} == {"Perth High School", "Pentland High School"}
    assert len(store.aliases()) == 3, "what was forgotten is kept"


def test_an_alias_is_forgotten_once_and_by_somebody(store: Store) -> None:
    number = store.remember(PHS, NOW, actor="m.reid")
    assert number is not None
    assert store.forget(number, NOW + timedelta(days=1), actor="a.bell")
    assert not store.forget(number, NOW, actor="a.bell")
    assert not store.forget(99, NOW, actor="a.bell")
    [one] = store.aliases()
    assert (one.forgotten_at, one.forgotten_by) == (NOW + timedelta(days=1), "a.bell")
    assert store.remembered()[1] == ()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["remember", "forget"]), st.integers(1, 3)), max_size=8))
def test_the_version_differs_whenever_what_is_known_does(store: Store, steps: list[tuple[str, int]]) -> None:
    """As the running pipeline needs it: never the same number for another list."""
    seen = dict([store.remembered()])
    for step, number in steps:
        if step == "remember":
            store.remember(dataclasses.replace(PHS, key=f"k{number}", written=f"K{number}"), NOW, actor="m.reid")
        else:
            standing = store.remembered()[1]
            store.forget(standing[number % len(standing)].id if standing else 0, NOW, actor="m.reid")
        version, known = store.remembered()
        assert version == store.remembered_version()
        assert seen.setdefault(version, known) == known


def test_a_message_that_an_alias_helped_counts_once(store: Store) -> None:
    """Only where it was chosen, and only for an alias that is there; a message that is recorded again is no second one."""
    number = store.remember(PHS, NOW, actor="m.reid")
    assert number is not None
    store.add_arrivals([arrival(uid) for uid in (1, 2, 3, 4)], NOW)
    one, two, three, four = store.waiting()
    readings = [(one, read_by(number)), (two, read_by(number)), (three, read_by(number, chosen=False)), (four, read_by(77))]
    batch = [Record(message_id=message.id, reading=read, state=MessageState.REVIEW) for message, read in readings]
    assert all(result.recorded for result in store.record_many(batch, NOW))
    assert store.aliases()[0].hits == 2
    with store._database.write() as connection:  # as when the message is read once more
        note_uses(connection, [(number, one.id), (number, one.id), (number, three.id)])
    assert store.aliases()[0].hits == 3


def test_the_rule_of_evidence_names_the_alias() -> None:
    alias = Remembered(id=12, kind=AliasKind.INSTITUTION, written="PHS", means="Portobello High School")
    assert alias.rule == "remembered.12"
    assert alias_of_rule(alias.rule) == 12
    assert [alias_of_rule(rule) for rule in ("institution.exact", "remembered.", "remembered.x", "remembered")] == [None] * 4


# --- the regression set


def test_a_correction_becomes_a_case_with_what_was_corrected(store: Store) -> None:
    """While it is not accepted, only what the person mended is confirmed; accepted, all that stands there."""
    registration = corrected(store, registered(store), institution="Portobello High School")
    [case] = store.regression_cases()
    assert (case.registration_id, case.messages, case.corrected, case.made_by) == (registration.id, registration.messages, ("institution", "topic"), "m.reid")
    assert case.confirmed == {"institution": ("Portobello High School",), "topic": ("reading", "play")}
    assert (case.measured_at, case.wrong) == (None, None)
    corrected(store, registration, RegistrationState.REGISTERED)
    [case] = store.regression_cases()
    assert set(case.confirmed) == set(FIELDS)
    assert case.confirmed["authority"] == ()


def test_a_change_of_the_state_alone_makes_no_case(store: Store) -> None:
    registration = registered(store)
    plain = dataclasses.replace(mended(registration, RegistrationState.REGISTERED), values=tuple(v for v in registration.values if not v.person))
    before = dataclasses.replace(registration, values=plain.values)
    after = dataclasses.replace(before, state=RegistrationState.REGISTERED)
    with store._database.write() as connection:
        keep_case(connection, before, after, NOW, "m.reid")
    assert store.regression_cases() == ()


def test_a_cleared_field_is_confirmed_as_empty(store: Store) -> None:
    corrected(store, registered(store), topic=None)
    [case] = store.regression_cases()
    assert (case.corrected, case.confirmed) == (("topic",), {"topic": ()})


def test_a_later_message_does_not_change_what_was_confirmed(store: Store) -> None:
    registration = corrected(store, registered(store), RegistrationState.REGISTERED, institution="Portobello High School")
    store.add_arrivals([arrival(2)], NOW)
    [message] = store.waiting()
    update = dataclasses.replace(mended(registration), values=(FieldValue(field="institution", value="Wick High School", person="m.reid"),))
    record = Record(message_id=message.id, reading=reading("later"), state=MessageState.REGISTERED, update=update)
    assert store.record_many([record], NOW)[0].recorded
    [case] = store.regression_cases()
    assert (case.messages, case.confirmed["institution"]) == (registration.messages, ("Portobello High School",))


def test_a_correction_that_is_taken_back_is_no_case(store: Store) -> None:
    before = registered(store)
    plain = dataclasses.replace(before, values=tuple(value for value in before.values if not value.person))
    after = dataclasses.replace(plain, values=mended(plain, institution="Portobello High School").values)
    with store._database.write() as connection:
        keep_case(connection, plain, after, NOW, "m.reid")
    assert [case.corrected for case in store.regression_cases()] == [("institution",)]
    with store._database.write() as connection:
        keep_case(connection, after, plain, NOW, "m.reid", undone=True)
    assert store.regression_cases() == ()
    with store._database.write() as connection:  # and is one again when it is made again
        keep_case(connection, plain, after, NOW, "m.reid")
    assert [case.corrected for case in store.regression_cases()] == [("institution",)]


def test_what_is_read_wrongly_comes_first_and_a_new_correction_forgets_the_measurement(store: Store) -> None:
    made = [corrected(store, registered(store, uid), institution=f"School {uid}") for uid in (1, 2, 3)]
    wrong = {"institution": (("School 2",), ("Wick High School", "Another"))}
    store.note_measured({made[1].id: wrong, made[2].id: {}}, "rules-2", NOW)
    found = store.regression_cases()
    assert [case.registration_id for case in found] == [made[1].id, made[0].id, made[2].id]
    assert (found[0].wrong, found[0].rules_version, found[0].measured_at) == (wrong, "rules-2", NOW)
    assert [case.wrong for case in found[1:]] == [None, {}]
    corrected(store, made[1], institution="School 2 again")
    assert store.regression_cases()[0].wrong is None


def test_the_last_messages_come_newest_first_with_their_last_reading(store: Store) -> None:
    store.add_arrivals([arrival(uid) for uid in (1, 2, 3)], NOW)
    messages = store.waiting()
    for message in messages[:2]:
        assert store.record(message.id, reading(f"m{message.id}"), MessageState.REVIEW, now=NOW)
    assert [number for number, _ in store.latest_read(10)] == [messages[1].id, messages[0].id], "the third was not read yet"
    assert [parsed.message_ids for _, parsed in store.latest_read(2)] == [(f"<m{messages[1].id}@example.com>",)]


def test_who_writes_from_a_domain(store: Store) -> None:
    """Also from one under it; neither a domain that only ends alike nor one with a sign that means anything to LIKE."""
    addresses = ("a@porty.example", "b@Staff.PORTY.example", "c@notporty.example", "d@p%rty.example")
    store.add_arrivals([arrival(uid) for uid in range(1, 5)], NOW)
    for message, address in zip(store.waiting(), addresses, strict=True):
        value = FieldValue(field="institution", value=f"School of {address[0]}", person="m.reid")
        made = dataclasses.replace(draft(address), values=(value,))
        assert store.record(message.id, reading(f"m{message.id}"), MessageState.REGISTERED, made, now=NOW)
    assert store.institutions_of_domain("porty.example") == ("School of a", "School of b")
    assert store.institutions_of_domain("p%rty.example") == ("School of d",)
    assert store.institutions_of_domain("p_rty.example") == ()
