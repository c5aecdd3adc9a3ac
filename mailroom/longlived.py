"""What is read once and kept until the process ends: Python's garbage collector need not look through it again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["long_lived"]


@contextmanager
def long_lived() -> Iterator[None]:
    """No collection while it is loaded, and none of it ever after: a look through a school list with its rules takes 0.1 s of somebody's page."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()
