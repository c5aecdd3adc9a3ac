"""Documents as attachments: text in reading order, and limits that hold on bombs and broken files."""

from __future__ import annotations

import io
import time
import zipfile
import zlib

import pytest

from mailroom.reasons import REASONS
from parse.attachments import AttachmentLimits, attachment_text


def read(content: bytes, filename: str, limits: AttachmentLimits | None = None) -> tuple[str, tuple[str, ...]]:
    text, defects = attachment_text(content, content_type="application/octet-stream", filename=filename, limits=limits)
    assert set(defects) <= REASONS.keys()
    return text, defects


def docx(body: str, **members: bytes) -> bytes:
    """A .docx whose document holds ``body``; further members by name, «__» for «/»."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", f'<?xml version="1.0"?><w:document xmlns:w="w"><w:body>{body}</w:body></w:document>')
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def p(*runs: str) -> str:
    return "<w:p>" + "".join(f'<w:r><w:t xml:space="preserve">{run}</w:t></w:r>' for run in runs) + "</w:p>"


def pdf(content: bytes, *, pages: int = 1, flate: bool = False, resources: bytes = b"", objects: tuple[bytes, ...] = ()) -> bytes:
    """A .pdf whose pages all show one content stream; ``objects`` follow from number 6 on."""
    filtered = b""
    if flate:
        content, filtered = zlib.compress(content, 9), b"/Filter /FlateDecode"
    numbered = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [" + b"3 0 R " * pages + b"] /Count %d >>" % pages,
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> " + resources + b" >> >>",
        b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), filtered, content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *objects,
    ]
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, item in enumerate(numbered, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, item)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(numbered) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(numbered) + 1, start)
    return bytes(out)


def shown(*rows: bytes) -> bytes:
    return b"BT /F1 11 Tf 50 780 Td 14 TL " + b" ".join(b"(%s) Tj T*" % row for row in rows) + b" ET"


# --- .docx


def test_docx_paragraphs_breaks_and_tabs() -> None:
    content = docx(p("Kyle ", "High &amp; co") + p("second") + "<w:p/><w:p><w:r><w:tab/><w:t>a</w:t><w:br/><w:t>b</w:t></w:r></w:p>")
    assert read(content, "a.docx") == ("Kyle High & co\nsecond\n\na\nb", ())


def test_docx_tables_row_by_row() -> None:
    row = "<w:tr><w:tc>{}</w:tc><w:tc>{}</w:tc></w:tr>"
    content = docx(p("above") + "<w:tbl>" + row.format(p("School"), p("Kyle High")) + row.format(p("Topic"), p("talk") + p("more")) + "</w:tbl>" + p("below"))
    assert read(content, "a.docx")[0] == "above\nSchool\tKyle High\nTopic\ttalk more\nbelow"


def test_docx_header_and_what_was_deleted() -> None:
    header = f'<w:hdr xmlns:w="w">{p("Kyle Primary")}</w:hdr>'.encode()
    content = docx(
        p("seen") + "<w:p><w:del><w:r><w:t>gone</w:t><w:delText>gone</w:delText></w:r></w:del></w:p>", word__header1_xml=b"no", **{"word__header1.xml": header}
    )
    assert read(content, "a.docx")[0] == "Kyle Primary\nseen"


def test_docx_by_type_whatever_its_name() -> None:
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    assert attachment_text(docx(p("a")), content_type=kind, filename="") == ("a", ())


def test_docx_entities_are_never_expanded() -> None:
    """Entities that a document defines itself stay as written; no XML parser sees them."""
    xml = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    assert read(docx(xml + p("&b;&lt;")), "a.docx")[0] == "&b;<"


@pytest.mark.parametrize(
    "content",
    [
        docx("a" * 34_000_000),
        docx(p("a"), word__media=b"0" * 40_000_000),
        docx(p("a"), **{f"m{n}": b"" for n in range(2_500)}),
    ],
    ids=["one huge part", "a huge picture", "too many members"],
)
def test_zip_bombs_are_not_unpacked(content: bytes) -> None:
    started = time.process_time()
    assert read(content, "a.docx") == ("", ("attachment_too_large",))
    assert time.process_time() - started < 1


def test_docx_whose_directory_lies_about_a_size() -> None:
    """The size in the directory is a claim: no more than the limit is ever unpacked."""
    content = bytearray(docx(p("a" * 2_000_000)))
    place = content.rfind(b"PK\x01\x02")
    content[place + 24 : place + 28] = (100).to_bytes(4, "little")
    text, defects = read(bytes(content), "a.docx", AttachmentLimits(xml=50_000))
    assert len(text) <= 50_000
    assert defects


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"no zip at all", docx(p("a"))[:150], b"PK\x03\x04" + b"\xff" * 500], ids=["empty", "PK", "text", "cut", "junk"]
)
def test_broken_docx(content: bytes) -> None:
    assert read(content, "a.docx") == ("", ("attachment_unreadable",))


def test_zip_without_a_document() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a", "b")
    assert read(out.getvalue(), "a.docx") == ("", ("attachment_unreadable",))


# --- .pdf


def test_pdf() -> None:
    assert read(pdf(shown(b"Kyle High", b"Fife")), "a.pdf") == ("Kyle High\nFife", ())
    assert read(pdf(shown(b"Kyle High"), pages=3, flate=True), "a.PDF")[0].split("\n\n") == ["Kyle High"] * 3


def test_pdf_pages_beyond_the_limit_are_not_read() -> None:
    text, _ = read(pdf(shown(b"Kyle"), pages=50), "a.pdf", AttachmentLimits(pages=4))
    assert text.count("Kyle") == 4


def repeated_form(size: int, drawings: int) -> bytes:
    form = shown(*[b"word"] * (size // 15))
    item = b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /Font << /F1 5 0 R >> >> /Length %d >>\nstream\n%s\nendstream" % (len(form), form)
    return pdf(b"/X Do " * drawings, resources=b"/XObject << /X 6 0 R >>", objects=(item,))


def test_pdf_forms_are_read() -> None:
    assert "word" in read(repeated_form(100, 1), "a.pdf")[0]


@pytest.mark.parametrize(
    ("content", "defect"),
    [
        (pdf(b"(a) Tj " * 4_000_000, flate=True), None),
        (pdf(shown(*[b"word word"] * 60_000)), "attachment_too_large"),
        (pdf(shown(*[b"word word"] * 15_000), pages=30), None),
        (repeated_form(250_000, 3_000), None),
        (pdf(b"[" * 100_000), None),
        (pdf(shown(b"a"), objects=(b"null",) * 200_000), None),
    ],
    ids=["zip bomb", "a huge page", "many long pages", "a form drawn 3,000 times", "nested arrays", "many objects"],
)
def test_hostile_pdf(content: bytes, defect: str | None) -> None:
    """The limit is wide of what is measured (about a second) for slow machines' sake."""
    started = time.process_time()
    text, defects = read(content, "a.pdf")
    assert time.process_time() - started < 8
    assert len(text) <= AttachmentLimits().characters
    assert defect is None or defect in defects


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4", b"%PDF-1.4\n" + bytes(range(256)) * 50, pdf(shown(b"a"))[:200]], ids=["empty", "head", "junk", "cut"])
def test_broken_pdf(content: bytes) -> None:
    text, defects = read(content, "a.pdf")
    assert text == ""
    assert defects == ("attachment_unreadable",)


# --- others


def test_text_and_what_is_not_read() -> None:
    assert read("caf\u00e9\r\n\r\n\r\n\r\nb \x00".encode(), "a.txt") == ("café\n\nb", ())
    assert read("“é”".encode("cp1252"), "a.txt")[0] == "“é”"
    assert read("é".encode("utf-16"), "a.txt")[0] == "é"
    assert read(b"\x89PNG", "a.png") == ("", ())
    assert read(b"x" * 200_000, "a.txt") == ("x" * 100_000, ("attachment_cut",))
    assert read(b"x" * 20, "a.txt", AttachmentLimits(bytes=10)) == ("", ("attachment_too_large",))
