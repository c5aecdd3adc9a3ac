"""Mark-up in every string that a member, or a coordinator, can store: on no page of the desk does any of it come to life."""

from __future__ import annotations

from typing import Any

from lxml import etree, html

from desk.pages import ROUTES
from tests.fixtures.desk import House
from tests.fixtures.stored_script import IMAGE, SCRIPT, crawl, fill

NEVER = {"object", "embed", "base", "applet", "frame", "frameset", "marquee", "math", "video", "audio", "template"}
ADDRESSES = {"href", "src", "action", "formaction", "data-live", "data-search", "poster", "xlink:href"}


def alive(where: str, answer: Any) -> list[str]:
    """Whatever on the page is not of our own making."""
    tree = html.document_fromstring(answer.text)
    wrong = []
    framed = where.endswith("/html")  # mail as its reader gets it: styled, in a sandbox without an origin
    if framed and not ("sandbox" in answer.headers["content-security-policy"] and "default-src 'none'" in answer.headers["content-security-policy"]):
        wrong.append("no sandbox")
    for element in tree.iter():
        if not isinstance(element.tag, str):
            continue
        if element.tag in NEVER:
            wrong.append(f"<{element.tag}>")
        if element.tag == "script" and (element.text or not str(element.get("src", "")).startswith("/static/")):
            wrong.append(f"script: {element.text!r} {element.get('src')}")
        if element.tag == "meta" and element.get("http-equiv"):
            wrong.append("meta http-equiv")
        for name, value in element.attrib.items():
            if name.lower().startswith("on") or name.lower() in ("srcdoc", "ping") or (name.lower() == "style" and not framed):
                wrong.append(f"{element.tag} {name}={value}")
            if name.lower() in ADDRESSES and not value.startswith(("/", "#", "?", *(("https://", "mailto:", "cid:") if framed else ()))):
                wrong.append(f"{element.tag} {name}={value}")
            if name.lower() in ADDRESSES and value.startswith("//"):
                wrong.append(f"{element.tag} {name}={value}")
    return [f"{where}: {one}" for one in wrong]


def test_nothing_that_was_stored_comes_to_life(house: House) -> None:
    fill(house)
    found = crawl(house)
    pages = {where: answer for where, answer in found.items() if answer.status_code == 200}
    broken = {where: answer.status_code for where, answer in found.items() if answer.status_code >= 500}
    assert broken == {}
    looked_at = [route.path for route in ROUTES if "GET" in (route.methods or ())]
    assert len(pages) > len(looked_at)
    wrong: list[str] = []
    shown = 0
    for where, answer in pages.items():
        kind = answer.headers.get("content-type", "")
        assert answer.headers.get("x-content-type-options") == "nosniff", where
        if kind.startswith("text/html") and not answer.text.strip():
            continue  # a live part with nothing to say
        if kind.startswith("text/html"):
            shown += "alert(" in answer.text
            wrong += alive(where, answer)
            assert SCRIPT not in answer.text and IMAGE not in answer.text, where
        elif kind.startswith("image/svg"):
            for element in etree.fromstring(answer.content).iter():
                assert etree.QName(element).localname in ("svg", "g", "rect", "path", "line", "text", "tspan", "title", "desc", "defs", "circle", "style"), (
                    where
                )
                assert not [name for name in element.attrib if name.lower().startswith("on") or name.endswith("href")], where
        elif where.startswith("/message/"):
            assert answer.headers["content-disposition"].startswith("attachment;"), where
            assert kind in ("application/octet-stream", "message/rfc822"), where
    assert wrong == []
    assert shown > 20, "the words themselves are to be seen, as text"
