"""Today in a real browser: nothing hidden from anybody, by night as by day, and alive without a reload."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from desk.routing import Role
from tests.fixtures.browser import LOOKS
from tests.fixtures.desk import House
from tests.fixtures.desk_trouble import refuse_mail, settle_everything, stop_sending


def wide(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.mark.parametrize(("size", "scheme", "scripts"), LOOKS)
def test_today_is_accessible_and_never_wider_than_its_window(
    house: House, serve: Callable[..., Any], visit: Callable[..., Any], axe: Callable[[Any], list[str]], size: str, scheme: str, scripts: bool
) -> None:
    refuse_mail(house)
    stop_sending(house)
    house.store.note_poll("programme", datetime.now(UTC), ok=False, error="mailboxes.programme: the server refused the password")
    page = visit(serve(house).url, size=size, scheme=scheme, scripts=scripts)
    assert axe(page) == []
    assert not wide(page)
    page.locator("section > details > summary").click()
    assert page.locator("section > details table").is_visible()
    assert not wide(page)
    assert page.locator(".plot-wide").is_visible() == (size == "desk")
    assert page.locator(".plot-narrow").is_visible() == (size == "telephone")


def test_an_empty_desk_is_accessible_too(house: House, serve: Callable[..., Any], visit: Callable[..., Any], axe: Callable[[Any], list[str]]) -> None:
    settle_everything(house)
    page = visit(serve(house).url)
    assert page.locator(".empty").first.inner_text().startswith("Nothing needs you.")
    assert axe(page) == []


def test_nothing_is_cut_or_pushed_out_at_twice_the_size(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    page = visit(serve(house).url)
    for width in (720, 320):  # a desk at 200 %, a telephone as narrow as they come
        page.set_viewport_size({"width": width, "height": 700})
        assert not wide(page)


def test_what_needs_a_person_is_opened_with_one_key(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    page = visit(serve(house).url)
    first = house.store.next_in_queue()
    assert first is not None
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/item/{first.registration_id}?at=*")


def test_a_figure_changes_without_a_reload_and_the_focus_stays(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    page = visit(serve(house, Role.VIEWER).url)
    page.clock.install()
    page.reload()
    page.evaluate("document.querySelector('[data-live]').id = 'same'")  # gone after a reload
    page.locator("main a", has_text="See the whole picture").focus()
    settle_everything(house)
    page.clock.run_for(16_000)
    page.wait_for_selector("text=Nothing needs you.")
    assert page.evaluate("document.activeElement.textContent") == "See the whole picture"
    assert page.locator("#same").count() == 1
    with page.expect_response("**/today/needs") as asked:
        page.clock.run_for(16_000)
    assert asked.value.status == 304, "nothing happened since"


def test_what_somebody_has_the_focus_in_or_unfolded_stays_as_it_is(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    page = visit(serve(house, Role.VIEWER).url)
    page.clock.install()
    page.reload()
    page.locator("section > details > summary").click()
    page.locator("main a", has_text="Messages to look at").or_(page.locator(".needs a").first).focus()
    settle_everything(house)
    with page.expect_response("**/today/mail"):
        page.clock.run_for(16_000)
    assert page.locator(".needs a").first.is_visible(), "the focus is in it"
    assert page.locator("section > details table").is_visible(), "it was unfolded"
    page.locator("h1").click()
    page.evaluate("document.activeElement.blur()")
    page.clock.run_for(16_000)
    page.wait_for_selector("text=Nothing needs you.")


def test_a_page_that_grew_old_says_so(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    """Neither a desk that is away nor a visit that ended leaves a page standing as if it were of now."""
    served = serve(house, Role.VIEWER)
    page = visit(served.url)
    page.clock.install()
    page.reload()
    page.route("**/today/*", lambda route: route.fulfill(status=429))  # as a proxy would, whose desk does not answer
    for _ in range(2):
        with page.expect_response("**/today/mail"):
            page.clock.run_for(16_000)
    page.wait_for_selector("main > .note[role=status] >> text=cannot be reached")
    page.unroute("**/today/*")
    page.clock.run_for(16_000)
    page.wait_for_selector("main > .note[role=status]", state="detached")
    house.store.people.end_sessions("moira-viewer", datetime.now(UTC), actor="moira-viewer")
    page.clock.run_for(16_000)
    page.wait_for_selector("main > .note[role=status] >> text=You were logged out")
