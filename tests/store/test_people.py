"""Accounts, sessions, tries to sign in, presence, saved views and who looked at what, on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from mailroom.errors import MailroomError, Permanent
from store import Account, Role, Store, Throttle
from store.people import KEPT_FOR, pause
from tests.fixtures.stores import DAY, NOW, arrival

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
IDLE, LONGEST = 12 * HOUR, 14 * DAY


def account(store: Store, name: str = "anne", role: Role = Role.COORDINATOR, email: str | None = None) -> Account:
    return store.people.add(name, shown=name.title(), role=role, password="hash", now=NOW, actor="root", email=email)


def opened(store: Store, token: str, name: str = "anne", at: timedelta = timedelta()) -> int:
    return store.people.open_session(name, token, NOW + at, way="password", client="127.0.0.1", browser="Lynx").id


def who(store: Store, token: str, at: timedelta) -> str | None:
    found = store.people.session(token, NOW + at, idle=IDLE, longest=LONGEST)
    return None if found is None else found[0].name


# --- accounts


def test_an_account_is_found_however_its_name_is_written_and_made_once(store: Store) -> None:
    made = account(store, "Anne", email="Anne@Union.example")
    assert (made.name, made.shown, made.role, made.email, made.disabled_at) == ("anne", "Anne", Role.COORDINATOR, "anne@union.example", None)
    assert store.people.find(" ANNE ") == store.people.by_email("ANNE@union.example") == made
    with pytest.raises(MailroomError, match="already"):
        account(store, "aNNe")
    with pytest.raises(MailroomError, match="address of the account «anne»"):
        account(store, "bob", email="anne@union.example")
    assert [one.name for one in store.people.all()] == ["anne"]


def test_what_is_done_to_an_account_stands_in_the_history_with_before_and_after(store: Store) -> None:
    account(store)
    assert store.people.set_role("anne", Role.ADMINISTRATOR, NOW, actor="morag")
    assert not store.people.set_role("anne", Role.ADMINISTRATOR, NOW, actor="morag")
    store.people.set_password("anne", "other", NOW, actor="morag")
    assert store.people.disable("anne", NOW, actor="morag")
    assert not store.people.disable("anne", NOW, actor="morag")
    assert store.people.enable("anne", NOW, actor="morag")
    told = [(line.event, line.before, line.after) for line in reversed(store.people.audit(person="morag"))]
    assert told == [
        ("account.role", {"role": "coordinator"}, {"account": "anne", "role": "administrator"}),
        ("account.password", None, {"account": "anne"}),
        ("account.disabled", None, {"account": "anne"}),
        ("account.enabled", None, {"account": "anne"}),
    ]
    with pytest.raises(MailroomError, match="no account «nobody»"):
        store.people.set_role("nobody", Role.VIEWER, NOW, actor="morag")


def test_an_account_is_tied_to_one_person_of_the_provider(store: Store) -> None:
    account(store, email="anne@union.example")
    assert store.people.bind("anne", "https://issuer 1", NOW)
    assert store.people.bind("anne", "https://issuer 1", NOW)
    assert not store.people.bind("anne", "https://issuer 2", NOW)
    assert store.people.by_subject("https://issuer 1") == store.people.find("anne")
    store.people.set_email("anne", "anne@union.example", NOW, actor="root")
    assert store.people.bind("anne", "https://issuer 2", NOW)


def test_roles_have_an_order() -> None:
    assert [[role.may(needed) for needed in Role] for role in Role] == [[True, False, False], [True, True, False], [True, True, True]]


# --- sessions


def test_a_session_is_its_persons_until_it_was_idle_too_long(store: Store) -> None:
    account(store)
    opened(store, "t")
    assert who(store, "t", IDLE - SECOND) == "anne"
    assert who(store, "t", 2 * IDLE - 2 * SECOND) == "anne"  # the visit before counts
    assert who(store, "t", 3 * IDLE) is None
    assert who(store, "u", SECOND) is None


def test_a_session_ends_in_time_however_busy(store: Store) -> None:
    account(store)
    opened(store, "t")
    hours = 0
    while who(store, "t", hours * HOUR) is not None:
        hours += 6
    assert hours * HOUR == LONGEST


def test_that_somebody_was_here_is_written_once_a_minute(store: Store) -> None:
    account(store)
    opened(store, "t")
    seen = []
    for seconds in (0, 30, 59, 60, 90, 119, 130):
        who(store, "t", seconds * SECOND)
        [session] = store.people.sessions("anne", NOW, idle=IDLE, longest=LONGEST)
        seen.append((session.seen_at - NOW) // SECOND)
    assert seen == [0, 0, 0, 60, 60, 60, 130]
    assert [one.last_seen_at for one in store.people.all()] == [NOW + 130 * SECOND]
    assert store.people.session("t", NOW + HOUR, idle=IDLE, longest=LONGEST, here=False) is not None
    assert [one.last_seen_at for one in store.people.all()] == [NOW + 130 * SECOND]


def test_a_page_that_asks_by_itself_keeps_no_session_alive(store: Store) -> None:
    account(store)
    opened(store, "t")
    for hours in range(1, 12):
        assert store.people.session("t", NOW + hours * IDLE / 12, idle=IDLE, longest=LONGEST, here=False) is not None
    assert store.people.session("t", NOW + IDLE, idle=IDLE, longest=LONGEST, here=False) is None


def test_sessions_are_ended_one_by_one_all_but_one_and_only_ones_own(store: Store) -> None:
    account(store)
    account(store, "bob")
    first, second, other = opened(store, "t1"), opened(store, "t2"), opened(store, "t3", "bob")
    assert not store.people.end_session(other, NOW, actor="anne", account="anne")
    assert store.people.end_session(first, NOW, actor="anne", account="anne")
    assert not store.people.end_session(first, NOW, actor="anne", account="anne")
    third = opened(store, "t4")
    assert store.people.end_sessions("anne", NOW, actor="anne", but=third) == 1
    assert [who(store, token, SECOND) for token in ("t1", "t2", "t3", "t4")] == [None, None, "bob", "anne"]
    assert second not in [one.id for one in store.people.sessions(None, NOW, idle=IDLE, longest=LONGEST)]


def test_a_disabled_account_is_out_at_once_and_stays_out(store: Store) -> None:
    account(store)
    opened(store, "t")
    store.people.disable("anne", NOW, actor="root")
    assert who(store, "t", SECOND) is None
    with pytest.raises(Permanent):
        opened(store, "u")
    store.people.enable("anne", NOW, actor="root")
    assert who(store, "t", SECOND) is None  # it was ended, not put to sleep


def test_a_new_password_ends_every_other_session(store: Store) -> None:
    account(store)
    opened(store, "t1")
    mine = opened(store, "t2")
    assert store.people.set_password("anne", "new", NOW, actor="anne", keep_session=mine) == 1
    assert [who(store, token, SECOND) for token in ("t1", "t2")] == [None, "anne"]


def test_who_signs_in_again_leaves_the_old_session(store: Store) -> None:
    account(store)
    opened(store, "t1")
    store.people.open_session("anne", "t2", NOW, way="password", client="", browser="", instead_of="t1")
    assert [who(store, token, SECOND) for token in ("t1", "t2")] == [None, "anne"]


def test_sessions_long_over_are_swept(store: Store) -> None:
    account(store)
    opened(store, "t1")
    first = opened(store, "t2")
    store.people.end_session(first, NOW, actor="anne")
    opened(store, "t3", at=KEPT_FOR)
    assert who(store, "t1", SECOND) == "anne"  # still there: as of then it is alive
    opened(store, "t4", at=KEPT_FOR + SECOND)
    assert who(store, "t1", SECOND) is None


# --- tries

BOB = Throttle(key="name bob", free=3, longest=MINUTE)
HERE = Throttle(key="address", free=6, longest=HOUR)


def test_the_pause_doubles_up_to_its_longest() -> None:
    assert [pause(failures, BOB) // SECOND for failures in (0, 1, 3, 4, 5, 6, 9, 10, 11, 500)] == [0, 0, 0, 1, 2, 4, 32, 60, 60, 60]


def test_failed_tries_have_to_wait_longer_and_longer_and_a_waiting_one_does_not_count(store: Store) -> None:
    now, waits = NOW, []
    for _ in range(3):
        assert store.people.try_now([BOB], now) == timedelta()
    assert store.people.try_now([BOB], now) == timedelta()  # the fourth is free still, and is followed by a pause
    for _ in range(4):
        wait = store.people.try_now([BOB], now)
        waits.append(wait // SECOND)
        assert store.people.try_now([BOB], now + wait / 2) == wait / 2  # an impatient one changes nothing
        now += wait
        assert store.people.try_now([BOB], now) == timedelta()
    assert waits == [1, 2, 4, 8]
    assert store.people.try_now([BOB], now + DAY) == timedelta()  # forgiven
    assert store.people.try_now([BOB], now + DAY) == timedelta()


def test_any_of_several_brakes_and_success_forgives_only_what_it_proves(store: Store) -> None:
    for number in range(7):
        assert store.people.try_now([Throttle(key=f"name {number}", free=3, longest=MINUTE), HERE], NOW) == timedelta()
    assert store.people.try_now([BOB, HERE], NOW) == SECOND  # the address waits, whatever the name
    later = NOW + SECOND
    assert store.people.try_now([BOB, HERE], later) == timedelta()
    store.people.succeeded([BOB.key], give_back=[HERE.key])
    assert store.people.try_now([BOB, HERE], later) == timedelta()  # the right password waits for nobody
    assert store.people.try_now([BOB, HERE], later) == 2 * SECOND  # but has not wiped what came from the address


def test_many_tries_at_once_are_counted_each(store: Store) -> None:
    passed: list[timedelta] = []

    def attempt() -> None:
        passed.append(store.people.try_now([BOB], NOW))

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert passed.count(timedelta()) == BOB.free + 1
    assert len(passed) == 8


# --- presence and views


def test_who_else_has_an_item_open_until_they_go_or_fall_silent(store: Store) -> None:
    account(store)
    account(store, "bob")
    store.people.here("anne", "R-1", NOW)
    store.people.here("bob", "R-1", NOW + SECOND)
    store.people.here("anne", "R-1", NOW + MINUTE)
    assert [(one.person, one.shown, one.since) for one in store.people.others("R-1", NOW + MINUTE, than="bob")] == [("anne", "Anne", NOW)]
    assert [one.person for one in store.people.others("R-1", NOW + MINUTE, than="anne")] == ["bob"]
    assert [one.person for one in store.people.others("R-1", NOW + 2 * MINUTE + SECOND, than="anne")] == []
    assert store.people.others("R-2", NOW, than="anne") == ()
    store.people.gone("anne", "R-1")
    assert store.people.others("R-1", NOW + MINUTE, than="bob") == ()


def test_saved_views_are_ones_own_and_those_that_are_shared(store: Store) -> None:
    account(store)
    account(store, "bob")
    mine = store.people.save_view("anne", " Fife,  waiting ", "council=Fife", NOW)
    theirs = store.people.save_view("bob", "All of Moray", "council=Moray", NOW, shared=True)
    store.people.save_view("bob", "private", "x=1", NOW)
    assert [(one.name, one.query) for one in store.people.saved_views("anne")] == [("Fife, waiting", "council=Fife"), ("All of Moray", "council=Moray")]
    again = store.people.save_view("anne", "Fife, waiting", "council=Fife&state=review", NOW)
    assert again.id == mine.id
    assert not store.people.delete_view("anne", theirs.id)
    assert store.people.delete_view("anne", theirs.id, anybodys=True)
    assert store.people.delete_view("anne", mine.id)
    assert store.people.saved_views("anne") == ()
    with pytest.raises(MailroomError, match="needs a name"):
        store.people.save_view("anne", "  ", "x=1", NOW)


# --- who looked


def test_a_look_is_noted_once_in_ten_minutes_for_each_person_and_item(store: Store) -> None:
    store.add_arrivals([arrival(1)], NOW)
    looks = [
        ("anne", {"message_id": 1}, 0),
        ("anne", {"message_id": 1}, 9),
        ("bob", {"message_id": 1}, 9),
        ("anne", {"registration_id": "R-1"}, 9),
        ("anne", {"detail": {"query": "a"}}, 9),
        ("anne", {"detail": {"query": "b"}}, 9),
        ("anne", {"detail": {"query": "a"}}, 9),
        ("anne", {"message_id": 1}, 10),
    ]
    noted = [store.people.looked(person, "item", NOW + minutes * MINUTE, **what) for person, what, minutes in looks]  # type: ignore[arg-type]
    assert noted == [True, False, True, True, True, True, False, True]
    assert len(store.people.audit()) == noted.count(True)


def test_two_processes_note_one_look_once(store: Store) -> None:
    noted: list[bool] = []
    threads = [threading.Thread(target=lambda: noted.append(store.people.looked("anne", "register", NOW))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(noted) == [False] * 5 + [True]


def test_the_audit_is_of_persons_and_is_filtered_and_paged(store: Store) -> None:
    store.add_arrivals([arrival(1)], NOW)
    store.quarantine(1, "too_large", NOW)  # a line by mailroom itself
    account(store)
    for minute in range(5):
        store.people.looked("anne", "register", NOW + minute * MINUTE, detail={"page": minute})
    store.people.looked("bob", "message", NOW + HOUR, message_id=1)
    audit = store.people.audit
    assert {line.actor for line in audit()} == {"anne", "bob", "root"}
    assert [line.after["page"] for line in audit(person="anne", limit=2) if line.after] == [4, 3]
    last = audit(person="anne", limit=2)[-1].id
    assert [line.after["page"] for line in audit(person="anne", before_id=last) if line.after] == [2, 1, 0]
    assert [line.actor for line in audit(message_id=1)] == ["bob"]
    assert [line.actor for line in audit(looks=False)] == ["root"]
    assert len(audit(looks=True, since=NOW + MINUTE, until=NOW + 3 * MINUTE)) == 2
