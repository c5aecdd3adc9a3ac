"""The sink that delivers nothing: what it keeps, and that its scripts are checked."""

from __future__ import annotations

import smtplib
from pathlib import Path

import pytest

from mailroom.sink import Sink


def test_each_message_is_also_a_file(tmp_path: Path) -> None:
    with Sink(folder=tmp_path / "out") as sink, smtplib.SMTP(sink.host, sink.port, timeout=5) as smtp:
        smtp.sendmail("", ["anna/../x@school.example"], b"Subject: one\r\n\r\nhello\r\n")
        smtp.sendmail("", ["ben@school.example"], b"Subject: two\r\n\r\nhello\r\n")
        assert sink.wait_for(2)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0001-anna_.._x@school.example.eml", "0002-ben@school.example.eml"]
    assert (tmp_path / "out" / "0002-ben@school.example.eml").read_bytes() == b"Subject: two\r\n\r\nhello\r\n"
    assert [message.recipients for message in sink.to("BEN@school.example")] == [("ben@school.example",)]


def test_a_taken_port_is_said_at_once() -> None:
    with Sink() as sink, pytest.raises(OSError, match="address already in use"):
        Sink(port=sink.port).start()


@pytest.mark.parametrize("step", ["rcpt", "data 250", "explode"])
def test_a_script_with_an_unknown_step_is_refused(step: str) -> None:
    with pytest.raises(ValueError, match="no such step"):
        Sink().script("anna@school.example", step)
    with pytest.raises(ValueError, match="no such step"):
        Sink().script_connections(step)


def test_waiting_ends_when_time_is_up() -> None:
    with Sink() as sink:
        assert not sink.wait_for(1, timeout=0.01)
