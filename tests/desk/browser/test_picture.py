"""The picture in a real browser: readable at every width, by night, by the keyboard; and no label of a plot cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.browser import LOOKS
from tests.fixtures.desk import House

OUTSIDE = """() => [...document.querySelectorAll("svg.plot")].filter((svg) => svg.getClientRects().length).flatMap((svg) => {
  const box = svg.viewBox.baseVal;
  return [...svg.querySelectorAll("text")].filter((text) => {
    const at = text.getBBox();
    return at.x < -0.5 || at.y < -0.5 || at.x + at.width > box.width + 0.5 || at.y + at.height > box.height + 0.5;
  }).map((text) => text.textContent);
})"""


def wide(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.mark.parametrize(("size", "scheme", "scripts"), LOOKS)
def test_the_picture_is_accessible_and_nothing_of_it_is_cut(
    house: House, serve: Callable[..., Any], visit: Callable[..., Any], axe: Callable[[Any], list[str]], size: str, scheme: str, scripts: bool
) -> None:
    page = visit(f"{serve(house).url}/picture", size=size, scheme=scheme, scripts=scripts)
    assert axe(page) == []
    assert not wide(page)
    assert page.evaluate(OUTSIDE) == []
    for summary in page.locator("#plots summary").all():
        summary.click()
    assert page.locator("#plots table").last.is_visible()
    assert axe(page) == []
    assert not wide(page)


def test_words_lie_over_no_other_words(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    over = """() => [...document.querySelectorAll("svg.plot")].filter((svg) => svg.getClientRects().length).flatMap((svg) => {
      const boxes = [...svg.querySelectorAll("text")].map((text) => [text.textContent, text.getBBox()]);
      return boxes.flatMap(([one, a], at) => boxes.slice(at + 1).filter(([, b]) =>
        a.x + a.width > b.x + 1 && b.x + b.width > a.x + 1 && a.y + a.height > b.y + 4 && b.y + b.height > a.y + 4).map(([other]) => `${one} / ${other}`));
    })"""
    served = serve(house)
    for size in ("desk", "telephone"):
        assert visit(f"{served.url}/picture", size=size).evaluate(over) == []


def test_a_downloaded_picture_is_drawn_by_itself_with_nothing_cut(house: House, serve: Callable[..., Any], visit: Callable[..., Any], tmp_path: Path) -> None:
    page = visit(f"{serve(house).url}/picture")
    for link in page.locator(".under a[href*='.svg']").all():
        with page.expect_download() as download:
            link.click()
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        svg = file.read_text(encoding="utf-8")
        alone = page.context.new_page()
        alone.set_content(svg)
        assert alone.evaluate(OUTSIDE) == [], file.name
        alone.close()


def test_the_choice_changes_the_plots_while_one_chooses_and_without_scripts_by_a_press(
    house: House, serve: Callable[..., Any], visit: Callable[..., Any]
) -> None:
    served = serve(house)
    expected = None
    for scripts in (False, True):
        page = visit(f"{served.url}/picture", scripts=scripts)
        before = page.locator("#plots > p strong").inner_text()
        box = page.get_by_label("Waiting for the member")
        box.focus()
        page.keyboard.press("Space")
        if scripts:
            page.wait_for_url("**/picture?state=ask_member")
            page.wait_for_function("(before) => document.querySelector('#plots > p strong').textContent !== before", arg=before)
            assert box.evaluate("(box) => box === document.activeElement"), "the focus stays"
        else:
            with page.expect_navigation():
                page.keyboard.press("Enter")
            assert "state=ask_member" in page.url
        shown = page.locator("#plots > p strong").inner_text()
        assert shown != before and expected in (None, shown)
        expected = shown


def test_small_counts_are_hidden_by_a_press(house: House, serve: Callable[..., Any], visit: Callable[..., Any]) -> None:
    page = visit(f"{serve(house).url}/picture")
    page.get_by_label("Hide counts below 5, for publishing").check()
    page.wait_for_url("**small=hide")
    page.wait_for_function("document.getElementById('plots').textContent.includes('under 5')")
    assert page.evaluate(OUTSIDE) == []
    assert "small=hide" in (page.locator(".under a").first.get_attribute("href") or "")
