"""Places in sessions: first come, first served, decided in the record's transaction, and never two in the last place."""

from __future__ import annotations

import dataclasses
import multiprocessing
from datetime import timedelta
from multiprocessing.synchronize import Barrier

from mailroom.model import MessageState, ReplyState
from store import FieldValue, Occupancy, PlaceState, Record, Recorded, RegistrationState, RegistrationUpdate, SessionPlace, Store, Wishes
from tests.fixtures.stores import NOW, arrival, record

WED, TUE = "2022-01-19", "2022-01-25"
PLACE, WAITING, LATE = PlaceState.PLACE, PlaceState.WAITING, PlaceState.LATE


def waiting_ids(store: Store, *uids: int) -> list[int]:
    store.add_arrivals([arrival(uid) for uid in uids], NOW)
    return [message.id for message in store.waiting(limit=100)]


def asks(message_id: int, *sessions: str, places: dict[str, int] | None = None, told: dict[str, PlaceState] | None = None, late: str = "") -> Record:
    """A registration that names these sessions, with an answer that says ``told``."""
    one = record(message_id, recipient=f"m{message_id}@example.com")
    assert one.registration is not None
    evidence = one.registration.values[0].evidence
    values = (*one.registration.values, *(FieldValue(field="session", value=session, evidence=evidence) for session in sessions))
    return dataclasses.replace(
        one,
        registration=dataclasses.replace(one.registration, values=values),
        wishes=Wishes(places=places or {}, told=told, late=frozenset({late} if late else ())),
    )


def now_names(store: Store, registration_id: str, message_id: int, *sessions: str, state: RegistrationState, places: dict[str, int]) -> Record:
    """A later message of the same member, after which the registration names these sessions."""
    old = store.registration(registration_id)
    assert old is not None
    kept = tuple(value for value in old.values if value.field != "session")
    values = (*kept, *(FieldValue(field="session", value=session, evidence=kept[0].evidence) for session in sessions))
    update = RegistrationUpdate(registration_id=old.id, revision=old.revision, state=state, values=values, missing=old.missing)
    return dataclasses.replace(record(message_id), registration=None, reply=None, update=update, wishes=Wishes(places=places))


def states(store: Store, session: str) -> list[tuple[str, PlaceState]]:
    return [(registration.member_address.partition("@")[0], place.state) for registration, place in store.roster(session)]


def ids_of(results: list[Recorded]) -> list[str]:
    assert all(result.registration_id is not None for result in results)
    return [str(result.registration_id) for result in results]


def test_a_session_fills_in_the_order_of_asking_and_then_has_a_waiting_list(store: Store) -> None:
    """Within one batch and in the next one; without a limit there is always a place."""
    ids = waiting_ids(store, 1, 2, 3, 4)
    store.record_many([asks(i, WED, TUE, places={WED: 2}) for i in ids[:3]], NOW)
    store.record_many([asks(ids[3], WED, TUE, places={WED: 2})], NOW)
    a, b, c, d = (f"m{i}" for i in ids)
    assert states(store, WED) == [(a, PLACE), (b, PLACE), (c, WAITING), (d, WAITING)]
    assert [state for _, state in states(store, TUE)] == [PLACE] * 4
    assert store.occupancy([WED, TUE, "none"]) == {WED: Occupancy(taken=2, waiting=2), TUE: Occupancy(taken=4), "none": Occupancy()}
    [place] = [place for registration, place in store.roster(WED) if registration.member_address.startswith(f"{d}@")]
    assert place == SessionPlace(session=WED, state=WAITING, asked_at=arrival(4).internal_date, message_id=ids[3])


def test_an_answer_that_says_otherwise_is_not_written_and_nothing_else_of_its_record_is(store: Store) -> None:
    """The second was told that there is a place; the first took it."""
    ids = waiting_ids(store, 1, 2)
    told = {WED: PLACE}
    results = store.record_many([asks(i, WED, places={WED: 1}, told=told) for i in ids], NOW)
    assert [(r.recorded, r.told_otherwise, r.error) for r in results] == [(True, False, ""), (False, True, "")]
    refused = store.message(ids[1])
    assert refused is not None
    assert (refused.message.state, refused.readings, refused.registrations, refused.replies, refused.history) == (MessageState.WAITING, (), (), (), ())
    [result] = store.record_many([asks(ids[1], WED, places={WED: 1}, told={WED: WAITING})], NOW)
    assert result.recorded
    assert [state for _, state in states(store, WED)] == [PLACE, WAITING]


def test_a_place_that_becomes_free_belongs_to_those_who_wait(store: Store) -> None:
    """Withdrawn or changed, it is neither given to whoever comes next nor handed on in silence."""
    ids = waiting_ids(store, 1, 2, 3, 4, 5)
    limit = {WED: 1, TUE: 1}
    first, second = ids_of(store.record_many([asks(i, WED, places=limit) for i in ids[:2]], NOW))
    leaves = now_names(store, first, ids[2], TUE, state=RegistrationState.REGISTERED, places=limit)
    assert store.record_many([leaves], NOW)[0].recorded
    store.record_many([asks(ids[3], WED, TUE, places=limit)], NOW)
    assert [state for _, state in states(store, WED)] == [WAITING, WAITING]
    assert [state for _, state in states(store, TUE)] == [PLACE, WAITING]
    assert store.occupancy([WED]) == {WED: Occupancy(taken=0, waiting=2)}
    gone = now_names(store, second, ids[4], WED, state=RegistrationState.WITHDRAWN, places=limit)
    assert store.record_many([gone], NOW)[0].recorded
    assert [who for who, _ in states(store, WED)] == [f"m{ids[3]}"]
    [event] = [event for event in store.history(registration_id=second) if event.message_id == ids[4] and event.event == "message.recorded"]
    assert event.after is not None
    assert event.after["places"] == {}


def test_what_a_member_has_is_kept_by_a_message_about_something_else(store: Store) -> None:
    """Also the time of asking, and also when the session is over full meanwhile."""
    ids = waiting_ids(store, 1, 2)
    [registration] = ids_of(store.record_many([asks(ids[0], WED, places={WED: 3})], NOW))
    before = store.roster(WED)[0][1]
    later = now_names(store, registration, ids[1], WED, state=RegistrationState.REVIEW, places={WED: 1})
    assert store.record_many([later], NOW + timedelta(days=2))[0].recorded
    assert store.roster(WED)[0][1] == before


def test_who_asked_too_late_is_on_the_roster_and_takes_no_place(store: Store) -> None:
    ids = waiting_ids(store, 1, 2)
    store.record_many([asks(ids[0], WED, places={WED: 1}, late=WED), asks(ids[1], WED, places={WED: 1})], NOW)
    assert [state for _, state in states(store, WED)] == [LATE, PLACE]


def test_a_persons_change_moves_the_place_by_the_same_rule(store: Store) -> None:
    ids = waiting_ids(store, 1, 2)
    first, second = ids_of(store.record_many([asks(ids[0], WED), asks(ids[1], TUE)], NOW))
    old = store.registration(second)
    assert old is not None
    values = tuple(dataclasses.replace(value, value=WED, person="the coordinator") if value.field == "session" else value for value in old.values)
    update = RegistrationUpdate(registration_id=second, revision=1, state=old.state, values=values, missing=old.missing)
    assert store.correct(update, NOW, actor="the coordinator", places={WED: 1})
    assert {registration.id: place.state for registration, place in store.roster(WED)} == {first: PLACE, second: WAITING}
    assert store.roster(TUE) == []
    [corrected] = [event for event in store.history(registration_id=second) if event.event == "registration.corrected"]
    assert corrected.before is not None
    assert corrected.after is not None
    assert (corrected.before["places"], corrected.after["places"]) == ({TUE: "place"}, {WED: "waiting"})


def _race(url: str, message_ids: list[int], barrier: Barrier) -> None:
    with Store(url) as store:
        for number, message_id in enumerate(message_ids):
            session = f"session-{number}"
            barrier.wait(60)
            told = PLACE
            for _ in range(3):
                one = dataclasses.replace(asks(message_id, session, places={session: 1}, told={session: told}), reply_state=ReplyState.HELD)
                [result] = store.record_many([one], NOW)
                if result.recorded:
                    break
                assert result.told_otherwise, result.error
                told = store.occupancy([session])[session].next(1)


def test_two_processes_never_give_the_last_place_twice(store: Store, current_url: str) -> None:
    """Two members ask for the last place at the same moment, in session after session: one has it, the other is told the truth."""
    ids = waiting_ids(store, *range(1, 61))
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    processes = [context.Process(target=_race, args=(current_url, half, barrier)) for half in (ids[0::2], ids[1::2])]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    sessions = [f"session-{number}" for number in range(30)]
    assert store.occupancy(sessions) == dict.fromkeys(sessions, Occupancy(taken=1, waiting=1))
    assert store.balance()[MessageState.WAITING] == 0


def test_who_is_decided_on_again_is_not_passed_by_whoever_came_later(store: Store) -> None:
    """A place becomes free within a batch: the first of those who follow was told otherwise and has it all the same."""
    ids = waiting_ids(store, 1, 2, 3, 4)
    [first] = ids_of(store.record_many([asks(ids[0], WED, places={WED: 1})], NOW))
    leaves = now_names(store, first, ids[1], state=RegistrationState.WITHDRAWN, places={WED: 1})
    earlier = asks(ids[2], WED, places={WED: 1}, told={WED: WAITING})
    later = dataclasses.replace(asks(ids[3], WED, places={WED: 1}), reply=None)
    results = store.record_many([leaves, earlier, later], NOW)
    assert [(r.recorded, r.told_otherwise) for r in results] == [(True, False), (False, True), (False, True)]
    again = [dataclasses.replace(earlier, wishes=Wishes(places={WED: 1}, told={WED: PLACE})), later]
    assert all(result.recorded for result in store.record_many(again, NOW))
    assert states(store, WED) == [(f"m{ids[2]}", PLACE), (f"m{ids[3]}", WAITING)]
