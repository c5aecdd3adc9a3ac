"""Answers as a reader sees them: each one's HTML in a real Chromium, on a telephone and on a desk, by day and by night.

What a Chromium cannot show is Outlook on Windows, which draws with Word; what it needs is in ``_base.html.j2``.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailroom.previewing import Preview, Previewer, gallery
from mailroom.programme import load_programme
from notify.compose import text_of_html

PROGRAMME = load_programme(Path(__file__).parents[2] / "programme")
PREVIEWS = list(Previewer(PROGRAMME).samples())
WIDTHS = {"telephone": 390, "small telephone": 320, "desk": 1440}
EACH = pytest.mark.parametrize("preview", PREVIEWS, ids=[preview.case.replace(", ", "-") for preview in PREVIEWS])

# Every piece of text with the size, the colours and the edges that it is drawn with.
TEXTS = """() => {
  const shown = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.textContent.trim()) continue;
    const style = getComputedStyle(node.parentElement), range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()];
    shown.push({text: node.textContent.trim(), size: parseFloat(style.fontSize), line: parseFloat(style.lineHeight), colour: rgb(style.color),
      background: rgb(getComputedStyle(node.parentElement).backgroundColor), visible: style.visibility === 'visible' && boxes.length > 0,
      left: Math.min(...boxes.map(box => box.left)), right: Math.max(...boxes.map(box => box.right))});
  }
  return shown;
}"""


@pytest.fixture(scope="module")
def pages(chromium: Any) -> Iterator[dict[tuple[int, str], Any]]:
    """A page for each width, by day or by night; each keeps the addresses that it was asked to fetch."""
    made = {}
    for width, scheme in ((WIDTHS["telephone"], "light"), (WIDTHS["small telephone"], "dark"), (WIDTHS["desk"], "dark")):
        page = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, java_script_enabled=True).new_page()
        page.fetched = []
        page.on("request", lambda request, page=page: page.fetched.append(request.url))
        made[width, scheme] = page
    yield made
    for page in made.values():
        page.context.close()


def luminance(colour: list[int]) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [part / 255 for part in colour[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: list[int], other: list[int]) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def paper_colour(page: Any) -> list[int]:
    """The colour of the page itself, from the corner of what is really drawn: first pixel of a PNG of 8 bits a channel."""
    png = page.screenshot(clip={"x": 0, "y": 0, "width": 1, "height": 1})
    assert png[24:26] in (b"\x08\x02", b"\x08\x06")
    data, position = b"", 8
    while position < len(png):
        size, kind = struct.unpack(">I4s", png[position : position + 8])
        data += png[position + 8 : position + 8 + size] if kind == b"IDAT" else b""
        position += 12 + size
    return list(zlib.decompress(data)[1:4])


@EACH
def test_it_can_be_read_on_every_screen(pages: dict[tuple[int, str], Any], preview: Preview) -> None:
    """No sideways scrolling, no small print, lines of a length that the eye can follow, and contrast by day and by night."""
    for (width, scheme), page in pages.items():
        page.set_content(preview.html)
        where = f"{preview.case} at {width} px, {scheme}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, where
        texts = page.evaluate(TEXTS)
        assert len(texts) > 4, where
        paper = paper_colour(page)
        assert (luminance(paper) < 0.2) is (scheme == "dark"), where
        for text in texts:
            assert text["visible"], (where, text)
            assert text["size"] >= 14, (where, text)
            assert text["line"] >= 1.3 * text["size"], (where, text)
            assert text["background"][3] == 0, (where, text)  # drawn on the page itself
            assert contrast(text["colour"], paper) >= 7, (where, text)
            assert 8 <= text["left"] <= text["right"] <= width - 8, (where, text)
            assert text["right"] - text["left"] <= 640, (where, text)
        assert [url for url in page.fetched if not url.startswith(("about:", "data:"))] == [], where


@EACH
def test_what_is_seen_is_what_the_text_version_says(pages: dict[tuple[int, str], Any], preview: Preview) -> None:
    """Word for word, as drawn; the signs in front of list items aside, which the browser draws itself."""
    page = pages[WIDTHS["telephone"], "light"]
    page.set_content(preview.html)
    seen = page.inner_text("body").split()
    assert seen == re.sub(r"(?m)^\s*- ", "", preview.text).split()
    assert seen == " ".join(text_of_html(preview.html)).split()
    assert page.title() == preview.subject


@EACH
def test_a_screen_reader_finds_language_headings_and_lists(pages: dict[tuple[int, str], Any], preview: Preview) -> None:
    page = pages[WIDTHS["telephone"], "light"]
    page.set_content(preview.html)
    assert page.get_attribute("html", "lang") == "en-GB"
    items = preview.text.count("\n- ") + len(re.findall(r"(?m)^   [a-h]\) ", preview.text))
    assert page.locator("ul > li").count() == items
    headings = [heading for heading in re.findall(r"(?m)^(?! )(\S[^\n]*):$", preview.text) if not heading.startswith("- ")]
    assert page.locator("h2").all_inner_texts() == [f"{heading}:" for heading in headings]
    assert page.locator("img, script, style, link, form, iframe").count() == 0


def test_links_are_told_from_text_by_day_and_by_night(pages: dict[tuple[int, str], Any]) -> None:
    """The programme's page and the address of a session are links; their colours are the reader's own."""
    address = "https://union.example/a-long-address/of-the-page/of-the-programme"
    facts = replace(
        PROGRAMME.facts, page=address, sessions=tuple(replace(session, place="Online", join=f"{address}/join") for session in PROGRAMME.facts.sessions)
    )
    html = next(Previewer(replace(PROGRAMME, facts=facts)).samples("registered", "complete")).html
    for (width, scheme), page in pages.items():
        page.set_content(html)
        assert page.evaluate("document.documentElement.scrollWidth") <= width  # a long address is broken
        links = [text for text in page.evaluate(TEXTS) if text["text"].startswith("https://")]
        assert [text["text"] for text in links] == [address, f"{address}/join"]
        assert page.locator("a").evaluate_all("all => all.map(a => a.href)") == [address, f"{address}/join"]
        assert all(contrast(link["colour"], paper_colour(page)) >= 4.5 for link in links), scheme


def test_the_page_of_all_answers_shows_each_and_fetches_nothing(chromium: Any, tmp_path: Path) -> None:
    file = tmp_path / "answers.html"
    file.write_text(gallery(PREVIEWS), encoding="utf-8")
    page = chromium.new_page()
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(file.as_uri())
    # The frames come after their page on a busy machine; a locator waits for what is in them.
    titles = [page.frame_locator(f"iframe >> nth={at}").locator("title") for at in range(page.locator("iframe").count())]
    assert [title.text_content() for title in titles] == [preview.subject for preview in PREVIEWS]
    assert [url for url in fetched if not url.startswith(("about:", "data:", file.as_uri()))] == []
