"""Pace and copies in Sent, by the real command on a real Dovecot."""

from __future__ import annotations

import json
from collections.abc import Callable

from mailroom.sink import Sink
from tests.fixtures.dovecot import Dovecot
from tests.fixtures.installation import Installation
from tests.fixtures.mailings import demo_mail

PW = "MAILROOM_TEST_PW"
USER = "sending"


def test_answers_go_at_the_pace_and_each_has_its_copy_in_sent(installation: Callable[..., Installation], dovecot: Dovecot, smtp_sink: Sink) -> None:
    dovecot.append("INBOX", [content for _, content, _ in demo_mail()], user=USER)
    home = installation("paced", {PW: dovecot.password})
    imap = f"imap: {{host: 127.0.0.1, port: {dovecot.port}, tls: none, user: {USER}, password: {{env: {PW}}}}}"
    home.write(mailbox=imap, smtp_port=smtp_sink.port, smtp="per_minute: 2, per_day: 100", extra="  sent_folder: {mailbox: programme}\n")

    checked = home.run("check").stdout
    assert "at most 2 a minute and 100 a day" in checked
    assert "no folder of sent mail yet; it will be made with the first copy" in checked

    report = home.poll()
    assert (report["replies"]["sent"], len(smtp_sink.messages)) == (2, 2)
    due = report["replies"]["due"]
    assert due > 2
    assert "paced_until" in report
    shown = home.run("status").stdout
    assert "paced at 2 a minute and 100 a day; 2 in the last minute, 2 in the last day; what is due waits, the next may go at " in shown
    facts = json.loads(home.run("status", "--json").stdout)["sending"]
    assert (facts["per_minute"], facts["handed_over_last_day"], facts["copies_waiting"]) == (2, 2, 0)

    home.write(mailbox=imap, smtp_port=smtp_sink.port, extra="  sent_folder: {mailbox: programme}\n")
    report = home.poll()
    assert (report["replies"]["sent"], report["replies"]["due"], "paced_until" in report) == (2 + due, 0, False)
    with dovecot.imap(USER) as client:
        client.select_folder("Sent", readonly=True)
        copies = client.fetch(client.search("SEEN"), ["BODY.PEEK[]"])
    assert sorted(copy[b"BODY[]"] for copy in copies.values()) == sorted(message.content for message in smtp_sink.messages)
    assert "sending:" not in home.run("status").stdout  # nothing limits it now
    assert "copies of answers are put there" in home.run("check").stdout
