"""Messages a second of one poll: Dovecot over loopback, SQLite, a real SMTP sink; each stage's share, peak memory, growth.

    python bench/throughput.py [500 2000 5000] [--schools FILE]

Each size is a fresh mailbox, store and process. Mail is the labelled corpus where it stands beside the
checkout, repeated under new Message-IDs and addresses, else the demo's. Figures are of this machine: read
the shares and the ratios between sizes. The hand-written script to compare with fetches, parses with the
standard library, stores the raw bytes in SQLite one commit a batch, and extracts nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
PW = "MAILROOM_BENCH_PW"
os.environ["PATH"] += ":/usr/sbin"


def mail(count: int, folder: Path) -> Iterator[bytes]:
    from tests.fixtures.mailings import corpus_mail, demo_mail

    base = [content for _, content, _ in corpus_mail(folder, "def") or demo_mail()]
    for index in range(count):
        content, copy = base[index % len(base)], index // len(base)
        content = re.sub(rb"(?im)^(Message-ID:\s*<)", b"\\g<1>%d." % copy, content, count=1)
        yield re.sub(rb"(?m)^(From:.*<)", b"\\g<1>b%d." % copy, content, count=1) if copy else content


def config(place: Path, imap: int, smtp: int, user: str, schools: str) -> Path:
    file = place / "config.yaml"
    file.write_text(
        f"programme: {{schools: [{schools}]}}\n"
        f"mailboxes: [{{name: m, imap: {{host: 127.0.0.1, port: {imap}, tls: none, user: {user}, password: {{env: {PW}}}}}}}]\n"
        f'replies: {{mode: send, from: "A <car@union.example>", smtp: {{host: 127.0.0.1, port: {smtp}, tls: none}}}}\n'
    )
    return file


def child(file: Path) -> None:
    """One poll, in a process of its own, so that its memory is its own."""
    from mailroom.assemble import assemble
    from mailroom.config import load_config
    from store import Store

    begun = time.perf_counter()
    settings = load_config(file)
    store = Store(settings.store.url)
    store.ensure_current(first_run_ok=True)
    pipeline = assemble(settings, store)
    ready = time.perf_counter()
    with store.exclusive(timeout=10):
        report = pipeline.round()
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"set_up": ready - begun, "round": done - ready, "seconds": report.seconds, "peak": peak, **report.as_dict()}))


def by_hand(port: int, user: str, password: str, place: Path) -> float:
    """The script that a busy person would write."""
    from imapclient import IMAPClient

    begun = time.perf_counter()
    base = sqlite3.connect(place / "by-hand.db")
    base.execute("create table m (uid integer primary key, sender text, subject text, raw blob)")
    with IMAPClient("127.0.0.1", port=port, ssl=False) as client:
        client.login(user, password)
        client.select_folder("INBOX", readonly=True)
        uids = client.search()
        for start in range(0, len(uids), 100):
            for uid, item in client.fetch(uids[start : start + 100], ["BODY.PEEK[]"]).items():
                parsed = message_from_bytes(item[b"BODY[]"])
                base.execute("insert into m values (?, ?, ?, ?)", (uid, str(parsed["From"]), str(parsed["Subject"]), item[b"BODY[]"]))
            base.commit()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=[500, 2000, 5000])
    parser.add_argument("--schools", default="")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return
    from mailroom.sink import Sink
    from tests.fixtures.dovecot import dovecot_server

    schools = str(Path(options.schools).resolve()) if options.schools else ""
    with tempfile.TemporaryDirectory() as folder, dovecot_server() as dovecot, Sink() as sink:
        for size in options.sizes:
            place = Path(folder) / str(size)
            (place / "eml").mkdir(parents=True)
            user = f"bench{size}"
            batch = list(mail(size, place / "eml"))
            for start in range(0, size, 500):
                dovecot.append("INBOX", batch[start : start + 500], user=user)
            sink.messages.clear()
            file = config(place, dovecot.port, sink.port, user, schools)
            done = subprocess.run(
                [sys.executable, __file__, "--child", str(file)], capture_output=True, text=True, check=False, env={**os.environ, PW: dovecot.password}
            )
            if done.returncode:
                sys.exit(done.stderr)
            figures = json.loads(done.stdout)
            hand = by_hand(dovecot.port, user, dovecot.password, place)
            stages = "  ".join(f"{name} {seconds / figures['round']:.0%}" for name, seconds in figures["seconds"].items())
            print(
                f"{size} messages of {sum(map(len, batch)) / size / 1000:.1f} kB: {size / figures['round']:.0f}/s in {figures['round']:.1f} s "
                f"(set-up {figures['set_up']:.1f} s), {len(sink.messages)} answers, peak {figures['peak']:.0f} MB, unaccounted "
                f"{figures['mailboxes']['m']['unaccounted']}\n    {stages}\n    a script by hand that extracts and answers nothing: "
                f"{size / hand:.0f}/s; ratio {figures['round'] / hand:.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
