"""A link of the digest in a real Chromium: readable on a telephone and on a desk, by day and by night, for whoever cannot see it too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.desk.test_look import token_of
from tests.fixtures.desk import House


@pytest.mark.parametrize(("size", "scheme", "scripts"), [("telephone", "dark", True), ("desk", "light", False)], ids=["telephone-dark", "desk-no-scripts"])
def test_what_a_link_opens_is_accessible_and_never_wider_than_its_window(
    house: House, serve: Callable[..., Any], visit: Callable[..., Any], axe: Callable[..., list[str]], size: str, scheme: str, scripts: bool
) -> None:
    entry = next(one for one in house.store.registrations() if one.messages and one.values_of("topic"))
    lone = next(record.message for one in house.store.messages() if (record := house.store.message(one.id)) is not None and not record.registrations)
    served = serve(house, None)
    for what in (entry.id, f"message-{lone.id}"):
        page = visit(f"{served.url}/look/{token_of(house, what)}", size=size, scheme=scheme, scripts=scripts)
        assert page.get_by_role("heading", level=1).count() == 1
        assert axe(page) == [], what
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), what
