"""The same in a real Chromium: no page opens a dialog, fetches anything from elsewhere or breaks its own policy."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from desk.routing import Role
from tests.fixtures.browser import Served
from tests.fixtures.desk import House
from tests.fixtures.stored_script import crawl, fill


def test_no_page_runs_what_was_stored(house: House, serve: Callable[..., Served], visit: Callable[..., Any]) -> None:
    """``visit`` itself fails the test for a request that goes elsewhere and for every error of the console, a broken policy among them."""
    fill(house)
    kinds: dict[str, list[str]] = {}
    for where, answer in crawl(house).items():
        if answer.status_code == 200 and "text/html" in answer.headers.get("content-type", "") and "alert(" in answer.text:
            kinds.setdefault(re.sub(r"R-[A-Z2-7]+|\d+", "*", where), []).append(where)
    page = visit(serve(house, Role.ADMINISTRATOR).url)
    page.set_default_timeout(60_000)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(f"{page.url}: {dialog.message}"), dialog.dismiss()))
    url = page.url.rstrip("/")
    for several in kinds.values():
        for where in several[:2]:
            page.goto(url + where, wait_until="load")
            assert page.evaluate("typeof document.body") == "object", where
    assert dialogs == [] and len(kinds) > 8
