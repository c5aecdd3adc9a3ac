"""The whole job through the real command: real Dovecot with TLS, a real SMTP conversation, both databases."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from mailroom.demo import demo_messages
from mailroom.sink import Sink
from tests.fixtures.dovecot import Dovecot
from tests.fixtures.installation import Installation
from tests.fixtures.mailings import MACHINES

PW = "MAILROOM_TEST_PW"


def mailbox(dovecot: Dovecot, user: str, *, tls: str = "implicit", after: str = "leave") -> str:
    port = dovecot.tls_port if tls == "implicit" else dovecot.port
    ca = f", ca_file: {dovecot.ca_file}" if tls != "none" else ""
    return f"imap: {{host: localhost, port: {port}, tls: {tls}{ca}, user: {user}, password: {{env: {PW}}}}}\n    after: {after}"


def make(installation: Callable[..., Installation], dovecot: Dovecot, user: str, smtp_port: int | None, **options: str) -> Installation:
    home = installation(user, {PW: dovecot.password})
    home.write(
        mailbox=mailbox(dovecot, user, **{k: v for k, v in options.items() if k in ("tls", "after")}),
        smtp_port=smtp_port,
        **{k: v for k, v in options.items() if k not in ("tls", "after")},
    )
    return home


@pytest.fixture(params=["sqlite", "postgresql"])
def store_line(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return "sqlite:///mailroom.db"
    return str(request.getfixturevalue("postgres_url"))


def test_every_message_is_accounted_for_and_answered_once(installation, dovecot: Dovecot, smtp_sink: Sink, store_line: str) -> None:
    """First poll takes and answers all, the second nothing, a new UIDVALIDITY nothing again."""
    user = "main" + ("pg" if store_line.startswith("postgresql") else "lite")
    mail = dict(demo_messages())
    dovecot.append("INBOX", list(mail.values()), user=user)
    home = make(installation, dovecot, user, smtp_sink.port, store=store_line)

    first = home.poll()
    box = first["mailboxes"]["programme"]
    assert box["on_server"] == box["new"] == len(mail)
    assert box["unaccounted"] == box["waiting"] == 0
    assert sum(box[state] for state in ("registered", "ask_member", "review", "ignored", "quarantined")) == len(mail)
    assert first["replies"]["sent"] == len(smtp_sink.messages) == len(mail) - len(MACHINES)

    senders = {}
    for name, content in mail.items():
        senders[name[3:]] = str(message_from_bytes(content, policy=policy.compat32)["From"])
    answered = [received.recipients[0] for received in smtp_sink.messages]
    for name, sender in senders.items():
        count = sum(address in sender for address in answered)
        assert count == (0 if name in MACHINES else 1), (name, sender, count)
    assert {received.sender for received in smtp_sink.messages} == {""}

    before = home.register()
    second = home.poll()
    assert (second["mailboxes"]["programme"]["new"], len(smtp_sink.messages)) == (0, first["replies"]["sent"])

    dovecot.recreate("INBOX", user=user)
    dovecot.append("INBOX", list(mail.values()), user=user)
    third = home.poll()
    assert third["mailboxes"]["programme"] == {**box, "new": 0}
    assert len(smtp_sink.messages) == first["replies"]["sent"]
    assert home.register() == before


def test_mail_that_a_person_read_or_flagged_is_taken_and_left_as_it_was(installation, dovecot: Dovecot, smtp_sink: Sink) -> None:
    user = "reading"
    mail = [content for _, content in list(demo_messages())[:6]]
    dovecot.append("INBOX", mail, user=user)
    with dovecot.imap(user) as client:
        client.select_folder("INBOX")
        uids = client.search()
        client.add_flags(uids[:3], [b"\\Seen", b"\\Flagged"])
        flags = client.get_flags(uids)
    home = make(installation, dovecot, user, smtp_sink.port)
    assert home.poll()["mailboxes"]["programme"]["new"] == 6
    with dovecot.imap(user) as client:
        client.select_folder("INBOX")
        assert {u: sorted(f for f in fs if f != b"\\Recent") for u, fs in client.get_flags(uids).items()} == {
            u: sorted(f for f in fs if f != b"\\Recent") for u, fs in flags.items()
        }


def test_moved_mail_is_kept_and_what_comes_back_is_not_answered_again(installation, dovecot: Dovecot, smtp_sink: Sink) -> None:
    user = "mover"
    mail = [content for _, content in list(demo_messages())[:5]]
    dovecot.append("INBOX", mail, user=user)
    home = make(installation, dovecot, user, smtp_sink.port, tls="starttls", after="{move: Processed}")
    assert home.poll()["mailboxes"]["programme"]["unaccounted"] == 0
    sent = len(smtp_sink.messages)
    with dovecot.imap(user) as client:
        assert client.select_folder("INBOX")[b"EXISTS"] == 0
        assert client.select_folder("Processed")[b"EXISTS"] == 5
        client.move(client.search()[:2], "INBOX")
    again = home.poll()["mailboxes"]["programme"]
    assert (again["new"], again["unaccounted"], len(smtp_sink.messages)) == (0, 0, sent)


def test_held_replies_leave_only_when_released(installation, dovecot: Dovecot, smtp_sink: Sink) -> None:
    user = "holder"
    dovecot.append("INBOX", [content for _, content in list(demo_messages())[:3]], user=user)
    home = make(installation, dovecot, user, smtp_sink.port, mode="hold")
    assert home.poll()["replies"] == {"sent": 0, "held": 3, "suppressed": 0, "due": 0, "unknown": 0, "dead": 0}
    assert smtp_sink.messages == []
    listed = json.loads(home.run("replies", "list", "--state", "held", "--json").stdout)
    home.run("replies", "release", str(listed[0]["id"]))
    assert home.poll()["replies"] == {"sent": 1, "held": 2, "suppressed": 0, "due": 0, "unknown": 0, "dead": 0}
    home.run("replies", "release", "--all")
    assert home.poll()["replies"]["sent"] == 3
    assert len(smtp_sink.messages) == 3


def test_mail_from_before_the_go_live_mark_is_registered_and_never_answered(installation, dovecot: Dovecot, smtp_sink: Sink) -> None:
    user = "golive"
    dovecot.append("INBOX", [content for _, content in list(demo_messages())[:3]], user=user)
    home = make(installation, dovecot, user, smtp_sink.port, extra="  not_before: 2099-01-01T00:00:00Z\n")
    report = home.poll()
    assert report["replies"] == {"sent": 0, "held": 0, "suppressed": 3, "due": 0, "unknown": 0, "dead": 0}
    assert len(home.register()) == 3


def test_fourth_mail_of_a_day_from_one_address_is_parked_and_listed(installation, dovecot: Dovecot, smtp_sink: Sink) -> None:
    user = "capped"
    # Questions make no registration, so that each of them is answered by itself.
    asks = "From: Ena Rae <ena.rae@mailbox.example>\r\nSubject: Question {n}\r\nMessage-ID: <q{n}@mailbox.example>\r\n\r\nIs cover paid on day {n}?\r\n"
    dovecot.append("INBOX", [asks.format(n=n).encode() for n in range(6)], user=user)
    home = make(installation, dovecot, user, smtp_sink.port)
    assert home.poll()["replies"] == {"sent": 3, "held": 0, "suppressed": 3, "due": 0, "unknown": 0, "dead": 0}
    assert "parked" in home.run("replies", "list").stdout


def test_refusals_are_parked_and_deferrals_come_again(installation, dovecot: Dovecot, smtp_sink: Sink) -> None:
    user = "faulty"
    mail = dict(demo_messages())
    dovecot.append("INBOX", [mail["01-page-headings"], mail["02-own-enquiry"], mail["03-html-only"]], user=user)
    smtp_sink.script("ailsa.carrick@mailbox.example", "rcpt 550")
    smtp_sink.script("d.rae@post.example", "rcpt 451")
    home = make(installation, dovecot, user, smtp_sink.port)
    assert home.poll()["replies"] == {"sent": 1, "held": 0, "suppressed": 0, "due": 1, "unknown": 0, "dead": 1}
    assert home.poll()["replies"]["due"] == 1  # not before its time


def test_run_answers_within_seconds_and_ends_on_sigterm(installation, dovecot: Dovecot, smtp_sink: Sink) -> None:
    user = "runner"
    mail = list(dict(demo_messages()).values())
    dovecot.append("INBOX", mail[:1], user=user)
    home = make(installation, dovecot, user, smtp_sink.port)
    process = home.start("run")
    try:
        assert smtp_sink.wait_for(1, timeout=30)
        deadline = time.monotonic() + 15
        while "IDLE" not in dovecot_sessions(dovecot, user) and time.monotonic() < deadline:
            time.sleep(0.05)
        begun = time.monotonic()
        dovecot.append("INBOX", mail[1:2], user=user)
        assert smtp_sink.wait_for(2, timeout=30)
        took = time.monotonic() - begun
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "nothing is half done" in err
    assert took < 10, f"answered after {took:.1f} s: the timer's minute was waited for, not the push"


def dovecot_sessions(dovecot: Dovecot, user: str) -> str:
    """The listener is in IDLE when its process says so; a fresh log line is the nearest thing to that without doveadm."""
    return "IDLE" if dovecot.log().count(f"user=<{user}>") >= 2 else ""


def test_wrong_password_is_said_in_words_and_nothing_is_touched(installation, dovecot: Dovecot) -> None:
    home = installation("wrong", {PW: "not-the-password"})
    home.write(mailbox=mailbox(dovecot, "wrong"), smtp_port=None, mode="hold")
    done = home.run("poll", ok=False)
    assert done.returncode == 1
    assert "password" in done.stderr.lower()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["maildir", "folder"])
def test_the_same_job_runs_on_files(installation, smtp_sink: Sink, tmp_path: Path, kind: str) -> None:
    box = tmp_path / "box"
    for sub in ("cur", "new", "tmp"):
        (box / sub).mkdir(parents=True)
    for name, content in demo_messages():
        (box / "new" / (name + (".eml" if kind == "folder" else ".1.host"))).write_bytes(content)
    home = installation("files")
    home.write(mailbox=f"{kind}: {box}", smtp_port=smtp_sink.port)
    report = home.poll()
    box_report = report["mailboxes"]["programme"]
    assert (box_report["on_server"], box_report["unaccounted"]) == (41, 0)
    assert report["replies"]["sent"] == 41 - len(MACHINES)
    assert home.poll()["mailboxes"]["programme"]["new"] == 0
