"""Attachments and HTML: names that harm nothing, headers that cannot be broken out of, HTML with nothing alive in it."""

from __future__ import annotations

import email.message
import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.responses import Response

from desk.attachments import download_headers, html_page, html_text, part_content, parts, plain_text, safe_filename
from tests.fixtures.hostile import HOSTILE, hostile_mail

NASTY = [
    "../../etc/passwd",
    "..\\..\\Windows\\win.ini",
    "/etc/shadow",
    "C:\\autoexec.bat",
    "....//....//x",
    "..",
    ".",
    "",
    "a\r\nSet-Cookie: x=y.txt",
    'x"; filename="evil.exe',
    "%2e%2e%2fpasswd",
    "nul\x00.txt",
    "\u202egpj.exe",
    ".bashrc",
    "x" * 500 + ".docx",
    "Fòirm a' Phrògraim.docx",
]


@pytest.mark.parametrize("name", NASTY)
@given(extra=st.text(max_size=30))
@example(extra="")
def test_a_name_is_one_harmless_piece(name: str, extra: str) -> None:
    safe = safe_filename(name + extra)
    assert safe and len(safe) <= 120
    assert not set(safe) & set('/\\:"<>|*?%;\r\n\x00') and safe not in (".", "..") and not safe.startswith(".")
    assert safe.isprintable()
    response = Response(b"", headers=dict(download_headers(safe)))
    for line in response.raw_headers:
        assert b"\r" not in line[1] and b"\n" not in line[1]
    said = response.headers["content-disposition"]
    assert re.fullmatch(r"attachment; filename=\"[A-Za-z0-9 ._()+-]+\"; filename\*=UTF-8''[A-Za-z0-9._~%-]+", said), said


def test_a_gaelic_name_stays() -> None:
    assert safe_filename("Fòirm a' Phrògraim.docx") == "Fòirm a' Phrògraim.docx"
    assert "filename*=UTF-8''F%C3%B2irm" in download_headers("Fòirm a' Phrògraim.docx")["Content-Disposition"]


def with_attachments() -> bytes:
    message = email.message.EmailMessage()
    message["From"], message["Subject"] = "a@example.com", "x"
    message.set_content("own words")
    message.add_alternative("<p>own <b>words</b></p>", subtype="html")
    message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="../../up.pdf")
    message.add_attachment("<script>alert(1)</script>", subtype="html", filename="page.html")
    inner = email.message.EmailMessage()
    inner["Subject"] = "within"
    inner.set_content("text within")
    message.add_attachment(inner)
    return message.as_bytes()


def test_parts_are_counted_once_and_found_by_number_alone() -> None:
    content = with_attachments()
    listed = parts(content)
    assert [(one.name, one.content_type) for one in listed] == [
        ("up.pdf", "application/pdf"),
        ("page.html", "text/html"),
        ("attachment.eml", "message/rfc822"),
    ]
    for one in listed:
        found = part_content(content, one.index)
        assert found is not None and found[0] == one and len(found[1]) == one.size
    assert part_content(content, listed[0].index)[1] == b"%PDF-1.4"  # type: ignore[index]
    body = {0, 1, 2, 3} - {one.index for one in listed}
    assert all(part_content(content, index) is None for index in (*body, 99, -1))
    assert html_text(content) is not None and "<b>words</b>" in (html_text(content) or "")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_is_shown_as_far_as_it_goes(name: str) -> None:
    content = hostile_mail()[name]
    for one in parts(content):
        assert part_content(content, one.index) is not None
    assert len(plain_text(content)) <= 20_000
    html_text(content)


ALIVE = """<html><head><title>t</title><style>p{background:url(http://evil.example/a)}</style><meta http-equiv=refresh content="0;url=//evil.example">
<link rel=stylesheet href=//evil.example/x.css><base href=//evil.example></head><body onload=alert(1) background="http://evil.example/b.png">
<p style="background:url(//evil.example/c)"
onclick="alert(1)" id=main class=x>Dear <b>all</b> &amp; <a href="javascript:alert(1)" target=_top>one</a> <a href="https://evil.example">two</a></p>
<img src="https://evil.example/pixel.gif" srcset=x onerror=alert(1)><img src=cid:logo><video src=x><source src=x></video>
<svg onload=alert(1)><a xlink:href=x>s</a></svg>
<iframe src=//evil.example></iframe><object data=x></object><embed src=x><form action=//evil.example><input name=p type=password><button>go</button></form>
<math>
<mtext><script>alert(1)</script></mtext></math><template><script>alert(1)</script></template><noscript>
<p title="</noscript><script>alert(1)</script>"></noscript>
<table><tr><td colspan=2 width=5 background=x>cell</td></tr></table><!-- <script> --><script>alert(1)</script></body></html>"""


def test_html_keeps_words_and_loses_what_is_alive() -> None:
    shown = html_page(ALIVE).partition("<main>")[2]
    assert "Dear <b>all</b> &amp; <a>one</a> <a>two</a>" in shown and '<td colspan="2">cell</td>' in shown
    tags = set(re.findall(r"<([a-z0-9]+)", shown))
    assert tags <= {"p", "b", "a", "table", "tbody", "tr", "td"}
    attributes = set(re.findall(r"<[a-z0-9]+ ([^>]+)>", shown))
    assert attributes <= {'colspan="2"'}
    assert "alert" not in shown and "evil" not in shown and "password" not in shown


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 200_000,
        "<p>" + "".join(f"<b a={number}>" for number in range(9_000)) + "</p>" + "<p>x</p>" * 9_000,
        "<p>" + "".join(f"<font color='<{number}'>" for number in range(9_000)) + "</p>" + "<p>x</p>" * 9_000,
        "<b " * 300_000,
        '<a title="' * 100_000 + ">",
    ],
    ids=["deep", "emphasis", "emphasis with a bracket in it", "tags without an end", "quotes without an end"],
)
def test_no_html_takes_a_processor_for_long(page: str) -> None:
    content = f"From: eve@example.com\nContent-Type: text/html; charset=utf-8\n\nHello {page} there\n".encode()
    begun = time.process_time()
    html = html_text(content)
    assert html is not None
    assert len(html_page(html)) < 20_000_000
    plain_text(content)
    assert time.process_time() - begun < 30


def test_emphasis_stays_and_an_ordinary_page_is_shown_whole() -> None:
    page = html_page('<table><tr><td colspan="2"><b class="x">Bold</b> <a href="https://evil.example" title="y">link</a> 1 < 2</td></tr></table>')
    assert '<td colspan="2"><b>Bold</b> <a>link</a> 1 &lt; 2</td>' in page
