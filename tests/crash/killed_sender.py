"""The `mailroom` command, killed with SIGKILL just before or just after a verb of the store. Run by test_killed_while_sending.py.

``main(["before:mark_sent", "--config", "config.yaml", "poll"])``
"""

from __future__ import annotations

import os
import signal
from typing import Any

from mailroom import cli
from store import Store


def dying(moment: str, verb: str) -> None:
    lasting = getattr(Store, verb)

    def last(*arguments: Any, **options: Any) -> None:
        if moment == "after":
            lasting(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(Store, verb, last)


def main(arguments: list[str]) -> None:
    dying(*arguments[0].split(":"))
    cli.main(arguments[1:])
