"""Many entries at once: what is shown is what is done, what was changed meanwhile stays, and all of it is taken back as one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from desk.office import Bulk, Conflict, Prospect
from mailroom.config import Config, load_config
from mailroom.errors import MailroomError
from mailroom.model import MessageState, ReplyState
from mailroom.office import HouseOffice
from mailroom.officework.knowledge import Knowledge
from store import FieldValue, Registration, RegistrationDraft, RegistrationState, Store
from tests.fixtures.stores import NOW, answer, arrival, record

CONFIG = 'mailboxes: [{name: programme, folder: mail}]\nreplies: {mode: hold, from: "Action Research <car@union.example>"}\n'
WHOLE = {"institution": "Whinhill Academy", "authority": "Fife", "activity": "existing_collaborative"}
REGISTERED, ASK, REVIEW = RegistrationState.REGISTERED, RegistrationState.ASK_MEMBER, RegistrationState.REVIEW
PEOPLE: dict[str, tuple[RegistrationState, MessageState, dict[str, str], tuple[str, ...]]] = {
    "whole": (REVIEW, MessageState.REVIEW, WHOLE, ()),
    "also": (REVIEW, MessageState.REVIEW, {**WHOLE, "session": "2022-01-19"}, ()),
    "lacks": (ASK, MessageState.ASK_MEMBER, {"institution": "Whinhill Academy", "authority": "Fife"}, ("activity",)),
    "there": (REGISTERED, MessageState.REGISTERED, WHOLE, ()),
    "left": (RegistrationState.WITHDRAWN, MessageState.REGISTERED, WHOLE, ()),
}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    path: Path = tmp_path_factory.mktemp("bulk") / "config.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    (path.parent / "mail").mkdir()
    return load_config(path)


@pytest.fixture
def ids(store: Store) -> dict[str, str]:
    """One of each kind, by name; each has an answer that is held."""
    store.add_arrivals([arrival(number, name) for number, name in enumerate(PEOPLE, 1)], NOW)
    for message, (name, (state, message_state, values, missing)) in zip(sorted(store.waiting(), key=lambda one: one.id), PEOPLE.items(), strict=True):
        fields = tuple(FieldValue(field=field, value=value, person="test") for field, value in values.items())
        draft = RegistrationDraft(member_name=name, member_address=f"{name}@example.com", state=state, values=fields, missing=missing)
        whole = replace(
            record(message.id, name), state=message_state, registration=draft, reply=answer(name, f"{name}@example.com"), reply_state=ReplyState.HELD
        )
        assert store.record_many([whole], NOW)[0].recorded
    return {line.member_name: line.id for line in store.each_registration()}


@pytest.fixture(scope="module")
def knowledge(config: Config) -> Knowledge:
    """Read once for all offices."""
    return Knowledge(config)


@pytest.fixture
def office(store: Store, config: Config, knowledge: Knowledge) -> HouseOffice:
    return HouseOffice(config, store, knowledge=knowledge, now=lambda: NOW + timedelta(days=1))


def seen(prospects: tuple[Prospect, ...]) -> dict[str, int]:
    return {one.id: one.revision for one in prospects if not one.why}


def told(ids: dict[str, str], prospects: tuple[Prospect, ...]) -> dict[str, tuple[bool, str]]:
    """By name: whether it changes, and what or why."""
    names = {id: name for name, id in ids.items()}
    return {names[one.id]: (not one.why, one.change or one.why) for one in prospects}


def whole(store: Store, ids: dict[str, str]) -> dict[str, Any]:
    """Everything that an undo must bring back."""

    def plain(one: Registration) -> Any:
        return (one.state, one.missing, one.values, one.places, one.messages)

    registrations = {name: store.find_registration(id) for name, id in ids.items()}
    messages = {one.id: (one.state, one.reason) for one in store.messages()}
    replies = {one.id: (one.state, one.reason) for one in store.outbox_list().lines}
    return {"registrations": {name: plain(one) for name, one in registrations.items() if one}, "messages": messages, "replies": replies}


CASES = [
    (Bulk(what="accept"), {"whole", "also"}),
    (Bulk(what="add", field="session", value="2022-01-25"), {"whole", "also", "lacks", "there"}),
    (Bulk(what="remove", field="session", value="2022-01-19"), {"also"}),
    (Bulk(what="add", field="activity", value="existing_collaborative"), {"lacks"}),
    (Bulk(what="add", field="topic", value="reading  aloud"), {"whole", "also", "lacks", "there"}),
    (Bulk(what="set", field="authority", value="Moray"), {"whole", "also", "lacks", "there"}),
    (Bulk(what="withdraw"), {"whole", "also", "lacks", "there"}),
    (Bulk(what="release"), {"whole", "also", "lacks", "there", "left"}),
    (Bulk(what="not_ours"), {"whole", "also", "lacks", "there", "left"}),
    (Bulk(what="spam"), {"whole", "also", "lacks", "there", "left"}),
]


@pytest.mark.parametrize(("bulk", "expected"), CASES, ids=[f"{bulk.what} {bulk.value}".strip() for bulk, _ in CASES])
def test_what_was_shown_is_done_as_one_deed_and_taken_back_as_one(
    store: Store, office: HouseOffice, ids: dict[str, str], bulk: Bulk, expected: set[str]
) -> None:
    before = whole(store, ids)
    prospects = office.prospects(bulk, list(ids.values()))
    assert [one.id for one in prospects] == list(ids.values())
    assert {name for name, (changes, _) in told(ids, prospects).items() if changes} == expected
    assert whole(store, ids) == before  # looking changes nothing
    done = office.do_many(bulk, seen(prospects), who="moira")
    assert done.deed is not None
    assert str(len(expected)) in done.said and "meanwhile" not in done.said
    after = whole(store, ids)
    assert {name for name in ids if after["registrations"][name] != before["registrations"][name]} == (expected if bulk.what != "release" else set())
    again = office.prospects(bulk, list(ids.values()))
    assert not [name for name, (changes, _) in told(ids, again).items() if changes]  # done is done
    office.undo(done.deed, who="moira")
    assert whole(store, ids) == before


def test_words_tell_what_becomes_of_each(office: HouseOffice, ids: dict[str, str]) -> None:
    accept = told(ids, office.prospects(Bulk(what="accept"), list(ids.values())))
    assert accept["whole"] == (True, "Accepted: on the register; 1 unsent answer kept back")
    assert accept["lacks"] == (False, "Still missing: way of taking part")
    assert accept["there"] == (False, "On the register already")
    assert accept["left"] == (False, "Has withdrawn")
    add = told(ids, office.prospects(Bulk(what="add", field="activity", value="existing_collaborative"), list(ids.values())))
    assert add["lacks"][1].startswith("+ Running group; with that on the register")
    council = told(ids, office.prospects(Bulk(what="set", field="authority", value="Moray Council"), list(ids.values())))
    assert council["there"][1].startswith("Fife → Moray")


def test_entry_that_was_changed_meanwhile_stays_and_is_told(store: Store, office: HouseOffice, ids: dict[str, str]) -> None:
    bulk = Bulk(what="add", field="topic", value="play")
    prospects = seen(office.prospects(bulk, list(ids.values())))
    office.correct(ids["there"], prospects[ids["there"]], {"topic": ["numbers"]}, who="callum")
    done = office.do_many(bulk, prospects, who="moira")
    assert done.said == "Added to 3 entries. 1 was changed by somebody else meanwhile: it is as it was."
    found = store.find_registration(ids["there"])
    assert found is not None and found.values_of("topic") == ("numbers",)


def test_nothing_is_done_to_what_changed_whole(office: HouseOffice, ids: dict[str, str]) -> None:
    bulk = Bulk(what="withdraw")
    old = dict.fromkeys(ids.values(), 0)
    done = office.do_many(bulk, old, who="moira")
    assert done.deed is None
    assert done.said == "Nothing was done. 5 were changed by somebody else meanwhile: they are as they were."


def test_bulk_that_somebody_built_on_is_not_taken_back(office: HouseOffice, ids: dict[str, str]) -> None:
    bulk = Bulk(what="add", field="topic", value="play")
    done = office.do_many(bulk, seen(office.prospects(bulk, list(ids.values()))), who="moira")
    office.correct(ids["there"], None, {"topic": ["numbers"]}, who="callum")
    assert done.deed is not None
    with pytest.raises(Conflict):
        office.undo(done.deed, who="moira")


def test_value_given_to_many_teaches_nothing(store: Store, office: HouseOffice, ids: dict[str, str]) -> None:
    bulk = Bulk(what="add", field="session", value="2022-01-25")
    office.do_many(bulk, seen(office.prospects(bulk, list(ids.values()))), who="moira")
    assert office.cases() == ()


def test_history_has_each_entry_with_who_and_the_deed(store: Store, office: HouseOffice, ids: dict[str, str]) -> None:
    bulk = Bulk(what="withdraw")
    done = office.do_many(bulk, seen(office.prospects(bulk, list(ids.values()))), who="moira")
    lines = [line for line in store.people.audit(person="moira") if line.event == "registration.corrected"]
    assert {line.registration_id for line in lines} == {ids[name] for name in ("whole", "also", "lacks", "there")}
    assert {line.deed_id for line in lines} == {done.deed}


@pytest.mark.parametrize(
    "bulk",
    [
        Bulk(what="add", field="session", value="2031-01-01"),
        Bulk(what="add", field="activity", value="football"),
        Bulk(what="set", field="authority", value="Atlantis"),
        Bulk(what="add", field="topic", value=" "),
        Bulk(what="add", field="authority", value="Fife"),
        Bulk(what="add", field="shoe", value="9"),
        Bulk(what="forget"),
    ],
)
def test_value_that_the_programme_does_not_know_is_refused(office: HouseOffice, ids: dict[str, str], bulk: Bulk) -> None:
    with pytest.raises(MailroomError):
        office.prospects(bulk, list(ids.values()))
    with pytest.raises(MailroomError):
        office.do_many(bulk, dict.fromkeys(ids.values(), 1), who="moira")


def test_entry_that_there_is_not_is_told(office: HouseOffice, ids: dict[str, str]) -> None:
    assert office.prospects(Bulk(what="accept"), ["R-AAAAAAAAAAAAAAAA"])[0].why == "No longer there"


def test_entry_by_hand_rests_on_its_person_and_is_taken_back(store: Store, office: HouseOffice) -> None:
    done = office.add("Ishbel Begg", "Ishbel@mail.example", {"institution": ["Whinhill Academy"], "authority": ["Fife Council"]}, who="moira")
    one = store.find_registration("ishbel@mail.example")
    assert one is not None and one.id == done.about
    assert (one.state, one.missing, one.messages) == (REVIEW, ("activity",), ())
    assert {(value.field, value.value, value.person) for value in one.values} == {
        ("institution", "Whinhill Academy", "moira"),
        ("authority", "Fife", "moira"),
    }
    assert told({"ishbel": one.id}, office.prospects(Bulk(what="spam"), [one.id]))["ishbel"] == (
        False,
        "Entered by hand: take it off the register instead",
    )
    assert done.deed is not None
    office.undo(done.deed, who="moira")
    gone = store.find_registration(one.id)
    assert gone is not None and gone.state is RegistrationState.DISMISSED
    assert store.find_registrations().total == 0


@pytest.mark.parametrize(("name", "address"), [("", "a@b.example"), ("Ishbel", "ishbel"), ("Ishbel", "a@b.example, c@d.example"), ("I\x00", "")])
def test_entry_by_hand_of_nobody_is_refused(store: Store, office: HouseOffice, name: str, address: str) -> None:
    with pytest.raises(MailroomError):
        office.add(name, address, {}, who="moira")
    assert store.find_registrations().total == 0
