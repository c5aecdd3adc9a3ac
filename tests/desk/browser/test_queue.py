"""The queue in a real browser: by the keyboard alone, and alive without anything moving under anybody's hands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from mailroom.model import MessageState
from tests.fixtures.browser import LOOKS
from tests.fixtures.desk import House
from tests.fixtures.desk_trouble import refuse_mail, settle_everything, stop_sending

NEW = """From: Ann Late <ann.late@example.com>
To: car@union.example
Subject: About all this
Message-ID: <late@example.com>
Date: Mon, 10 Jan 2022 09:00:00 +0000

I want to complain about all of this, it is a disgrace.
"""


def wide(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.mark.parametrize(("size", "scheme", "scripts"), LOOKS)
def test_the_queue_is_accessible_and_never_wider_than_its_window(
    house: House, serve: Callable[..., Any], visit: Callable[..., Any], axe: Callable[[Any], list[str]], size: str, scheme: str, scripts: bool
) -> None:
    refuse_mail(house)
    stop_sending(house)
    page = visit(f"{serve(house).url}/queue", size=size, scheme=scheme, scripts=scripts)
    assert page.locator(".queue > li").count() == 41
    assert axe(page) == []
    assert not wide(page)
    page.set_viewport_size({"width": 320, "height": 700})
    assert not wide(page)


def test_an_empty_queue_is_accessible_too(house: House, serve: Callable[..., Any], visit: Callable[..., Any], axe: Callable[[Any], list[str]]) -> None:
    settle_everything(house)
    page = visit(f"{serve(house).url}/queue")
    assert page.locator(".empty").inner_text().startswith("Nothing needs you.")
    assert axe(page) == []


def test_up_and_down_and_open_by_the_keyboard(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    page = visit(f"{serve(house).url}/queue?kind=review")
    rows = page.locator(".queue a[data-row]")
    for key, at in (("j", 0), ("j", 1), ("j", 2), ("k", 1), ("k", 0), ("k", 0)):
        page.keyboard.press(key)
        assert page.evaluate("[...document.querySelectorAll('[data-row]')].indexOf(document.activeElement)") == at
    second = rows.nth(1).get_attribute("href")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{second}")


def test_enter_opens_the_first_where_nothing_has_the_focus(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    page = visit(f"{serve(house).url}/queue")
    first = page.locator("[data-row]").first.get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{first}")


@pytest.mark.parametrize("scripts", [True, False])
def test_an_address_and_a_stop_are_settled_by_the_keyboard(house: House, serve: Callable[..., Any], visit: Callable[..., Any], scripts: bool) -> None:
    address = refuse_mail(house)
    stop_sending(house)
    page = visit(f"{serve(house).url}/queue?kind=undeliverable", scripts=scripts)
    for button in ("Let answers go again", "It works again"):
        for _ in range(60):
            page.keyboard.press("Tab")
            if button in page.evaluate("document.activeElement.textContent"):
                break
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.url.endswith("/queue?kind=undeliverable")
    assert page.locator(".said p").inner_text() == f"Mail goes to {address} again."
    assert house.store.breakers() == () and house.store.undeliverable() == ()


def test_a_new_message_is_added_below_and_told_politely(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    page = visit(f"{serve(house).url}/queue?kind=review", size="telephone")
    page.clock.install()
    page.reload()
    page.locator(".queue a[data-row]").nth(3).focus()
    page.evaluate("window.scrollTo(0, 200)")
    before = page.evaluate("[scrollY, document.activeElement.getBoundingClientRect().top]")
    house.deliver("late", NEW.encode())
    house.poll()
    other = house.store.messages(MessageState.REVIEW, limit=500)[-1]
    house.store.settle_messages([other.id], datetime.now(UTC), actor="a colleague")
    page.clock.run_for(16_000)
    page.wait_for_selector(".queue li.new")
    assert page.locator(".queue > li").count() == 9 and "Ann Late" in page.locator(".queue > li").last.inner_text()
    assert page.locator("[role=status][data-arrived]").inner_text().startswith("1 new, below.")
    assert page.locator(".queue li.settled").count() == 1 and "Settled meanwhile" in page.locator(".queue li.settled").inner_text()
    assert page.evaluate("[...document.querySelectorAll('[data-row]')].indexOf(document.activeElement)") == 3
    after = page.evaluate("[scrollY, document.activeElement.getBoundingClientRect().top]")
    moved = page.evaluate("document.querySelector('.settled-note').getBoundingClientRect().height") + page.evaluate(
        "document.querySelector('[data-arrived]').getBoundingClientRect().height"
    )
    assert abs(after[1] - before[1]) <= moved + 20
    page.locator("[data-arrived] a").click()
    assert "Ann Late" in page.evaluate("document.activeElement.textContent")


def test_what_comes_to_an_empty_queue_appears_by_itself(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    settle_everything(house)
    page = visit(f"{serve(house).url}/queue?kind=review")
    page.clock.install()
    page.reload()
    assert page.locator(".queue").count() == 0
    house.deliver("late", NEW.encode())
    house.poll()
    page.clock.run_for(16_000)
    page.wait_for_selector(".queue li.new")
    assert page.locator(".empty").count() == 0
    page.keyboard.press("j")
    assert "Ann Late" in page.evaluate("document.activeElement.textContent")
