"""Storms at full size, counted at the sink: how many answers each brings, and how long a storm keeps the house busy.

    python bench/storms.py [--count 10000] [away questions same old ...]

away       so many members are answered, and a program sends a note on each answer: eight in nine say what they are, the ninth says
           nothing; limits an hour out of the way, so that they stop nothing that the reading should
questions  so many mails that read like a person's, each from a new address, with the limits an hour that an installation has
same       one member sends the same registration, and another the same question, 500 times each
old        so many messages of five years, before the go-live mark, and one after it

Everything is real: Dovecot, the pipeline, SQLite, SMTP to a sink. Smaller, the same is asserted in tests/acceptance/test_storms.py.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ["PATH"] += ":/usr/sbin"

from mailroom.model import ReplyState  # noqa: E402
from mailroom.sink import Sink  # noqa: E402
from tests.fixtures.dovecot import Dovecot, dovecot_server  # noqa: E402
from tests.fixtures.storms import Mailroom, makers, member, notes, storm, utc  # noqa: E402
from tests.fixtures.storms import away as away_note  # noqa: E402

OUT_OF_THE_WAY = "  per_hour: 1000000\n  per_domain_an_hour: 1000000\n"


def timed(what: str, room: Mailroom, messages: Sequence[bytes], **dates: object) -> None:
    before, begun = len(room.sent), time.perf_counter()
    report = room.take(messages, **dates)  # type: ignore[arg-type]
    took = time.perf_counter() - begun
    box = report.mailboxes["m"]
    print(
        f"  {what}: {len(messages)} messages, {len(room.sent) - before} answers, {took:.0f} s ({len(messages) / took:.0f}/s), "
        f"unaccounted {box.unaccounted}, quarantined {box.quarantined}",
        flush=True,
    )


def away(room: Mailroom, count: int) -> None:
    timed("members write", room, [member(n) for n in range(count)])
    first = room.sent
    marked = [maker for maker in makers() if maker not in ("none", "suppress_only")]
    made = list(storm(first, notes(), [*marked, "none"]))
    print("  notes by maker:", dict(Counter(maker for maker, _, _ in made)))
    timed("their programs answer", room, [note for _, _, note in made])
    silent = {received.recipients[0] for received, (maker, _, _) in zip(first, made, strict=True) if maker == "none"}
    again = room.sent[len(first) :]
    wrong = [received for received in again if received.recipients[0] not in silent]
    print(f"  answered though they said what they are: {len(wrong)}; of {len(silent)} that said nothing: {len(again) - len(wrong)}")
    words = {received.recipients[0]: text for received, (_, text, _) in zip(first, made, strict=True)}
    timed("those that were answered answer again", room, [away_note(r, words[r.recipients[0]], count + n, maker="none") for n, r in enumerate(again)])
    print(f"  most answers to one address: {max(room.answers_by_address().values())}; register: {sum(1 for _ in room.store.registrations())}")


def questions(room: Mailroom, count: int) -> None:
    mails = [member(n, words=f"Is cover paid on day {n}?") for n in range(count)]
    timed("questions come in", room, mails)
    print(f"  by domain: {dict(Counter(r.recipients[0].partition('@')[2] for r in room.sent))}")
    for breaker in room.store.breakers():
        print(f"  tripped: {breaker.scope} at {breaker.most} an hour, {breaker.parked} parked")


def same(room: Mailroom, count: int) -> None:
    del count
    registration, question = member(1, address="isla@mailbox.example"), member(2, address="rory@mailbox.example", words="Is cover paid for the training days?")
    for name, mail in (("a registration, 500 times", registration), ("a question, 500 times", question)):
        timed(
            name,
            room,
            [mail.replace(b"Message-ID: <m", b"Message-ID: <c%d." % n).replace(b"09:00:00", b"09:%02d:%02d" % (n // 60, n % 60)) for n in range(500)],
        )
    print(f"  register: {sum(1 for _ in room.store.registrations())}; answers by address: {dict(room.answers_by_address())}")


def old(room: Mailroom, count: int) -> None:
    step = timedelta(days=5 * 365) / count
    timed("five years of mail", room, [member(n) for n in range(count)], dates=[utc(2017, 1, 1) + n * step for n in range(count)])
    timed("one that is new", room, [member(count)], dates=[utc(2022, 1, 2)])
    print(f"  parked: {room.store.status().replies[ReplyState.SUPPRESSED]}; breakers: {len(room.store.breakers())}")


STORMS: dict[str, tuple[Callable[[Mailroom, int], None], str]] = {
    "away": (away, OUT_OF_THE_WAY),
    "questions": (questions, ""),
    "same": (same, ""),
    "old": (old, "  not_before: 2022-01-01T00:00:00Z\n"),
}


def run(name: str, count: int, dovecot: Dovecot, folder: Path) -> None:
    play, settings = STORMS[name]
    print(f"{name} ({count})", flush=True)
    with Sink() as sink, Mailroom(folder / name, dovecot, sink, user=f"storm-{name}", settings=settings) as room:
        play(room, count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("storms", nargs="*", metavar="STORM", help=", ".join(STORMS))
    parser.add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()
    if unknown := set(options.storms) - set(STORMS):
        parser.error(f"there is no storm {', '.join(sorted(unknown))}; there are {', '.join(STORMS)}")
    with tempfile.TemporaryDirectory() as folder, dovecot_server() as dovecot:
        for name in options.storms or STORMS:
            run(name, options.count, dovecot, Path(folder))


if __name__ == "__main__":
    main()
