"""Plots: nothing cut, nothing hidden told, nothing of a member's text become mark-up, and a PNG with text in it."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from desk.office import Tile
from desk.plots import FEW, Chart, Frame, Kind, Value, _bands, _ticks, disclosed, draw, png

SVG = "{http://www.w3.org/2000/svg}"
FRAME = Frame(lines=("12 registrations", "On the register"), source="Source: the register")


def chart(*values: Value, kind: str = Kind.BARS, tiles: dict[str, Tile] | None = None) -> Chart:
    return Chart(name="x", kind=kind, title="Registrations", of="Council", values=values, tiles=tiles or {})


def parsed(chart: Chart, width: int = 640, frame: Frame | None = None) -> etree._Element:
    return etree.fromstring(str(draw(chart, width=width, frame=frame)))


@given(st.lists(st.tuples(st.text(max_size=60), st.integers(0, 100_000)), max_size=12), st.sampled_from([300, 640, 960]), st.booleans())
def test_any_text_is_text_and_any_picture_is_well_formed(rows: list[tuple[str, int]], width: int, framed: bool) -> None:
    values = tuple(Value(label=label, short=label, era=label, key=label, count=count) for label, count in rows)
    for kind in (Kind.BARS, Kind.COLUMNS):
        tree = parsed(chart(*values, kind=kind), width, FRAME if framed else None)
        assert {element.tag for element in tree.iter()} <= {SVG + name for name in ("svg", "text", "rect", "line", "title")}
        assert all(not name.startswith("on") and "href" not in name for element in tree.iter() for name in element.attrib)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12))
def test_no_small_count_can_be_read_or_worked_out(counts: list[int]) -> None:
    shown = disclosed([Value(label=str(nth), count=count) for nth, count in enumerate(counts)])
    assert all(value.count is None or value.count == 0 or value.count >= FEW for value in shown)
    assert [value.count for value in shown if value.count is not None] == [count for count, value in zip(counts, shown, strict=True) if value.count is not None]
    hidden = [count for count, value in zip(counts, shown, strict=True) if value.count is None]
    if len(hidden) == 1:  # only where nothing else was counted: the page then hides the total as well
        assert sum(counts) == hidden[0] < FEW


def test_hidden_counts_are_drawn_alike() -> None:
    one, two = (parsed(chart(Value(label="Fife", count=12), *disclosed([Value(label="Angus", count=n), Value(label="Moray", count=n)]))) for n in (1, 4))
    assert etree.tostring(one) == etree.tostring(two)
    assert len(one.findall(f'.//{SVG}rect[@class="hidden-bar"]')) == 2


def test_the_number_stands_on_every_bar_and_a_long_label_is_broken_not_cut() -> None:
    label = "A learning group that wants to start research, and was never named any shorter than this"
    tree = parsed(chart(Value(label=label, count=1234), Value(label="x" * 200, count=1)))
    texts = [element.text or "" for element in tree.iter(SVG + "text")]
    assert "1,234" in texts
    assert " ".join(texts[: texts.index("1,234")]) == label
    assert "".join(text for text in texts if set(text) == {"x"}) == "x" * 200


def test_a_map_has_every_tile_with_its_number() -> None:
    tiles = {name: Tile(council=name, short=name[:3], row=row, column=column) for name, row, column in (("Fife", 0, 0), ("Angus", 0, 1), ("Moray", 1, 0))}
    values = (Value(label="Fife", key="Fife", count=7), Value(label="Angus", key="Angus", count=0), Value(label="Moray", key="Moray", count=3))
    for width, names in ((640, {"Fife", "Angus", "Moray"}), (60, {"Fif", "Ang", "Mor"})):
        tree = parsed(chart(*values, kind=Kind.TILES, tiles=tiles), width)
        assert names <= {element.text for element in tree.iter(SVG + "text")}
        assert {title.text for title in tree.iter(SVG + "title")} == {"Fife: 7", "Angus: 0", "Moray: 3"}


@given(st.integers(0, 10**7))
def test_scales_are_round_and_reach_the_highest(most: int) -> None:
    ticks, bands = _ticks(most), _bands(most)
    assert ticks[0] == 0 and ticks[-1] >= max(most, 1) and 2 <= len(ticks) <= 6
    assert bands == sorted(set(bands)) and bands[-1] == max(most, 1) and len(bands) <= 4


def _pixels(image: bytes) -> tuple[int, int, set[bytes]]:
    """Width, height, and the colours of the rows of a PNG with 8 bits for each of red, green, blue and perhaps opacity."""
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, depth, kind = struct.unpack(">IIBB", image[16:26])
    assert depth == 8 and kind in (2, 6)
    data, at = b"", 8
    while at < len(image):
        (length,) = struct.unpack(">I", image[at : at + 4])
        if image[at + 4 : at + 8] == b"IDAT":
            data += image[at + 8 : at + 8 + length]
        at += length + 12
    each, raw = (3 if kind == 2 else 4), zlib.decompress(data)
    rows, before = [], bytes(width * each)
    for y in range(height):
        how, line = raw[y * (width * each + 1)], bytearray(raw[y * (width * each + 1) + 1 : (y + 1) * (width * each + 1)])
        for x in range(len(line)):
            left = line[x - each] if x >= each else 0
            up, corner = before[x], before[x - each] if x >= each else 0
            guess = left + up - corner
            nearest = min((left, up, corner), key=lambda one: abs(guess - one))
            line[x] = (line[x] + (0, left, up, (left + up) // 2, nearest)[how]) & 255
        before = bytes(line)
        rows.append(before)
    return width, height, {row[x : x + 3] for row in rows for x in range(0, len(row), each)}


@pytest.mark.parametrize("words", ["Registrations", "Àèìòù – «Na h-Eileanan Siar»"])
def test_the_png_has_text_in_it_without_any_font_of_the_machine(words: str) -> None:
    blank = '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="30"><rect width="200" height="30" fill="#fff"/>{}</svg>'
    width, height, colours = _pixels(png(blank.format(f'<text x="4" y="20" font-family="system-ui, sans-serif" fill="#000">{words}</text>'), zoom=1))
    assert (width, height) == (200, 30)
    assert b"\x00\x00\x00" in colours, "the letters are there"
    assert _pixels(png(blank.format(""), zoom=1))[2] == {b"\xff\xff\xff"}


def test_the_png_is_drawn_twice_as_large() -> None:
    picture = draw(chart(Value(label="Fife", count=7)), width=300, frame=FRAME)
    high = int(etree.fromstring(str(picture)).get("height"))
    assert struct.unpack(">II", png(str(picture))[16:24]) == (600, 2 * high)
