"""Letters of our own in the outbox: once each, also when two processes write at the same moment, and never to a dead address."""

from __future__ import annotations

import dataclasses
import multiprocessing
from datetime import timedelta
from multiprocessing.synchronize import Barrier

from sqlalchemy import text

from mailroom.model import ReplyState
from store import Cap, Registration, RegistrationState, RegistrationUpdate, Store
from store.database import Database
from tests.fixtures.stores import DAY, NOW, answer, record
from tests.store.test_seating import TUE, WED, asks, waiting_ids

LATER = NOW + 30 * DAY


def registered(store: Store, count: int, *, places: int = 100) -> list[Registration]:
    ids = waiting_ids(store, *range(1, count + 1))
    store.record_many([asks(i, WED, places={WED: places}) for i in ids], NOW)
    return [registration for registration, _ in store.roster(WED)]


def remind(store: Store, registration: Registration, letter: str = "7d", *, state: ReplyState = ReplyState.HELD) -> bool:
    draft = answer(f"{letter}-{registration.id}", registration.member_address)
    return store.add_reminder(registration, WED, letter, draft, state, not_after=LATER, now=NOW)


def test_a_reminder_is_written_once_and_rests_on_the_message_that_asked(store: Store) -> None:
    [one] = registered(store, 1)
    assert [remind(store, one), remind(store, one), remind(store, one, "1d")] == [True, False, True]
    letters = [reply for reply in store.replies() if reply.purpose == "reminder"]
    assert [(r.registration_id, r.message_id, r.state, r.not_after) for r in letters] == [(one.id, one.messages[0], ReplyState.HELD, LATER)] * 2
    assert store.to_remind(WED, "7d", asked_before=LATER) == []
    assert [r.id for r in store.to_remind(WED, "2h", asked_before=LATER)] == [one.id]
    assert [event.event for event in store.history(registration_id=one.id)].count("letter.written") == 2


def test_only_who_has_a_place_and_asked_in_time_and_can_be_reached_is_reminded(store: Store, current_url: str) -> None:
    first, second, _ = registered(store, 3, places=2)
    assert [r.id for r in store.to_remind(WED, "7d", asked_before=LATER)] == [first.id, second.id]
    assert store.to_remind(TUE, "7d", asked_before=LATER) == []
    asked = store.roster(WED)[1][1].asked_at
    assert [r.id for r in store.to_remind(WED, "7d", asked_before=asked)] == [first.id]
    assert [r.id for r in store.to_remind(WED, "7d", asked_before=LATER, asked_from=asked)] == [second.id]
    database = Database(current_url)
    with database.write() as connection:
        columns = "address_key, address, marked_at, reason, status, detail, reply_id"
        values = f"SELECT '{first.member_address}', '{first.member_address}', created_at, 'x', '5.1.1', '', id FROM outbox ORDER BY id LIMIT 1"
        connection.execute(text(f"INSERT INTO undeliverable_addresses ({columns}) {values}"))
    database.close()
    assert [r.id for r in store.to_remind(WED, "7d", asked_before=LATER)] == [second.id]


def test_a_letter_counts_for_no_cap_and_an_answer_withdraws_none(store: Store) -> None:
    [one] = registered(store, 1)
    assert store.answers_since(one.member_address, NOW - DAY) == 1
    remind(store, one, state=ReplyState.DUE)
    assert store.answers_since(one.member_address, NOW - DAY) == 1
    [message_id] = [i for i in waiting_ids(store, 50) if i not in one.messages]
    capped = dataclasses.replace(record(message_id, recipient=one.member_address), cap=Cap(per_address=2, window=DAY))
    assert store.record_many([capped], NOW)[0].reply_state is ReplyState.DUE


def test_a_person_who_takes_a_member_off_withdraws_the_reminder_and_frees_the_place(store: Store) -> None:
    [one] = registered(store, 1)
    remind(store, one)
    update = RegistrationUpdate(registration_id=one.id, revision=one.revision, state=RegistrationState.WITHDRAWN, values=one.values, missing=())
    assert store.correct(update, NOW, actor="the coordinator", places={WED: 1})
    assert store.roster(WED) == []
    [reminder] = [reply for reply in store.replies() if reply.purpose == "reminder"]
    assert (reminder.state, reminder.reason) == (ReplyState.SUPPRESSED, "place_given_up")
    assert store.release([reminder.id], NOW) == []


def test_a_reminder_of_unknown_fate_does_not_go_again_for_a_place_that_was_given_up(store: Store) -> None:
    """It may have arrived; sent once more, it would remind of what is no longer so. With the place kept it goes."""
    first, second = registered(store, 2)
    for one in (first, second):
        remind(store, one, state=ReplyState.DUE)
    letters = {reply.registration_id: reply.id for reply in store.replies() if reply.purpose == "reminder"}
    for reply_id in letters.values():
        store.claim(reply_id, NOW)
        store.mark_unknown(reply_id, "the line went dead", NOW, NOW)
    update = RegistrationUpdate(registration_id=first.id, revision=first.revision, state=RegistrationState.WITHDRAWN, values=first.values, missing=())
    assert store.correct(update, NOW, actor="the coordinator")
    assert [store.mark_not_found(letters[one.id], NOW) for one in (first, second)] == [ReplyState.SUPPRESSED, ReplyState.DUE]
    gone = store.reply(letters[first.id])
    assert gone is not None
    assert gone.reason == "place_given_up"


def test_what_is_too_late_is_neither_due_nor_released(store: Store) -> None:
    [one] = registered(store, 1)
    remind(store, one, state=ReplyState.DUE)
    [reminder] = [reply for reply in store.replies() if reply.purpose == "reminder"]
    assert reminder.id in [reply.id for reply in store.due(LATER - timedelta(seconds=1))]
    assert reminder.id not in [reply.id for reply in store.due(LATER)]
    assert store.expire_letters(LATER - timedelta(seconds=1)) == []
    assert store.expire_letters(LATER) == [reminder.id]
    assert store.release([reminder.id], LATER) == []
    parked = store.reply(reminder.id)
    assert parked is not None
    assert (parked.state, parked.reason) == (ReplyState.SUPPRESSED, "too_late")


def test_a_digest_is_written_once_for_its_name(store: Store) -> None:
    draft = answer("digest", "coordinator@example.com")
    assert store.add_digest("2022-01-10", None, NOW, [draft], NOW)
    assert not store.add_digest("2022-01-10", None, NOW, [answer("other", "coordinator@example.com")], NOW)
    assert store.add_digest("2022-01-11", NOW, NOW + DAY, [], NOW + DAY)
    assert [(r.purpose, r.message_id, r.registration_id, r.state) for r in store.replies()] == [("digest", None, None, ReplyState.DUE)]
    last = store.last_digest()
    assert last is not None
    assert (last.name, last.covers_from, last.covers_until, last.told) == ("2022-01-11", NOW, NOW + DAY, False)
    assert (store.digest_made("2022-01-10"), store.digest_made("2022-01-12")) == (True, False)


def _write(url: str, names: list[str], barrier: Barrier) -> None:
    with Store(url) as store:
        people = [registration for registration, _ in store.roster(WED)]
        for name in names:
            barrier.wait(60)
            for one in people:
                remind(store, one, name)
            store.add_digest(name, None, NOW, [answer(f"digest-{name}", "coordinator@example.com")], NOW)


def test_two_processes_write_each_letter_once(store: Store, current_url: str) -> None:
    registered(store, 4)
    names = [f"{days}d" for days in range(1, 9)]
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    processes = [context.Process(target=_write, args=(current_url, names, barrier)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    purposes = [reply.purpose for reply in store.replies(limit=500)]
    assert (purposes.count("reminder"), purposes.count("digest")) == (4 * 8, 8)


def test_what_a_digest_tells_is_what_happened_in_its_time_and_what_stands_open(store: Store) -> None:
    """Registered and held in one window; given up, broken off and put aside in the next."""
    ids = waiting_ids(store, 1, 2, 3)
    store.record_many([dataclasses.replace(asks(ids[0], WED), reply_state=ReplyState.HELD), asks(ids[1], WED)], NOW)
    told = store.digest_facts(None, NOW)
    assert [one.messages[0] for one in told.registrations] == ids[:2]
    assert (told.registrations_count, told.waiting_count, told.waiting_before, told.held, told.held_new, told.unknown) == (2, 0, 0, 1, 1, 0)
    assert (told.dead, told.unreachable, told.breakers, told.parked, told.withdrawn) == ((), (), (), {}, ())

    later = NOW + timedelta(hours=1)
    store.quarantine(ids[2], "unreadable", later)
    [due] = store.due(NOW)
    store.claim(due.id, later)
    store.mark_dead(due.id, "550 5.1.1 no such user", later, reason="refused")
    store.note_poll("programme", later, ok=False, error="no connection")
    second = store.digest_facts(NOW, NOW + DAY)
    assert (second.registrations, second.registrations_count) == ((), 0)
    assert [(one.id, str(one.state), one.reason) for one in second.waiting] == [(ids[2], "quarantined", "unreadable")]
    assert [(reply.id, reply.reason) for reply in second.dead] == [(due.id, "refused")]
    assert (second.held, second.held_new) == (1, 0)
    assert second.polls["programme"].last_error == "no connection"
    third = store.digest_facts(NOW + DAY, NOW + 2 * DAY)
    assert (third.waiting, third.waiting_count, third.waiting_before, third.dead) == ((), 0, 1, ())
    assert len(store.digest_facts(None, NOW, most=1).registrations) == 1


def test_a_place_is_given_to_who_cannot_be_reached_and_the_news_waits_for_a_person(store: Store) -> None:
    _, second = registered(store, 2, places=1)
    [told] = [reply for reply in store.replies() if reply.registration_id == second.id]
    store.claim(told.id, NOW)
    assert store.mark_dead(told.id, "550 5.1.1 no such user", NOW, reason="refused", gone="5.1.1")
    news = answer("place", second.member_address)
    assert store.give_place(second, WED, news, ReplyState.DUE, not_after=LATER, now=NOW, actor="the coordinator")
    [letter] = [reply for reply in store.replies() if reply.purpose == "place"]
    assert (letter.state, letter.reason) == (ReplyState.SUPPRESSED, "undeliverable")
    assert store.clear_address(second.member_address, NOW, actor="the coordinator") == (letter.id,)
    assert store.release([letter.id], NOW) == [letter.id]
