"""The pages, one module each; ``ROUTES`` is all of them."""

from __future__ import annotations

from desk.pages import people, replies, taught, texts, today
from desk.routing import Page

__all__ = ["ROUTES"]

ROUTES: tuple[Page, ...] = (*today.ROUTES, *people.ROUTES, *replies.ROUTES, *taught.ROUTES, *texts.ROUTES)
