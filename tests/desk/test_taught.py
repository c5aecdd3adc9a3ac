"""Remembered: what is, by whom and where, tried before it is added, forgotten again; and the cases that persons confirmed."""

from __future__ import annotations

from typing import Any

from lxml import html

from store import Role
from tests.fixtures.desk import House


def tree(response: Any) -> Any:
    return html.fromstring(response.text)


def words(node: Any) -> str:
    return " ".join(node.text_content().split())


PHS = {"kind": "institution", "written": "GMHS", "means": "Glenmarnoch High School", "council": "Fife", "activity": ""}


def test_at_first_there_is_nothing_and_the_page_says_how_there_will_be(house: House) -> None:
    page = tree(house.client().get("/taught"))
    assert "When you correct an entry, the next page offers to remember it" in words(page)


def test_one_is_tried_added_listed_and_forgotten(house: House) -> None:
    client = house.client()
    trial = client.post("/taught/try", data=PHS)
    assert trial.status_code == 200, words(tree(trial))
    (form,) = tree(trial).xpath("//form[@action='/taught/remember']")
    fields = {node.get("name"): node.get("value") for node in form.xpath(".//input") if node.get("name") != "csrf"}
    assert house.office.aliases() == ()  # tried, and not kept yet
    client.post("/taught/remember", data=fields)
    (alias,) = house.office.aliases()
    assert (alias.written, alias.means, alias.council, alias.made_by) == ("GMHS", "Glenmarnoch High School", "Fife", "moira")
    row = tree(client.get("/taught")).xpath("//tbody/tr")[0]
    assert words(row).startswith("«GMHS»")
    assert "Glenmarnoch High School" in words(row)
    client.post(f"/taught/{alias.id}/forget")
    (alias,) = house.office.aliases()
    assert alias.forgotten_by == "moira"
    assert words(tree(client.get("/taught")).xpath("//details/summary")[0]) == "1 forgotten"


def test_what_cannot_be_remembered_is_refused_with_what_was_typed(house: House) -> None:
    answer = house.client().post("/taught/try", data={**PHS, "written": ""})
    assert answer.status_code == 422
    page = tree(answer)
    assert words(page.xpath("//p[@role='alert']")[0]) == "Say both: what members write, and what it means."
    assert page.xpath("//input[@name='means']/@value") == ["Glenmarnoch High School"]
    assert house.client().post("/taught/try", data={**PHS, "kind": "nix"}).status_code == 422


def test_the_cases_are_measured(house: House) -> None:
    client = house.client()
    registration = next(one for one in house.store.registrations() if one.state == "registered" and one.values_of("topic"))
    house.office.correct(registration.id, registration.revision, {"topic": ["something else altogether"]}, who="moira")
    page = tree(client.get("/taught"))
    assert "1 case, 1 not tried yet" in words(page)
    client.post("/taught/measure")
    page = tree(client.get("/taught"))
    assert "Read 1 case again: 1 not as confirmed." in words(page.xpath("//div[contains(@class,'said')]")[0])
    assert "not something else altogether" in words(page.xpath("//section[@aria-labelledby='cases']//tbody")[0])


def test_a_viewer_looks_only(house: House) -> None:
    client = house.client(Role.VIEWER)
    assert not tree(client.get("/taught")).xpath("//main//form")
    assert client.post("/taught/remember", data=PHS).status_code == 403


def test_an_entry_that_was_left_without_a_school_is_a_case_like_others(house: House) -> None:
    one = next(entry for entry in house.store.registrations() if entry.values_of("institution") and entry.messages)
    house.office.correct(one.id, one.revision, {}, ["institution"], who="ewan")
    assert [case for case in house.office.cases() if case.registration_id == one.id]
    assert house.client().get("/taught").status_code == 200


def test_what_is_typed_by_hand_is_cautioned_against_as_an_offer_is(house: House) -> None:
    typed = {"kind": "domain", "written": "gw.fife.sch.uk", "means": "Glenmarnoch High School", "council": "", "activity": ""}
    shown = house.client().post("/taught/try", data=typed)
    assert shown.status_code == 200
    assert "Think of this first: it is a part of Fife's addresses" in words(tree(shown))
