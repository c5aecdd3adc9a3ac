"""Plots as SVG of our own: columns over time, bars, and a map of tiles; and the same picture as PNG.

A ``Chart`` is titles and values; ``draw`` lays it out for a width, for a page (bare: the page has the words, the style
sheet the colours of day or night) or framed, as a picture of its own: title, what is counted, where it comes from, on
white. Whatever a member wrote reaches the picture escaped, and nothing in it is fetched from anywhere.

Promises. No label is cut: it is broken into lines, for a font wider than most. Colour is never alone: the number stands
on each bar and tile that has room for it, and the page has each chart as a table too. With ``disclosed`` no count below
five can be read from a chart, nor be worked out from its total.

What it does badly. Two pictures of different filters may still be subtracted from each other. A script that runs from
right to left, or whose letters join, is measured roughly, and the font of the PNG has Latin, Greek and Cyrillic only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files

from markupsafe import Markup, escape

from desk.office import Tile
from mailroom.printing import printable

__all__ = ["FEW", "Chart", "Frame", "Kind", "Value", "disclosed", "draw", "png"]

FEW = 5  # counts below it are not for publication
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Open Sans', 'Liberation Sans', Arial, sans-serif"
INK, SOFT, LINE, BAR = "#1a2126", "#4e5b64", "#d3dadf", "#1d4f6e"
_STEPS = ("#ffffff", "#dcebf4", "#a9cde3", "#5f9cc2", "#1d4f6e")  # of a tile: nothing, then four bands
_ON_STEP = (INK, INK, INK, INK, "#ffffff")


class Kind:
    """How a chart is drawn."""

    COLUMNS = "columns"  # over time
    BARS = "bars"
    TILES = "tiles"


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """A count with its label. ``key`` is what the register calls it; ``short`` and ``era`` («10 Jan», «2022») stand under a column.

    ``count`` is None where it must not be shown, and ``hidden`` says so in its place.
    """

    label: str
    count: int | None
    key: str = ""
    short: str = ""
    era: str = ""
    hidden: str = ""

    @property
    def shown(self) -> str:
        return self.hidden if self.count is None else f"{self.count:,}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """What is drawn. ``name`` is the word of its address, ``of`` the heading of the labels in its table."""

    name: str
    kind: str
    title: str
    of: str
    values: tuple[Value, ...]
    note: str = ""
    tiles: Mapping[str, Tile] = field(default_factory=dict)  # by ``Value.key``


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """The words around a picture that stands alone."""

    lines: tuple[str, ...]  # what is counted
    source: str


def disclosed(values: Sequence[Value]) -> tuple[Value, ...]:
    """The values without small counts. Where one alone would be hidden the next larger is too, for the total would tell it."""
    hidden = [replace(value, count=None, hidden=f"under {FEW}") if value.count is not None and 0 < value.count < FEW else value for value in values]
    if sum(value.count is None for value in hidden) == 1:
        larger = [index for index, value in enumerate(hidden) if value.count]
        if larger:
            least = min(larger, key=lambda index: hidden[index].count or 0)
            hidden[least] = replace(hidden[least], count=None, hidden="hidden")
    return tuple(hidden)


def draw(chart: Chart, *, width: int, frame: Frame | None = None) -> Markup:
    """The chart as an SVG element of that width; as high as it needs."""
    canvas = _Canvas()
    margin = 32 if frame else 2  # a letter may begin a little before its place
    inner, y = width - 2 * margin, 0.0
    if frame:
        y = margin - 6.0
        for line in _wrapped(chart.title, 24, inner, bold=True):
            y += 30
            canvas.text(margin, y, line, size=24, bold=True)
        for said in frame.lines:
            for line in _wrapped(said, 14, inner):
                y += 21
                canvas.text(margin, y, line, size=14, kind="soft")
        y += 24
    canvas.shift(margin, y)
    height = _BODIES[chart.kind](canvas, chart, inner)
    canvas.shift(margin, y + height)
    below = 0.0
    if chart.note:
        for line in _wrapped(chart.note, 13, inner):
            below += 19
            canvas.text(0, below, line, size=13, kind="soft")
    if frame:
        below += 12
        for line in _wrapped(frame.source, 12, inner):
            below += 18
            canvas.text(0, below, line, size=12, kind="soft")
        below += margin - 8
    total = math.ceil(y + height + below + 4)
    ground = Markup('<rect width="{}" height="{}" fill="#ffffff"/>').format(width, total) if frame else Markup("")
    label = f"{chart.title}: {_summary(chart)}"
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {w} {h}" width="{w}" height="{h}" '
        'role="img" aria-label="{label}" font-family="{font}">'
        "{ground}{body}</svg>"
    ).format(w=width, h=total, label=printable(label), font=_FONT, ground=ground, body=Markup("".join(canvas.parts)))  # noqa: S704 - of escaped pieces


def png(svg: str, *, zoom: float = 2.0) -> bytes:
    """The picture as PNG, ``zoom`` pixels for each unit, drawn with the font that comes along, whatever fonts the machine has."""
    import resvg_py

    fonts = files("ttf_opensans") / "ttf"
    return resvg_py.svg_to_bytes(
        svg_string=svg,
        zoom=zoom,
        skip_system_fonts=True,
        font_files=[str(fonts / "OpenSans-Regular.ttf"), str(fonts / "OpenSans-Bold.ttf")],
        font_family="Open Sans",
        sans_serif_family="Open Sans",
    )


def _summary(chart: Chart) -> str:
    """The chart in a few words, for who cannot see it; the table has the rest."""
    counted = [value for value in chart.values if value.count]
    if not counted:
        return "nothing to show"
    most = max(counted, key=lambda value: value.count or 0)
    return f"{len(chart.values)} values, the most {most.shown} for {most.label}"


# --- bodies: each draws from (0, 0) of its shifted canvas and gives its height


def _columns(canvas: _Canvas, chart: Chart, width: float) -> float:
    values, height = chart.values, min(max(width * 0.3, 170), 280)
    if not values:
        return _nothing(canvas)
    ticks = _ticks(max((_drawn(value) for value in values), default=0))
    left = max(_measure(f"{tick:,}", 12) for tick in ticks) + 8
    top, floor, room = 20.0, height - 40, width - left - 2
    scale = (floor - top) / ticks[-1]
    for tick in ticks:
        y = floor - tick * scale
        canvas.line(left, y, width, y)
        canvas.text(left - 6, y + 4, f"{tick:,}", size=12, anchor="end", kind="soft")
    slot = room / len(values)
    bar = min(max(slot * 0.78, slot - 8), 64)
    numbers = max(_measure(value.shown, 12) for value in values) + 2 <= slot
    highest = max(range(len(values)), key=lambda index: _drawn(values[index]))
    wide = max((_measure(value.short, 12) for value in values), default=0)
    every = max(math.ceil((wide + 12) / slot), 1)
    era = ""
    for index, value in enumerate(values):
        middle, tall = left + slot * (index + 0.5), _drawn(value) * scale
        if tall:
            canvas.bar(middle - bar / 2, floor - tall, bar, tall, hidden=value.count is None)
        if tall and (numbers or index == highest):
            half = _measure(value.shown, 12) / 2
            canvas.text(min(max(middle, left + half), width - half), floor - tall - 5, value.shown, size=12, anchor="middle")
        if index % every == 0:
            half = max(_measure(value.short, 12), _measure(value.era, 12)) / 2
            at = min(max(middle, half), width - half)
            canvas.text(at, floor + 17, value.short, size=12, anchor="middle", kind="soft")
            if value.era != era:
                canvas.text(at, floor + 33, value.era, size=12, anchor="middle", kind="soft")
                era = value.era
    return height


def _bars(canvas: _Canvas, chart: Chart, width: float) -> float:
    values = chart.values
    if not values:
        return _nothing(canvas)
    above = width < 420  # a narrow picture has the label over its bar
    labels = [printable(value.label).replace("\n", " ") for value in values]
    number = max(_measure(value.shown, 13) for value in values) + 8
    most = max((_drawn(value) for value in values), default=0) or 1
    column = 0.0 if above else min(max(_measure(label, 13) for label in labels) + 10, width * 0.45)
    room, y = width - column - number - (1 if above else 0), 0.0
    for value, label in zip(values, labels, strict=True):
        lines = _wrapped(label, 13, width if above else column - 8)
        long = _drawn(value) / most * room
        if above:
            for line in lines:
                y += 18
                canvas.text(0, y, line, size=13)
            bar_at, thick = y + 5, 14.0
            y += 27
        else:
            tall = max(len(lines) * 17.0, 18)
            for nth, line in enumerate(lines):
                canvas.text(column - 8, y + (tall - len(lines) * 17) / 2 + nth * 17 + 13, line, size=13, anchor="end")
            bar_at, thick = y + (tall - 18) / 2, 18.0
            y += tall + 7
        if long:
            canvas.bar(column, bar_at, max(long, 1), thick, hidden=value.count is None)
        canvas.text(column + long + 6, bar_at + thick / 2 + 4.5, value.shown, size=13)
    return y


def _tiles(canvas: _Canvas, chart: Chart, width: float) -> float:
    placed = [value for value in chart.values if value.key in chart.tiles]
    if not placed:
        return _nothing(canvas)
    columns, rows = (max(getattr(tile, name) for tile in chart.tiles.values()) + 1 for name in ("column", "row"))
    gap = 4.0 if width > 420 else 3.0
    side = (width - 2 - gap * (columns - 1)) / columns
    tall = min(side, 78.0)
    names = [value.label for value in placed]
    size = min(13.0, (side - 10) / max(_measure(word, 1) for name in names for word in name.split()))
    whole = size >= 9
    if not whole:
        names = [chart.tiles[value.key].short for value in placed]
        size = min(12.0, (side - 4) / max(_measure(name, 1) for name in names))
    most = max(_drawn(value) for value in placed)
    bands = _bands(max(most, FEW), FEW) if any(value.count is None for value in placed) else _bands(most)
    for value, name in zip(placed, names, strict=True):
        tile = chart.tiles[value.key]
        x, y = 1 + tile.column * (side + gap), 1 + tile.row * (tall + gap)
        step = 0 if not _drawn(value) else 1 + sum(_drawn(value) > end for end in bands[:-1])
        canvas.tile(x, y, side, tall, step=step, hidden=value.count is None, title=f"{value.label}: {value.shown}")
        lines = _wrapped(name, size, side - 8) if whole else [name]
        for nth, line in enumerate(lines):
            canvas.text(x + side / 2, y + size + 5 + nth * (size + 2), line, size=size, anchor="middle", kind=f"on{step}", fill=_ON_STEP[step])
        canvas.text(
            x + side / 2, y + tall - 8, value.shown, size=_fitting(value.shown, side - 6), anchor="middle", bold=True, kind=f"on{step}", fill=_ON_STEP[step]
        )
    y = rows * (tall + gap) + 10
    return _legend(canvas, bands, width, y)


def _legend(canvas: _Canvas, bands: Sequence[int], width: float, y: float) -> float:
    x, start = 0.0, 1
    for step, end in enumerate((0, *bands)):
        words = "none" if not step else (f"{start:,}" if start == end else f"{start:,} to {end:,}")
        start = end + 1 if step else 1
        need = 22 + _measure(words, 12) + 14
        if x and x + need > width:
            x, y = 0.0, y + 24
        canvas.tile(x, y, 16, 16, step=step, hidden=False, title="")
        canvas.text(x + 22, y + 13, words, size=12, kind="soft")
        x += need
    return y + 24


def _nothing(canvas: _Canvas) -> float:
    canvas.text(0, 24, "Nothing to show for this choice.", size=14, kind="soft")
    return 40


_BODIES = {Kind.COLUMNS: _columns, Kind.BARS: _bars, Kind.TILES: _tiles}


# --- measures


def _drawn(value: Value) -> float:
    """How much is drawn: what must not be told is drawn alike, whatever it is."""
    return value.count if value.count is not None else FEW / 2


def _ticks(most: float) -> list[int]:
    """From nothing to at least ``most``, in round steps of one, two or five, at most five of them."""
    step = 1
    while step * 5 < most:
        step = int(step * (2.5 if str(step)[0] == "2" else 2))
    return [step * nth for nth in range(max(math.ceil(most / step), 1) + 1)]


def _bands(most: float, least: int = 1) -> list[int]:
    """Where each of at most four bands of whole numbers ends, each ``least`` wide at the least."""
    most = max(math.ceil(most), 1)
    each = max(math.ceil(most / 4), least)
    return [min(end, most) for end in (each, 2 * each, 3 * each, 4 * each) if end - each < most]


def _fitting(text: str, room: float, most: float = 16.0) -> float:
    return min(most, room / _measure(text, 1, bold=True))


_WIDTHS = {letter: width for letters, width in (("ijl'|", 0.3), (".,:; !I·", 0.4), ("tfr()[]/-", 0.44), ("mwMW@%&—", 1.0)) for letter in letters}


def _measure(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a text is at most, in a font as wide as they come."""
    wide = 0.0
    for letter in text:
        usual = 0.66 if letter.isdigit() or (letter.islower() and ord(letter) < 0x250) else (0.75 if ord(letter) < 0x250 else 1.05)
        wide += _WIDTHS.get(letter, usual)
    return wide * size * (1.12 if bold else 1.0)


def _wrapped(text: str, size: float, room: float, *, bold: bool = False) -> list[str]:
    """Lines that fit; a word longer than a line is broken where the line ends."""
    lines, line = [], ""
    for word in printable(text).split():
        rest = word
        while rest:
            tried = f"{line} {rest}".strip()
            if _measure(tried, size, bold=bold) <= room:
                line, rest = tried, ""
            elif line:
                lines.append(line)
                line = ""
            else:
                cut = next((n for n in range(len(rest) - 1, 1, -1) if _measure(rest[:n], size, bold=bold) <= room), 1)
                lines.append(rest[:cut])
                rest = rest[cut:]
    return [*lines, line] if line else lines or [""]


class _Canvas:
    """Pieces of SVG. Text is escaped here, and everything else in them is a number, or a word of this module.

    ``kind`` is also the class by which a page's style sheet knows a piece.
    """

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._x = self._y = 0.0

    def shift(self, x: float, y: float) -> None:
        """All that follows is drawn from there."""
        self._x, self._y = x, y

    def text(self, x: float, y: float, text: str, *, size: float, anchor: str = "start", bold: bool = False, kind: str = "ink", fill: str = "") -> None:
        colour = fill or (SOFT if kind == "soft" else INK)
        weight = ' font-weight="700"' if bold else ""
        where = f'x="{_n(x + self._x)}" y="{_n(y + self._y)}"'
        self.parts.append(
            f'<text class="{kind}" {where} font-size="{_n(size)}" text-anchor="{anchor}" fill="{colour}"{weight}>{escape(printable(text))}</text>'
        )

    def line(self, x: float, y: float, to_x: float, to_y: float) -> None:
        begins, ends = f'x1="{_n(x + self._x)}" y1="{_n(y + self._y)}"', f'x2="{_n(to_x + self._x)}" y2="{_n(to_y + self._y)}"'
        self.parts.append(f'<line class="rule" {begins} {ends} stroke="{LINE}"/>')

    def bar(self, x: float, y: float, width: float, height: float, *, hidden: bool) -> None:
        look = f'fill="none" stroke="{BAR}" stroke-dasharray="3 3"' if hidden else f'fill="{BAR}"'
        self._rect("hidden-bar" if hidden else "bar", x, y, width, height, look)

    def tile(self, x: float, y: float, width: float, height: float, *, step: int, hidden: bool, title: str) -> None:
        dashed = ' stroke-dasharray="3 3"' if hidden else ""
        inside = f"<title>{escape(printable(title))}</title>" if title else ""
        self._rect(f"step{step}", x, y, width, height, f'rx="4" fill="{_STEPS[step]}" stroke="#7c8a94"{dashed}', inside)

    def _rect(self, kind: str, x: float, y: float, width: float, height: float, look: str, inside: str = "") -> None:
        where = f'x="{_n(x + self._x)}" y="{_n(y + self._y)}" width="{_n(width)}" height="{_n(height)}"'
        self.parts.append(f'<rect class="{kind}" {where} {look}>{inside}</rect>')


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
