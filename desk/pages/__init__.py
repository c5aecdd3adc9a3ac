"""The pages, one module each; ``ROUTES`` is all of them."""

from __future__ import annotations

from desk.pages import (
    bulk,
    item,
    item_deeds,
    item_mail,
    item_next,
    look,
    new_entry,
    people,
    picture,
    places,
    queue,
    register,
    replies,
    taught,
    texts,
    today,
    undo,
    views,
)
from desk.routing import Page

__all__ = ["ROUTES"]

ROUTES: tuple[Page, ...] = (
    *bulk.ROUTES,
    *item.ROUTES,
    *item_deeds.ROUTES,
    *item_mail.ROUTES,
    *item_next.ROUTES,
    *look.ROUTES,
    *new_entry.ROUTES,
    *people.ROUTES,
    *picture.ROUTES,
    *places.ROUTES,
    *queue.ROUTES,
    *register.ROUTES,
    *replies.ROUTES,
    *taught.ROUTES,
    *texts.ROUTES,
    *today.ROUTES,
    *undo.ROUTES,
    *views.ROUTES,
)
