"""HTML as a reader sees it, and the marks that mail programs leave in it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parse.html import Mark, MarkKind, Rendered, align, has_marks, marked_texts, render


def lines(page: str) -> list[str]:
    return [line for line in render(page).text.split("\n") if line.strip()]


def marked(rendered: Rendered, kind: MarkKind) -> list[str]:
    return [rendered.text[mark.start : mark.end].strip() for mark in rendered.marks if mark.kind is kind]


@pytest.mark.parametrize(
    ("page", "read"),
    [
        ("<p>one</p><p>two</p>", ["one", "two"]),
        ("<div>one</div><div>two<br>three</div>", ["one", "two", "three"]),
        ("a <b>bold</b> word<i>s</i>", ["a bold words"]),
        ("no&nbsp;break &amp; caf&eacute;", ["no break & café"]),
        ("<table><tr><td>School</td><td>Kyle High</td></tr><tr><td>Topic</td><td>talk</td></tr></table>", ["School\tKyle High", "Topic\ttalk"]),
        ("<ul><li>one</li><li>two</li></ul>", ["  * one", "  * two"]),
        ("<head><style>p{}</style><title>t</title></head><body>seen<script>x()</script></body>", ["seen"]),
        ("<!--[if mso]><p>word only</p><![endif]-->seen", ["seen"]),
        ('seen<div style="display:none">hidden</div><span style="mso-hide: all">hidden</span><p hidden>hidden</p>', ["seen"]),
        ('<span style="font-size:0px">hidden</span><span style="font-size:0.9em">seen</span>', ["seen"]),
        ("seen<img alt='not seen' src=x> <a href='http://x.example'>link</a>", ["seen link"]),
        ("<p class=MsoNormal>one<o:p></o:p></p><p class=MsoNormal>two</p>", ["one", "two"]),
        ("plain text only", ["plain text only"]),
        ("", []),
        ("<p>unclosed <b>tags <div>go on", ["unclosed tags", "go on"]),
        ('<?xml version="1.0" encoding="utf-16"?><p>declared</p>', ["declared"]),
        ('<meta charset="iso-8859-1"><p>Càfé</p>', ["Càfé"]),
    ],
)
def test_text(page: str, read: list[str]) -> None:
    assert lines(page) == read


def test_words_paragraphs_are_as_close_as_in_outlook() -> None:
    """Word writes every line as a paragraph without margins, and empty ones between."""
    page = "<p class=MsoNormal>Regards</p><p class=MsoNormal>Una</p><p class=MsoNormal><o:p>&nbsp;</o:p></p><p class=MsoNormal>Teacher</p>"
    assert render(page).text.strip() == "Regards\nUna\n\nTeacher"


@pytest.mark.parametrize(
    ("page", "kind", "texts"),
    [
        ("own<blockquote>quote<blockquote>deeper</blockquote></blockquote>own", MarkKind.QUOTE, ["quote\ndeeper", "deeper"]),
        ('own<div class="gmail_signature">Una</div>own', MarkKind.SIGNATURE, ["Una"]),
        ('own<div id="Signature"><p>Una</p></div>', MarkKind.SIGNATURE, ["Una"]),
        ('own<div id="x_Signature"><p>Una</p></div>', MarkKind.SIGNATURE, ["Una"]),
        ('own<hr><div id="divRplyFwdMsg">From: B</div><div>text</div>', MarkKind.HEAD, ["From: B"]),
        ('<div class="moz-cite-prefix">Am 1.1. schrieb B:</div><blockquote>q</blockquote>', MarkKind.HEAD, ["Am 1.1. schrieb B:"]),
    ],
)
def test_marks(page: str, kind: MarkKind, texts: list[str]) -> None:
    rendered = render(page)
    assert [" ".join(text.split()) for text in marked(rendered, kind)] == [" ".join(text.split()) for text in texts]
    assert not any("\ue000" <= character <= "\uf8ff" for character in rendered.text)


def test_a_page_cannot_forge_marks() -> None:
    """Private-use characters in the page are dropped before the marks are set."""
    assert render("<p>\ue002own words\ue012</p>").marks == ()


def test_marked_texts_are_found_again_in_the_plain_part() -> None:
    page = '<div>Hello</div><div class="gmail_signature"><div>Una Weir</div><div>Kyle   High</div></div>'
    assert has_marks(page)
    found = list(marked_texts(page))
    assert found == [(MarkKind.SIGNATURE, "Una WeirKyle   High")]
    body = "Hello from Una Weir\n\n-- \nUna Weir\nKyle\nHigh\n"
    assert align(body, found) == (Mark(kind=MarkKind.SIGNATURE, start=25, end=43),)
    assert align("another text", found) == ()
    assert not has_marks("<p>signed by nobody</p>".replace("signed", "sent"))


def test_an_empty_anchor_marks_what_follows_it() -> None:
    page = '<div>Hello</div><div id="appendonsend"></div><div>From: B and so on</div>'
    assert list(marked_texts(page)) == [(MarkKind.HEAD, "From: B and so on")]


HOSTILE = {
    "nested": "<div>" * 20_000 + "core",
    "nested tables": "<table><tr><td>" * 5_000 + "core",
    "nested quotes": "<blockquote>" * 150 + "core",
    "brackets": "<" * 1_000_000,
    "tags without end": "<a " * 300_000 + "core",
    "comments without end": "core<!--" * 200_000,
    "ampersands": "&" * 1_000_000 + "core",
    "paragraphs": "<p>core" * 100_000,
    "cells": "<table>" + ("<tr>" + "<td>core</td>" * 100 + "</tr>") * 280 + "</table>",
    "one word": "core" * 500_000,
    "styles": '<p style="' + "display:" * 100_000 + '">core',
    "signatures": '<div id="Signature">core</div>' * 20_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages(name: str) -> None:
    """Deep, wide and endless pages give their text within seconds, and never an exception."""
    started = time.process_time()
    rendered = render(HOSTILE[name])
    assert time.process_time() - started < 5
    assert "core" in rendered.text or "core" not in HOSTILE[name]


@given(st.text(alphabet=st.sampled_from("<>/&;!-\"'= apdivblockquotetrnbsp#x0\n\ue000"), max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_markup(page: str) -> None:
    rendered = render(page)
    for mark in rendered.marks:
        assert 0 <= mark.start <= mark.end <= len(rendered.text)
    list(marked_texts(page))


@pytest.mark.parametrize("blank", ["<div><br></div>", "<div>&nbsp;</div>", "<p class=MsoNormal>&nbsp;</p>", "<div><span><br></span></div>", "<br>"])
def test_empty_lines_stay(blank: str) -> None:
    """Paragraphs are told apart by them, however a program writes an empty line."""
    assert render(f"<div>one</div>{blank}<div>two</div>").text.strip() == "one\n\ntwo"
