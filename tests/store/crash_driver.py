"""One round of the job over a store, killed with SIGKILL at a numbered step. Run by test_store_crash.py.

Reads lines «url, step, file of the sink» (tab-separated) and answers each with the child's exit code. A
child is forked for each line, so that nothing of one run is left in the next. A step is a statement, the
moment before a commit, or the moment after one; the child dies at that step, or ends by itself.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from sqlalchemy import Engine, Pool, event

from mailroom.model import ReplyState
from store import Store
from tests.fixtures.stores import MAILBOX, NOW, arrival, record


def one_round(store: Store, sink: Path) -> None:
    """What a poll does to the store, with a file as the SMTP server."""
    store.ensure_current()
    with store.exclusive(timeout=10):
        store.recover_sending(NOW)
        for reply in store.unknown(NOW):
            store.mark_not_found(reply.id, NOW)
        known = store.known_uids(MAILBOX, 7)
        # Three messages, the third a copy of the first, and one too large to take.
        server = [arrival(1, "ant"), arrival(2, "bee"), arrival(3, "ant"), arrival(4, taken=False)]
        store.add_arrivals([a for a in server if a.uid not in known], NOW)
        store.record_many([record(m.id, m.sha256[:8], reply_state=ReplyState.HELD) for m in store.waiting()], NOW)
        store.release(None, NOW)
        for reply in store.due(NOW):
            content = store.claim(reply.id, NOW)
            if content is not None:
                with sink.open("ab") as taken:
                    taken.write(content + b"\x00")
                store.mark_sent(reply.id, NOW)
        store.mark_settled(MAILBOX, 7, store.unsettled_uids(MAILBOX, 7))
        store.note_poll(MAILBOX, NOW, ok=True)


class Steps:
    """Counts steps and dies at one of them; step 0 is never reached."""

    def __init__(self, fatal: int) -> None:
        self.fatal, self.count = fatal, 0
        event.listen(Engine, "before_cursor_execute", self.step)
        event.listen(Engine, "commit", self.step)  # fired before the commit itself
        event.listen(Pool, "checkin", self.step)  # and this when it is done

    def step(self, *_: object) -> None:
        self.count += 1
        if self.count == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    for line in sys.stdin:
        url, step, sink = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            Steps(int(step))
            with Store(url) as store:
                one_round(store, Path(sink))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
