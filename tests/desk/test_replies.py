"""Replies: lists by state, each as its reader gets it, releasing one and many."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lxml import html

from mailroom.model import ReplyState
from store import OutboxFilter, Role
from tests.fixtures.desk import House


def tree(response: Any) -> Any:
    return html.fromstring(response.text)


def words(node: Any) -> str:
    return " ".join(node.text_content().split())


def held(house: House) -> list[int]:
    return [reply.id for reply in house.store.outbox_list(OutboxFilter(states=(ReplyState.HELD,))).lines]


def test_each_state_has_its_list_with_a_count(house: House) -> None:
    page = tree(house.client().get("/replies"))
    tabs = {words(link).rpartition(" ")[0]: int(words(link).rpartition(" ")[2]) for link in page.xpath("//nav[@class='tabs']//a")}
    assert tabs == {"Held for you": len(held(house)), "About to be sent": 0, "Parked": 0, "Perhaps sent": 0, "Could not be delivered": 0, "Sent": 0}
    assert len(page.xpath("//tbody/tr")) == len(held(house)) > 20
    assert words(tree(house.client().get("/replies?tab=sent")).xpath("//p[contains(@class,'empty')]")[0]) == "Nothing here."
    assert house.client().get("/replies?tab=nix").status_code == 404


def test_a_list_is_searched_by_address_and_subject(house: House) -> None:
    reply = house.store.reply(held(house)[0])
    assert reply is not None
    page = tree(house.client().get("/replies", params={"q": reply.recipient.split("@")[0]}))
    assert [words(link) for link in page.xpath("//tbody//a")] == [reply.recipient]
    assert words(tree(house.client().get("/replies?q=zzzz")).xpath("//p[contains(@class,'empty')]")[0]) == "Nothing here has these words."


def test_a_reply_is_shown_as_its_reader_gets_it(house: House) -> None:
    number = held(house)[0]
    reply = house.store.reply(number)
    assert reply is not None
    page = tree(house.client().get(f"/replies/{number}"))
    assert reply.recipient in words(page.xpath("//dl[@class='head']")[0])
    assert page.xpath("//iframe/@src") == [f"/replies/{number}/html"]
    assert page.xpath("//iframe/@sandbox") == [""]
    assert "Collaborative Action Research Programme" in words(page.xpath("//div[@class='mail']")[0])
    framed = house.client().get(f"/replies/{number}/html")
    assert "sandbox" in framed.headers["content-security-policy"]
    assert "script" not in framed.headers["content-security-policy"]
    assert house.client().get("/replies/999999").status_code == 404
    assert [
        event.after["id"] if event.after and "id" in event.after else event.reply_id
        for event in house.store.history_of_reply(number)
        if event.event == "viewed"
    ] == [number]


def test_ticked_ones_are_released_and_that_is_undone(house: House) -> None:
    client, numbers = house.client(), held(house)
    answer = client.post("/replies/release", data={"tab": "held", "reply": [str(numbers[0]), str(numbers[1])]})
    assert (answer.status_code, answer.headers["location"]) == (303, "/replies?tab=held")
    assert [house.store.reply(number).state for number in numbers[:3]] == [ReplyState.DUE, ReplyState.DUE, ReplyState.HELD]  # type: ignore[union-attr]
    page = tree(client.get("/replies"))
    (undo,) = page.xpath("//div[contains(@class,'said')]//form/@action")
    client.post(undo, data={"back": "/replies"})
    assert sorted(held(house)) == sorted(numbers)


def test_all_are_shown_before_they_are_released(house: House) -> None:
    client, numbers = house.client(), held(house)
    shown = client.post("/replies/release", data={"tab": "held", "all": "1"})
    assert shown.status_code == 200
    page = tree(shown)
    assert words(page.xpath("//h1")[0]) == f"Release {len(numbers)} replies?"
    assert held(house) == numbers
    form = page.xpath("//form[@action='/replies/release']")[0]
    fields = {name: form.xpath(f".//input[@name='{name}']/@value") for name in ("tab", "sure", "replies")}
    assert sorted(map(int, fields["replies"][0].split())) == sorted(numbers)
    assert len(form.xpath(".//input")) < 10, "a form of more than a thousand fields is refused"
    client.post("/replies/release", data=fields)
    assert held(house) == []
    assert house.store.reply_counts()[ReplyState.DUE] == len(numbers)


def test_parking_keeps_a_reply_from_going_out(house: House) -> None:
    number = held(house)[0]
    house.client().post("/replies/park", data={"tab": "held", "reply": str(number)})
    assert house.store.reply(number).state is ReplyState.SUPPRESSED  # type: ignore[union-attr]
    assert [words(link) for link in tree(house.client().get("/replies?tab=parked")).xpath("//tbody//a")] == [house.store.reply(number).recipient]  # type: ignore[union-attr]


def test_nothing_ticked_does_nothing_and_says_so(house: House) -> None:
    client, before = house.client(), held(house)
    client.post("/replies/release", data={"tab": "held"})
    assert "Nothing was ticked" in words(tree(client.get("/replies")).xpath("//div[contains(@class,'said')]")[0])
    assert held(house) == before


def test_a_viewer_looks_and_has_no_buttons(house: House) -> None:
    page = tree(house.client(Role.VIEWER).get("/replies"))
    assert page.xpath("//tbody/tr")
    assert not page.xpath("//form[@action='/replies/release']//button")
    assert house.client(Role.VIEWER).post("/replies/release", data={"reply": str(held(house)[0])}).status_code == 403


def test_what_a_colleague_parked_meanwhile_is_not_released_by_an_older_list(house: House) -> None:
    first, second = held(house)[:2]
    house.office.park([first], who="ewan")
    answer = house.client().post("/replies/release", data={"tab": "held", "reply": [str(first), str(second)]})
    assert answer.status_code == 303
    states = [reply.state for number in (first, second) if (reply := house.store.reply(number)) is not None]
    assert states == [ReplyState.SUPPRESSED, ReplyState.DUE]
    house.client().post("/replies/release", data={"tab": "parked", "reply": [str(first)]})
    reply = house.store.reply(first)
    assert reply is not None and reply.state is ReplyState.DUE


def test_one_that_was_perhaps_sent_goes_again_by_its_own_button_and_by_no_other(house: House) -> None:
    [number, *_] = held(house)
    now = datetime.now(UTC)
    house.store.release([number], now)
    for _ in range(2):  # twice the line went dead before the server said that it had it
        assert house.store.claim(number, now) is not None
        house.store.recover_sending(now)
        house.store.mark_not_found(number, now)
    reply = house.store.reply(number)
    assert reply is not None and reply.state is ReplyState.UNKNOWN
    client = house.client()
    assert "look in Sent" in words(tree(client.get(f"/replies/{number}")).xpath("//main")[0])
    client.post("/replies/release", data={"reply": str(number), "tab": "unknown"})
    assert house.store.reply(number).state is ReplyState.UNKNOWN  # type: ignore[union-attr]
    [again] = tree(client.get(f"/replies/{number}")).xpath("//button[@name='again']/@value")
    client.post("/replies/release", data={"reply": str(number), "tab": "unknown", "again": again})
    assert house.store.reply(number).state is ReplyState.DUE  # type: ignore[union-attr]
