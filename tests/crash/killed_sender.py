"""The `mailroom` command, killed with SIGKILL just before or just after a verb of the store. Run by test_killed_while_sending.py.

python -m tests.crash.killed_sender before:mark_sent --config config.yaml poll
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from mailroom.cli import main
from store import Store


def dying(moment: str, verb: str) -> None:
    lasting = getattr(Store, verb)

    def last(*arguments: Any, **options: Any) -> None:
        if moment == "after":
            lasting(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(Store, verb, last)


if __name__ == "__main__":
    dying(*sys.argv[1].split(":"))
    main(sys.argv[2:])
