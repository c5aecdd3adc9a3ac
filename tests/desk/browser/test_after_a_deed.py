"""Pages that only come after a deed (a conflict, an offer to remember, a look before many are changed): accessible and never too wide too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from store import Registration
from tests.fixtures.browser import Served
from tests.fixtures.desk import House

LETTER = """From: Rory Bell <rory@mail.example>
To: car@union.example
Subject: Action research
Date: Mon, 10 Jan 2022 09:00:00 +0000

I teach at WHS. We are a group of colleagues already doing research together on reading for pleasure. I would like to register.
"""
SCRIPTED = [("telephone", "light", True), ("desk", "dark", True)]  # axe-core asks for a page again where no script runs, and these are answers to a form


def entry(house: House, name: str) -> Registration:
    return next(one for one in house.store.registrations() if one.member_name == name)


def fits(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def change_meanwhile(house: House, registration: Registration) -> None:
    house.office.correct(registration.id, registration.revision, {"topic": ("Gaelic songs",)}, who="morven")


@pytest.mark.parametrize(("size", "scheme", "scripts"), [*SCRIPTED, ("telephone", "dark", False)])
def test_two_at_once_are_shown_what_each_wanted(
    house: House,
    serve: Callable[..., Served],
    visit: Callable[..., Any],
    axe: Callable[[Any], list[str]],
    size: str,
    scheme: str,
    scripts: bool,
) -> None:
    registration = entry(house, "Morag Finlayson")
    page = visit(serve(house).url + f"/item/{registration.id}", size=size, scheme=scheme, scripts=scripts)
    page.fill("#f-topic", "reading aloud")
    change_meanwhile(house, registration)
    page.locator("#f-topic").press("Enter")
    page.wait_for_selector("h1:has-text('Somebody else was quicker')")
    assert "changed by morven" in page.inner_text("main")
    assert "Gaelic songs" in page.inner_text("[data-label='Now'] >> nth=3") and "reading aloud" in page.inner_text("[data-label='You wanted'] strong")
    assert fits(page)
    if scripts:
        assert axe(page) == []
    page.focus("main form button")
    page.keyboard.press("Enter")  # «Make it as I wanted»
    page.wait_for_selector(".said")
    assert entry(house, "Morag Finlayson").values_of("topic") == ("reading aloud",)


@pytest.mark.parametrize(("size", "scheme", "scripts"), SCRIPTED)
def test_an_offer_to_remember_and_what_it_would_change(
    house: House,
    serve: Callable[..., Served],
    visit: Callable[..., Any],
    axe: Callable[[Any], list[str]],
    size: str,
    scheme: str,
    scripts: bool,
) -> None:
    house.deliver("whs", LETTER.encode())
    house.poll()
    registration = entry(house, "Rory Bell")
    page = visit(serve(house).url + f"/item/{registration.id}", size=size, scheme=scheme, scripts=scripts)
    page.fill("#f-institution", "Wick High School")
    page.select_option("#f-authority", "Highland")
    page.keyboard.press("Escape")
    page.locator("button[value=accept]").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".said.offer")
    assert "«WHS» means Wick High School" in page.inner_text(".said.offer >> nth=0")
    assert axe(page) == [] and fits(page)
    page.locator("button[formaction='/taught/try']").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('Remember «WHS»')")
    assert axe(page) == [] and fits(page)
    page.keyboard.press("m")
    page.wait_for_selector(".said")
    [alias] = house.office.aliases()
    assert (alias.written, alias.forgotten_at) == ("WHS", None)
    page.keyboard.press("u")
    page.wait_for_selector(".said:has-text('Forgotten')")
    [alias] = house.office.aliases()
    assert alias.forgotten_at is not None


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_the_check_finds_what_is_wrong(
    house: House, serve: Callable[..., Served], visit: Callable[..., Any], axe: Callable[[Any], list[str]], scripts: bool
) -> None:
    """A check that finds nothing anywhere would be no check."""
    page = visit(serve(house).url, scripts=scripts)
    page.goto("data:text/html,<html lang=en><title>x</title><main><h1>x</h1><img src='data:,'><p style='color:silver;background:white'>pale</p></main>")
    assert {line.split(":")[0] for line in axe(page)} == {"image-alt", "color-contrast"}
