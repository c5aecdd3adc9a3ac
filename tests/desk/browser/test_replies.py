"""Replies, their texts and what is remembered, in a real Chromium: by keys alone, with and without scripts, for axe-core too."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from desk.routing import Role
from mailroom.model import ReplyState
from mailroom.office import HouseOffice
from tests.fixtures.browser import LOOKS
from tests.fixtures.desk import House

SCREENS = ("/replies", "/replies?tab=sent", "/replies/1", "/replies/texts", "/replies/texts?answer=ask_member", "/replies/texts/versions", "/taught")


@pytest.mark.parametrize(("size", "scheme", "scripts"), LOOKS)
def test_each_screen_is_accessible_and_never_wider_than_its_window(
    house: House, serve: Callable[..., Any], visit: Callable[..., Any], axe: Callable[..., list[str]], size: str, scheme: str, scripts: bool
) -> None:
    served = serve(house, Role.COORDINATOR)
    page = visit(served.url + SCREENS[0], size=size, scheme=scheme, scripts=scripts)
    for screen in SCREENS:
        page.goto(served.url + screen)
        assert axe(page) == [], screen
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), screen


def test_replies_are_released_and_taken_back_by_keys_alone(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    page = visit(serve(house, Role.COORDINATOR).url + "/replies")
    page.get_by_role("checkbox").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("s")
    page.wait_for_selector(".said")
    assert house.store.reply_counts()[ReplyState.DUE] == 1
    page.keyboard.press("u")
    page.locator(".said button").wait_for(state="detached")
    assert house.store.reply_counts()[ReplyState.DUE] == 0
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/taught")


def test_all_are_released_without_scripts(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    count = house.store.reply_counts()[ReplyState.HELD]
    page = visit(serve(house, Role.COORDINATOR).url + "/replies", scripts=False, size="telephone")
    page.get_by_role("button", name="Release all").click()
    page.get_by_role("button", name="Release them").click()
    assert house.store.reply_counts()[ReplyState.DUE] == count
    assert page.url.endswith("/replies?tab=held")


def test_the_list_answers_while_one_types(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    page = visit(serve(house, Role.COORDINATOR).url + "/replies")
    recipient = house.store.reply(1).recipient  # type: ignore[union-attr]
    page.keyboard.press("/")
    page.keyboard.type(recipient.split("@")[0])
    page.locator("#replies-found tbody tr").nth(1).wait_for(state="detached")
    assert page.locator("#replies-found tbody tr").count() == 1
    assert page.evaluate("document.activeElement.id") == "q"  # the focus stays where one types
    assert recipient in page.inner_text("#replies-found")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_sentence_is_seen_in_its_frame_before_it_is_kept(house: House, serve: Callable[..., Any], visit: Callable[..., Any], scripts: bool) -> None:
    page = visit(serve(house, Role.COORDINATOR).url + "/replies/texts", scripts=scripts)
    area = page.get_by_label("Sentence 2")
    area.fill("A warm welcome to the {short name}.")
    if not scripts:
        page.get_by_role("button", name="Show it").click()
    frame = page.frame_locator("iframe[name=preview-frame]")
    frame.get_by_text("A warm welcome to the EIS action research programme.").wait_for()
    assert house.store.wording() is None
    page.get_by_role("button", name="Keep this version").click()
    page.wait_for_selector(".said")
    assert house.store.wording() is not None


def test_a_frame_is_asked_for_one_page_at_a_time(house: House, serve: Callable[..., Any], visit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for a second while the first arrives, Chromium keeps the first for good now and then."""
    shown, under_way, most = HouseOffice.preview_text, 0, 0

    def slow(*args: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        time.sleep(1.5)
        letter = shown(*args)
        under_way -= 1
        return letter

    monkeypatch.setattr(HouseOffice, "preview_text", slow)
    page = visit(serve(house, Role.COORDINATOR).url + "/replies/texts")  # which shows it once
    area = page.get_by_label("Sentence 2")
    area.fill("A warm welcome to the {short name}.")
    page.wait_for_timeout(700)  # so long that it would be asked for, had the first come
    area.fill("A hearty welcome to the {short name}.")
    page.frame_locator("iframe[name=preview-frame]").get_by_text("A hearty welcome to the EIS action research programme.").wait_for()
    assert most == 1


def test_a_name_is_remembered_and_forgotten_without_scripts(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    page = visit(serve(house, Role.COORDINATOR).url + "/taught", scripts=False)
    page.get_by_label("Members write").fill("GMHS")
    page.get_by_label("School or college that it means").fill("Glenmarnoch High School")
    page.get_by_label("Council area").select_option("Fife")
    page.get_by_role("button", name="See what it would change").click()
    page.get_by_role("button", name="Remember it").click()
    assert [one.written for one in house.office.aliases()] == ["GMHS"]
    page.get_by_role("button", name="Forget GMHS").click()
    assert house.office.aliases()[0].forgotten_by == "moira"
