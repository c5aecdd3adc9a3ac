"""`mailroom demo` on a terminal: at its end the desk is open on what the demo registered, until Ctrl-C."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from store import Store

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_demo_ends_with_the_desk_open_until_it_is_told_to_stop(tmp_path: Path) -> None:
    terminal, its_end = pty.openpty()
    command = [sys.executable, "-m", "mailroom.cli", "demo", "--folder", str(tmp_path / "demo")]
    running = subprocess.Popen(command, stdin=its_end, stdout=its_end, stderr=its_end, cwd=ROOT, start_new_session=True, preexec_fn=_own_terminal)
    os.close(its_end)
    try:
        said = _until(terminal, "Ctrl-C ends it", patience=240)
        address = re.search(r"Open +(http://127\.0\.0\.1:\d+)", said)
        assert address and re.search(r"Name +demo\s", said) and re.search(r"Password +\S{19}\s", said)
        with build_opener(ProxyHandler({})).open(f"{address.group(1)}/login", timeout=20) as page:
            assert "Log in to Collaborative Action Research Programme" in page.read().decode()
        os.write(terminal, b"\x03")
        said = _until(terminal, None, patience=60)
        assert "The desk is closed." in said and f"mailroom desk --config {tmp_path}/demo/config.yaml" in said.replace("\r\n", "\n")
        assert running.wait(timeout=30) == 0
    finally:
        running.kill()
        running.wait()
        os.close(terminal)
    with Store(f"sqlite:///{tmp_path}/demo/mailroom.db", read_only=True) as store:
        assert [account.name for account in store.people.all()] == ["demo"]


def _own_terminal() -> None:
    """So that what is typed there as Ctrl-C reaches the demo, as on a real one."""
    import fcntl
    import termios

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored in what a script starts in the background, and so in all that it starts
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _until(terminal: int, words: str | None, *, patience: float) -> str:
    """What is printed until these words come, or (None) until it ends."""
    said, deadline = b"", time.monotonic() + patience
    while words is None or words.encode() not in said:
        assert time.monotonic() < deadline, said.decode(errors="replace")[-2000:]
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            got = os.read(terminal, 65536)
        except OSError:  # Linux tells the end of a terminal so
            got = b""
        if not got:
            assert words is None, said.decode(errors="replace")[-2000:]
            break
        said += got
    return said.decode(errors="replace")
