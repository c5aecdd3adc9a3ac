"""One worker at a time, across processes, and a dead one holds nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mailroom.errors import Temporary
from store import Store

HOLDER = """
import sys
from store import Store
with Store(sys.argv[1]) as store, store.exclusive(timeout=10):
    print("held", flush=True)
    sys.stdin.read()
"""
ROOT = Path(__file__).parents[2]


def holder(url: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_another_process_is_kept_out_until_the_first_is_done(store: Store, current_url: str) -> None:
    with holder(current_url) as process:
        with pytest.raises(Temporary, match="another mailroom"), store.exclusive(timeout=0):
            pytest.fail("two workers at once")
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
    with store.exclusive(timeout=0):
        pass


def test_a_killed_worker_holds_nothing(store: Store, current_url: str) -> None:
    with holder(current_url) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with store.exclusive(timeout=5):  # PostgreSQL may need a moment to see the broken connection
            pass


def test_the_lock_is_waited_for(store: Store, current_url: str) -> None:
    inside, done = threading.Event(), threading.Event()

    def first() -> None:
        with Store(current_url) as other, other.exclusive():
            inside.set()
            done.wait()

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait()
    threading.Timer(0.1, done.set).start()
    with store.exclusive(timeout=10):
        assert done.is_set()
    thread.join()


def test_a_failure_inside_gives_the_lock_back(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.exclusive():
        _ = 1 / 0
    with store.exclusive():
        pass
