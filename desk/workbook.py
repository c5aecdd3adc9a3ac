"""A spreadsheet file (.xlsx, ECMA-376) of one sheet, written row by row into a stream that is sent as it grows.

Promises. Memory is flat however many rows there are, no temporary file is written, and the first bytes leave at
once. Text is stored as text, never as a formula; text that looks like one is also marked as quoted, so that it stays
text when somebody edits its cell. Times are real dates, numbers real numbers. The head row stays in sight, its
columns can be filtered, and their widths are as given.

Why not a library: openpyxl's and XlsxWriter's streaming modes write the whole sheet to a temporary file first and
zip it afterwards, so that the browser waits, and take four to ten times as long (bench/exports.py measures it).

What it does badly: one sheet, no styles to choose, and no file above 2 GiB of sheet (``MOST_ROWS`` keeps well below).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo
from zoneinfo import ZoneInfo

from mailroom.cells import one_line, runs

__all__ = ["MOST_ROWS", "Cell", "Head", "workbook"]

Cell = str | int | datetime | None
MOST_ROWS = 500_000  # a sheet takes 1,048,576 rows; a spreadsheet program becomes unusable long before
_MOST_TEXT = 32_767  # characters that a cell may hold
_CHUNK = 64 * 1024
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - day 0 of a sheet's calendar, which knows no zone
_PLAIN, _HEAD, _TIME, _QUOTED = 0, 1, 2, 3  # places in <cellXfs>
_ILLEGAL = re.compile("[\ud800-\udfff\ufffe\uffff]")  # what XML cannot hold; control characters are gone before
_LOOKS_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")  # «_x0041_» would be read as «A»

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = f"""{_XML}<Types xmlns="{_PACKAGE}/content-types">\
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>\
<Default Extension="xml" ContentType="application/xml"/>\
<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>\
<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>\
<Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>"""
_RELATIONS = f"""{_XML}<Relationships xmlns="{_PACKAGE}/relationships">\
<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>"""
_PARTS = f"""{_XML}<Relationships xmlns="{_PACKAGE}/relationships">\
<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>\
<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>"""
_STYLES = f"""{_XML}<styleSheet xmlns="{_MAIN}">\
<numFmts count="1"><numFmt numFmtId="164" formatCode="dd/mm/yyyy\\ hh:mm"/></numFmts>\
<fonts count="2"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font><font><b/><sz val="11"/><name val="Calibri"/><family val="2"/></font></fonts>\
<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>\
<fill><patternFill patternType="solid"><fgColor rgb="FFE3EEF5"/><bgColor indexed="64"/></patternFill></fill></fills>\
<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>\
<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>\
<xf numFmtId="0" fontId="1" fillId="2" borderId="0" xfId="0" applyFont="1" applyFill="1"/>\
<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>\
<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyNumberFormat="1"/></cellXfs>\
<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>"""


class Head(NamedTuple):
    """A column: what stands above it, and its width in characters."""

    label: str
    width: int


def workbook(title: str, heads: Sequence[Head], rows: Iterable[Sequence[Cell]], zone: ZoneInfo) -> Iterator[bytes]:
    """The file in pieces. ``rows`` is asked for each row once, as the file grows; times are shown as of ``zone``."""
    sink = _Sink()
    with ZipFile(sink, "w", ZIP_DEFLATED, compresslevel=4) as package:
        for name, content in (("[Content_Types].xml", _TYPES), ("_rels/.rels", _RELATIONS), ("xl/_rels/workbook.xml.rels", _PARTS), ("xl/styles.xml", _STYLES)):
            package.writestr(_entry(name), content)
        count = 1
        with package.open(_entry("xl/worksheets/sheet1.xml"), "w") as sheet:
            sheet.write(_before(heads).encode())
            waiting: list[str] = []
            for row in rows:
                count += 1
                waiting.append(_row(count, row, zone))
                if len(waiting) == 200:
                    sheet.write("".join(waiting).encode())
                    waiting.clear()
                    if len(sink) >= _CHUNK:
                        yield sink.taken()
            sheet.write("".join(waiting).encode())
            sheet.write(f'</sheetData><autoFilter ref="A1:{_letters(len(heads))}{count}"/></worksheet>'.encode())
        package.writestr(_entry("xl/workbook.xml"), _book(title, len(heads), count))  # last, for it says how far the filter reaches
    yield sink.taken()


class _Sink:
    """A file that can be written to and not sought in; what was written is taken out as it comes."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def __len__(self) -> int:
        return len(self._bytes)

    def write(self, data: bytes) -> int:
        self._bytes += data
        return len(data)

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def taken(self) -> bytes:
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, date_time=datetime.now(UTC).timetuple()[:6])
    entry.compress_type = ZIP_DEFLATED
    return entry


def _before(heads: Sequence[Head]) -> str:
    columns = "".join(f'<col min="{n}" max="{n}" width="{head.width}" customWidth="1"/>' for n, head in enumerate(heads, 1))
    cells = "".join(_text(f"{_letters(n)}1", head.label, _HEAD) for n, head in enumerate(heads, 1))
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView tabSelected="1" workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/><selection pane="bottomLeft" activeCell="A2" sqref="A2"/>'
        f'</sheetView></sheetViews><cols>{columns}</cols><sheetData><row r="1">{cells}</row>'
    )


def _row(number: int, row: Sequence[Cell], zone: ZoneInfo) -> str:
    cells = []
    for n, value in enumerate(row, 1):
        place = f"{_letters(n)}{number}"
        if value is None or value == "":
            continue
        if isinstance(value, str):
            cells.append(_text(place, value, _QUOTED if runs(value) else _PLAIN))
        elif isinstance(value, datetime):
            since = value.astimezone(zone).replace(tzinfo=None) - _EPOCH
            cells.append(f'<c r="{place}" s="{_TIME}"><v>{since.days + round(since.seconds / 86400, 8)}</v></c>')
        else:
            cells.append(f'<c r="{place}"><v>{value}</v></c>')
    return f'<row r="{number}">{"".join(cells)}</row>'


def _text(place: str, value: str, style: int) -> str:
    text = one_line(value)[:_MOST_TEXT]
    if not text.isascii():
        text = _ILLEGAL.sub("\ufffd", text)
    if "_x" in text:
        text = _LOOKS_ESCAPED.sub("_x005F_", text)
    if "&" in text or "<" in text or ">" in text:
        text = escape(text)
    return f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


@cache
def _letters(column: int) -> str:
    """«A» for 1, «AA» for 27."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _book(title: str, columns: int, rows: int) -> str:
    name = re.sub(r"[\[\]:*?/\\]", " ", one_line(title)).strip(" '")[:31] or "Sheet"
    quoted = escape("'" + name.replace("'", "''") + "'")
    return (
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><bookViews><workbookView/></bookViews>'
        f'<sheets><sheet name="{escape(name, {chr(34): "&quot;"})}" sheetId="1" r:id="rId1"/></sheets><definedNames>'
        f'<definedName name="_xlnm._FilterDatabase" localSheetId="0" hidden="1">{quoted}!$A$1:${_letters(columns)}${rows}</definedName>'
        f'<definedName name="_xlnm.Print_Titles" localSheetId="0">{quoted}!$1:$1</definedName></definedNames></workbook>'
    )
