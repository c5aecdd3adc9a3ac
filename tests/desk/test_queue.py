"""What needs a person: every line, its reason in words and where it leads; addresses and stops settled in place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lxml import html

from desk.routing import Role
from mailroom.model import ReplyState
from mailroom.reasons import REASONS
from store import NeedsKind, Page
from tests.fixtures.desk import House
from tests.fixtures.desk_trouble import refuse_mail, settle_everything, stop_sending

HOSTILE = """From: "<script>alert(1)</script> Ann" <ann@example.com>
To: car@union.example
Subject: =?utf-8?q?=3Cimg_src=3Dx_onerror=3Dalert=281=29=3E_=E2=80=AEreversed?=
Message-ID: <hostile@example.com>
Date: Mon, 10 Jan 2022 09:00:00 +0000

I want to complain about all of this, it is a disgrace.
"""


AGAIN = """From: Linda Moffat <linda.moffat@schools.example>
To: car@union.example
Subject: A question
Message-ID: <again@example.com>
Date: Tue, 11 Jan 2022 09:00:00 +0000

Hello, could you please tell me whether supply teachers may take part in the programme? I have not signed up.

Linda Moffat
"""


def tree_of(answer: Any) -> Any:
    assert answer.status_code == 200
    return html.fromstring(answer.text)


def words(element: Any) -> str:
    return " ".join(element.text_content().split())


def test_every_line_says_who_why_and_since_when_and_leads_to_its_item(house: House) -> None:
    tree = tree_of(house.client(Role.VIEWER).get("/queue"))
    lines = house.store.needs_you(page=Page(size=50)).lines
    rows = tree.cssselect(".queue > li")
    assert [row.get("data-place") for row in rows] == [line.place for line in lines]
    for row, line in zip(rows, lines, strict=True):
        assert words(row.cssselect(".who-is")[0]) == line.who
        assert row.cssselect(".since")
        link = row.cssselect("a[data-row]")[0].get("href")
        if line.kind == NeedsKind.HELD:
            assert link == f"/replies/{line.reply_id}"
        else:
            assert words(row.cssselect(".why")[0]) == REASONS[line.reason]
            assert link == (f"/item/{line.registration_id}" if line.registration_id else f"/message/{line.message_id}") + f"?at={line.place}"
    assert sorted(line.since for line in lines) == [line.since for line in lines]


def test_one_kind_alone(house: House) -> None:
    tree = tree_of(house.client().get("/queue?kind=review"))
    assert len(tree.cssselect(".queue > li")) == 8
    current = [words(link) for link in tree.cssselect(".kinds a[aria-current]")]
    assert current == ["Messages to look at 8"]
    assert len(tree_of(house.client().get("/queue?kind=nothing-like-it")).cssselect(".queue > li")) == 41, "an address that never was shows all"


def test_a_kind_without_anything_says_so(house: House) -> None:
    tree = tree_of(house.client().get("/queue?kind=quarantined"))
    assert words(tree.cssselect(".empty p")[0]) == "Nothing of this kind needs you."
    assert tree.cssselect(".empty a")[0].get("href") == "/queue"


def test_an_empty_queue_says_so(house: House) -> None:
    settle_everything(house)
    tree = tree_of(house.client().get("/queue"))
    assert words(tree.cssselect(".empty")[0]).startswith("Nothing needs you.")
    assert not tree.cssselect(".queue")


def test_pages_of_a_long_queue_leave_nothing_out(house: House) -> None:
    client = house.client()
    for number in range(30):
        body = HOSTILE.replace("hostile@", f"h{number}@").replace("ann@", f"ann{number}@")
        house.deliver(f"h{number}", body.encode())
    house.poll()
    seen: list[str] = []
    path = "/queue"
    while path:
        tree = tree_of(client.get(path))
        seen += [row.get("data-place") for row in tree.cssselect(".queue > li")]
        path = next((link.get("href") for link in tree.cssselect('nav[aria-label="Pages"] a') if words(link) == "Later ones"), "")
    assert seen == [line.place for line in house.store.needs_you(page=Page(size=500)).lines]
    assert len(seen) > 50
    tree = tree_of(client.get("/queue?kind=review"))
    assert not tree.cssselect(".queue script, .queue img")
    assert any("<script>alert(1)</script> Ann" in words(who) for who in tree.cssselect(".who-is"))
    assert "\u202e" not in tree.text_content(), "no mail turns the direction of the page"


def test_an_address_that_works_again(house: House) -> None:
    address = refuse_mail(house)
    client = house.client()
    tree = tree_of(client.get("/queue?kind=undeliverable"))
    [row] = tree.cssselect(".queue > li")
    assert address in words(row) and "came back or was refused" in words(row)
    form = row.cssselect("form")[0]
    answer = client.post(form.get("action"), data={**dict(form.form_values()), "send": "no"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/queue?kind=undeliverable")
    after = tree_of(client.get("/queue?kind=undeliverable"))
    assert words(after.cssselect(".said p")[0]) == f"Mail goes to {address} again."
    assert house.store.undeliverable() == ()
    again = client.post("/queue/address", data={"address": address, "send": "no"})
    assert again.status_code == 303
    assert "had said already" in words(tree_of(client.get("/queue")).cssselect(".said p")[0])


def test_an_address_that_works_again_may_get_what_waited_for_it(house: House) -> None:
    house.deliver("again", AGAIN.encode())
    house.poll()
    address = refuse_mail(house)
    [mark] = house.store.undeliverable()
    assert mark.parked == 1
    client = house.client()
    [row] = tree_of(client.get("/queue?kind=undeliverable")).cssselect(".queue > li")
    assert [words(button) for button in row.cssselect("button")] == [
        f"It works again: send the 1 that waits for {address}",
        f"It works again: send nothing old to {address}",
    ]
    assert client.post("/queue/address", data={"address": address, "send": "yes", "kind": "undeliverable"}).status_code == 303
    said = words(tree_of(client.get("/queue?kind=undeliverable")).cssselect(".said p")[0])
    assert said == f"Mail goes to {address} again, and 1 answer is about to be sent."
    assert [reply.recipient for reply in house.store.replies(ReplyState.DUE)] == [address]


def test_a_stop_of_the_sending_is_ended_by_a_coordinator_alone(house: House) -> None:
    stop_sending(house)
    viewer = house.client(Role.VIEWER)
    assert not tree_of(viewer.get("/queue")).cssselect(".stopped form")
    assert viewer.post("/queue/go-on", data={"scope": "storm.example"}).status_code == 403
    assert len(house.store.breakers()) == 1
    client = house.client()
    tree = tree_of(client.get("/queue"))
    [section] = tree.cssselect(".stopped")
    assert section.get("id") == "stopped" and "storm.example" in words(section) and "2 are parked" in words(section)
    form = section.cssselect("form")[0]
    assert client.post(form.get("action"), data=dict(form.form_values())).status_code == 303
    assert house.store.breakers() == ()
    assert "Answers go again." in words(tree_of(client.get("/queue")).cssselect(".said p")[0])
    since = datetime.now(UTC) - timedelta(hours=1)
    assert [breaker.closed_by for breaker in house.store.breakers(since)] == ["moira"]


def test_a_form_leads_back_to_nowhere_but_the_queue(house: House) -> None:
    client = house.client()
    answer = client.post("/queue/go-on", data={"scope": "*", "kind": ["held", "//evil.example", "review"]})
    assert answer.headers["location"] == "/queue?kind=review&kind=held"


def test_the_lines_of_an_open_page_are_the_same_lines(house: House) -> None:
    client = house.client()
    whole = tree_of(client.get("/queue"))
    part = html.fragment_fromstring(client.get(whole.cssselect("#lines")[0].get("data-lines")).text, create_parent=True)
    assert [row.get("data-place") for row in part.cssselect("li[data-place]")] == [row.get("data-place") for row in whole.cssselect("li[data-place]")]
    assert house.store.reply_counts()[ReplyState.HELD] == len(part.cssselect('a[href^="/replies"]'))


def test_an_answer_to_somebody_who_is_not_on_the_register_is_told_by_their_name(house: House) -> None:
    shown = html.fromstring(house.client().get("/queue?kind=held").text)
    people = {one.text_content().strip() for one in shown.cssselect(".who-is strong")}
    assert {"Farah Khan", "Gordon Hay"} <= people and not any("@" in one for one in people)
