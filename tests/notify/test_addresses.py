"""Addresses and header text: nothing that a stranger writes becomes more than text."""

from __future__ import annotations

import email
from email import policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.addresses import AddressError, checked_address, header_text, mailbox


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("anna.reid@school.example", "anna.reid@school.example"),
        ("O'Neil+car@School.Example", "O'Neil+car@school.example"),
        ('"anna reid"@school.example', '"anna reid"@school.example'),
        ("anna@schöl.example", "anna@xn--schl-7qa.example"),
        ("a@1and1.example", "a@1and1.example"),
    ],
)
def test_a_usable_address_comes_back_ready_for_the_wire(address: str, expected: str) -> None:
    assert checked_address(address) == expected


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("seònaid@school.example", "beyond ASCII"),
        ("anna@localhost", "no domain"),
        ("anna@host.invalid", "no domain"),
        ("anna@[127.0.0.1]", "no domain"),
        ("anna@school..example", "no domain"),
        ("anna@-school.example", "no domain"),
        ("anna@school.example\r\nRCPT TO:<x@y.example>", "not well-formed"),
        ("anna@school.example\nBcc: x@y.example", "not well-formed"),
        ("anna\r\n@school.example", "not well-formed"),
        ("an na@school.example", "not well-formed"),
        ("anna>@school.example", "not well-formed"),
        ("anna..reid@school.example", "not well-formed"),
        ("anna\x00@school.example", "not well-formed"),
        ("anna", "not an address"),
        ("@school.example", "not an address"),
        ("", "not an address"),
        ("a" * 65 + "@school.example", "64"),
        ("anna@" + "a." * 130 + "example", "254"),
    ],
)
def test_an_address_that_cannot_be_written_to_says_why(address: str, says: str) -> None:
    with pytest.raises(AddressError, match=says):
        checked_address(address)


@given(st.text(max_size=80))
def test_no_text_gets_past_the_check_with_a_line_end_or_a_bracket(text: str) -> None:
    for address in (text, f"{text}@school.example", f"anna@{text}"):
        try:
            checked = checked_address(address)
        except AddressError:
            continue
        assert checked.isascii()
        assert checked.isprintable()
        assert not set(checked.rpartition("@")[2]) & set("<>@ ,;")


@given(st.text(max_size=300), st.integers(min_value=5, max_value=200))
def test_header_text_is_one_bounded_line(text: str, limit: int) -> None:
    cleaned = header_text(text, limit)
    assert len(cleaned) <= limit
    assert cleaned.isprintable()
    assert "=?" not in cleaned
    assert cleaned == cleaned.strip()


@given(st.text(max_size=120))
def test_a_mailbox_reads_back_as_one_address(name: str) -> None:
    """Whatever the display name: one header field, one address, the right one."""
    field = mailbox(name, "anna@school.example", field="To")
    parsed = email.message_from_bytes(f"To: {field}\r\nX-After: kept\r\n\r\n".encode("ascii"), policy=policy.default)
    assert parsed.keys() == ["To", "X-After"]
    assert [address.addr_spec for address in parsed["To"].addresses] == ["anna@school.example"]
    assert all(len(line) <= 998 for line in field.split("\r\n"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Anna Reid", '"Anna Reid" <a@x.example>'),
        ('Anna "Annie" Reid', '"Anna \\"Annie\\" Reid" <a@x.example>'),
        ("anna@other.example", "a@x.example"),
        ("", "a@x.example"),
        ("Anna\r\nBcc: b@x.example", "a@x.example"),
        ("Anna\r\nX-Evil: yes", '"Anna X-Evil: yes" <a@x.example>'),
    ],
)
def test_how_a_mailbox_is_written(name: str, expected: str) -> None:
    assert mailbox(name, "a@x.example", field="To") == expected
