"""`mailroom register`: what a person does to a registration, and what `explain` tells of its conversation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailroom.assemble import assemble, read_programme
from mailroom.cli import main
from mailroom.config import load_config
from mailroom.model import MessageState, ReplyState
from mailroom.programme import Programme
from parse.reader import Reader
from store import RegistrationState, Store

SETTINGS = """
mailboxes: [{name: programme, folder: box}]
replies: {mode: hold, from: "Action Research <car@union.example>"}
store: {url: "sqlite:///mailroom.db"}
"""

FIRST = """From: Ailsa Begg <ailsa@mail.example>
To: car@union.example
Subject: Action research
Message-ID: <first@mail.example>
Date: Mon, 10 Jan 2022 09:00:00 +0000

I'd like to register for the action research programme. I'm at Whinny Brae Primary School. I have been doing
an enquiry of my own on reading for pleasure and would like colleagues to join in.
"""
STRANGER = """From: Ailsa <wee.ailsa@home.example>
To: car@union.example
Subject: Re: Action research
In-Reply-To: <first@mail.example>
Message-ID: <home@home.example>
Date: Tue, 11 Jan 2022 09:00:00 +0000

It is in Fife. Ailsa
"""
ASKS = """From: Ailsa Begg <ailsa@mail.example>
To: car@union.example
Subject: Re: Action research
In-Reply-To: <first@mail.example>
Message-ID: <second@mail.example>
Date: Wed, 12 Jan 2022 09:00:00 +0000

It is in {council}. Could you tell me whether supply cover is paid?
"""


class House:
    """An installation with a folder of mail, its answers held."""

    def __init__(self, folder: Path, knowledge: tuple[Programme, Reader], capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.box, self.config = folder / "box", folder / "config.yaml"
        self.box.mkdir()
        self.config.write_text(SETTINGS, encoding="utf-8")
        self.store = Store(load_config(self.config).store.url)
        self.store.upgrade()
        self.pipeline = assemble(load_config(self.config), self.store, knowledge=knowledge)

    def deliver(self, *messages: str) -> None:
        for message in messages:
            (self.box / f"{len(list(self.box.iterdir())):03}.eml").write_text(message, encoding="utf-8")
        with self.store.exclusive():
            assert not self.pipeline.round().errors

    def run(self, *arguments: str) -> str:
        """The command, in this process: what it prints."""
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["--config", str(self.config), *arguments])
            raise SystemExit(0)
        out, err = self.capsys.readouterr()
        assert not ended.value.code, err
        return out

    def refused(self, *arguments: str) -> str:
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["--config", str(self.config), *arguments])
        assert ended.value.code == 1
        return self.capsys.readouterr().err

    def shown(self, which: str) -> Any:
        return json.loads(self.run("register", "show", which, "--json"))


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> tuple[Programme, Reader]:
    config = tmp_path_factory.mktemp("knowledge") / "config.yaml"
    config.write_text(SETTINGS, encoding="utf-8")
    return read_programme(load_config(config))


@pytest.fixture
def house(tmp_path: Path, knowledge: tuple[Programme, Reader], capsys: pytest.CaptureFixture[str]) -> Iterator[House]:
    made = House(tmp_path, knowledge, capsys)
    made.deliver(FIRST)
    yield made
    made.store.close()


def values(facts: dict[str, Any], field: str) -> list[tuple[str, str | None]]:
    return [(value["value"], value["person"]) for value in facts["values"] if value["field"] == field]


def test_each_value_is_shown_with_its_words_or_its_person(house: House) -> None:
    facts = house.shown("ailsa@mail.example")
    assert (facts["state"], facts["missing"], facts["revision"]) == ("ask_member", ["authority"], 1)
    [school] = [value for value in facts["values"] if value["field"] == "institution"]
    assert (school["message"], school["words"][0]["text"]) == (1, "Whinny Brae Primary School")
    assert house.shown(facts["id"][:8])["id"] == house.shown(facts["id"].lower())["id"] == facts["id"]
    text = house.run("register", "show", facts["id"])
    assert "«Whinny Brae Primary School» in message 1" in text
    assert facts["id"] in house.run("register", "list", "--state", "ask_member")
    assert "no registrations" in house.run("register", "list", "--state", "withdrawn")


def test_a_correction_has_its_person_completes_and_withdraws_what_is_not_true_any_more(house: House) -> None:
    id = house.shown("ailsa@mail.example")["id"]
    said = house.run("register", "correct", id, "--authority", "fife", "--topic", "reading", "--topic", "libraries", "--by", "Catriona")
    assert "registered, revision 2" in said
    facts = house.shown(id)
    assert (facts["state"], facts["missing"]) == ("registered", [])
    assert values(facts, "authority") == [("Fife", "Catriona")]
    assert values(facts, "topic") == [("reading", "Catriona"), ("libraries", "Catriona")]
    assert values(facts, "institution") == [("Whinny Brae Primary School", None)]
    [question] = house.store.replies()
    assert (question.template, question.state, question.reason) == ("ask_member", ReplyState.SUPPRESSED, "corrected_meanwhile")
    assert "0 replies" in house.run("replies", "release", str(question.id))
    [line] = [event for event in house.store.history(registration_id=id) if event.event == "registration.corrected"]
    assert line.actor == "Catriona"
    assert line.before is not None
    assert line.before["values"].get("authority") is None  # type: ignore[attr-defined]


def test_a_correction_of_what_was_seen_before_is_refused(house: House) -> None:
    id = house.shown("ailsa@mail.example")["id"]
    house.run("register", "correct", id, "--authority", "Fife", "--by", "Catriona", "--revision", "1")
    before = house.shown(id)
    assert "revision 2" in house.refused("register", "correct", id, "--authority", "Angus", "--by", "Ewan", "--revision", "1")
    assert house.shown(id) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("correct", "ID", "--authority", "Narnia"), "no council"),
        (("correct", "ID", "--activity", "knitting"), "existing_collaborative"),
        (("correct", "ID", "--session", "2022-02-30"), "2022-01-19"),
        (("correct", "ID"), "nothing to correct"),
        (("correct", "ID", "--topic", "x", "--clear", "topic"), "not both"),
        (("correct", "ID", "--topic", " "), "is empty"),
        (("accept", "ID"), "council"),
        (("show", "R-NOBODY"), "no registration"),
        (("show", "nobody@mail.example"), "no registration"),
        (("add-address", "ID", "not an address"), "no address"),
    ],
)
def test_what_is_not_known_is_refused_in_words_and_changes_nothing(house: House, arguments: tuple[str, ...], said: str) -> None:
    before = house.shown("ailsa@mail.example")
    assert said in house.refused("register", *(before["id"] if part == "ID" else part for part in arguments))
    assert house.shown("ailsa@mail.example") == before


def test_what_waited_for_a_person_is_done_once_they_have_accepted_or_corrected_it(house: House) -> None:
    house.deliver(ASKS.format(council="Fife"))
    [waiting] = house.store.messages(state=MessageState.REVIEW)
    id = house.shown("ailsa@mail.example")["id"]
    assert house.shown(id)["state"] == "review"
    house.run("register", "correct", id, "--topic", "reading", "--by", "Catriona", "--keep-open")
    assert (house.shown(id)["state"], len(house.store.messages(state=MessageState.REVIEW))) == ("review", 1)
    assert "1 waiting message is done" in house.run("register", "accept", id, "--by", "Catriona")
    assert house.shown(id)["state"] == "registered"
    assert house.store.messages(state=MessageState.REVIEW) == []
    record = house.store.message(waiting.id)
    assert record is not None
    assert (record.message.state, record.message.reason) == (MessageState.REGISTERED, "settled_by_person")
    assert ("message.settled", "Catriona") in [(event.event, event.actor) for event in record.history]
    assert "state: done" in house.run("explain", str(waiting.id))


def test_a_member_who_contradicts_a_correction_comes_back_to_the_person(house: House) -> None:
    id = house.shown("ailsa@mail.example")["id"]
    house.run("register", "correct", id, "--authority", "Fife", "--by", "Catriona")
    house.deliver(ASKS.format(council="Angus").partition(" Could")[0] + "\n")
    facts = house.shown(id)
    assert (values(facts, "authority"), facts["state"]) == ([("Fife", "Catriona")], "review")
    assert house.store.messages(limit=1)[0].reason == "contradicts_correction"


def test_a_person_withdraws_a_member_whose_values_stay(house: House) -> None:
    id = house.shown("ailsa@mail.example")["id"]
    house.run("register", "withdraw", id, "--by", "Catriona")
    facts = house.shown(id)
    assert (facts["state"], facts["institutions"]) == ("withdrawn", ["Whinny Brae Primary School"])
    assert [one.id for one in house.store.registrations([RegistrationState.WITHDRAWN])] == [id]
    # Settling what waits must not put somebody on the list again by the way.
    said = house.refused("register", "accept", id, "--incomplete", "--by", "Catriona")
    assert "has withdrawn" in said
    assert "--back" in said
    assert house.shown(id)["state"] == "withdrawn"
    house.run("register", "accept", id, "--incomplete", "--back", "--by", "Catriona")
    assert house.shown(id)["state"] == "registered"


def test_explain_tells_what_joined_what_changed_and_who_was_a_stranger(house: House) -> None:
    id = house.shown("ailsa@mail.example")["id"]
    house.deliver(STRANGER)
    said = house.run("explain", "2")
    assert "from an address that is not known there" in said
    assert f"mailroom register add-address {id}" in said
    house.run("register", "add-address", id, "wee.ailsa@home.example", "--by", "Catriona")
    assert "could already write" in house.run("register", "add-address", id, "Wee.Ailsa@home.example", "--by", "Catriona")
    house.deliver(STRANGER.replace("home@", "again@").replace("It is in", "As I said, it is in"))
    facts = house.shown(id)
    assert [(step["event"], step["message"]) for step in facts["conversation"]] == [
        ("message.recorded", 1),
        ("registration.address_added", None),
        ("message.recorded", 3),
    ]
    assert facts["conversation"][2]["changes"] == [
        {"field": "authority", "before": [], "after": ["Fife"]},
        {"field": "state", "before": ["ask_member"], "after": ["registered"]},
        {"field": "missing", "before": ["authority"], "after": []},
    ]
    said = house.run("explain", "3")
    assert f"conversation of registration {id}" in said
    assert "authority: Fife" in said
    assert "It answers an earlier message of this conversation." in said
    assert "Catriona let another address speak: wee.ailsa@home.example" in said
    house.run("explain", "3", "--html", str(house.folder / "page.html"))
    page = (house.folder / "page.html").read_text(encoding="utf-8")
    assert "waiting for the member → registered" in page
    assert "<script" not in page


def test_what_was_done_is_listed_and_taken_back_by_its_number(house: House) -> None:
    before = house.shown("ailsa@mail.example")
    done = json.loads(house.run("register", "correct", before["id"], "--authority", "Fife", "--by", "Catriona", "--json"))
    assert f"(deed {done['deed'] + 1})" in house.run("register", "withdraw", before["id"], "--by", "Ewan")
    assert "take that back first" in house.refused("undo", str(done["deed"]), "--by", "Catriona")
    [withdrawn, corrected] = json.loads(house.run("undo", "--json"))
    assert (withdrawn["did"], withdrawn["by"], corrected["deed"]) == ("withdraw", "Ewan", done["deed"])
    for deed in (withdrawn, corrected):
        assert "Taken back" in house.run("undo", str(deed["deed"]), "--by", "Catriona")
    after = house.shown("ailsa@mail.example")
    assert {key: after[key] for key in ("state", "missing", "values")} == {key: before[key] for key in ("state", "missing", "values")}
    assert "taken back by Catriona" in house.run("undo")
    assert "what was done was taken back by Catriona" in house.run("register", "show", before["id"])


def test_two_registrations_of_one_member_are_merged_and_a_dismissed_one_is_reopened(house: House) -> None:
    house.deliver(FIRST.replace("first@", "twice@").replace("Ailsa Begg <ailsa@mail.example>", "Ailsa <begg@home.example>"))
    first, second = house.shown("ailsa@mail.example")["id"], house.shown("begg@home.example")["id"]
    merged = json.loads(house.run("register", "merge", second, first, "--by", "Catriona", "--json"))
    assert merged["state"] == "merged"
    assert house.shown("begg@home.example")["id"] == first
    assert [row["id"] for row in json.loads(house.run("register", "list", "--json"))] == [first]
    assert [row["id"] for row in json.loads(house.run("register", "list", "--state", "merged", "--json"))] == [second]
    assert "merged into" in house.refused("register", "reopen", second, "--by", "Catriona")
    both = house.shown(first)["messages"]
    assert "dismissed as spam" in house.run("messages", "dismiss", *map(str, both), "--spam", "--by", "Catriona")
    assert json.loads(house.run("register", "list", "--json")) == []
    assert json.loads(house.run("register", "reopen", first, "--by", "Catriona", "--json"))["state"] == "review"


def test_a_message_is_read_again_in_the_next_round(house: House) -> None:
    house.deliver(ASKS.format(council="Fife").replace("In-Reply-To: <first@mail.example>\n", "").replace("ailsa@", "other@"))
    number = next(one.id for one in house.store.messages() if one.sender_address == "other@mail.example")
    assert "read again" in house.run("messages", "read-again", str(number), "--by", "Catriona")
    house.deliver()
    record = house.store.message(number)
    assert record is not None
    assert (len(record.readings), record.message.state) == (2, MessageState.REVIEW)
