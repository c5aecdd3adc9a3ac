"""Who must not be answered: every row of the table, and what must not trip it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mailroom.model import Address, ParsedMessage, RuleHit
from mailroom.reasons import REASONS
from notify.envelope import BounceAddress
from notify.may_answer import ROWS, auto_submitted, may_answer

OWN = {"car@union.example", "Research@Union.example"}
BOUNCES = BounceAddress("car+b.{token}@union.example", "union.example")
DIGEST = "0123456789abcdef0123456789abcdef01234567"


def message(*headers: tuple[str, str], sender: str | None = "anna.reid@school.example", name: str = "Anna Reid", **changes: Any) -> ParsedMessage:
    """A person's message, with some headers."""
    address = None if sender is None else Address(name=name, address=sender)
    values: dict[str, Any] = {
        "message_ids": ("<a1@school.example>",),
        "in_reply_to": (),
        "references": (),
        "sender": address,
        "from_addresses": () if address is None else (address,),
        "reply_to": (),
        "recipients": (),
        "subject": "Taking part",
        "sent_at": None,
        "return_path": None,
        "headers": headers,
        "body": "I would like to take part.",
        "zones": (),
        "attachments": (),
        "content_types": ("text/plain",),
        "report": None,
        "calendar_method": None,
        "defects": (),
    }
    return ParsedMessage(**{**values, **changes})


def codes(parsed: ParsedMessage, *, reads_as_person: bool = False) -> list[str]:
    return [reason.code for reason in may_answer(parsed, OWN, reads_as_person=reads_as_person, bounces=BOUNCES).reasons]


HELD: list[tuple[str, Callable[[], ParsedMessage]]] = [
    ("no_answer_null_return_path", lambda: message(return_path="")),
    ("no_answer_auto_submitted", lambda: message(("Auto-Submitted", "auto-replied"))),
    ("no_answer_auto_submitted", lambda: message(("auto-submitted", "Auto-Generated; owner-email=x@y.example"))),
    ("no_answer_auto_submitted", lambda: message(("Auto-Submitted", "(no) auto-notified"))),
    ("no_answer_auto_submitted", lambda: message(("Auto-Submitted", ""))),
    ("no_answer_auto_submitted", lambda: message(("Auto-Submitted", "no"), ("Auto-Submitted", "auto-replied"))),
    ("no_answer_auto_submitted", lambda: message(("Auto-Submitted", "nothing-we-know"))),
    ("no_answer_suppress_asked", lambda: message(("X-Auto-Response-Suppress", "DR, RN, AutoReply"))),
    ("no_answer_suppress_asked", lambda: message(("X-Auto-Response-Suppress", "oof"))),
    ("no_answer_suppress_asked", lambda: message(("X-Auto-Response-Suppress", "DR,ALL"))),
    ("no_answer_list", lambda: message(("List-Id", "<staff.school.example>"))),
    ("no_answer_list", lambda: message(("List-Unsubscribe", "<https://news.example/u>"))),
    ("no_answer_list", lambda: message(("LIST-POST", "NO"))),
    ("no_answer_list", lambda: message(("List-Help", "<mailto:help@lists.example>"))),
    ("no_answer_list", lambda: message(("X-BeenThere", "staff@lists.example"))),
    ("no_answer_precedence", lambda: message(("Precedence", "Bulk"))),
    ("no_answer_precedence", lambda: message(("Precedence", " list "))),
    ("no_answer_precedence", lambda: message(("Precedence", "junk"))),
    ("no_answer_precedence", lambda: message(("Precedence", "auto_reply"))),
    ("no_answer_report", lambda: message(content_types=("multipart/report", "text/plain", "message/delivery-status"))),
    ("no_answer_report", lambda: message(content_types=("multipart/mixed", "message/disposition-notification"))),
    ("no_answer_report", lambda: message(("X-MS-Exchange-Message-Is-Ndr", ""))),
    ("no_answer_report", lambda: message(("X-Failed-Recipients", "gone@school.example"))),
    ("no_answer_responder", lambda: message(("X-Autoreply", "yes"))),
    ("no_answer_responder", lambda: message(("X-Autorespond", ""))),
    ("no_answer_responder", lambda: message(("X-Auto-Reply-From", "a@b.example"))),
    ("no_answer_responder", lambda: message(("X-AutoResponder", "1"))),
    ("no_answer_responder", lambda: message(("X-MS-Exchange-Inbox-Rules-Loop", "anna.reid@school.example"))),
    ("no_answer_loop", lambda: message(("X-Loop", "<CAR@union.example>"))),
    ("no_answer_daemon", lambda: message(sender="MAILER-DAEMON@mx.example")),
    ("no_answer_daemon", lambda: message(sender="postmaster@school.example")),
    ("no_answer_daemon", lambda: message(sender="owner-staff@lists.example")),
    ("no_answer_daemon", lambda: message(sender="staff-request@lists.example")),
    ("no_answer_daemon", lambda: message(sender="staff-bounces@lists.example")),
    ("no_answer_daemon", lambda: message(("Sender", "Staff <staff-owner@lists.example>"))),
    ("no_answer_daemon", lambda: message(return_path="bounce+ab12=anna@esp.example")),
    ("no_answer_daemon", lambda: message(sender="x19@mx.example", name="Mail Delivery Subsystem")),
    ("no_answer_own_address", lambda: message(sender="car@union.example")),
    ("no_answer_own_address", lambda: message(sender="CAR+x1@Union.example")),
    ("no_answer_own_address", lambda: message(("Sender", "research@union.example"))),
    ("no_answer_own_address", lambda: message(return_path="research@union.example")),
    ("no_answer_own_address", lambda: message(sender='"car"@union.example')),
    ("no_answer_own_address", lambda: message(sender='"c\\ar+x"@union.example')),
    ("no_answer_own_address", lambda: message(("Sender", "car@union.example."))),
    ("no_answer_own_address", lambda: message(("Sender", "<CAR+b.x@union.example>"))),
    ("no_answer_mailroom", lambda: message(message_ids=(f"<mailroom.{DIGEST}@other-union.example>",))),
    ("no_answer_mailroom", lambda: message(message_ids=("<x@y.example>", f"<mailroom.{DIGEST}@other-union.example>"))),
    ("no_answer_bounce_address", lambda: message(recipients=(Address(name="", address=f"car+b.{DIGEST}@union.example"),))),
    ("no_answer_bounce_address", lambda: message(("Delivered-To", f"<CAR+B.{DIGEST.upper()}@union.example>"))),
    ("no_answer_bounce_address", lambda: message(("X-Original-To", f"car+b.{DIGEST}@union.example"))),
    ("no_answer_no_reply_address", lambda: message(sender="no-reply@school.example")),
    ("no_answer_no_reply_address", lambda: message(sender="DoNotReply@school.example")),
    ("no_answer_no_reply_address", lambda: message(sender="calendar.noreply@school.example")),
    ("no_answer_no_address", lambda: message(sender=None)),
    ("no_answer_no_address", lambda: message(sender="anna@localhost")),
    ("no_answer_no_address", lambda: message(sender="seònaid@school.example")),
    ("no_answer_no_address", lambda: message(sender="anna reid@school.example")),
    ("no_answer_calendar", lambda: message(calendar_method="REPLY")),
    ("no_answer_spam", lambda: message(("X-Spam-Flag", "YES"))),
    ("no_answer_spam", lambda: message(("X-Spam-Status", "Yes, score=9.1 required=5.0"))),
    ("no_answer_spam", lambda: message(("X-Forefront-Antispam-Report", "CIP:1.2.3.4;SFV:SPM;SCL:5"))),
]


@pytest.mark.parametrize(("code", "make"), HELD, ids=[f"{code.removeprefix('no_answer_')}-{n}" for n, (code, _) in enumerate(HELD)])
def test_each_of_these_is_held_back_for_its_own_reason_alone(code: str, make: Callable[[], ParsedMessage]) -> None:
    assert codes(make()) == [code]


ANSWERED: list[Callable[[], ParsedMessage]] = [
    lambda: message(),
    lambda: message(return_path="anna.reid@school.example"),
    lambda: message(("Auto-Submitted", "no")),
    lambda: message(("Auto-Submitted", " No (a person wrote this); x=y")),
    lambda: message(("X-Auto-Response-Suppress", "DR")),
    lambda: message(("X-Auto-Response-Suppress", "DR, RN, NRN, NDR")),
    lambda: message(("X-Auto-Response-Suppress", "None")),
    lambda: message(("X-Auto-Response-Suppress", "")),
    lambda: message(("Precedence", "first-class")),
    lambda: message(("X-Loop", "someone@else.example")),
    lambda: message(("Disposition-Notification-To", "anna.reid@school.example")),
    lambda: message(("X-Autoreply", "no")),
    lambda: message(("X-Spam-Status", "No, score=-1.0")),
    lambda: message(("X-MS-Exchange-Organization-SCL", "1")),
    lambda: message(("Listing", "x")),
    lambda: message(calendar_method="REQUEST"),
    lambda: message(sender="requester@school.example"),
    lambda: message(sender="anna.bounce@school.example"),
    lambda: message(sender="replying@school.example"),
    lambda: message(sender="car@other.example"),
    lambda: message(sender="anna.reid@school.example", name="car@union.example"),
    lambda: message(message_ids=("<mailroom.notes@school.example>",)),
    lambda: message(recipients=(Address(name="", address="car+k3y@union.example"),)),
    lambda: message(content_types=("multipart/mixed", "text/plain", "message/rfc822")),
]


@pytest.mark.parametrize("make", ANSWERED)
def test_a_person_with_harmless_headers_is_answered(make: Callable[[], ParsedMessage]) -> None:
    verdict = may_answer(make(), OWN)
    assert verdict.allowed
    assert verdict.first_reason is None


def test_a_person_may_write_from_a_noreply_address() -> None:
    """Words that are a person's relax that one row, and no other."""
    parsed = message(sender="noreply@annareid.example")
    assert codes(parsed) == ["no_answer_no_reply_address"]
    assert codes(parsed, reads_as_person=True) == []
    for _, make in HELD:
        held = make()
        expected = [code for code in codes(held) if code not in ("no_answer_no_reply_address", "no_answer_suppress_asked")]
        assert codes(held, reads_as_person=True) == expected


def test_every_row_is_tried_and_recorded_also_after_a_hit() -> None:
    verdict = may_answer(message(("Auto-Submitted", "auto-replied"), ("Precedence", "bulk"), return_path=""), OWN)
    assert [hit.rule for hit in verdict.rules] == [row.id for row in ROWS]
    assert [hit.rule for hit in verdict.rules if hit.hit] == ["no_answer_null_return_path", "no_answer_auto_submitted", "no_answer_precedence"]
    assert verdict.first_reason is not None
    assert verdict.first_reason.code == "no_answer_null_return_path"
    assert RuleHit(rule="no_answer_spam", hit=False) in verdict.rules


def test_every_row_has_a_case_here_and_a_reason_in_words() -> None:
    assert {row.id for row in ROWS} == {code for code, _ in HELD}
    assert {row.id for row in ROWS} <= REASONS.keys()


def test_no_header_makes_an_answer_more_likely() -> None:
    """Adding any held-back message's headers to another keeps it held back."""
    for _, first in HELD:
        for _, second in HELD:
            one, two = first(), second()
            both = message(*one.headers, *two.headers)
            assert set(codes(message(*one.headers))) <= set(codes(both))


@pytest.mark.parametrize(
    ("value", "keyword"),
    [("auto-replied", "auto-replied"), ("NO", "no"), ("no; a=b", "no"), ("(a (nested) one) no", "no"), ("Auto-Replied\t; x", "auto-replied"), ("", "")],
)
def test_the_keyword_of_auto_submitted(value: str, keyword: str) -> None:
    assert auto_submitted(value) == keyword


def test_suppress_header_gives_way_to_a_persons_words_and_nothing_else_does() -> None:
    """Some organisations stamp the field on all mail that leaves them; a member who registers there is answered."""
    stamped = message(("X-Auto-Response-Suppress", "All"))
    assert codes(stamped) == ["no_answer_suppress_asked"]
    assert codes(stamped, reads_as_person=True) == []
    assert codes(message(("X-Auto-Response-Suppress", "All"), ("Auto-Submitted", "auto-replied")), reads_as_person=True) == ["no_answer_auto_submitted"]
