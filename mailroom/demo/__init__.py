"""`mailroom demo`: the whole job on an embedded mail server, with nothing to install and no account.

Everything that can be real is: IMAP over a socket, the store, the rules, SMTP over a socket. Only the
mail server and the place that the answers go to are ours. The messages are in ``mail/``, written for the
demo; every person and address in them is invented.
"""

from __future__ import annotations

import os
import sys
import tempfile
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mailroom.errors import MailroomError
from mailroom.model import MessageState, ReplyState

if TYPE_CHECKING:
    from store import Store

__all__ = ["demo_messages", "run_demo"]

LATE = "arrives-while-running"
SESSIONS_AT = datetime(2022, 1, 10, tzinfo=UTC)  # when the demo's mail was written
SHORT = {
    "existing_collaborative": "existing group",
    "existing_individual": "own enquiry",
    "proposed_collaborative": "proposed group",
    "learning_collaborative": "learning group",
}
PASSWORD = "MAILROOM_DEMO_PASSWORD"  # noqa: S105 - the name of a variable

CONFIG = """\
# Written by «mailroom demo»: a real configuration, pointed at the demo's own servers.
mailboxes:
  - name: programme
    imap: {{host: 127.0.0.1, port: {imap}, tls: none, user: car@union.example, password: {{env: {password}}}}}
    every: 60s
replies:
  mode: send
  from: "Action Research <car@union.example>"
  smtp: {{host: 127.0.0.1, port: {smtp}, tls: none}}
  not_before: 2022-01-01T00:00:00Z
store: {{url: "sqlite:///mailroom.db"}}
"""


def demo_messages() -> Iterator[tuple[str, bytes]]:
    """(file name without .eml, bytes) of each message, in order."""
    for path in sorted((Path(__file__).parent / "mail").glob("*.eml")):
        yield path.stem, path.read_bytes()


def _step(text: str) -> None:
    click.secho(f"\n{text}", bold=True)


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        if (given / "mailroom.db").exists():
            raise MailroomError(f"{given} holds a register already; name an empty folder for the demo")
        given.mkdir(parents=True, exist_ok=True)
        yield given
    else:
        yield Path(tempfile.mkdtemp(prefix="mailroom-demo-"))


def run_demo(folder: Path | None, *, stay: bool = False) -> None:
    """The story, and the desk at its end; with ``stay`` it is open until Ctrl-C."""
    from mailroom.embedded import embedded_imap
    from mailroom.sink import Sink

    started = time.monotonic()
    messages = list(demo_messages())
    # The server's INTERNALDATE is now: the demo's mail has just arrived, whatever its Date says.
    first = [(content, datetime.now(UTC)) for name, content in messages if LATE not in name]
    late = next(content for name, content in messages if LATE in name)
    os.environ[PASSWORD] = "demo"
    with _folder(folder) as place:
        out = place / "replies"
        with embedded_imap(first, password="demo") as imap, Sink(folder=out) as sink:  # noqa: S106
            _step(f"1. A mailbox with {len(first)} messages is being served on this machine")
            config_file = place / "config.yaml"
            config_file.write_text(CONFIG.format(imap=imap.port, smtp=sink.port, password=PASSWORD), encoding="utf-8")
            click.echo(f"   IMAP on 127.0.0.1:{imap.port}; answers go to a sink on 127.0.0.1:{sink.port}; settings in {config_file}")
            _story(config_file, place, imap, sink, late)
            click.echo(f"\nThat took {time.monotonic() - started:.0f} s. Everything is in {place}")
            _real_mailbox()
            _step("The coordinator's desk: what needs a person, beside what was understood of it")
            _desk(config_file, place, stay=stay)


def _desk(config_file: Path, place: Path, *, stay: bool) -> None:
    from mailroom.assemble import assemble
    from mailroom.config import load_config
    from mailroom.demo.opening import look, make_account, open_desk, stay_open, tell_how
    from store import Store

    config = load_config(config_file)
    store = Store(config.store.url)
    store.ensure_current()
    try:
        password = make_account(store)
        with open_desk(config, store) as address:
            look(address, password)
            if stay:
                with _running(assemble(config, store, sessions_at=SESSIONS_AT), config):
                    stay_open(place, address, password)
        if not stay:
            click.echo("   It opens, and one can log in. To have it open:")
        else:
            click.echo("   To open it again:")
        tell_how(config_file, password)
    finally:
        store.close()


def _real_mailbox() -> None:
    _step("To point it at a real mailbox")
    click.echo(
        "   mailroom init                 writes a commented config.yaml\n"
        "   edit in it                    mailboxes.imap (host, user, password), replies.from, replies.smtp,\n"
        "                                 replies.not_before: mail older than that is never answered\n"
        "   mailroom check                opens everything, touches nothing, says what is wrong\n"
        "   mailroom run                  answers are held until you say «mailroom replies release»"
    )


def _story(config_file: Path, place: Path, imap: Any, sink: Any, late: bytes) -> None:
    from mailroom.assemble import assemble
    from mailroom.config import load_config
    from mailroom.rounds import print_round, progress_line
    from store import Store

    config = load_config(config_file)
    store = Store(config.store.url)
    store.ensure_current(first_run_ok=True)
    try:
        _step("2. First poll: every message is stored raw, read with the programme's rules, recorded, answered")
        pipeline = assemble(config, store, sessions_at=SESSIONS_AT)
        begun = time.monotonic()
        with store.exclusive(timeout=10):
            report = pipeline.round(progress=progress_line() if sys.stderr.isatty() else None)
        print_round(report)
        click.echo(f"   ({time.monotonic() - begun:.1f} s)")
        _register(store)
        _sessions(store, pipeline)
        _flagged(store)
        _unanswered(store)
        _step("6. A second poll takes nothing twice and answers nothing twice")
        before = len(sink.messages)
        with store.exclusive(timeout=10):
            print_round(pipeline.round())
        click.echo(f"   answers sent by it: {len(sink.messages) - before}")
        _while_running(pipeline, config, imap, sink, late)
        _replies(place / "replies", sink)
    finally:
        store.close()


def _register(store: Store) -> None:
    from mailroom.exporting import register_row
    from mailroom.show import STATE_WORDS, table

    _step("3. The register («mailroom register list», «mailroom export»)")
    rows = []
    for registration in store.registrations():
        row = register_row(registration)
        college = any("College" in name or "UHI" in name for name in row["institutions"])
        rows.append(
            (
                registration.member_name or registration.member_address,
                "; ".join(row["institutions"]) or "?",
                "; ".join(row["authorities"]) or ("-" if college else "?"),
                "; ".join(SHORT.get(a, a) for a in row["activities"]) or "?",
                "; ".join(row["topics"]) or "-",
                ", ".join(row["sessions"]) or "-",
                STATE_WORDS[row["state"]],
            )
        )
    table(("member", "school or college", "council", "activity", "topic", "session", "state"), rows)


def _sessions(store: Store, pipeline: Any) -> None:
    from mailroom.rosters import print_sessions, session_rows

    click.echo("   and who asked for which session («mailroom sessions»; one with «places» in sessions.yaml has a waiting list)")
    print_sessions(session_rows(store, pipeline.answers.facts))


def _flagged(store: Store) -> None:
    from mailroom.show import STATE_WORDS, flagged, reason_text, table

    _step("4. For a person to look at, and why («mailroom messages list»)")
    rows = [
        (m.sender_address or "(no sender)", m.subject or "(no subject)", STATE_WORDS[str(m.state)], reason_text(m.reason, m.reason_detail) if m.reason else "")
        for m in flagged(store, (MessageState.REVIEW, MessageState.QUARANTINED))
    ]
    table(("from", "subject", "state", "why"), rows)


def _unanswered(store: Store) -> None:
    from mailroom.show import flagged, reason_text, table

    _step("5. Left unanswered on purpose, and why")
    rows = []
    for message in flagged(store, tuple(MessageState)):
        record = store.message(message.id)
        if record is not None and not [r for r in record.replies if r.state != ReplyState.SUPPRESSED]:
            reasons = [r.code for r in record.readings[-1].reading.decision.reasons] if record.readings else []
            refused = next((code for code in reasons if code.startswith("no_answer_")), message.reason)
            why = record.replies[0].reason if record.replies else refused
            rows.append((message.sender_address or "(no sender)", message.subject or "(no subject)", reason_text(why, message.reason_detail)))
    table(("from", "subject", "why"), rows)


@contextmanager
def _running(pipeline: Any, config: Any) -> Iterator[None]:
    """What «mailroom run» does, beside whatever is done meanwhile."""
    from mailroom.engine import InProcessEngine
    from mailroom.service import serve_pipeline

    engine = InProcessEngine()
    thread = threading.Thread(target=serve_pipeline, args=(pipeline, config), kwargs={"signals": False, "engine": engine}, daemon=True)
    thread.start()
    try:
        if not engine.first_beat.wait(15):
            raise MailroomError("the timer did not start within 15 s")
        yield
    finally:
        engine.stop()
        thread.join(timeout=30)


def _while_running(pipeline: Any, config: Any, imap: Any, sink: Any, late: bytes) -> None:
    _step("7. «mailroom run» is running, and one more message is delivered")
    with _running(pipeline, config):
        time.sleep(1.0)  # the first round is quick and the listener is in IDLE by then; real mail comes whenever it comes
        before, delivered = len(sink.messages), time.monotonic()
        imap.deliver(late)
        answered = sink.wait_for(before + 1, timeout=20)
        took = time.monotonic() - delivered
    if not answered:
        raise MailroomError("the message that came while running was not answered within 20 s")
    click.echo(f"   answered {took:.1f} s after it came (IMAP IDLE; the timer alone would have taken up to a minute)")


def _replies(folder: Path, sink: Any) -> None:
    _step(f"8. {len(sink.messages)} answers, as .eml files in {folder}")
    kinds: Counter[str] = Counter()
    shown = None
    for received in sink.messages:
        message = message_from_bytes(received.content)
        kinds[str(message.get("Auto-Submitted", ""))] += 1
        shown = shown or message
    click.echo(f"   all marked Auto-Submitted: {', '.join(kinds)}; envelope sender null; one of them:")
    if shown is not None:
        part = next(p for p in shown.walk() if p.get_content_type() == "text/plain")
        raw = part.get_payload(decode=True)
        text = raw.decode("utf-8") if isinstance(raw, bytes) else ""
        for line in text.splitlines():
            click.echo(textwrap.fill(line, 100, initial_indent="   | ", subsequent_indent="   | ") or "   |")
