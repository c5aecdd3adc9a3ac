"""What a form says, told apart from what stood there before; and the runners-up, with the keys that pick them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from desk.fields import BOX_KEYS, DIGITS, fields_of, marks_of, taken_from
from desk.office import Place
from desk.pages.item import places_called
from store import Registration
from tests.fixtures.desk import House

BLANK = ("institution", "authority", "activity", "topic", "session")


def taken(use: str = "", **lists: list[str]) -> dict[str, tuple[str, ...]]:
    return dict(taken_from(lambda field: lists.get(field, []), use).values)


def test_blank_and_repeated_values_are_left_out() -> None:
    assert taken(topic=["  outdoor   play ", "", "outdoor play"], activity=["b", "a"])["topic"] == ("outdoor play",)


@pytest.mark.parametrize("use", ["{", "[]", "null", '{"field": "member_name", "value": "x"}', '{"field": "topic", "value": 7}', '"topic"', "[" * 500])
def test_what_no_page_of_ours_sent_changes_nothing(use: str) -> None:
    assert taken(use, topic=["kept"]) == {**dict.fromkeys(BLANK, ()), "topic": ("kept",)}


def test_a_runner_up_takes_the_place_of_the_first_value_and_brings_its_council() -> None:
    use = json.dumps({"field": "institution", "value": "Wick High School", "council": "Highland"})
    found = taken(use, institution=["Perth Academy", "Tain Academy"], authority=["Fife"])
    assert found["institution"] == ("Wick High School", "Tain Academy") and found["authority"] == ("Highland",)


def test_only_what_differs_is_a_change() -> None:
    was: dict[str, tuple[str, ...]] = {"institution": ("A", "B"), "activity": ("x", "y"), "topic": ("t",), "authority": (), "session": ("s",)}
    same = taken_from(lambda field: {**was, "activity": ("y", "x")}.get(field, ()))
    assert same.changes(was) == ({}, ())
    other = taken_from(lambda field: {**was, "institution": ("B", "A"), "topic": (), "authority": ("Fife",)}.get(field, ()))
    assert other.changes(was) == ({"institution": ("B", "A"), "authority": ("Fife",)}, ("topic",))


def entry(house: House, name: str) -> Registration:
    return next(one for one in house.store.registrations() if one.member_name == name)


def test_every_key_of_a_page_is_one_of_a_kind_and_every_mark_slices_back(house: House) -> None:
    places = places_called(house.office)
    reserved = set("asnqedumogt?")
    for registration in house.store.registrations():
        conversation = house.store.conversation(registration.id)
        assert conversation is not None
        readings = [(turn.message_id, turn.reading) for turn in reversed(conversation.turns)]
        fields = fields_of(house.office.words, readings, registration, places=places, search=places.search)
        keys = [item.key for field in fields for item in (*field.options, *field.boxes) if item.key]
        assert len(keys) == len(set(keys)) and not reserved & set(keys) and set(keys) <= set(DIGITS + BOX_KEYS)
        assert [field.urgent for field in fields] == sorted((field.urgent for field in fields), reverse=True)
        assert {field.slot for field in fields if field.urgent} >= set(registration.missing)
        for number, reading in readings:
            for mark in marks_of(number, reading, registration, fields if number == readings[0][0] else ()):
                text = reading.parsed.source(mark.where)
                assert 0 <= mark.start < mark.end <= len(text), (registration.id, mark)


def test_initials_find_the_schools_of_a_known_council_only(house: House) -> None:
    """«GHS» and a council: what no rule may guess, a person sees at once."""

    def search(query: str) -> tuple[Place, ...]:
        asked.append(query)
        council = query.partition(" ")[2]
        names = ("Glenrothes High School", "Glenwood High School", "Golspie Primary School") if council == "Fife" else ("Golspie High School",)
        return tuple(Place(name=name, kind="school", council="Fife" if council == "Fife" else "Highland", town="") for name in names)

    from email.message import EmailMessage

    asked: list[str] = []
    message = EmailMessage()
    message["From"], message["Subject"], message["Message-ID"] = "Ailsa <ailsa@example.com>", "Research", "<ghs@example.com>"
    message.set_content("I am at GHS in Fife. Five of us read about feedback together and now want to go on to a research project of our own.")
    house.deliver("ghs", message.as_bytes())
    house.poll()
    registration = entry(house, "Ailsa")
    conversation: Any = house.store.conversation(registration.id)
    fields = fields_of(
        house.office.words, [(conversation.turns[0].message_id, conversation.turns[0].reading)], registration, places=lambda name: (), search=search
    )
    [institution] = [field for field in fields if field.slot == "institution"]
    assert "GHS Fife" in asked
    assert [(option.label, option.council, option.phrase) for option in institution.options] == [
        ("Glenrothes High School", "Fife", "GHS"),
        ("Glenwood High School", "Fife", "GHS"),
    ]


def test_the_search_answers_with_town_and_council(house: House) -> None:
    answer = house.client().get("/places", params={"q": "borders coll"})
    [first, *_] = answer.json()
    assert first["value"] == "Borders College" and "college" in first["hint"] and first["sets"] == {"authority": first["sets"]["authority"]}
    assert house.client().get("/places", params={"q": "x"}).json() == [] and house.client().get("/places").json() == []
    assert answer.headers["cache-control"] == "no-store"
