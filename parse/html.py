"""HTML to text, bounded."""

from __future__ import annotations

from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

__all__ = ["html_to_text"]

_CONFIG = ParserConfig(css=CSS_PROFILES["strict"], display_links=False, display_images=False)


def html_to_text(page: str) -> str:
    """The text a reader sees."""
    try:
        text = get_text(page, _CONFIG)
    except Exception:
        return ""
    lines = [line.replace("\u00a0", " ").rstrip() for line in text.split("\n")]
    return "\n".join(lines).strip("\n")
