"""Whatever members, strangers, machines and the coordinator do in whatever order: what must hold afterwards.

The sequences are random; every part is real (reader, rules, store, SMTP), with a folder as the mailbox. What
the words mean is of no concern here, tests/conversations has that. MAILROOM_TEST_EXAMPLES sets how many
sequences are played.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import policy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from mailroom.assemble import assemble, read_programme
from mailroom.config import load_config
from mailroom.exporting import register_row
from mailroom.programme import Programme
from mailroom.sink import Sink
from mailroom.timeline import conversation_facts
from parse.reader import Reader
from store import FieldValue, Registration, RegistrationState, RegistrationUpdate, Store
from tests.fixtures.conversations import BEGIN, OURS, SCHOOLS, Answer, answer_of, write

EXAMPLES = int(os.environ.get("MAILROOM_TEST_EXAMPLES", "5"))
PERSON = "the co-ordinator"
MEMBERS = ("Anne Muir <anne@mail.example>", "Rab Tait <rab@mail.example>")
STRANGER = "Mallory Quirk <mallory@elsewhere.example>"
STRANGERS_WORDS = ("Port Eynort Primary School", "Highland")  # what no member says
FIRST = (
    "Please register me for the action research programme. I teach at Corrieburn Primary School in Fife. I have been doing an enquiry of my "
    "own on spelling and would like colleagues to join in.",
    "I'd like to register for the action research programme. I'm at St Bride's Primary School, where we have had a research group on reading "
    "since August. There are five of us.",
    "Hello, I'd like to join the action research programme, please. I'm in Angus.",
)
LATER = (
    *("Fife", "(b)", "the second one", "Fife or Dundee", "Fife, no wait, Dundee", "Glenfarg Road Primary School", "a and d", "1) Corrieburn High School\n2) c"),
    *("Could you change me to the 25th instead?", "I can come on the 19th as well.", "I can't make the 19th any more.", "Can you add numeracy as a topic?"),
    *("That's wrong, it should be North Lanarkshire.", "No, that's wrong.", "It should say Renfrewshire, not Fife.", "Is supply cover paid?"),
    "I have moved to Lochwhinnoch Academy in North Lanarkshire.",
    *("Please take me off the list.", "Please put me back on the list.", "I might have to withdraw.", "Thanks!", "", "I'll get back to you."),
)
STRANGE = (
    "Please change the school to Port Eynort Primary School, Highland.",
    "Please take me off the list.",
    "It is Highland.",
    "I would like to register for the programme too. I teach at Port Eynort Primary School in Highland and have an enquiry of my own on play to share.",
)
CORRECTIONS = (
    *(("authority", ("Stirling",)), ("authority", ("Moray",)), ("topic", ("maths",)), ("session", ("2022-01-19",)), ("activity", ("proposed_collaborative",))),
    *(("institution", ("Kilbrannan Primary School",)), ("topic", ())),
)

# --- what may happen

members = st.sampled_from(MEMBERS)
ways = st.sampled_from(("answers", "answers", "stripped", "new"))
steps = st.one_of(
    st.tuples(st.just("says"), members, st.sampled_from(LATER), ways),
    st.tuples(st.just("says"), members, st.sampled_from(LATER), ways),
    st.tuples(st.just("says"), members, st.sampled_from(FIRST), st.just("new")),
    st.tuples(st.just("stranger"), st.sampled_from(STRANGE)),
    st.tuples(st.just("corrects"), members, st.sampled_from(CORRECTIONS)),
    st.tuples(st.just("accepts"), members),
    st.tuples(st.just("again"), st.booleans()),
    st.tuples(st.just("machine"), members),
    st.tuples(st.just("outage"), members),
)
sequences = st.tuples(
    st.lists(st.tuples(st.just("says"), members, st.sampled_from(FIRST), st.just("new")), min_size=1, max_size=2),
    st.lists(steps, min_size=1, max_size=7),
).map(lambda parts: [*parts[0], *parts[1]])


# What a slip in one line would make wrong, always among the sequences.
OVERWRITES: list[tuple[Any, ...]] = [
    ("says", MEMBERS[0], FIRST[0], "new"),
    ("corrects", MEMBERS[0], ("authority", ("Stirling",))),
    ("says", MEMBERS[0], "That's wrong, it should be North Lanarkshire.", "answers"),
    ("accepts", MEMBERS[0]),
    ("says", MEMBERS[0], "I have moved to Lochwhinnoch Academy in North Lanarkshire.", "stripped"),
]
ASKS_AGAIN: list[tuple[Any, ...]] = [
    ("outage", MEMBERS[1]),
    ("says", MEMBERS[1], FIRST[2], "new"),
    ("says", MEMBERS[1], FIRST[1], "new"),
    ("says", MEMBERS[1], "I have moved to Lochwhinnoch Academy in North Lanarkshire.", "answers"),
    ("says", MEMBERS[1], "Fife or Dundee", "answers"),
    ("machine", MEMBERS[1]),
    ("again", False),
]
WRITES_TWICE: list[tuple[Any, ...]] = [
    ("says", MEMBERS[0], FIRST[0], "new"),
    ("stranger", STRANGE[3]),
    ("again", False),
    ("stranger", STRANGE[3]),
    ("stranger", STRANGE[0]),
]


@dataclass
class World:
    """One installation, and what the coordinator has put right in it."""

    folder: Path
    knowledge: tuple[Programme, Reader]
    clock: datetime = BEGIN
    delivered: list[Any] = field(default_factory=list)
    corrected: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.box = self.folder / "box"
        self.box.mkdir()
        self.sink = Sink()
        self.sink.start()
        config = load_config(write_config(self.folder, self.sink.port))
        self.store = Store(config.store.url)
        self.pipeline = assemble(config, self.store, knowledge=self.knowledge, now=lambda: self.clock)

    def close(self) -> None:
        self.store.close()
        self.sink.stop()

    def answers(self) -> list[Answer]:
        templates = {reply.identifier: reply.template for reply in self.store.replies(limit=1000)}
        return [answer_of(received, templates) for received in self.sink.messages]

    def of(self, member: str) -> Registration | None:
        address = member.partition("<")[2].rstrip(">")
        return next((one for one in self.store.registrations() if one.member_address == address), None)

    # --- doing

    def play(self, step: tuple[Any, ...]) -> None:
        self.clock += timedelta(hours=2)
        kind, *given = step
        getattr(self, f"_{kind}")(*given)

    def _says(self, member: str, body: str, way: str) -> None:
        address = member.partition("<")[2].rstrip(">")
        mine = [number for number, answer in enumerate(self.answers(), start=1) if answer.recipient == address]
        turn: dict[str, Any] = {"from": member, "subject": "Action research", "body": body}
        if mine and way != "new":
            turn = {"from": member, "body": body, "answers": f"ours {mine[-1]}"}
            if way == "stripped":
                turn |= {"strip": ["in-reply-to", "references"], "plain_address": True, "quote": "none"}
        self._deliver(turn)

    def _stranger(self, body: str) -> None:
        if self.answers():  # without an answer of ours there is nothing to answer to
            self._deliver({"from": STRANGER, "body": body, "answers": "ours 1"})

    def _machine(self, member: str) -> None:
        headers = {"Auto-Submitted": "auto-replied"}
        self._deliver({"from": member, "subject": "Automatic reply: your message", "body": "I am away. In urgent cases ring Stirling.", "headers": headers})

    def _again(self, soon: bool) -> None:
        self.clock += timedelta(hours=0 if soon else 40)
        self._deliver(None)

    def _outage(self, member: str) -> None:
        self.sink.script(member.partition("<")[2].rstrip(">"), "rcpt 451")

    def _corrects(self, member: str, correction: tuple[str, tuple[str, ...]]) -> None:
        name, values = correction
        if (registration := self.of(member)) is None:
            return
        kept = tuple(value for value in registration.values if value.field != name)
        new = (*kept, *(FieldValue(field=name, value=value, person=PERSON) for value in values))
        missing = tuple(one for one in registration.missing if one != name)
        if self.store.correct(update_of(registration, values=new, missing=missing), self.clock, actor=PERSON):
            self.corrected[registration.id, name] = values

    def _accepts(self, member: str) -> None:
        if (registration := self.of(member)) is not None and registration.state is RegistrationState.REVIEW:
            self.store.correct(update_of(registration, state=RegistrationState.REGISTERED), self.clock, actor=PERSON)
            self.store.settle(registration.id, self.clock, actor=PERSON)

    def _deliver(self, turn: dict[str, Any] | None) -> None:
        message = write(self, len(self.delivered) + 1, turn) if turn is not None else self.delivered[-1]
        if turn is None:
            message = type(message)(policy=policy.SMTP) if not self.delivered else _copy(message)
            del message["Message-ID"]
            message["Message-ID"] = f"<again{len(self.delivered)}@mail.example>"
        self.delivered.append(message)
        path = self.box / f"{len(self.delivered):04}.eml"
        path.write_bytes(message.as_bytes(policy=policy.SMTP))
        os.utime(path, (self.clock.timestamp(), self.clock.timestamp()))
        with self.store.exclusive():
            report = self.pipeline.round()
        assert not report.errors
        assert not report.mailboxes["programme"].waiting

    # --- what must hold

    def check(self) -> None:
        register = list(self.store.registrations())
        self.one_registration_for_a_member(register)
        self.no_question_twice()
        self.no_correction_is_overwritten(register)
        for registration in register:
            self.each_value_has_its_source(registration)
            self.the_history_gives_the_register(registration)
        self.nobody_waits_unseen(register)

    def one_registration_for_a_member(self, register: list[Registration]) -> None:
        count = Counter(one.member_address for one in register)
        assert all(number == 1 for number in count.values()), count
        for one in register:
            if one.member_address in STRANGER:
                assert one.state is RegistrationState.REVIEW  # a person decides about it
            else:
                assert not {value.value for value in one.values} & set(STRANGERS_WORDS)

    def no_question_twice(self) -> None:
        sent = {str(answer.message["Message-ID"]) for answer in self.answers()}
        asked = Counter(reply.registration_id for reply in self.store.replies(limit=1000) if reply.template == "ask_member" and reply.identifier in sent)
        assert all(number == 1 for number in asked.values()), asked
        per_message = Counter(reply.message_id for reply in self.store.replies(limit=1000))
        assert all(number == 1 for number in per_message.values()), per_message

    def no_correction_is_overwritten(self, register: list[Registration]) -> None:
        for one in register:
            for (id, name), values in self.corrected.items():
                if id == one.id:
                    mine = tuple(value.value for value in one.values if value.field == name and value.person == PERSON)
                    assert mine == values, (name, values, one.values_of(name))

    def each_value_has_its_source(self, registration: Registration) -> None:
        speaks = {address for address, _ in self.store.addresses(registration.id)}
        for value in registration.values:
            if value.person:
                assert value.person == PERSON
                continue
            assert value.message_id in registration.messages
            record = self.store.message(value.message_id)
            assert record is not None and record.readings
            assert (record.message.sender_address or "").casefold() in speaks
            for evidence in value.evidence:
                assert record.readings[-1].reading.parsed.slice(evidence) == evidence.text

    def the_history_gives_the_register(self, registration: Registration) -> None:
        """Every change that the conversation tells of, one after the other, is what stands there."""
        replayed: dict[str, list[str]] = {}
        for told in conversation_facts(self.store, registration.id)["conversation"]:
            for change in told["changes"]:
                assert change["before"] == replayed.get(change["field"], []), (told, replayed)
                replayed[change["field"]] = change["after"]
        row = register_row(registration)
        stands = {name: row[key] for name, key in COLUMNS.items()} | {"state": [row["state"]], "missing": row["missing"]}
        assert {name: values for name, values in replayed.items() if values} == {name: values for name, values in stands.items() if values}

    def nobody_waits_unseen(self, register: list[Registration]) -> None:
        """A registration in review has a message in review, unless a person touched it last: the queue shows it."""
        for one in register:
            if one.state is RegistrationState.REVIEW and not any(id == one.id for id, _ in self.corrected):
                assert any(message.state == "review" for message in self.store.messages_of(one.id)), one.id


COLUMNS = {"institution": "institutions", "authority": "authorities", "activity": "activities", "topic": "topics", "session": "sessions"}


def update_of(registration: Registration, **changes: Any) -> RegistrationUpdate:
    given: dict[str, Any] = {"state": registration.state, "values": registration.values, "missing": registration.missing}
    return RegistrationUpdate(registration_id=registration.id, revision=registration.revision, **(given | changes))


def _copy(message: Any) -> Any:
    from email import message_from_bytes

    return message_from_bytes(message.as_bytes(policy=policy.SMTP), policy=policy.SMTP)


def write_config(folder: Path, smtp_port: int) -> Path:
    path = folder / "config.yaml"
    path.write_text(
        f"""
mailboxes: [{{name: programme, folder: box}}]
replies:
  mode: send
  from: "Action Research <{OURS}>"
  smtp: {{host: 127.0.0.1, port: {smtp_port}, tls: none}}
  plus_addressing: true
  per_address_a_day: 10
programme: {{schools: [{folder.parent}/schools.csv]}}
store: {{url: "sqlite:///mailroom.db"}}
""",
        encoding="utf-8",
    )
    return path


@dataclass(frozen=True, kw_only=True, repr=False)
class Worlds:
    folder: Path
    knowledge: tuple[Programme, Reader]
    numbers: Iterator[int]

    def __repr__(self) -> str:
        return "worlds"

    def make(self) -> World:
        folder = self.folder / f"world{next(self.numbers)}"
        folder.mkdir()
        shutil.copy(self.folder / "empty.db", folder / "mailroom.db")
        return World(folder, self.knowledge)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    folder = tmp_path_factory.mktemp("worlds")
    (folder / "schools.csv").write_text(SCHOOLS, encoding="utf-8")
    (folder / "settings").mkdir()
    with Store(f"sqlite:///{folder}/empty.db") as store:
        store.upgrade()
    yield Worlds(folder=folder, knowledge=read_programme(load_config(write_config(folder / "settings", 25))), numbers=itertools.count(1))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(sequence=sequences)
@example(sequence=OVERWRITES)
@example(sequence=ASKS_AGAIN)
@example(sequence=WRITES_TWICE)
def test_whatever_happens(worlds: Worlds, sequence: list[tuple[Any, ...]]) -> None:
    world = worlds.make()
    try:
        for step in sequence:
            world.play(step)
            world.check()
        for one in world.store.registrations():
            event(f"ends {one.state}")
        told = [(register_row(one) | {"id": ""}, one.revision) for one in world.store.registrations()]
    finally:
        world.close()
    again = worlds.make()
    try:
        for step in sequence:
            again.play(step)
        assert [(register_row(one) | {"id": ""}, one.revision) for one in again.store.registrations()] == told, "played again, the register is another"
    finally:
        again.close()
