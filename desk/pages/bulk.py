"""Many entries at once."""

from __future__ import annotations

from desk.routing import Page

__all__ = ["DEEDS", "ROUTES"]

DEEDS: tuple[tuple[str, str], ...] = ()
ROUTES: tuple[Page, ...] = ()
