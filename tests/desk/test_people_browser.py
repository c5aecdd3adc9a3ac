"""The pages of people in a real Chromium: by keyboard alone, without scripts, on a telephone, and as axe-core sees them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from argon2 import PasswordHasher

from desk.routing import Role
from tests.fixtures.desk import House

PASSWORD = "three old kirk bells"


@pytest.fixture
def people(house: House) -> House:
    """An administrator and a coordinator who have passwords, and something in the audit."""
    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    now = datetime.now(UTC)
    for name, shown, role in (("morag", "Morag Ross", Role.ADMINISTRATOR), ("anne", "Anne Smith", Role.COORDINATOR)):
        house.store.people.add(name, shown=shown, role=role, password=hashed, now=now, actor="root")
    house.store.people.looked("anne", "registration", now, registration_id=next(iter(house.store.registrations())).id)
    house.store.people.open_session("anne", "x" * 64, now, way="password", client="192.0.2.1", browser="Firefox/1 Windows")
    return house


def type_in(page: Any, name: str) -> None:
    """By the keyboard alone: the name has the focus when the page opens."""
    page.locator("#name:focus").wait_for()  # a busy machine's browser gives it a moment after the page has loaded
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")


def tab_to(page: Any, text: str, most: int = 60) -> None:
    """Press Tab until what has the focus says ``text``."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("() => { const e = document.activeElement; return e.getAttribute('aria-label') || e.textContent.trim(); }") == text:
            return
    raise AssertionError(f"Tab does not come to «{text}»")


@pytest.mark.slow
@pytest.mark.parametrize(("size", "scripts"), [("telephone", True), ("desk", False)])
def test_an_administrator_logs_in_looks_round_and_logs_out(
    people: House, serve: Callable[..., Any], visit: Callable[..., Any], scripts: bool, size: str
) -> None:
    page = visit(serve(people, None).url + "/audit?person=anne", size=size, scripts=scripts)
    assert page.title().startswith("Log in")
    type_in(page, "morag")
    page.wait_for_url("**/audit?person=anne")  # where they wanted to go
    assert "Looked at an entry" in page.text_content("main")
    page.goto(page.url.split("/audit")[0] + "/people")
    tab_to(page, "Disable: Anne Smith")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Anne Smith cannot log in any more")
    assert "Cannot log in" in page.text_content("main ul")
    tab_to(page, "Let log in again: Anne Smith")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Anne Smith can log in again.")
    tab_to(page, "Log out")
    page.keyboard.press("Enter")
    page.wait_for_url("**/login")
    page.go_back()
    page.wait_for_load_state()
    page.reload()
    assert page.title().startswith("Log in")  # nothing personal comes back


@pytest.mark.slow
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_a_password_is_changed_by_keyboard(people: House, serve: Callable[..., Any], visit: Callable[..., Any], scripts: bool) -> None:
    page = visit(serve(people, None).url + "/me", scripts=scripts)
    type_in(page, "anne")
    page.wait_for_url("**/me")
    assert "from 192.0.2.1" in page.text_content("main")
    page.focus("#old")
    for text in (PASSWORD, "four wet walking boots", "four wet walking boots"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Your password is changed.")
    assert "from 192.0.2.1" not in page.text_content("main")


@pytest.mark.slow
@pytest.mark.parametrize(("size", "scheme"), [("telephone", "dark"), ("desk", "light")])
def test_the_pages_are_accessible_and_fit(
    people: House, serve: Callable[..., Any], visit: Callable[..., Any], axe: Callable[[Any], list[str]], size: str, scheme: str
) -> None:
    url = serve(people, None).url
    page = visit(url + "/login", size=size, scheme=scheme)
    fits(page, axe)
    page.fill("#name", "anne")
    page.fill("#password", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    assert page.evaluate("document.activeElement.id") == "password"  # what has to be typed again
    fits(page, axe)
    page.fill("#name", "morag")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    for path in ("/me", "/people", "/audit", "/audit?item=x", "/audit?person=nobody"):
        page.goto(url + path)
        fits(page, axe)


def fits(page: Any, axe: Callable[[Any], list[str]]) -> None:
    assert axe(page) == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), page.url
