"""The register in a real browser: found while one types, by keys alone, without scripts, on a telephone, and accessible throughout."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from desk.routing import Role
from store import RegistrationFilter, RegistrationState
from tests.fixtures.browser import LOOKS
from tests.fixtures.desk import House

SCREENS = (
    "/register?council=Fife&council=Highland&council=Moray&council=-&from=2022-01-01",
    "/register?from=soon",
    "/register/views?council=Fife",
    "/register/bulk?do=add-session&all=1&view=council%3DFife",
    "/register/bulk?do=add-session&all=1&value=2022-01-25&view=state%3Dregistered",
    "/register/bulk?do=accept",
    "/register/new",
)


def names(page: Any) -> list[str]:
    page.wait_for_load_state()  # a page that is only begun has none yet
    return [name.strip() for name in page.locator("tbody th").all_inner_texts()]


@pytest.mark.parametrize(("size", "scheme", "scripts"), LOOKS)
def test_screens_are_accessible_and_fit(
    house: House, serve: Callable[..., Any], visit: Callable[..., Any], axe: Callable[[Any], list[str]], size: str, scripts: bool, scheme: str
) -> None:
    served = serve(house, Role.COORDINATOR)
    page = visit(served.url + "/register", size=size, scripts=scripts, scheme=scheme)
    for path in SCREENS:
        page.goto(served.url + path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert axe(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


def test_list_follows_what_is_typed_and_the_focus_stays(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = visit(serve(house).url + "/register")
    page.keyboard.press("/")
    page.keyboard.type("shona", delay=20)
    expect(page.locator("tbody tr")).to_have_count(1)
    assert names(page) == ["Shona Laird"]
    assert page.locator("[data-fresh=total]").inner_text() == "1 entry found"
    assert page.evaluate("document.activeElement.id") == "q"
    assert page.url.endswith("q=shona")
    assert page.locator("[data-fresh='state=registered']").inner_text() == "1"
    page.reload()  # the address is the view
    assert names(page) == ["Shona Laird"]
    page.locator("#q").fill("")
    expect(page.locator("tbody tr")).to_have_count(house.store.find_registrations().total)


def test_choice_is_made_and_taken_back_without_a_mouse(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    from playwright.sync_api import expect

    page = visit(serve(house).url + "/register")
    page.get_by_role("group").filter(has_text="Council").locator("summary").first.focus()
    page.keyboard.press("Enter")
    page.get_by_label("Fife", exact=False).first.focus()
    page.keyboard.press("Space")
    wanted = house.store.find_registrations(RegistrationFilter(councils=("Fife",)))
    expect(page.locator("tbody tr")).to_have_count(wanted.total)
    page.get_by_role("link", name="Council: Fife").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/register")
    page.get_by_role("columnheader", name="Name").get_by_role("link").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**sort=name")
    assert page.get_by_role("columnheader", name="Name").get_attribute("aria-sort") == "ascending"


def test_entries_are_gone_through_selected_and_opened_by_keys(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    page = visit(serve(house).url + "/register")
    first, second = house.store.find_registrations().lines[:2]
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.getAttribute('href')") == f"/item/{second.id}"
    page.keyboard.press("x")
    assert page.locator("[data-chosen]").inner_text() == "1 selected"
    page.keyboard.press("k")
    page.keyboard.press("x")
    assert page.locator("[data-chosen]").inner_text() == "2 selected"
    assert page.evaluate("[...document.querySelectorAll('input[name=id]:checked')].map(box => box.value)") == [first.id, second.id]
    page.locator("[data-all]").focus()
    page.keyboard.press("Space")
    assert page.locator("input[name=id]:not(:checked)").count() == 0
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url("**/item/**")


@pytest.mark.parametrize(("size", "scripts"), [("telephone", True), ("desk", False)])
def test_view_is_made_saved_and_downloaded(
    house: House, serve: Callable[..., Any], visit: Callable[..., Any], tmp_path: Path, size: str, scripts: bool
) -> None:
    page = visit(serve(house).url + "/register", size=size, scripts=scripts)
    page.get_by_label("Search", exact=True).fill("group")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**q=group**")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("checkbox", name="Email address").check()
    page.get_by_role("checkbox", name="Topic").uncheck()
    page.get_by_role("button", name="Show these columns").click()
    page.wait_for_url("**col=address**")
    shown = names(page)
    assert shown
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    waiting.value.save_as(tmp_path / "register.csv")
    heading, *rows = list(csv.reader(io.StringIO((tmp_path / "register.csv").read_text(encoding="utf-8-sig"))))
    assert "Email address" in heading and "Topic" not in heading
    assert [row[0] for row in rows] == shown
    page.get_by_role("link", name="Save this view").click()
    page.get_by_label("Name").fill("Groups")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("status").get_by_text("Saved as «Groups».").wait_for()
    page.get_by_role("link", name="Everybody").click()
    page.get_by_role("navigation", name="Saved views").get_by_role("link", name="Groups").click()
    assert names(page) == shown
    page.get_by_role("navigation", name="Saved views").get_by_role("link", name="Saved views").or_(
        page.get_by_role("link", name="Save this view")
    ).first.click()
    page.get_by_role("button", name="Put away Groups").click()
    page.get_by_text("«Groups» was put away.").wait_for()


@pytest.mark.parametrize(("size", "scripts"), [("telephone", True), ("desk", False)])
def test_many_are_changed_after_a_look_and_taken_back(house: House, serve: Callable[..., Any], visit: Callable[..., Any], size: str, scripts: bool) -> None:
    wanted = RegistrationFilter(states=(RegistrationState.REVIEW,))
    before = house.store.find_registrations(wanted)
    page = visit(serve(house).url + "/register?state=review", size=size, scripts=scripts)
    for box in page.locator("input[name=id]").all():
        box.check()
    page.get_by_label("What to do with the selected entries").select_option(label="Set the council")
    page.get_by_role("button", name="See what would change").click()
    page.get_by_label("Council").select_option(label="Orkney Islands")
    page.get_by_role("button", name="See what would change").click()
    page.get_by_text("Nothing has been done yet.").wait_for()
    assert names(page) == [line.member_name for line in before.lines]
    page.get_by_role("button", name=f"Set it for {before.total} entries").click()
    page.get_by_text(f"Set for {before.total} entries.").wait_for()
    assert {line.councils for line in house.store.registration_lines([line.id for line in before.lines])} == {("Orkney Islands",)}
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Taken back").wait_for()
    assert [line.councils for line in house.store.registration_lines([line.id for line in before.lines])] == [line.councils for line in before.lines]


def test_many_are_changed_by_keys_alone(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    page = visit(serve(house).url + "/register?state=review")
    chosen = house.store.find_registrations(RegistrationFilter(states=(RegistrationState.REVIEW,))).lines[0]
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.locator("#do").focus()
    page.keyboard.type("Take off")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/register/bulk?**")
    page.keyboard.press("a")
    page.get_by_text("Taken off the register: 1 entry.").wait_for()
    assert house.store.registration_lines([chosen.id])[0].state is RegistrationState.WITHDRAWN
    page.keyboard.press("u")
    page.get_by_text("Taken back").wait_for()
    assert house.store.registration_lines([chosen.id])[0].state is RegistrationState.REVIEW


@pytest.mark.parametrize("scripts", [True, False])
def test_member_who_rang_is_entered(house: House, serve: Callable[..., Any], visit: Callable[..., Any], scripts: bool) -> None:
    page = visit(serve(house).url + "/register", scripts=scripts)
    page.get_by_role("link", name="Add an entry").click()
    page.get_by_label("Name", exact=True).fill("Ishbel Begg")
    page.get_by_label("School or college").press_sequentially("Forth Val")
    if scripts:
        page.get_by_role("option", name="Forth Valley College").wait_for()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
    else:
        page.get_by_role("button", name="Enter them").click()
        page.get_by_role("button", name="Forth Valley College").click()
    assert page.get_by_label("School or college").input_value() == "Forth Valley College"
    page.get_by_label("Your own enquiry, open to others").check()
    page.get_by_role("button", name="Enter them").click()
    page.get_by_text("Ishbel Begg was entered.").wait_for()
    (line,) = house.store.find_registrations(RegistrationFilter(member="ishbel begg")).lines
    assert line.institutions == ("Forth Valley College",)
