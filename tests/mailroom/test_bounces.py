"""Is the answer lost, and is the address dead? One table for what comes back and for what is refused at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailroom.bounces import address_is_gone, delivery_note, enhanced_status
from mailroom.model import Address, DeliveryReport
from notify.envelope import BounceAddress
from tests.fixtures.stores import reading

TOKEN = "0123456789abcdef0123456789abcdef01234567"
OURS = f"<mailroom.{TOKEN}@union.example>"
BOUNCES = BounceAddress("car+b.{token}@union.example", "union.example")


@pytest.mark.parametrize(
    ("answer", "gone"),
    [
        ("550 5.1.1 <a@x.example>: Recipient address rejected: User unknown in virtual mailbox table", True),
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", True),
        ("550 5.4.1 Recipient address rejected: Access denied. [LO2GBR01FT000.eop-gbr01.prod.protection.outlook.com]", True),
        ("550 5.2.1 The email account that you tried to reach is disabled", True),
        ("556 5.1.10 Recipient address has null MX", True),
        ("550 5.5.0 Requested action not taken: mailbox unavailable", True),
        ("550 No Such User Here", True),
        ("553 sorry, no mailbox here by that name", True),
        ("554 delivery error: This user doesn't have a yahoo.com account", True),
        ("550 5.4.310 DNS domain glow.shc.example does not exist", True),
        ("552 5.2.2 The email account that you tried to reach is over quota", False),
        ("550 5.7.1 Service unavailable; client host blocked using Spamhaus; user unknown", False),
        ("550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup", False),
        ("554 5.7.1 Message rejected as spam", False),
        ("550 Message rejected: content policy", False),
        ("550 5.1.8 Access denied, bad outbound sender", False),
        ("552 5.3.4 Message size exceeds fixed limit", False),
        ("554 5.4.6 Hop count exceeded, possible mail loop", False),
        ("550 5.4.1 no answer from host", False),
        ("550 rejected", False),
        ("554 Transaction failed", False),
    ],
)
def test_a_refusal_marks_the_address_only_where_the_fault_is_in_it(answer: str, gone: bool) -> None:
    assert address_is_gone(enhanced_status(answer), answer) is gone


def test_what_says_nothing_falls_to_the_one_who_asks() -> None:
    assert address_is_gone("5.0.0", "failed", unless_said=True)
    assert not address_is_gone("5.7.1", "failed", unless_said=True)
    assert not address_is_gone("", "mailbox full", unless_said=True)


def report(action: str = "failed", status: str = "5.1.1", detail: str = "", recipient: str = "anne@school.example", identifier: str = OURS) -> DeliveryReport:
    return DeliveryReport(action=action, status=status, recipient=recipient, original_message_id=identifier, recipients=(recipient,), detail=detail)


@pytest.mark.parametrize(
    ("told", "permanent", "gone"),
    [
        (report(), True, True),
        (report(status=""), True, True),
        (report(status="5.7.1", detail="550 5.7.1 spam"), True, False),
        (report(status="5.2.2", detail="552 5.2.2 mailbox full"), True, False),
        (report(status="4.4.7", detail="delivery time expired"), True, False),
        (report(action="delayed", status="4.4.1"), False, False),
        (report(action="delayed", status="5.1.1"), False, False),
        (report(action="delivered", status="2.0.0"), False, False),
        (report(action="displayed", status=""), False, False),
        (report(action="", status=""), False, False),
    ],
)
def test_only_a_failure_is_one_and_only_a_lasting_one_marks_the_address(told: DeliveryReport, permanent: bool, gone: bool) -> None:
    note = delivery_note(replace(reading().parsed, report=told), BOUNCES)
    assert note is not None
    assert (note.permanent, note.address_gone) == (permanent, gone)


def test_an_answer_is_named_by_the_address_then_by_what_came_back_then_by_the_thread() -> None:
    other, third = "<mailroom.a@x.example>", "<c@x.example>"
    parsed = replace(
        reading().parsed,
        report=report(identifier=other),
        recipients=(Address(name="", address=f"CAR+b.{TOKEN.upper()}@union.example"),),
        in_reply_to=(third,),
        references=("<d@x.example>", other),
    )
    note = delivery_note(parsed, BOUNCES)
    assert note is not None
    assert note.identifiers == (OURS, other, third, "<d@x.example>")
    without = delivery_note(parsed, BounceAddress(""))
    assert without is not None
    assert without.identifiers[0] == other


def test_ordinary_mail_reports_nothing() -> None:
    parsed = reading().parsed
    assert delivery_note(parsed, BOUNCES) is None
    strange = replace(parsed, recipients=(Address(name="", address=f"car+b.{TOKEN}@union.example"),))
    note = delivery_note(strange, BOUNCES)
    assert note is not None, "where only reports come to, even one that nobody understands is told"
    assert not (note.permanent or note.address_gone or note.recipients)
