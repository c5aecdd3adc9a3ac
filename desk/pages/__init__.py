"""The pages, one module each; ``ROUTES`` is all of them."""

from __future__ import annotations

from desk.pages import people, today
from desk.routing import Page

__all__ = ["ROUTES"]

ROUTES: tuple[Page, ...] = (*today.ROUTES, *people.ROUTES)
