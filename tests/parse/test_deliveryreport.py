"""Reports as mail systems send them, and mail that only looks like one."""

from __future__ import annotations

import pytest

from parse.deliveryreport import from_prose, from_status, returned_message_id
from parse.message import parse_message
from tests.fixtures.bounces import FAILED, LATE, made

OURS = "<mailroom.0123456789abcdef0123456789abcdef01234567@union.example>"
ANSWER = (
    f"Date: Mon, 10 Jan 2022 09:59:00 +0000\r\nFrom: Action Research <car@union.example>\r\nTo: Anne <anne@school.example>\r\nSubject: Your message\r\n"
    f"Message-ID: {OURS}\r\nAuto-Submitted: auto-replied\r\n\r\nThank you. Nothing could be found. This delayed, unknown user gave up at 550 5.7.1.\r\n"
).encode()


def test_there_are_reports_to_read() -> None:
    assert len(FAILED) >= 8
    assert len(LATE) >= 2


@pytest.mark.parametrize("name", [*FAILED, *LATE])
def test_each_maker_says_what_became_of_which_message_and_to_whom(name: str) -> None:
    report = parse_message(made(name, ANSWER, "anne@school.example")).report
    assert report is not None
    assert report.action == ("failed" if name in FAILED else "delayed")
    assert report.original_message_id == OURS
    assert report.recipient == "anne@school.example"
    assert report.status in (("5.1.1", "5.1.10", "") if name in FAILED else ("4.4.1", ""))
    assert "5.7.1" not in report.detail, "what our own answer says is no reason"


def test_of_several_recipients_the_one_that_failed_is_told() -> None:
    report = from_status(
        [
            {"reporting-mta": "dns; mx.example"},
            {"final-recipient": "rfc822; a@x.example", "action": "delivered", "status": "2.0.0"},
            {"final-recipient": "rfc822; b@x.example", "original-recipient": "rfc822;bee@x.example", "action": "Failed", "status": "5.1.1 (no)"},
            {"final-recipient": "rfc822; c@x.example", "action": "delayed", "status": "4.2.2"},
        ]
    )
    assert (report.action, report.status, report.recipients) == ("failed", "5.1.1", ("b@x.example", "bee@x.example"))


def test_the_far_ends_code_beats_a_gateways_that_says_nothing() -> None:
    fields = {"final-recipient": "rfc822;a@x.example", "action": "failed", "status": "5.0.0", "diagnostic-code": "smtp; 550 5.7.1 Refused by policy"}
    assert (from_status([fields]).status, from_status([fields]).detail) == ("5.7.1", "550 5.7.1 Refused by policy")
    assert from_status([{**fields, "status": "5.1.1"}]).status == "5.1.1"
    assert from_status([{**fields, "status": "4.0.0"}]).status == "4.0.0", "a code of the other class is not the same failure"


@pytest.mark.parametrize(
    ("body", "action"),
    [
        ("<a@x.example>: 550 5.1.1 unknown user", "failed"),
        ("I could not deliver your message to a@x.example: no such user here.", "failed"),
        ("Delivery to a@x.example has been delayed. We will keep trying for two days. 451 4.7.1 greylisted", "delayed"),
        ("Your mail to a@x.example was not delivered after 5 days (4.4.7 expired), we have given up.", "failed"),
        ("<a@x.example>: 452 4.2.2 mailbox full, will be retried until Friday", "delayed"),
        ("Message 1fc552ab75.550a to a@x.example is delayed. No action is required.", "delayed"),
    ],
)
def test_prose_of_a_mail_server(body: str, action: str) -> None:
    report = from_prose(body, failed=(), sender="MAILER-DAEMON@mx.example", null_return_path=True, own=["car@union.example"])
    assert report is not None
    assert (report.action, report.recipient) == (action, "a@x.example")


@pytest.mark.parametrize(
    ("body", "sender", "null"),
    [
        ("Please count Kirk Primary in. We work on reading.", "postmaster@kirk.example", False),
        ("I am out of the office and will answer when I am back.", "anne@school.example", True),
        ("Our delivery of PE was delayed. 550 pupils took part.", "anne@school.example", False),
        ("Your order could not be delivered: nobody was in.", "parcels@shop.example", True),
    ],
    ids=["a person at postmaster", "out of office with a null return path", "words of a person", "a parcel"],
)
def test_what_reports_nothing_is_no_report(body: str, sender: str, null: bool) -> None:
    assert from_prose(body, failed=(), sender=sender, null_return_path=null, own=["car@union.example"]) is None


def test_what_came_back_below_the_report_says_nothing_of_its_fate() -> None:
    said = "This message was created automatically.\n\n  a@x.example is late; no action is required.\n\n"
    body = f"{said}------ This is a copy of the message ------\n\n550 5.1.1 unknown user b@x.example"
    report = from_prose(body, failed=(), sender="mailer-daemon@mx.example", null_return_path=True, own=())
    assert report is not None
    assert (report.action, report.status, report.recipients) == ("delayed", "", ("a@x.example",))


def test_a_message_id_is_found_in_headers_that_came_back() -> None:
    assert returned_message_id(f"Subject: x\nMessage-ID:\n {OURS}\n") == OURS
    assert returned_message_id(f"> Message-Id: {OURS}\n") == OURS
    assert returned_message_id("In a sentence message-id: nothing") == ""


def test_reading_is_linear() -> None:
    """No wording makes the patterns run away."""
    body = ("could not " * 4000) + ("the following address " * 2000) + "a@" * 8000
    from_prose(body, failed=("x@y.example",), sender="mailer-daemon@mx.example", null_return_path=True, own=())
