"""A page of ours inside a page: what we wrote to somebody, as they see it."""

from __future__ import annotations

from starlette.responses import HTMLResponse, Response

__all__ = ["framed"]

# The one place where a style inside a page is let through: what we wrote ourselves, in a frame that can do nothing.
_FRAMED = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    "X-Frame-Options": "SAMEORIGIN",
}


def framed(html: str, *, status: int = 200) -> Response:
    """No script, nothing fetched, nothing sent."""
    return HTMLResponse(html, status_code=status, headers=dict(_FRAMED))
