"""A round killed with SIGKILL at random moments ends, started again, as an undisturbed one.

``MAILROOM_TEST_KILLS`` sets how many kills (5 unless set); each one lands while a round is at work.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import time
from collections import defaultdict
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path
from typing import Any

from mailroom.sink import Received, Sink
from tests.fixtures.dovecot import Dovecot
from tests.fixtures.installation import Installation
from tests.fixtures.mailings import corpus_mail, demo_mail

KILLS = int(os.environ.get("MAILROOM_TEST_KILLS", "5"))
PW = "MAILROOM_TEST_PW"


def at_work(home: Installation) -> bool:
    """Whether a round holds the store's lock."""
    lock = home.home / "mailroom.db.lock"
    if not lock.exists():
        return False
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def start_round(home: Installation) -> Any:
    process = home.start("poll", "--json")
    while process.poll() is None and not at_work(home):
        time.sleep(0.002)
    return process


def comparable(register: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "updated_at"} for row in register]


def answers(received: list[Received]) -> dict[str, set[bytes]]:
    """The distinct answers to each message."""
    found: dict[str, set[bytes]] = defaultdict(set)
    for one in received:
        message = message_from_bytes(one.content)
        found[f"{one.recipients[0]} {message['In-Reply-To']}"].add(one.content)
    return found


def test_killed_rounds_end_as_an_undisturbed_one(installation: Callable[..., Installation], dovecot: Dovecot, smtp_sink: Sink, tmp_path: Path) -> None:
    """The register is identical, every person has an answer, nobody has two different ones."""
    mail = (corpus_mail(tmp_path / "corpus") or [])[::3] or demo_mail(copies=4)  # a third of it: each kill has a whole round after it
    dovecot.append("INBOX", [content for _, content, _ in mail], user="crash")
    imap = f"imap: {{host: 127.0.0.1, port: {dovecot.port}, tls: none, user: crash, password: {{env: {PW}}}}}"

    def fresh(name: str) -> Installation:
        home = installation(name, {PW: dovecot.password})
        home.write(mailbox=imap, smtp_port=smtp_sink.port)
        return home

    undisturbed = fresh("undisturbed")
    process = start_round(undisturbed)
    begun = time.monotonic()
    process.communicate(timeout=300)
    duration = time.monotonic() - begun
    truth = comparable(undisturbed.register())
    told = answers(smtp_sink.messages)
    assert len(told) > len(mail) / 2

    chance = random.Random(20220119)
    kills = runs = again = 0
    while kills < KILLS:
        smtp_sink.messages.clear()
        runs += 1
        home = fresh(f"killed{runs}")
        while kills < KILLS:
            process = start_round(home)
            time.sleep(chance.uniform(0, duration))
            if process.poll() is not None:
                process.communicate()
                break  # this installation has finished; go on with a fresh one
            process.kill()
            process.communicate()
            kills += 1
        last = home.poll()
        if last["replies"]["unknown"]:  # killed twice over the same answer: it is left to a person, who lets it go
            home.run("replies", "release", *(str(reply["id"]) for reply in json.loads(home.run("replies", "list", "--state", "unknown", "--json").stdout)))
            last = home.poll()
        box = last["mailboxes"]["programme"]
        assert (box["on_server"], box["unaccounted"], box["waiting"]) == (len(mail), 0, 0)
        assert last["replies"]["due"] == 0
        assert comparable(home.register()) == truth
        got = answers(smtp_sink.messages)
        assert got.keys() == told.keys()
        assert all(len(different) == 1 for different in got.values())
        again += len(smtp_sink.messages) - len(got)
    print(f"{kills} kills over {runs} installations of {len(mail)} messages; {again} answers came twice, byte for byte; a round takes {duration:.1f} s")
