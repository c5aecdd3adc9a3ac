"""The envelope sender: null, one address, or one for each answer that leads back to it."""

from __future__ import annotations

import pytest

from notify.addresses import AddressError
from notify.compose import message_id
from notify.envelope import BounceAddress

SETTING = "car+b.{token}@union.example"


def answer(identifier: str) -> bytes:
    return f"From: car@union.example\r\nMessage-ID: {identifier}\r\n\r\nMessage-ID: <mailroom.{'9' * 40}@union.example>\r\n".encode()


def test_each_answer_has_an_address_that_leads_back_to_it() -> None:
    ours = message_id(b"secret", "sha", "registered", "union.example")
    bounces = BounceAddress(SETTING, "union.example")
    sender = bounces.sender_of(answer(ours))
    assert sender != SETTING
    assert bounces.identifiers([f"<{sender.upper()}>"]) == (ours,)
    assert bounces.identifiers(["car@union.example", "car+b.abc@union.example", f"x{sender}", sender.replace("union", "onion")]) == ()


def test_what_has_no_keyed_message_id_leaves_from_the_plain_address() -> None:
    assert BounceAddress(SETTING, "union.example").sender_of(answer("<other@union.example>")) == "car@union.example"
    assert BounceAddress("b-{token}@union.example").sender_of(answer("<other@union.example>")) == ""


@pytest.mark.parametrize("setting", ["", "car@union.example"])
def test_without_a_token_the_setting_is_the_sender(setting: str) -> None:
    bounces = BounceAddress(setting, "union.example")
    assert bounces.sender_of(answer(message_id(b"secret", "sha", "registered", "union.example"))) == setting
    assert bounces.identifiers(["car@union.example"]) == ()


@pytest.mark.parametrize(
    "setting", ["car", "car@{token}.example", "{token}{token}@union.example", "a" * 30 + "{token}@union.example", "car@union.example\r\nRCPT"]
)
def test_what_is_no_address_is_refused(setting: str) -> None:
    with pytest.raises(AddressError):
        BounceAddress(setting)
