"""One item in a real Chromium: the keys, the words that assistive technology hears, every screen at each size and scheme, with scripts and without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from desk.routing import Role
from mailroom.model import MessageState, ReplyState
from store import Registration, RegistrationState
from tests.fixtures.browser import LOOKS, Served
from tests.fixtures.desk import House

Visit = Callable[..., Any]
Serve = Callable[..., Served]

SCREENS = {
    "needs-a-person": lambda house: f"/item/{entry(house, 'Morag Finlayson').id}",
    "something-missing": lambda house: f"/item/{entry(house, 'Callum').id}",
    "attachment": lambda house: f"/item/{entry(house, 'Anne-Marie Docherty').id}",
    "quoted": lambda house: f"/item/{entry(house, 'Helen Park').id}",
    "their-layout": lambda house: f"/item/{entry(house, chr(78) + 'iamh O' + chr(39) + 'Hara').id}?show=html",
    "ask": lambda house: f"/item/{entry(house, 'Peter Osei').id}/ask",
    "join": lambda house: f"/item/{entry(house, 'Duncan Rae').id}/merge",
    "message": lambda house: f"/message/{message(house, 'A question before I sign up')}",
    "answer": lambda house: f"/message/{message(house, 'A question before I sign up')}/answer",
}


def entry(house: House, name: str) -> Registration:
    return next(one for one in house.store.registrations() if one.member_name == name)


def message(house: House, subject: str) -> int:
    return next(one.id for one in house.store.messages(limit=100) if one.subject == subject)


def now(house: House, registration: Registration) -> Registration:
    found = house.store.registration(registration.id)
    assert found is not None
    return found


@pytest.mark.parametrize(("size", "scheme", "scripts"), LOOKS)
def test_every_screen_is_accessible_and_fits(
    house: House, serve: Serve, visit: Visit, axe: Callable[[Any], list[str]], size: str, scheme: str, scripts: bool
) -> None:
    served = serve(house)
    page = visit(served.url, size=size, scheme=scheme, scripts=scripts)
    for name, where in SCREENS.items():
        page.goto(served.url + where(house))
        if scripts:
            page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        assert axe(page) == [], (name, size, scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], (name, size)


def test_a_narrow_and_a_magnified_page_need_no_sideways_scroll(house: House, serve: Serve, visit: Visit) -> None:
    served = serve(house)
    page = visit(served.url)
    for width in (320, 720):  # 1440 at 200 %
        page.set_viewport_size({"width": width, "height": 600})
        for name, where in SCREENS.items():
            page.goto(served.url + where(house))
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)


def test_one_key_accepts_and_the_next_opens_by_itself(house: House, serve: Serve, visit: Visit) -> None:
    registration = entry(house, "Morag Finlayson")
    page = visit(serve(house).url + f"/item/{registration.id}")
    page.keyboard.press("a")
    page.wait_for_selector(".said")
    assert registration.id not in page.url and ("/item/" in page.url or "/message/" in page.url)
    assert now(house, registration).state is RegistrationState.REGISTERED
    page.keyboard.press("u")
    page.wait_for_url(f"**/item/{registration.id}")
    assert now(house, registration).state is RegistrationState.REVIEW


def test_a_digit_puts_a_runner_up_into_the_form_and_takes_it_back(house: House, serve: Serve, visit: Visit) -> None:
    registration = entry(house, "Morag Finlayson")
    page = visit(serve(house).url + f"/item/{registration.id}")
    was = page.input_value("#f-topic")
    page.keyboard.press("1")
    taken = page.input_value("#f-topic")
    assert taken != was and page.get_attribute("[data-key='1']", "aria-pressed") == "true"
    assert page.text_content("#staged") == f"Topic: {taken}. Not saved yet." and page.is_visible("[data-field=topic] .changed")
    page.keyboard.press("2")
    assert page.input_value("#f-topic") not in (was, taken) and page.get_attribute("[data-key='1']", "aria-pressed") == "false"
    page.keyboard.press("2")
    assert page.input_value("#f-topic") == was and not page.is_visible("[data-field=topic] .changed")
    page.keyboard.press("1")
    page.keyboard.press("s")
    page.wait_for_selector(".said")
    assert now(house, registration).values_of("topic") == (taken,) and now(house, registration).state is RegistrationState.REVIEW


def test_letters_tick_activities_and_sessions(house: House, serve: Serve, visit: Visit) -> None:
    registration = entry(house, "Peter Osei")
    page = visit(serve(house).url + f"/item/{registration.id}")
    keys = [page.get_attribute(f"[name=activity][value={one}]", "data-key") for one in ("existing_collaborative", "learning_collaborative")]
    assert keys == ["z", "v"]
    page.keyboard.press("v")
    page.keyboard.press("h")
    page.keyboard.press("a")
    page.wait_for_selector(".said")
    after = now(house, registration)
    assert after.values_of("activity") == ("learning_collaborative",) and after.values_of("session") == ("2022-01-25",)
    assert after.state is RegistrationState.REGISTERED


def test_accepting_with_something_missing_asks_once_more(house: House, serve: Serve, visit: Visit) -> None:
    registration = entry(house, "Peter Osei")
    page = visit(serve(house).url + f"/item/{registration.id}")
    page.keyboard.press("a")
    page.wait_for_selector("[role=alert]")
    page.keyboard.press("a")
    page.wait_for_selector(".said")
    assert now(house, registration).state is RegistrationState.REGISTERED


def test_the_school_search_suggests_and_sets_school_and_council(house: House, serve: Serve, visit: Visit) -> None:
    registration = entry(house, "Callum")
    page = visit(serve(house).url + f"/item/{registration.id}")
    page.focus("#f-institution")
    page.keyboard.type("borders coll")
    page.wait_for_selector("[role=option]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.input_value("#f-institution") == "Borders College"
    assert page.get_attribute("#f-institution", "aria-expanded") == "false"


def test_everything_is_reached_with_the_tab_key_alone(house: House, serve: Serve, visit: Visit) -> None:
    """No key of ours, no pointer: from the address bar to Accept, and it is done."""
    registration = entry(house, "Morag Finlayson")
    page = visit(serve(house).url + f"/item/{registration.id}")
    met = set()
    for _ in range(120):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "(() => { const e = document.activeElement; const b = e.getBoundingClientRect();"
            " return [e.tagName, e.name || '', e.value || e.textContent.trim().slice(0, 40), b.width > 0 && getComputedStyle(e).outlineStyle !== 'none']; })()"
        )
        assert focused[0] == "BODY" or focused[3], f"focus is not seen on {focused}"
        met.add((focused[1], focused[2]))
        if focused[1] == "do" and focused[2] == "accept":
            page.keyboard.press("Enter")
            break
    page.wait_for_selector(".said")
    assert now(house, registration).state is RegistrationState.REGISTERED
    assert {"institution", "authority", "activity", "topic", "session", "use"} <= {name for name, _ in met}


def test_the_focus_is_never_under_the_bar_of_buttons(house: House, serve: Serve, visit: Visit) -> None:
    registration = entry(house, "Morag Finlayson")
    page = visit(serve(house).url + f"/item/{registration.id}")
    for _ in range(60):
        page.keyboard.press("Tab")
        hidden = page.evaluate(
            "(() => { const e = document.activeElement, bar = document.querySelector('.deciding');"
            " if (!e.closest('.field')) return null; const a = e.getBoundingClientRect(), b = bar.getBoundingClientRect();"
            " return a.top >= b.top && a.bottom <= b.bottom ? e.outerHTML : null; })()"
        )
        assert hidden is None


def test_without_scripts_every_deed_is_a_button(house: House, serve: Serve, visit: Visit) -> None:
    registration = entry(house, "Morag Finlayson")
    page = visit(serve(house).url + f"/item/{registration.id}", scripts=False)
    page.click("[data-field=topic] button[name=use] >> nth=0")
    assert page.is_visible(".said") and f"/item/{registration.id}" in page.url
    page.click("button[value=accept]")
    assert page.is_visible(".said") and now(house, registration).state is RegistrationState.REGISTERED
    assert now(house, registration).values_of("topic") != registration.values_of("topic")


def test_their_layout_is_shown_in_a_frame_that_can_do_nothing(house: House, serve: Serve, visit: Visit) -> None:
    registration = entry(house, "Niamh O'Hara")
    page = visit(serve(house).url + f"/item/{registration.id}")
    page.keyboard.press("o")
    frame = page.frame_locator("iframe.original")
    assert "College" in (frame.locator("main").text_content() or "")
    assert page.evaluate("getComputedStyle(document.querySelector('iframe')).height") != "0px"
    [child] = [one for one in page.frames if one.url.endswith("/html")]
    assert child.evaluate("location.origin") == "null" or child.evaluate("self.origin") == "null"


def test_an_answer_is_written_and_sent_from_the_keyboard(house: House, serve: Serve, visit: Visit) -> None:
    number = message(house, "A question before I sign up")
    page = visit(serve(house).url + f"/message/{number}")
    page.keyboard.press("e")
    page.wait_for_selector("#text")
    page.focus("#text")
    page.keyboard.type("Yes, anybody may. Moira")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".said")
    record = house.store.message(number)
    assert record is not None and record.message.state is MessageState.REGISTERED
    assert ReplyState.DUE in {one.state for one in record.replies}


def test_the_member_is_asked_in_three_keys(house: House, serve: Serve, visit: Visit) -> None:
    registration = entry(house, "Peter Osei")
    page = visit(serve(house).url + f"/item/{registration.id}")
    page.keyboard.press("q")
    page.wait_for_selector("#text")
    assert "As the member gets it" in page.inner_text("main")
    page.keyboard.press("a")
    page.wait_for_selector(".said")
    replies = house.store.conversation(registration.id).replies  # type: ignore[union-attr]
    assert replies[-1].state is ReplyState.DUE


def test_a_key_held_down_is_one_press_and_keys_can_be_turned_off(house: House, serve: Serve, visit: Visit) -> None:
    registration = entry(house, "Morag Finlayson")
    page = visit(serve(house).url + f"/item/{registration.id}")
    repeated = "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'a', repeat: true, bubbles: true, cancelable: true}))"
    assert page.evaluate(repeated) is True, "nobody took it"
    page.click("#keys-open")
    assert "Accept, with what you changed" in page.inner_text("dialog")
    page.uncheck("#keys-on")
    page.click("dialog button")
    page.keyboard.press("a")
    page.reload()
    page.keyboard.press("a")
    page.wait_for_timeout(300)
    assert page.url.endswith(registration.id) and now(house, registration).state is RegistrationState.REVIEW
    page.click("#keys-open")
    page.check("#keys-on")
    page.click("dialog button")
    page.keyboard.press("a")
    page.wait_for_selector(".said")
    assert now(house, registration).state is RegistrationState.REGISTERED


def test_another_coordinator_shows_up_without_a_reload_and_takes_no_focus(house: House, serve: Serve, visit: Visit) -> None:
    registration = entry(house, "Morag Finlayson")
    page = visit(serve(house).url + f"/item/{registration.id}")
    page.clock.install()
    page.reload()
    page.focus("#f-topic")
    house.client(Role.ADMINISTRATOR).get(f"/item/{registration.id}")
    page.clock.run_for(21_000)
    page.wait_for_selector("[data-live] .note")
    assert "Moira Administrator has this open" in page.inner_text("[data-live]")
    assert page.evaluate("document.activeElement.id") == "f-topic"
