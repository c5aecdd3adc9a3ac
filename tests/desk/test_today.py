"""Today: the figures are those of the store, an empty desk says so, and a sick mailbox is told in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from lxml import html

from desk.app import make_app
from desk.routing import Role
from mailroom.model import MessageState
from store import NeedsKind
from tests.fixtures.desk import House
from tests.fixtures.desk_trouble import settle_everything, stop_sending


def page(house: House, path: str = "/", role: Role = Role.VIEWER) -> Any:
    answer = house.client(role).get(path)
    assert answer.status_code == 200
    return html.fromstring(answer.text)


def words(element: Any) -> str:
    return " ".join(element.text_content().split())


def came(tree: Any) -> dict[str, list[str]]:
    return {words(row.find("th")): [words(cell) for cell in row.findall("td")] for row in tree.cssselect(".came tbody tr")}


def test_what_needs_a_person_is_counted_and_leads_to_its_queue(house: House) -> None:
    tree = page(house)
    counts = house.store.needs_you().counts
    shown = {link.get("href"): words(link.cssselect(".figure")[0]) for link in tree.cssselect(".needs a")}
    assert shown == {f"/queue?kind={kind}": str(count) for kind, count in counts.items() if count}
    assert counts[NeedsKind.REVIEW] == 8 and counts[NeedsKind.HELD] == 33
    first = house.store.next_in_queue()
    assert first is not None and first.registration_id is not None
    assert tree.cssselect("a.primary")[0].get("href") == f"/item/{first.registration_id}?at={first.place}"
    assert words(tree.cssselect("a.primary + a")[0]) == f"See all {sum(counts.values())}"


def test_an_empty_desk_says_so_kindly(house: House) -> None:
    settle_everything(house)
    tree = page(house)
    assert words(tree.cssselect(".empty")[0]) == "Nothing needs you. Everything that came in is dealt with."
    assert not tree.cssselect(".needs") and not tree.cssselect("a.primary")


@pytest.fixture
def that_day(house: House) -> Iterator[None]:
    """The hour in which the mail of the house was read: its folder is made once for a run, which may go past midnight."""
    with time_machine.travel(house.store.messages(limit=1)[0].state_at, tick=True):
        yield


@pytest.mark.usefixtures("that_day")
def test_what_came_in_adds_up(house: House) -> None:
    figures = came(page(house))
    balance = house.store.balance()
    assert figures["Messages in all"] == ["41", "41"]
    assert figures["on the register, or dealt with"] == [str(balance[MessageState.REGISTERED])] * 2
    assert figures["needing a person"] == [str(balance[MessageState.REVIEW] + balance[MessageState.QUARANTINED])] * 2
    assert figures["Answers and letters sent"] == ["0", "0"]
    parts = [row for name, row in figures.items() if name not in ("Messages in all", "Answers and letters sent")]
    assert sum(int(row[0]) for row in parts) == 41


@pytest.mark.usefixtures("that_day")
def test_a_healthy_mailbox_says_when_it_was_looked_at_and_that_nothing_is_missing(house: House) -> None:
    tree = page(house)
    assert [words(title) for title in tree.cssselect(".health h3")] == ["programme All is well"]
    lines = [words(line) for line in tree.cssselect(".checks li")]
    assert "✓ All 41 messages in it are accounted for." in lines
    assert any(line.startswith("✓ Looked at last at ") for line in lines)
    assert not tree.cssselect(".unwell")


@pytest.mark.parametrize(
    ("poll", "says"),
    [
        ({"ok": False, "error": "mailboxes.programme: the server refused <b>the password</b>"}, "did not go through. It is tried again by itself."),
        ({"ok": True, "on_server": 41, "unaccounted": 2}, "2 of the 41 messages in it have not been taken in."),
    ],
)
def test_a_sick_mailbox_is_told_in_plain_words(house: House, poll: dict[str, Any], says: str) -> None:
    house.store.note_poll("programme", datetime.now(UTC), **poll)
    tree = page(house)
    assert "Needs a look" in words(tree.cssselect(".health h3")[0])
    assert any(says in words(line) for line in tree.cssselect(".unwell"))
    told = [words(detail) for detail in tree.cssselect(".health details")]
    assert told == ([f"What it said{poll['error']}"] if "error" in poll else []), "the machine's words are folded, and text"


def test_a_mailbox_that_nobody_looked_at_for_long_is_told(house: House) -> None:
    later = datetime.now(UTC) + timedelta(hours=3)
    from starlette.testclient import TestClient

    client = TestClient(make_app(house.store, house.office, now=lambda: later), base_url="http://127.0.0.1", follow_redirects=False)
    client.cookies.set("mailroom", house.session(Role.VIEWER))
    tree = html.fromstring(client.get("/").text)
    assert "Ask whoever runs mailroom here whether it is running." in words(tree.cssselect(".unwell")[0])


def test_a_stop_of_the_sending_is_told_first(house: House) -> None:
    stop_sending(house)
    note = page(house).cssselect(".note.bad")
    assert words(note[0]).startswith("Answers are stopped.")
    assert note[0].find("a").get("href") == "/queue#stopped"


def test_registrations_are_drawn_and_told_as_a_table(house: House) -> None:
    tree = page(house)
    plots = tree.cssselect("svg.plot")
    assert len(plots) == 2 and all("the most 29" in plot.get("aria-label") for plot in plots)
    rows = tree.cssselect("section > details tbody tr")
    assert sum(int(words(row.find("td"))) for row in rows) == 29


def test_a_live_part_costs_nothing_while_nothing_happens(house: House) -> None:
    client = house.client(Role.VIEWER)
    client.get("/")  # the look at the page is written into the history, once
    for path in ("/today/needs", "/today/mail"):
        first = client.get(path)
        assert first.status_code == 200 and first.headers["cache-control"] == "no-store"
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        house.store.note_poll("programme", datetime.now(UTC) + timedelta(minutes=len(path)), ok=True, on_server=41, unaccounted=0)
        assert client.get(path, headers={"If-None-Match": first.headers["etag"]}).status_code == 200
    assert house.client(None).get("/today/needs").status_code == 303


def test_whoever_has_another_role_gets_another_tag(house: House) -> None:
    viewer, coordinator = house.client(Role.VIEWER), house.client(Role.COORDINATOR)
    tag = viewer.get("/queue/lines").headers["etag"]
    assert coordinator.get("/queue/lines", headers={"If-None-Match": tag}).status_code == 200
