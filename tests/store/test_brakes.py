"""Caps and breakers, counted in the transaction that adds the answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

import pytest

from mailroom.commands.replies import PARKED as NAMED_BY_THE_COMMAND
from mailroom.model import ReplyState
from store import Cap, RegistrationState, RegistrationUpdate, Store
from store.brakes import BREAKER_ALL, BREAKER_DOMAIN, PARKED, SAME_WORDS
from tests.fixtures.stores import DAY, NOW, answer, arrival, record

HOUR = timedelta(hours=1)
_UIDS = count(1)


def write(
    store: Store, *recipients: str, at: datetime = NOW, state: ReplyState = ReplyState.DUE, said: str = "", batch: int = 25, **limits: int | bool
) -> list[tuple[ReplyState | None, str]]:
    """A message and its answer for each recipient; where the answers went."""
    cap = Cap(per_address=1000, window=DAY, **limits)  # type: ignore[arg-type]
    uids = [next(_UIDS) for _ in recipients]
    store.add_arrivals([arrival(uid) for uid in uids], at)
    waiting = store.waiting(limit=len(recipients))
    records = []
    for message, uid, recipient in zip(waiting, uids, recipients, strict=True):
        made = record(message.id, f"b{uid}", recipient=recipient, reply_state=state)
        parsed = replace(made.reading.parsed, body=said or f"words of {uid}")
        records.append(replace(made, registration=None, reading=replace(made.reading, parsed=parsed), cap=cap))
    placed = []
    for start in range(0, len(records), batch):
        placed += store.record_many(records[start : start + batch], at)
    return [(one.reply_state, one.reply_reason) for one in placed]


def people(number: int, domain: str = "school.example", first: int = 0) -> list[str]:
    return [f"p{n}@{domain}" for n in range(first, first + number)]


SENT = (ReplyState.DUE, "")


def parked(reason: str) -> tuple[ReplyState, str]:
    return (ReplyState.SUPPRESSED, reason)


@pytest.mark.parametrize("batch", [1, 4, 25])
def test_a_domain_gets_as_many_answers_an_hour_as_its_limit_and_other_domains_go_on(store: Store, batch: int) -> None:
    placed = write(store, *people(7), *people(2, "other.example"), batch=batch, per_domain_an_hour=5, per_hour=100)
    assert placed == [SENT] * 5 + [parked(BREAKER_DOMAIN)] * 2 + [SENT] * 2
    [breaker] = store.breakers()
    assert (breaker.scope, breaker.most, breaker.parked, breaker.tripped_at, breaker.announced_at) == ("school.example", 5, 2, NOW, None)


def test_the_breaker_for_all_mail_stops_every_domain(store: Store) -> None:
    placed = write(store, *(f"p@d{n}.example" for n in range(8)), per_domain_an_hour=100, per_hour=6)
    assert placed == [SENT] * 6 + [parked(BREAKER_ALL)] * 2
    assert [breaker.scope for breaker in store.breakers()] == ["*"]
    assert write(store, "q@new.example", at=NOW + HOUR / 2, per_domain_an_hour=100, per_hour=6) == [parked(BREAKER_ALL)]


def test_limits_are_not_met_by_what_is_spread_over_hours(store: Store) -> None:
    for hour in range(3):
        assert write(store, *people(5, first=hour * 10), at=NOW + hour * (HOUR + timedelta(seconds=1)), per_domain_an_hour=5, per_hour=5) == [SENT] * 5
    assert store.breakers() == ()


def test_a_breaker_says_once_that_it_tripped(store: Store) -> None:
    write(store, *people(3), per_domain_an_hour=1)
    write(store, *people(3, first=3), per_domain_an_hour=1)
    [breaker] = store.breakers()
    store.breakers_announced([breaker.id], NOW)
    [breaker] = store.breakers()
    assert (breaker.announced_at, breaker.parked) == (NOW, 5)


def test_a_storm_keeps_a_breaker_shut_and_an_hour_of_calm_opens_it(store: Store) -> None:
    limits = {"per_domain_an_hour": 4}
    write(store, *people(6), **limits)
    storm = NOW + HOUR * 0.9
    assert write(store, *people(3, first=10), at=storm, **limits) == [parked(BREAKER_DOMAIN)] * 3
    assert store.settle_breakers(NOW + HOUR * 1.5) == [], "three were wanted within the hour, more than half of four"
    assert write(store, "q@school.example", at=NOW + HOUR * 1.5, **limits) == [parked(BREAKER_DOMAIN)]
    calm = NOW + HOUR * 2.2
    assert store.settle_breakers(calm) == ["school.example"]
    assert store.settle_breakers(calm) == []
    assert store.breakers() == ()
    [closed] = store.breakers(NOW)
    assert (closed.closed_at, closed.closed_by, closed.parked) == (calm, "mailroom", 6)
    assert write(store, *people(5, first=20), at=calm, **limits) == [SENT] * 4 + [parked(BREAKER_DOMAIN)]
    assert len(store.breakers(NOW)) == 2


def test_a_record_opens_the_way_again_without_waiting_for_a_round(store: Store) -> None:
    write(store, *people(3), per_hour=2)
    assert write(store, "q@other.example", at=NOW + HOUR * 2, per_hour=2) == [SENT]


def test_a_person_closes_a_breaker_and_it_counts_anew(store: Store) -> None:
    limits = {"per_domain_an_hour": 3, "per_hour": 50}
    write(store, *people(5), **limits)
    later = NOW + timedelta(minutes=5)
    assert store.close_breaker("School.Example", later, actor="the coordinator")
    assert not store.close_breaker("school.example", later, actor="the coordinator")
    assert write(store, *people(4, first=10), at=later + timedelta(minutes=1), **limits) == [SENT] * 3 + [parked(BREAKER_DOMAIN)]
    assert [breaker.closed_by for breaker in store.breakers(NOW)] == ["the coordinator", None]


def test_what_a_person_holds_or_releases_does_not_count(store: Store) -> None:
    limits = {"per_domain_an_hour": 3, "per_hour": 3}
    assert write(store, *people(9), state=ReplyState.HELD, **limits) == [(ReplyState.HELD, "")] * 9
    store.release(None, NOW + timedelta(minutes=1), actor="operator")
    assert write(store, *people(3, first=20), at=NOW + timedelta(minutes=2), **limits) == [SENT] * 3
    assert store.breakers() == ()


def test_what_was_sent_and_came_back_dead_counts(store: Store) -> None:
    write(store, *people(2), per_hour=3)
    for reply in store.due(NOW):
        store.claim(reply.id, NOW)
        store.mark_dead(reply.id, "550 no", NOW, reason="refused")
    assert write(store, *people(2, first=10), per_hour=3) == [SENT, parked(BREAKER_ALL)]


def test_parked_answers_are_released_by_their_reason(store: Store) -> None:
    write(store, *people(4), per_domain_an_hour=2)
    ids = store.parked(BREAKER_DOMAIN)
    assert len(ids) == 2
    assert store.release(ids, NOW, actor="operator") == list(ids)
    assert store.parked(BREAKER_DOMAIN) == ()
    assert [breaker.parked for breaker in store.breakers()] == [0]
    with pytest.raises(ValueError, match="none of"):
        store.parked("before_go_live")


def test_the_same_words_are_answered_once_a_day(store: Store) -> None:
    assert write(store, *["anne@x.example"] * 3, said="Is cover paid?", same_words=True) == [SENT] + [parked(SAME_WORDS)] * 2
    assert write(store, "ANNE@x.example", said=" is  cover\nPAID?", at=NOW + HOUR, same_words=True) == [parked(SAME_WORDS)]
    assert write(store, "anne@x.example", said="And travel?", same_words=True) == [SENT]
    assert write(store, "bob@x.example", said="Is cover paid?", same_words=True) == [SENT]
    assert write(store, "anne@x.example", said="Is cover paid?", at=NOW + DAY + HOUR, same_words=True) == [SENT]


def test_in_a_conversation_the_same_words_may_say_something_new(store: Store) -> None:
    """«Please take me off», sent again after coming back, is confirmed again; what says nothing new is known by the conversation."""
    cap = Cap(per_address=9, window=DAY, same_words=True)
    store.add_arrivals([arrival(next(_UIDS)) for _ in range(2)], NOW)
    first, second = store.waiting()
    store.record_many([replace(record(first.id, "first"), cap=cap)], NOW)
    [sent] = store.due(NOW)
    assert store.claim(sent.id, NOW)
    store.mark_sent(sent.id, NOW)
    [registration] = store.registrations()
    update = RegistrationUpdate(registration_id=registration.id, revision=1, state=RegistrationState.WITHDRAWN, values=registration.values)
    again = replace(record(second.id, "second"), registration=None, update=update, cap=cap)
    again = replace(again, reply=replace(answer("second"), template="withdrawn"))
    [placed] = store.record_many([again], NOW)
    assert (placed.reply_state, placed.reply_reason) == SENT


def test_words_whose_answer_was_parked_may_be_answered_later(store: Store) -> None:
    assert write(store, "anne@x.example", said="Is cover paid?", state=ReplyState.SUPPRESSED, same_words=True)[0][0] == ReplyState.SUPPRESSED
    assert write(store, "anne@x.example", said="Is cover paid?", same_words=True) == [SENT]


def test_the_command_offers_every_reason_that_parks() -> None:
    assert set(NAMED_BY_THE_COMMAND) == set(PARKED)
