"""Hostile mail among good mail: the good mail is all answered, every bad one is in a named state."""

from __future__ import annotations

import json
from collections.abc import Callable
from email import message_from_bytes

from mailroom.sink import Sink
from tests.fixtures.dovecot import Dovecot
from tests.fixtures.hostile import hostile_mail
from tests.fixtures.installation import Installation
from tests.fixtures.mailings import demo_mail

PW = "MAILROOM_TEST_PW"


def test_good_mail_is_answered_and_bad_mail_has_a_place(installation: Callable[..., Installation], dovecot: Dovecot, smtp_sink: Sink) -> None:
    good, bad = demo_mail(), hostile_mail()
    mixed: list[bytes] = []
    hostile = list(bad.values())
    for index, (_, content, _) in enumerate(good):
        mixed += [content, *hostile[index : index + 1]]
    mixed = [content for content in mixed if content]  # an IMAP server takes no empty APPEND; the file mailboxes see it
    dovecot.append("INBOX", mixed, user="hostile")
    home = installation("hostile", {PW: dovecot.password})
    home.write(mailbox=f"imap: {{host: 127.0.0.1, port: {dovecot.port}, tls: none, user: hostile, password: {{env: {PW}}}}}", smtp_port=smtp_sink.port)
    box = home.poll()["mailboxes"]["programme"]
    assert (box["on_server"], box["unaccounted"]) == (len(mixed), 0)
    assert sum(box[state] for state in ("registered", "ask_member", "review", "ignored", "quarantined", "waiting")) == len(mixed)
    answered = {str(message_from_bytes(received.content)["In-Reply-To"]) for received in smtp_sink.messages}
    for name, content, person in good:
        identifier = message_from_bytes(content)["Message-ID"]
        if person and identifier and name != "broken-0":
            assert identifier in answered, name
    assert all(b"victim@example.com" not in received.content for received in smtp_sink.messages)
    assert {recipient for received in smtp_sink.messages for recipient in received.recipients}.isdisjoint({"victim@example.com"})


def test_extract_reads_every_hostile_file(installation: Callable[..., Installation]) -> None:
    home = installation("files")
    for name, content in hostile_mail().items():
        (home.home / f"{name}.eml").write_bytes(content)
    home.config.write_text('mailboxes: [{name: x, folder: .}]\nreplies: {from: "a@b.example"}\n')
    lines = [json.loads(line) for line in home.run("extract", str(home.home)).stdout.splitlines()]
    assert {line["id"] for line in lines} == set(hostile_mail())
    assert not [line["id"] for line in lines if line["outcome"] == "registered"]
