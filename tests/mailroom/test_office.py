"""What a person does through the office: each deed over a store that the real pipeline filled, on both databases."""

from __future__ import annotations

import email
import email.policy
import random
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from desk.office import Conflict, Dismissal, Done, Place
from mailroom.assemble import assemble
from mailroom.config import Config, load_config
from mailroom.errors import MailroomError
from mailroom.model import MessageState, ReplyState
from mailroom.office import HouseOffice
from mailroom.officework.knowledge import Knowledge
from store import Record, Recorded, Registration, RegistrationState, Store
from tests.fixtures.stores import copied

SCHOOLS = """name,authority,sector,postcode
Whinny Brae Primary School,Fife,Primary,KY1 1AA
Portlarrick High School,City of Edinburgh,Secondary,EH15 1AA
St Bride's Primary School,Fife,Primary,KY2 2BB
St Bride's Primary School,Angus,Primary,DD8 8CC
Dunshellach Academy,Highland,Secondary,IV2 2DD
"""
SETTINGS = """
mailboxes: [{{name: programme, folder: box}}]
replies: {{mode: hold, from: "Action Research <car@union.example>", plus_addressing: true}}
programme: {{schools: [schools.csv]}}
store: {{url: "{url}"}}
"""


def letter(name: str, body: str, *, who: str = "Ailsa Begg <ailsa@mail.example>", subject: str = "Action research", more: str = "") -> str:
    return f"From: {who}\nTo: car@union.example\nSubject: {subject}\nMessage-ID: <{name}@mail.example>\nDate: Mon, 10 Jan 2022 09:00:00 +0000\n{more}\n{body}\n"


WANTS = "I have been doing an enquiry of my own on {} and would like colleagues to join in."
COMPLETE = letter("complete", f"I'd like to register for the programme. I teach at Whinny Brae Primary School in Fife. {WANTS.format('reading for pleasure')}")
WHICH = letter("which", f"I'd like to register. I teach at St Bride's Primary School. {WANTS.format('early maths')}", who="Bruce Dow <bruce@mail.example>")
ASKS = letter("asks", "Could you tell me whether supply cover is paid for the training days?", who="Catriona Ure <catriona@mail.example>", subject="Cover")
HOME = letter("home", f"I'd like to join. I teach at Whinny Brae Primary School in Fife. {WANTS.format('play outdoors')}", who="Ailsa <wee.ailsa@home.example>")
LETTERS = (COMPLETE, WHICH, ASKS, HOME)


class House:
    def __init__(self, folder: Path, url: str, knowledge: Knowledge) -> None:
        self.box = folder / "box"
        self.box.mkdir(exist_ok=True)
        self.config = configured(folder, url)
        self.store = Store(self.config.store.url)
        self.pipeline = assemble(self.config, self.store, knowledge=(knowledge.programme, knowledge.reader), sessions_at=datetime(2022, 1, 10, tzinfo=UTC))
        self.office = HouseOffice(self.config, self.store, knowledge=knowledge)

    def deliver(self, *messages: str) -> None:
        for message in messages:
            (self.box / f"{len(list(self.box.iterdir())):03}.eml").write_text(message, encoding="utf-8")

    def round(self) -> None:
        with self.store.exclusive(timeout=30):
            assert not self.pipeline.round().errors

    def of(self, address: str) -> Registration:
        found = self.store.find_registration(address)
        assert found is not None
        return found

    def message(self, name: str) -> int:
        record = self.store.message(f"<{name}@mail.example>")
        assert record is not None
        return record.message.id

    def state(self, name: str) -> MessageState:
        record = self.store.message(self.message(name))
        assert record is not None
        return record.message.state


def configured(folder: Path, url: str) -> Config:
    (folder / "schools.csv").write_text(SCHOOLS, encoding="utf-8")
    (folder / "config.yaml").write_text(SETTINGS.format(url=url), encoding="utf-8")
    return load_config(folder / "config.yaml")


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    """Read once for all houses: it takes longer than what they are asked."""
    return Knowledge(configured(tmp_path_factory.mktemp("knowledge"), "sqlite:///mailroom.db"))


def first_round(folder: Path, url: str, knowledge: Knowledge) -> None:
    """The letters, delivered, read and answered."""
    with Store(url) as store:
        store.upgrade()
    made = House(folder, url, knowledge)
    made.deliver(*LETTERS)
    made.round()
    made.store.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, knowledge: Knowledge) -> Path:
    """A folder with its box and its store, once for all houses on SQLite."""
    folder = tmp_path_factory.mktemp("filled")
    first_round(folder, f"sqlite:///{folder}/mailroom.db", knowledge)
    return folder


@pytest.fixture(scope="module")
def filled_file(filled: Path) -> Path:
    return filled / "mailroom.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, filled: Path, knowledge: Knowledge) -> Iterator[House]:
    """A house of the test's own after the first round: a copy of one."""
    shutil.copytree(filled / "box", tmp_path / "box")

    def prepare(url: str) -> None:
        first_round(tmp_path_factory.mktemp("office"), url, knowledge)

    with copied(request, tmp_path, file="filled_file", name="office", prepare=prepare) as url:
        made = House(tmp_path, url, knowledge)
        yield made
        made.store.close()


def everything(store: Store) -> dict[str, Any]:
    """All that an undo has to bring back; revisions and times of change only grow."""
    registrations = [
        (one.id, one.state, one.missing, one.values, one.messages, one.places, one.merged_into, store.addresses(one.id))
        for one in store.registrations(list(RegistrationState))
    ]
    return {
        "registrations": registrations,
        "messages": [(one.id, one.state, one.state_at, one.reason, one.reason_detail) for one in store.messages(limit=1000)],
        "replies": [(one.id, one.state, one.reason, one.next_attempt_at) for one in store.replies(limit=1000)],
    }


# --- places and words


@pytest.fixture(scope="module")
def places(knowledge: Knowledge) -> Callable[[str], tuple[Place, ...]]:
    return knowledge.places.find


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("portl", "Portlarrick High School"),
        ("high portlarrick", "Portlarrick High School"),
        ("portlarrick hs", "Portlarrick High School"),
        ("PHS", "Portlarrick High School"),
        ("phs edinburgh", "Portlarrick High School"),
        ("portlarick hihg", "Portlarrick High School"),
        ("dunshelach", "Dunshellach Academy"),
        ("saint brides ps angus", "St Bride's Primary School"),
        ("st bride’s", "St Bride's Primary School"),
        ("the old academy in dunshellach", "Dunshellach Academy"),
        ("ayrshire coll", "Ayrshire College"),
        ("kirkcaldy whinny", "Whinny Brae Primary School"),  # a town of its council
    ],
)
def test_a_place_is_found_by_what_people_type(places: Callable[[str], tuple[Place, ...]], typed: str, found: str) -> None:
    assert places(typed)[0].name == found


def test_namesakes_are_told_apart_and_the_council_narrows_them(places: Callable[[str], tuple[Place, ...]]) -> None:
    assert {place.council for place in places("st brides")} == {"Fife", "Angus"}
    assert [place.council for place in places("st brides angus")] == ["Angus"]
    assert places("qqqq") == () == places("   ")
    assert places("??") == ()


def test_the_words_are_those_of_the_programme(house: House) -> None:
    words = house.office.words
    assert words.timezone == "Europe/London"
    assert len(words.councils) == 32
    assert [one.letter for one in words.activities][:2] == ["a", "b"]
    assert words.sessions
    assert words.themes


# --- deeds on registrations


def test_a_correction_settles_and_its_undo_brings_everything_back(house: House) -> None:
    before, seen = everything(house.store), house.of("bruce@mail.example")
    assert seen.state is RegistrationState.ASK_MEMBER
    done = house.office.correct(seen.id, seen.revision, {"authority": ["Angus Council"]}, who="moira")
    after = house.of("bruce@mail.example")
    assert (after.state, after.missing, after.values_of("authority")) == (RegistrationState.REGISTERED, (), ("Angus",))
    assert "registered" in done.said
    [question] = [reply for reply in house.store.replies(limit=50) if reply.registration_id == seen.id]
    assert (question.state, question.reason) == (ReplyState.SUPPRESSED, "corrected_meanwhile")
    assert done.deed is not None
    house.office.undo(done.deed, who="ewan")
    assert everything(house.store) == before
    last = house.store.history(registration_id=seen.id)[-1]
    assert (last.event, last.actor, last.deed_id) == ("registration.restored", "ewan", done.deed)


def test_the_council_is_filled_in_where_the_school_stands_in_one_alone(house: House) -> None:
    seen = house.of("bruce@mail.example")
    done = house.office.correct(seen.id, seen.revision, {"institution": ["dunshellach academy"]}, who="moira")
    after = house.of("bruce@mail.example")
    assert after.values_of("institution") == ("Dunshellach Academy",)
    assert after.values_of("authority") == ("Highland",)
    assert "filled in" in done.said
    again = house.office.correct(seen.id, after.revision, {"institution": ["Portlarrick High School"]}, who="moira")
    assert house.of("bruce@mail.example").values_of("authority") == ("Highland",)  # what a person said is not overwritten
    assert "City of Edinburgh only" in again.said


def test_a_council_that_was_unsure_follows_the_school_that_a_person_names(house: House) -> None:
    """Not one that a person gave, nor one that is sure."""
    seen = house.of("bruce@mail.example")
    house.office.correct(seen.id, seen.revision, {"institution": ["Whinny Brae Primary School"]}, who="moira", settle=False)
    assert house.of("bruce@mail.example").values_of("authority") == ("Fife",)
    sure = house.of("ailsa@mail.example")
    done = house.office.correct(sure.id, sure.revision, {"institution": ["Dunshellach Academy"]}, who="moira")
    assert house.of("ailsa@mail.example").values_of("authority") == ("Fife",)
    assert "Highland only" in done.said


def test_a_college_needs_no_council(house: House) -> None:
    seen = house.of("bruce@mail.example")
    house.office.correct(seen.id, seen.revision, {"institution": ["Ayrshire College"]}, who="moira")
    after = house.of("bruce@mail.example")
    assert (after.state, after.missing) == (RegistrationState.REGISTERED, ())


@pytest.mark.parametrize(
    ("changes", "cleared", "said"),
    [
        ({"authority": ["Narnia"]}, (), "there are Aberdeen City"),
        ({"activity": ["knitting"]}, (), "existing_collaborative"),
        ({"session": ["2022-02-30"]}, (), "2022-01-19"),
        ({"topic": ["x" * 400]}, (), "longer than"),
        ({"topic": ["a\x07b"]}, (), "cannot be printed"),
        ({"colour": ["red"]}, (), "no field"),
        ({"topic": ["x"]}, ("topic",), "not both"),
        ({}, (), "nothing to correct"),
    ],
)
def test_what_is_not_known_is_refused_in_words(house: House, changes: dict[str, list[str]], cleared: Sequence[str], said: str) -> None:
    before, seen = everything(house.store), house.of("bruce@mail.example")
    with pytest.raises(MailroomError, match=said):
        house.office.correct(seen.id, seen.revision, changes, cleared, who="moira")
    assert everything(house.store) == before


def test_who_comes_second_is_told_who_was_quicker(house: House) -> None:
    seen = house.of("bruce@mail.example")
    house.office.correct(seen.id, seen.revision, {"authority": ["Angus"]}, who="moira")
    for deed in (
        lambda: house.office.correct(seen.id, seen.revision, {"authority": ["Fife"]}, who="ewan"),
        lambda: house.office.accept(seen.id, seen.revision, who="ewan", incomplete=True),
        lambda: house.office.withdraw(seen.id, seen.revision, who="ewan"),
        lambda: house.office.reopen(seen.id, seen.revision, who="ewan"),
        lambda: house.office.ask(seen.id, seen.revision, ["authority"], "Which one?", who="ewan"),
        lambda: house.office.merge(seen.id, seen.revision, house.of("ailsa@mail.example").id, 1, who="ewan"),
        lambda: house.office.dismiss([house.message("which")], Dismissal.SPAM, who="ewan", seen={seen.id: seen.revision}),
    ):
        with pytest.raises(Conflict) as conflict:
            deed()
        assert (conflict.value.now_at, conflict.value.who) == (seen.revision + 1, "moira")
    assert house.of("bruce@mail.example").values_of("authority") == ("Angus",)


def test_accepting_needs_what_is_required_unless_it_may_be_incomplete(house: House) -> None:
    seen = house.of("bruce@mail.example")
    with pytest.raises(MailroomError, match="council"):
        house.office.accept(seen.id, seen.revision, who="moira")
    house.office.accept(seen.id, seen.revision, who="moira", incomplete=True)
    assert house.of("bruce@mail.example").state is RegistrationState.REGISTERED


def test_a_registration_is_reopened_from_wherever_it_is(house: House) -> None:
    seen = house.of("ailsa@mail.example")
    house.office.withdraw(seen.id, seen.revision, who="moira")
    assert house.office.reopen(seen.id, seen.revision + 1, who="moira").deed
    dismissed = house.office.dismiss(list(seen.messages), Dismissal.NOT_OURS, who="moira")
    assert dismissed.deed
    gone = house.store.registration(seen.id)
    assert gone is not None
    assert gone.state is RegistrationState.DISMISSED
    assert seen.id not in [one.id for one in house.store.registrations()]
    house.office.reopen(seen.id, gone.revision, who="moira")
    assert house.of("ailsa@mail.example").state is RegistrationState.REVIEW
    assert house.state("complete") is MessageState.REVIEW


def test_a_merged_member_is_found_by_either_address_and_unmerged_again(house: House) -> None:
    before = everything(house.store)
    one, other = house.of("wee.ailsa@home.example"), house.of("ailsa@mail.example")
    done = house.office.merge(one.id, one.revision, other.id, other.revision, who="moira")
    merged, whole = house.store.registration(one.id), house.of("wee.ailsa@home.example")
    assert merged is not None
    assert (merged.state, merged.merged_into, merged.messages) == (RegistrationState.MERGED, other.id, ())
    assert whole.id == other.id
    assert set(whole.messages) == {*one.messages, *other.messages}
    assert {"reading for pleasure", "play outdoors"} <= {topic.casefold() for topic in whole.values_of("topic")}
    assert done.deed is not None
    with pytest.raises(MailroomError, match="merged into"):
        house.office.correct(one.id, merged.revision, {"topic": ["x"]}, who="moira")
    house.office.undo(done.deed, who="moira")
    assert everything(house.store) == before


def test_a_later_message_continues_what_it_was_merged_into(house: House) -> None:
    one, other = house.of("wee.ailsa@home.example"), house.of("ailsa@mail.example")
    house.office.merge(one.id, one.revision, other.id, other.revision, who="moira")
    more = "In-Reply-To: <home@mail.example>\n"
    house.deliver(letter("later", "Please take me off the list.", who="Ailsa <wee.ailsa@home.example>", subject="Re: Action research", more=more))
    house.round()
    assert house.of("ailsa@mail.example").state is RegistrationState.WITHDRAWN


def test_a_later_message_follows_a_chain_of_merges_to_its_end(house: House) -> None:
    house.deliver(letter("third", f"I'd like to join. I teach at Dunshellach Academy in Highland. {WANTS.format('trees')}", who="Ailsa B <ab@third.example>"))
    house.round()
    for one, other in (("wee.ailsa@home.example", "ailsa@mail.example"), ("ailsa@mail.example", "ab@third.example")):
        first, second = house.of(one), house.of(other)
        house.office.merge(first.id, first.revision, second.id, second.revision, who="moira")
    before = len(list(house.store.registrations(list(RegistrationState))))
    more = "In-Reply-To: <home@mail.example>\n"
    house.deliver(letter("later", "Please take me off the list.", who="Ailsa <wee.ailsa@home.example>", subject="Re: Action research", more=more))
    house.round()
    assert house.of("ab@third.example").state is RegistrationState.WITHDRAWN
    assert len(list(house.store.registrations(list(RegistrationState)))) == before


def test_nothing_continues_what_was_dismissed(house: House) -> None:
    seen = house.of("bruce@mail.example")
    house.office.dismiss(list(seen.messages), Dismissal.NOT_OURS, who="moira")
    more = "In-Reply-To: <which@mail.example>\n"
    house.deliver(letter("again", "It is the one in Angus.", who="Bruce Dow <bruce@mail.example>", subject="Re: Action research", more=more))
    house.round()
    gone = house.store.registration(seen.id)
    assert gone is not None
    assert (gone.state, gone.messages) == (RegistrationState.DISMISSED, seen.messages)


def test_a_message_without_a_registration_is_entered(house: House) -> None:
    before, number = everything(house.store), house.message("asks")
    done = house.office.enter(number, {"institution": ["Dunshellach Academy"], "activity": ["existing_individual"]}, who="moira")
    entered = house.of("catriona@mail.example")
    assert (entered.state, entered.values_of("authority")) == (RegistrationState.REGISTERED, ("Highland",))
    assert entered.id in done.said
    assert house.state("asks") is MessageState.REGISTERED
    with pytest.raises(Conflict):
        house.office.enter(number, {"topic": ["play"]}, who="ewan")
    assert done.deed is not None
    house.office.undo(done.deed, who="moira")
    after = everything(house.store)
    assert [one for one in after["registrations"] if one[0] != entered.id] == before["registrations"]
    assert (after["messages"], after["replies"]) == (before["messages"], before["replies"])
    house.office.enter(number, {"institution": ["Dunshellach Academy"]}, who="moira")  # once more
    assert house.of("catriona@mail.example").missing == ("activity",)


# --- deeds on messages


def test_what_is_dismissed_is_not_answered_and_comes_back(house: House) -> None:
    before, seen = everything(house.store), house.of("bruce@mail.example")
    done = house.office.dismiss([house.message("which"), house.message("asks")], Dismissal.SPAM, who="moira")
    assert {house.state("which"), house.state("asks")} == {MessageState.IGNORED}
    unsent = [reply for reply in house.store.replies(limit=50) if reply.message_id in (house.message("which"), house.message("asks"))]
    assert unsent
    assert {(reply.state, reply.reason) for reply in unsent} == {(ReplyState.SUPPRESSED, "dismissed_meanwhile")}
    assert house.office.release([reply.id for reply in unsent], who="moira").deed is None
    assert done.deed is not None
    house.office.undo(done.deed, who="moira")
    assert everything(house.store) == before
    assert house.of("bruce@mail.example").id == seen.id


def test_a_message_is_settled_once(house: House) -> None:
    number = house.message("asks")
    assert house.office.settle([number], who="moira").deed
    with pytest.raises(Conflict) as conflict:
        house.office.settle([number], who="ewan")
    assert conflict.value.who == "moira"


def test_a_message_that_is_read_again_is_answered_once_and_registers_nobody_twice(house: House) -> None:
    seen = house.of("bruce@mail.example")
    house.office.reopen(seen.id, seen.revision, who="moira")
    number = house.message("asks")
    done = house.office.read_again([number], who="moira")
    assert house.state("asks") is MessageState.WAITING
    house.round()
    assert house.state("asks") is MessageState.REVIEW
    record = house.store.message(number)
    assert record is not None
    assert (len(record.readings), len(record.replies), record.message.attempts) == (2, 1, 0)
    assert done.deed is not None
    with pytest.raises(Conflict, match="changed since"):
        house.office.undo(done.deed, who="moira")


def test_a_registration_in_review_that_is_read_again_stays_one(house: House) -> None:
    house.deliver(
        letter(
            "odd",
            f"I'd like to register. I teach at Whinny Brae Primary School in Highland. {WANTS.format('play')}",
            who="Ina <ina@mail.example>",
        )
    )
    house.round()
    [odd] = [one for one in house.store.registrations() if one.member_address == "ina@mail.example"]
    assert (odd.state, house.state("odd")) == (RegistrationState.REVIEW, MessageState.REVIEW)
    answers = len(house.store.replies(limit=100))
    house.office.read_again([house.message("odd")], who="moira")
    assert house.state("odd") is MessageState.WAITING
    house.round()
    [again] = [one for one in house.store.registrations(list(RegistrationState)) if one.member_address == "ina@mail.example"]
    assert (again.id, again.messages, again.values, again.state) == (odd.id, odd.messages, odd.values, odd.state)
    assert house.state("odd") is MessageState.REVIEW
    assert len(house.store.replies(limit=100)) == answers


# --- mail


def sent_as(house: House, template: str) -> Any:
    [reply] = [one for one in house.store.replies(limit=100) if one.template == template and one.state is ReplyState.DUE]
    content = house.store.reply_content(reply.id)
    assert content is not None
    return email.message_from_bytes(content, policy=email.policy.default)


def test_a_question_by_hand_goes_out_at_once_in_the_thread_and_its_answer_is_understood(house: House) -> None:
    seen = house.of("bruce@mail.example")
    shown = house.office.question(seen.id, ["authority"])
    assert "Which council area is your school in?" in shown.text
    assert shown.text in shown.whole
    words = shown.text + "\n\nBest wishes <b>Moira</b>"
    done = house.office.ask(seen.id, seen.revision, ["authority"], words, who="moira")
    mail = sent_as(house, "asked_by_person")
    assert mail["In-Reply-To"] == mail["References"] == "<which@mail.example>"
    assert mail["Auto-Submitted"] is None
    assert mail["Reply-To"].startswith("car+")
    assert "<b>Moira</b>" in mail.get_body(("plain",)).get_content()
    assert "&lt;b&gt;Moira&lt;/b&gt;" in mail.get_body(("html",)).get_content()
    waits = house.of("bruce@mail.example")
    assert (waits.state, waits.missing) == (RegistrationState.ASK_MEMBER, ("authority",))
    assert [one.reason for one in house.store.replies(limit=50) if one.registration_id == seen.id and one.template == "ask_member"] == ["answered_meanwhile"]
    assert done.deed
    house.deliver(letter("reply", "Angus", who="Bruce Dow <bruce@mail.example>", subject=f"Re: {mail['Subject']}", more=f"In-Reply-To: {mail['Message-ID']}\n"))
    house.round()
    after = house.of("bruce@mail.example")
    assert (after.state, after.values_of("authority")) == (RegistrationState.REGISTERED, ("Angus",))


def test_a_person_may_ask_although_it_was_asked_before(house: House) -> None:
    seen = house.of("bruce@mail.example")
    house.office.ask(seen.id, seen.revision, ["authority", "topic"], "Which one?", who="moira")
    again = house.of("bruce@mail.example")
    assert house.office.ask(seen.id, again.revision, ["authority"], "Which one, please?", who="moira").deed


def test_an_answer_by_hand_settles_its_message_and_its_undo_parks_it(house: House) -> None:
    before, number = everything(house.store), house.message("asks")
    done = house.office.answer(number, "Re: Cover", "Yes, it is.\n\nMoira\nDesk", who="moira")
    mail = sent_as(house, "answered_by_person")
    assert (mail["To"], mail["Subject"], mail["In-Reply-To"]) == ("Catriona Ure <catriona@mail.example>", "Re: Cover", "<asks@mail.example>")
    assert house.state("asks") is MessageState.REGISTERED
    assert done.deed is not None
    house.office.undo(done.deed, who="moira")
    after = everything(house.store)
    assert (after["messages"], after["registrations"]) == (before["messages"], before["registrations"])
    assert [(state, reason) for _, state, reason, _ in after["replies"]][-1] == (ReplyState.SUPPRESSED, "taken_back")


def test_what_somebody_answered_meanwhile_is_not_answered_twice(house: House) -> None:
    number = house.message("asks")

    def touched() -> int:
        record = house.store.message(number)
        assert record is not None
        return record.touched

    seen, replies = touched(), len(house.store.replies(limit=100))
    house.store.people.looked("ewan", "message", datetime.now(UTC), message_id=number)
    assert touched() == seen  # to look is to do nothing
    house.office.answer(number, "Re: Cover", "Yes, it is.", who="ewan", touched=seen)
    with pytest.raises(Conflict) as conflict:
        house.office.answer(number, "Re: Cover", "No, it is not.", who="moira", touched=seen)
    assert conflict.value.who == "ewan"
    with pytest.raises(Conflict):
        house.office.dismiss([number], Dismissal.SPAM, who="moira", touched={number: seen})
    assert (len(house.store.replies(limit=100)), house.state("asks")) == (replies + 1, MessageState.REGISTERED)
    assert house.office.answer(number, "Re: Cover", "One thing more.", who="moira", touched=touched()).deed


def test_a_message_that_was_settled_meanwhile_is_not_answered_unseen(house: House) -> None:
    number, replies = house.message("asks"), len(house.store.replies(limit=100))
    house.office.settle([number], who="ewan")
    with pytest.raises(Conflict):
        house.office.answer(number, "Re: Cover", "Yes.", who="moira", touched=0)
    assert len(house.store.replies(limit=100)) == replies


def test_of_two_answers_at_once_one_goes_out(house: House) -> None:
    number, replies, start = house.message("asks"), len(house.store.replies(limit=100)), threading.Barrier(2)
    ends: list[str] = []

    def answer(who: str) -> None:
        start.wait()
        try:
            house.office.answer(number, "Re: Cover", "Yes.", who=who, touched=0)
            ends.append("sent")
        except Conflict:
            ends.append("conflict")

    threads = [threading.Thread(target=answer, args=(who,)) for who in ("moira", "ewan")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(ends) == ["conflict", "sent"]
    assert len(house.store.replies(limit=100)) == replies + 1


def test_an_answer_is_not_taken_back_by_dismissing_an_entry_as_it_was_before(house: House) -> None:
    seen = house.of("bruce@mail.example")
    house.office.answer(house.message("which"), "Re: x", "We look into it.", who="ewan", touched=0)
    with pytest.raises(Conflict) as conflict:
        house.office.dismiss(seen.messages, Dismissal.NOT_OURS, who="moira", seen={seen.id: seen.revision})
    assert conflict.value.who == "ewan"
    assert sent_as(house, "answered_by_person")["Subject"] == "Re: x"


def test_what_came_after_the_page_was_opened_is_not_settled_with_it(house: House) -> None:
    """A further message that waits for a person counts as a change of the entry, also where no value of it differs."""
    one = house.of("ailsa@mail.example")
    house.office.reopen(one.id, one.revision, who="moira")
    seen = house.of("ailsa@mail.example")
    more = "In-Reply-To: <complete@mail.example>\n"
    house.deliver(letter("second", "Could you tell me whether supply cover is paid for the training days?", subject="Re: Action research", more=more))
    house.round()
    assert house.of("ailsa@mail.example").values == seen.values
    assert house.state("second") is MessageState.REVIEW
    with pytest.raises(Conflict):
        house.office.accept(seen.id, seen.revision, who="moira")
    assert house.state("second") is MessageState.REVIEW


@pytest.mark.parametrize(
    ("subject", "text", "said"),
    [
        ("Re: x\nBcc: all@mail.example", "Yes", "line break"),
        ("Re: x\r\nBcc: all@mail.example", "Yes", "line break"),
        ("Re: x\u2028Bcc: all@mail.example", "Yes", "line break"),
        ("", "Yes", "subject is empty"),
        ("x" * 300, "Yes", "longer"),
        ("Re: x", " \n ", "text is empty"),
        ("Re: x", "a\x00b", "cannot be printed"),
    ],
)
def test_an_answer_by_hand_cannot_add_a_header(house: House, subject: str, text: str, said: str) -> None:
    before = everything(house.store)
    with pytest.raises(MailroomError, match=said):
        house.office.answer(house.message("asks"), subject, text, who="moira")
    assert everything(house.store) == before


def test_a_machine_is_not_answered_by_hand_either(house: House) -> None:
    house.deliver(letter("robot", "I am away until Monday.", who="Dougal <dougal@mail.example>", more="Auto-Submitted: auto-replied\n"))
    house.deliver(letter("ours", "Hello", who="Action Research <car@union.example>"))
    house.round()
    for name in ("robot", "ours"):
        with pytest.raises(MailroomError, match="never answered"):
            house.office.answer(house.message(name), "Re: x", "Hello", who="moira")


def test_answers_are_released_and_parked_and_both_taken_back(house: House) -> None:
    before = everything(house.store)
    held = [reply.id for reply in house.store.replies(ReplyState.HELD)]
    for deed, state in ((house.office.release, ReplyState.DUE), (house.office.park, ReplyState.SUPPRESSED)):
        done = deed(held, who="moira")
        assert {reply.state for reply in house.store.replies(limit=50)} == {state}
        assert done.deed is not None
        house.office.undo(done.deed, who="moira")
        assert everything(house.store) == before


def test_what_has_left_is_not_taken_back(house: House) -> None:
    held = [reply.id for reply in house.store.replies(ReplyState.HELD)]
    done = house.office.release(held, who="moira")
    now = datetime.now(UTC)
    assert house.store.claim(held[0], now) is not None
    assert done.deed is not None
    with pytest.raises(MailroomError, match="has left"):
        house.office.undo(done.deed, who="moira")


# --- undo


def test_a_deed_that_another_builds_on_is_taken_back_after_that_one(house: House) -> None:
    before, seen = everything(house.store), house.of("bruce@mail.example")
    first = house.office.correct(seen.id, seen.revision, {"authority": ["Angus"]}, who="moira")
    second = house.office.correct(seen.id, seen.revision + 1, {"topic": ["numeracy"]}, who="ewan")
    assert first.deed is not None
    assert second.deed is not None
    with pytest.raises(Conflict) as conflict:
        house.office.undo(first.deed, who="moira")
    assert conflict.value.who == "ewan"
    house.office.undo(second.deed, who="ewan")
    house.office.undo(first.deed, who="moira")
    assert everything(house.store) == before
    with pytest.raises(Conflict, match="already"):
        house.office.undo(first.deed, who="moira")
    with pytest.raises(MailroomError, match="no deed"):
        house.office.undo(999, who="moira")


def test_a_deed_is_not_taken_back_over_a_later_message(house: House) -> None:
    seen = house.of("bruce@mail.example")
    done = house.office.correct(seen.id, seen.revision, {"authority": ["Angus"]}, who="moira")
    more = "In-Reply-To: <which@mail.example>\n"
    house.deliver(letter("off", "Please take me off the list.", who="Bruce Dow <bruce@mail.example>", subject="Re: Action research", more=more))
    house.round()
    assert done.deed is not None
    with pytest.raises(Conflict, match="changed since"):
        house.office.undo(done.deed, who="moira")


@pytest.mark.parametrize("seed", range(4))
def test_any_deed_and_its_undo_leave_all_as_it_was(house: House, seed: int) -> None:
    """A walk of random deeds: each is done, taken back and compared; some are done again and kept, and in the end all are taken back in turn."""
    chance = random.Random(seed)
    start, kept = everything(house.store), list[tuple[int, dict[str, Any]]]()
    done_kinds: set[str] = set()
    for _ in range(14):
        kind, deed = chance.choice(deeds_of(house, chance))
        before = everything(house.store)
        try:
            done = deed()
        except MailroomError:
            assert everything(house.store) == before
            continue
        if done.deed is None:
            assert everything(house.store) == before
            continue
        done_kinds.add(kind)
        kept.append((done.deed, before))
        if chance.random() < 0.6:
            house.office.undo(kept[-1][0], who="ewan")
            assert comparable(everything(house.store)) == comparable(before), kind
            kept.pop()
    for number, before in reversed(kept):
        house.office.undo(number, who="ewan")
        assert comparable(everything(house.store)) == comparable(before)
    assert comparable(everything(house.store)) == comparable(start)
    assert len(done_kinds) > 3


def comparable(all_of_it: dict[str, Any]) -> dict[str, Any]:
    """Without what an undo leaves in a state of its own: a letter that was taken back, an entry that rests on nothing."""
    return {
        "registrations": [one for one in all_of_it["registrations"] if one[1] is not RegistrationState.DISMISSED or one[4]],
        "messages": all_of_it["messages"],
        "replies": [one for one in all_of_it["replies"] if one[2] != "taken_back"],
    }


def deeds_of(house: House, chance: random.Random) -> list[tuple[str, Callable[[], Done]]]:
    office, registrations = house.office, list(house.store.registrations(list(RegistrationState)))
    one, other = chance.choice(registrations), chance.choice(registrations)
    messages = [message.id for message in house.store.messages(limit=50)]
    some = chance.sample(messages, chance.randint(1, 2))
    replies = [reply.id for reply in house.store.replies(limit=50)]
    answers = chance.sample(replies, chance.randint(1, len(replies)))
    councils = chance.choice([["Fife"], ["Angus"], ["Highland"]])
    return [
        ("correct", lambda: office.correct(one.id, one.revision, {"authority": councils}, who="moira")),
        ("correct", lambda: office.correct(one.id, one.revision, {"session": ["2022-01-19"]}, ["topic"], who="moira", settle=False)),
        ("accept", lambda: office.accept(one.id, one.revision, who="moira", incomplete=True)),
        ("withdraw", lambda: office.withdraw(one.id, one.revision, who="moira")),
        ("reopen", lambda: office.reopen(one.id, one.revision, who="moira")),
        ("merge", lambda: office.merge(one.id, one.revision, other.id, other.revision, who="moira")),
        ("enter", lambda: office.enter(some[0], {"institution": ["Dunshellach Academy"]}, who="moira")),
        ("dismiss", lambda: office.dismiss(some, Dismissal.SPAM, who="moira")),
        ("settle", lambda: office.settle(some, who="moira")),
        ("read_again", lambda: office.read_again(some, who="moira")),
        ("ask", lambda: office.ask(one.id, one.revision, ["authority"], "Which one?", who="moira")),
        ("answer", lambda: office.answer(some[0], "Re: x", "Yes.", who="moira")),
        ("release", lambda: office.release(answers, who="moira")),
        ("park", lambda: office.park(answers, who="moira")),
    ]


# --- at once


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What each came to, or its error; all begin together."""
    barrier, results = threading.Barrier(len(works)), [None] * len(works)

    def run(index: int, work: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            results[index] = work()
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index, work)) for index, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_of_two_desks_at_once_exactly_one_wins(house: House) -> None:
    offices = [HouseOffice(house.config, Store(house.config.store.url), knowledge=house.office.knowledge) for _ in range(2)]
    for number in range(6):
        seen = house.of("bruce@mail.example")
        results = at_once(
            lambda seen=seen, number=number: offices[0].correct(seen.id, seen.revision, {"topic": [f"moira {number}"]}, who="moira"),
            lambda seen=seen, number=number: offices[1].correct(seen.id, seen.revision, {"topic": [f"ewan {number}"]}, who="ewan"),
        )
        assert sorted(type(result).__name__ for result in results) == ["Conflict", "Done"], results
        assert house.of("bruce@mail.example").revision == seen.revision + 1
    for office in offices:
        office.store.close()


def test_a_round_decides_again_on_what_a_person_changed_meanwhile(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The correction comes between the round's look at the registration and its record."""
    seen, record_many = house.of("ailsa@mail.example"), house.store.record_many
    more = "In-Reply-To: <complete@mail.example>\n"
    house.deliver(letter("more", "The topic should be numeracy instead.", subject="Re: Action research", more=more))

    def between(batch: Sequence[Record], now: datetime) -> list[Recorded]:
        monkeypatch.undo()
        house.office.correct(seen.id, seen.revision, {"session": ["2022-01-19"]}, who="moira")
        return record_many(batch, now)

    monkeypatch.setattr(house.store, "record_many", between)
    house.round()
    house.round()
    after = house.of("ailsa@mail.example")
    assert after.values_of("session") == ("2022-01-19",)
    assert house.message("more") in after.messages
    assert house.state("more") not in (MessageState.WAITING, MessageState.QUARANTINED)


def test_a_round_and_a_desk_at_once_lose_nothing(house: House) -> None:
    office = HouseOffice(house.config, Store(house.config.store.url), knowledge=house.office.knowledge)
    for number in range(4):
        more = "In-Reply-To: <complete@mail.example>\n"
        house.deliver(letter(f"more{number}", f"Could you add the topic numeracy part {number}, please.", subject="Re: Action research", more=more))
        seen = house.of("ailsa@mail.example")
        results = at_once(
            house.round, lambda seen=seen, number=number: office.correct(seen.id, seen.revision, {"activity": [ACTIVITIES[number % 2]]}, who="moira")
        )
        assert results[0] is None, results
        assert isinstance(results[1], (Done, Conflict)), results
        house.round()
        after = house.of("ailsa@mail.example")
        assert house.message(f"more{number}") in after.messages
        assert house.state(f"more{number}") not in (MessageState.WAITING, MessageState.QUARANTINED)
        if isinstance(results[1], Done):
            assert after.values_of("activity") == (ACTIVITIES[number % 2],)
    office.store.close()


ACTIVITIES = ("existing_individual", "existing_collaborative")


def test_who_is_answered_by_hand_is_not_told_afterwards_that_a_person_will_answer(house: House) -> None:
    number = house.message("asks")
    [promised] = [one for one in house.store.message(number).replies if one.template == "review"]  # type: ignore[union-attr]
    assert promised.state in (ReplyState.HELD, ReplyState.DUE)
    done = house.office.answer(number, "Re: Cover", "Yes, it is.", who="moira")
    [kept] = [one for one in house.store.message(number).replies if one.template == "review"]  # type: ignore[union-attr]
    assert (kept.state, kept.reason) == (ReplyState.SUPPRESSED, "answered_meanwhile")
    assert "cannot be released" in house.office.release([kept.id], who="moira").said
    assert done.deed is not None
    house.office.undo(done.deed, who="moira")
    assert [one.state for one in house.store.message(number).replies if one.template == "review"] == [promised.state]  # type: ignore[union-attr]
