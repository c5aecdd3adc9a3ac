"""The labelled corpus, where it stands beside the checkout: every person is answered once, no machine is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path

import pytest

from mailroom.sink import Sink
from tests.fixtures.dovecot import Dovecot
from tests.fixtures.installation import Installation
from tests.fixtures.mailings import corpus_mail

PW = "MAILROOM_TEST_PW"


def test_every_person_has_exactly_one_answer_and_no_machine_has_one(
    installation: Callable[..., Installation], dovecot: Dovecot, smtp_sink: Sink, tmp_path: Path
) -> None:
    mail = corpus_mail(tmp_path / "eml")
    if mail is None:
        pytest.skip("the labelled corpus is not beside this checkout (../shared/corpus)")
    dovecot.append("INBOX", [content for _, content, _ in mail], user="corpus")
    home = installation("corpus", {PW: dovecot.password})
    home.write(mailbox=f"imap: {{host: 127.0.0.1, port: {dovecot.port}, tls: none, user: corpus, password: {{env: {PW}}}}}", smtp_port=smtp_sink.port)
    box = home.poll()["mailboxes"]["programme"]
    assert (box["on_server"], box["new"], box["unaccounted"], box["waiting"]) == (len(mail), len(mail), 0, 0)
    answered = Counter(str(message_from_bytes(received.content)["In-Reply-To"]) for received in smtp_sink.messages)
    counted = {name: (answered[str(message_from_bytes(content)["Message-ID"])], int(person)) for name, content, person in mail}
    wrong = {name: f"{got} answers, not {due}" for name, (got, due) in counted.items() if got != due}
    assert not wrong
    sent = len(smtp_sink.messages)
    assert home.poll()["mailboxes"]["programme"]["new"] == 0
    assert len(smtp_sink.messages) == sent
